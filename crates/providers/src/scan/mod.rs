//! A JSON scanner that is pushed bytes and reports a few watched members, in constant memory.
//!
//! It is for answers, which come from the provider: it must never stand in a stream's way, so what
//! is not JSON ends the scan without an error, and strings nobody watches are skipped with
//! `memchr`. Requests, which come from strangers, are read by `inspect`, which is strict.

use memchr::memchr2;

use crate::field_tree::{FieldTree, NodeId};

/// Deeper than any watched path; what lies deeper is only counted.
const DEPTH: usize = 12;
/// Longer than any watched name, number or id; what is longer is not reported.
const TOKEN: usize = 160;

/// What stands at a watched place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Seen<'a> {
    Number(&'a str),
    /// A string without escapes, as ids, types and states are.
    Text(&'a str),
    Object,
    Array,
    /// `null`, `true`, `false`, or a string that was not kept.
    Other,
}

/// Walks one document after another along a tree; a clone starts afresh.
#[derive(Debug)]
pub(crate) struct Scanner {
    stack: [Frame; DEPTH],
    depth: usize,
    /// Open brackets of a part nobody watches.
    skipped: u32,
    state: State,
    token: [u8; TOKEN],
    length: usize,
    /// The token was too long or had an escape.
    spoilt: bool,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    /// `None`: nothing in here is watched, but it is still told apart (a watched sibling follows).
    node: Option<NodeId>,
    array: bool,
    /// The place of the value that comes next.
    next: Option<NodeId>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Before a value.
    Value,
    /// In an object, before a name or its end.
    Name,
    InName {
        escaped: bool,
    },
    /// Before the colon.
    Colon,
    InText {
        escaped: bool,
        kept: bool,
    },
    InLiteral,
    /// After a value, before a comma or an end.
    After,
    /// In a part nobody watches.
    Skip,
    SkipText {
        escaped: bool,
    },
    /// The document is over, or was none.
    Done,
    Broken,
}

impl Scanner {
    pub(crate) fn new() -> Self {
        let frame = Frame {
            node: None,
            array: false,
            next: None,
        };
        Self {
            stack: [frame; DEPTH],
            depth: 0,
            skipped: 0,
            state: State::Value,
            token: [0; TOKEN],
            length: 0,
            spoilt: false,
        }
    }

    /// Makes ready for the next document.
    pub(crate) fn restart(&mut self) {
        self.depth = 0;
        self.skipped = 0;
        self.state = State::Value;
        self.clear();
    }

    /// Whether a whole document has been seen.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether the bytes were not JSON, or lie too deep for the tree.
    pub(crate) fn is_broken(&self) -> bool {
        self.state == State::Broken
    }

    /// Reads on; `report` is called for each thing that hangs on a place that was reached.
    pub(crate) fn push<T: Copy>(
        &mut self,
        tree: &FieldTree<T>,
        mut bytes: &[u8],
        report: &mut impl FnMut(T, Seen<'_>),
    ) {
        while let Some(&byte) = bytes.first() {
            let taken = match self.state {
                State::Done | State::Broken => return,
                State::Skip => self.skip(bytes),
                State::SkipText { escaped } => {
                    let (taken, state) = pass_text(bytes, escaped);
                    self.state = match state {
                        Some(escaped) => State::SkipText { escaped },
                        None => State::Skip,
                    };
                    taken
                }
                State::InText { escaped, kept } => {
                    let (taken, state) = pass_text(bytes, escaped);
                    if kept {
                        self.keep_text(&bytes[..taken], state.is_none());
                    }
                    match state {
                        Some(escaped) => self.state = State::InText { escaped, kept },
                        None => self.end_text(tree, report),
                    }
                    taken
                }
                State::InName { escaped } => {
                    let (taken, state) = pass_text(bytes, escaped);
                    self.keep_text(&bytes[..taken], state.is_none());
                    match state {
                        Some(escaped) => self.state = State::InName { escaped },
                        None => self.end_name(tree),
                    }
                    taken
                }
                State::InLiteral => self.literal(tree, byte, report),
                State::Value => self.value(tree, byte, report),
                State::Name | State::Colon | State::After => self.punctuation(byte),
            };
            bytes = &bytes[taken..];
        }
    }

    fn value<T: Copy>(
        &mut self,
        tree: &FieldTree<T>,
        byte: u8,
        report: &mut impl FnMut(T, Seen<'_>),
    ) -> usize {
        let at = self.place();
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'{' | b'[' => self.open(tree, at, byte == b'[', report),
            b']' if self.depth > 0 && self.stack[self.depth - 1].array => self.close(),
            b'"' => {
                self.clear();
                let kept = at.is_some_and(|at| !tree.here(at).is_empty());
                self.state = State::InText {
                    escaped: false,
                    kept,
                };
            }
            b'-' | b'0'..=b'9' | b'a'..=b'z' => {
                self.clear();
                self.state = State::InLiteral;
                return 0;
            }
            _ => self.state = State::Broken,
        }
        1
    }

    fn open<T: Copy>(
        &mut self,
        tree: &FieldTree<T>,
        at: Option<NodeId>,
        array: bool,
        report: &mut impl FnMut(T, Seen<'_>),
    ) {
        let seen = if array { Seen::Array } else { Seen::Object };
        tell(tree, at, seen, report);
        if at.is_none_or(|at| tree.is_leaf(at)) || self.depth == DEPTH {
            self.skipped = 1;
            self.state = State::Skip;
            return;
        }
        let next = at.filter(|_| array).and_then(|at| tree.elements(at));
        self.stack[self.depth] = Frame {
            node: at,
            array,
            next,
        };
        self.depth += 1;
        self.state = if array { State::Value } else { State::Name };
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.end_value();
    }

    fn end_value(&mut self) {
        self.state = if self.depth == 0 {
            State::Done
        } else {
            State::After
        };
    }

    fn punctuation(&mut self, byte: u8) -> usize {
        let array = self.depth > 0 && self.stack[self.depth - 1].array;
        self.state = match (self.state, byte) {
            (state, b' ' | b'\t' | b'\r' | b'\n') => state,
            (State::Name, b'"') => {
                self.clear();
                State::InName { escaped: false }
            }
            (State::Colon, b':') => State::Value,
            (State::After, b',') if array => State::Value,
            (State::After, b',') => State::Name,
            (State::Name, b'}') => return self.closed(),
            (State::After, b'}') if !array => return self.closed(),
            (State::After, b']') if array => return self.closed(),
            _ => State::Broken,
        };
        1
    }

    fn closed(&mut self) -> usize {
        self.close();
        1
    }

    fn end_name<T>(&mut self, tree: &FieldTree<T>) {
        let name = self.text();
        let frame = &self.stack[self.depth - 1];
        let next = match (frame.node, name) {
            (Some(node), Some(name)) => tree.member(node, name),
            _ => None,
        };
        self.stack[self.depth - 1].next = next;
        self.state = State::Colon;
    }

    fn end_text<T: Copy>(&mut self, tree: &FieldTree<T>, report: &mut impl FnMut(T, Seen<'_>)) {
        let seen = self.text().map_or(Seen::Other, Seen::Text);
        tell(tree, self.place(), seen, report);
        self.end_value();
    }

    fn literal<T: Copy>(
        &mut self,
        tree: &FieldTree<T>,
        byte: u8,
        report: &mut impl FnMut(T, Seen<'_>),
    ) -> usize {
        if !matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n') {
            self.keep(&[byte]);
            return 1;
        }
        let number = self
            .text()
            .filter(|text| !text.starts_with(char::is_alphabetic));
        tell(
            tree,
            self.place(),
            number.map_or(Seen::Other, Seen::Number),
            report,
        );
        self.end_value();
        0
    }

    /// Brackets of a part nobody watches.
    fn skip(&mut self, bytes: &[u8]) -> usize {
        for (index, byte) in bytes.iter().enumerate() {
            match byte {
                b'"' => {
                    self.state = State::SkipText { escaped: false };
                    return index + 1;
                }
                b'{' | b'[' => self.skipped = self.skipped.saturating_add(1),
                b'}' | b']' => {
                    self.skipped -= 1;
                    if self.skipped == 0 {
                        self.end_value();
                        return index + 1;
                    }
                }
                _ => {}
            }
        }
        bytes.len()
    }

    /// Where the value that comes next stands.
    fn place(&self) -> Option<NodeId> {
        match self.depth {
            0 => Some(NodeId::ROOT),
            depth => self.stack[depth - 1].next,
        }
    }

    fn clear(&mut self) {
        self.length = 0;
        self.spoilt = false;
    }

    fn keep_text(&mut self, bytes: &[u8], ended: bool) {
        let text = &bytes[..bytes.len() - usize::from(ended)];
        self.spoilt |= memchr::memchr(b'\\', text).is_some();
        self.keep(text);
    }

    fn keep(&mut self, bytes: &[u8]) {
        match self.token.get_mut(self.length..self.length + bytes.len()) {
            Some(room) if !self.spoilt => {
                room.copy_from_slice(bytes);
                self.length += bytes.len();
            }
            _ => self.spoilt = true,
        }
    }

    fn text(&self) -> Option<&str> {
        let kept = (!self.spoilt).then_some(&self.token[..self.length])?;
        std::str::from_utf8(kept).ok()
    }
}

fn tell<T: Copy>(
    tree: &FieldTree<T>,
    at: Option<NodeId>,
    seen: Seen<'_>,
    report: &mut impl FnMut(T, Seen<'_>),
) {
    for what in at.map(|at| tree.here(at)).unwrap_or_default() {
        report(*what, seen);
    }
}

/// How many bytes belong to the string that is open, its closing quote included, and whether it
/// goes on: `Some(escaped)` with the last byte a backslash that escapes the next, `None` when over.
fn pass_text(bytes: &[u8], escaped: bool) -> (usize, Option<bool>) {
    let mut at = usize::from(escaped);
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if bytes[at] == b'"' {
            return (at + 1, None);
        }
        at += 2;
    }
    (bytes.len(), Some(at > bytes.len()))
}

#[cfg(test)]
mod tests;
