//! What was used: asked of the sums alone, a page at a time.

use keystead_vault::SubjectHash;
use serde::{Deserialize, Serialize};
use sqlx::{Any, Arguments as _, AssertSqlSafe, Encode, Type, any::AnyArguments};

use super::{
    Sums, UsageGroup,
    sums::{HOURS_A_DAY, text_of},
};
use crate::{
    ids::{AddOnId, ApplicationId, KeyId, OrganizationId},
    store::{Columns, Listed, Store, StoreError, Unfit},
};

/// Which sums are wanted; what is `None` is not asked about.
#[derive(Clone, Debug, Default)]
pub struct UsageFilter {
    /// Of this application.
    pub application: Option<ApplicationId>,
    /// Of this AddOn.
    pub addon: Option<AddOnId>,
    /// Of this key.
    pub key: Option<KeyId>,
    /// Of this provider.
    pub provider: Option<String>,
    /// Of this model.
    pub model: Option<String>,
}

impl UsageFilter {
    /// What is asked about, and how it is called.
    pub(super) fn given(&self) -> Vec<(UsageGroup, String)> {
        let all = [
            (
                UsageGroup::Application,
                self.application.map(|id| id.to_string()),
            ),
            (UsageGroup::AddOn, self.addon.map(|id| id.to_string())),
            (UsageGroup::Key, self.key.map(|id| id.to_string())),
            (UsageGroup::Provider, self.provider.clone()),
            (UsageGroup::Model, self.model.clone()),
        ];
        let given = all.into_iter();
        given
            .filter_map(|(group, name)| Some((group, name?)))
            .collect()
    }
}

/// How time is cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UsageBy {
    /// Into days.
    Day,
    /// Into hours.
    Hour,
}

/// The days (UTC, counted from 1970-01-01) that are asked about, the last one included.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UsageDays {
    /// The first.
    pub first: i64,
    /// The last.
    pub last: i64,
}

/// What is told apart. A list is sorted by it, so one that comes between two pages shifts none.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UsagePlace {
    /// Days or hours since 1970-01-01.
    pub at: i64,
    /// The application.
    pub application: ApplicationId,
    /// The AddOn.
    pub addon: AddOnId,
    /// The key.
    pub key: Option<KeyId>,
    /// The provider's name.
    pub provider: String,
    /// The operation's name.
    pub operation: String,
    /// The model.
    pub model: Option<String>,
}

/// What was used of one key by one AddOn for one operation and model in a day or an hour.
#[derive(Clone, Debug)]
pub struct UsageTotal {
    /// Where it belongs.
    pub place: UsagePlace,
    /// How much.
    pub sums: Sums,
}

/// What one end user used at one AddOn on one day.
#[derive(Clone, Debug)]
pub struct SubjectTotal {
    /// Days since 1970-01-01.
    pub day: i64,
    /// The AddOn.
    pub addon: AddOnId,
    /// How much.
    pub sums: Sums,
}

impl Store {
    /// What an organization used on these days, behind `after`.
    pub async fn usage(
        &self,
        organization: OrganizationId,
        by: UsageBy,
        days: UsageDays,
        filter: &UsageFilter,
        after: Option<&UsagePlace>,
        limit: u16,
    ) -> Result<Listed<UsageTotal>, StoreError> {
        let (table, at, units) = match by {
            UsageBy::Day => ("usage_days", "day", 1),
            UsageBy::Hour => ("usage_hours", "hour", HOURS_A_DAY),
        };
        let key = format!("{at}, application_id, addon_id, key_id, provider, operation, model");
        let mut question = Question::about(table, &with_sums(&key), organization)?;
        question.and(&format!("{at} >="), days.first * units)?;
        question.and(&format!("{at} <"), (days.last + 1) * units)?;
        question.and_fits(filter)?;
        if let Some(after) = after {
            let places = [
                question.place(after.at)?,
                question.place(after.application.to_string())?,
                question.place(after.addon.to_string())?,
                question.place(text_of(after.key))?,
                question.place(after.provider.clone())?,
                question.place(after.operation.clone())?,
                question.place(after.model.clone().unwrap_or_default())?,
            ];
            question.behind(&key, &places);
        }
        let read = |columns: &mut Columns<'_>| {
            Ok(UsageTotal {
                place: UsagePlace {
                    at: columns.number()?,
                    application: columns.parsed()?,
                    addon: columns.parsed()?,
                    key: none_if_empty(&columns.text()?)?,
                    provider: columns.text()?,
                    operation: columns.text()?,
                    model: none_if_empty(&columns.text()?)?,
                },
                sums: sums(columns)?,
            })
        };
        let fetch = u32::from(limit) + 1;
        question.ends(&format!("ORDER BY {key} LIMIT {fetch}"));
        Ok(listed(self.answers(question, read).await?, limit))
    }

    /// What an end user of an application used on these days, by day and AddOn, behind `after`.
    pub async fn usage_of_subject(
        &self,
        organization: OrganizationId,
        application: ApplicationId,
        subject: SubjectHash,
        days: UsageDays,
        after: Option<(i64, AddOnId)>,
        limit: u16,
    ) -> Result<Listed<SubjectTotal>, StoreError> {
        let key = "day, addon_id";
        let mut question = Question::about("usage_subjects", &with_sums(key), organization)?;
        question.and("subject =", subject.as_bytes().to_vec())?;
        question.and("application_id =", application.to_string())?;
        question.and("day >=", days.first)?;
        question.and("day <=", days.last)?;
        if let Some((day, addon)) = after {
            let places = [question.place(day)?, question.place(addon.to_string())?];
            question.behind(key, &places);
        }
        let read = |columns: &mut Columns<'_>| {
            Ok(SubjectTotal {
                day: columns.number()?,
                addon: columns.parsed()?,
                sums: sums(columns)?,
            })
        };
        let fetch = u32::from(limit) + 1;
        question.ends(&format!("ORDER BY {key} LIMIT {fetch}"));
        Ok(listed(self.answers(question, read).await?, limit))
    }

    /// Asks, and reads every row of the answer.
    pub(super) async fn answers<T>(
        &self,
        question: Question,
        read: impl Fn(&mut Columns<'_>) -> Result<T, Unfit>,
    ) -> Result<Vec<T>, StoreError> {
        let Question {
            table,
            organization,
            text,
            arguments,
        } = question;
        let rows = sqlx::query_with(AssertSqlSafe(text), arguments)
            .fetch_all(&self.0.read)
            .await?;
        let read = |row| {
            let read = read(&mut Columns::of(row));
            read.map_err(|_| self.tampered(table, organization.to_string()))
        };
        rows.iter().map(read).collect()
    }
}

fn listed<T>(mut rows: Vec<T>, limit: u16) -> Listed<T> {
    let has_more = rows.len() > usize::from(limit);
    rows.truncate(usize::from(limit));
    Listed { rows, has_more }
}

/// What is told apart, and every sum.
fn with_sums(key: &str) -> String {
    format!("{key}, {}", Sums::NAMES.join(", "))
}

/// A `SELECT` in the making: what it says and what its places hold.
pub(super) struct Question {
    table: &'static str,
    organization: OrganizationId,
    text: String,
    arguments: AnyArguments,
}

impl Question {
    /// Of one organization's rows of a table.
    pub(super) fn about(
        table: &'static str,
        columns: &str,
        organization: OrganizationId,
    ) -> Result<Self, StoreError> {
        let mut question = Self {
            table,
            organization,
            text: format!("SELECT {columns} FROM {table} WHERE organization_id = $1"),
            arguments: AnyArguments::default(),
        };
        question.place(organization.to_string())?;
        Ok(question)
    }

    /// A place that holds a value, as the text names it.
    pub(super) fn place(
        &mut self,
        value: impl for<'a> Encode<'a, Any> + Type<Any>,
    ) -> Result<String, StoreError> {
        self.arguments.add(value).map_err(sqlx::Error::Encode)?;
        Ok(format!("${}", self.arguments.len()))
    }

    pub(super) fn and(
        &mut self,
        condition: &str,
        value: impl for<'a> Encode<'a, Any> + Type<Any>,
    ) -> Result<(), StoreError> {
        let place = self.place(value)?;
        self.text.push_str(&format!(" AND {condition} {place}"));
        Ok(())
    }

    /// The column holds one of these numbers, which the text says itself.
    pub(super) fn and_one_of(&mut self, column: &str, numbers: impl Iterator<Item = i64>) {
        let numbers: Vec<_> = numbers.map(|number| number.to_string()).collect();
        self.ends(&format!("AND {column} IN ({})", numbers.join(", ")));
    }

    pub(super) fn and_fits(&mut self, filter: &UsageFilter) -> Result<(), StoreError> {
        for (group, name) in filter.given() {
            self.and(&format!("{} =", group.column()), name)?;
        }
        Ok(())
    }

    /// Adds what follows the conditions.
    pub(super) fn ends(&mut self, text: &str) {
        self.text.push(' ');
        self.text.push_str(text);
    }

    fn behind(&mut self, key: &str, places: &[String]) {
        let places = places.join(", ");
        self.text.push_str(&format!(" AND ({key}) > ({places})"));
    }
}

fn sums(columns: &mut Columns<'_>) -> Result<Sums, Unfit> {
    let mut sums = Sums::default();
    for sum in &mut sums.0 {
        *sum = columns.count()?;
    }
    Ok(sums)
}

fn none_if_empty<T: std::str::FromStr>(text: &str) -> Result<Option<T>, Unfit> {
    match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| Unfit),
    }
}
