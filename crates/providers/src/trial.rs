//! A call to try an AddOn with: what is asked of a person, what is sent, and where in the answer
//! is what they want to see. The console sends it from the browser, or shows it to be sent by hand.

use serde::Deserialize;

use crate::{
    AddOnType,
    manifest::{leak, leak_all, leak_map, leak_some},
};

/// One entry of a provider's `trials.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// The types of AddOn that it shows.
    pub types: Vec<AddOnType>,
    /// The provider's own path and query, for a POST.
    #[serde(deserialize_with = "leak")]
    pub path: &'static str,
    /// Headers beside the credential and the content type.
    #[serde(default, deserialize_with = "leak_map")]
    pub headers: Vec<(&'static str, &'static str)>,
    /// The model to begin with, where the AddOn names none; an empty text where only the customer
    /// can know.
    #[serde(default, deserialize_with = "leak_some")]
    pub model: Option<&'static str>,
    /// What to type into the field of the prompt; `None` where there is none.
    #[serde(default, deserialize_with = "leak_some")]
    pub prompt: Option<&'static str>,
    /// The language to translate into, as this provider writes it.
    #[serde(default, deserialize_with = "leak_some")]
    pub language: Option<&'static str>,
    /// Whether a picture is asked for.
    #[serde(default)]
    pub picture: bool,
    /// How it is sent.
    pub sends: Sends,
    /// JSON in which `{prompt}`, `{model}`, `{language}`, `{picture}` (a data address),
    /// `{picture-base64}` and `{picture-type}` stand for what was entered. The members of an object
    /// are the fields of a form.
    #[serde(default, deserialize_with = "leak")]
    pub body: &'static str,
    /// How it is answered.
    pub shows: Shows,
    /// JSON pointers to text, in the answer or in each event.
    #[serde(default, deserialize_with = "leak_all")]
    pub text: Vec<&'static str>,
    /// JSON pointers to pictures in Base64.
    #[serde(default, deserialize_with = "leak_all")]
    pub pictures: Vec<&'static str>,
    /// What it used: a word for people, and a JSON pointer to the number.
    #[serde(default, deserialize_with = "leak_map")]
    pub usage: Vec<(&'static str, &'static str)>,
}

/// How a trial is sent.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Sends {
    /// As JSON.
    Json,
    /// As `multipart/form-data`.
    FormData,
    /// The bytes of the picture alone.
    Picture,
}

/// How a trial is answered.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Shows {
    /// Server-sent events, word by word.
    Events,
    /// One JSON text.
    Json,
    /// The bytes of a picture.
    Picture,
}

impl Sends {
    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::FormData => "form-data",
            Self::Picture => "picture",
        }
    }
}

impl Shows {
    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Json => "json",
            Self::Picture => "picture",
        }
    }
}

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "'de: 'static"))]
pub(crate) struct Trials {
    pub(crate) trials: Vec<Trial>,
}
