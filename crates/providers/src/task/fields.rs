//! The members of a request for a task, taken one by one, so that what is left over is noticed.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::TaskError;

/// The members of one JSON object that were not taken yet.
pub(super) struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// A string that borrows where it can.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl<'a> Fields<'a> {
    /// The members of the object that a body is.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, TaskError> {
        let body = std::str::from_utf8(body).map_err(|_| TaskError::NotJson)?;
        let fields: Self = serde_json::from_str(body).map_err(|_| TaskError::NotJson)?;
        let names = || fields.0.iter().map(|(name, _)| name);
        let is_doubled = |(at, name)| names().take(at).any(|other| other == name);
        if names().enumerate().any(is_doubled) {
            return Err(TaskError::DuplicateField);
        }
        Ok(fields)
    }

    /// Takes a member; `null` is none.
    ///
    /// # Errors
    ///
    /// [`TaskError::WrongType`] if it is of another type.
    pub(super) fn take<T: Deserialize<'a>>(
        &mut self,
        field: &'static str,
    ) -> Result<Option<T>, TaskError> {
        let Some(at) = self.0.iter().position(|(name, _)| name == field) else {
            return Ok(None);
        };
        let (_, value) = self.0.swap_remove(at);
        serde_json::from_str(value.get()).map_err(|_| TaskError::WrongType { field })
    }

    /// Takes a member that must be there.
    pub(super) fn need<T: Deserialize<'a>>(&mut self, field: &'static str) -> Result<T, TaskError> {
        self.take(field)?.ok_or(TaskError::Missing { field })
    }

    /// Takes a text; an empty one is none.
    pub(super) fn text(&mut self, field: &'static str) -> Result<Option<Cow<'a, str>>, TaskError> {
        let text = self.take::<Text<'a>>(field)?.map(|text| text.0);
        Ok(text.filter(|text| !text.trim_ascii().is_empty()))
    }

    /// Takes a text that must be there and say something.
    pub(super) fn need_text(&mut self, field: &'static str) -> Result<Cow<'a, str>, TaskError> {
        self.text(field)?.ok_or(TaskError::Missing { field })
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), TaskError> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(TaskError::UnknownField),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_map(Members).map(Self)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        /// More than any task has, so that a body of names alone is not held twice.
        const MOST: usize = 16;

        let mut members = Vec::new();
        while let Some(name) = map.next_key::<Text<'de>>()? {
            if members.len() == MOST {
                return Err(serde::de::Error::custom("too many members"));
            }
            members.push((name.0, map.next_value()?));
        }
        Ok(members)
    }
}
