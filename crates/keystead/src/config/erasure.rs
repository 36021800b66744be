//! `[erasure]`: what keeps that something was erased.

use std::path::Path;

use http::HeaderValue;

use super::{
    audit::{Header, SinkSetting},
    reader::{Fallback, Reader},
};
use crate::net::sink::SinkPlace;

/// The `[erasure]` table.
#[derive(Debug, Clone)]
pub struct ErasureSettings {
    /// Where tombstones go, and where a restore finds them.
    pub tombstones: SinkPlace,
    /// What is shown there, as the value of the `Authorization` header.
    pub tombstones_authorization: Option<HeaderValue>,
}

impl ErasureSettings {
    pub(super) fn read(reader: &mut Reader<'_>, data_dir: &Path) -> Self {
        let file = data_dir.join("erasures.jsonl");
        let fallback = Fallback::derived("DATA_DIR/erasures.jsonl", file.display());
        let place = reader.read::<SinkSetting>(
            "erasure.tombstones",
            fallback,
            "Where it is kept what was erased, a signed line each, so that a restored backup erases it \
             again: a file that lines are added to, or an `https://…` address that each is posted to and \
             that answers a GET with all of them. Keep it outside the store and its backups: without it a \
             restore brings back what was erased.",
        );
        let authorization = reader.secret::<Header>(
            "erasure.tombstones_authorization",
            None,
            "The value of the `Authorization` header for that address, such as `Bearer …`. \
             `erasure.tombstones_authorization_file` names a file that holds it.",
        );
        Self {
            tombstones: place.0,
            tombstones_authorization: authorization.map(|header| header.0),
        }
    }
}
