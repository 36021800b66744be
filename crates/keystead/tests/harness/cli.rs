//! The command line, run as a person would.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::place::Place;

/// A command to run.
#[derive(Debug)]
pub(crate) struct Invocation {
    place: Place,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    input: String,
    is_secret: bool,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    arguments: Vec<String>,
}

impl Invocation {
    pub(super) fn new(place: &Place, arguments: &[&str]) -> Self {
        Self {
            place: place.clone(),
            arguments: arguments
                .iter()
                .map(|&argument| argument.to_owned())
                .collect(),
            environment: Vec::new(),
            input: String::new(),
            is_secret: false,
        }
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Gives `text` on standard input.
    pub(crate) fn input(mut self, text: &str) -> Self {
        text.clone_into(&mut self.input);
        self
    }

    /// It prints a secret, so its output is not kept for the leak scan.
    pub(crate) fn secret(mut self) -> Self {
        self.is_secret = true;
        self
    }

    /// Runs it to its end, while the test's own servers go on.
    pub(crate) async fn run(self) -> Said {
        tokio::task::spawn_blocking(|| self.run_here())
            .await
            .expect("the command ran")
    }

    fn run_here(self) -> Said {
        let mut child = Command::new(env!("CARGO_BIN_EXE_keystead"))
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary was built for this test");
        let mut stdin = child.stdin.take().expect("it is piped");
        // A command that takes no input may be gone before it could read any.
        drop(stdin.write_all(self.input.as_bytes()));
        drop(stdin);
        let output = child.wait_with_output().expect("it was started");
        if !self.is_secret {
            let said = [&output.stdout[..], &output.stderr[..]].concat();
            self.place.keep("commands", &said);
        }
        let text = |bytes| String::from_utf8(bytes).expect("commands print text");
        Said {
            code: output.status.code().expect("no signal ended it"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            arguments: self.arguments,
        }
    }
}

impl Said {
    /// This output, of a command that must have ended with this code.
    pub(crate) fn expect(self, code: i32) -> Self {
        let Self {
            stdout,
            stderr,
            arguments,
            ..
        } = &self;
        assert_eq!(
            self.code, code,
            "keystead {arguments:?}\n{stdout}\n{stderr}"
        );
        self
    }

    /// What it printed, which must be one JSON value and nothing else; it must have worked.
    pub(crate) fn json(self) -> Value {
        let said = self.expect(0);
        serde_json::from_str(&said.stdout)
            .unwrap_or_else(|_| panic!("keystead {:?} printed {}", said.arguments, said.stdout))
    }

    /// The error that `--json` makes of a failure.
    pub(crate) fn failure(self, code: i32) -> Value {
        let said = self.expect(code);
        let error: Value = serde_json::from_str(&said.stderr)
            .unwrap_or_else(|_| panic!("keystead {:?} said {}", said.arguments, said.stderr));
        error["error"].clone()
    }
}
