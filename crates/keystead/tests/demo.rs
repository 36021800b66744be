//! `keystead demo`: the first thing that a newcomer runs works by itself, and leaves nothing.

use std::fs::create_dir;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::harness::place::Place;
use crate::harness::setup::text;

#[test]
fn the_demo_answers_a_call_and_leaves_nothing_behind() {
    let place = Place::of_this_test();
    let folder = place.path().join("temporary");
    create_dir(&folder).unwrap();
    let mut demo = start(&folder);
    let mut line = String::new();
    let mut output = BufReader::new(demo.0.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    let told: Value = serde_json::from_str(&line).expect("one JSON object");

    place.plant("access_token", text(&told, "access_token"));
    let answer = call(&told);

    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("data: [DONE]"), "{answer}");
    assert_eq!(folder.read_dir().unwrap().count(), 1);
    let pid = Pid::from_child(&demo.0);
    kill_process(pid, Signal::TERM).unwrap();
    assert!(demo.0.wait().unwrap().success());
    let left: Vec<_> = folder.read_dir().unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// With nothing in its environment but folders.
fn start(folder: &Path) -> Demo {
    let child = Command::new(env!("CARGO_BIN_EXE_keystead"))
        .args(["demo", "--json"])
        .env_clear()
        .env("TMPDIR", folder)
        .env("HOME", folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    Demo(child.expect("the binary was built for this test"))
}

/// The running demo; a test that fails does not leave it behind.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        drop(self.0.kill());
    }
}

/// What the `curl` line of the demo does.
fn call(told: &Value) -> String {
    let base = text(told, "base_url");
    let (host, path) = base
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let message = json!({"role": "user", "content": "Hello"});
    let body = json!({"model": told["model"], "stream": true, "messages": [message]}).to_string();
    let mut connection = TcpStream::connect(host).unwrap();
    write!(
        connection,
        "POST /{path}/chat/completions HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
         authorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         \r\n{body}",
        text(told, "access_token"),
        body.len(),
    )
    .unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}
