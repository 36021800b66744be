//! `keystead demo` shows the main job on a bare machine: no account, no network, no configuration;
//! what it prints to be pasted works, and when it is told to end nothing is left of it.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::harness::place::Place;
use crate::harness::setup::text;
use crate::harness::{Ask, Client, eventually};

const ANSWER: &str =
    "This answer was streamed through Keystead: the client held a token, never the key.";

const KEY: &str = "sk-proj-demo-";

/// Generous: two cores build and test at once.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn what_it_prints_can_be_pasted() {
    let demo = Demo::start();
    // Word by word, as the provider sends it.
    let mut seen = Vec::new();
    eventually("the answer is whole", PATIENCE, async || {
        let said = demo.stdout();
        if seen.last() != Some(&said.len()) {
            seen.push(said.len());
        }
        said.contains(ANSWER)
    })
    .await;
    assert!(seen.len() > 5, "it came in {} pieces", seen.len());
    demo.is_ready().await;

    let pasted = paste(&["sh", "-c", &demo.curl()]).await;
    let events: Vec<_> = pasted
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .collect();
    assert_eq!(events.last(), Some(&"[DONE]"), "{pasted}");
    let said: String = events[..events.len() - 1]
        .iter()
        .map(|event| serde_json::from_str::<Value>(event).unwrap())
        .filter_map(|event| {
            event["choices"][0]["delta"]["content"]
                .as_str()
                .map(str::to_owned)
        })
        .collect();
    assert_eq!(said, ANSWER);

    let python = std::env::var_os("KEYSTEAD_TEST_PYTHON").expect("`cargo xtask test` installs it");
    let python = python.into_string().expect("a path is text");
    assert_eq!(paste(&[&python, "-c", &demo.snippet()]).await, ANSWER);
    // Without the token it is as closed as any server.
    let other = demo.curl().replace("Bearer kst1_", "Bearer kst1_X");
    assert!(
        paste(&["sh", "-c", &other])
            .await
            .contains("unauthenticated")
    );

    let said = [demo.stdout(), demo.stderr()].concat();
    assert!(!said.contains(KEY), "the key is shown: {said}");
    demo.end(Signal::INT).await;
}

/// For a script: one JSON object once all of it works, and nothing else.
#[tokio::test]
async fn a_script_is_told_in_one_object() {
    let demo = Demo::start_with(&["--json"]);
    let told = demo.told().await;
    let token = demo
        .place
        .plant("access_token", text(&told, "access_token"));
    let base_url = text(&told, "base_url");
    let place = base_url.strip_prefix("http://localhost:").unwrap();
    let (port, path) = place.split_once('/').unwrap();
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().unwrap()));
    let client = Client::new(at, Ipv4Addr::LOCALHOST.into(), &demo.place);
    let message = json!({"role": "user", "content": "Hello"});
    let body = json!({"model": told["model"], "stream": true, "messages": [message]});

    let ask = Ask::post(format!("/{path}/chat/completions"));
    let reply = client
        .send(ask.bearer(&token).json(&body))
        .await
        .expect(200);

    assert!(
        reply.text().ends_with("data: [DONE]\n\n"),
        "{}",
        reply.text()
    );
    demo.end(Signal::TERM).await;
}

#[tokio::test]
async fn it_leaves_nothing_behind() {
    for signal in [Signal::INT, Signal::TERM] {
        let demo = Demo::start();
        demo.is_ready().await;
        let folder = demo.folder().expect("it works in a folder of its own");
        assert_eq!(
            fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
            0o700
        );
        let curl = demo.curl();

        let status = demo.end(signal).await;

        assert_eq!(status.code(), Some(0), "{signal:?}");
        assert!(!folder.exists(), "{signal:?}");
        let refused = Command::new("sh").args(["-c", &curl]).output().unwrap();
        assert_eq!(
            refused.status.code(),
            Some(7),
            "something still listens: {curl}"
        );
    }
}

/// Told to end in the middle of its show.
#[tokio::test]
async fn it_can_be_interrupted_at_any_word() {
    let demo = Demo::start();
    eventually("the first words", PATIENCE, async || {
        demo.stdout().contains("This answer")
    })
    .await;
    let folder = demo.folder().expect("it works in a folder of its own");
    assert!(
        !demo.stdout().contains(ANSWER),
        "this came too late to show anything"
    );

    let status = demo.end(Signal::INT).await;

    assert_eq!(status.code(), Some(0));
    assert!(!folder.exists());
}

/// Two people on one machine, or one with another server on the usual port.
#[tokio::test]
async fn two_demos_run_side_by_side() {
    let (first, second) = (Demo::start(), Demo::start());
    for demo in [&first, &second] {
        demo.is_ready().await;
    }
    assert_ne!(first.curl(), second.curl());
    for demo in [&first, &second] {
        let said = paste(&["sh", "-c", &demo.curl()]).await;
        assert!(said.contains("[DONE]"), "{said}");
    }
    first.end(Signal::INT).await;
    let said = paste(&["sh", "-c", &second.curl()]).await;
    assert!(said.contains("[DONE]"), "{said}");
    second.end(Signal::INT).await;
}

/// A running demo.
pub(crate) struct Demo {
    pub(crate) place: Place,
    process: Child,
}

impl Demo {
    fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let place = Place::of_this_test();
        // How its key begins; the rest is random and told to nobody.
        place.plant("provider_key", KEY);
        let temporary = place.path().join("tmp");
        fs::create_dir(&temporary).unwrap();
        // The token is printed to be pasted, and there alone.
        let stdout = File::create(place.allow("stdout")).unwrap();
        let stderr = File::create(place.path().join("stderr")).unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_keystead"))
            .arg("demo")
            .args(arguments)
            .env_clear()
            .env("TMPDIR", &temporary)
            // Where nobody listens: whatever left this machine would fail.
            .env("HTTP_PROXY", "http://127.0.0.1:1")
            .env("HTTPS_PROXY", "http://127.0.0.1:1")
            .current_dir(&temporary)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .expect("the binary was built for this test");
        Self { place, process }
    }

    /// What it tells a script.
    pub(crate) async fn told(&self) -> Value {
        eventually("the object is there", PATIENCE, async || {
            self.stdout().ends_with('\n')
        })
        .await;
        serde_json::from_str(&self.stdout()).expect("one JSON object")
    }

    async fn is_ready(&self) {
        eventually("the demo is ready", PATIENCE, async || {
            self.stderr().contains("Ctrl-C ends the demo")
        })
        .await;
        let curl = self.curl();
        let (_, token) = curl.split_once("Bearer ").expect("the line holds a token");
        let token = token
            .split('\'')
            .next()
            .expect("split gives one part at least");
        assert!(token.starts_with("kst1_"), "{curl}");
        self.place.plant("access_token", token);
    }

    fn stdout(&self) -> String {
        self.place.read("stdout")
    }

    fn stderr(&self) -> String {
        self.place.read("stderr")
    }

    /// The line to paste into a shell, as far as the empty line behind it.
    fn curl(&self) -> String {
        let said = self.stdout();
        let begin = said.find("curl -N ").expect("it prints a curl line");
        let line = said[begin..].split("\n\n").next();
        line.expect("split gives one part at least").to_owned()
    }

    /// What to paste into Python.
    fn snippet(&self) -> String {
        let said = self.stdout();
        let begin = said
            .find("from openai import")
            .expect("it prints a snippet");
        said[begin..].to_owned()
    }

    /// Where it keeps its store.
    fn folder(&self) -> Option<PathBuf> {
        only_entry(&self.place.path().join("tmp"))
    }

    /// Tells it to end, waits until it has, and sees that its folder is empty.
    pub(crate) async fn end(mut self, signal: Signal) -> ExitStatus {
        kill_process(Pid::from_child(&self.process), signal).expect("the process is ours");
        let mut ended = None;
        eventually("the demo ends", PATIENCE, async || {
            ended = self.process.try_wait().unwrap();
            ended.is_some()
        })
        .await;
        assert_eq!(
            only_entry(&self.place.path().join("tmp")),
            None,
            "something is left"
        );
        let said = self.stderr();
        assert!(
            !said.contains("panicked") && !said.contains("error"),
            "{said}"
        );
        ended.expect("it was waited for")
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Gone already where the test got to its end.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The one entry of a folder, if it has any.
fn only_entry(folder: &Path) -> Option<PathBuf> {
    let mut entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let first = entries.next();
    assert_eq!(entries.next(), None, "more than one thing is there");
    first
}

/// Runs what a person would paste; it must work, and what it prints is given back.
async fn paste(command: &[&str]) -> String {
    let mut child = Command::new(command[0]);
    // A machine's own proxy is no part of the test.
    child
        .args(&command[1..])
        .env("NO_PROXY", "*")
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || child.output())
        .await
        .unwrap()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {stderr}", output.status);
    String::from_utf8(output.stdout).unwrap()
}
