//! `/usage`: the ledger, summed by day.

use std::time::Duration;

use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Api, May, Problem, applications,
    body::Query,
    page::{List, Paging},
    permission::right::SeeUsage,
    time::date,
};
use crate::{clock::Timestamp, store::UsageTotal};

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
    let skip = match paging.after()?.as_str() {
        "" => 0,
        after => after.parse().map_err(|_| Problem::InvalidCursor)?,
    };
    let take = usize::from(paging.limit()?);

    let now = api.store().clock().now();
    let today = now.as_secs().div_euclid(DAY_S);
    let first = Timestamp::from_micros((today - i64::from(days) + 1) * DAY_S * 1_000_000);
    let until = now + Duration::from_secs(1);
    let totals = api.store().usage(caller.organization, first, until).await?;
    let mut rows = totals
        .iter()
        .filter(|row| application.is_none_or(|id| row.application == id));
    let data: Vec<Value> = rows.by_ref().skip(skip).take(take).map(shown).collect();
    let has_more = rows.next().is_some();
    let last = (skip + data.len()).to_string();
    Ok(Json(List::part(data, has_more, Some(last))))
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
