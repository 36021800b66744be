//! `/audit`: who did what, oldest first.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::{
    Manage, May, Problem,
    body::Query,
    page::{List, Paging},
    permission::right::SeeAudit,
    time::rfc3339,
};
use crate::audit::AuditEvent;

pub(super) async fn list(
    caller: May<SeeAudit>,
    State(manage): State<Manage>,
    Query(paging): Query<Paging>,
) -> Result<Json<List<Value>>, Problem> {
    let after = paging.after()?.unwrap_or(0);
    let limit = paging.limit()?;
    // One more than asked for, to see whether anything follows.
    let mut events = manage
        .store()
        .audit_events(caller.organization, after, limit + 1)
        .await?;
    let has_more = events.len() > usize::from(limit);
    events.truncate(usize::from(limit));
    let last = events.last().map(|event| event.seq.to_string());
    Ok(Json(List::part(
        events.iter().map(shown).collect(),
        has_more,
        last,
    )))
}

fn shown(event: &AuditEvent) -> Value {
    let detail: Value = serde_json::from_str(&event.detail).unwrap_or_default();
    json!({
        "event_id": event.id,
        "seq": event.seq,
        "at": rfc3339(event.at),
        "actor": event.actor,
        "action": event.action,
        "object": event.object,
        "outcome": event.outcome.word(),
        "detail": detail,
    })
}
