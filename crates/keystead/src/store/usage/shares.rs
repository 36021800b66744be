//! What was used, told apart by one thing: by provider, by key, by model; or by it and the day.
//!
//! Each of these has sums of its own, by the day, which answer whatever names one of them at most: of
//! a thousand keys nobody reads all days to see the providers. Other questions are answered from the
//! sums by the day and all of these things together.

use super::query::{Question, UsageDays, UsageFilter};
use crate::{
    ids::OrganizationId,
    store::{Backend, Columns, Store, StoreError, Unfit},
};

/// What sums are told apart by.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum UsageGroup {
    /// The provider.
    Provider,
    /// The application.
    Application,
    /// The AddOn.
    AddOn,
    /// The key.
    Key,
    /// The model.
    Model,
}

impl UsageGroup {
    pub(super) const ALL: [Self; 5] = [
        Self::Provider,
        Self::Application,
        Self::AddOn,
        Self::Key,
        Self::Model,
    ];

    /// What its own sums are marked with.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Application => "application",
            Self::AddOn => "addon",
            Self::Key => "key",
            Self::Model => "model",
        }
    }

    /// What the sums of all things together call it.
    pub(super) fn column(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Application => "application_id",
            Self::AddOn => "addon_id",
            Self::Key => "key_id",
            Self::Model => "model",
        }
    }
}

/// The sums that people look at.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Figures {
    /// Attempts that may have done work.
    pub requests: u64,
    /// Attempts that ended otherwise than with a whole answer that says yes.
    pub failed: u64,
    /// Tokens of input.
    pub input_tokens: u64,
    /// Tokens of output.
    pub output_tokens: u64,
    /// Characters.
    pub characters: u64,
    /// Images.
    pub images: u64,
    /// What it cost, in millionths of a US dollar, where the model has a price.
    pub cost_micro_usd: u64,
    /// What it may have cost at most, where the model has none.
    pub unpriced_micro_usd: u64,
}

impl Figures {
    const NAMES: [&'static str; 8] = [
        "requests",
        "failed",
        "input_tokens",
        "output_tokens",
        "characters",
        "images",
        "cost_micro_usd",
        "unpriced_micro_usd",
    ];

    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in self.each().into_iter().zip({ *other }.each()) {
            *sum = sum.saturating_add(*more);
        }
    }

    /// Takes others off.
    pub fn take_off(&mut self, other: &Self) {
        for (sum, less) in self.each().into_iter().zip({ *other }.each()) {
            *sum = sum.saturating_sub(*less);
        }
    }

    /// Everything that it cost, as far as anybody can tell.
    #[must_use]
    pub fn cost(&self) -> u64 {
        self.cost_micro_usd.saturating_add(self.unpriced_micro_usd)
    }

    fn each(&mut self) -> [&mut u64; 8] {
        [
            &mut self.requests,
            &mut self.failed,
            &mut self.input_tokens,
            &mut self.output_tokens,
            &mut self.characters,
            &mut self.images,
            &mut self.cost_micro_usd,
            &mut self.unpriced_micro_usd,
        ]
    }

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        let mut figures = Self::default();
        for sum in figures.each() {
            // What was taken back twice would be less than nothing.
            *sum = u64::try_from(columns.number()?).unwrap_or(0);
        }
        Ok(figures)
    }
}

/// What belongs to one provider, key, model, and so on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UsageShare {
    /// Whose it is: an id or a name; empty for attempts without key or model.
    pub name: String,
    /// How much.
    pub figures: Figures,
}

impl UsageShare {
    fn of_day(columns: &mut Columns<'_>) -> Result<(i64, Self), Unfit> {
        let day = columns.number()?;
        let share = Self {
            name: columns.text()?,
            figures: Figures::read(columns)?,
        };
        Ok((day, share))
    }
}

impl Store {
    /// What was used on these days by each of a group, those with the most requests first, so many
    /// at most.
    pub async fn usage_shares(
        &self,
        organization: OrganizationId,
        days: UsageDays,
        filter: &UsageFilter,
        group: UsageGroup,
        limit: u16,
    ) -> Result<Vec<UsageShare>, StoreError> {
        let asked = Asked::of(filter, Some(group));
        // Not the column as it is: SQLite would walk through the index of all keys, for the sake of
        // the groups' order.
        let columns = format!("{} || '', {}", asked.column, self.figures());
        let mut question = asked.question(&columns, organization, days)?;
        question.ends(&format!("GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {limit}"));
        let read = |columns: &mut Columns<'_>| {
            Ok(UsageShare {
                name: columns.text()?,
                figures: Figures::read(columns)?,
            })
        };
        self.answers(question, read).await
    }

    /// What was used on each of these days; those without any are left out.
    pub async fn usage_by_day(
        &self,
        organization: OrganizationId,
        days: UsageDays,
        filter: &UsageFilter,
    ) -> Result<Vec<(i64, Figures)>, StoreError> {
        let asked = Asked::of(filter, None);
        let columns = format!("day, {}", self.figures());
        let mut question = asked.question(&columns, organization, days)?;
        question.ends("GROUP BY day ORDER BY day");
        let read = |columns: &mut Columns<'_>| Ok((columns.number()?, Figures::read(columns)?));
        self.answers(question, read).await
    }

    /// What was used on each of these days by these of a group.
    pub async fn usage_by_day_of(
        &self,
        organization: OrganizationId,
        days: UsageDays,
        filter: &UsageFilter,
        group: UsageGroup,
        names: &[String],
    ) -> Result<Vec<(i64, UsageShare)>, StoreError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let asked = Asked::of(filter, Some(group));
        let column = asked.column;
        let columns = format!("day, {column}, {}", self.figures());
        let mut question = asked.question(&columns, organization, days)?;
        let places = names.iter().map(|name| question.place(name.clone()));
        let places: Vec<_> = places.collect::<Result<_, _>>()?;
        question.ends(&format!(
            "AND {column} IN ({}) GROUP BY day, {column} ORDER BY day, {column}",
            places.join(", ")
        ));
        self.answers(question, UsageShare::of_day).await
    }

    /// What was used on each of these days at each provider: there are few of those, so all of it
    /// is told at once.
    pub async fn usage_by_day_and_provider(
        &self,
        organization: OrganizationId,
        days: UsageDays,
        filter: &UsageFilter,
    ) -> Result<Vec<(i64, UsageShare)>, StoreError> {
        let asked = Asked::of(filter, Some(UsageGroup::Provider));
        let column = asked.column;
        let columns = format!("day, {column}, {}", self.figures());
        let mut question = asked.question(&columns, organization, days)?;
        question.ends(&format!("GROUP BY day, {column} ORDER BY day, {column}"));
        self.answers(question, UsageShare::of_day).await
    }

    /// Each of the figures, added up.
    fn figures(&self) -> String {
        // A sum of sums may be more than the store's numbers hold; both of these stop there.
        let sums = Figures::NAMES.map(|name| match self.0.backend {
            Backend::Sqlite => format!("CAST(TOTAL({name}) AS INTEGER)"),
            Backend::Postgres => format!("CAST(LEAST(SUM({name}), {}) AS BIGINT)", i64::MAX),
        });
        sums.join(", ")
    }
}

/// Which sums answer, and what is asked of them.
struct Asked<'a> {
    filter: &'a UsageFilter,
    /// Whose own sums answer; those of all things together where there are none.
    kind: Option<UsageGroup>,
    /// What the things to tell apart are called there.
    column: &'static str,
}

impl<'a> Asked<'a> {
    /// Of what fits the filter, told apart by a group or not at all.
    fn of(filter: &'a UsageFilter, group: Option<UsageGroup>) -> Self {
        let kind = match (&filter.given()[..], group) {
            // Each of these adds up to everything, and of providers there are the fewest.
            ([], group) => Some(group.unwrap_or(UsageGroup::Provider)),
            ([(given, _)], group) if group.is_none_or(|group| group == *given) => Some(*given),
            _ => None,
        };
        Self {
            filter,
            kind,
            column: match (kind, group) {
                (None, Some(group)) => group.column(),
                _ => "name",
            },
        }
    }

    fn question(
        &self,
        columns: &str,
        organization: OrganizationId,
        days: UsageDays,
    ) -> Result<Question, StoreError> {
        let table = match self.kind {
            Some(_) => "usage_shares",
            None => "usage_days",
        };
        let mut question = Question::about(table, columns, organization)?;
        // What is named stands behind the day in the sums' order. Day by day it is found at once;
        // in a span of days only by reading everything.
        question.and_one_of("day", days.first..=days.last);
        let Some(kind) = self.kind else {
            question.and_fits(self.filter)?;
            return Ok(question);
        };
        question.and("kind =", kind.word().to_owned())?;
        for (_, name) in self.filter.given() {
            question.and("name =", name)?;
        }
        Ok(question)
    }
}
