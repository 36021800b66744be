//! The latest calls as a file.

use axum::extract::{RawQuery, State};

use super::{Answer, Console, Listing, PATH, Person, filter};
use crate::{
    console::{export, refused::Refused},
    manage::{
        permission::right::SeeUsage,
        requests::{self, RequestView},
        time::rfc3339,
    },
};

/// How many calls are looked at for one file; in a search for few of many, that is the end of it.
const MOST_LOOKED_AT: usize = 100_000;

const COLUMNS: &[&str] = &[
    "at",
    "request_id",
    "attempt",
    "application_id",
    "addon_id",
    "key_id",
    "provider",
    "operation",
    "model",
    "subject",
    "end",
    "outcome",
    "status",
    "duration_ms",
    "first_byte_ms",
    "input_tokens",
    "output_tokens",
    "characters",
    "images",
    "estimated",
    "cost_usd",
];

pub(in crate::console) async fn csv(
    State(console): State<Console>,
    person: Person,
    RawQuery(query): RawQuery,
) -> Answer {
    let all = whole(&console, &person, query.as_deref()).await?;
    let rows: Vec<_> = all.iter().map(row).collect();
    Ok(export::csv("requests", COLUMNS, &rows))
}

pub(in crate::console) async fn json(
    State(console): State<Console>,
    person: Person,
    RawQuery(query): RawQuery,
) -> Answer {
    let all = whole(&console, &person, query.as_deref()).await?;
    Ok(export::json("requests", &all))
}

/// Every page of the list, up to what one file holds.
async fn whole(
    console: &Console,
    person: &Person,
    query: Option<&str>,
) -> Result<Vec<RequestView>, Refused> {
    let may = person.may::<SeeUsage>(console).await?;
    let listing = Listing::of(PATH, super::FILTERS, query);
    let (mut all, mut looked_at, mut cursor) = (Vec::new(), 0, None);
    loop {
        let mut filter = filter(&listing);
        filter.limit = Some(export::AT_ONCE);
        filter.cursor = cursor;
        let found = requests::list(console.manage(), &may, filter).await?;
        all.extend(found.list.data);
        looked_at += found.looked_at;
        cursor = found.list.next_cursor;
        if cursor.is_none() || all.len() >= export::MOST || looked_at >= MOST_LOOKED_AT {
            return Ok(all);
        }
    }
}

fn row(one: &RequestView) -> Vec<String> {
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    vec![
        rfc3339(one.at.0),
        one.request_id.to_string(),
        one.attempt.to_string(),
        one.application_id.to_string(),
        one.addon_id.to_string(),
        one.key_id.map(|id| id.to_string()).unwrap_or_default(),
        one.provider.clone(),
        one.operation.clone(),
        one.model.clone().unwrap_or_default(),
        one.subject.clone().unwrap_or_default(),
        one.end.word().to_owned(),
        one.outcome.clone(),
        number(one.status.map(u64::from)),
        one.duration_ms.to_string(),
        number(one.first_byte_ms),
        number(one.input_tokens),
        number(one.output_tokens),
        number(one.characters),
        number(one.images),
        one.estimated.to_string(),
        one.cost_usd
            .map(|cost| cost.to_string())
            .unwrap_or_default(),
    ]
}
