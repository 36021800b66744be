//! The AI services that Keystead calls, one adapter each.
//!
//! Adapters are pure: values in, values out. There is no network, clock, store or log in this
//! crate, so recorded answers are a complete test of it.
//!
//! ```text
//!  request ──> About::classify ──> Operation::inspect_* ──> Facts ──> (the proxy decides)
//!                                                                         │
//!              Provider::inject <── key <─────────────────────────────────┘
//!                    │
//!                    └──> provider ──> About::judge (errors) · IdReader, UsageReader (answers)
//! ```
//!
//! # Where to find what
//!
//! - a provider's facts: `src/NAME/provider.toml` (hosts, key shapes, headers, operations, gated
//!   fields, verdicts), `src/NAME/prices.toml`, `src/NAME/models.toml` for the ceilings of its
//!   models, `src/NAME/guidance.toml` for people who make a key there, and `src/NAME/trials.toml` for those
//!   who try an AddOn, and `src/NAME/tasks.toml` for what it can do by a neutral request;
//! - what no table can say: `src/NAME/mod.rs`;
//! - how requests are read: [`Operation::inspect_json`] and its siblings;
//! - how answers are read: [`UsageReader`], [`IdReader`], [`UsageChunkFilter`];
//! - what a call may use: [`Operation::reservation`]; what it cost: [`Prices`].
//!
//! # How to add a provider
//!
//! Copy a sibling folder in `src/`, fill in its data files and fixtures, and add one line to
//! [`ALL`]. Console, command line, documents and tests read [`ALL`]; nothing else names a provider.
//!
//! # Features that are off until an AddOn allows them
//!
//! | feature | what it covers |
//! |---|---|
//! | `background` | work that goes on after the call |
//! | `store` | answers that the provider keeps and hands out by id |
//! | `hosted-tools` | tools that the provider runs: search, code, computers |
//! | `remote-mcp` | servers of third parties that the provider calls |
//! | `data-sources` | Azure's "on your data", with keys of third parties in the body |
//! | `priority` | faster tiers at a higher price |
//! | `containers` | machines and skills that live on between calls |
//! | `files` | the provider's file store |
//! | `listing` | lists that show the objects of everybody who uses the key |
//! | `long-context` | prompt lengths at a higher price |
//! | `inference-geo` | a region at a higher price |
//! | `realtime` | sessions whose cost is not metered |
//! | `custom-models` | models and voices trained by the key's owner |
//! | `other-models` | models that the body names beside its own |
//! | `batch` | many calls in one; those in a file are not looked into |
//!
//! `background` needs `store` as well, because the provider keeps what it works on.
//!
//! # What a caller has to know
//!
//! - [`AddOnType::Any`] includes every operation of default access, whether it lists the type or
//!   not; the other types include what lists them.
//! - [`BodyRule`] is asked with the content type and says how the body is read:
//!   [`BodyRule::format`].
//! - [`Facts::gated`] and [`Operation::gate`] both name features that the AddOn must allow.
//! - [`Operation::multipart`] takes no policy, because nothing is inserted into such bodies.
//! - Response headers pass when [`About::response_headers`] lists them, and those of
//!   [`About::address_headers`] once [`About::rewrite_headers`] has rewritten them.
//! - [`Operation::settles`] marks answers whose usage must be counted once for each object.
//! - [`Facts::unknown_fields`] is filled for every request; only a `strict` AddOn minds.
//! - A [`UsageReader`] is for successful answers. What the provider refused costs nothing.
//! - [`Operation::reservation`] is what a call may use, [`Usage::settled`] what it counts in the end.

mod about;
mod answer_ids;
mod anthropic;
mod azure_openai;
mod azure_vision;
mod body;
mod ceiling;
mod check;
mod credential;
mod deepl;
mod destination;
mod documents;
mod edits;
mod envelope;
mod feature;
mod field_tree;
mod guidance;
mod header_list;
mod inspect;
mod key_shape;
mod manifest;
mod meter;
mod model_name;
mod openai;
mod operation;
mod path;
mod price;
mod reservation;
mod rewrite;
mod scan;
mod settlement;
mod sse;
mod stability;
mod task;
mod trial;
mod usage;
mod usage_chunk;
mod verdict;

use std::fmt;

use keystead_vault::ProviderKey;

pub use about::About;
pub use answer_ids::IdReader;
pub use body::{BodyFormat, BodyRule, UnsupportedBody};
pub use ceiling::{Ceiling, Ceilings, ModelKind};
pub use check::{Check, CheckAnswer, CheckOutcome};
pub use credential::{CredentialForm, InvalidKey, KeyHeader};
pub use destination::{Destination, Destinations, EndpointError, HostRules, Scheme};
pub use edits::Edits;
pub use envelope::{Envelope, GatewayError};
pub use feature::FEATURES;
pub use guidance::{Guidance, Step, Words};
pub use header_list::HeaderList;
pub use inspect::{BodyError, BodyPolicy, Facts, Gated, MultipartInspector, ObjectRef, Progress};
pub use key_shape::{KeyShape, ShapeRule};
pub use meter::Meter;
pub use operation::{
    Access, AddOnType, Binding, BindingPlace, BoundId, Match, ModelFrom, Operation,
};
pub use path::{PathId, Route};
pub use price::{Cost, Day, MicroUsd, Price, PriceList, PriceListError, Prices};
pub use task::{
    Asked, Choice, Finish, Message, Picture, PictureKind, Recipe, Role, Shape, Tag, Task,
    TaskError, TaskEvent, TaskFailure, TaskKind, TaskReader, Tasks, Unfit, Unreadable, Written,
};
pub use trial::{Sends, Shows, Trial};
pub use usage::{Unit, Usage, UsageReader};
pub use usage_chunk::UsageChunkFilter;
pub use verdict::{Meaning, Verdict};

/// Every provider, in the order people are shown them.
pub static ALL: &[&dyn Provider] = &[
    &openai::OPENAI,
    &azure_openai::AZURE_OPENAI,
    &azure_vision::AZURE_VISION,
    &deepl::DEEPL,
    &stability::STABILITY,
    &anthropic::ANTHROPIC,
];

/// The provider of this name.
pub fn by_name(name: &str) -> Option<&'static dyn Provider> {
    ALL.iter()
        .copied()
        .find(|provider| provider.about().name == name)
}

/// One AI service: everything Keystead knows about it, and nothing else.
///
/// Almost all of it lies in the data file behind [`about`](Self::about). An adapter writes a method
/// of its own only for what no table can say.
pub trait Provider: fmt::Debug + Send + Sync + 'static {
    /// Name, hosts, operations, headers, verdicts: read once from the data file.
    fn about(&self) -> &'static About;

    /// The header in which the key leaves: in the client's own form where the provider takes
    /// several.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] when no header can carry it.
    fn key_header(
        &self,
        key: &ProviderKey,
        sent_in: CredentialForm,
    ) -> Result<KeyHeader, InvalidKey> {
        self.about().key_header(key, sent_in)
    }

    /// A fresh reader for a successful answer of this content type; fed chunk by chunk.
    fn usage_reader(
        &self,
        operation: &'static Operation,
        facts: &Facts,
        content_type: &str,
    ) -> Box<dyn UsageReader> {
        Box::new(operation.meter.reader(facts, content_type))
    }

    /// The calls that tell whether a key works, cheapest first. Empty when no header can carry it.
    fn checks(&self, key: &ProviderKey, _destination: &Destination) -> Vec<Check> {
        self.about().checks(key).unwrap_or_default()
    }

    /// What the answer to the `step`th of them says.
    fn read_check(&self, step: usize, answer: &CheckAnswer<'_>) -> CheckOutcome {
        self.about().read_check(step, answer)
    }
}
