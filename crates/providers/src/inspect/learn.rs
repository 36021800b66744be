//! What one field of a request teaches, whatever the body's type.

use super::{
    BodyError, Facts, Gated, ObjectRef,
    rules::{Gate, Is, Rule, What, When},
};

/// More ids than any real body fetches.
const FETCHES_AT_MOST: usize = 1_000;
/// More unknown words than a refusal could name.
const UNKNOWN_AT_MOST: usize = 16;

/// What stands in a field.
#[derive(Clone, Copy, Debug)]
pub(super) enum Given<'a> {
    Null,
    Bool(bool),
    Count(u64),
    /// A number that is no count: negative or with a fraction.
    Number,
    Text(&'a str),
    /// From a form, a query or a part, where everything is text.
    Word(&'a str),
    EmptyList,
    /// An object, or a list that is not empty.
    Container,
}

impl Facts {
    /// Takes in one field. Fields of a type that their rule does not foresee are refused where two
    /// readers could make different things of them.
    pub(super) fn learn(&mut self, rule: &Rule, given: Given<'_>) -> Result<(), BodyError> {
        let wrong = BodyError::WrongType { field: rule.field };
        match rule.what {
            What::Refuse => return Err(BodyError::Refused { field: rule.field }),
            What::Is(Is::Model) => match given {
                Given::Null => {}
                Given::Text(name) | Given::Word(name) => {
                    let other = self.model.as_deref().is_some_and(|known| known != name);
                    if other {
                        return Err(BodyError::TwoModels);
                    }
                    self.model = Some(name.into());
                }
                _ => return Err(wrong),
            },
            What::Is(Is::Stream) => self.stream = given.truth().ok_or(wrong)?,
            What::Is(Is::StreamFormat) => {
                self.stream = matches!(given, Given::Text("sse") | Given::Word("sse"));
            }
            What::Is(Is::Store) => {
                if given.truth().ok_or(wrong)? {
                    self.stores = true;
                    self.gate("store", rule.field);
                }
            }
            What::Is(Is::Keeps) => self.stores |= !matches!(given, Given::Null),
            What::Is(Is::MaxOutputTokens) => {
                let most = given.number().ok_or(wrong)?;
                self.max_output_tokens = self.max_output_tokens.max(most);
            }
            What::Is(Is::Choices) => {
                let count = given.number().ok_or(wrong)?.unwrap_or(1);
                self.choices = self.choices.max(count);
            }
            What::Is(Is::Images) => self.images = given.number().ok_or(wrong)?.unwrap_or(1),
            What::Text => {
                if let Given::Text(text) | Given::Word(text) = given {
                    self.input_characters += text.chars().count() as u64;
                }
            }
            What::ImageData => {
                if let Given::Text(text) = given
                    && is_image(text)
                {
                    self.image_bytes += text.len() as u64;
                }
            }
            What::Is(Is::Features) => {
                if let Given::Word(list) = given {
                    self.transactions +=
                        list.split(',').filter(|name| !name.is_empty()).count() as u64;
                }
            }
            What::Gate(gate) => {
                if gate.is_used(given).ok_or(wrong)? {
                    self.gate(gate.feature, rule.field);
                }
            }
            What::Fetch(kind) => {
                if let Given::Text(id) | Given::Word(id) = given {
                    self.fetch(kind, id)?;
                }
            }
            // Rules about whole objects, and the places of insertions: the JSON reader's affair.
            What::Is(Is::StreamOptions | Is::IncludeUsage | Is::ShowBilledCharacters)
            | What::Opaque
            | What::Tool(_)
            | What::Attachment(_)
            | What::Reference(_) => {}
        }
        Ok(())
    }

    pub(super) fn gate(&mut self, feature: &'static str, field: &str) {
        if self.gated.iter().all(|known| known.feature != feature) {
            self.gated.push(Gated {
                feature,
                field: field.to_owned(),
            });
        }
    }

    /// # Errors
    ///
    /// [`BodyError::TooManyMembers`]: each id is looked up, so a body may not hold a million.
    pub(super) fn fetch(&mut self, kind: &'static str, id: &str) -> Result<(), BodyError> {
        if self.fetches.len() == FETCHES_AT_MOST {
            return Err(BodyError::TooManyMembers);
        }
        self.fetches.push(ObjectRef {
            kind,
            id: id.to_owned(),
        });
        Ok(())
    }

    /// Remembers a field that the data file does not list.
    pub(super) fn unknown_field(&mut self, name: &str) {
        remember(&mut self.unknown_fields, name);
    }

    /// Remembers a type of tool that nobody knows.
    pub(super) fn unknown_tool(&mut self, kind: &str) {
        remember(&mut self.unknown_tools, kind);
    }
}

/// Whether a text is an image in base64, by how it begins: JPEG, PNG, GIF or WebP. What is none is
/// text, for all that is known.
fn is_image(text: &str) -> bool {
    let data = text.strip_prefix("data:image/").and_then(|rest| {
        let (_, data) = rest.split_at_checked(rest.find(',')? + 1)?;
        Some(data)
    });
    let data = data.unwrap_or(text);
    let begins = ["/9j/", "iVBORw0KGgo", "R0lGOD", "UklGR"];
    begins.iter().any(|head| data.starts_with(head))
}

/// Keeps a caller's word once, made safe to repeat in a refusal.
fn remember(words: &mut Vec<String>, word: &str) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-[]".contains(&byte);
    let is_plain = (1..=64).contains(&word.len()) && word.bytes().all(plain);
    let word = if is_plain { word } else { "(unreadable)" };
    if words.len() < UNKNOWN_AT_MOST && words.iter().all(|known| known != word) {
        words.push(word.to_owned());
    }
}

impl Given<'_> {
    fn truth(self) -> Option<bool> {
        match self {
            Self::Null => Some(false),
            Self::Bool(value) => Some(value),
            Self::Word("true" | "True" | "1") => Some(true),
            Self::Word("false" | "False" | "0") => Some(false),
            _ => None,
        }
    }

    /// `Some(None)` where nothing is said, `None` for what is no count.
    fn number(self) -> Option<Option<u64>> {
        match self {
            Self::Null => Some(None),
            Self::Count(count) => Some(Some(count)),
            Self::Word(text) => text.parse().ok().map(Some),
            _ => None,
        }
    }
}

impl Gate {
    /// `None` for a type that the gate cannot judge.
    fn is_used(&self, given: Given<'_>) -> Option<bool> {
        match (&self.when, given) {
            (_, Given::Null) => Some(false),
            (When::Present, Given::EmptyList) => Some(false),
            (When::Present, _) => Some(true),
            (When::True, given) => given.truth(),
            (When::NoneOf(names), Given::Text(text) | Given::Word(text)) => {
                Some(!names.contains(&text))
            }
            (When::NoneOf(_), _) => None,
        }
    }
}
