//! Ids in answers, found as the bytes go by, so that each can be bound before it leaves.

use crate::{
    ObjectRef,
    documents::{Documents, Met},
    field_tree::FieldTree,
    operation::{Binding, BindingPlace, BoundId},
    scan::Seen,
};

/// More ids than an answer names; one beyond may be handed out twice, which does no harm.
const TOLD_AT_MOST: usize = 64;

/// Reads the ids out of one answer.
#[derive(Debug)]
pub struct IdReader {
    places: FieldTree<usize>,
    bindings: Vec<&'static Binding>,
    documents: Documents,
    /// Those that were handed out: streams repeat them.
    told: Vec<ObjectRef>,
}

impl IdReader {
    pub(crate) fn new(bindings: impl Iterator<Item = &'static Binding>) -> Option<Self> {
        let mut bindings = bindings
            .filter(|binding| matches!(binding.place, BindingPlace::Body(_)))
            .peekable();
        bindings.peek()?;
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
        Some(Self {
            places,
            bindings: kept,
            documents: Documents::new(),
            told: Vec::new(),
        })
    }

    /// The ids whose last byte is among these; bind them before the bytes go on.
    pub fn chunk(&mut self, bytes: &[u8]) -> Vec<BoundId> {
        let Self {
            places,
            bindings,
            documents,
            told,
        } = self;
        let mut found = Vec::new();
        documents.push(places, bytes, &mut |met| {
            let Met::Member(index, Seen::Text(id)) = met else {
                return;
            };
            let binding = bindings[index];
            let object = ObjectRef {
                kind: binding.kind,
                id: id.to_owned(),
            };
            if !told.contains(&object) {
                if told.len() < TOLD_AT_MOST {
                    told.push(object.clone());
                }
                found.push(BoundId {
                    object,
                    retention: binding.retention,
                });
            }
        });
        found
    }
}
