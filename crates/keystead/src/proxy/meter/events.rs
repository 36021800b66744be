//! Where an event stream stands: a comment may only stand between two events.

use bytes::Bytes;

use crate::proxy::live::LiveCall;

/// Seconds of silence within an event stream after which a comment keeps it alive; middleboxes cut
/// connections that say nothing for longer.
pub(super) const KEEP_ALIVE_S: u32 = 10;

/// The comment: every reader of event streams passes over it.
pub(super) const KEEP_ALIVE: Bytes = Bytes::from_static(b": keep-alive\n\n");

/// What has gone out of an event stream.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// The last bytes; zeros before the first.
    last: [u8; 4],
    /// How many comments the present silence has had.
    comments: u32,
}

impl Events {
    /// Notes what goes out.
    pub(super) fn went_out(&mut self, bytes: &[u8]) {
        let new = &bytes[bytes.len().saturating_sub(4)..];
        self.last.rotate_left(new.len());
        self.last[4 - new.len()..].copy_from_slice(new);
    }

    /// Whether a comment is due now, after so many seconds of silence; if so it counts as sent.
    pub(super) fn is_comment_due(&mut self, silence: u32) -> bool {
        if silence < KEEP_ALIVE_S {
            self.comments = 0;
        }
        let is_due = silence / KEEP_ALIVE_S > self.comments && self.is_at_border();
        if is_due {
            self.comments = silence / KEEP_ALIVE_S;
        }
        is_due
    }

    /// Whether the last event is whole, or none has begun.
    fn is_at_border(&self) -> bool {
        let ends: [&[u8]; 3] = [b"\n\n", b"\r\r", b"\r\n\r\n"];
        self.last == [0; 4] || ends.iter().any(|end| self.last.ends_with(end))
    }
}

/// Comments of a stream of ours, in which whole events go out.
#[derive(Debug)]
pub(in crate::proxy) struct Comments(Events);

impl Comments {
    /// From here on the call is woken for them; `patience` seconds of silence end it.
    pub(in crate::proxy) fn begin(live: &LiveCall, patience: u32) -> Self {
        live.expect(patience, KEEP_ALIVE_S);
        Self(Events::default())
    }

    /// The comment, if one is due after the provider's silence.
    pub(in crate::proxy) fn due(&mut self, live: &LiveCall) -> Option<Bytes> {
        let is_due = self.0.is_comment_due(live.silence());
        is_due.then_some(KEEP_ALIVE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(chunks: &[&str]) -> Events {
        let mut events = Events::default();
        chunks
            .iter()
            .for_each(|chunk| events.went_out(chunk.as_bytes()));
        events
    }

    #[test]
    fn a_comment_stands_only_between_events() {
        for (chunks, expected) in [
            (&[][..], true),
            (&["data: x\n\n"][..], true),
            (&["data: x\r\n\r\n"][..], true),
            (&["data: x\n", "\n"][..], true),
            (&["data: x\r\n", "\r", "\n"][..], true),
            (&["data: x\n"][..], false),
            (&["data: x\r\n"][..], false),
            (&["data: x"][..], false),
            (&["data: x\n\nd"][..], false),
        ] {
            assert_eq!(after(chunks).is_comment_due(10), expected, "{chunks:?}");
        }
    }

    #[test]
    fn one_comment_for_each_ten_seconds_of_silence() {
        let mut events = after(&["data: x\n\n"]);
        let due: Vec<u32> = (0..35)
            .filter(|second| events.is_comment_due(*second))
            .collect();
        assert_eq!(due, [10, 20, 30]);
        assert!(!events.is_comment_due(3), "the provider spoke");
        assert!(events.is_comment_due(10));
    }
}
