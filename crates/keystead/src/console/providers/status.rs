//! How keys are, in words.

use crate::store::KeyStatus;

/// A status as a tag shows it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::console) struct StatusWords {
    /// The tag's class: `ok`, `warn`, `bad` or `off`.
    pub(in crate::console) kind: &'static str,
    /// In a few words.
    pub(in crate::console) text: &'static str,
}

/// What lists can be narrowed to: the word of the address, and the text.
pub(super) const CHOICES: &[(&str, &str)] = &[
    ("valid", "Valid"),
    ("wrong", "Refused by provider"),
    ("unchecked", "Unchecked"),
    ("no_permission", "Lacks a permission"),
    ("no_credit", "No credit"),
    ("address_not_allowed", "Address not allowed"),
    ("disabled", "Deactivated"),
];

/// How a key is.
pub(in crate::console) fn of_key(status: KeyStatus, disabled: bool) -> StatusWords {
    let words = |kind, text| StatusWords { kind, text };
    if disabled {
        return words("off", "Deactivated");
    }
    match status {
        KeyStatus::Valid => words("ok", "Valid"),
        KeyStatus::Unchecked => words("off", "Unchecked"),
        KeyStatus::Wrong => words("bad", "Refused by provider"),
        KeyStatus::NoPermission => words("warn", "Lacks a permission"),
        KeyStatus::NoCredit => words("bad", "No credit"),
        KeyStatus::AddressNotAllowed => words("bad", "Address not allowed"),
    }
}

/// What to do about it; empty where all is well.
pub(in crate::console) fn advice(status: KeyStatus, disabled: bool) -> &'static str {
    if disabled {
        return "Calls with this key are refused until it is enabled again.";
    }
    match status {
        KeyStatus::Valid => "",
        KeyStatus::Unchecked => {
            "The provider has not said yet whether it takes this key: it could not be reached, or \
             gave no clear answer. Calls go out with it. Check it again in a while."
        }
        KeyStatus::Wrong => {
            "The provider does not take this key any more, so calls with it fail. Make a new one \
             there and rotate."
        }
        KeyStatus::NoPermission => {
            "The provider knows this key, but it may not do all that calls will need. Give it the \
             permission there, then check again: that says which one."
        }
        KeyStatus::NoCredit => {
            "The provider knows this key, but the account behind it has nothing left to spend. Add \
             credit there, then check again."
        }
        KeyStatus::AddressNotAllowed => {
            "The provider does not take this key from this server's address. Add the address to \
             the provider's list of allowed ones, then check again."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_of_the_store_can_be_chosen() {
        for status in KeyStatus::ALL {
            let mut choices = CHOICES.iter();
            let choice = choices.find(|(word, _)| *word == status.word());
            let (_, text) = choice.unwrap_or_else(|| panic!("{} is none", status.word()));
            assert_eq!(*text, of_key(status, false).text, "{}", status.word());
        }
    }
}
