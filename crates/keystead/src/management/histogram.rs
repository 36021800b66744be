//! A histogram of durations made of plain counters.
//!
//! prometheus-client's own takes a lock for each value; on the data plane that lock would be
//! shared by all cores. Here a value is two relaxed additions. A scrape may see one without the
//! other, which a monitoring system can't tell from scraping a moment earlier.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Upper bounds in milliseconds; the last bucket is open.
const BOUNDS_MS: [u64; 15] = [
    1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 60_000, 300_000,
];

/// Counts durations by size.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; BOUNDS_MS.len() + 1],
    sum_micros: AtomicU64,
}

/// What a histogram held at one moment.
#[derive(Debug, PartialEq)]
pub(super) struct Snapshot {
    pub(super) sum_seconds: f64,
    pub(super) count: u64,
    /// Upper bound in seconds and how many values lie in this bucket alone.
    pub(super) buckets: Vec<(f64, u64)>,
}

impl Histogram {
    /// Counts one value.
    pub fn observe(&self, value: Duration) {
        let micros = u64::try_from(value.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_MS.partition_point(|bound| bound * 1_000 < micros);
        self.buckets[bucket].fetch_add(1, Relaxed);
        self.sum_micros.fetch_add(micros, Relaxed);
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let bounds = BOUNDS_MS
            .iter()
            .map(|bound| Duration::from_millis(*bound).as_secs_f64());
        let counts = self.buckets.iter().map(|bucket| bucket.load(Relaxed));
        let buckets: Vec<_> = bounds.chain([f64::INFINITY]).zip(counts).collect();
        Snapshot {
            sum_seconds: Duration::from_micros(self.sum_micros.load(Relaxed)).as_secs_f64(),
            count: buckets.iter().map(|(_, count)| count).sum(),
            buckets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_a_bound_belongs_below_it() {
        let histogram = Histogram::default();
        for micros in [0, 1_000, 1_001, 300_000_000, 300_000_001] {
            histogram.observe(Duration::from_micros(micros));
        }
        let snapshot = histogram.snapshot();
        let filled: Vec<_> = snapshot
            .buckets
            .iter()
            .filter(|(_, count)| *count > 0)
            .collect();
        assert_eq!(
            filled,
            [&(0.001, 2), &(0.002, 1), &(300.0, 1), &(f64::INFINITY, 1)]
        );
        assert_eq!((snapshot.count, snapshot.sum_seconds), (5, 600.002_002));
    }
}
