//! The rules that an object carries, as callers write them: read, checked, shown.

use std::num::NonZeroU32;

use serde::Deserialize;
use utoipa::ToSchema;

use super::fields::Fields;
use crate::limits::{Budget, RowLimits, Rules};

/// `limits` of an organization or a key.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WantedLimits, example = json!({"requests": "10/s", "tokens_per_minute": 20_000}))]
pub struct Wanted {
    /// Calls, such as `10/s burst 20` or `10/s, 5000/d`.
    pub requests: Option<String>,
    /// Tokens of input and output in a minute.
    pub tokens_per_minute: Option<u64>,
    /// Calls that may run at the same time.
    pub concurrency: Option<u64>,
    /// Amounts by day and month, such as `20 USD/month`.
    #[serde(default)]
    pub budgets: Vec<String>,
}

/// `limits` of an application or an AddOn, which others use.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WantedLimitsForEach, example = json!({
    "requests": "10/s burst 20",
    "budgets": ["20 USD/month"],
    "each_subject": {"tokens_per_minute": 5_000, "budgets": ["50 requests/day"]},
    "each_address": {"concurrency": 2},
}))]
pub struct WantedForEach {
    /// Calls, such as `10/s burst 20` or `10/s, 5000/d`.
    pub requests: Option<String>,
    /// Tokens of input and output in a minute.
    pub tokens_per_minute: Option<u64>,
    /// Calls that may run at the same time.
    pub concurrency: Option<u64>,
    /// Amounts by day and month, such as `20 USD/month`.
    #[serde(default)]
    pub budgets: Vec<String>,
    /// For each end user.
    #[serde(default)]
    pub each_subject: Wanted,
    /// For each client address; without budgets.
    #[serde(default)]
    pub each_address: Wanted,
}

impl Wanted {
    /// The rules, with an error for each that is none.
    pub(super) fn read(self, fields: &mut Fields) -> RowLimits {
        RowLimits {
            own: self.rules(fields, "limits"),
            ..RowLimits::default()
        }
    }

    fn rules(self, fields: &mut Fields, name: &str) -> Rules {
        let requests = self.requests.and_then(|text| {
            let expected = "a rate such as `10/s burst 20`, or several such as `10/s, 5000/d`";
            fields.parse(&format!("{name}/requests"), &text, expected)
        });
        Rules {
            requests,
            tokens_per_minute: count(fields, name, "tokens_per_minute", self.tokens_per_minute),
            concurrency: count(fields, name, "concurrency", self.concurrency),
            budgets: budgets(fields, &format!("{name}/budgets"), &self.budgets),
        }
    }
}

impl WantedForEach {
    /// The rules, with an error for each that is none.
    pub(super) fn read(self, fields: &mut Fields) -> RowLimits {
        let own = Wanted {
            requests: self.requests,
            tokens_per_minute: self.tokens_per_minute,
            concurrency: self.concurrency,
            budgets: self.budgets,
        };
        if !self.each_address.budgets.is_empty() {
            fields.wrong(
                "limits/each_address/budgets",
                "an address has no budget, since none is ever stored; limit each end user instead",
            );
        }
        RowLimits {
            own: own.rules(fields, "limits"),
            each_subject: self.each_subject.rules(fields, "limits/each_subject"),
            each_address: self.each_address.rules(fields, "limits/each_address"),
        }
    }
}

fn count(fields: &mut Fields, name: &str, field: &str, wanted: Option<u64>) -> Option<NonZeroU32> {
    let wanted = wanted?;
    let count = u32::try_from(wanted).ok().and_then(NonZeroU32::new);
    if count.is_none() {
        fields.wrong(
            &format!("{name}/{field}"),
            "expected a whole number from 1 to 4294967295; leave it out for no such rule",
        );
    }
    count
}

fn budgets(fields: &mut Fields, name: &str, texts: &[String]) -> Vec<Budget> {
    let mut budgets: Vec<Budget> = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let place = format!("{name}/{index}");
        let expected = "an amount a day or month, such as `1000 requests/day` or `20 USD/month` \
                        (requests, tokens, characters, images, credits, USD)";
        let Some(budget) = fields.parse::<Budget>(&place, text, expected) else {
            continue;
        };
        let is_same = |one: &Budget| (one.unit, one.period) == (budget.unit, budget.period);
        match budgets.iter().any(is_same) {
            true => fields.wrong(&place, "there is a budget of this unit and period already"),
            false => budgets.push(budget),
        }
    }
    budgets
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manage::Problem;

    fn read(text: &str) -> Result<RowLimits, Vec<String>> {
        let mut fields = Fields::default();
        let limits = serde_json::from_str::<WantedForEach>(text)
            .unwrap()
            .read(&mut fields);
        match fields.finish() {
            Ok(()) => Ok(limits),
            Err(Problem::Invalid(errors)) => {
                Err(errors.into_iter().map(|error| error.pointer).collect())
            }
            Err(_) => panic!("only fields can be wrong"),
        }
    }

    #[test]
    fn every_mistake_is_named() {
        let wrong = r#"{"requests":"10","tokens_per_minute":0,"concurrency":5000000000,
            "budgets":["1 USD/day","2 USD/day","1 USD"],
            "each_subject":{"requests":"x"},"each_address":{"budgets":["1 USD/day"]}}"#;
        assert_eq!(
            read(wrong).unwrap_err(),
            [
                "#/limits/each_address/budgets",
                "#/limits/requests",
                "#/limits/tokens_per_minute",
                "#/limits/concurrency",
                "#/limits/budgets/1",
                "#/limits/budgets/2",
                "#/limits/each_subject/requests",
            ]
        );
    }

    #[test]
    fn what_is_read_is_shown() {
        let text =
            r#"{"requests":"10/s","budgets":["0.5 USD/day"],"each_subject":{"concurrency":2}}"#;
        let limits = read(text).unwrap();
        assert_eq!(json!(limits), serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(json!(read("{}").unwrap()), json!({}));
    }
}
