//! Neutral tasks: one request and one answer for everybody who makes texts, translations, images
//! and descriptions of images, whichever provider does it.
//!
//! ```text
//!  body ──> Asked ──> Tasks::choose ──> Recipe::write ──> Written ──> (the proxy carries it)
//!                                          │                              │
//!                  TaskEvent <── TaskReader┘ <── answer ──────────────────┘
//! ```
//!
//! What differs from provider to provider stands in its `tasks.toml`: which call a task is, what
//! is sent, and where in the answer is what was asked for. Nothing here streams or stores; a
//! [`TaskReader`] holds one event, or one answer within a stated bound.

mod asked;
mod failure;
mod fields;
mod form_data;
mod instructions;
mod pointer;
mod reader;
mod recipe;
mod tables;
mod template;

use std::fmt;

use crate::AddOnType;

pub use asked::{Asked, Message, Picture, PictureKind, Role, Shape, Tag, Task, TaskError};
pub use failure::TaskFailure;
pub use reader::{Finish, TaskEvent, TaskReader, Unreadable};
pub use recipe::{Choice, Recipe, Tasks, Unfit, Written};

/// What is to be done.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// Text of a conversation.
    Text,
    /// A text in another language.
    Translate,
    /// An image of a description.
    Image,
    /// A description of an image.
    AltText,
}

impl TaskKind {
    /// Every task, in the order people are shown them.
    pub const ALL: [Self; 4] = [Self::Text, Self::Translate, Self::Image, Self::AltText];

    /// The word of requests.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Translate => "translate",
            Self::Image => "image",
            Self::AltText => "alt-text",
        }
    }

    /// Whether AddOns of this type are for it.
    pub const fn fits(self, kind: AddOnType) -> bool {
        matches!(
            (self, kind),
            (_, AddOnType::Any)
                | (Self::Text, AddOnType::Text)
                | (Self::Translate, AddOnType::Translation)
                | (Self::Image, AddOnType::Image)
                | (Self::AltText, AddOnType::AltText)
        )
    }
}

impl fmt::Display for TaskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
