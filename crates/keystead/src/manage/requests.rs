//! The latest calls, as the ledger has them: who, when, how it ended, and never what was said.

use keystead_vault::SubjectHash;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    List, Manage, May, Object as _, Paging, Problem,
    permission::right::SeeUsage,
    time::Moment,
    usage::{Dollars, word},
};
use crate::{
    clock::Timestamp,
    ids::{AddOnId, ApplicationId, KeyId, RequestId},
    store::{AttemptEnd, AttemptFilter, Recent, UsageRow},
};

/// Which calls are wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Of this application.
    pub application_id: Option<String>,
    /// Of this AddOn.
    pub addon_id: Option<String>,
    /// With this key.
    pub key_id: Option<String>,
    /// At this provider.
    pub provider: Option<String>,
    /// That ended like this: `answered`, `refused` (the provider said 4xx), `provider_failed`
    /// (5xx, silence, a broken connection) or `cut` (the client left, or the call was ended here).
    pub end: Option<String>,
    /// How many rows at most, from 1 to 200; 50 if left out.
    pub limit: Option<u16>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// An attempt at a provider; a call that was tried again has several.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RequestView {
    /// The call.
    pub request_id: RequestId,
    /// Which attempt of it; the first is 1.
    pub attempt: u32,
    /// When the attempt began.
    pub at: Moment,
    /// The application.
    pub application_id: ApplicationId,
    /// The AddOn.
    pub addon_id: AddOnId,
    /// The key.
    pub key_id: Option<KeyId>,
    /// The provider's name.
    pub provider: String,
    /// The operation's name.
    pub operation: String,
    /// The model, as the request named it.
    pub model: Option<String>,
    /// The end user: the beginning of a keyed hash, the same for the same person of an application.
    pub subject: Option<String>,
    /// How it ended, roughly.
    pub end: AttemptEnd,
    /// How it ended, as the ledger says: `answered`, `refused`, `unreachable`, `broken_off`,
    /// `client_left`, `silent`, `revoked` or `stopped`.
    pub outcome: String,
    /// The provider's HTTP status, if it answered.
    pub status: Option<u16>,
    /// From begin to end.
    pub duration_ms: u64,
    /// From begin to the answer's first byte.
    pub first_byte_ms: Option<u64>,
    /// Tokens of input.
    pub input_tokens: Option<u64>,
    /// Tokens of output.
    pub output_tokens: Option<u64>,
    /// Characters.
    pub characters: Option<u64>,
    /// Images.
    pub images: Option<u64>,
    /// Whether some of these are estimates.
    pub estimated: bool,
    /// What it cost, as far as there are prices.
    pub cost_usd: Option<Dollars>,
}

/// A page of calls, and how far back was looked for it.
#[derive(Clone, Debug)]
pub struct Found {
    /// The page. It may be empty and another may follow: a search gives up after so many.
    pub list: List<RequestView>,
    /// When the oldest call that was looked at ended.
    pub back_to: Option<Timestamp>,
    /// How many were looked at.
    pub looked_at: usize,
}

/// The latest calls, newest first.
pub async fn list(
    manage: &Manage,
    caller: &May<SeeUsage>,
    filter: Filter,
) -> Result<Found, Problem> {
    let end = filter.end.as_deref().map(|word| {
        let words = "must be `answered`, `refused`, `provider_failed` or `cut`";
        word.parse().map_err(|()| Problem::field("end", words))
    });
    let wanted = AttemptFilter {
        application: ApplicationId::named_if_any(filter.application_id.as_deref())?,
        addon: AddOnId::named_if_any(filter.addon_id.as_deref())?,
        key: KeyId::named_if_any(filter.key_id.as_deref())?,
        provider: word("provider", filter.provider)?,
        end: end.transpose()?,
        ..AttemptFilter::default()
    };
    let paging = Paging::new(filter.limit, filter.cursor);
    let (after, limit) = (paging.after()?, paging.limit()?);
    let found = manage
        .store()
        .recent_attempts(caller.organization, &wanted, after.as_ref(), limit)
        .await?;
    let Recent {
        attempts,
        next,
        looked_at,
        back_to,
    } = found;
    let data = attempts.into_iter().map(RequestView::from).collect();
    let next = next.map(|place| place.to_string());
    Ok(Found {
        list: List::part(data, next.is_some(), next),
        back_to,
        looked_at,
    })
}

impl From<UsageRow<String>> for RequestView {
    fn from(row: UsageRow<String>) -> Self {
        Self {
            end: AttemptEnd::of(&row),
            request_id: row.request,
            attempt: row.attempt,
            at: Moment(row.at),
            application_id: row.application,
            addon_id: row.addon,
            key_id: row.key,
            provider: row.provider,
            operation: row.operation,
            model: row.model.as_deref().map(ToOwned::to_owned),
            subject: row.subject.as_ref().map(pseudonym),
            outcome: row.outcome,
            status: row.status,
            duration_ms: row.duration_us / 1_000,
            first_byte_ms: row.first_byte_us.map(|us| us / 1_000),
            input_tokens: row.units.input_tokens,
            output_tokens: row.units.output_tokens,
            characters: row.units.characters,
            images: row.units.images,
            estimated: row.is_estimated,
            cost_usd: row.cost_micro_usd.map(|micro| Dollars { micro }),
        }
    }
}

/// Enough of the hash to tell end users apart, and too little to look one up by.
fn pseudonym(subject: &SubjectHash) -> String {
    let bytes = subject.as_bytes().iter().take(4);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}
