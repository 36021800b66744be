//! Who did what, oldest first.

mod lines;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

pub use self::lines::{BrokenOff, Lines, export};

use super::{List, Manage, May, Paging, Problem, permission::right::SeeAudit, time::Moment};
use crate::{
    audit::{AuditEvent, AuditFilter, Found, Outcome},
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

/// How long the log is, and the root of its tree in hex.
#[derive(Clone, Debug)]
pub struct ChainView {
    /// How many rows it has, those of all organizations.
    pub size: u64,
    /// Worth keeping elsewhere, with the size.
    pub root: String,
}

/// Rows that fit, newest first, below `before`.
pub async fn find(
    manage: &Manage,
    caller: &May<SeeAudit>,
    filter: &AuditFilter,
    before: Option<u64>,
    limit: u16,
) -> Result<Found, Problem> {
    let store = manage.store();
    let found = store.find_audit_events(caller.organization, filter, before, limit);
    Ok(found.await?)
}

/// What the whole log is known by now.
pub async fn chain(manage: &Manage, _: &May<SeeAudit>) -> Result<ChainView, Problem> {
    let (size, root) = manage.store().audit_size_and_root().await?;
    Ok(ChainView {
        size,
        root: root.iter().map(|byte| format!("{byte:02x}")).collect(),
    })
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
