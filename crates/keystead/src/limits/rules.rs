//! The rules that an object carries: a field of its row, under its MAC.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Budget, Rates};

/// What holds for one thing.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(default)]
pub struct Rules {
    /// Calls, in place of the default rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub requests: Option<Rates>,
    /// Tokens of input and output in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, nullable = false)]
    pub tokens_per_minute: Option<NonZeroU32>,
    /// Calls that may run at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, nullable = false)]
    pub concurrency: Option<NonZeroU32>,
    /// Amounts by day and month.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub budgets: Vec<Budget>,
}

/// What a row says: for the object itself, and for each of those who use it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(default)]
#[schema(as = Limits)]
pub struct RowLimits {
    /// For the object itself.
    #[serde(flatten)]
    pub own: Rules,
    /// For each end user. Applications and AddOns only.
    #[serde(skip_serializing_if = "Rules::is_empty")]
    pub each_subject: Rules,
    /// For each client address; without budgets, since no address is ever stored. Applications
    /// and AddOns only.
    #[serde(skip_serializing_if = "Rules::is_empty")]
    pub each_address: Rules,
}

impl Rules {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl RowLimits {
    /// As the column holds it; empty for no rules.
    pub(crate) fn to_column(&self) -> String {
        match *self == Self::default() {
            true => String::new(),
            false => serde_json::to_string(self).expect("rules are JSON"),
        }
    }

    /// Reads the column.
    pub(crate) fn of_column(text: &str) -> Option<Self> {
        match text.is_empty() {
            true => Some(Self::default()),
            false => serde_json::from_str(text).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_row_says_is_read_again() {
        let text = r#"{"requests":"10/s burst 20, 1000/d","tokens_per_minute":20000,"concurrency":5,"budgets":["20 USD/month"],"each_subject":{"budgets":["50 requests/day"]},"each_address":{"requests":"5/s"}}"#;
        let limits = RowLimits::of_column(text).unwrap();
        assert_eq!(limits.to_column(), text);
        assert_eq!(limits.own.concurrency, NonZeroU32::new(5));
        assert_eq!(RowLimits::default().to_column(), "");
        assert_eq!(RowLimits::of_column(""), Some(RowLimits::default()));
        for wrong in [
            "{",
            r#"{"requests":"10"}"#,
            r#"{"concurrency":0}"#,
            r#"{"budgets":["5 EUR/day"]}"#,
        ] {
            assert_eq!(RowLimits::of_column(wrong), None, "{wrong}");
        }
    }
}
