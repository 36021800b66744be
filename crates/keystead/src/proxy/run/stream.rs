//! The body of a task's answer: the provider's, counted and masked, and read into neutral events as
//! it comes.

use std::{
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame};
use keystead_providers::{Choice, TaskReader, Unreadable, UsageReader};

use super::events;
use crate::proxy::{
    body::Share,
    live::LiveCall,
    meter::{Comments, Metered},
    plane::Plane,
    refusal::Refusal,
};

/// An image goes out in pieces, so that no connection has to copy all of it at once.
const PIECE: usize = 64 * 1024;

/// The body of a task's answer.
pub(in crate::proxy) struct TaskStream {
    /// `None` once the provider's answer is over.
    metered: Option<Box<Metered>>,
    reader: TaskReader,
    /// Counts as the ledger does.
    usage: Option<Box<dyn UsageReader>>,
    model: Option<String>,
    live: Rc<LiveCall>,
    comments: Comments,
    /// What the reader holds, counted with the other held bytes.
    share: Share,
    counted: usize,
    /// What goes out next.
    out: Bytes,
}

/// The answer was cut while its last event went out.
#[derive(Debug, thiserror::Error)]
#[error("the answer ended early")]
pub(in crate::proxy) struct Cut;

impl TaskStream {
    pub(super) fn new(
        plane: &Arc<Plane>,
        choice: Choice,
        metered: Box<Metered>,
        content_type: &str,
        usage: Box<dyn UsageReader>,
        live: Rc<LiveCall>,
    ) -> Self {
        Self {
            comments: Comments::begin(&live, plane.settings.idle_timeout_s),
            metered: Some(metered),
            reader: choice.recipe.reader(content_type),
            usage: Some(usage),
            model: choice.model,
            share: Share::new(&plane.held, &live.session().held),
            live,
            counted: 0,
            out: Bytes::new(),
        }
    }

    /// The events that these bytes complete.
    fn read(&mut self, bytes: &[u8]) -> String {
        if let Some(usage) = &mut self.usage {
            usage.chunk(bytes);
        }
        let read = self.reader.push(bytes);
        let held = self.reader.held();
        if held > self.counted {
            if let Err(refusal) = self.share.grow((held - self.counted) as u64) {
                return self.break_off(&refusal);
            }
            self.counted = held;
        }
        let mut out = String::new();
        match read {
            Ok(read) => read.iter().for_each(|event| events::write(event, &mut out)),
            Err(unreadable) => out = self.break_off(&refusal_of(unreadable)),
        }
        out
    }

    /// The provider's answer is over: what was held back, and the last event.
    fn end(&mut self) -> String {
        self.metered = None;
        let mut out = String::new();
        if self.reader.has_failed() {
            return out;
        }
        match self.reader.end() {
            Ok(rest) => rest.iter().for_each(|event| events::write(event, &mut out)),
            Err(unreadable) => {
                events::write_refusal(&refusal_of(unreadable), &mut out);
                return out;
            }
        }
        if !self.reader.has_failed() {
            let usage = self.usage.take().and_then(UsageReader::finish);
            let model = self.reader.model().or(self.model.as_deref());
            events::write_done(self.reader.finish(), model, usage, &mut out);
        }
        out
    }

    /// Ends the answer for a reason of ours.
    fn break_off(&mut self, refusal: &Refusal) -> String {
        if let Some(mut metered) = self.metered.take() {
            metered.give_up();
        }
        let mut out = String::new();
        if !self.reader.has_failed() {
            events::write_refusal(refusal, &mut out);
        }
        out
    }

    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        loop {
            if !self.out.is_empty() {
                // What fits in one piece is the last words, which may be about the signal.
                let is_long = self.metered.is_none() && self.out.len() > PIECE;
                if is_long && self.live.poll_signal(cx).is_ready() {
                    self.out.clear();
                    return Poll::Ready(Some(Err(Cut)));
                }
                let piece = self.out.split_to(self.out.len().min(PIECE));
                return Poll::Ready(Some(Ok(piece)));
            }
            let Some(metered) = &mut self.metered else {
                return Poll::Ready(None);
            };
            let events = match metered.poll_piece(cx) {
                Poll::Pending => {
                    let comment = self.comments.due(&self.live);
                    return comment.map_or(Poll::Pending, |comment| Poll::Ready(Some(Ok(comment))));
                }
                Poll::Ready(Some(Ok(bytes))) => self.read(&bytes),
                Poll::Ready(Some(Err(refusal))) => self.break_off(&refusal),
                Poll::Ready(None) => self.end(),
            };
            self.out = events.into();
        }
    }
}

fn refusal_of(unreadable: Unreadable) -> Refusal {
    let reason = match unreadable {
        Unreadable::Cut => return Refusal::UpstreamBroken,
        Unreadable::TooLarge => "it is larger than such answers may be",
        Unreadable::Lacking => "it does not hold what was asked for",
    };
    Refusal::UpstreamUnusable { reason }
}

impl Body for TaskStream {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let polled = ready!(self.get_mut().poll_out(cx));
        Poll::Ready(polled.map(|bytes| bytes.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.metered.is_none() && self.out.is_empty()
    }
}

impl std::fmt::Debug for TaskStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskStream").finish_non_exhaustive()
    }
}
