//! The counters as `/metrics` prints them: name, help, type, labels.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::Ordering::{Acquire, Relaxed},
    },
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet},
    metrics::MetricType,
};

use super::{CLASSES, CallMetrics, Metrics, Words};
use crate::management::histogram::Histogram;

impl Words {
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
