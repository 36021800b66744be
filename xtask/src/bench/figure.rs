//! Every figure of the bench: what it is called, what it counts, and how far it may go.

/// One thing that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Figure {
    Cpu64,
    Cpu1000,
    CpuTokens,
    CpuLimits,
    Rate64,
    LatencyP50,
    LatencyP99,
    FirstByte,
    BurstP99,
    StreamFresh,
    StreamSteady,
    BodyUp,
    BodyDown,
    Ready,
}

/// How the candidate is held against nginx.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Against {
    /// As measured.
    Whole,
    /// Less what the same request takes with no proxy at all.
    Direct,
}

/// The most that is good enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bar {
    /// Of the ratio to nginx.
    Ratio(f64),
    /// Of the candidate's own value.
    Value(f64),
    None,
}

/// What a report says of a figure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meaning {
    /// Its name in `--json`.
    pub(super) name: &'static str,
    pub(super) text: &'static str,
    pub(super) unit: &'static str,
    pub(super) against: Against,
    pub(super) bar: Bar,
}

impl Figure {
    pub(super) const ALL: [Self; 14] = [
        Self::Cpu64,
        Self::Cpu1000,
        Self::CpuTokens,
        Self::CpuLimits,
        Self::Rate64,
        Self::LatencyP50,
        Self::LatencyP99,
        Self::FirstByte,
        Self::BurstP99,
        Self::StreamFresh,
        Self::StreamSteady,
        Self::BodyUp,
        Self::BodyDown,
        Self::Ready,
    ];

    pub(super) fn meaning(self) -> Meaning {
        use Against::{Direct, Whole};
        use Bar::{None, Ratio, Value};
        let (name, text, unit, against, bar) = match self {
            Self::Cpu64 => (
                "cpu",
                "CPU a request, 64 connections",
                "µs",
                Whole,
                Ratio(1.45),
            ),
            Self::Cpu1000 => (
                "cpu_1000",
                "CPU a request, 1,000 connections",
                "µs",
                Whole,
                Ratio(1.45),
            ),
            Self::CpuTokens => (
                "cpu_tokens",
                "CPU a request, 1,000 tokens in turn",
                "µs",
                Whole,
                Ratio(1.45),
            ),
            Self::CpuLimits => (
                "cpu_limits",
                "CPU a request, 64 connections, with five budgets and every other limit",
                "µs",
                Whole,
                None,
            ),
            Self::Rate64 => (
                "requests",
                "requests a second on one core, 64 connections",
                "1/s",
                Whole,
                None,
            ),
            Self::LatencyP50 => (
                "added_p50",
                "time added at 300 requests a second, p50",
                "µs",
                Direct,
                Ratio(1.15),
            ),
            Self::LatencyP99 => (
                "added_p99",
                "time added at 300 requests a second, p99",
                "µs",
                Direct,
                None,
            ),
            Self::FirstByte => (
                "first_byte",
                "time added to a stream's first byte",
                "µs",
                Direct,
                None,
            ),
            Self::BurstP99 => (
                "burst_p99",
                "first byte in a burst of 1,000 new connections a second, p99",
                "µs",
                Whole,
                Ratio(2.0),
            ),
            Self::StreamFresh => (
                "stream",
                "memory of an open stream, 1,000 open",
                "KiB",
                Whole,
                Value(34.0),
            ),
            Self::StreamSteady => (
                "stream_steady",
                "the same after 200 requests on each connection",
                "KiB",
                Whole,
                Value(50.0),
            ),
            Self::BodyUp => (
                "body_up",
                "CPU of a request body of 1 MiB",
                "µs",
                Whole,
                None,
            ),
            Self::BodyDown => ("body_down", "CPU of an answer of 1 MiB", "µs", Whole, None),
            Self::Ready => ("ready", "start to first answer", "ms", Whole, Value(100.0)),
        };
        Meaning {
            name,
            text,
            unit,
            against,
            bar,
        }
    }
}
