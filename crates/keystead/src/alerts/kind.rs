//! The kinds of alerts.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, de::Error as _};

/// How soon a person should look.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// Now: a secret may be in other hands, or the store was changed behind Keystead's back.
    Critical,
    /// Today: something does not work, or is used as it was not before.
    Warning,
    /// At the next occasion.
    Notice,
}

/// What Keystead may freeze by itself when an alert of a kind is raised, if the organization says so.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Freezes {
    /// Nothing would be helped by it.
    Nothing,
    /// The key that the alert is about.
    Key,
    /// The application that the alert is about.
    Application,
}

macro_rules! kinds {
    ($($name:ident = $word:literal, $level:ident, $freezes:ident, $title:literal, $advice:literal;)*) => {
        /// What was found.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum AlertKind {
            $(#[doc = $title] $name,)*
        }

        impl AlertKind {
            /// All of them, the gravest first.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The stable word, which is the name of its page in `docs/runbooks` as well.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// How soon a person should look.
            pub const fn level(self) -> Level {
                match self { $(Self::$name => Level::$level),* }
            }

            /// What may be frozen for it.
            pub const fn freezes(self) -> Freezes {
                match self { $(Self::$name => Freezes::$freezes),* }
            }

            /// What was found, for people.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }

            /// The first thing to do, for people.
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$name => $advice),* }
            }

            /// Its page in `docs/runbooks`.
            #[cfg(test)]
            pub(super) const fn runbook(self) -> &'static str {
                match self {
                    $(Self::$name => include_str!(concat!("../../../../docs/runbooks/", $word, ".md"))),*
                }
            }
        }
    };
}

kinds! {
    Tampered = "tampered", Critical, Nothing,
        "A stored row failed its integrity check",
        "The object is refused until it is made anew. Find out who can write to the store.";
    HoneytokenUsed = "honeytoken_used", Critical, Application,
        "A decoy was used",
        "Somebody has what lay where you planted it. Rotate what lay beside it.";
    KeyEchoed = "key_echoed", Critical, Key,
        "A provider sent a key back",
        "It was masked. Rotate the key, and tell the provider.";
    CodeUsedTwice = "code_used_twice", Critical, Application,
        "An authorization code came twice",
        "What came of it was revoked. Somebody else had the code.";
    RefreshTokenUsedTwice = "refresh_token_used_twice", Critical, Application,
        "A refresh token came twice",
        "What came of it was revoked. Somebody else had the token.";
    ProofReplayed = "proof_replayed", Critical, Application,
        "A proof of possession came twice",
        "The call was refused. Somebody else saw the request, proof and token.";
    CheckpointNotKept = "checkpoint_not_kept", Critical, Nothing,
        "A checkpoint of the audit log was not taken",
        "Look at the place that audit.checkpoints names.";
    Panic = "panic", Critical, Nothing,
        "A request ended by a defect of Keystead",
        "The log says where. Please report it.";
    KeyRefused = "key_refused", Warning, Key,
        "A provider refuses a key",
        "Check the key, and rotate it if the provider has ended it.";
    RefusalsBurst = "refusals_burst", Warning, Application,
        "Many calls of an application were refused",
        "Look at which code it is: a wrong set-up, or somebody who tries.";
    UsageUnusual = "usage_unusual", Warning, Application,
        "An application uses far more than it did",
        "If it is no success of yours, revoke its tokens and look for the leak.";
    BudgetUsed = "budget_used", Warning, Nothing,
        "A budget is used up",
        "Calls that need more of it are refused until it begins anew.";
    WebhookFailed = "webhook_failed", Warning, Nothing,
        "A webhook takes nothing",
        "What was to be said lies in the delivery log. Look at its address.";
    BudgetNearlyUsed = "budget_nearly_used", Notice, Nothing,
        "Four fifths of a budget are used",
        "Raise it before it is used up, or find out what uses it.";
    NewAddressRange = "new_address_range", Notice, Application,
        "An application is called from a new address range",
        "If you did not move it, revoke its client secrets.";
    KeyOld = "key_old", Notice, Key,
        "A key is older than its rotation age",
        "Rotate it.";
    KeyUnused = "key_unused", Notice, Key,
        "A key was not used for 90 days",
        "Delete it here and at the provider.";
}

impl Level {
    /// All of them, the gravest first.
    pub const ALL: [Self; 3] = [Self::Critical, Self::Warning, Self::Notice];

    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

impl fmt::Display for AlertKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl<'de> Deserialize<'de> for AlertKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        word.parse()
            .map_err(|()| D::Error::custom("no kind of alert"))
    }
}

impl FromStr for AlertKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.word() == text)
            .ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    /// Each has its page, which says what it means and what to do, with commands; and no page is left
    /// of a kind that is gone.
    #[test]
    fn every_kind_has_its_runbook() {
        for kind in AlertKind::ALL {
            let page = kind.runbook();
            let head = format!("# `{kind}`: {}\n", kind.title().to_lowercase());
            assert!(page.to_lowercase().starts_with(&head), "{kind}: {head}");
            let level = format!("Level: {}.", kind.level().word());
            for part in [level.as_str(), "## What it means", "## What to do", "```sh"] {
                assert!(page.contains(part), "{kind}: {part}");
            }
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/runbooks");
        let pages: BTreeSet<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let mut expected: BTreeSet<_> = AlertKind::ALL
            .iter()
            .map(|kind| format!("{kind}.md"))
            .collect();
        // Runbooks of other things lie beside them.
        expected.extend(["README.md", "recovery.md"].map(ToOwned::to_owned));
        assert_eq!(pages, expected);
        let list = include_str!("../../../../docs/runbooks/README.md");
        for kind in AlertKind::ALL {
            let line = format!("| [`{kind}`]({kind}.md) | {} |", kind.level().word());
            assert!(list.contains(&line), "{line}");
        }
    }

    #[test]
    fn the_gravest_come_first_and_a_word_reads_back() {
        assert!(AlertKind::ALL.is_sorted_by_key(|kind| kind.level()));
        for kind in AlertKind::ALL {
            assert_eq!(kind.word().parse(), Ok(*kind));
        }
        assert!("unheard_of".parse::<AlertKind>().is_err());
    }
}
