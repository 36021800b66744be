//! What things are called in Redis: keyed hashes, and nothing that says whose they are.

use std::fmt::Write as _;

use keystead_vault::{Canonical, MacKey};

use crate::limits::{Bucket, Charge, Place};

/// The name of one sum or count.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Key(String);

impl Key {
    /// The sum that a charge is added to.
    pub(super) fn sum(charge: &Charge) -> Self {
        Self::of(charge.bucket.name(), SUMS[charge.sum()])
    }

    /// The running calls of a thing.
    pub(super) fn running(bucket: &Bucket) -> Self {
        Self::of(bucket.name(), 'r')
    }

    /// The processes that are alive.
    pub(super) fn processes(names: &MacKey) -> Self {
        let tag = names.tag(&Canonical::new("keystead/shared-limits/processes/v1"));
        Self::of(&first_half(&tag), 'p')
    }

    fn of(name: &[u8; 16], what: char) -> Self {
        Self(format!("{PREFIX}{}:{what}", hex(name)))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The keyed hash of a place.
pub(super) fn name(names: &MacKey, place: &Place) -> [u8; 16] {
    let row = Canonical::new("keystead/shared-limits/place/v1")
        .text(place.scope.word())
        .bytes(&place.within)
        .bytes(&place.id);
    first_half(&names.tag(&row))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        _ = write!(text, "{byte:02x}");
        text
    })
}

/// Still more than enough to keep all things apart.
fn first_half(hash: &[u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    half
}

/// What is in braces decides where a key lies: one script may only touch keys that lie together.
const PREFIX: &str = "{keystead}:";

/// Calls by their four periods, then tokens: as in a bucket.
const SUMS: [char; 5] = ['s', 'm', 'h', 'd', 't'];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Scope;

    #[test]
    fn a_name_tells_nothing_and_is_the_same_for_who_has_the_key() {
        let names = MacKey::from_opened(&[7; 32]).unwrap();
        let place = Place::of(Scope::Address, *b"203.0.113.77\0\0\0\0");
        let one = name(&names, &place);
        assert_eq!(one, name(&MacKey::from_opened(&[7; 32]).unwrap(), &place));
        assert_ne!(one, name(&MacKey::from_opened(&[8; 32]).unwrap(), &place));
        let others = [
            Place::of(Scope::Subject, place.id),
            Place::of(Scope::Address, [0; 16]),
            Place {
                within: [1; 16],
                ..place
            },
        ];
        for other in others {
            assert_ne!(one, name(&names, &other), "{other:?}");
        }
        let key = Key::of(&one, 's').0;
        assert!(key.starts_with("{keystead}:") && key.len() == 45, "{key}");
        assert!(!key.contains(&hex(&place.id)), "{key}");
    }
}
