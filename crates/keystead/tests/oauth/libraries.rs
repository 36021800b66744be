//! OAuth clients that others wrote, unmodified: openid-client in Node, Authlib in Python.
//!
//! The scripts lie in `tests/sdk`. They say in lines of JSON where a person is to be sent, and read the
//! address that the person came back to.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Bed, PLAIN_BACK, allow};
use crate::harness::issuer::Issuer;
use crate::harness::page::Visitor;
use crate::harness::{Store, on_each_store, within};

on_each_store!(openid_client_in_node, authlib_in_python);

async fn openid_client_in_node(store: Store) {
    play(store, "KEYSTEAD_TEST_NODE", "node/openid_client.mjs").await;
}

async fn authlib_in_python(store: Store) {
    play(store, "KEYSTEAD_TEST_PYTHON", "python/authlib_client.py").await;
}

const PATIENCE: Duration = Duration::from_secs(60);

async fn play(store: Store, program: &str, script: &str) {
    let (bed, mut person) = Bed::on(store).await;
    // The one thing that each does twice on purpose.
    bed.scene.ks.expects_errors("used_twice");
    let issuer = Issuer::start().await;
    let audience = "keystead-letterbox";
    let trusted = json!({"issuer": {"issuer": issuer.name, "audience": audience}});
    bed.scene
        .ks
        .manage("PATCH", &bed.application(), &trusted)
        .await;
    let subject_token = issuer.sign(&json!({"aud": audience, "sub": "user-1"}));
    let subject_token = bed.scene.ks.place.plant("subject_token", subject_token);
    let here = format!("http://localhost:{}", bed.scene.ks.public().port());
    let environment = [
        ("ISSUER", &here),
        ("CLIENT_ID", &bed.client_id),
        ("SECRET_ID", &bed.scene.app.client_id),
        ("SECRET", &bed.scene.app.client_secret),
        ("BACK", &PLAIN_BACK.to_owned()),
        ("MODELS", &format!("{here}{}/v1/models", bed.chat)),
        ("SUBJECT_TOKEN", &subject_token),
    ];
    let mut command = Command::new(told(program));
    command
        .arg(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/sdk")
                .join(script),
        )
        .env_clear()
        .envs(environment)
        .env("NODE_MODULES", told("KEYSTEAD_TEST_NODE_MODULES"))
        .env("NO_PROXY", "*")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        // There is no TLS on this machine's own address, and Authlib wants to be told so.
        .env("AUTHLIB_INSECURE_TRANSPORT", "1");
    let mut script = Script::start(command);
    let is_done = within(PATIENCE, "the script ends", script.talk(&bed, &mut person)).await;
    let said = script.end();
    assert!(is_done, "{said}");
}

/// A script that runs.
struct Script {
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Script {
    fn start(mut command: Command) -> Self {
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = pipes
            .stderr(Stdio::piped())
            .spawn()
            .expect("it was installed");
        let (sender, lines) = mpsc::unbounded_channel();
        let output = BufReader::new(child.stdout.take().expect("it is a pipe"));
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// Does what the script asks for, until it has done all that it does.
    async fn talk(&mut self, bed: &Bed, person: &mut Visitor) -> bool {
        while let Some(line) = self.lines.recv().await {
            let told: Value = serde_json::from_str(&line).expect("a line of JSON");
            if let Some(address) = told["visit"].as_str() {
                let back = sent(person, address).await;
                let stdin = self.child.stdin.as_mut().expect("it is a pipe");
                writeln!(stdin, "{back}").expect("the script reads it");
            }
            if let Some(planted) = told["plant"].as_array() {
                let part = |index: usize| planted[index].as_str().expect("a kind and a value");
                bed.scene.ks.place.plant(part(0), part(1));
            }
            if told["done"] == true {
                return true;
            }
        }
        false
    }

    fn end(mut self) -> String {
        drop(self.child.stdin.take());
        let output = self.child.wait_with_output().expect("it was started");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

/// Sends a person to the question; the address that they come back to.
async fn sent(person: &mut Visitor, address: &str) -> String {
    let (_, path) = address
        .split_once("/oauth/authorize")
        .expect("the question");
    let mut page = person
        .visit_private(&format!("/oauth/authorize{path}"))
        .await;
    if page.status == 200 {
        page = person.submit(&allow(&page)).await;
    }
    assert_eq!(page.status, 303, "{}", page.words());
    page.path
}

fn told(name: &str) -> OsString {
    std::env::var_os(name)
        .unwrap_or_else(|| panic!("`cargo xtask test` installs it and sets {name}"))
}
