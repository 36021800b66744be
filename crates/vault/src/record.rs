//! The record's byte layout, read and written. No cryptography here.
//!
//! ```text
//! version 1 | suite 2 | kind 1 | opener kind 1 | opener id 16 | salt 32 | commitment 32 | nonce 12 | length 4 | ciphertext | tag 16
//! ```
//!
//! Numbers are big-endian; `length` counts the ciphertext without its tag. All before the
//! ciphertext is the header, and all of it is associated data.

use std::ops::Range;

use crate::{Kind, OpenError, Opener, OpenerKind};

/// A record taken apart: known version, known suite, lengths that fit. Whether it is authentic
/// shows only when it is opened.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// What it says it holds.
    pub kind: Kind,
    /// The key it says it needs.
    pub opener: Opener,
    pub(crate) header: &'a [u8],
    pub(crate) ciphertext: &'a [u8],
    pub(crate) tag: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads a record. Never panics, allocates nothing.
    ///
    /// # Errors
    ///
    /// [`OpenError`], up to its variant `WrongOpener`: an unknown kind or opener kind is nobody's.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, OpenError> {
        // Version first: another version need not have this one's shape.
        match bytes.first() {
            None => {
                return Err(OpenError::Malformed {
                    reason: "it is empty",
                });
            }
            Some(&VERSION) => {}
            Some(_) => return Err(OpenError::UnsupportedVersion),
        }
        if bytes.len() < HEADER_LENGTH + TAG_LENGTH {
            return Err(OpenError::Malformed {
                reason: "it is too short",
            });
        }
        let (header, rest) = bytes.split_at(HEADER_LENGTH);
        if header[SUITE_AT] != SUITE {
            return Err(OpenError::UnsupportedSuite);
        }
        let kind = Kind::from_byte(header[KIND_AT]).ok_or(OpenError::WrongKind)?;
        let opener = Opener {
            kind: OpenerKind::from_byte(header[OPENER_KIND_AT]).ok_or(OpenError::WrongOpener)?,
            id: array(header, OPENER_ID_AT),
        };

        let (ciphertext, tag) = rest.split_at(rest.len() - TAG_LENGTH);
        // Compared in u64: a 4 GiB length must not wrap on a 32-bit machine.
        if u64::from(u32::from_be_bytes(array(header, LENGTH_AT))) != ciphertext.len() as u64 {
            return Err(OpenError::Malformed {
                reason: "its length field does not fit",
            });
        }
        Ok(Self {
            kind,
            opener,
            header,
            ciphertext,
            tag,
        })
    }

    pub(crate) fn salt(&self) -> [u8; SALT_LENGTH] {
        array(self.header, SALT_AT)
    }

    pub(crate) fn commitment(&self) -> [u8; COMMITMENT_LENGTH] {
        array(self.header, COMMITMENT_AT)
    }

    pub(crate) fn nonce(&self) -> [u8; NONCE_LENGTH] {
        array(self.header, NONCE_AT)
    }
}

/// What the header of a new record is made of.
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) opener: Opener,
    pub(crate) salt: [u8; SALT_LENGTH],
    pub(crate) commitment: [u8; COMMITMENT_LENGTH],
    pub(crate) nonce: [u8; NONCE_LENGTH],
    pub(crate) ciphertext_length: u32,
}

impl Header {
    pub(crate) fn to_bytes(&self) -> [u8; HEADER_LENGTH] {
        let mut bytes = [0; HEADER_LENGTH];
        bytes[0] = VERSION;
        bytes[SUITE_AT].copy_from_slice(&SUITE);
        bytes[KIND_AT] = self.kind.byte();
        bytes[OPENER_KIND_AT] = self.opener.kind.byte();
        bytes[OPENER_ID_AT].copy_from_slice(&self.opener.id);
        bytes[SALT_AT].copy_from_slice(&self.salt);
        bytes[COMMITMENT_AT].copy_from_slice(&self.commitment);
        bytes[NONCE_AT].copy_from_slice(&self.nonce);
        bytes[LENGTH_AT].copy_from_slice(&self.ciphertext_length.to_be_bytes());
        bytes
    }
}

fn array<const N: usize>(header: &[u8], at: Range<usize>) -> [u8; N] {
    header[at]
        .try_into()
        .expect("each range below is as long as its field")
}

const VERSION: u8 = 1;

/// HKDF-SHA512, a 32-byte commitment, AES-256-GCM.
pub(crate) const SUITE: [u8; 2] = [0, 1];

pub(crate) const SALT_LENGTH: usize = 32;
pub(crate) const COMMITMENT_LENGTH: usize = 32;
pub(crate) const NONCE_LENGTH: usize = 12;
pub(crate) const TAG_LENGTH: usize = 16;
pub(crate) const HEADER_LENGTH: usize = 101;

const SUITE_AT: Range<usize> = 1..3;
const KIND_AT: usize = 3;
const OPENER_KIND_AT: usize = 4;
const OPENER_ID_AT: Range<usize> = 5..21;
const SALT_AT: Range<usize> = 21..53;
const COMMITMENT_AT: Range<usize> = 53..85;
const NONCE_AT: Range<usize> = 85..97;
const LENGTH_AT: Range<usize> = 97..101;
