//! The few insertions into a JSON body, and where they go.

use super::{
    BodyError, BodyPolicy, Facts,
    rules::{Insert, Is},
};

/// What the insertions need to know of a body. Values are kept as they are written: their place in
/// the body is where they begin.
pub(super) struct Outermost<'de> {
    body: &'de str,
    store: Option<&'de str>,
    stream_options: Option<&'de str>,
    include_usage: Option<&'de str>,
    has_billed_characters: bool,
}

impl<'de> Outermost<'de> {
    pub(super) fn new(body: &'de str) -> Self {
        Self {
            body,
            store: None,
            stream_options: None,
            include_usage: None,
            has_billed_characters: false,
        }
    }

    /// Remembers a value that may have to be replaced.
    pub(super) fn note(&mut self, what: Is, written: &'de str) {
        match what {
            Is::Store => self.store = Some(written),
            Is::StreamOptions => self.stream_options = Some(written),
            Is::IncludeUsage => self.include_usage = Some(written),
            Is::ShowBilledCharacters => self.has_billed_characters = true,
            _ => {}
        }
    }

    /// Writes down what must change before the body leaves.
    pub(super) fn insert(
        &self,
        inserts: &[Insert],
        policy: &BodyPolicy,
        facts: &mut Facts,
    ) -> Result<(), BodyError> {
        for insert in inserts {
            match insert {
                Insert::StoreFalse => self.store_false(policy, facts),
                Insert::IncludeUsage if facts.stream && !policy.plain_streams => {
                    self.include_usage(facts)?;
                }
                Insert::ShowBilledCharacters if !self.has_billed_characters => {
                    self.add(self.body, "\"show_billed_characters\":true,", facts);
                }
                Insert::IncludeUsage | Insert::ShowBilledCharacters => {}
            }
        }
        Ok(())
    }

    /// Saying nothing stores, so `false` is said for the caller unless the AddOn allows storing.
    fn store_false(&self, policy: &BodyPolicy, facts: &mut Facts) {
        match self.store {
            None | Some("null") if policy.may_store => facts.stores = true,
            None => self.add(self.body, "\"store\":false,", facts),
            Some(null @ "null") => self.replace(null, "false", facts),
            Some(_) => {}
        }
    }

    fn include_usage(&self, facts: &mut Facts) -> Result<(), BodyError> {
        match (self.stream_options, self.include_usage) {
            (_, Some("true")) => return Ok(()),
            (_, Some(said @ ("false" | "null"))) => self.replace(said, "true", facts),
            (_, Some(_)) => {
                return Err(BodyError::WrongType {
                    field: "stream_options.include_usage",
                });
            }
            (None, None) => {
                self.add(
                    self.body,
                    "\"stream_options\":{\"include_usage\":true},",
                    facts,
                );
            }
            (Some(null @ "null"), None) => self.replace(null, "{\"include_usage\":true}", facts),
            (Some(object), None) if object.starts_with('{') => {
                self.add(object, "\"include_usage\":true,", facts);
            }
            (Some(_), None) => {
                return Err(BodyError::WrongType {
                    field: "stream_options",
                });
            }
        }
        facts.drop_usage_chunk = true;
        Ok(())
    }

    /// Adds a member, written with its comma, at the head of `object`; alone it needs none.
    fn add(&self, object: &str, member: &'static str, facts: &mut Facts) {
        let Some((head, rest)) = object.split_once('{') else {
            return;
        };
        let is_empty = rest.trim_ascii_start().starts_with('}');
        let member = if is_empty {
            member.trim_end_matches(',')
        } else {
            member
        };
        facts
            .edits
            .insert(self.place(object) + head.len() + 1, member);
    }

    fn replace(&self, written: &str, new: &'static str, facts: &mut Facts) {
        facts.edits.replace(self.place(written), written.len(), new);
    }

    /// Where a part of the body begins. Both are slices of the same text.
    fn place(&self, part: &str) -> usize {
        part.as_ptr().addr() - self.body.as_ptr().addr()
    }
}
