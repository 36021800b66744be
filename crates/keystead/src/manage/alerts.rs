//! Alerts: what was found that someone must look at.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Caller, List, Manage, May, Paging, Problem,
    permission::{
        Action,
        right::{EditAlerts, SeeAlerts},
    },
    time::Moment,
};
use crate::{
    alerts::{AlertKind, Level},
    ids::AlertId,
    store::{Alert, AlertFilter},
};

/// Which alerts are wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// `open` for those that nobody has acknowledged; all of them if left out.
    pub state: Option<String>,
    /// How many rows at most, from 1 to 200; 50 if left out.
    pub limit: Option<u16>,
    /// The `next_cursor` of the page before; the first page if left out.
    pub cursor: Option<String>,
}

/// An alert.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AlertView {
    /// Its id.
    pub alert_id: AlertId,
    /// What was found.
    pub kind: AlertKind,
    /// How soon somebody should look.
    pub level: Level,
    /// What was found, for people.
    pub title: &'static str,
    /// Where: a table, or a part of Keystead.
    pub place: String,
    /// On what: an id or a stable word.
    pub object: String,
    /// Whether it concerns the whole installation.
    pub of_installation: bool,
    /// How often it was found.
    pub count: u64,
    /// When it was first found.
    pub first_at: Moment,
    /// When it was last found.
    pub last_at: Moment,
    /// When somebody said that they saw it; none if it is open.
    pub acknowledged_at: Option<Moment>,
    /// Who.
    pub acknowledged_by: Option<String>,
    /// What was frozen for it: an id.
    pub froze: Option<String>,
}

/// Alerts of the organization, the latest made first; those of the whole installation as well for who
/// may see how that is.
pub async fn list(
    manage: &Manage,
    caller: &May<SeeAlerts>,
    filter: &Filter,
) -> Result<List<AlertView>, Problem> {
    let only_open = match filter.state.as_deref() {
        None => false,
        Some("open") => true,
        Some(_) => return Err(Problem::field("state", "must be `open`, or left out")),
    };
    let paging = Paging::new(filter.limit, filter.cursor.clone());
    let limit = paging.limit()?;
    let wanted = AlertFilter {
        with_installation: sees_installation(caller),
        only_open,
    };
    // One more than asked for, to see whether anything follows.
    let store = manage.store();
    let found = store.alerts_of(caller.organization, wanted, paging.after()?, limit + 1);
    let mut found = found.await?;
    let has_more = found.len() > usize::from(limit);
    found.truncate(usize::from(limit));
    let last = found.last().map(|alert| alert.id.to_string());
    let data = found.into_iter().map(AlertView::from).collect();
    Ok(List::part(data, has_more, last))
}

/// Says that somebody saw an alert. It opens again when the same is found again.
pub async fn acknowledge(
    manage: &Manage,
    caller: &May<EditAlerts>,
    id: AlertId,
) -> Result<AlertView, Problem> {
    let (actor, organization) = (caller.actor, caller.organization);
    let store = manage.store();
    let seen = store.acknowledge_alert(actor, organization, sees_installation(caller), id);
    Ok(seen.await?.into())
}

/// How many alerts nobody has acknowledged, of those that the caller may see.
pub async fn open(manage: &Manage, caller: &Caller) -> Result<u64, Problem> {
    if !caller.is_offered(Action::SeeAlerts) {
        return Ok(0);
    }
    let store = manage.store();
    let open = store.open_alerts(caller.organization, sees_installation(caller));
    Ok(open.await?)
}

fn sees_installation(caller: &Caller) -> bool {
    caller.is_offered(Action::SeeSystem)
}

impl From<Alert> for AlertView {
    fn from(alert: Alert) -> Self {
        Self {
            alert_id: alert.id,
            kind: alert.kind,
            level: alert.kind.level(),
            title: alert.kind.title(),
            place: alert.place,
            object: alert.object,
            of_installation: alert.organization.is_none(),
            count: alert.count,
            first_at: Moment(alert.first_at),
            last_at: Moment(alert.last_at),
            acknowledged_at: alert.acknowledged_at.map(Moment),
            acknowledged_by: alert.acknowledged_by,
            froze: alert.froze,
        }
    }
}
