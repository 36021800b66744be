//! The sums of the ledger.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, Serializer};
use serde_json::json;
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use super::{
    List, Manage, May, Object as _, Paging, Problem,
    permission::right::SeeUsage,
    time::{Day, Moment},
};
use crate::{
    clock::Timestamp,
    ids::{AddOnId, ApplicationId, KeyId},
    store::{
        SubjectTotal, Sums, UsageBy, UsageDays, UsageFilter, UsagePlace, UsageTotal, is_model_name,
    },
};

/// What of the ledger is wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// How many days back, today included: up to 366, by hour up to 7; 30, by hour 1, if left out.
    pub days: Option<u16>,
    /// `day` (which is what holds if it is left out) or `hour`.
    pub by: Option<String>,
    /// Of this application.
    pub application_id: Option<String>,
    /// Of this AddOn.
    pub addon_id: Option<String>,
    /// Of this key.
    pub key_id: Option<String>,
    /// Of this provider.
    pub provider: Option<String>,
    /// Of this model.
    pub model: Option<String>,
    /// How many rows at most, from 1 to 200; 50 if left out.
    pub limit: Option<u16>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Whose usage is wanted.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EndUserQuestion)]
pub struct EndUser {
    /// The application that names them so.
    pub application_id: String,
    /// The end user, as the application names them.
    pub uid: String,
    /// How many days back, today included, up to 366; 30 if left out.
    pub days: Option<u16>,
    /// How many rows at most, from 1 to 200; 50 if left out.
    pub limit: Option<u16>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// What was used of one key by one AddOn for one operation and model in a day or an hour.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UsageView {
    /// The day; absent in a list by hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub day: Option<Day>,
    /// When the hour began; absent in a list by day.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub hour: Option<Moment>,
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
    /// The model.
    pub model: Option<String>,
    /// How much.
    #[serde(flatten)]
    pub sums: SumsView,
}

/// What an end user used of one AddOn in a day.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EndUserUsageView {
    /// The day.
    pub day: Day,
    /// The application.
    pub application_id: ApplicationId,
    /// The AddOn.
    pub addon_id: AddOnId,
    /// How much.
    #[serde(flatten)]
    pub sums: SumsView,
}

/// Sums of attempts.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, ToSchema)]
pub struct SumsView {
    /// Attempts, retries included.
    pub attempts: u64,
    /// Those that a provider may have worked for.
    pub requests: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those whose usage is an estimate.
    pub estimated: u64,
    /// Those without a price.
    pub unpriced: u64,
    /// Tokens of input.
    pub input_tokens: u64,
    /// Of these, those that came from a provider's cache.
    pub cached_tokens: u64,
    /// Tokens written into a provider's cache.
    pub cache_write_tokens: u64,
    /// Tokens of output.
    pub output_tokens: u64,
    /// Of these, those that nobody is shown.
    pub reasoning_tokens: u64,
    /// Characters.
    pub characters: u64,
    /// Images.
    pub images: u64,
    /// Seconds of sound.
    pub seconds: u64,
    /// A provider's transactions.
    pub transactions: u64,
    /// Thousandths of a provider's credits.
    pub credits_milli: u64,
    /// What it cost.
    pub cost_usd: Dollars,
    /// What it would have cost at the provider's dearest, where there is no price.
    pub unpriced_usd: Dollars,
}

/// Dollars, to a millionth: `0.012345`.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Dollars {
    /// Millionths.
    pub micro: u64,
}

/// What was used, by day or hour, AddOn, key, operation and model.
pub async fn list(
    manage: &Manage,
    caller: &May<SeeUsage>,
    filter: Filter,
) -> Result<List<UsageView>, Problem> {
    let (by, days) = match filter.by.as_deref() {
        None | Some("day") => (UsageBy::Day, days(manage, filter.days.unwrap_or(30), 366)?),
        Some("hour") => {
            let count = filter.days.unwrap_or(1);
            (UsageBy::Hour, days(manage, count, HOURLY_DAYS)?)
        }
        Some(_) => return Err(Problem::field("by", "must be `day` or `hour`")),
    };
    let wanted = UsageFilter {
        application: ApplicationId::named_if_any(filter.application_id.as_deref())?,
        addon: AddOnId::named_if_any(filter.addon_id.as_deref())?,
        key: KeyId::named_if_any(filter.key_id.as_deref())?,
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
    Ok(List::of(found, place, |total| view(by, total)))
}

/// What one end user used, by day and AddOn. The uid is in the body: addresses are written down
/// by those who pass them on.
pub async fn of_subject(
    manage: &Manage,
    caller: &May<SeeUsage>,
    wanted: EndUser,
) -> Result<List<EndUserUsageView>, Problem> {
    let days = days(manage, wanted.days.unwrap_or(30), 366)?;
    if !(1..=LONGEST_UID).contains(&wanted.uid.chars().count()) {
        let most = format!("must have 1 to {LONGEST_UID} characters");
        return Err(Problem::field("uid", most));
    }
    let paging = Paging::new(wanted.limit, wanted.cursor);
    let (after, limit) = (paging.after::<SubjectPlace>()?, paging.limit()?);
    let after = after.map(|place| (place.0, place.1));
    let id = ApplicationId::named(&wanted.application_id)?;
    let application = manage.store().application(caller.organization, id).await?;
    let subject = manage
        .custody()
        .subject(&application, "host", "", &wanted.uid);
    let subject = subject.await?;
    let found = manage
        .store()
        .usage_of_subject(caller.organization, id, subject, days, after, limit)
        .await?;
    let place = |total: &SubjectTotal| json!([total.day, total.addon]).to_string();
    Ok(List::of(found, place, |total| EndUserUsageView {
        day: Day(total.day),
        application_id: id,
        addon_id: total.addon,
        sums: total.sums.into(),
    }))
}

/// So many days, today the last of them.
pub(super) fn days(manage: &Manage, count: u16, most: u16) -> Result<UsageDays, Problem> {
    if !(1..=most).contains(&count) {
        return Err(Problem::field("days", format!("must be from 1 to {most}")));
    }
    let today = manage.store().clock().now().as_secs().div_euclid(DAY_S);
    Ok(UsageDays {
        first: today - i64::from(count) + 1,
        last: today,
    })
}

/// A provider's or a model's name.
pub(super) fn word(field: &str, text: Option<String>) -> Result<Option<String>, Problem> {
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

fn view(by: UsageBy, total: UsageTotal) -> UsageView {
    let place = total.place;
    let hour = || Moment(Timestamp::from_micros(place.at.saturating_mul(HOUR_US)));
    let (day, hour) = match by {
        UsageBy::Day => (Some(Day(place.at)), None),
        UsageBy::Hour => (None, Some(hour())),
    };
    UsageView {
        day,
        hour,
        application_id: place.application,
        addon_id: place.addon,
        key_id: place.key,
        provider: place.provider,
        operation: place.operation,
        model: place.model,
        sums: total.sums.into(),
    }
}

impl From<Sums> for SumsView {
    fn from(sums: Sums) -> Self {
        let [
            attempts,
            requests,
            failed,
            estimated,
            unpriced,
            input_tokens,
            cached_tokens,
            cache_write_tokens,
            output_tokens,
            reasoning_tokens,
            characters,
            images,
            seconds,
            transactions,
            credits_milli,
            cost,
            unpriced_cost,
        ] = sums.values();
        Self {
            attempts,
            requests,
            failed,
            estimated,
            unpriced,
            input_tokens,
            cached_tokens,
            cache_write_tokens,
            output_tokens,
            reasoning_tokens,
            characters,
            images,
            seconds,
            transactions,
            credits_milli,
            cost_usd: Dollars { micro: cost },
            unpriced_usd: Dollars {
                micro: unpriced_cost,
            },
        }
    }
}

impl fmt::Display for Dollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{:06}",
            self.micro / 1_000_000,
            self.micro % 1_000_000
        )
    }
}

impl PartialSchema for Dollars {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(r"^[0-9]+\.[0-9]{6}$"))
            .examples(["0.012345"])
            .into()
    }
}

impl ToSchema for Dollars {}

impl Serialize for Dollars {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
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
            assert_eq!(Dollars { micro }.to_string(), expected);
        }
    }
}
