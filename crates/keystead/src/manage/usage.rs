//! `/usage`: the sums of the ledger.

use std::str::FromStr;

use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Manage, May, Problem, applications,
    body::{Body, Query},
    page::{List, Paging},
    permission::right::SeeUsage,
    time::{date, rfc3339},
};
use crate::{
    clock::Timestamp,
    ids::AddOnId,
    store::{Sums, UsageBy, UsageDays, UsageFilter, UsagePlace, UsageTotal, is_model_name},
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    /// How many days back, today included.
    days: Option<u16>,
    /// `day` or `hour`.
    by: Option<String>,
    application_id: Option<String>,
    addon_id: Option<String>,
    key_id: Option<String>,
    provider: Option<String>,
    model: Option<String>,
    limit: Option<u16>,
    cursor: Option<String>,
}

/// What was used, by day or hour, AddOn, key, operation and model.
pub(super) async fn list(
    caller: May<SeeUsage>,
    State(manage): State<Manage>,
    Query(filter): Query<Filter>,
) -> Result<Json<List<Value>>, Problem> {
    let (by, days) = match filter.by.as_deref() {
        None | Some("day") => (UsageBy::Day, days(&manage, filter.days.unwrap_or(30), 366)?),
        Some("hour") => {
            let count = filter.days.unwrap_or(1);
            (UsageBy::Hour, days(&manage, count, HOURLY_DAYS)?)
        }
        Some(_) => return Err(Problem::field("by", "must be `day` or `hour`")),
    };
    let wanted = UsageFilter {
        application: filter
            .application_id
            .map(|id| applications::parse(&id))
            .transpose()?,
        addon: parsed(filter.addon_id, "AddOn")?,
        key: parsed(filter.key_id, "key")?,
        provider: word("provider", filter.provider)?,
        model: word("model", filter.model)?,
    };
    let paging = Paging::new(filter.limit, filter.cursor);
    let after: Option<Place> = paging.after()?;
    let after = after.map(|place| place.0);
    let found = manage
        .store()
        .usage(
            caller.organization,
            by,
            days,
            &wanted,
            after.as_ref(),
            paging.limit()?,
        )
        .await?;
    let place = |total: &UsageTotal| json!(total.place).to_string();
    Ok(Json(List::of(&found, place, |total| shown(by, total))))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndUser {
    application_id: String,
    uid: String,
    days: Option<u16>,
    limit: Option<u16>,
    cursor: Option<String>,
}

/// What one end user used, by day and AddOn. The uid is in the body: addresses are written down
/// by those who pass them on.
pub(super) async fn of_subject(
    caller: May<SeeUsage>,
    State(manage): State<Manage>,
    Body(wanted): Body<EndUser>,
) -> Result<Json<List<Value>>, Problem> {
    let days = days(&manage, wanted.days.unwrap_or(30), 366)?;
    if !(1..=LONGEST_UID).contains(&wanted.uid.chars().count()) {
        let most = format!("must have 1 to {LONGEST_UID} characters");
        return Err(Problem::field("uid", most));
    }
    let paging = Paging::new(wanted.limit, wanted.cursor);
    let (after, limit) = (paging.after::<SubjectPlace>()?, paging.limit()?);
    let after = after.map(|place| (place.0, place.1));
    let id = applications::parse(&wanted.application_id)?;
    let application = manage.store().application(caller.organization, id).await?;
    let subject = manage
        .custody()
        .subject(&application, "host", "", &wanted.uid);
    let subject = subject.await?;
    let found = manage
        .store()
        .usage_of_subject(caller.organization, id, subject, days, after, limit)
        .await?;
    let show = |day: i64, addon: AddOnId, sums: &Sums| {
        let mut row = Map::new();
        row.insert("day".to_owned(), date(day).into());
        row.insert("application_id".to_owned(), json!(id));
        row.insert("addon_id".to_owned(), json!(addon));
        add(&mut row, sums);
        Value::Object(row)
    };
    Ok(Json(List::of(
        &found,
        |total| json!([total.day, total.addon]).to_string(),
        |total| show(total.day, total.addon, &total.sums),
    )))
}

/// So many days, today the last of them.
fn days(manage: &Manage, count: u16, most: u16) -> Result<UsageDays, Problem> {
    if !(1..=most).contains(&count) {
        return Err(Problem::field("days", format!("must be from 1 to {most}")));
    }
    let today = manage.store().clock().now().as_secs().div_euclid(DAY_S);
    Ok(UsageDays {
        first: today - i64::from(count) + 1,
        last: today,
    })
}

fn parsed<T: FromStr>(id: Option<String>, what: &'static str) -> Result<Option<T>, Problem> {
    let parsed = id.map(|id| id.parse().map_err(|_| Problem::NotFound(what)));
    parsed.transpose()
}

/// A provider's or a model's name.
fn word(field: &str, text: Option<String>) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if !is_model_name(&text) => {
            let detail = "must be a name: letters, digits and signs, 128 at most";
            Err(Problem::field(field, detail))
        }
        text => Ok(text),
    }
}

/// What a page of [`list`] ended with.
struct Place(UsagePlace);

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let place: UsagePlace = serde_json::from_str(text).map_err(drop)?;
        let words = [&place.provider, &place.operation];
        let is_ours = words
            .into_iter()
            .chain(&place.model)
            .all(|word| is_model_name(word));
        is_ours.then_some(Self(place)).ok_or(())
    }
}

/// What a page of [`of_subject`] ended with.
#[derive(Deserialize)]
struct SubjectPlace(i64, AddOnId);

impl FromStr for SubjectPlace {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}

fn shown(by: UsageBy, total: &UsageTotal) -> Value {
    let place = &total.place;
    let mut row = Map::new();
    match by {
        UsageBy::Day => row.insert("day".to_owned(), date(place.at).into()),
        UsageBy::Hour => {
            let begin = Timestamp::from_micros(place.at.saturating_mul(HOUR_US));
            row.insert("hour".to_owned(), rfc3339(begin).into())
        }
    };
    for (name, value) in [
        ("application_id", json!(place.application)),
        ("addon_id", json!(place.addon)),
        ("key_id", json!(place.key)),
        ("provider", json!(place.provider)),
        ("operation", json!(place.operation)),
        ("model", json!(place.model)),
    ] {
        row.insert(name.to_owned(), value);
    }
    add(&mut row, &total.sums);
    Value::Object(row)
}

/// The sums, money in dollars.
fn add(row: &mut Map<String, Value>, sums: &Sums) {
    for (name, sum) in sums.named() {
        match name.strip_suffix("_micro_usd") {
            Some(what) => row.insert(format!("{what}_usd"), dollars(sum).into()),
            None => row.insert(name.to_owned(), sum.into()),
        };
    }
}

/// Millionths of a dollar as dollars, to the last digit.
fn dollars(micro: u64) -> String {
    format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000)
}

const DAY_S: i64 = 86_400;
const HOUR_US: i64 = 3_600_000_000;
/// Further back hours are too many to read.
const HOURLY_DAYS: u16 = 7;
/// As long as the token endpoint takes them.
const LONGEST_UID: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_told_to_the_last_digit() {
        for (micro, expected) in [
            (0, "0.000000"),
            (12_345, "0.012345"),
            (1_000_000, "1.000000"),
            (u64::MAX, "18446744073709.551615"),
        ] {
            assert_eq!(dollars(micro), expected);
        }
    }
}
