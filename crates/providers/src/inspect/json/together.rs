//! An object's members, for the rules that look at several of them together.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, Visitor};

use crate::inspect::rules::{Reference, Rule, What};

/// What a member was.
#[derive(Default)]
pub(super) enum Was<'de> {
    Text(Cow<'de, str>),
    /// `null`, or not there.
    #[default]
    Null,
    Other,
}

/// The members of one object that its rules look at.
#[derive(Default)]
pub(super) struct Together<'de> {
    pub(super) kind: Was<'de>,
    pub(super) id: Was<'de>,
    /// Whether the member that a hollow reference lacks is there.
    is_whole: bool,
    /// The members looked at; empty where no rule does.
    kind_member: &'static str,
    id_member: &'static str,
    whole_member: &'static str,
}

impl<'de> Together<'de> {
    pub(super) fn of(rules: &'static [Rule]) -> Self {
        let mut together = Self::default();
        for rule in rules {
            match rule.what {
                What::Tool(_) | What::Attachment(_) => together.kind_member = "type",
                What::Fetch(_) => together.id_member = "id",
                What::Reference(reference) => {
                    together.kind_member = "type";
                    together.id_member = reference.member;
                    together.whole_member = reference.without;
                }
                _ => {}
            }
        }
        together
    }

    pub(super) fn looks_at(&self, name: &str) -> bool {
        !name.is_empty() && (name == self.kind_member || name == self.id_member)
    }

    pub(super) fn note(&mut self, name: &str, was: Was<'de>) {
        if name.is_empty() {
            return;
        }
        self.is_whole |= name == self.whole_member && !matches!(was, Was::Null);
        if name == self.kind_member {
            self.kind = was;
        } else if name == self.id_member {
            self.id = was;
        }
    }

    /// Whether the object stands for another by its id. A type that cannot be read refers.
    pub(super) fn refers(&self, reference: &Reference) -> bool {
        let kind: &str = match &self.kind {
            Was::Text(kind) => kind,
            Was::Null => "",
            Was::Other => return true,
        };
        reference.types.contains(&kind) || (!self.is_whole && reference.hollow.contains(&kind))
    }
}

/// Reads a member's name.
pub(super) struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}
