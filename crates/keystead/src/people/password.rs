//! Passwords: what may be one, and what Argon2id makes of it.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use keystead_vault::Canonical;
use zeroize::Zeroizing;

use crate::{
    ids::AccountId,
    store::{Email, PasswordCost},
};

/// A password. Unprintable, wiped on drop.
pub struct Password(Zeroizing<String>);

/// Why a text can't be someone's password. Texts never repeat it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WeakPassword {
    /// It is short.
    #[error("a password has {} characters or more", Password::SHORTEST)]
    TooShort,
    /// It is longer than anyone types.
    #[error("a password has {} characters at most", Password::LONGEST)]
    TooLong,
    /// Many others use it, so it is tried first.
    #[error("this is one of the passwords that are tried first; take another")]
    Common,
    /// It is the e-mail address, or the part before its `@`.
    #[error("a password is not the e-mail address")]
    EmailAddress,
}

impl Password {
    /// How many characters a password has at least.
    pub const SHORTEST: usize = 8;
    /// How many characters a password has at most.
    pub const LONGEST: usize = 128;

    /// A password that someone claims is theirs.
    pub fn claimed(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// A password that someone chose. There are no rules of what it must consist of: they make
    /// people write `Password1!`.
    ///
    /// # Errors
    ///
    /// [`WeakPassword`].
    pub fn chosen(text: Zeroizing<String>, email: &Email) -> Result<Self, WeakPassword> {
        let length = text.chars().count();
        if length < Self::SHORTEST {
            return Err(WeakPassword::TooShort);
        }
        if length > Self::LONGEST {
            return Err(WeakPassword::TooLong);
        }
        let plain = Zeroizing::new(text.to_lowercase());
        let address = email.expose();
        let name = address.split('@').next().unwrap_or_default();
        if plain.as_str() == address || plain.as_str() == name {
            return Err(WeakPassword::EmailAddress);
        }
        if is_common(&plain) {
            return Err(WeakPassword::Common);
        }
        Ok(Self(text))
    }

    /// The password itself, for Argon2id.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// What a new password costs: the second of OWASP's equal choices (Password Storage Cheat Sheet, read
/// 2026-11-21). It is kept beside each hash, so another one can follow.
pub(super) const COST: PasswordCost = PasswordCost {
    memory_kib: 19 * 1024,
    passes: 2,
    lanes: 1,
};

/// Whether a password was kept at a lower cost than one would be today.
pub(super) fn is_dated(cost: PasswordCost) -> bool {
    let work = |cost: PasswordCost| u64::from(cost.memory_kib) * u64::from(cost.passes);
    work(cost) < work(COST)
}

/// What is kept of a password, once keyed: what Argon2id gave, bound to its account.
pub(super) fn derived_for(account: AccountId, derived: &[u8; 32]) -> Canonical {
    Canonical::new("keystead/password/v1")
        .text(&account.to_string())
        .bytes(derived)
}

/// The first 6 bytes of SHA-256 of the 10,000 commonest passwords of 8 characters or more, in order.
/// `common_passwords.py` says where they are from.
static COMMON: &[u8; 60_000] = include_bytes!("common_passwords.bin");

fn is_common(plain: &str) -> bool {
    let hash = digest(&SHA256, plain.as_bytes());
    let wanted = &hash.as_ref()[..6];
    let (known, _) = COMMON.as_chunks::<6>();
    known
        .binary_search_by(|entry| entry[..].cmp(wanted))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_refused_for_its_length_and_for_being_everybodys() {
        let email = Email::parse("ada.lovelace@example.org").unwrap();
        let long = "é".repeat(129);
        for (text, expected) in [
            ("short", Some(WeakPassword::TooShort)),
            ("ééééééé", Some(WeakPassword::TooShort)),
            (long.as_str(), Some(WeakPassword::TooLong)),
            ("password", Some(WeakPassword::Common)),
            ("PassWord", Some(WeakPassword::Common)),
            ("iloveyou", Some(WeakPassword::Common)),
            ("1qaz2wsx", Some(WeakPassword::Common)),
            ("Ada.Lovelace", Some(WeakPassword::EmailAddress)),
            ("ada.lovelace@EXAMPLE.org", Some(WeakPassword::EmailAddress)),
            // No rules of composition, and any characters.
            ("twelve small tables", None),
            ("        ", None),
            ("пароль-на-восемь", None),
        ] {
            let chosen = Password::chosen(Zeroizing::new(text.to_owned()), &email);
            assert_eq!(chosen.err(), expected, "{text:?}");
        }
    }

    #[test]
    fn the_common_passwords_are_in_order() {
        let (known, rest) = COMMON.as_chunks::<6>();
        assert!(rest.is_empty() && known.is_sorted());
    }

    #[test]
    fn a_password_does_not_print() {
        let password = Password::claimed(Zeroizing::new("twelve small tables".to_owned()));
        assert_eq!(format!("{password:?}"), "Password(..)");
    }
}
