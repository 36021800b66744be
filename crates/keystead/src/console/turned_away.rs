//! What Keystead refused to the organization's applications, for the pages about usage.

use std::collections::HashMap;

use super::{
    Console, Person, Refused,
    choices::{Choice, name_of},
    numbers::count,
};
use crate::manage::{
    permission::right::SeeUsage,
    refusals::{self, Filter, RefusedView},
};

/// An application and a reason.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) application_id: String,
    pub(super) application: String,
    pub(super) code: String,
    pub(super) words: &'static str,
    pub(super) times: String,
}

/// What was refused on these days, up to today.
pub(super) async fn list(
    console: &Console,
    person: &Person,
    days: u16,
) -> Result<Vec<RefusedView>, Refused> {
    let may = person.may::<SeeUsage>(console).await?;
    let filter = Filter { days: Some(days) };
    Ok(refusals::list(console.manage(), &may, filter).await?.data)
}

/// How much of it there was on each of these days, the first day first.
pub(super) fn by_day(refused: &[RefusedView], today: i64, days: u16) -> Vec<u64> {
    let first = today - i64::from(days) + 1;
    let mut counts = vec![0; usize::from(days)];
    for one in refused {
        let at = usize::try_from(one.day.0 - first).ok();
        if let Some(sum) = at.and_then(|at| counts.get_mut(at)) {
            *sum += one.count;
        }
    }
    counts
}

/// The most frequent, of one application if it is named.
pub(super) fn rows(refused: &[RefusedView], applications: &[Choice], only: &str) -> Vec<Row> {
    let mut sums: HashMap<(String, &str), u64> = HashMap::new();
    for one in refused {
        let id = one.application_id.to_string();
        if only.is_empty() || only == id {
            *sums.entry((id, &one.code)).or_default() += one.count;
        }
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by(|(a, many), (b, few)| few.cmp(many).then_with(|| a.cmp(b)));
    sums.truncate(ROWS);
    let row = |((id, code), times): ((String, &str), u64)| Row {
        application: name_of(applications, &id),
        application_id: id,
        words: words(code),
        code: code.to_owned(),
        times: count(times),
    };
    sums.into_iter().map(row).collect()
}

/// What the most frequent codes mean; docs/reference/errors.md has all.
fn words(code: &str) -> &'static str {
    match code {
        "rate_limited" => "Too many requests in a short time",
        "concurrency_full" => "Too many calls at the same time",
        "budget_exhausted" | "budget_reserved" => "A budget does not have what the call may use",
        "model_not_allowed" => "The AddOn does not allow the model",
        "operation_not_allowed" => "The AddOn does not allow the operation",
        "feature_not_allowed" => "The AddOn does not allow a gated feature",
        "origin_not_allowed" => "The page's origin is not on the list",
        "address_not_allowed" => "The client's address is not in the ranges",
        "addon_disabled" | "application_disabled" | "key_disabled" => "It is disabled",
        _ => "",
    }
}

const ROWS: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Clock, ids::ApplicationId, manage::time::Day};

    #[test]
    fn counts_are_added_up_and_the_largest_come_first() {
        let clock = Clock::system();
        let (one, other) = (ApplicationId::new(&clock), ApplicationId::new(&clock));
        let refused = |day, application_id, code: &str, count| RefusedView {
            day: Day(day),
            application_id,
            code: code.to_owned(),
            count,
        };
        let all = [
            refused(20, one, "rate_limited", 3),
            refused(19, one, "rate_limited", 4),
            refused(20, other, "rate_limited", 5),
            refused(13, one, "model_not_allowed", 100),
        ];
        assert_eq!(by_day(&all, 20, 3), [0, 4, 8]);
        let told = rows(&all, &[], "");
        let told: Vec<_> = told.iter().map(|row| (&*row.code, &*row.times)).collect();
        let expected = [
            ("model_not_allowed", "100"),
            ("rate_limited", "7"),
            ("rate_limited", "5"),
        ];
        assert_eq!(told, expected);
        assert_eq!(rows(&all, &[], &other.to_string()).len(), 1);
    }
}
