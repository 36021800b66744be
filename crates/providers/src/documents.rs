//! The JSON documents of an answer: one, or one in each event of a stream. Which of the two it is
//! shows in its first byte.

use crate::{
    field_tree::FieldTree,
    scan::{Scanner, Seen},
    sse::{Piece, Splitter},
};

/// Reads the documents of one answer along a tree.
#[derive(Debug)]
pub(crate) struct Documents {
    framing: Framing,
    scanner: Scanner,
}

#[derive(Debug)]
enum Framing {
    /// Nothing but blanks has come.
    Unknown,
    /// JSON begins with a bracket.
    One,
    /// An event begins with a field's name.
    Events(Splitter),
}

/// What was met.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Met<'a, T> {
    /// Something watched.
    Member(T, Seen<'a>),
    /// An event is over. One that was cut short or is no JSON is not whole.
    End { is_whole: bool },
}

impl Documents {
    pub(crate) fn new() -> Self {
        Self {
            framing: Framing::Unknown,
            scanner: Scanner::new(),
        }
    }

    /// Whether these bytes are whole events, from the first byte to the last.
    pub(crate) fn are_whole_events(&self, bytes: &[u8]) -> bool {
        match &self.framing {
            Framing::Events(splitter) => splitter.is_between_events() && bytes.ends_with(b"\n\n"),
            Framing::Unknown | Framing::One => false,
        }
    }

    /// Whether it is one document, and not the events of a stream.
    pub(crate) fn is_one(&self) -> bool {
        matches!(self.framing, Framing::One)
    }

    /// Whether the one document there is has been seen whole. That of an event is told by
    /// [`Met::End`].
    pub(crate) fn is_whole(&self) -> bool {
        self.scanner.is_done()
    }

    /// Reads on.
    pub(crate) fn push<T: Copy>(
        &mut self,
        tree: &FieldTree<T>,
        bytes: &[u8],
        meet: &mut impl FnMut(Met<'_, T>),
    ) {
        if let Framing::Unknown = self.framing {
            let is_blank = |byte: &&u8| b" \t\r\n".contains(byte);
            self.framing = match bytes.iter().find(|byte| !is_blank(byte)) {
                None => return,
                Some(b'{' | b'[') => Framing::One,
                Some(_) => Framing::Events(Splitter::default()),
            };
        }
        let scanner = &mut self.scanner;
        let scan = |scanner: &mut Scanner, data: &[u8], meet: &mut dyn FnMut(Met<'_, T>)| {
            scanner.push(tree, data, &mut |what, seen| meet(Met::Member(what, seen)));
        };
        match &mut self.framing {
            Framing::Events(splitter) => splitter.push(bytes, &mut |piece| match piece {
                Piece::Data(data) => scan(scanner, data, meet),
                Piece::End { .. } => {
                    meet(Met::End {
                        is_whole: scanner.is_done(),
                    });
                    scanner.restart();
                }
            }),
            Framing::Unknown | Framing::One => scan(scanner, bytes, meet),
        }
    }
}
