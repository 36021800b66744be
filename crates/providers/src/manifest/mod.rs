//! A provider's data file, `provider.toml`, as it is written.
//!
//! Everything that drifts (hosts, paths, headers, prices) is data, so that a correction needs no
//! code. The file is part of the program: it is parsed once, its strings live as long as the
//! process, and a mistake in it fails the tests of this crate, never a request.

mod compile;
mod described;
mod leaked;

use compile::load;
pub(crate) use described::{Described, Files, described};
pub(crate) use leaked::{leak, leak_all, leak_map, leak_some};

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    CredentialForm, Envelope,
    inspect::{AttachmentTable, Beta, BodyTable, Reference, ToolTable},
    key_shape::ShapeRule,
    meter::MeterTable,
    operation::{Access, AddOnType, ModelFrom},
    verdict::Verdict,
};

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    #[serde(deserialize_with = "leak")]
    name: &'static str,
    #[serde(deserialize_with = "leak")]
    title: &'static str,
    envelope: Envelope,
    /// What a key may look like, for decoys: `{w74}` stands for so many letters, digits, `-` and `_`,
    /// `{a…}` for letters and digits, `{h…}` for lower-case hexadecimal digits.
    #[serde(deserialize_with = "leak")]
    decoy: &'static str,
    #[serde(deserialize_with = "leak")]
    sdk_base_path: &'static str,
    credentials: Credentials,
    hosts: Hosts,
    headers: Headers,
    keys: Vec<ShapeRule>,
    checks: Vec<CheckTable>,
    verdicts: Vec<Verdict>,
    #[serde(default)]
    betas: Vec<Beta>,
    #[serde(default)]
    mounts: Vec<Mount>,
    #[serde(default)]
    operations: Vec<OperationTable>,
    #[serde(default)]
    bodies: BTreeMap<String, BodyTable>,
    #[serde(default)]
    queries: BTreeMap<String, BodyTable>,
    #[serde(default)]
    tools: BTreeMap<String, ToolTable>,
    #[serde(default)]
    references: BTreeMap<String, Reference>,
    #[serde(default)]
    attachments: BTreeMap<String, AttachmentTable>,
    #[serde(default)]
    meters: BTreeMap<String, MeterTable>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    /// The forms in which a client may send its token.
    accepts: Vec<CredentialForm>,
    /// The forms in which the key may leave; the client's own if it is among them, else the first.
    sends: Vec<CredentialForm>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hosts {
    #[serde(default)]
    default: Option<String>,
    #[serde(default)]
    by_suffix: BTreeMap<String, String>,
    #[serde(deserialize_with = "leak_all")]
    known: Vec<&'static str>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Headers {
    #[serde(deserialize_with = "leak_all")]
    request: Vec<&'static str>,
    #[serde(deserialize_with = "leak_all")]
    response: Vec<&'static str>,
    /// Who the key belongs to: never passed on, whatever the lists say.
    #[serde(default, deserialize_with = "leak_all")]
    owner: Vec<&'static str>,
    /// Addresses of the provider's own: rewritten to ours, or dropped.
    #[serde(default, deserialize_with = "leak_all")]
    addresses: Vec<&'static str>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckTable {
    /// `GET /v1/models`.
    #[serde(deserialize_with = "leak")]
    pub(crate) request: &'static str,
    #[serde(default, deserialize_with = "leak_map")]
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    #[serde(default, deserialize_with = "leak")]
    pub(crate) body: &'static str,
    /// Statuses beside 2xx that only a good key gets.
    #[serde(default)]
    pub(crate) valid: Vec<u16>,
    /// Statuses that leave it open, so that the next check is asked.
    #[serde(default)]
    pub(crate) next: Vec<u16>,
}

/// Operations of another provider's file that this one has too, under other paths. Models go by
/// names of the customer's own there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mount {
    /// The other provider.
    provider: String,
    /// Head of the path there.
    from: String,
    /// Head of the path here.
    at: String,
    operations: Vec<String>,
    /// Where the model stands here.
    #[serde(default)]
    model: Option<ModelFrom>,
    #[serde(default)]
    access: Option<Access>,
    /// The first dated version here that knows `stream_options`.
    #[serde(default, deserialize_with = "leak_some")]
    stream_options_since: Option<&'static str>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OperationTable {
    #[serde(deserialize_with = "leak")]
    name: &'static str,
    access: Access,
    #[serde(deserialize_with = "leak")]
    purpose: &'static str,
    #[serde(default)]
    types: Vec<AddOnType>,
    #[serde(deserialize_with = "leak_all")]
    routes: Vec<&'static str>,
    #[serde(default)]
    body: Vec<String>,
    /// Rules of `[bodies.…]`; without a name, of the empty body.
    #[serde(default)]
    rules: Option<String>,
    #[serde(default)]
    query: Option<String>,
    #[serde(default)]
    max_body_kib: Option<u64>,
    #[serde(default)]
    model: ModelFrom,
    #[serde(default, deserialize_with = "leak_some")]
    default_model: Option<&'static str>,
    #[serde(default, deserialize_with = "leak_some")]
    gate: Option<&'static str>,
    #[serde(default)]
    binds: Vec<BindingTable>,
    #[serde(default, deserialize_with = "leak_some")]
    fetches: Option<&'static str>,
    #[serde(default, deserialize_with = "leak_some")]
    settles: Option<&'static str>,
    #[serde(default, deserialize_with = "leak_all")]
    addresses: Vec<&'static str>,
    #[serde(default)]
    meter: Option<String>,
    #[serde(default, deserialize_with = "leak")]
    unmetered: &'static str,
    /// It costs something that nothing here can count.
    #[serde(default)]
    uncounted: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BindingTable {
    #[serde(deserialize_with = "leak")]
    kind: &'static str,
    #[serde(default, deserialize_with = "leak_some")]
    header: Option<&'static str>,
    #[serde(default, deserialize_with = "leak_all")]
    at: Vec<&'static str>,
    hours: u32,
    #[serde(default)]
    when_stored: bool,
}
