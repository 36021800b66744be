//! Server-sent events, split as they come.
//!
//! Only what metering needs: the bytes of `data:` lines and where an event ends (WHATWG HTML,
//! 9.2.6). Nothing is kept but a few bytes of state, and nothing is altered.

use memchr::memchr2;

/// A piece of the stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Piece<'a> {
    /// Bytes of the event's data. A second `data:` line begins with [`Piece::Data`] of a newline.
    Data(&'a [u8]),
    /// The blank line after an event; the position is just behind it.
    End {
        /// How many bytes of this chunk lie before the position.
        at: usize,
    },
}

/// Splits a stream into [`Piece`]s.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    state: State,
    /// A carriage return ended the last line: a line feed right behind it belongs to it.
    after_return: bool,
    /// Whether this event had a `data:` line before.
    has_data: bool,
    /// Whether this event had any line before.
    has_lines: bool,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum State {
    /// At the start of a line, or after some bytes of `data:`.
    #[default]
    Start,
    Field(usize),
    /// Right behind `data:`, where one space is not part of the data.
    Space,
    Data,
    /// A line of another field, or a comment.
    Other,
}

const FIELD: &[u8] = b"data:";

impl Splitter {
    /// Whether the next byte begins an event.
    pub(crate) fn is_between_events(&self) -> bool {
        self.state == State::Start && !self.has_lines && !self.after_return
    }

    /// Reads on.
    pub(crate) fn push(&mut self, bytes: &[u8], report: &mut impl FnMut(Piece<'_>)) {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if std::mem::take(&mut self.after_return) && byte == b'\n' {
                at += 1;
                continue;
            }
            self.has_lines |= self.state == State::Start;
            if self.state == State::Start && bytes[at..].starts_with(FIELD) {
                at += FIELD.len();
                self.begin_data(report);
                continue;
            }
            match (self.state, byte) {
                (State::Data | State::Other, _) => {
                    let rest = &bytes[at..];
                    let length = memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
                    if self.state == State::Data && length > 0 {
                        report(Piece::Data(&rest[..length]));
                    }
                    at += length;
                    if let Some(&end) = bytes.get(at) {
                        at += 1;
                        self.end_line(end);
                    }
                    continue;
                }
                (State::Start, b'\r' | b'\n') => {
                    self.end_line(byte);
                    (self.has_data, self.has_lines) = (false, false);
                    let ends = usize::from(byte == b'\r' && bytes.get(at + 1) == Some(&b'\n'));
                    report(Piece::End { at: at + 1 + ends });
                }
                (State::Field(_) | State::Space, b'\r' | b'\n') => self.end_line(byte),
                (State::Start, _) if byte == FIELD[0] => self.state = State::Field(1),
                (State::Field(matched), _) if byte == FIELD[matched] => {
                    self.state = State::Field(matched + 1);
                    if matched + 1 == FIELD.len() {
                        self.begin_data(report);
                    }
                }
                (State::Space, b' ') => self.state = State::Data,
                (State::Space, _) => {
                    self.state = State::Data;
                    continue;
                }
                (State::Start | State::Field(_), _) => self.state = State::Other,
            }
            at += 1;
        }
    }

    fn begin_data(&mut self, report: &mut impl FnMut(Piece<'_>)) {
        self.state = State::Space;
        if std::mem::replace(&mut self.has_data, true) {
            report(Piece::Data(b"\n"));
        }
    }

    fn end_line(&mut self, byte: u8) {
        self.state = State::Start;
        self.after_return = byte == b'\r';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(chunks: &[&[u8]]) -> Vec<String> {
        let mut splitter = Splitter::default();
        let (mut events, mut data) = (Vec::new(), Vec::new());
        for chunk in chunks {
            splitter.push(chunk, &mut |piece| match piece {
                Piece::Data(bytes) => data.extend_from_slice(bytes),
                Piece::End { .. } => {
                    events.push(String::from_utf8(std::mem::take(&mut data)).unwrap());
                }
            });
        }
        events
    }

    #[test]
    fn data_is_found_whatever_the_line_ends_and_chunks() {
        let stream = "\u{feff}: hi\nevent: a\ndata: {\"x\":\ndata:  1}\n\ndata:[DONE]\n\nid: 7\n\ndat: no\ndata\n\n";
        let expected = ["{\"x\":\n 1}", "[DONE]", "", ""];
        for ends in ["\n", "\r", "\r\n"] {
            let stream = stream.replace('\n', ends);
            assert_eq!(events(&[stream.as_bytes()]), expected, "{ends:?}");
            let bytes: Vec<_> = stream.as_bytes().chunks(1).collect();
            assert_eq!(events(&bytes), expected, "{ends:?} byte by byte");
        }
    }
}
