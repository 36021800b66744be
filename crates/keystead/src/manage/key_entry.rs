//! What becomes of a key that was pasted: its shape, where it may go, what its provider says of it.

use keystead_providers::{CheckOutcome, Destination, HostRules, KeyShape, Provider};
use keystead_vault::ProviderKey;

use super::{Asked, Manage, Problem, SecretText};
use crate::store::KeyStatus;

/// A key as it was entered, with the one place it may go.
pub(super) struct Entered {
    pub(super) key: ProviderKey,
    pub(super) destination: Destination,
    pub(super) note: Option<String>,
}

/// Reads what was pasted: its shape, and where it may be sent.
pub(super) async fn enter(
    manage: &Manage,
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
    let base_url = manage
        .0
        .base_urls
        .iter()
        .find(|(name, _)| *name == about.name);
    let rules = HostRules {
        base_url: base_url.map(|(_, url)| url),
        any_host: manage.0.any_host,
    };
    let destination = about
        .destination(key.expose(), endpoint, rules)
        .map_err(|error| Problem::field("endpoint", error.to_string()))?;
    let admitted = manage.0.checker.admit(&destination).await;
    admitted.map_err(|reason| Problem::field("endpoint", reason))?;
    Ok(Entered {
        key,
        destination,
        note,
    })
}

/// What the provider said, as it is stored and told.
pub(super) struct Verdict {
    pub(super) status: KeyStatus,
    pub(super) note: Option<String>,
}

/// Asks the provider about a key that is not stored yet. One that it refuses goes no further.
pub(super) async fn ask(
    manage: &Manage,
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
    let said = verdict(
        &manage
            .0
            .checker
            .ask(provider, &entered.key, &entered.destination)
            .await,
    );
    match said.status {
        KeyStatus::Wrong => Err(Problem::KeyRefused {
            reason: "the provider does not know it",
        }),
        _ => Ok(said),
    }
}

/// What the provider meant.
pub(super) fn verdict(asked: &Asked) -> Verdict {
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
