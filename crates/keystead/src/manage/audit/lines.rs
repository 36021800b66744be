//! The log as lines of JSON, read while they are taken.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::mpsc;

use super::AuditEventView;
use crate::{
    audit::{Action, Event},
    manage::{Manage, May, Problem, permission::right::ExportAudit},
};

/// Lines of JSON, one an entry, oldest first; a body that breaks off did not come to the last.
#[derive(Debug)]
pub struct Lines(mpsc::Receiver<Result<Bytes, BrokenOff>>);

/// The log could not be read to its end.
#[derive(Debug, thiserror::Error)]
#[error("the audit log could not be read to its end")]
pub struct BrokenOff;

/// Takes the organization's log away, which the log says first.
pub async fn export(manage: &Manage, caller: May<ExportAudit>) -> Result<Lines, Problem> {
    let event = Event::new(caller.actor, Action::AuditExported, &caller.organization);
    let event = event.within(caller.organization);
    manage.store().audit(event).await?;
    let (lines, receiver) = mpsc::channel(4);
    tokio::spawn(send_all(manage.clone(), caller, lines));
    Ok(Lines(receiver))
}

/// Sends the log, part by part, until all is sent or nobody takes it any more.
async fn send_all(
    manage: Manage,
    caller: May<ExportAudit>,
    lines: mpsc::Sender<Result<Bytes, BrokenOff>>,
) {
    let (store, organization) = (manage.store(), caller.organization);
    let mut after = 0;
    loop {
        let Ok(events) = store.audit_events(organization, after, AT_ONCE).await else {
            // A file that ends in the middle of the log must not look whole.
            _ = lines.send(Err(BrokenOff)).await;
            return;
        };
        let Some(last) = events.last() else { return };
        after = last.seq;
        let mut text = Vec::new();
        for event in events {
            if serde_json::to_writer(&mut text, &AuditEventView::from(event)).is_err() {
                _ = lines.send(Err(BrokenOff)).await;
                return;
            }
            text.push(b'\n');
        }
        if lines.send(Ok(text.into())).await.is_err() {
            return;
        }
    }
}

impl Body for Lines {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let next = self.0.poll_recv(context);
        next.map(|next| next.map(|part| part.map(Frame::data)))
    }
}

/// How many rows are read at once.
const AT_ONCE: u16 = 500;
