//! Stage 5: open. [`Permit`] in, [`OpenedKey`] out; the only place that asks for a key's plaintext.
//!
//! Each unsealing is on the durable audit record before it happens. The plaintext is then kept
//! for a minute at most, until the first sweep after [`KEPT`], so that a busy key is not unsealed for
//! every call, and wiped.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use foldhash::fast::RandomState;
use http::HeaderMap;
use keystead_providers::{CredentialForm, KeyHeader};
use parking_lot::Mutex;

use super::{decide::Permit, mask::Masker, news::Changed, plane::Plane, refusal::Refusal};
use crate::{hardening, ids::KeyId};

/// How long an opened key is kept: with the second between two sweeps, a minute.
const KEPT: Duration = Duration::from_secs(59);

/// A key in plaintext, and the search for its echoes.
#[derive(Debug)]
pub(super) struct OpenedKey {
    /// The key as it leaves, once for each form that its provider takes.
    headers: Vec<(CredentialForm, KeyHeader)>,
    /// Its version, for the ledger.
    pub version: u64,
    /// Masks it in answers.
    pub masker: Masker,
}

/// A version of a key.
type Name = (KeyId, u64);

/// The keys that are open now.
#[derive(Debug, Default)]
pub(super) struct OpenedKeys {
    /// Found by a quick hash: the names are ours, so nobody can choose some that collide.
    open: Mutex<HashMap<Name, (Arc<OpenedKey>, Instant), RandomState>>,
    /// One opening at a time: a thousand calls on a cold key are one audit row, not a thousand.
    opening: tokio::sync::Mutex<()>,
}

/// Opens the permit's key.
///
/// # Errors
///
/// [`Refusal::Integrity`] when the record was altered, [`Refusal::StoreUnavailable`] when the
/// opening can't be recorded.
pub(super) async fn open(plane: &Plane, permit: &Permit) -> Result<Arc<OpenedKey>, Refusal> {
    let key = permit.key();
    let name = (key.row.id, key.row.version);
    if let Some(opened) = plane.opened.find(name) {
        plane.metrics.key_found(true);
        return Ok(opened);
    }
    plane.metrics.key_found(false);
    let _one = plane.opened.opening.lock().await;
    if let Some(opened) = plane.opened.find(name) {
        return Ok(opened);
    }
    let opened = Box::pin(plane.control.open_key(&key.row)).await?;
    // Made once a minute at most, so headers and search are prepared here and shared.
    let in_form = |form: &CredentialForm| {
        let header = key.provider.key_header(&opened.key, *form).ok()?;
        Some((*form, header))
    };
    let forms = key.provider.about().sends.iter();
    let opened = Arc::new(OpenedKey {
        headers: forms.filter_map(in_form).collect(),
        version: opened.version,
        masker: Masker::new(opened.key.expose()),
    });
    opened.keep_out_of_swap();
    plane
        .opened
        .open
        .lock()
        .insert(name, (opened.clone(), Instant::now()));
    Ok(opened)
}

impl OpenedKey {
    fn keep_out_of_swap(&self) {
        for (_, header) in &self.headers {
            // Values share their bytes: what is set here lies where the one lies that will be sent.
            let mut sent = HeaderMap::new();
            header.set(&mut sent);
            sent.values()
                .for_each(|value| hardening::lock(value.as_bytes()));
        }
        self.masker.keep_out_of_swap();
    }

    /// The key as it leaves in `form`; `None` for a key that no header can carry, which entry checks.
    pub(super) fn header(&self, form: CredentialForm) -> Option<&KeyHeader> {
        let mut headers = self.headers.iter();
        headers
            .find(|(own, _)| *own == form)
            .map(|(_, header)| header)
    }
}

impl OpenedKeys {
    fn find(&self, name: Name) -> Option<Arc<OpenedKey>> {
        let open = self.open.lock();
        open.get(&name).map(|(opened, _)| opened.clone())
    }

    /// Wipes the keys that changed.
    pub(super) fn forget(&self, changes: &[Changed]) {
        let is_touched = |key: KeyId| {
            changes
                .iter()
                .any(|c| matches!(c, Changed::Everything) || *c == Changed::Key(key))
        };
        self.open.lock().retain(|(key, _), _| !is_touched(*key));
    }

    /// Wipes the keys whose time is over; called once a second.
    pub(super) fn sweep(&self) {
        self.open
            .lock()
            .retain(|_, (_, since)| since.elapsed() < KEPT);
    }
}
