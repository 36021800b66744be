//! The counters of the whole process; how `/metrics` prints them is in [`printed`].
//!
//! Labels come from fixed sets only: providers and operations of the adapters' data files, our own
//! refusal codes, status classes. Never a key, a person, a tenant, an address or anything a caller
//! sent, so the number of series is bounded and the page is no secret.

mod printed;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{
        Arc,
        atomic::{
            AtomicI64, AtomicU64,
            Ordering::{Relaxed, Release},
        },
    },
    time::Duration,
};

use foldhash::fast::RandomState;
use http::StatusCode;
use parking_lot::RwLock;
use prometheus_client::registry::Registry;

use super::histogram::Histogram;

/// Counts what happens. Cheap to clone; clones count together.
#[derive(Clone, Default)]
pub struct Metrics(Arc<Counters>);

#[derive(Default)]
struct Counters {
    /// By names of ours, so a quick hash will do.
    calls: RwLock<HashMap<(&'static str, &'static str), Arc<CallMetrics>, RandomState>>,
    refusals: Words,
    token_requests: Words,
    sign_ins: Words,
    api_requests: Words,
    alerts: Words,
    attempts: Words,
    token_lookups: Words,
    panics: AtomicU64,
    retries: AtomicU64,
    gates_closed: AtomicU64,
    /// Keys that calls found open, and those that were opened for them.
    keys_found: [AtomicU64; 2],
    ledger_waiting: AtomicI64,
    store_lag_ms: AtomicI64,
    calls_running: AtomicI64,
    connections: AtomicI64,
    held_bytes: Arc<AtomicI64>,
    hardening: RwLock<BTreeMap<&'static str, bool>>,
    /// Whether limits are shared now; `None` where they are not meant to be.
    shared_limits: RwLock<Option<bool>>,
    shared_limits_processes: AtomicU64,
    shared_limits_fallbacks: AtomicU64,
}

/// The counters of one operation of one provider. Keep the handle: finding it takes a lock.
#[derive(Debug, Default)]
pub struct CallMetrics {
    by_class: [AtomicU64; CLASSES.len()],
    /// From the request's arrival to the first byte of the answer's body.
    pub first_byte: Histogram,
    /// From the request's arrival to the last byte of the answer.
    pub duration: Histogram,
    /// From the request's head to the moment the provider is asked: what Keystead adds, the arrival of
    /// the body included.
    pub added: Histogram,
    /// Tokens of input and of output, as the ledger has them.
    pub tokens: [AtomicU64; 2],
}

impl Metrics {
    /// All counters at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// The counters of one operation. Both names come from the adapter's data file.
    pub fn call(&self, provider: &'static str, operation: &'static str) -> Arc<CallMetrics> {
        if let Some(known) = self.0.calls.read().get(&(provider, operation)) {
            return Arc::clone(known);
        }
        Arc::clone(
            self.0
                .calls
                .write()
                .entry((provider, operation))
                .or_default(),
        )
    }

    /// Counts one refusal of our own by its code.
    pub fn refused(&self, code: &'static str) {
        self.0.refusals.add(code);
    }

    /// Counts one request to the token endpoint: `issued` or an OAuth error code.
    pub fn token_request(&self, outcome: &'static str) {
        self.0.token_requests.add(outcome);
    }

    /// Counts one try to sign in at the console: `done`, `wrong`, `throttled` or `busy`.
    pub fn sign_in(&self, outcome: &'static str) {
        self.0.sign_ins.add(outcome);
    }

    /// Notes whether a measure of hardening holds.
    pub fn hardened(&self, measure: &'static str, holds: bool) {
        self.0.hardening.write().insert(measure, holds);
    }

    /// The measures of hardening, and whether each holds; none where none was tried.
    pub fn hardening(&self) -> BTreeMap<&'static str, bool> {
        self.0.hardening.read().clone()
    }

    /// Counts one REST request: `ok` or a problem's code.
    pub fn api_request(&self, outcome: &'static str) {
        self.0.api_requests.add(outcome);
    }

    /// Counts one alert by its kind.
    pub fn alert(&self, kind: &'static str) {
        self.0.alerts.add(kind);
    }

    /// Counts one attempt at a provider by its outcome.
    pub fn attempt(&self, outcome: &'static str) {
        self.0.attempts.add(outcome);
    }

    /// How many attempts there were.
    pub fn attempts(&self) -> u64 {
        self.0.attempts.sum()
    }

    /// Counts one token that the store was asked about: `found` or `unknown`.
    pub fn token_lookup(&self, outcome: &'static str) {
        self.0.token_lookups.add(outcome);
    }

    /// Counts an attempt that is not a call's first.
    pub fn retried(&self) {
        self.0.retries.fetch_add(1, Relaxed);
    }

    /// Counts a gate that was closed after a provider asked for a pause.
    pub fn gate_closed(&self) {
        self.0.gates_closed.fetch_add(1, Relaxed);
    }

    /// Counts a key that a call wanted: one that was open, or one that had to be opened.
    pub fn key_found(&self, was_open: bool) {
        self.0.keys_found[usize::from(!was_open)].fetch_add(1, Relaxed);
    }

    /// Says how far the store is behind: rows that wait to be written, and how long ago it last said that
    /// nothing changed unheard.
    pub fn lags(&self, rows: usize, store: Duration) {
        let millis = i64::try_from(store.as_millis()).unwrap_or(i64::MAX);
        self.0.store_lag_ms.store(millis, Release);
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        self.0.ledger_waiting.store(rows, Release);
    }

    /// Counts one panic that ended a request.
    pub fn panicked(&self) {
        self.0.panics.fetch_add(1, Relaxed);
    }

    /// How many panics there were.
    pub fn panics(&self) -> u64 {
        self.0.panics.load(Relaxed)
    }

    /// Says whether limits are shared with other processes now.
    pub fn shared_limits(&self, are_shared: bool) {
        *self.0.shared_limits.write() = Some(are_shared);
    }

    /// Says how many processes were last seen to share them, this one included.
    pub fn shared_limits_processes(&self, count: u32) {
        let processes = &self.0.shared_limits_processes;
        processes.store(u64::from(count), Relaxed);
    }

    /// Counts one call that this process decided alone, since the shared limits did not answer.
    pub fn shared_limits_fallback(&self) {
        self.0.shared_limits_fallbacks.fetch_add(1, Relaxed);
    }

    /// Counts a running call until the guard is dropped.
    pub fn running_call(&self) -> Running {
        Running::start(self, |counters| &counters.calls_running, 1)
    }

    /// Counts an open client connection until the guard is dropped.
    pub fn open_connection(&self) -> Running {
        Running::start(self, |counters| &counters.connections, 1)
    }

    /// The bytes of held request bodies, kept by whoever holds them.
    pub fn held_bytes(&self) -> Arc<AtomicI64> {
        Arc::clone(&self.0.held_bytes)
    }

    /// The OpenMetrics text.
    pub fn render(&self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.clone()));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry)
            .expect("writing to a string does not fail");
        text
    }
}

impl CallMetrics {
    /// Counts one answer by its status class.
    pub fn answered(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        self.by_class[class].fetch_add(1, Relaxed);
    }
}

/// Something that is going on; counted until it is dropped.
pub struct Running {
    metrics: Metrics,
    gauge: fn(&Counters) -> &AtomicI64,
    amount: i64,
}

impl Running {
    fn start(metrics: &Metrics, gauge: fn(&Counters) -> &AtomicI64, amount: i64) -> Self {
        gauge(&metrics.0).fetch_add(amount, Release);
        Self {
            metrics: metrics.clone(),
            gauge,
            amount,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        (self.gauge)(&self.metrics.0).fetch_sub(self.amount, Release);
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("amount", &self.amount)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics(..)")
    }
}

/// One counter a word. The words are fixed in the code, so the map stays small.
#[derive(Default)]
struct Words(RwLock<BTreeMap<&'static str, AtomicU64>>);

impl Words {
    fn add(&self, word: &'static str) {
        if let Some(count) = self.0.read().get(word) {
            count.fetch_add(1, Relaxed);
            return;
        }
        self.0
            .write()
            .entry(word)
            .or_default()
            .fetch_add(1, Relaxed);
    }

    fn sum(&self) -> u64 {
        self.0
            .read()
            .values()
            .map(|count| count.load(Relaxed))
            .sum()
    }
}

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_printed() {
        let metrics = Metrics::new();
        let call = metrics.call("openai", "chat.completions");
        call.answered(StatusCode::OK);
        call.answered(StatusCode::OK);
        call.answered(StatusCode::TOO_MANY_REQUESTS);
        call.first_byte.observe(Duration::from_millis(3));
        metrics.alert("tampered");
        metrics.panicked();
        let running = metrics.running_call();
        let text = metrics.render();
        for line in [
            "keystead_calls_total{provider=\"openai\",operation=\"chat.completions\",status=\"2xx\"} 2",
            "keystead_calls_total{provider=\"openai\",operation=\"chat.completions\",status=\"4xx\"} 1",
            "keystead_first_byte_seconds_bucket{le=\"0.005\",provider=\"openai\",operation=\"chat.completions\"} 1",
            "keystead_first_byte_seconds_bucket{le=\"+Inf\",provider=\"openai\",operation=\"chat.completions\"} 1",
            "keystead_alerts_total{kind=\"tampered\"} 1",
            "keystead_panics_total 1",
            "keystead_calls_running 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        drop(running);
        assert!(metrics.render().contains("\nkeystead_calls_running 0\n"));
    }

    #[test]
    fn one_operation_has_one_set_of_counters() {
        let metrics = Metrics::new();
        let clone = metrics.clone();
        assert!(Arc::ptr_eq(
            &metrics.call("deepl", "a"),
            &clone.call("deepl", "a")
        ));
        assert!(!Arc::ptr_eq(
            &metrics.call("deepl", "a"),
            &metrics.call("deepl", "b")
        ));
    }
}
