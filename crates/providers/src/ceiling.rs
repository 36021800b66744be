//! How much a model takes in and gives out at most, by each provider's `models.toml`.

use std::{collections::HashMap, fmt};

use foldhash::fast::RandomState;
use serde::Deserialize;

use crate::{Unit, model_name::ModelName};

/// The ceilings of a provider's models.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ceilings {
    /// What a reader of the numbers should know first.
    #[serde(default)]
    pub note: String,
    #[serde(default, rename = "ceilings")]
    rows: Vec<Ceiling>,
    /// The row of each model, for each kind that it is of. By names of ours: a quick hash will do.
    #[serde(skip)]
    own: HashMap<String, Vec<(ModelKind, usize)>, RandomState>,
    /// The highest of each kind.
    #[serde(skip)]
    highest: HashMap<ModelKind, Most<'static>>,
}

/// What some models have in common.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ceiling {
    /// Their names without their dates.
    pub models: Vec<String>,
    /// What they are asked for.
    #[serde(default)]
    pub kind: ModelKind,
    /// The most input of one call, in tokens. Zero for what is not billed by tokens.
    #[serde(default)]
    pub input: u64,
    /// What one image in the input is at most, in tokens. Zero where that is not known: then its
    /// bytes tell.
    #[serde(default)]
    pub image: u64,
    /// The most output, in tokens: of one answer, or of one image. Zero for what is not billed by
    /// tokens, and where the output is none.
    #[serde(default)]
    pub output: u64,
    /// The units that their answers report, where they are not all that the operation knows.
    #[serde(default)]
    pub reports: Vec<Unit>,
    /// Where it was read.
    pub source: String,
}

/// What a model is asked for. One that nobody knows has the highest ceilings of its kind.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "kebab-case")]
pub enum ModelKind {
    /// Text, and whatever chat gives beside it.
    #[default]
    Text,
    /// Vectors.
    Embedding,
    /// Images.
    Image,
    /// Speech made of text.
    Speech,
    /// Text made of speech.
    Transcript,
}

impl fmt::Display for ModelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Embedding => "vectors",
            Self::Image => "images",
            Self::Speech => "speech",
            Self::Transcript => "transcripts",
        })
    }
}

/// What holds for one call.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Most<'a> {
    /// Tokens in.
    pub(crate) input: u64,
    /// Tokens of one image in; zero where that is not known.
    pub(crate) image: u64,
    /// Tokens out.
    pub(crate) output: u64,
    /// All units, where it is empty.
    pub(crate) reports: &'a [Unit],
    /// Whether it is the model's own, and not the highest of its kind.
    pub(crate) is_own: bool,
}

impl Ceilings {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut read: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        for (at, row) in read.rows.iter().enumerate() {
            for model in &row.models {
                let kinds = read.own.entry(model.clone()).or_default();
                kinds.push((row.kind, at));
            }
            let highest = read.highest.entry(row.kind).or_default();
            highest.input = highest.input.max(row.input);
            highest.image = highest.image.max(row.image);
            highest.output = highest.output.max(row.output);
        }
        Ok(read)
    }

    /// All rows, in the order of the file.
    pub fn rows(&self) -> &[Ceiling] {
        &self.rows
    }

    /// Whether a model can be of this kind: one that nobody knows can be of any.
    pub(crate) fn may_be(&self, model: &str, kind: ModelKind) -> bool {
        let names = ModelName::new(model).names();
        let kinds = names.filter_map(|name| self.own.get(name)).flatten();
        let mut kinds = kinds.map(|(kind, _)| *kind).peekable();
        kinds.peek().is_none() || kinds.any(|own| own == kind)
    }

    /// Those of the model, or the highest of its kind. Without any the bounds are infinite.
    pub(crate) fn of(&self, model: Option<&str>, kind: ModelKind) -> Most<'_> {
        let mut names = model
            .into_iter()
            .flat_map(|name| ModelName::new(name).names());
        let own = names.find_map(|name| {
            let mut kinds = self.own.get(name)?.iter();
            let (_, at) = kinds.find(|(own, _)| *own == kind)?;
            Some(&self.rows[*at])
        });
        if let Some(row) = own {
            return Most {
                input: row.input,
                image: row.image,
                output: row.output,
                reports: &row.reports,
                is_own: true,
            };
        }
        self.highest.get(&kind).copied().unwrap_or(Most {
            input: u64::MAX,
            output: u64::MAX,
            ..Most::default()
        })
    }
}
