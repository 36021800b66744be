//! Recovery codes: ten words of ten characters, each good for one sign-in without the authenticator.

use std::fmt;

use keystead_vault::{Canonical, random};
use zeroize::Zeroizing;

use crate::ids::AccountId;

/// How many there are.
pub(super) const COUNT: usize = 10;

/// A recovery code. Unprintable, wiped on drop.
pub struct RecoveryCode(Zeroizing<String>);

/// No `0`, `1`, `l` and `o`, which people mistake for each other. 32 of them: 50 bits a code, which
/// the keyed hash and the throttle make plenty.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const LENGTH: usize = 10;

impl RecoveryCode {
    /// A fresh one.
    pub(super) fn generate() -> Self {
        let bytes = Zeroizing::new(random::<LENGTH>());
        let letters = bytes
            .iter()
            .map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
        Self(Zeroizing::new(letters.collect()))
    }

    /// What someone typed, with or without its hyphen.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let letters = text.chars().filter(|c| !c.is_whitespace() && *c != '-');
        let plain: Zeroizing<String> =
            Zeroizing::new(letters.flat_map(char::to_lowercase).take(64).collect());
        let fits = plain.len() == LENGTH && plain.bytes().all(|byte| LETTERS.contains(&byte));
        fits.then_some(Self(plain))
    }

    /// As people write it down: two groups of five.
    pub fn expose(&self) -> Zeroizing<String> {
        let (first, second) = self.0.split_at(LENGTH / 2);
        Zeroizing::new(format!("{first}-{second}"))
    }

    /// What is kept of it, once keyed.
    pub(super) fn kept_for(&self, account: AccountId) -> Canonical {
        Canonical::new("keystead/recovery-code/v1")
            .text(&account.to_string())
            .text(&self.0)
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_back_however_it_is_typed() {
        let code = RecoveryCode::generate();
        let shown = code.expose();
        assert_eq!(shown.len(), LENGTH + 1);
        for typed in [
            shown.to_string(),
            shown.to_uppercase(),
            shown.replace('-', ""),
            format!("  {} ", shown.replace('-', " - ")),
        ] {
            let read = RecoveryCode::parse(&typed).expect("it is one");
            assert_eq!(*read.0, *code.0);
        }
        for wrong in ["", "abcde", "abcde-fghi1", "abcde-fghij-k", "287082"] {
            assert!(RecoveryCode::parse(wrong).is_none(), "{wrong}");
        }
        assert_eq!(format!("{code:?}"), "RecoveryCode(..)");
    }
}
