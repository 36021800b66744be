//! JSON bodies: one pass, borrowing, no tree.

mod together;

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{
    BodyError, BodyPolicy, Facts,
    insert::Outermost,
    learn::Given,
    rules::{BodyRules, Is, Rule, ToolTable, What},
};
use crate::field_tree::NodeId;
use together::{Name, Together, Was};

/// More names in open objects at once than any real body has; bounds the memory a body can cost.
const NAMES_AT_MOST: usize = 100_000;

/// Reads `body` by `rules`.
pub(super) fn inspect(
    body: &[u8],
    rules: &'static BodyRules,
    policy: &BodyPolicy,
) -> Result<Facts, BodyError> {
    if body.is_empty() {
        return Ok(Facts::default());
    }
    // Once for the whole body is cheaper than once for each string.
    let text = std::str::from_utf8(body).map_err(|_| BodyError::NotUtf8)?;
    let mut walk = Walk {
        rules,
        facts: Facts::default(),
        names: Vec::with_capacity(32),
        outermost: Outermost::new(text),
        refusal: None,
    };
    walk.read(text, Place::At(NodeId::ROOT), true)?;
    walk.outermost
        .insert(&rules.insert, policy, &mut walk.facts)?;
    Ok(walk.facts)
}

/// Everything one pass gathers.
struct Walk<'de> {
    rules: &'static BodyRules,
    facts: Facts,
    /// The names of all open objects, innermost last.
    names: Vec<Cow<'de, str>>,
    outermost: Outermost<'de>,
    refusal: Option<BodyError>,
}

/// Where in the rules a value stands.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// At a known place.
    At(NodeId),
    /// Under a rule that holds for this name anywhere, or for the elements of a list.
    Under(&'static Rule),
    /// At none, but rules for names anywhere hold.
    Elsewhere,
    /// In the caller's own data.
    Opaque,
}

impl<'de> Walk<'de> {
    fn read(&mut self, text: &'de str, place: Place, top: bool) -> Result<(), BodyError> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let value = Value {
            walk: self,
            place,
            top,
            keep: false,
        };
        let read = value
            .deserialize(&mut deserializer)
            .and_then(|_| deserializer.end());
        match (self.refusal.take(), read) {
            (Some(refusal), _) => Err(refusal),
            (None, Ok(())) => Ok(()),
            // serde_json names its recursion limit only in the text.
            (None, Err(error)) if error.to_string().starts_with("recursion limit") => {
                Err(BodyError::TooDeep)
            }
            (None, Err(_)) => Err(BodyError::NotJson),
        }
    }

    fn rules_at(&self, place: Place) -> &'static [Rule] {
        match place {
            Place::At(node) => self.rules.fields.here(node),
            Place::Under(rule) => std::slice::from_ref(rule),
            Place::Elsewhere | Place::Opaque => &[],
        }
    }

    fn learn(&mut self, place: Place, given: Given<'_>) -> Result<(), BodyError> {
        for rule in self.rules_at(place) {
            self.facts.learn(rule, given)?;
        }
        Ok(())
    }

    /// The place of a member of the object at `place`.
    fn member(&mut self, place: Place, name: &str, top: bool) -> Place {
        if let Place::Opaque = place {
            return Place::Opaque;
        }
        if let Place::At(node) = place
            && let Some(found) = self.rules.fields.member(node, name)
        {
            let is_opaque = |rule: &Rule| matches!(rule.what, What::Opaque);
            let opaque = self.rules.fields.here(found).iter().any(is_opaque);
            return if opaque {
                Place::Opaque
            } else {
                Place::At(found)
            };
        }
        if top && !self.rules.known.contains(&name) {
            self.facts.unknown_field(name);
        }
        let mut anywhere = self.rules.anywhere.iter();
        let found = anywhere.find(|rule| rule.field == name);
        found.map_or(Place::Elsewhere, Place::Under)
    }

    /// The place of the elements of the list at `place`: a list of ids is ids.
    fn elements(&self, place: Place) -> Place {
        let inside = match place {
            Place::At(node) => self.rules.fields.elements(node).map(Place::At),
            Place::Opaque => Some(Place::Opaque),
            Place::Under(_) | Place::Elsewhere => None,
        };
        let is_fetch = |rule: &&Rule| matches!(rule.what, What::Fetch(_));
        let fetch = || self.rules_at(place).iter().find(is_fetch).map(Place::Under);
        inside.or_else(fetch).unwrap_or(Place::Elsewhere)
    }

    /// Whether the value here is looked at as it is written, because it may be replaced.
    fn is_set_aside(&self, place: Place) -> Option<Is> {
        self.rules_at(place)
            .iter()
            .find_map(|rule| match rule.what {
                What::Is(is) if is.is_set_aside() => Some(is),
                _ => None,
            })
    }

    fn set_aside(&mut self, place: Place, what: Is, raw: &'de str) -> Result<(), BodyError> {
        self.outermost.note(what, raw);
        self.read(raw, place, false)
    }

    fn unique(&mut self, first: usize, place: Place) -> Result<(), BodyError> {
        let names = &mut self.names[first..];
        let twice = if names.len() <= 16 {
            let mut rest = names.iter().enumerate();
            rest.find(|(index, name)| names[..*index].contains(name))
                .map(|(_, name)| name)
        } else {
            names.sort_unstable();
            names
                .windows(2)
                .find(|pair| pair[0] == pair[1])
                .map(|pair| &pair[0])
        };
        let Some(twice) = twice else { return Ok(()) };
        let field = match place {
            Place::At(node) => self.rules.fields.spelling(node, twice),
            _ => None,
        };
        Err(BodyError::DuplicateMember { field })
    }

    /// Rules about an object's members together.
    fn object(&mut self, place: Place, together: &Together<'_>) -> Result<(), BodyError> {
        for rule in self.rules_at(place) {
            match rule.what {
                What::Tool(table) => self.tool(table, rule.field, &together.kind),
                What::Reference(reference) if together.refers(reference) => {
                    self.fetch(reference.kind, &together.id)?;
                }
                What::Fetch(kind) => self.fetch(kind, &together.id)?,
                What::Attachment(table) => {
                    if let Was::Text(kind) = &together.kind {
                        self.facts.images_shown += u64::from(table.images.contains(&&**kind));
                        self.facts.documents += u64::from(table.documents.contains(&&**kind));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn tool(&mut self, table: &ToolTable, field: &str, kind: &Was<'_>) {
        let feature = match kind {
            Was::Text(kind) => table.feature(kind),
            Was::Null => table.untyped.then_some(None),
            Was::Other => None,
        };
        match (feature, kind) {
            (Some(None), _) => {}
            (Some(Some(feature)), _) => {
                // What a tool of the provider's makes, a file or a machine, is kept.
                self.facts.stores = true;
                self.facts.gate(feature, field);
            }
            (None, Was::Text(kind)) => self.facts.unknown_tool(kind),
            (None, _) => self.facts.unknown_tool(""),
        }
    }

    fn fetch(&mut self, kind: &'static str, id: &Was<'_>) -> Result<(), BodyError> {
        match id {
            Was::Text(id) => self.facts.fetch(kind, id),
            Was::Null | Was::Other => Ok(()),
        }
    }

    fn refuse<E: Error>(&mut self, error: BodyError) -> E {
        self.refusal = Some(error);
        E::custom("refused")
    }
}

/// A value that is being read.
struct Value<'w, 'de> {
    walk: &'w mut Walk<'de>,
    place: Place,
    top: bool,
    /// A rule about the object looks at this member's text.
    keep: bool,
}

impl<'de> DeserializeSeed<'de> for Value<'_, 'de> {
    type Value = Was<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Was<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, 'de> {
    type Value = Was<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Was<'de>, E> {
        self.scalar(Given::Null, Was::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Was<'de>, E> {
        self.scalar(Given::Bool(value), Was::Other)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Was<'de>, E> {
        self.scalar(Given::Count(value), Was::Other)
    }

    fn visit_i64<E: Error>(self, _value: i64) -> Result<Was<'de>, E> {
        self.scalar(Given::Number, Was::Other)
    }

    fn visit_f64<E: Error>(self, _value: f64) -> Result<Was<'de>, E> {
        self.scalar(Given::Number, Was::Other)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Was<'de>, E> {
        self.scalar(Given::Text(text), Was::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Was<'de>, E> {
        let was = match self.keep {
            true => Was::Text(Cow::Owned(text.to_owned())),
            false => Was::Other,
        };
        self.scalar(Given::Text(text), was)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Was<'de>, A::Error> {
        let Self {
            walk, place, top, ..
        } = self;
        if top {
            return Err(walk.refuse(BodyError::NotAnObject));
        }
        let inside = walk.elements(place);
        let mut given = Given::EmptyList;
        loop {
            let value = Value {
                walk,
                place: inside,
                top: false,
                keep: false,
            };
            if elements.next_element_seed(value)?.is_none() {
                break;
            }
            given = Given::Container;
        }
        walk.learn(place, given)
            .map_err(|error| walk.refuse(error))?;
        Ok(Was::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Was<'de>, A::Error> {
        let Self {
            walk, place, top, ..
        } = self;
        walk.learn(place, Given::Container)
            .map_err(|error| walk.refuse(error))?;
        let first = walk.names.len();
        let mut together = Together::of(walk.rules_at(place));
        while let Some(name) = members.next_key_seed(Name)? {
            let inside = walk.member(place, &name, top);
            if let Some(what) = walk.is_set_aside(inside) {
                let raw: &'de RawValue = members.next_value()?;
                let read = walk.set_aside(inside, what, raw.get());
                read.map_err(|error| walk.refuse(error))?;
            } else {
                let keep = together.looks_at(&name);
                let was = members.next_value_seed(Value {
                    walk,
                    place: inside,
                    top: false,
                    keep,
                })?;
                together.note(&name, was);
            }
            if walk.names.len() >= NAMES_AT_MOST {
                return Err(walk.refuse(BodyError::TooManyMembers));
            }
            walk.names.push(name);
        }
        walk.unique(first, place)
            .map_err(|error| walk.refuse(error))?;
        walk.names.truncate(first);
        walk.object(place, &together)
            .map_err(|error| walk.refuse(error))?;
        Ok(Was::Other)
    }
}

impl<'de> Value<'_, 'de> {
    fn scalar<E: Error>(self, given: Given<'_>, was: Was<'de>) -> Result<Was<'de>, E> {
        let learned = match self.top {
            true => Err(BodyError::NotAnObject),
            false => self.walk.learn(self.place, given),
        };
        learned
            .map_err(|error| self.walk.refuse(error))
            .map(|()| was)
    }
}
