//! The few insertions that Keystead makes into a body, which otherwise goes on byte for byte.

use bytes::{Bytes, BytesMut};

/// Insertions and replacements, ascending by place.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Edits(Vec<Edit>);

#[derive(Clone, Debug, Eq, PartialEq)]
struct Edit {
    at: usize,
    removes: usize,
    inserts: Bytes,
}

impl Edits {
    /// Whether the body goes on as it came.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The edited body as one piece: a copy, unless nothing changes. For large bodies, take
    /// [`segments`](Self::segments).
    pub fn apply(&self, body: Bytes) -> Bytes {
        if self.is_empty() {
            return body;
        }
        let mut edited = BytesMut::with_capacity(self.length(body.len()));
        for segment in self.segments(&body) {
            edited.extend_from_slice(&segment);
        }
        edited.freeze()
    }

    /// The edited body in pieces, none of them a copy.
    pub fn segments(&self, body: &Bytes) -> Vec<Bytes> {
        let mut segments = Vec::with_capacity(2 * self.0.len() + 1);
        let mut from = 0;
        for edit in &self.0 {
            segments.push(body.slice(from..edit.at));
            segments.push(edit.inserts.clone());
            from = edit.at + edit.removes;
        }
        segments.push(body.slice(from..));
        segments.retain(|segment| !segment.is_empty());
        segments
    }

    /// How long a body of `length` bytes becomes.
    pub fn length(&self, length: usize) -> usize {
        let grown: usize = self.0.iter().map(|edit| edit.inserts.len()).sum();
        let shrunk: usize = self.0.iter().map(|edit| edit.removes).sum();
        length + grown - shrunk
    }

    pub(crate) fn insert(&mut self, at: usize, text: &'static str) {
        self.replace(at, 0, text);
    }

    pub(crate) fn replace(&mut self, at: usize, removes: usize, text: &'static str) {
        let inserts = Bytes::from_static(text.as_bytes());
        let place = self.0.partition_point(|edit| edit.at <= at);
        self.0.insert(
            place,
            Edit {
                at,
                removes,
                inserts,
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_apply_in_order_of_their_places() {
        let body = Bytes::from_static(b"{\"a\":null}");
        let mut edits = Edits::default();
        edits.replace(5, 4, "1");
        edits.insert(1, "\"b\":2,");
        edits.insert(1, "\"c\":3,");
        assert_eq!(edits.apply(body.clone()), "{\"b\":2,\"c\":3,\"a\":1}");
        assert_eq!(edits.length(body.len()), edits.apply(body.clone()).len());
        assert_eq!(edits.segments(&body).len(), 6);
        assert_eq!(Edits::default().apply(body.clone()), body);
    }
}
