//! What was used, told apart by one thing: by provider, by key, by model; or by it and the day.

use super::query::{Question, UsageDays, UsageFilter};
use crate::{
    ids::OrganizationId,
    store::{Backend, Columns, Store, StoreError, Unfit},
};

/// What sums are told apart by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
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
    fn column(self) -> &'static str {
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
        let column = group.column();
        let mut question = self.summed(&format!("{column}, "), organization, days, filter)?;
        question.ends(&format!(
            "GROUP BY {column} ORDER BY 2 DESC, {column} LIMIT {limit}"
        ));
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
        let mut question = self.summed("day, ", organization, days, filter)?;
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
        let column = group.column();
        let key = format!("day, {column}, ");
        let mut question = self.summed(&key, organization, days, filter)?;
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
        let mut question = self.summed("day, provider, ", organization, days, filter)?;
        question.ends("GROUP BY day, provider ORDER BY day, provider");
        self.answers(question, UsageShare::of_day).await
    }

    /// A question for the sums of days, added up; `key` is what is told apart, with a comma behind.
    fn summed(
        &self,
        key: &str,
        organization: OrganizationId,
        days: UsageDays,
        filter: &UsageFilter,
    ) -> Result<Question, StoreError> {
        // A sum of sums may be more than the store's numbers hold; both of these stop there.
        let sums = Figures::NAMES.map(|name| match self.0.backend {
            Backend::Sqlite => format!("CAST(TOTAL({name}) AS INTEGER)"),
            Backend::Postgres => format!("CAST(LEAST(SUM({name}), {}) AS BIGINT)", i64::MAX),
        });
        let columns = format!("{key}{}", sums.join(", "));
        let mut question = Question::about("usage_days", &columns, organization)?;
        question.and("day >=", days.first)?;
        question.and("day <=", days.last)?;
        question.and_fits(filter)?;
        Ok(question)
    }
}
