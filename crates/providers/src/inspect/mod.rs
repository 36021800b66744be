//! What a request says about itself: model, cost, gated features, ids it fetches.
//!
//! Bodies come from strangers and decide who pays, so they are read strictly: what could be
//! understood in two ways (a duplicate member, a deciding field of an odd type) is refused, not
//! guessed. Reading borrows from the body and builds no tree; the body itself goes on byte for
//! byte, but for the [`Edits`] found here.

mod form;
mod headers;
mod insert;
mod json;
mod learn;
mod multipart;
mod query;
mod rules;

pub use multipart::{MultipartInspector, Progress};

pub(crate) use headers::Beta;
pub(crate) use rules::{AttachmentTable, BodyRules, BodyTable, Named, Reference, ToolTable};

use std::sync::Arc;

use crate::{Edits, Operation};

/// What an AddOn allows that changes how a body is sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct BodyPolicy {
    /// The feature `store` is allowed: a body that says nothing about storing stays as it is.
    pub may_store: bool,
    /// The version of the interface that is called knows no `stream_options`: a stream's usage is
    /// not asked for.
    pub plain_streams: bool,
}

/// What was learned from a request.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Facts {
    /// The model it names.
    pub model: Option<Arc<str>>,
    /// Whether it asks for a stream.
    pub stream: bool,
    /// Features it uses that an AddOn must allow by name; each feature once.
    pub gated: Vec<Gated>,
    /// `tools[].type` values that nobody knows; refused.
    pub unknown_tools: Vec<String>,
    /// Fields and betas that the data file does not list; refused by a `strict` AddOn.
    pub unknown_fields: Vec<String>,
    /// Provider-side objects it fetches; each must be bound to the caller, else 404.
    pub fetches: Vec<ObjectRef>,
    /// Whether the provider keeps what comes of it, so that ids in the answer need binding.
    pub stores: bool,
    /// The most output it asks for, of each of its answers.
    pub max_output_tokens: Option<u64>,
    /// How many answers it asks for, shown or not; zero where it does not say.
    pub choices: u64,
    /// Characters of text in it, for reservations and where text is what is billed.
    pub input_characters: u64,
    /// Images it shows to the model.
    pub images_shown: u64,
    /// The bytes of those that stand in the body itself, as they are written there.
    pub image_bytes: u64,
    /// Documents it gives to the model: a page of them may be any number of tokens.
    pub documents: u64,
    /// Images it asks for.
    pub images: u64,
    /// Billed features it asks for, where a call is billed by feature.
    pub transactions: u64,
    /// What must change in the body before it leaves.
    pub edits: Edits,
    /// The stream's usage was asked for by us: the chunk that carries it stays here.
    pub drop_usage_chunk: bool,
}

/// A gated feature, and the field that uses it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Gated {
    /// The word for `--allow`, e.g. `hosted-tools`.
    pub feature: &'static str,
    /// The field as documented, e.g. `tools[]`.
    pub field: String,
}

/// A provider-side object.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ObjectRef {
    /// `response`, `file`, `conversation` …: the same word that a [`Binding`](crate::Binding) has.
    pub kind: &'static str,
    /// The provider's id.
    pub id: String,
}

/// Why a body is refused. The texts name a field only where the data file knows it, and never show
/// content.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// Typically a bug of the caller's, or a body of another type.
    #[error("the body is not valid JSON")]
    NotJson,
    /// Two parsers might not agree on it.
    #[error("the body is not valid UTF-8")]
    NotUtf8,
    /// A JSON body that is no object.
    #[error("the body must be a JSON object")]
    NotAnObject,
    /// Nested beyond 127 levels.
    #[error("the body is nested too deeply")]
    TooDeep,
    /// More names at once than any real body has.
    #[error("the body has too many members")]
    TooManyMembers,
    /// Two members of one name: which of them counts differs from parser to parser.
    #[error("the body has a member twice{}", named(*.field))]
    DuplicateMember {
        /// Its name, where the data file knows it.
        field: Option<&'static str>,
    },
    /// A deciding field of a type that could be read in two ways.
    #[error("`{field}` has the wrong type")]
    WrongType {
        /// Its name.
        field: &'static str,
    },
    /// A field that may not be there at all, such as a key in the body.
    #[error("`{field}` is not accepted")]
    Refused {
        /// Its name.
        field: &'static str,
    },
    /// A form or a query that cannot be read in one way only.
    #[error("the form or query is malformed")]
    MalformedForm,
    /// A multipart body that cannot be read in one way only.
    #[error("the multipart body is malformed: {reason}")]
    MalformedMultipart {
        /// What is odd about it.
        reason: &'static str,
    },
    /// A call is for one model; a batch for several is several calls.
    #[error("the body names two models")]
    TwoModels,
    /// A deciding part came after the decision was made.
    #[error("part `{field}` must come before the file")]
    TooLate {
        /// Its name.
        field: &'static str,
    },
}

impl Operation {
    /// How a body is to be read, by what the AddOn allows and the version that the query names.
    pub fn body_policy(&self, may_store: bool, query: Option<&str>) -> BodyPolicy {
        let is_before = |since: &str| {
            let pairs = query.unwrap_or_default().split('&');
            let version = pairs
                .filter_map(|pair| pair.strip_prefix("api-version="))
                .next();
            // `v1` and `preview` are newer than any day.
            version.is_some_and(|version| version.starts_with('2') && version < since)
        };
        BodyPolicy {
            may_store,
            plain_streams: self.stream_options_since.is_some_and(is_before),
        }
    }

    /// Reads a JSON body. An empty one is read as nothing at all.
    ///
    /// # Errors
    ///
    /// [`BodyError`]; what it says may be shown to the caller.
    pub fn inspect_json(&self, body: &[u8], policy: &BodyPolicy) -> Result<Facts, BodyError> {
        json::inspect(body, self.rules, policy)
    }

    /// Reads an `application/x-www-form-urlencoded` body.
    ///
    /// # Errors
    ///
    /// [`BodyError`]; what it says may be shown to the caller.
    pub fn inspect_form(&self, body: &[u8], _policy: &BodyPolicy) -> Result<Facts, BodyError> {
        form::inspect(body, self.rules)
    }
}

fn named(field: Option<&'static str>) -> String {
    field
        .map(|field| format!(": `{field}`"))
        .unwrap_or_default()
}
