//! A tombstone: what was to be erased and when, signed by this installation's key. It holds ids and
//! keyed hashes, nothing that a person typed.
//!
//! ```text
//! {"at":"2026-11-22T03:19:55Z","note":"keystead/tombstone/v1\n{…}\n\n— keystead/audit/2f9c… kT1x…\n"}
//! ```

use keystead_vault::SubjectHash;
use serde_json::{Value, json};

use crate::{
    audit::{BadNote, Verifier},
    clock::Timestamp,
    custody::Custody,
    ids::ErasureId,
    manage::time::rfc3339,
    store::{Erasing, Subject},
};

/// A tombstone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tombstone {
    /// What the erasure is called in the audit log and on its receipt.
    pub id: ErasureId,
    /// When it was asked for.
    pub at: Timestamp,
    /// What of.
    pub erasing: Erasing,
}

/// A line that is not this installation's tombstone.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line} of the tombstones can't be believed")]
pub struct BadTombstone {
    /// Which one; the first is 1.
    pub line: usize,
}

impl Tombstone {
    /// What lies in the note.
    pub(super) fn json(&self) -> Value {
        let mut json = json!({
            "id": self.id,
            "at": self.at.as_micros(),
            "kind": self.erasing.kind(),
        });
        match &self.erasing {
            Erasing::Subject(subject) => {
                json["organization_id"] = json!(subject.organization);
                json["application_id"] = json!(subject.application);
                json["subject"] = json!(hex(subject.hash.as_bytes()));
            }
            Erasing::Account(account) => json["account_id"] = json!(account),
            Erasing::Application(organization, application) => {
                json["organization_id"] = json!(organization);
                json["application_id"] = json!(application);
            }
            Erasing::Organization(organization) => json["organization_id"] = json!(organization),
        }
        json
    }

    fn of(json: &Value) -> Option<Self> {
        let text = |name: &str| json[name].as_str();
        let organization = || text("organization_id")?.parse().ok();
        let application = || text("application_id")?.parse().ok();
        let erasing = match text("kind")? {
            "subject" => Erasing::Subject(Subject {
                organization: organization()?,
                application: application()?,
                hash: SubjectHash::from_bytes(unhex(text("subject")?)?),
            }),
            "account" => Erasing::Account(text("account_id")?.parse().ok()?),
            "application" => Erasing::Application(organization()?, application()?),
            "organization" => Erasing::Organization(organization()?),
            _ => return None,
        };
        Some(Self {
            id: text("id")?.parse().ok()?,
            at: Timestamp::from_micros(json["at"].as_i64()?),
            erasing,
        })
    }

    /// The line that is kept.
    pub(super) fn signed(&self, custody: &Custody) -> String {
        let note = custody.sign_note(&format!("{HEAD}\n{}\n", self.json()));
        json!({ "at": rfc3339(self.at), "note": note }).to_string()
    }
}

/// The tombstones that this installation signed, of all lines that lie at a place. Those of another
/// installation are not for this one; a last line without its end was never acknowledged.
///
/// # Errors
///
/// [`BadTombstone`] for a line that was edited: what it would have erased is not known.
pub fn read_tombstones(text: &str, verifier: &Verifier) -> Result<Vec<Tombstone>, BadTombstone> {
    let mut found = Vec::new();
    for (place, line) in text.split_inclusive('\n').enumerate() {
        let whole = line.strip_suffix('\n');
        let line = whole.unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        match read(line, verifier) {
            Ok(tombstone) => found.push(tombstone),
            Err(Unread::Elsewhere) => {}
            Err(Unread::Bad) if whole.is_none() => {}
            Err(Unread::Bad) => return Err(BadTombstone { line: place + 1 }),
        }
    }
    Ok(found)
}

enum Unread {
    Elsewhere,
    Bad,
}

fn read(line: &str, verifier: &Verifier) -> Result<Tombstone, Unread> {
    let json: Value = serde_json::from_str(line).map_err(|_| Unread::Bad)?;
    let note = json["note"].as_str().ok_or(Unread::Bad)?;
    let text = verifier.open_text(note).map_err(|error| match error {
        BadNote::OtherLog => Unread::Elsewhere,
        _ => Unread::Bad,
    })?;
    let body = text
        .strip_prefix(HEAD)
        .and_then(|text| text.strip_prefix('\n'));
    let json = serde_json::from_str(body.ok_or(Unread::Bad)?).map_err(|_| Unread::Bad)?;
    Tombstone::of(&json).ok_or(Unread::Bad)
}

/// What a tombstone's note begins with, so that no other note can be taken for one.
const HEAD: &str = "keystead/tombstone/v1";

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let pairs: &[[u8; 2]; 32] = text.as_bytes().as_chunks::<2>().0.try_into().ok()?;
    if text.len() != 64 {
        return None;
    }
    let digit = |byte: u8| (byte as char).to_digit(16);
    let mut bytes = [0; 32];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?;
    }
    Some(bytes)
}
