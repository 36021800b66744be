//! Ids in answers, found as the bytes go by, so that each can be bound before it leaves.

use crate::{
    ObjectRef,
    field_tree::FieldTree,
    operation::{Binding, BindingPlace, BoundId},
    scan::{Scanner, Seen},
    sse::{Piece, Splitter},
};

/// Reads the ids out of one answer.
#[derive(Debug)]
pub struct IdReader {
    places: FieldTree<usize>,
    bindings: Vec<&'static Binding>,
    scanner: Scanner,
    events: Option<Splitter>,
    begun: bool,
    /// Those that were handed out: streams repeat them.
    told: Vec<ObjectRef>,
}

/// More ids than an answer names; one beyond may be handed out twice, which does no harm.
const TOLD_AT_MOST: usize = 64;

impl IdReader {
    pub(crate) fn new(bindings: impl Iterator<Item = &'static Binding>) -> Option<Self> {
        let mut places = FieldTree::new();
        let mut kept = Vec::new();
        for binding in bindings {
            if let BindingPlace::Body(own) = &binding.place {
                for place in own {
                    places.insert(place, kept.len());
                }
                kept.push(binding);
            }
        }
        (!kept.is_empty()).then(|| Self {
            places,
            bindings: kept,
            scanner: Scanner::new(),
            events: None,
            begun: false,
            told: Vec::new(),
        })
    }

    /// The ids whose last byte is among these; bind them before the bytes go on.
    pub fn chunk(&mut self, bytes: &[u8]) -> Vec<BoundId> {
        if !self.begun {
            let Some(first) = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) else {
                return Vec::new();
            };
            self.begun = true;
            self.events = (!b"{[".contains(first)).then(Splitter::default);
        }
        let Self {
            places,
            bindings,
            scanner,
            events,
            ..
        } = self;
        let mut found = Vec::new();
        let mut scan = |scanner: &mut Scanner, data: &[u8]| {
            scanner.push(places, data, &mut |index: usize, seen| {
                if let Seen::Text(id) = seen {
                    let binding = bindings[index];
                    let object = ObjectRef {
                        kind: binding.kind,
                        id: id.to_owned(),
                    };
                    found.push(BoundId {
                        object,
                        retention: binding.retention,
                    });
                }
            });
        };
        match events {
            Some(splitter) => splitter.push(bytes, &mut |piece| match piece {
                Piece::Data(data) => scan(scanner, data),
                Piece::End { .. } => scanner.restart(),
            }),
            None => scan(scanner, bytes),
        }
        found.retain(|id| !self.told.contains(&id.object));
        self.told.extend(found.iter().map(|id| id.object.clone()));
        self.told.truncate(TOLD_AT_MOST);
        found
    }
}
