//! Every refusal once, for docs/reference/errors.md.

use std::time::Duration;

use keystead_providers::{BodyError, TaskError};

use super::Refusal;
use crate::{
    dpop::BadProof,
    limits::{Rule, Scope},
    net::ConnectError,
    reference::Entry,
};

/// One of each, as docs/reference/errors.md lists them.
pub fn reference() -> Vec<Entry> {
    let reset = Duration::from_secs(2);
    let budget = "20 USD/month"
        .parse()
        .expect("it is written as budgets are");
    let all = [
        Refusal::malformed("the path holds a dot segment"),
        Refusal::Body(BodyError::NotJson),
        Refusal::Task(TaskError::Missing { field: "input" }),
        Refusal::ModelNeeded,
        Refusal::CredentialInQuery,
        Refusal::DuplicateCredential,
        Refusal::Unauthenticated,
        Refusal::NotProven(BadProof("the proof is not of this minute")),
        Refusal::ApplicationDisabled,
        Refusal::AddOnDisabled,
        Refusal::KeyDisabled,
        Refusal::UserKeyMissing,
        Refusal::UserKeyPaused,
        Refusal::UserKeyEnded,
        Refusal::UserKeyModel,
        Refusal::FreeTierUsed { reset },
        Refusal::OperationNotAllowed {
            operation: "files.create",
        },
        Refusal::TaskNotSupported { task: "image" },
        Refusal::ModelNotAllowed,
        Refusal::FeatureNotAllowed {
            feature: "store",
            field: "store".to_owned(),
        },
        Refusal::UnknownTool,
        Refusal::UnknownField,
        Refusal::OriginNotAllowed,
        Refusal::AddressNotAllowed,
        Refusal::TlsRequired,
        Refusal::DestinationChanged,
        Refusal::Revoked,
        Refusal::NotFound,
        Refusal::ObjectUnknown,
        Refusal::MethodNotAllowed,
        Refusal::BodyTimeout,
        Refusal::BodyTooLarge { limit: 33_554_432 },
        Refusal::UnsupportedMediaType,
        Refusal::Misdirected,
        Refusal::RateLimited {
            scope: Scope::Subject,
            rule: Rule::calls(
                "50/s burst 100"
                    .parse()
                    .expect("it is written as rates are"),
            ),
            reset,
        },
        Refusal::ConcurrencyFull {
            scope: Scope::Key,
            most: 200,
        },
        Refusal::BudgetExhausted {
            scope: Scope::AddOn,
            budget,
            reset,
        },
        Refusal::BudgetReserved {
            scope: Scope::AddOn,
            budget,
        },
        Refusal::PriceUnknown,
        Refusal::ProviderPause { reset },
        Refusal::Internal,
        Refusal::Unreachable(ConnectError::Timeout),
        Refusal::UpstreamBroken,
        Refusal::UpstreamUnusable {
            reason: "it is compressed without being asked",
        },
        Refusal::HeldBytesFull,
        Refusal::StoreUnavailable,
        Refusal::LedgerFull,
        Refusal::Integrity,
        Refusal::Stopping,
        Refusal::UpstreamSilent,
    ];
    let entry = |refusal: &Refusal| {
        let (status, code) = refusal.facts();
        Entry {
            code,
            status: status.as_u16(),
            meaning: refusal.to_string(),
        }
    };
    all.iter().map(entry).collect()
}
