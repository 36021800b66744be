//! `/usage`: the ledger, summed by day.

use std::{str::FromStr, time::Duration};

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Api, May, Problem, applications,
    body::Query,
    page::{List, Paging},
    permission::right::SeeUsage,
    time::date,
};
use crate::{
    clock::Timestamp,
    ids::{AddOnId, ApplicationId, KeyId},
    store::UsageTotal,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    /// How many days back, today included.
    days: Option<u16>,
    application_id: Option<String>,
    limit: Option<u16>,
    cursor: Option<String>,
}

/// What was used, by day, AddOn, key, operation and model. `null` is never zero in the ledger;
/// here the sums hold what was reported.
pub(super) async fn list(
    caller: May<SeeUsage>,
    State(api): State<Api>,
    Query(filter): Query<Filter>,
) -> Result<Json<List<Value>>, Problem> {
    let days = filter.days.unwrap_or(30);
    if !(1..=366).contains(&days) {
        return Err(Problem::field("days", "must be from 1 to 366"));
    }
    let application = match &filter.application_id {
        Some(id) => Some(applications::parse(id)?),
        None => None,
    };
    let paging = Paging::new(filter.limit, filter.cursor);
    let after: Option<Place> = paging.after()?;
    let take = usize::from(paging.limit()?);

    let now = api.store().clock().now();
    let today = now.as_secs().div_euclid(DAY_S);
    let first = Timestamp::from_micros((today - i64::from(days) + 1) * DAY_S * 1_000_000);
    let until = now + Duration::from_secs(1);
    let totals = api.store().usage(caller.organization, first, until).await?;
    let mut rows = totals
        .iter()
        .filter(|row| application.is_none_or(|id| row.application == id))
        .filter(|row| after.as_ref().is_none_or(|last| Place::of(row) > *last));
    let page: Vec<&UsageTotal> = rows.by_ref().take(take).collect();
    let has_more = rows.next().is_some();
    let last = page.last().map(|row| json!(Place::of(row)).to_string());
    let data = page.into_iter().map(shown).collect();
    Ok(Json(List::part(data, has_more, last)))
}

/// Where a row stands: the list is sorted by it, so one that comes between two pages shifts none.
#[derive(Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
struct Place(
    i64,
    ApplicationId,
    AddOnId,
    Option<KeyId>,
    String,
    String,
    Option<String>,
);

impl Place {
    fn of(total: &UsageTotal) -> Self {
        Self(
            total.day,
            total.application,
            total.addon,
            total.key,
            total.provider.clone(),
            total.operation.clone(),
            total.model.clone(),
        )
    }
}

impl FromStr for Place {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}

fn shown(total: &UsageTotal) -> Value {
    json!({
        "day": date(total.day),
        "application_id": total.application,
        "addon_id": total.addon,
        "key_id": total.key,
        "provider": total.provider,
        "operation": total.operation,
        "model": total.model,
        "attempts": total.attempts,
        "input_tokens": total.input_tokens,
        "cached_tokens": total.cached_tokens,
        "output_tokens": total.output_tokens,
        "characters": total.characters,
        "images": total.images,
        "transactions": total.transactions,
        "credits_milli": total.credits_milli,
    })
}

const DAY_S: i64 = 86_400;
