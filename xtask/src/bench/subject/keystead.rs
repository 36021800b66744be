//! Keystead doing all of its work: tokens, policy, limits, ledger, audit, masking.
//!
//! It is set up as a person would, by its commands. Limits are raised by configuration, never
//! lifted: each call is still counted against every one of them.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{Calls, Running, free_port};
use crate::bench::process::{PROXY_CORE, Process};
use crate::bench::stand_in;
use crate::bench::tokens;
use crate::failed::{Failed, Trying as _};

/// A Keystead with one key, one AddOn and many tokens.
#[derive(Debug)]
pub(in crate::bench) struct Keystead {
    program: PathBuf,
    configuration: PathBuf,
    data: PathBuf,
    port: u16,
    calls: Calls,
}

impl Keystead {
    /// Makes the data folder, the key and the tokens.
    pub(in crate::bench) fn set_up(
        program: &Path,
        folder: &Path,
        upstream: u16,
        tokens: usize,
    ) -> Result<Self, Failed> {
        let folder = folder.join("keystead");
        fs::create_dir_all(&folder).trying(folder.display())?;
        let mut keystead = Self {
            program: program.to_owned(),
            configuration: folder.join("keystead.toml"),
            data: folder.join("data"),
            port: free_port()?,
            calls: Calls {
                path: String::new(),
                limited_path: String::new(),
                tokens: Vec::new(),
            },
        };
        let configuration = configuration(keystead.port, free_port()?);
        fs::write(&keystead.configuration, configuration).trying("keystead.toml")?;
        keystead.fill(&folder, upstream, tokens)?;
        Ok(keystead)
    }

    pub(super) fn start(&self, folder: &Path) -> Result<Running, Failed> {
        self.start_under(folder, &[])
    }

    /// Starts it as the argument of another program.
    pub(in crate::bench) fn start_under(
        &self,
        folder: &Path,
        before: &[&str],
    ) -> Result<Running, Failed> {
        let log = folder.join("keystead/stderr");
        let program = self.program.as_os_str();
        let mut words = before.iter().map(OsStr::new).chain([program]);
        let mut serve = Command::new(words.next().expect("the program at least"));
        serve
            .args(words)
            .arg("serve")
            .arg("--config")
            .arg(&self.configuration);
        serve.arg("--data-dir").arg(&self.data);
        let process = Process::start(&serve, PROXY_CORE, &log)?;
        Ok(Running::of(process, self.port, self.calls.clone()))
    }

    /// The main job's set-up, command by command.
    fn fill(&mut self, folder: &Path, upstream: u16, tokens: usize) -> Result<(), Failed> {
        let made = self.tell(&["init", "--admin-email", "bench@example.com"], "", None)?;
        let api_token = text(&made, "api_token")?;
        let api_token = Some(api_token.as_str());

        let server = self.start(folder.parent().expect("a folder in the bench's"))?;
        tokens::await_listener(self.port)?;
        let app = self.tell(&["app", "create", "--name", "bench"], "", api_token)?;
        let app_id = text(&app, "application_id")?;
        let client_id = text(&app, "client_id")?;
        let endpoint = format!("http://127.0.0.1:{upstream}");
        let add = [
            "key",
            "add",
            "--app",
            &app_id,
            "--provider",
            "openai",
            "--name",
            "bench",
        ];
        let add = [&add[..], &["--endpoint", &endpoint, "--skip-check"]].concat();
        let key_id = text(&self.tell(&add, stand_in::KEY, api_token)?, "key_id")?;
        for handle in ["chat", "limited"] {
            let install = [
                "addon", "install", "--app", &app_id, "--handle", handle, "--type", "text",
                "--key", &key_id,
            ];
            let addon = self.tell(&install, "", api_token)?;
            let base = text(&addon, "base_url")?;
            let found = base
                .split_once("://")
                .and_then(|(_, rest)| rest.split_once('/'));
            let (_, found) = found.ok_or_else(|| Failed::new(format!("no path in `{base}`")))?;
            let found = format!("/{found}/chat/completions");
            if handle == "limited" {
                self.calls.limited_path = found;
                let id = text(&addon, "addon_id")?;
                self.tell(&[&["limits", "set", &id], LIMITS].concat(), "", api_token)?;
            } else {
                self.calls.path = found;
            }
        }
        let secret = text(&app, "client_secret")?;
        self.calls.tokens = tokens::mint(self.port, &client_id, &secret, tokens)?;
        drop(server);
        Ok(())
    }

    /// Runs one command and reads the object it prints.
    fn tell(&self, words: &[&str], input: &str, api_token: Option<&str>) -> Result<Value, Failed> {
        let name = words[..2.min(words.len())].join(" ");
        let mut command = Command::new(&self.program);
        command.args(words).arg("--json");
        if words[0] == "init" {
            command
                .arg("--config")
                .arg(&self.configuration)
                .arg("--data-dir")
                .arg(&self.data);
        }
        command.env("KEYSTEAD_URL", format!("http://127.0.0.1:{}", self.port));
        if let Some(token) = api_token {
            command.env("KEYSTEAD_API_TOKEN", token);
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().trying(&name)?;
        let mut stdin = child.stdin.take().expect("standard input is a pipe");
        stdin.write_all(input.as_bytes()).trying(&name)?;
        drop(stdin);
        let output = child.wait_with_output().trying(&name)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Failed::new(format!(
                "keystead {name}: {}\n{said}",
                output.status
            )));
        }
        serde_json::from_slice(&output.stdout).trying(format!("keystead {name}"))
    }
}

/// Out of reach as well: what is measured is the counting.
const LIMITS: &[&str] = &[
    "1000000/s, 1000000000/d",
    "4000000000 tokens/m",
    "100000 running",
    "1000000000000 requests/day",
    "1000000000000 tokens/month",
    "1000000 USD/month",
    "--each-subject",
    "1000000000000 requests/day",
    "--each-subject",
    "1000000 USD/day",
];

fn configuration(port: u16, management: u16) -> String {
    // Out of reach of any load this machine can make, and still counted.
    let rate = "1000000/s burst 1000000";
    format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\npublic_url = \"http://localhost:{port}\"\n\
         [management]\nlisten = \"127.0.0.1:{management}\"\n\
         [danger]\nallow_private_upstreams = true\n\
         [limits.default]\ntoken = \"{rate}\"\nsubject = \"{rate}\"\naddon = \"{rate}\"\n\
         application = \"{rate}\"\nkey = \"{rate}\"\naddress = \"{rate}\"\n\
         key_concurrency = 100000\n"
    )
}

fn text(object: &Value, field: &str) -> Result<String, Failed> {
    let value = object[field].as_str().map(str::to_owned);
    value.ok_or_else(|| Failed::new(format!("keystead printed no `{field}`")))
}
