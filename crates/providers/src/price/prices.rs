//! The choice of a price, once a call, without allocating.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
};

use foldhash::fast::RandomState;

use super::{Day, MicroUsd, Price, PriceList, amount::PerMillion};
use crate::{Usage, model_name::ModelName};

/// A provider's prices, and those that a deployment puts in their place.
#[derive(Clone, Debug)]
pub struct Prices {
    models: Models,
    dearest: Vec<Dearest>,
}

/// All rows of each model. By names of ours: a quick hash will do.
type Models = HashMap<String, Vec<Row>, RandomState>;

/// What the provider takes at most for each unit, from one day on: by the length of the prompt,
/// the shortest first. Summed up beforehand, since every call of a model without a price asks.
#[derive(Clone, Debug)]
struct Dearest {
    since: Day,
    rates: Vec<(u64, Rates)>,
}

/// What a call costs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cost {
    /// Millionths of a US dollar, rounded up. `None` when the provider's tables have no price for
    /// something that was used: an unknown cost is not nothing.
    pub micro_usd: Option<u64>,
    /// Whether the model has prices of its own for all that was used. Where it has not, the
    /// dearest of the provider were taken.
    pub is_priced: bool,
}

/// A row, made ready to be multiplied with.
#[derive(Clone, Debug)]
struct Row {
    since: Day,
    /// The deployment's own table prices the model from this day on.
    until: Option<Day>,
    up_to_input: Option<u64>,
    rates: Rates,
}

/// What one of each unit costs, in millionths of a millionth of a dollar.
#[derive(Clone, Copy, Debug, Default)]
struct Rates {
    input: Option<u128>,
    cached: Option<u128>,
    cache_write: Option<u128>,
    output: Option<u128>,
    characters: Option<u128>,
    image: Option<u128>,
    second: Option<u128>,
    transaction: Option<u128>,
    credit_milli: Option<u128>,
}

/// The model of rows for every call without one of its own.
const ANY: &str = "*";

impl Prices {
    /// Puts a deployment's own table before the built-in one: a model that it names is priced by
    /// it alone, from the first day that it has a price for.
    pub fn new(built_in: &PriceList, own: Option<PriceList>) -> Self {
        let own = own.unwrap_or_default();
        let replaced = |model: &str| {
            let named = own.rows().iter().filter(|row| row.model == model);
            named.map(|row| row.since).min()
        };
        let built_in = built_in.rows().iter();
        let built_in = built_in.map(|price| (price, replaced(&price.model)));
        let mut models = Models::default();
        for (price, until) in built_in.chain(own.rows().iter().map(|price| (price, None))) {
            let rows = models.entry(price.model.clone()).or_default();
            rows.push(Row {
                since: price.since,
                until,
                up_to_input: price.up_to_input,
                rates: Rates::new(price),
            });
        }
        Self {
            dearest: dearest(&models),
            models,
        }
    }

    /// What `usage` of `model` costs on `day`. A model's own row counts before the one for all
    /// (`*`), the latest before older ones, and the one for the shortest prompt that still fits.
    ///
    /// What has no price there costs the dearest that the provider takes for that unit on that
    /// day, from any model, for a prompt of this length.
    pub fn cost(&self, model: Option<&str>, usage: &Usage, day: Day) -> Cost {
        let input = usage.input_tokens.unwrap_or(0);
        let names = model
            .into_iter()
            .flat_map(|name| ModelName::new(name).names());
        let mut rows = names.chain([ANY]).filter_map(|name| self.models.get(name));
        let rates = rows.find_map(|rows| rates(rows, input, day));
        let rates = rates.unwrap_or_default();
        if let Some(sum) = rates.cost(usage) {
            return Cost {
                micro_usd: Some(sum.0),
                is_priced: true,
            };
        }
        let dearest = self.dearest.iter().rev().find(|one| one.since <= day);
        let dearest = dearest.and_then(|one| one.rates.iter().find(|(most, _)| input <= *most));
        let dearest = dearest.map(|(_, rates)| *rates).unwrap_or_default();
        let sum = rates.or(dearest).cost(usage);
        Cost {
            micro_usd: sum.map(|sum| sum.0),
            is_priced: false,
        }
    }
}

/// The dearest rates, between any two days and any two lengths at which one of them changes.
fn dearest(models: &Models) -> Vec<Dearest> {
    let rows = || models.values().flatten();
    let days: BTreeSet<Day> = rows()
        .flat_map(|row| [Some(row.since), row.until])
        .flatten()
        .collect();
    let lengths = rows().filter_map(|row| row.up_to_input);
    let lengths: BTreeSet<u64> = lengths.chain([u64::MAX]).collect();
    let at = |day: Day, input: u64| {
        let rates = models.values().filter_map(|rows| rates(rows, input, day));
        rates.fold(Rates::default(), Rates::or_dearer)
    };
    let on = |since: Day| Dearest {
        since,
        rates: lengths
            .iter()
            .map(|most| (*most, at(since, *most)))
            .collect(),
    };
    days.into_iter().map(on).collect()
}

/// The rates of a model's rows that hold for a prompt of this length.
fn rates(rows: &[Row], input: u64, day: Day) -> Option<Rates> {
    let holds = rows.iter().filter(|row| row.holds(input, day));
    let row = holds.max_by_key(|row| (row.since, Reverse(row.up_to_input.unwrap_or(u64::MAX))))?;
    Some(row.rates)
}

impl Row {
    fn holds(&self, input: u64, day: Day) -> bool {
        let is_replaced = self.until.is_some_and(|until| until <= day);
        let fits = self.up_to_input.is_none_or(|most| input <= most);
        self.since <= day && !is_replaced && fits
    }
}

impl Rates {
    fn new(price: &Price) -> Self {
        let million = |price: Option<PerMillion>| price.map(PerMillion::millionths);
        let one = |price: Option<MicroUsd>| price.map(MicroUsd::millionths);
        let input = million(price.input);
        Self {
            input,
            // Where cached input has no price of its own it costs what input does.
            cached: million(price.cached).or(input),
            cache_write: million(price.cache_write).or(input),
            output: million(price.output),
            characters: million(price.characters),
            image: one(price.image),
            second: one(price.second),
            transaction: one(price.transaction),
            credit_milli: one(price.credit).map(|credit| credit / 1_000),
        }
    }

    /// `None` when something that was used has no price.
    fn cost(&self, usage: &Usage) -> Option<MicroUsd> {
        let parts = [usage.cached_tokens, usage.cache_write_tokens];
        let parts = parts.into_iter().flatten().fold(0, u64::saturating_add);
        let uncached = usage.input_tokens.map(|all| all.saturating_sub(parts));
        // Where an answer reports several measures of one thing, tokens are what is billed, and
        // credits before images.
        let in_tokens = usage.input_tokens.is_some() && self.input.is_some();
        let unless_in_tokens = |count: Option<u64>| count.filter(|_| !in_tokens);
        let images = unless_in_tokens(usage.images).filter(|_| usage.credits_milli.is_none());
        let mut sum = 0_u128;
        for (count, rate) in [
            (uncached, self.input),
            (usage.cached_tokens, self.cached),
            (usage.cache_write_tokens, self.cache_write),
            (usage.output_tokens, self.output),
            (unless_in_tokens(usage.characters), self.characters),
            (images, self.image),
            (unless_in_tokens(usage.seconds), self.second),
            (usage.transactions, self.transaction),
            (usage.credits_milli, self.credit_milli),
        ] {
            if let Some(count) = count.filter(|count| *count > 0) {
                sum = sum.saturating_add(u128::from(count).saturating_mul(rate?));
            }
        }
        Some(MicroUsd::from_millionths(sum))
    }

    /// These, and the others where these have none.
    fn or(self, other: Self) -> Self {
        self.joined(other, Option::or)
    }

    /// The dearer of each.
    fn or_dearer(self, other: Self) -> Self {
        self.joined(other, Option::max)
    }

    fn joined(self, other: Self, join: fn(Option<u128>, Option<u128>) -> Option<u128>) -> Self {
        Self {
            input: join(self.input, other.input),
            cached: join(self.cached, other.cached),
            cache_write: join(self.cache_write, other.cache_write),
            output: join(self.output, other.output),
            characters: join(self.characters, other.characters),
            image: join(self.image, other.image),
            second: join(self.second, other.second),
            transaction: join(self.transaction, other.transaction),
            credit_milli: join(self.credit_milli, other.credit_milli),
        }
    }
}
