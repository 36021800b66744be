//! Takes out of an OpenAI chat stream the one chunk that only we asked for.

use std::sync::LazyLock;

use bytes::{Bytes, BytesMut};
use memchr::memmem;

use crate::{
    field_tree::FieldTree,
    scan::{Scanner, Seen},
    sse::{Piece, Splitter},
};

/// Longer than any usage chunk; an event beyond it is none and passes.
const HELD_AT_MOST: usize = 16 * 1024;

/// Drops the chunk whose `choices` is empty and whose `usage` is an object; everything else goes
/// on. Azure's first chunk has no choices either, but `prompt_filter_results` in place of usage:
/// it passes.
///
/// Held back is only an event that has not ended and may still be the one: no client can act on
/// half an event, and one with a choice in it is let go at once.
#[derive(Debug)]
pub struct UsageChunkFilter {
    scanner: Scanner,
    splitter: Splitter,
    event: Event,
    /// What came of the open event, while it may be the one.
    held: BytesMut,
}

#[derive(Clone, Copy, Debug)]
enum Watch {
    Choices,
    Choice,
    Usage,
}

/// What is known of the event that is open.
#[derive(Clone, Copy, Debug, Default)]
struct Event {
    has_choices: bool,
    has_choice: bool,
    has_usage: bool,
    /// Its beginning went on already.
    released: bool,
}

static WATCHED: LazyLock<FieldTree<Watch>> = LazyLock::new(|| {
    let mut watched = FieldTree::new();
    watched.insert("choices", Watch::Choices);
    watched.insert("choices[]", Watch::Choice);
    watched.insert("usage", Watch::Usage);
    watched
});

/// Every chunk with usage has this in it.
static MARK: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("_tokens\""));

impl UsageChunkFilter {
    /// At the start of a stream.
    #[expect(
        clippy::new_without_default,
        reason = "a stream begins once, explicitly"
    )]
    pub fn new() -> Self {
        Self {
            scanner: Scanner::new(),
            splitter: Splitter::default(),
            event: Event::default(),
            held: BytesMut::new(),
        }
    }

    /// What may go on, now that these bytes have come.
    pub fn push(&mut self, bytes: Bytes) -> Bytes {
        // Whole events without a count among them, as almost all of a stream's are.
        let is_whole = self.splitter.is_between_events() && bytes.ends_with(b"\n\n");
        if is_whole && MARK.find(&bytes).is_none() {
            return bytes;
        }
        let Self {
            scanner,
            splitter,
            event,
            ..
        } = self;
        // Where the open event begins in these bytes, and which events are cut out.
        let (mut open, mut cuts) = (0, Vec::new());
        splitter.push(&bytes, &mut |piece| match piece {
            Piece::Data(data) if !event.has_choice => {
                scanner.push(&WATCHED, data, &mut |watch, seen| event.note(watch, seen));
            }
            Piece::Data(_) => {}
            Piece::End { at } => {
                if scanner.is_done() && event.is_usage_alone() {
                    cuts.push(open..at);
                }
                open = at;
                scanner.restart();
                *event = Event::default();
            }
        });
        let waits = bytes.len() - open;
        let kept = if open == 0 {
            self.held.len() + waits
        } else {
            waits
        };
        if self.event.has_choice || self.scanner.is_broken() || kept > HELD_AT_MOST {
            self.event.released = true;
        }
        let until = if self.event.released {
            bytes.len()
        } else {
            open
        };
        self.pass(bytes, &cuts, until)
    }

    /// What is left when the stream ends. Half of the chunk in question stays here.
    pub fn finish(self) -> Bytes {
        if self.event.has_choices && !self.event.has_choice {
            return Bytes::new();
        }
        self.held.freeze()
    }

    /// All up to `until` but for the cuts; the rest is held.
    fn pass(&mut self, mut bytes: Bytes, cuts: &[std::ops::Range<usize>], until: usize) -> Bytes {
        if self.held.is_empty() && cuts.is_empty() {
            self.held.extend_from_slice(&bytes[until..]);
            bytes.truncate(until);
            return bytes;
        }
        let mut passed = BytesMut::new();
        if until > 0 {
            // The event that was held ended in these bytes, or was let go.
            let held = self.held.split();
            if cuts.first().is_none_or(|cut| cut.start > 0) {
                passed.extend_from_slice(&held);
            }
        }
        let mut from = 0;
        for cut in cuts {
            passed.extend_from_slice(&bytes[from..cut.start]);
            from = cut.end;
        }
        passed.extend_from_slice(&bytes[from..until]);
        self.held.extend_from_slice(&bytes[until..]);
        passed.freeze()
    }
}

impl Event {
    fn note(&mut self, watch: Watch, seen: Seen<'_>) {
        match (watch, seen) {
            (Watch::Choices, Seen::Array) => self.has_choices = true,
            (Watch::Choice, _) => self.has_choice = true,
            (Watch::Usage, Seen::Object) => self.has_usage = true,
            _ => {}
        }
    }

    fn is_usage_alone(self) -> bool {
        self.has_choices && !self.has_choice && self.has_usage && !self.released
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTENT: &str = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\\\"usage\\\":{}\"}}],\"usage\":null}\n\n";
    const USAGE: &str = "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":3}}\n\n";
    const AZURE: &str = "data: {\"choices\":[],\"prompt_filter_results\":[{}],\"usage\":null}\n\n";
    const DONE: &str = "data: [DONE]\n\n";

    fn filtered(stream: &str, size: usize) -> String {
        let mut filter = UsageChunkFilter::new();
        let mut passed = Vec::new();
        for chunk in stream.as_bytes().chunks(size) {
            passed.extend_from_slice(&filter.push(Bytes::copy_from_slice(chunk)));
        }
        passed.extend_from_slice(&filter.finish());
        String::from_utf8(passed).unwrap()
    }

    #[test]
    fn only_the_usage_chunk_is_dropped_whatever_the_chunks() {
        let stream = [AZURE, CONTENT, ": ping\n\n", CONTENT, USAGE, DONE].concat();
        let expected = [AZURE, CONTENT, ": ping\n\n", CONTENT, DONE].concat();
        for size in 1..stream.len() + 1 {
            assert_eq!(filtered(&stream, size), expected, "chunks of {size}");
        }
    }

    #[test]
    fn an_event_with_a_choice_is_let_go_before_it_ends() {
        let mut filter = UsageChunkFilter::new();
        let half = &CONTENT[..CONTENT.len() - 20];
        assert_eq!(filter.push(Bytes::from(half)), half);
        let rest = &CONTENT[half.len()..];
        assert_eq!(filter.push(Bytes::from(rest)), rest);
    }

    #[test]
    fn a_chunk_that_speaks_of_tokens_is_still_read() {
        let spoken = CONTENT.replace("usage", "prompt_tokens");
        let stream = [&spoken, USAGE, &spoken].concat();
        assert_eq!(
            filtered(&stream, stream.len()),
            [&*spoken, &*spoken].concat()
        );
    }

    #[test]
    fn whole_chunks_pass_without_a_copy() {
        let chunk = Bytes::from(CONTENT);
        let passed = UsageChunkFilter::new().push(chunk.clone());
        assert_eq!(passed.as_ptr(), chunk.as_ptr());
    }

    #[test]
    fn a_cut_stream_loses_nothing_of_the_callers() {
        let cut = &[CONTENT, "data: {\"id\":"].concat();
        assert_eq!(filtered(cut, 7), *cut);
        let cut = &[CONTENT, &USAGE[..USAGE.len() - 9]].concat();
        assert_eq!(filtered(cut, 7), CONTENT);
    }

    #[test]
    fn an_endless_event_is_not_held_forever() {
        let endless = format!("data: {{\"x\":\"{}", "a".repeat(HELD_AT_MOST));
        assert_eq!(
            UsageChunkFilter::new().push(Bytes::from(endless.clone())),
            endless
        );
    }
}
