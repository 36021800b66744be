//! Runs every vector of `tests/vectors/`; SPEC.md, part 9, says how they are written.
//!
//! They were made by `reference.py`, a second implementation from SPEC.md's text, except those
//! named `made-…`, which this crate made and that one reads.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use keystead_vault::{
    BadToken, Canonical, Context, Kind, MacKey, OpenError, Opener, OpenerKind, Pepper, SealingKey,
    Token, TokenKind, token_hash,
};
use zeroize::Zeroizing;

#[test]
fn every_vector_gives_what_it_expects() {
    let mut seen = BTreeSet::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")).unwrap()
    {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let vector = Vector::read(&fs::read_to_string(&path).unwrap(), &name);
            let got = match vector.one("case") {
                "record" => record(&vector),
                "canonical" => canonical(&vector),
                "token" => token(&vector),
                "subject" => subject(&vector),
                other => panic!("{name}: no such case: {other}"),
            };
            assert_eq!(got, vector.one("expect"), "{name}");
            seen.insert(format!("{} {got}", vector.one("case")));
        }
    }

    // A folder that lost its files would pass otherwise.
    let all: Vec<_> = seen.iter().map(String::as_str).collect();
    assert_eq!(
        all,
        [
            "canonical success",
            "canonical wrong-tag",
            "record altered",
            "record malformed",
            "record success",
            "record unsupported-suite",
            "record unsupported-version",
            "record wrong-key",
            "record wrong-kind",
            "record wrong-opener",
            "subject success",
            "token checksum",
            "token encoding",
            "token length",
            "token prefix",
            "token success",
        ]
    );
}

fn record(vector: &Vector) -> &'static str {
    let context = Context {
        kind: kind(vector.one("kind")),
        opener: Opener {
            kind: opener_kind(vector.one("opener-kind")),
            id: hex(vector.one("opener-id")).try_into().unwrap(),
        },
        parent: vector.text("parent"),
        owner: vector.text("owner"),
        application: vector.text("application"),
        provider: vector.text("provider"),
        scheme: vector.text("scheme"),
        host: vector.text("host"),
        port: vector.maybe("port").map_or(0, |port| port.parse().unwrap()),
        path_prefix: vector.text("path-prefix"),
        object: vector.text("object"),
        version: vector
            .maybe("version")
            .map_or(0, |version| version.parse().unwrap()),
    };
    let key = SealingKey::from_bytes(secret(vector.one("opener-key")));
    match key.open(&context, &hex(vector.one("record"))) {
        Ok(plaintext) => {
            assert_eq!(*plaintext, hex(vector.one("plaintext")), "{}", vector.name);
            "success"
        }
        Err(OpenError::Malformed { .. }) => "malformed",
        Err(OpenError::UnsupportedVersion) => "unsupported-version",
        Err(OpenError::UnsupportedSuite) => "unsupported-suite",
        Err(OpenError::WrongKind) => "wrong-kind",
        Err(OpenError::WrongOpener) => "wrong-opener",
        Err(OpenError::WrongKey) => "wrong-key",
        Err(OpenError::Altered) => "altered",
    }
}

fn canonical(vector: &Vector) -> &'static str {
    let mut items = vector
        .lines
        .iter()
        .filter(|(name, _)| name == "item" || name == "entry");
    let (_, first) = items.next().unwrap();
    let mut row = Canonical::new(first.strip_prefix("label ").unwrap());
    let mut list: Option<Vec<&str>> = None;
    for (name, value) in items.map(|(name, value)| (name.as_str(), value.as_str())) {
        if name == "entry" {
            list.as_mut()
                .expect("an entry stands behind its list")
                .push(value);
            continue;
        }
        if let Some(list) = list.take() {
            row = row.list(list);
        }
        let (kind, value) = value.split_once(' ').unwrap_or((value, ""));
        row = match kind {
            "text" => row.text(value),
            "bytes" => row.bytes(&hex(value)),
            "number" => row.number(value.parse().unwrap()),
            "flag" => row.flag(value == "yes"),
            "none" => row.none(),
            "list" => {
                list = Some(Vec::new());
                row
            }
            other => panic!("{}: no such item: {other}", vector.name),
        };
    }
    if let Some(list) = list {
        row = row.list(list);
    }

    assert_eq!(
        row.as_bytes(),
        hex(vector.one("encoding")),
        "{}",
        vector.name
    );
    let key = MacKey::from_bytes(secret(vector.one("key")));
    let tag = hex(vector.one("tag"));
    let fits = key.verify(&row, &tag);
    assert_eq!(fits, key.tag(&row)[..] == tag[..], "{}", vector.name);
    if fits { "success" } else { "wrong-tag" }
}

fn token(vector: &Vector) -> &'static str {
    let text = vector.text("token");
    let hashed = token_hash(text);
    match Token::parse(text) {
        Ok(token) => {
            let kind = match vector.one("kind") {
                "access" => TokenKind::Access,
                "refresh" => TokenKind::Refresh,
                "api" => TokenKind::Api,
                "client-secret" => TokenKind::ClientSecret,
                "session" => TokenKind::Session,
                "link" => TokenKind::Link,
                other => panic!("{}: no such kind: {other}", vector.name),
            };
            assert_eq!(hashed, Some((kind, token.lookup())), "{}", vector.name);
            assert_eq!(token.kind(), kind, "{}", vector.name);
            assert_eq!(
                token.lookup().as_bytes()[..],
                hex(vector.one("lookup")),
                "{}",
                vector.name
            );
            "success"
        }
        Err(refused) => {
            assert_eq!(hashed, None, "{}", vector.name);
            match refused {
                BadToken::Length => "length",
                BadToken::Prefix => "prefix",
                BadToken::Encoding => "encoding",
                BadToken::Checksum => "checksum",
            }
        }
    }
}

fn subject(vector: &Vector) -> &'static str {
    let pepper = Pepper::from_bytes(secret(vector.one("pepper")));
    let subject = pepper.subject(
        vector.text("source"),
        vector.text("issuer"),
        vector.text("id"),
    );
    assert_eq!(
        subject.as_bytes()[..],
        hex(vector.one("subject")),
        "{}",
        vector.name
    );
    "success"
}

/// The lines of one file, in order.
/// What was written from SPEC.md's text alone reads them as well, those that this crate made included.
#[test]
fn the_second_implementation_agrees() {
    let python = std::env::var_os("KEYSTEAD_TEST_PYTHON");
    let read = Command::new(python.expect("`cargo xtask test` installs a Python and says where"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/reference.py"))
        .arg("check")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&read.stderr);
    assert!(read.status.success(), "{said}");
}

struct Vector {
    name: String,
    lines: Vec<(String, String)>,
}

impl Vector {
    fn read(text: &str, name: &str) -> Self {
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| {
                let (key, value) = line.split_once(':').unwrap();
                (
                    key.to_owned(),
                    value.strip_prefix(' ').unwrap_or(value).to_owned(),
                )
            })
            .collect();
        Self {
            name: name.to_owned(),
            lines,
        }
    }

    fn one(&self, name: &str) -> &str {
        self.maybe(name)
            .unwrap_or_else(|| panic!("{}: no line {name}", self.name))
    }

    /// A text that is empty where its line is left out.
    fn text(&self, name: &str) -> &str {
        self.maybe(name).unwrap_or("")
    }

    fn maybe(&self, name: &str) -> Option<&str> {
        let mut lines = self.lines.iter().filter(|(key, _)| key == name);
        let found = lines.next();
        assert!(lines.next().is_none(), "{}: two lines {name}", self.name);
        found.map(|(_, value)| value.as_str())
    }
}

fn kind(name: &str) -> Kind {
    match name {
        "organization-key" => Kind::OrganizationKey,
        "account-key" => Kind::AccountKey,
        "group-key" => Kind::GroupKey,
        "data-key" => Kind::DataKey,
        "provider-key" => Kind::ProviderKey,
        "system-key" => Kind::SystemKey,
        "pepper" => Kind::Pepper,
        "account-email" => Kind::AccountEmail,
        "key-check" => Kind::KeyCheck,
        "totp-secret" => Kind::TotpSecret,
        "passkey" => Kind::Passkey,
        "vault-key" => Kind::VaultKey,
        "webhook-secret" => Kind::WebhookSecret,
        other => panic!("no such kind: {other}"),
    }
}

fn opener_kind(name: &str) -> OpenerKind {
    match name {
        "root" => OpenerKind::Root,
        "organization" => OpenerKind::Organization,
        "account" => OpenerKind::Account,
        "group" => OpenerKind::Group,
        "data" => OpenerKind::Data,
        "system" => OpenerKind::System,
        "vault" => OpenerKind::Vault,
        other => panic!("no such opener kind: {other}"),
    }
}

fn secret(text: &str) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(hex(text).try_into().unwrap())
}

fn hex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "{text}");
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}
