//! What becomes of a key that was pasted: its shape, where it may go, what its provider says of it.

use std::sync::Arc;

use keystead_providers::{CheckOutcome, Destination, HostRules, KeyShape, Provider};
use keystead_vault::ProviderKey;

use super::{Asked, KeyChecker, Problem, SecretText};
use crate::{config::Config, store::KeyStatus};

/// Reads what is pasted for a key, and asks providers about it. Clones share the way to them.
#[derive(Clone, Debug)]
pub(crate) struct KeyEntry {
    checker: Arc<dyn KeyChecker>,
    base_urls: Arc<[(&'static str, Destination)]>,
    any_host: bool,
}

/// A key as it was entered, with the one place it may go.
pub(crate) struct Entered {
    pub(crate) key: ProviderKey,
    pub(crate) destination: Destination,
    pub(crate) note: Option<String>,
}

/// What the provider said, as it is stored and told.
pub(crate) struct Verdict {
    pub(crate) status: KeyStatus,
    pub(crate) note: Option<String>,
}

impl KeyEntry {
    /// Asks through `checker`, where the configuration says that providers are.
    pub(super) fn new(config: &Config, checker: Arc<dyn KeyChecker>) -> Self {
        let base_urls = config.providers.iter();
        let base_urls = base_urls.filter_map(|one| Some((one.name, one.base_url.clone()?)));
        Self {
            checker,
            base_urls: base_urls.collect(),
            any_host: config.danger.allow_private_upstreams,
        }
    }

    /// Reads what was pasted: its shape, and where it may be sent.
    pub(crate) async fn enter(
        &self,
        provider: &'static dyn Provider,
        key: SecretText,
        endpoint: Option<&str>,
    ) -> Result<Entered, Problem> {
        let about = provider.about();
        let key = ProviderKey::new(key.into_inner());
        let note = match about.key_shape(key.expose()) {
            KeyShape::Fits => None,
            KeyShape::Unusual(hint) => Some(hint.to_owned()),
            KeyShape::Refused(reason) => return Err(Problem::field("key", reason)),
        };
        let base_url = self.base_urls.iter().find(|(name, _)| *name == about.name);
        let rules = HostRules {
            base_url: base_url.map(|(_, url)| url),
            any_host: self.any_host,
        };
        let destination = about
            .destination(key.expose(), endpoint, rules)
            .map_err(|error| Problem::field("endpoint", error.to_string()))?;
        let admitted = self.checker.admit(&destination).await;
        admitted.map_err(|reason| Problem::field("endpoint", reason))?;
        Ok(Entered {
            key,
            destination,
            note,
        })
    }

    /// Asks the provider about a key that is not stored yet. One that it refuses goes no further.
    pub(crate) async fn ask(
        &self,
        provider: &'static dyn Provider,
        entered: &Entered,
        skip: bool,
    ) -> Result<Verdict, Problem> {
        if skip {
            return Ok(Verdict {
                status: KeyStatus::Unchecked,
                note: None,
            });
        }
        let said = self.verdict(provider, &entered.key, &entered.destination);
        let said = said.await;
        match said.status {
            KeyStatus::Wrong => Err(Problem::KeyRefused {
                reason: "the provider does not know it",
            }),
            _ => Ok(said),
        }
    }

    /// What the provider says of a key.
    pub(crate) async fn verdict(
        &self,
        provider: &'static dyn Provider,
        key: &ProviderKey,
        destination: &Destination,
    ) -> Verdict {
        verdict(&self.checker.ask(provider, key, destination).await)
    }
}

/// What the provider meant.
fn verdict(asked: &Asked) -> Verdict {
    let said = |status, note: &str| Verdict {
        status,
        note: Some(note.to_owned()),
    };
    match asked {
        Asked::Unreachable => said(
            KeyStatus::Unchecked,
            "the provider could not be reached, so the key is not checked yet",
        ),
        Asked::Said(CheckOutcome::Valid) => Verdict {
            status: KeyStatus::Valid,
            note: None,
        },
        Asked::Said(CheckOutcome::Wrong) => {
            said(KeyStatus::Wrong, "the provider does not know this key")
        }
        Asked::Said(CheckOutcome::NoPermission { missing }) if missing.is_empty() => said(
            KeyStatus::NoPermission,
            "the key lacks a permission that calls will need",
        ),
        Asked::Said(CheckOutcome::NoPermission { missing }) => said(
            KeyStatus::NoPermission,
            &format!("the key lacks these permissions: {}", missing.join(", ")),
        ),
        Asked::Said(CheckOutcome::NoCredit) => said(
            KeyStatus::NoCredit,
            "the account behind the key has nothing left to spend",
        ),
        Asked::Said(CheckOutcome::AddressNotAllowed) => said(
            KeyStatus::AddressNotAllowed,
            "the provider does not take this key from this machine's address",
        ),
        Asked::Said(_) => said(
            KeyStatus::Unchecked,
            "the provider gave no clear answer, so the key is not checked yet",
        ),
    }
}
