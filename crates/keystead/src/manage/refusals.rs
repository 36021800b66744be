//! What Keystead itself refused to an organization's applications, and why.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Manage, May, Problem, permission::right::SeeUsage, time::Day};
use crate::{clock::Timestamp, ids::ApplicationId};

/// Of which days.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// How many days (UTC) up to today, from 1 to 366; 30 if left out.
    pub days: Option<u16>,
}

/// How often calls of an application were refused on a day, for one reason.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RefusedView {
    /// The day (UTC).
    pub day: Day,
    /// The application.
    pub application_id: ApplicationId,
    /// Why: the code that the caller was told.
    pub code: String,
    /// How often.
    pub count: u64,
}

/// All of them, in one piece.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RefusedList {
    /// The last day first, the most frequent first within it; 10,000 at most.
    pub data: Vec<RefusedView>,
}

/// What was refused on these days. Calls of which no application was known count for nobody.
pub async fn list(
    manage: &Manage,
    caller: &May<SeeUsage>,
    filter: Filter,
) -> Result<RefusedList, Problem> {
    let days = filter.days.unwrap_or(30);
    if !(1..=366).contains(&days) {
        return Err(Problem::field("days", "must be from 1 to 366"));
    }
    let store = manage.store();
    let today = store.clock().now().as_secs().div_euclid(86_400);
    let first = today - i64::from(days) + 1;
    let since = Timestamp::from_micros(first * 86_400_000_000);
    let found = store.refused_by_day(caller.organization, since).await?;
    let data = found.into_iter().map(|one| RefusedView {
        day: Day(one.day),
        application_id: one.application,
        code: one.code,
        count: one.count,
    });
    Ok(RefusedList {
        data: data.collect(),
    })
}
