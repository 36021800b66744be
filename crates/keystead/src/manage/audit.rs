//! Who did what, oldest first.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{List, Manage, May, Paging, Problem, permission::right::SeeAudit, time::Moment};
use crate::{
    audit::{AuditEvent, Outcome},
    ids::EventId,
};

/// A row of the audit log.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuditEventView {
    /// Its id.
    pub event_id: EventId,
    /// Its place in the log.
    pub seq: u64,
    /// When it was written.
    pub at: Moment,
    /// Who did it: an id, `operator` or `keystead`.
    pub actor: String,
    /// What was done: a stable word.
    pub action: String,
    /// What it was done to: an id.
    pub object: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Further facts, as texts by name.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub detail: Value,
}

/// The audit log of the organization.
pub async fn list(
    manage: &Manage,
    caller: &May<SeeAudit>,
    paging: &Paging,
) -> Result<List<AuditEventView>, Problem> {
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
    let data = events.into_iter().map(AuditEventView::from).collect();
    Ok(List::part(data, has_more, last))
}

impl From<AuditEvent> for AuditEventView {
    fn from(event: AuditEvent) -> Self {
        Self {
            event_id: event.id,
            seq: event.seq,
            at: Moment(event.at),
            actor: event.actor,
            action: event.action,
            object: event.object,
            outcome: event.outcome,
            detail: serde_json::from_str(&event.detail).unwrap_or_default(),
        }
    }
}
