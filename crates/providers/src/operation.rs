//! What can be asked of a provider: one entry an operation, with everything that decides about it.

use std::{fmt, time::Duration};

use http::HeaderMap;

use crate::{
    ObjectRef,
    answer_ids::IdReader,
    body::BodyRule,
    ceiling::Ceilings,
    inspect::{Beta, BodyRules},
    meter::Meter,
    path::{PathId, Route},
};

/// One operation of a provider. All of it comes from the data file.
#[derive(Debug)]
pub struct Operation {
    /// Stable within its provider, e.g. `chat.completions`. Where a provider has several paths for
    /// one thing, the entries share the name.
    pub name: &'static str,
    /// Whether it is open by default.
    pub access: Access,
    /// What it is there for, or why it is denied: a phrase for people.
    pub purpose: &'static str,
    /// The types of AddOn that include it.
    pub types: Vec<AddOnType>,
    /// The ways to call it.
    pub routes: Vec<Route>,
    /// The bodies it takes.
    pub body: BodyRule,
    /// The longest body, in bytes.
    pub max_body: u64,
    /// Where it says which model it wants.
    pub model: ModelFrom,
    /// The model that works where the request names none.
    pub default_model: Option<&'static str>,
    /// A feature that the AddOn must allow for the operation as a whole.
    pub gate: Option<&'static str>,
    /// Where ids that fetch stand in its answers.
    pub binds: Vec<Binding>,
    /// The captured path id that names an object: it must be bound to the caller, else 404.
    pub fetches_path: Option<&'static str>,
    /// The kind of object whose usage its answers report: the one in the path, or the one they
    /// make. It may be reported again at every call, and counts once for each object. An answer
    /// that makes one and reports nothing leaves it to the call that fetches it.
    pub settles: Option<&'static str>,
    /// Members of its JSON answers that are addresses of the provider's own.
    pub addresses: Vec<&'static str>,
    /// How its answers are metered; empty for what costs nothing or reports nothing.
    pub meter: Meter,
    /// Why nothing is metered, where nothing is.
    pub unmetered: &'static str,
    /// It costs something, and nothing here can tell how much: no budget holds for it.
    pub uncounted: bool,
    /// The first dated version of the interface that knows `stream_options`.
    pub(crate) stream_options_since: Option<&'static str>,
    pub(crate) rules: &'static BodyRules,
    pub(crate) query: &'static BodyRules,
    pub(crate) betas: &'static [Beta],
    pub(crate) ceilings: &'static Ceilings,
    /// The customer names models, so that a name tells nothing of them.
    pub(crate) has_own_names: bool,
}

/// Whether an operation is open.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// To every AddOn whose type includes it.
    Default,
    /// To AddOns that name it, or that were installed with `--operations all`.
    OptIn,
    /// To nobody: administration, billing, what mints provider secrets. Listed so that the reason
    /// can be read; [`About::denied`](crate::About::denied) finds it.
    Denied,
}

/// The types of AddOn.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddOnType {
    /// Text in, text out.
    Text,
    /// From one language to another.
    Translation,
    /// Making and changing images.
    Image,
    /// Describing images.
    AltText,
    /// The provider's whole default set.
    Any,
}

/// Where an operation says which model it wants.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelFrom {
    /// [`Facts::model`](crate::Facts::model), after the body was read.
    Body,
    /// [`Match::model`].
    Path,
    /// [`Facts::model`](crate::Facts::model), after the query was read.
    Query,
    /// It has none to choose, or does not say.
    #[default]
    None,
}

/// Ids in an answer that can be fetched later, and so belong to the caller.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The same word that [`ObjectRef::kind`] has.
    pub kind: &'static str,
    /// Where it stands.
    pub place: BindingPlace,
    /// How long the provider keeps the object.
    pub retention: Duration,
    /// Only where [`Facts::stores`](crate::Facts::stores) says that anything is kept.
    pub when_stored: bool,
}

/// Where an id stands in an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum BindingPlace {
    /// The last path segment of the address in this header.
    Header(&'static str),
    /// Places in a JSON answer or in the events of a stream.
    Body(Vec<&'static str>),
}

/// An id that stood in an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BoundId {
    /// The object.
    pub object: ObjectRef,
    /// How long the provider keeps it.
    pub retention: Duration,
}

/// A request's path, understood.
#[derive(Clone, Debug)]
pub struct Match<'a> {
    /// What it asks for.
    pub operation: &'static Operation,
    /// The ids in it; [`Operation::fetches_path`] names the one that must be bound.
    pub ids: Vec<PathId<'a>>,
}

impl Operation {
    /// A reader of the ids in one answer's body, or `None` when there is nothing to bind. `stores`
    /// is [`Facts::stores`](crate::Facts::stores).
    pub fn id_reader(&'static self, stores: bool) -> Option<IdReader> {
        IdReader::new(
            self.binds
                .iter()
                .filter(|binding| stores || !binding.when_stored),
        )
    }

    /// Whether it can be asked of this model, as far as names tell.
    pub(crate) fn may_be_for(&self, model: &str) -> bool {
        self.has_own_names || self.ceilings.may_be(model, self.meter.models())
    }

    /// The ids in an answer's headers.
    pub fn header_ids(&self, headers: &HeaderMap) -> Vec<BoundId> {
        let bindings = self.binds.iter().filter_map(|binding| match binding.place {
            BindingPlace::Header(name) => {
                let address = headers.get(name)?.to_str().ok()?;
                let path = address.split(['?', '#']).next()?;
                let id = path.trim_end_matches('/').rsplit('/').next()?.to_owned();
                let object = ObjectRef {
                    kind: binding.kind,
                    id,
                };
                Some(BoundId {
                    object,
                    retention: binding.retention,
                })
            }
            BindingPlace::Body(_) => None,
        });
        bindings.collect()
    }
}

impl<'a> Match<'a> {
    /// The model or deployment in the path.
    pub fn model(&self) -> Option<&'a str> {
        let names = ["model", "deployment", "engine"];
        self.ids
            .iter()
            .find(|id| names.contains(&id.kind))
            .map(|id| id.id)
    }

    /// The object in the path that must be bound to the caller.
    pub fn object(&self) -> Option<ObjectRef> {
        let kind = self.operation.fetches_path?;
        let found = self.ids.iter().find(|id| id.kind == kind)?;
        Some(ObjectRef {
            kind,
            id: found.id.to_owned(),
        })
    }
}

impl AddOnType {
    /// Every type, in the order people are shown them.
    pub const ALL: [Self; 5] = [
        Self::Text,
        Self::Translation,
        Self::Image,
        Self::AltText,
        Self::Any,
    ];

    /// The word people use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Translation => "translation",
            Self::Image => "image",
            Self::AltText => "alt-text",
            Self::Any => "any",
        }
    }
}

impl fmt::Display for AddOnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
