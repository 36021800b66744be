//! Recorded answers, beside the adapter they belong to.

use std::{collections::BTreeMap, fs, path::PathBuf};

use keystead_providers::{ALL, About, Facts, Meaning, Operation, Provider, Usage};
use serde::Deserialize;

/// A successful answer, and what it is expected to report.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) provider: &'static dyn Provider,
    pub(crate) operation: &'static Operation,
    pub(crate) name: String,
    pub(crate) body: Vec<u8>,
    pub(crate) content_type: &'static str,
    pub(crate) facts: Facts,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) ids: Vec<(String, String)>,
    pub(crate) usage: Option<Usage>,
    /// Whether it leaves out anything of what was reserved for it.
    pub(crate) is_short: bool,
}

/// An error answer, and what it is expected to mean.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrorAnswer {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) means: Meaning,
    #[serde(default)]
    pub(crate) step: usize,
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) missing: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answers {
    answers: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Errors {
    errors: Vec<ErrorAnswer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    operation: String,
    file: String,
    #[serde(default)]
    stores: bool,
    #[serde(default)]
    facts: FactsRow,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    ids: Vec<(String, String)>,
    #[serde(default)]
    usage: Option<BTreeMap<String, u64>>,
    #[serde(default)]
    short: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FactsRow {
    model: Option<String>,
    input_characters: u64,
    transactions: u64,
    images: u64,
}

/// Every recorded answer of every provider.
pub(crate) fn answers() -> Vec<Answer> {
    let read = |provider: &&'static dyn Provider| {
        let about = provider.about();
        let file: Answers = read_toml(about, "answers.toml");
        let rows = file.answers.into_iter().map(|row| row.answer(*provider));
        rows.collect::<Vec<_>>()
    };
    ALL.iter().flat_map(read).collect()
}

/// Every recorded error of one provider.
pub(crate) fn errors(about: &About) -> Vec<ErrorAnswer> {
    let file: Errors = read_toml(about, "errors.toml");
    file.errors
}

impl Row {
    fn answer(self, provider: &'static dyn Provider) -> Answer {
        let about = provider.about();
        let operation = about.operation(&self.operation);
        let usage = self.usage.map(|expected| {
            let mut usage = Usage::default();
            for (unit, value) in expected {
                set(&mut usage, &unit, value);
            }
            usage
        });
        Answer {
            provider,
            operation: operation.unwrap_or_else(|| panic!("no operation {}", self.operation)),
            name: format!("{}/{}", about.name, self.file),
            body: fs::read(folder(about).join(&self.file)).expect(&self.file),
            content_type: match self.file.rsplit_once('.') {
                Some((_, "json")) => "application/json",
                Some((_, "sse")) => "text/event-stream; charset=utf-8",
                _ => "application/octet-stream",
            },
            facts: Facts {
                model: self.facts.model.map(Into::into),
                input_characters: self.facts.input_characters,
                transactions: self.facts.transactions,
                images: self.facts.images,
                stream: self.file.ends_with(".sse"),
                stores: self.stores,
                ..Facts::default()
            },
            headers: self.headers,
            ids: self.ids,
            usage,
            is_short: self.short,
        }
    }
}

fn set(usage: &mut Usage, unit: &str, value: u64) {
    let field = match unit {
        "input_tokens" => &mut usage.input_tokens,
        "cached_tokens" => &mut usage.cached_tokens,
        "cache_write_tokens" => &mut usage.cache_write_tokens,
        "output_tokens" => &mut usage.output_tokens,
        "reasoning_tokens" => &mut usage.reasoning_tokens,
        "characters" => &mut usage.characters,
        "images" => &mut usage.images,
        "seconds" => &mut usage.seconds,
        "transactions" => &mut usage.transactions,
        "credits_milli" => &mut usage.credits_milli,
        other => panic!("no unit {other}"),
    };
    *field = Some(value);
}

fn read_toml<T: for<'de> Deserialize<'de>>(about: &About, file: &str) -> T {
    let path = folder(about).join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    toml::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

fn folder(about: &About) -> PathBuf {
    let name = about.name.replace('-', "_");
    [env!("CARGO_MANIFEST_DIR"), "src", &name, "fixtures"]
        .iter()
        .collect()
}
