//! Values that are random, look like the real thing, and are searched for afterwards.

use std::net::{IpAddr, Ipv4Addr};

use keystead_vault::random;

const DIGITS: &str = "0123456789";
const HEX: &str = "0123456789abcdef";
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A key as the provider called `provider` makes them.
pub(crate) fn key(provider: &str) -> String {
    match provider {
        "openai" => format!("sk-proj-{}T3BlbkFJ{}", alphanumeric(58), alphanumeric(58)),
        "anthropic" => format!("sk-ant-api03-{}AA", alphanumeric(93)),
        "deepl" => {
            let groups = [8, 4, 4, 4, 12].map(hex);
            groups.join("-")
        }
        "stability" => format!("sk-{}", alphanumeric(48)),
        "azure-openai" => alphanumeric(84),
        "azure-vision" => hex(32),
        other => panic!("no provider is called {other}"),
    }
}

pub(crate) fn hex(length: usize) -> String {
    text(length, HEX)
}

pub(crate) fn alphanumeric(length: usize) -> String {
    text(length, &[DIGITS, LETTERS].concat())
}

/// A loopback address that only one test uses: all of 127/8 is this machine.
pub(crate) fn address() -> IpAddr {
    // Three digits each, so that the text is long enough to be searched for.
    let [a, b, c] = random::<3>().map(|byte| 100 + byte % 100);
    IpAddr::V4(Ipv4Addr::new(127, a, b, c))
}

fn text(length: usize, alphabet: &str) -> String {
    let alphabet = alphabet.as_bytes();
    let pick = |_| char::from(alphabet[usize::from_be_bytes(random()) % alphabet.len()]);
    (0..length).map(pick).collect()
}
