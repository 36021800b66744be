//! Runs a script in Node, which drives Chromium against a test's server.

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::harness::place::Place;
use crate::harness::{Keystead, planted};

/// A little more than a script gives itself.
const PATIENCE: Duration = Duration::from_secs(300);

/// Runs `script` of this folder, told `facts`, to its end; what it gives back.
pub(super) async fn run(ks: &Keystead, script: &str, facts: Value) -> Value {
    match attempt(ks, script, facts).await {
        Ok(outcome) => outcome,
        Err(said) => panic!("{script}: {said}"),
    }
}

/// As [`run`]; where the script fails, what it said.
pub(super) async fn attempt(
    ks: &Keystead,
    script: &str,
    mut facts: Value,
) -> Result<Value, String> {
    facts["origin"] = json!(origin(ks));
    beside(&ks.place, script, &facts).await
}

/// As [`attempt`], for pages that no server of the test's own shows.
pub(super) async fn beside(place: &Place, script: &str, facts: &Value) -> Result<Value, String> {
    let output = spawn(script, facts).await;
    place.keep("scripts", &output.stderr);
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let told: Value = serde_json::from_slice(&output.stdout).expect("a script ends in JSON");
    for planted in told["planted"].as_array().into_iter().flatten() {
        let part = |index: usize| planted[index].as_str().expect("a kind and a value");
        place.plant(part(0), part(1));
    }
    Ok(told["outcome"].clone())
}

/// Where a browser finds the server: passkeys belong to names, not to addresses.
pub(super) fn origin(ks: &Keystead) -> String {
    format!("http://localhost:{}", ks.public().port())
}

async fn spawn(script: &str, facts: &Value) -> Output {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages");
    let temporary = Temporary::make();
    let mut child = Command::new(told("KEYSTEAD_TEST_NODE"))
        .arg(folder.join(script))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", &temporary.0)
        .env("TMPDIR", &temporary.0)
        .env("CHROMIUM", told("KEYSTEAD_TEST_CHROMIUM"))
        .env("NODE_MODULES", told("KEYSTEAD_TEST_BROWSER_MODULES"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Node was installed");
    let pid = Pid::from_child(&child);
    // Kept open: a script whose test is gone ends by itself.
    let mut stdin = child.stdin.take().expect("it is a pipe");
    writeln!(stdin, "{facts}").expect("the script reads one line");
    let output = tokio::task::spawn_blocking(move || child.wait_with_output());
    let Ok(output) = tokio::time::timeout(PATIENCE, output).await else {
        // Its browser ends with it.
        kill_process(pid, Signal::KILL).expect("the process is ours");
        panic!("{script} has not ended within {PATIENCE:?}");
    };
    output.expect("nobody cancels it").expect("it was started")
}

/// The browser's profile and all that it caches, gone with this value. Not in the test's own folder:
/// the browser makes a socket in it, whose path has to be short.
struct Temporary(PathBuf);

impl Temporary {
    fn make() -> Self {
        let name = format!("keystead-pages-{}", planted::hex(8));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("the temporary folder can be written");
        Self(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // A browser that was killed may still be writing; what is left is in a temporary folder.
        _ = fs::remove_dir_all(&self.0);
    }
}

/// What `cargo xtask test` tells.
pub(super) fn told(name: &str) -> OsString {
    std::env::var_os(name)
        .unwrap_or_else(|| panic!("`cargo xtask test` installs it and sets {name}"))
}
