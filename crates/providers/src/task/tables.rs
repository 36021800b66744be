//! A provider's `tasks.toml`, as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Finish, TaskKind, asked::Shape};
use crate::{
    Sends,
    manifest::{leak, leak_all, leak_map, leak_some},
};

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TasksTable {
    /// When somebody looked which models to begin with.
    #[serde(default, deserialize_with = "leak")]
    pub(super) models_read: &'static str,
    /// The provider's words for how an answer ended, and ours.
    #[serde(default)]
    pub(super) finish: BTreeMap<String, Finish>,
    /// The provider's words for what went wrong.
    #[serde(default)]
    pub(super) errors: ErrorWords,
    /// Languages that this provider calls otherwise than by the first part of their tag, by the tag
    /// in lower case.
    #[serde(default, deserialize_with = "leak_map")]
    pub(super) targets: Vec<(&'static str, &'static str)>,
    /// Where in an answer is what was asked for.
    pub(super) answers: BTreeMap<String, AnswerTable>,
    pub(super) tasks: Vec<RecipeTable>,
}

/// Words that stand at the usual places of an error's body.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ErrorWords {
    /// The content was refused, by a filter or a policy.
    #[serde(default)]
    pub(super) refused: Vec<String>,
    /// The provider has too much to do.
    #[serde(default)]
    pub(super) overloaded: Vec<String>,
    /// The key was used too often.
    #[serde(default)]
    pub(super) limited: Vec<String>,
}

/// How one kind of answer is read: JSON pointers into the answer, or into each of its events.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerTable {
    /// Texts.
    #[serde(default, deserialize_with = "leak_all")]
    pub(super) text: Vec<&'static str>,
    /// An image in Base64.
    #[serde(default, deserialize_with = "leak_some")]
    pub(super) image: Option<&'static str>,
    /// Why the answer ended.
    #[serde(default, deserialize_with = "leak_some")]
    pub(super) finish: Option<&'static str>,
    /// The model that answered.
    #[serde(default, deserialize_with = "leak_some")]
    pub(super) model: Option<&'static str>,
}

/// One way to do a task. Where there are several, the first counts that the AddOn allows.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecipeTable {
    pub(super) tasks: Vec<TaskKind>,
    /// The provider's own path, for a POST; after a `?` its query, in which words can stand.
    #[serde(deserialize_with = "leak")]
    pub(super) path: &'static str,
    /// Headers beside the credential and the content type.
    #[serde(default, deserialize_with = "leak_map")]
    pub(super) headers: Vec<(&'static str, &'static str)>,
    /// The model where nobody names one. Without it one must be named, if the body has a place for
    /// it.
    #[serde(default, deserialize_with = "leak_some")]
    pub(super) model: Option<&'static str>,
    /// The most output where nobody says how much.
    #[serde(default)]
    pub(super) max_output_tokens: u32,
    /// How each shape of an image is written.
    #[serde(default)]
    pub(super) shapes: BTreeMap<Shape, String>,
    pub(super) sends: Sends,
    /// JSON with words in it: see [`Template`](super::template::Template).
    #[serde(default, deserialize_with = "leak")]
    pub(super) body: &'static str,
    /// The name of one of `[answers.…]`.
    pub(super) answer: String,
}
