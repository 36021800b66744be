//! How to make a key at a provider that can do no more than it must: read by people, so it says
//! when somebody last held it against the provider's own pages, and which.

use serde::Deserialize;

use crate::{
    Day,
    manifest::{leak, leak_some},
};

/// A provider's `guidance.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guidance {
    /// The day on which the steps were last compared with their sources.
    pub verified: Day,
    /// Where the provider's customers make keys.
    #[serde(deserialize_with = "leak")]
    pub keys_page: &'static str,
    /// How its keys begin or end, for the one who holds several: `sk-proj-…`.
    #[serde(deserialize_with = "leak")]
    pub looks_like: &'static str,
    /// What the address of a key is there, where people choose or enter one.
    #[serde(default)]
    pub endpoint: Option<Words>,
    /// What models are there, where people list those that an AddOn may use.
    #[serde(default)]
    pub models: Option<Words>,
    /// What to do, in order.
    pub steps: Vec<Step>,
    /// What bounds the bill at the provider, whatever happens here.
    pub budget: Step,
    /// How a key is ended there: to end it here does not.
    pub revoke: Step,
    /// What the provider itself says of giving a key to anybody, where it says something.
    #[serde(default)]
    pub caution: Option<Step>,
}

/// What a field of a form is called at this provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// The word that the provider uses for it.
    #[serde(deserialize_with = "leak")]
    pub label: &'static str,
    /// Where to find what is entered, or when to enter anything.
    #[serde(deserialize_with = "leak")]
    pub hint: &'static str,
}

/// One thing to do, or to know.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// In a sentence or two.
    #[serde(deserialize_with = "leak")]
    pub text: &'static str,
    /// The page that says so; `None` where it is our own advice.
    #[serde(default, deserialize_with = "leak_some")]
    pub source: Option<&'static str>,
}
