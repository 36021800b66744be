//! Checkpoints as text: C2SP's signed note over a tlog checkpoint (c2sp.org/signed-note,
//! c2sp.org/tlog-checkpoint; read 2026-11-22), so that ordinary transparency-log tools read them.
//!
//! ```text
//! keystead/audit/2f9c…            what the log is called
//! 1042                            how many rows it had
//! qL0Wc…=                         the root of its tree then
//!
//! — keystead/audit/2f9c… kT1x…    the signature
//! ```

use std::{fmt, str::FromStr};

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{ED25519, UnparsedPublicKey},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::merkle::Hash;

/// What a log had at a moment, as a note says it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TreeHead {
    /// What the log is called.
    pub origin: String,
    /// How many rows it had.
    pub size: u64,
    /// The root of its tree.
    pub root: Hash,
}

/// The public half of what signs a log's checkpoints, with the log's name: `NAME+ID+KEY`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verifier {
    origin: String,
    key: [u8; 32],
}

/// Why a note is not believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadNote {
    /// It is no signed checkpoint.
    #[error("it is no signed checkpoint")]
    Malformed,
    /// It speaks of another log.
    #[error("it is of another log")]
    OtherLog,
    /// Nobody with this log's key signed it.
    #[error("its signature does not fit")]
    Signature,
}

impl TreeHead {
    /// What is signed.
    pub(crate) fn text(&self) -> String {
        let root = BASE64_STANDARD.encode(self.root);
        format!("{}\n{}\n{root}\n", self.origin, self.size)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let origin = lines.next().filter(|origin| !origin.is_empty())?.to_owned();
        let size = lines.next()?;
        // Digits alone and no zero before them, so that there is one text for each head.
        let is_plain = size.bytes().all(|byte| byte.is_ascii_digit());
        let size: u64 = size.parse().ok().filter(|_| is_plain)?;
        let root = BASE64_STANDARD.decode(lines.next()?).ok()?;
        let root = root.try_into().ok()?;
        Some(Self { origin, size, root })
    }
}

impl Verifier {
    /// That of a log whose checkpoints this key signs.
    pub(crate) fn new(key: [u8; 32]) -> Self {
        // Nothing else of an installation is both public and its own.
        let name: String = key[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            origin: format!("keystead/audit/{name}"),
            key,
        }
    }

    /// What the log is called.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The first bytes of a hash over name and key, by which a reader finds the key.
    pub(crate) fn id(&self) -> [u8; 4] {
        let mut named = self.origin.clone().into_bytes();
        named.extend_from_slice(b"\n");
        named.extend_from_slice(&self.typed_key());
        let hash = digest(&SHA256, &named);
        let hash = hash.as_ref();
        [hash[0], hash[1], hash[2], hash[3]]
    }

    /// The key behind the byte that says that it is Ed25519.
    fn typed_key(&self) -> Vec<u8> {
        [&[1], &self.key[..]].concat()
    }

    /// The note of a head, given its signature.
    pub(crate) fn note(&self, head: &TreeHead, signature: &[u8]) -> String {
        self.note_of(&head.text(), signature)
    }

    /// The note of a text, which ends with an end of line, given its signature.
    pub(crate) fn note_of(&self, text: &str, signature: &[u8]) -> String {
        let named = BASE64_STANDARD.encode([&self.id(), signature].concat());
        format!("{text}\n{DASH} {} {named}\n", self.origin)
    }

    /// What a note says, if this log's key signed it.
    ///
    /// # Errors
    ///
    /// [`BadNote`].
    pub fn open(&self, note: &str) -> Result<TreeHead, BadNote> {
        let (text, _) = note.split_once("\n\n").ok_or(BadNote::Malformed)?;
        let head = TreeHead::parse(text).ok_or(BadNote::Malformed)?;
        if head.origin != self.origin {
            return Err(BadNote::OtherLog);
        }
        self.open_text(note).map(|_| head)
    }

    /// The text of a note, without its last end of line, if this log's key signed it. What it begins
    /// with says what kind of note it is: one is not to be taken for another.
    ///
    /// # Errors
    ///
    /// [`BadNote::OtherLog`] when nobody of this log signed it at all.
    pub fn open_text<'n>(&self, note: &'n str) -> Result<&'n str, BadNote> {
        let (body, signatures) = note.split_once("\n\n").ok_or(BadNote::Malformed)?;
        // What was signed is the text as it stands, not what was understood of it.
        let text = format!("{body}\n");
        let start = format!("{DASH} {} ", self.origin);
        let key = UnparsedPublicKey::new(&ED25519, &self.key);
        let ours = signatures
            .lines()
            .filter_map(|line| line.strip_prefix(&start));
        let is_signed = ours
            .clone()
            .filter_map(|signature| BASE64_STANDARD.decode(signature).ok())
            .any(|signature| match signature.split_first_chunk() {
                Some((id, signature)) => {
                    *id == self.id() && key.verify(text.as_bytes(), signature).is_ok()
                }
                None => false,
            });
        match is_signed {
            true => Ok(body),
            false if ours.count() == 0 && signatures.starts_with(DASH) => Err(BadNote::OtherLog),
            false => Err(BadNote::Signature),
        }
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id: String = self.id().iter().map(|byte| format!("{byte:02x}")).collect();
        let key = BASE64_STANDARD.encode(self.typed_key());
        write!(f, "{}+{id}+{key}", self.origin)
    }
}

impl FromStr for Verifier {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.trim().splitn(3, '+');
        let origin = parts.next().ok_or(())?;
        let _id = parts.next().ok_or(())?;
        let key = BASE64_STANDARD.decode(parts.next().ok_or(())?);
        let key = key.map_err(drop)?;
        let Some((1, key)) = key.split_first().map(|(kind, key)| (*kind, key)) else {
            return Err(());
        };
        let found = Self {
            origin: origin.to_owned(),
            key: key.try_into().map_err(drop)?,
        };
        // The id is of name and key, so a text that was cut or mixed up does not fit itself.
        (found.to_string() == text.trim())
            .then_some(found)
            .ok_or(())
    }
}

/// What a line of a signature begins with.
const DASH: char = '\u{2014}';

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

    use super::*;

    fn signer() -> (Ed25519KeyPair, Verifier) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let key = pair.public_key().as_ref().try_into().unwrap();
        (pair, Verifier::new(key))
    }

    #[test]
    fn a_note_is_believed_as_it_was_signed_and_not_otherwise() {
        let (pair, verifier) = signer();
        let head = TreeHead {
            origin: verifier.origin().to_owned(),
            size: 1_042,
            root: [9; 32],
        };
        let note = verifier.note(&head, pair.sign(head.text().as_bytes()).as_ref());
        assert_eq!(verifier.open(&note), Ok(head));
        for (altered, why) in [
            (note.replace("1042", "1041"), BadNote::Signature),
            (note.replace("\n1042\n", "\n01042\n"), BadNote::Signature),
            (note.replace("\n1042\n", "\n+1042\n"), BadNote::Malformed),
            (note.replace("\n\n", "\n"), BadNote::Malformed),
            (note.replacen("audit/", "audit/x", 1), BadNote::OtherLog),
            (String::new(), BadNote::Malformed),
            (
                note.split('\u{2014}').next().unwrap().into(),
                BadNote::Signature,
            ),
        ] {
            assert_eq!(verifier.open(&altered), Err(why), "{altered}");
        }
    }

    #[test]
    fn a_verifier_reads_back_and_a_garbled_one_does_not() {
        let (_, verifier) = signer();
        let text = verifier.to_string();
        assert_eq!(text.parse(), Ok(verifier));
        for garbled in [&text[1..], &text[..text.len() - 4], "a+b", "", "a+b+AQ=="] {
            assert!(garbled.parse::<Verifier>().is_err(), "{garbled}");
        }
    }
}
