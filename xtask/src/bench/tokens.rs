//! Access tokens for the load, minted as a host's back end does.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::failed::{Failed, Trying as _};

/// Longest life a token may have; a whole run is shorter.
const LIFE: &str = "3600";

/// One token for each of so many end users.
pub(super) fn mint(
    port: u16,
    client_id: &str,
    client_secret: &str,
    count: usize,
) -> Result<Vec<String>, Failed> {
    let mint_one = |number| {
        // Neither value holds a character that a form would escape.
        let form = format!(
            "grant_type=client_credentials&client_id={client_id}&client_secret={client_secret}\
             &uid=user-{number}&expires_in={LIFE}"
        );
        let answer = post(port, "/oauth/token", &form)?;
        let token = answer["access_token"].as_str().map(str::to_owned);
        token.ok_or_else(|| Failed::new("the token endpoint answered without an access_token"))
    };
    (0..count).map(mint_one).collect()
}

/// Waits until something listens.
pub(super) fn await_listener(port: u16) -> Result<(), Failed> {
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if began.elapsed() > Duration::from_secs(20) {
            return Err(Failed::new("keystead does not listen"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn post(port: u16, path: &str, form: &str) -> Result<Value, Failed> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).trying(path)?;
    let length = form.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{form}"
    );
    stream.write_all(request.as_bytes()).trying(path)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).trying(path)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if !head.starts_with("HTTP/1.1 200 ") {
        return Err(Failed::new(format!("POST {path}:\n{answer}")));
    }
    serde_json::from_str(body).trying(path)
}
