//! A JSON scanner that is pushed bytes and reports a few watched members, in constant memory.
//!
//! It is for answers, which come from the provider: it must never stand in a stream's way, so what
//! is not JSON ends the scan without an error, and what nobody watches is skipped. Requests, which
//! come from strangers, are read by `inspect`, which is strict.
//!
//! It runs on every byte of every answer, so it has two gears: a name, a string or a number that
//! lies whole in one chunk is read where it lies; only what a chunk's end cuts is kept.

mod skim;

use crate::field_tree::{FieldTree, NodeId};
use skim::{blanks, is_blank, literal, scalar, string};

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

/// Walks one document after another along a tree.
#[derive(Debug)]
pub(crate) struct Scanner {
    stack: [Frame; DEPTH],
    depth: usize,
    /// Open brackets of a part nobody watches.
    skipped: u32,
    state: State,
    token: Token,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    node: NodeId,
    array: bool,
    /// The place of the value that comes next, if anyone watches it.
    next: Option<NodeId>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Before a value.
    Value,
    /// In an object, before a name or its end.
    Name,
    /// Before the colon.
    Colon,
    /// After a value, before a comma or an end.
    After,
    /// In a string; `escaped`: its last byte so far escapes the next.
    In {
        part: Part,
        escaped: bool,
    },
    InLiteral,
    /// In a part nobody watches.
    Skip,
    /// The document is over.
    Done,
    /// It was none.
    Broken,
}

/// What an open string is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    Name,
    Value,
    Skipped,
}

/// What a chunk's end cut: the beginning of a name, a string or a literal.
#[derive(Debug)]
struct Token {
    bytes: [u8; TOKEN],
    length: usize,
    /// It was too long.
    spoilt: bool,
}

impl Scanner {
    pub(crate) fn new() -> Self {
        let frame = Frame {
            node: NodeId::ROOT,
            array: false,
            next: None,
        };
        Self {
            stack: [frame; DEPTH],
            depth: 0,
            skipped: 0,
            state: State::Value,
            token: Token {
                bytes: [0; TOKEN],
                length: 0,
                spoilt: false,
            },
        }
    }

    /// Makes ready for the next document.
    pub(crate) fn restart(&mut self) {
        self.depth = 0;
        self.state = State::Value;
        self.token.clear();
    }

    /// Whether a whole document has been seen.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether the bytes were not JSON.
    pub(crate) fn is_broken(&self) -> bool {
        self.state == State::Broken
    }

    /// Reads on; `report` is called for each thing that hangs on a place that was reached.
    pub(crate) fn push<T: Copy>(
        &mut self,
        tree: &FieldTree<T>,
        bytes: &[u8],
        report: &mut impl FnMut(T, Seen<'_>),
    ) {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let rest = &bytes[at..];
            at += match self.state {
                State::Done | State::Broken => return,
                State::Skip => self.skip(rest),
                State::In { part, escaped } => self.text(tree, rest, part, escaped, report),
                State::InLiteral => self.literal(tree, rest, report),
                _ if is_blank(byte) => blanks(rest),
                State::Value => self.value(tree, rest, report),
                State::Name if byte == b'"' => self.members(tree, rest, report),
                State::Name | State::Colon | State::After => self.punctuation(byte),
            };
        }
    }

    /// Members as long as they lie whole in these bytes, one right behind the other; of the next
    /// one as much as does.
    fn members<T: Copy>(
        &mut self,
        tree: &FieldTree<T>,
        rest: &[u8],
        report: &mut impl FnMut(T, Seen<'_>),
    ) -> usize {
        let mut at = self.member(tree, rest, report);
        while self.state == State::After && rest[at..].starts_with(b",\"") {
            at += 1 + self.member(tree, &rest[at + 1..], report);
        }
        at
    }

    fn member<T: Copy>(
        &mut self,
        tree: &FieldTree<T>,
        rest: &[u8],
        report: &mut impl FnMut(T, Seen<'_>),
    ) -> usize {
        let (length, end) = string(&rest[1..], false);
        let colon = length + 1 + blanks(&rest[length + 1..]);
        if end.is_some() || rest.get(colon) != Some(&b':') {
            self.state = State::In {
                part: Part::Name,
                escaped: false,
            };
            return 1;
        }
        let frame = &mut self.stack[self.depth - 1];
        frame.next = tree.member(frame.node, &rest[1..length]);
        let value = colon + 1 + blanks(&rest[colon + 1..]);
        if frame.next.is_none()
            && let Some(length) = scalar(&rest[value..])
        {
            self.state = State::After;
            return value + length;
        }
        self.state = State::Value;
        match rest.get(value) {
            Some(_) => value + self.value(tree, &rest[value..], report),
            None => value,
        }
    }

    fn value<T: Copy>(
        &mut self,
        tree: &FieldTree<T>,
        rest: &[u8],
        report: &mut impl FnMut(T, Seen<'_>),
    ) -> usize {
        match rest[0] {
            b'"' => return 1 + self.text(tree, &rest[1..], Part::Value, false, report),
            byte @ (b'{' | b'[') => self.open(tree, byte == b'[', report),
            b']' if self.is_in_array() => self.close(),
            b'-' | b'0'..=b'9' | b'a'..=b'z' => return self.literal(tree, rest, report),
            _ => self.state = State::Broken,
        }
        1
    }

    fn open<T: Copy>(
        &mut self,
        tree: &FieldTree<T>,
        array: bool,
        report: &mut impl FnMut(T, Seen<'_>),
    ) {
        let place = self.place();
        tell(
            tree,
            place,
            if array { Seen::Array } else { Seen::Object },
            report,
        );
        match place {
            Some(node) if !tree.is_leaf(node) && self.depth < DEPTH => {
                let next = if array { tree.elements(node) } else { None };
                self.stack[self.depth] = Frame { node, array, next };
                self.depth += 1;
                self.state = if array { State::Value } else { State::Name };
            }
            _ => {
                self.skipped = 1;
                self.state = State::Skip;
            }
        }
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
        let array = self.is_in_array();
        match (self.state, byte) {
            (State::Name, b'"') => {
                self.state = State::In {
                    part: Part::Name,
                    escaped: false,
                }
            }
            (State::Colon, b':') => self.state = State::Value,
            (State::After, b',') => self.state = if array { State::Value } else { State::Name },
            (State::Name, b'}') => self.close(),
            (State::After, b'}') if !array => self.close(),
            (State::After, b']') if array => self.close(),
            _ => self.state = State::Broken,
        }
        1
    }

    /// Bytes of a string that is open, its closing quote included.
    fn text<T: Copy>(
        &mut self,
        tree: &FieldTree<T>,
        rest: &[u8],
        part: Part,
        escaped: bool,
        report: &mut impl FnMut(T, Seen<'_>),
    ) -> usize {
        let (length, end) = string(rest, escaped);
        let watched = match part {
            Part::Name => true,
            Part::Value => self
                .place()
                .is_some_and(|place| !tree.here(place).is_empty()),
            Part::Skipped => false,
        };
        if let Some(escaped) = end {
            if watched {
                self.token.keep(&rest[..length]);
            }
            self.state = State::In { part, escaped };
            return length;
        }
        match part {
            Part::Skipped => self.state = State::Skip,
            Part::Value if !watched => self.end_value(),
            Part::Name => {
                let frame = &mut self.stack[self.depth - 1];
                let name = self.token.whole(&rest[..length - 1]);
                frame.next = name.and_then(|name| tree.member(frame.node, name));
                self.token.clear();
                self.state = State::Colon;
            }
            Part::Value => {
                let place = self.place();
                let text = plain(self.token.whole(&rest[..length - 1]));
                tell(tree, place, text.map_or(Seen::Other, Seen::Text), report);
                self.token.clear();
                self.end_value();
            }
        }
        length
    }

    /// Bytes of a number, or of `null`, `true`, `false`.
    fn literal<T: Copy>(
        &mut self,
        tree: &FieldTree<T>,
        rest: &[u8],
        report: &mut impl FnMut(T, Seen<'_>),
    ) -> usize {
        let length = literal(rest);
        if length == rest.len() {
            self.token.keep(rest);
            self.state = State::InLiteral;
            return length;
        }
        let place = self.place();
        if place.is_some() {
            let text = plain(self.token.whole(&rest[..length]));
            let number = text.filter(|text| !text.starts_with(char::is_alphabetic));
            tell(
                tree,
                place,
                number.map_or(Seen::Other, Seen::Number),
                report,
            );
        }
        self.token.clear();
        self.end_value();
        length
    }

    /// Bytes of a part nobody watches.
    fn skip(&mut self, rest: &[u8]) -> usize {
        let mut at = 0;
        loop {
            at += skim::unmarked(&rest[at..]);
            let Some(&byte) = rest.get(at) else { return at };
            at += 1;
            match byte {
                b'"' => {
                    let (length, end) = string(&rest[at..], false);
                    at += length;
                    if let Some(escaped) = end {
                        self.state = State::In {
                            part: Part::Skipped,
                            escaped,
                        };
                        return at;
                    }
                }
                b'{' | b'[' => self.skipped = self.skipped.saturating_add(1),
                _ if self.skipped == 1 => {
                    self.end_value();
                    return at;
                }
                _ => self.skipped -= 1,
            }
        }
    }

    /// Where the value that comes next stands, if anyone watches it.
    fn place(&self) -> Option<NodeId> {
        match self.depth {
            0 => Some(NodeId::ROOT),
            depth => self.stack[depth - 1].next,
        }
    }

    fn is_in_array(&self) -> bool {
        self.depth > 0 && self.stack[self.depth - 1].array
    }
}

impl Token {
    fn clear(&mut self) {
        self.length = 0;
        self.spoilt = false;
    }

    fn keep(&mut self, bytes: &[u8]) {
        match self.bytes.get_mut(self.length..self.length + bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.length += bytes.len();
            }
            None => self.spoilt = true,
        }
    }

    /// What was kept and `last` together; `None` when that is too long.
    fn whole<'a>(&'a mut self, last: &'a [u8]) -> Option<&'a [u8]> {
        if self.length > 0 {
            self.keep(last);
            return (!self.spoilt).then_some(&self.bytes[..self.length]);
        }
        (!self.spoilt && last.len() <= TOKEN).then_some(last)
    }
}

/// Text without escapes.
fn plain(bytes: Option<&[u8]>) -> Option<&str> {
    let bytes = bytes.filter(|bytes| !bytes.contains(&b'\\'))?;
    std::str::from_utf8(bytes).ok()
}

fn tell<T: Copy>(
    tree: &FieldTree<T>,
    place: Option<NodeId>,
    seen: Seen<'_>,
    report: &mut impl FnMut(T, Seen<'_>),
) {
    let Some(place) = place else { return };
    for what in tree.here(place) {
        report(*what, seen);
    }
}

#[cfg(test)]
mod tests;
