//! Charts of what was used each day.

use super::{
    chart::{Bars, Label, Series},
    numbers::Unit,
};
use crate::{
    clock::date_of,
    manage::{breakdown::Breakdown, time::date},
    store::{Figures, UsageDays},
};

/// Which of the figures a chart shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Measure {
    Requests,
    Failed,
    Tokens,
    Cost,
}

impl Measure {
    fn of(self, figures: &Figures) -> u64 {
        match self {
            Self::Requests => figures.requests,
            Self::Failed => figures.failed,
            Self::Tokens => figures.input_tokens.saturating_add(figures.output_tokens),
            Self::Cost => figures.cost(),
        }
    }

    fn unit(self) -> Unit {
        match self {
            Self::Cost => Unit::Money,
            _ => Unit::Count,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Requests => "Requests",
            Self::Failed => "Failed requests",
            Self::Tokens => "Tokens",
            Self::Cost => "Estimated cost",
        }
    }

    fn id(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Failed => "failed",
            Self::Tokens => "tokens",
            Self::Cost => "cost",
        }
    }
}

/// A bar a day, the largest shares told apart; `by` is what they are, such as `provider`.
pub(super) fn chart(of: &Breakdown, measure: Measure, by: &str) -> Bars {
    let mut rest = of.by_day.clone();
    let mut series = Vec::new();
    for (share, days) in of.shares.iter().zip(&of.largest) {
        for (left, figures) in rest.iter_mut().zip(days) {
            left.take_off(figures);
        }
        series.push(Series {
            name: share.name.clone(),
            values: days.iter().map(|day| measure.of(day)).collect(),
        });
    }
    let others: Vec<u64> = rest.iter().map(|day| measure.of(day)).collect();
    if series.is_empty() || others.iter().any(|value| *value > 0) {
        let name = if series.is_empty() { "All" } else { "Others" };
        series.push(Series {
            name: name.to_owned(),
            values: others,
        });
    }
    let by = match of.largest.is_empty() {
        true => String::new(),
        false => format!(" by {by}"),
    };
    Bars {
        id: measure.id(),
        title: format!("{} a day{by}", measure.words()),
        unit: measure.unit(),
        labels: labels(of.days),
        series,
    }
}

/// What a line of everything goes through.
pub(super) fn line(of: &Breakdown, measure: Measure) -> Vec<u64> {
    of.by_day.iter().map(|day| measure.of(day)).collect()
}

fn labels(days: UsageDays) -> Vec<Label> {
    let label = |day: i64| {
        let (_, month, of_month) = date_of(day);
        let month = usize::try_from(month - 1)
            .ok()
            .and_then(|month| MONTHS.get(month));
        Label {
            short: format!("{of_month} {}", month.copied().unwrap_or_default()),
            whole: date(day),
        }
    };
    (days.first..=days.last).map(label).collect()
}

/// `14 Nov`.
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manage::breakdown::Share;

    fn figures(requests: u64) -> Figures {
        Figures {
            requests,
            ..Figures::default()
        }
    }

    #[test]
    fn what_is_not_told_apart_is_told_as_others() {
        let share = |name: &str, requests| Share {
            id: name.to_owned(),
            name: name.to_owned(),
            figures: figures(requests),
        };
        let of = Breakdown {
            days: UsageDays {
                first: 20_777,
                last: 20_778,
            },
            all: figures(30),
            by_day: vec![figures(10), figures(20)],
            shares: vec![share("a", 25), share("b", 5)],
            largest: vec![vec![figures(10), figures(15)]],
        };
        let chart = chart(&of, Measure::Requests, "provider");
        assert_eq!(chart.title, "Requests a day by provider");
        let told: Vec<_> = chart
            .series
            .iter()
            .map(|one| (one.name.as_str(), &one.values[..]))
            .collect();
        assert_eq!(told, [("a", &[10, 15][..]), ("Others", &[0, 5])]);
        assert_eq!(chart.labels[0].short, "20 Nov");
        assert_eq!(chart.labels[1].whole, "2026-11-21");
        assert_eq!(line(&of, Measure::Requests), [10, 20]);
        let alone = Breakdown {
            largest: Vec::new(),
            ..of
        };
        assert_eq!(
            super::chart(&alone, Measure::Cost, "day").series[0].name,
            "All"
        );
    }
}
