//! The counters of the whole process, as `/metrics` prints them.
//!
//! Labels come from fixed sets only: providers and operations of the adapters' data files, our own
//! refusal codes, status classes. Never a key, a person, a tenant, an address or anything a caller
//! sent, so the number of series is bounded and the page is no secret.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{
        Arc,
        atomic::{
            AtomicI64, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    time::Duration,
};

use foldhash::fast::RandomState;
use http::StatusCode;
use parking_lot::RwLock;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet},
    metrics::MetricType,
    registry::Registry,
};

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

    fn encode(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        name: &str,
        help: &str,
        label: &'static str,
    ) -> fmt::Result {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (word, count) in &*self.0.read() {
            encode_count(
                family.encode_family(&[(label, *word)])?,
                count.load(Relaxed),
            )?;
        }
        Ok(())
    }
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counters = &*self.0;
        self.encode_calls(&mut encoder)?;
        let out = &mut encoder;
        for (words, name, help, label) in [
            (
                &counters.refusals,
                "keystead_refusals",
                "Calls that Keystead refused",
                "code",
            ),
            (
                &counters.attempts,
                "keystead_upstream_attempts",
                "Attempts at providers",
                "outcome",
            ),
            (
                &counters.token_lookups,
                "keystead_token_lookups",
                "Tokens that the store was asked about",
                "outcome",
            ),
            (
                &counters.token_requests,
                "keystead_token_requests",
                "Requests to the token endpoint",
                "outcome",
            ),
            (
                &counters.sign_ins,
                "keystead_sign_ins",
                "Tries to sign in at the console",
                "outcome",
            ),
            (
                &counters.api_requests,
                "keystead_api_requests",
                "Requests to the REST API",
                "outcome",
            ),
            (
                &counters.alerts,
                "keystead_alerts",
                "Signs of tampering or of a leak",
                "kind",
            ),
        ] {
            words.encode(out, name, help, label)?;
        }
        let help = "Panics that ended a request";
        let panics = out.encode_descriptor("keystead_panics", help, None, MetricType::Counter)?;
        encode_count(panics, counters.panics.load(Relaxed))?;
        for (value, name, help) in [
            (
                &counters.retries,
                "keystead_retries",
                "Attempts after a call's first",
            ),
            (
                &counters.gates_closed,
                "keystead_gates_closed",
                "Gates closed after a provider asked for a pause",
            ),
        ] {
            let counter = out.encode_descriptor(name, help, None, MetricType::Counter)?;
            encode_count(counter, value.load(Relaxed))?;
        }
        let (name, help) = (
            "keystead_keys_wanted",
            "Keys that calls wanted, open or opened for them",
        );
        let mut family = out.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (outcome, count) in ["open", "opened"].iter().zip(&counters.keys_found) {
            let labels = [("outcome", *outcome)];
            encode_count(family.encode_family(&labels)?, count.load(Relaxed))?;
        }
        for (value, name, help) in [
            (
                &counters.ledger_waiting,
                "keystead_ledger_waiting",
                "Usage rows that wait to be written",
            ),
            (
                &counters.store_lag_ms,
                "keystead_store_lag_milliseconds",
                "Since the store last said that no change is unheard of",
            ),
            (
                &counters.calls_running,
                "keystead_calls_running",
                "Calls that are running",
            ),
            (
                &counters.connections,
                "keystead_connections",
                "Open client connections",
            ),
            (
                &counters.held_bytes,
                "keystead_held_bytes",
                "Bytes of held request bodies",
            ),
        ] {
            let mut gauge = out.encode_descriptor(name, help, None, MetricType::Gauge)?;
            gauge.encode_gauge(&value.load(Acquire))?;
        }
        let help = "Whether a measure of hardening holds in this process";
        let mut hardening =
            out.encode_descriptor("keystead_hardening", help, None, MetricType::Gauge)?;
        for (measure, holds) in &*counters.hardening.read() {
            hardening
                .encode_family(&[("measure", *measure)])?
                .encode_gauge(&i64::from(*holds))?;
        }
        self.encode_shared_limits(out)?;
        let build = [("version", env!("CARGO_PKG_VERSION"))];
        let mut info =
            out.encode_descriptor("keystead_build", "What is running", None, MetricType::Info)?;
        info.encode_info(&build)
    }
}

impl Metrics {
    /// Nothing where limits are not shared: a zero there would look like an outage.
    fn encode_shared_limits(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let Some(are_shared) = *self.0.shared_limits.read() else {
            return Ok(());
        };
        for (value, name, help) in [
            (
                u64::from(are_shared),
                "keystead_shared_limits",
                "Whether limits are shared with other processes now",
            ),
            (
                self.0.shared_limits_processes.load(Relaxed),
                "keystead_shared_limits_processes",
                "Processes that were last seen to share limits",
            ),
        ] {
            let mut gauge = out.encode_descriptor(name, help, None, MetricType::Gauge)?;
            gauge.encode_gauge(&value)?;
        }
        let (name, help) = (
            "keystead_shared_limits_fallbacks",
            "Calls decided by this process alone, since shared limits did not answer",
        );
        let counter = out.encode_descriptor(name, help, None, MetricType::Counter)?;
        encode_count(counter, self.0.shared_limits_fallbacks.load(Relaxed))
    }

    fn encode_calls(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut calls: Vec<_> = self
            .0
            .calls
            .read()
            .iter()
            .map(|(name, call)| (*name, Arc::clone(call)))
            .collect();
        calls.sort_unstable_by_key(|(name, _)| *name);

        let help = "Calls that reached a provider";
        let mut family =
            encoder.encode_descriptor("keystead_calls", help, None, MetricType::Counter)?;
        for ((provider, operation), call) in &calls {
            for (class, count) in CLASSES.iter().zip(&call.by_class) {
                let count = count.load(Relaxed);
                if count == 0 {
                    continue;
                }
                let labels = [
                    ("provider", *provider),
                    ("operation", *operation),
                    ("status", *class),
                ];
                encode_count(family.encode_family(&labels)?, count)?;
            }
        }
        let first_byte: fn(&CallMetrics) -> &Histogram = |call| &call.first_byte;
        let pick = [
            (
                "keystead_first_byte_seconds",
                "Time to the first byte",
                first_byte,
            ),
            ("keystead_call_seconds", "Time to the last byte", |call| {
                &call.duration
            }),
            (
                "keystead_added_seconds",
                "Time from a request's head to the provider being asked, its body's arrival included",
                |call| &call.added,
            ),
        ];
        let help = "Tokens that the ledger counts";
        let mut family =
            encoder.encode_descriptor("keystead_tokens", help, None, MetricType::Counter)?;
        for ((provider, operation), call) in &calls {
            for (direction, count) in ["input", "output"].iter().zip(&call.tokens) {
                let labels = [
                    ("provider", *provider),
                    ("operation", *operation),
                    ("direction", *direction),
                ];
                encode_count(family.encode_family(&labels)?, count.load(Relaxed))?;
            }
        }
        for (name, help, histogram) in pick {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
            for ((provider, operation), call) in &calls {
                let seen = histogram(call).snapshot();
                if seen.count == 0 {
                    continue;
                }
                let labels = [("provider", *provider), ("operation", *operation)];
                family
                    .encode_family(&labels)?
                    .encode_histogram::<NoLabelSet>(
                        seen.sum_seconds,
                        seen.count,
                        &seen.buckets,
                        None,
                    )?;
            }
        }
        Ok(())
    }
}

fn encode_count(mut encoder: MetricEncoder<'_>, count: u64) -> fmt::Result {
    encoder.encode_counter::<NoLabelSet, _, u64>(&count, None)
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
