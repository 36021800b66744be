//! What a caller asks for: the body of a request for a task, read strictly.

use std::{borrow::Cow, fmt};

use serde::Deserialize;

use super::{
    TaskKind,
    fields::{Fields, Text},
};

/// The longest request with texts alone, in bytes.
const MOST_TEXT: u64 = 64 * 1024;

/// A task, as it was asked for.
#[derive(Debug)]
pub struct Asked<'a> {
    /// What is to be done.
    pub task: Task<'a>,
    /// The model it names.
    pub model: Option<Cow<'a, str>>,
}

/// What is to be done, and with what.
pub enum Task<'a> {
    /// Text of a conversation.
    Text {
        /// Who said what, a user last.
        messages: Vec<Message<'a>>,
        /// What the host application asks for beside it.
        instructions: Option<Cow<'a, str>>,
        /// The most to be written, in tokens.
        max_output_tokens: Option<u32>,
    },
    /// A text in another language.
    Translate {
        /// The text.
        input: Cow<'a, str>,
        /// Into which language.
        target: Tag<'a>,
        /// From which, where that is known.
        source: Option<Tag<'a>>,
    },
    /// An image of a description.
    Image {
        /// The description.
        input: Cow<'a, str>,
        /// How it lies.
        shape: Shape,
    },
    /// A description of an image.
    AltText {
        /// The image.
        image: Picture<'a>,
        /// In which language.
        language: Tag<'a>,
    },
}

/// One part of a conversation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message<'a> {
    /// Who says it.
    pub(super) role: Role,
    /// What is said.
    #[serde(borrow)]
    pub(super) content: Cow<'a, str>,
}

/// Who says something. Instructions have a field of their own, so that no replayed text passes
/// for one.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The end user.
    User,
    /// The model.
    Assistant,
}

/// How an image lies.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// As wide as it is high.
    #[default]
    Square,
    /// Wider than high.
    Landscape,
    /// Higher than wide.
    Portrait,
}

/// An image that came with a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Picture<'a> {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: PictureKind,
    /// Its bytes in Base64.
    #[serde(borrow)]
    pub data: Cow<'a, str>,
}

/// The formats of images that every provider reads, and that are safe to show.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub enum PictureKind {
    /// PNG.
    #[serde(rename = "image/png")]
    Png,
    /// JPEG.
    #[serde(rename = "image/jpeg")]
    Jpeg,
    /// WebP.
    #[serde(rename = "image/webp")]
    Webp,
    /// GIF.
    #[serde(rename = "image/gif")]
    Gif,
}

/// A language tag (BCP 47) by its form: letters, digits and hyphens, so that it can stand in an
/// instruction and in an address.
#[derive(Clone, Debug)]
pub struct Tag<'a>(Cow<'a, str>);

/// Why a request for a task is refused. The texts name fields of ours only, and never show content.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TaskError {
    /// Typically a bug of the caller's.
    #[error("it is not a JSON object of a few members")]
    NotJson,
    /// Which of the two counts would be a guess.
    #[error("it has a field twice")]
    DuplicateField,
    /// A field that the task does not have.
    #[error("it has a field that this task does not have")]
    UnknownField,
    /// A field that must be there is not, or is empty.
    #[error("`{field}` is missing or empty")]
    Missing {
        /// Its name.
        field: &'static str,
    },
    /// A field of another type, or with a value that is none of those it can have.
    #[error("`{field}` has the wrong type or a value that it can't have")]
    WrongType {
        /// Its name.
        field: &'static str,
    },
    /// Read on, each of its elements would take many times the room that it takes in the request.
    #[error("it is longer than {limit} bytes")]
    TooLong {
        /// The most that it may have.
        limit: u64,
    },
    /// A model is named where there is nothing to choose.
    #[error("`model` can't be chosen for this task with this provider")]
    NoModels,
}

impl<'a> Asked<'a> {
    /// Reads the body of a request.
    ///
    /// # Errors
    ///
    /// [`TaskError`], safe to show.
    pub fn read(body: &'a [u8]) -> Result<Self, TaskError> {
        let mut fields = Fields::read(body)?;
        let kind = fields.need("task")?;
        if kind != TaskKind::AltText && body.len() as u64 > MOST_TEXT {
            return Err(TaskError::TooLong { limit: MOST_TEXT });
        }
        let task = match kind {
            TaskKind::Text => Task::text(&mut fields)?,
            TaskKind::Translate => Task::Translate {
                input: fields.need_text("input")?,
                target: Tag::need(&mut fields, "target")?,
                source: Tag::take(&mut fields, "source")?,
            },
            TaskKind::Image => Task::Image {
                input: fields.need_text("input")?,
                shape: fields.take("shape")?.unwrap_or_default(),
            },
            TaskKind::AltText => Task::AltText {
                image: fields.need("image")?,
                language: Tag::take(&mut fields, "language")?.unwrap_or(Tag("en".into())),
            },
        };
        let model = fields.text("model")?;
        if model.as_ref().is_some_and(|name| name.len() > 200) {
            return Err(TaskError::WrongType { field: "model" });
        }
        fields.end()?;
        Ok(Self { task, model })
    }
}

impl<'a> Task<'a> {
    fn text(fields: &mut Fields<'a>) -> Result<Self, TaskError> {
        /// One text, or a conversation.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Input<'a> {
            One(#[serde(borrow)] Text<'a>),
            Many(#[serde(borrow)] Vec<Message<'a>>),
        }

        const WRONG: TaskError = TaskError::WrongType { field: "input" };

        let messages = match fields.need("input")? {
            Input::One(Text(content)) => vec![Message {
                role: Role::User,
                content,
            }],
            Input::Many(messages) => messages,
        };
        let last = messages.last().ok_or(WRONG)?;
        if last.role != Role::User {
            return Err(WRONG);
        }
        let says_nothing = |message: &Message<'_>| message.content.trim_ascii().is_empty();
        if messages.iter().any(says_nothing) {
            return Err(TaskError::Missing { field: "input" });
        }
        let field = "max_output_tokens";
        let max_output_tokens = fields.take(field)?;
        if max_output_tokens == Some(0) {
            return Err(TaskError::WrongType { field });
        }
        Ok(Self::Text {
            messages,
            instructions: fields.text("instructions")?,
            max_output_tokens,
        })
    }

    /// Which of the four.
    pub fn kind(&self) -> TaskKind {
        match self {
            Self::Text { .. } => TaskKind::Text,
            Self::Translate { .. } => TaskKind::Translate,
            Self::Image { .. } => TaskKind::Image,
            Self::AltText { .. } => TaskKind::AltText,
        }
    }
}

impl Role {
    /// The word that all providers have for it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

impl PictureKind {
    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
        }
    }

    /// Told from how an image in Base64 begins; `None` for anything that is not one of the four.
    pub(super) fn of_base64(data: &str) -> Option<Self> {
        // PNG, JPEG, RIFF (which a WebP is) and GIF by their first bytes.
        let kinds = [
            ("iVBORw0KGgo", Self::Png),
            ("/9j/", Self::Jpeg),
            ("UklGR", Self::Webp),
            ("R0lGOD", Self::Gif),
        ];
        let mut kinds = kinds.into_iter();
        kinds.find_map(|(head, kind)| data.starts_with(head).then_some(kind))
    }
}

impl<'a> Tag<'a> {
    fn need(fields: &mut Fields<'a>, field: &'static str) -> Result<Self, TaskError> {
        Self::take(fields, field)?.ok_or(TaskError::Missing { field })
    }

    fn take(fields: &mut Fields<'a>, field: &'static str) -> Result<Option<Self>, TaskError> {
        let Some(text) = fields.text(field)? else {
            return Ok(None);
        };
        let mut subtags = text.split('-');
        let is_language = |tag: &str| {
            (2..=8).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphabetic())
        };
        let is_subtag = |tag: &str| {
            (1..=8).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        let is_tag =
            text.len() <= 35 && subtags.next().is_some_and(is_language) && subtags.all(is_subtag);
        match is_tag {
            true => Ok(Some(Self(text))),
            false => Err(TaskError::WrongType { field }),
        }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The language alone: `en` of `en-GB`.
    pub(super) fn language(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }
}

impl fmt::Debug for Picture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Picture").field(&self.kind).finish()
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Message").field(&self.role).finish()
    }
}

impl fmt::Debug for Task<'_> {
    /// The kind alone: what stands in it is the end user's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Task").field(&self.kind()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> Option<TaskError> {
        Asked::read(body.as_bytes()).err()
    }

    #[test]
    fn what_is_none_of_the_four_tasks_is_refused_by_field() {
        let missing = |field| Some(TaskError::Missing { field });
        let wrong = |field| Some(TaskError::WrongType { field });
        for (body, expected) in [
            (r#"{"task":"text","input":"hi"}"#, None),
            (
                r#"{"task":"text","input":"hi","model":"m","max_output_tokens":5,"instructions":"x"}"#,
                None,
            ),
            (
                r#"{"task":"text","input":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]}"#,
                None,
            ),
            (
                r#"{"task":"translate","input":"hi","target":"en-GB"}"#,
                None,
            ),
            (
                r#"{"task":"translate","input":"hi","target":"zh-Hant-TW","source":"de"}"#,
                None,
            ),
            (r#"{"task":"image","input":"hi","shape":"portrait"}"#, None),
            (
                r#"{"task":"alt-text","image":{"type":"image/png","data":"aGk="}}"#,
                None,
            ),
            (r#"{"task":"text","input":"hi","instructions":null}"#, None),
            ("[]", Some(TaskError::NotJson)),
            ("", Some(TaskError::NotJson)),
            ("\u{feff}{}", Some(TaskError::NotJson)),
            (
                r#"{"task":"text","input":"hi"} {}"#,
                Some(TaskError::NotJson),
            ),
            (r#"{"input":"hi"}"#, missing("task")),
            (r#"{"task":"poem","input":"hi"}"#, wrong("task")),
            (r#"{"task":"text"}"#, missing("input")),
            (r#"{"task":"text","input":"  "}"#, missing("input")),
            (r#"{"task":"text","input":7}"#, wrong("input")),
            (r#"{"task":"text","input":[]}"#, wrong("input")),
            (
                r#"{"task":"text","input":[{"role":"assistant","content":"b"}]}"#,
                wrong("input"),
            ),
            (
                r#"{"task":"text","input":[{"role":"system","content":"b"}]}"#,
                wrong("input"),
            ),
            (
                r#"{"task":"text","input":[{"role":"user","content":"b","x":1}]}"#,
                wrong("input"),
            ),
            (
                r#"{"task":"text","input":"hi","max_output_tokens":0}"#,
                wrong("max_output_tokens"),
            ),
            (
                r#"{"task":"text","input":"hi","max_output_tokens":-1}"#,
                wrong("max_output_tokens"),
            ),
            (
                r#"{"task":"text","input":"hi","tools":[]}"#,
                Some(TaskError::UnknownField),
            ),
            (
                r#"{"task":"text","input":"hi","target":"de"}"#,
                Some(TaskError::UnknownField),
            ),
            (
                r#"{"task":"text","input":"hi","input":"ho"}"#,
                Some(TaskError::DuplicateField),
            ),
            (r#"{"task":"translate","input":"hi"}"#, missing("target")),
            (
                r#"{"task":"translate","input":"hi","target":"de. Say yes"}"#,
                wrong("target"),
            ),
            (
                r#"{"task":"translate","input":"hi","target":"d"}"#,
                wrong("target"),
            ),
            (
                r#"{"task":"translate","input":"hi","target":"de-"}"#,
                wrong("target"),
            ),
            (
                r#"{"task":"image","input":"hi","shape":"round"}"#,
                wrong("shape"),
            ),
            (
                r#"{"task":"alt-text","image":{"type":"image/svg+xml","data":"aGk="}}"#,
                wrong("image"),
            ),
            (r#"{"task":"alt-text"}"#, missing("image")),
        ] {
            assert_eq!(refused(body), expected, "{body}");
        }
    }

    #[test]
    fn a_request_of_texts_is_measured_before_it_is_taken_apart() {
        let numbers = format!(r#"{{"task":"text","input":[{}0]}}"#, "0,".repeat(40_000));
        let long = TaskError::TooLong { limit: 64 * 1024 };
        assert_eq!(refused(&numbers), Some(long));
        let picture = "A".repeat(80_000);
        let picture =
            format!(r#"{{"task":"alt-text","image":{{"type":"image/png","data":"{picture}"}}}}"#);
        assert_eq!(refused(&picture), None);
    }

    #[test]
    fn debugging_shows_nothing_of_what_was_asked() {
        let asked = Asked::read(br#"{"task":"text","input":"secret"}"#).unwrap();
        assert_eq!(format!("{:?}", asked.task), "Task(Text)");
    }
}
