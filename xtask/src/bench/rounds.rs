//! The order of things: every measurement of a round, each subject in turn, and again.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::figure::{Against, Figure};
use super::measure::throughput::Load;
use super::measure::{bodies, burst, first_byte, memory, steady_rate, throughput};
use super::request;
use super::statistics::{quantile, sorted};
use super::subject::{Running, Subject};
use crate::failed::{Failed, Trying as _};
use crate::say::say;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    rounds: usize,
    /// Memory does not depend on what else the machine does: fewer rounds will do.
    memory_rounds: usize,
    span: Duration,
    rate_span: Duration,
    streams: usize,
    pub(super) tokens: usize,
}

impl Plan {
    pub(super) const FULL: Self = Self {
        rounds: 7,
        memory_rounds: 3,
        span: Duration::from_secs(3),
        rate_span: Duration::from_secs(6),
        streams: 200,
        tokens: 1_000,
    };
    pub(super) const QUICK: Self = Self {
        rounds: 3,
        memory_rounds: 1,
        span: Duration::from_secs(1),
        rate_span: Duration::from_secs(2),
        streams: 60,
        tokens: 1_000,
    };

    fn load(self, connections: usize) -> Load {
        Load {
            connections,
            warm_up: self.span / 3,
            span: self.span,
        }
    }
}

/// What each subject came to, a value a round.
#[derive(Debug, Default)]
pub(super) struct Sheet(BTreeMap<(Figure, String), Vec<f64>>);

impl Sheet {
    pub(super) fn of(&self, figure: Figure, subject: &str) -> &[f64] {
        self.0
            .get(&(figure, subject.to_owned()))
            .map_or(&[], Vec::as_slice)
    }

    /// The candidate's value in times nginx's, round by round.
    pub(super) fn ratios(&self, figure: Figure, candidate: &str) -> Vec<f64> {
        let values = |subject| self.of(figure, subject).iter();
        let ratio = |((candidate, nginx), direct): ((&f64, &f64), f64)| {
            (candidate - direct) / (nginx - direct)
        };
        let direct: Vec<f64> = match figure.meaning().against {
            Against::Whole => vec![0.0; values(candidate).len()],
            Against::Direct => values("direct").copied().collect(),
        };
        values(candidate)
            .zip(values("nginx"))
            .zip(direct)
            .map(ratio)
            .collect()
    }

    fn note(&mut self, figure: Figure, subject: &str, value: f64) {
        self.0
            .entry((figure, subject.to_owned()))
            .or_default()
            .push(value);
    }
}

/// One thing that a fresh process is put through.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Measurement {
    Cpu64,
    Cpu1000,
    CpuTokens,
    SteadyRate,
    FirstByte,
    Burst,
    StreamFresh,
    StreamSteady,
    Bodies,
}

impl Measurement {
    const ALL: [Self; 9] = [
        Self::Cpu64,
        Self::Cpu1000,
        Self::CpuTokens,
        Self::SteadyRate,
        Self::FirstByte,
        Self::Burst,
        Self::StreamFresh,
        Self::StreamSteady,
        Self::Bodies,
    ];

    /// Times are held against those with no proxy; a proxy's CPU and memory need no such thing.
    fn includes_direct(self) -> bool {
        matches!(self, Self::SteadyRate | Self::FirstByte | Self::Burst)
    }

    fn is_of_memory(self) -> bool {
        matches!(self, Self::StreamFresh | Self::StreamSteady)
    }

    async fn take(self, running: &Running, plan: Plan) -> Result<Vec<(Figure, f64)>, Failed> {
        let one = || vec![running.request(request::JSON)];
        Ok(match self {
            Self::Cpu64 => {
                let measured = throughput::measure(running, one(), plan.load(64)).await?;
                vec![
                    (Figure::Cpu64, measured.cpu_per_request),
                    (Figure::Rate64, measured.requests_per_second),
                ]
            }
            Self::Cpu1000 => {
                let measured = throughput::measure(running, one(), plan.load(1_000)).await?;
                vec![(Figure::Cpu1000, measured.cpu_per_request)]
            }
            Self::CpuTokens => {
                let requests = running.requests(request::JSON);
                let measured = throughput::measure(running, requests, plan.load(64)).await?;
                vec![(Figure::CpuTokens, measured.cpu_per_request)]
            }
            Self::SteadyRate => {
                let latency = steady_rate::measure(running, plan.rate_span).await?;
                vec![
                    (Figure::LatencyP50, latency.p50),
                    (Figure::LatencyP99, latency.p99),
                ]
            }
            Self::FirstByte => {
                vec![(
                    Figure::FirstByte,
                    first_byte::measure(running, plan.streams).await?,
                )]
            }
            Self::Burst => vec![(Figure::BurstP99, burst::measure(running).await?)],
            Self::StreamFresh => vec![(Figure::StreamFresh, memory::measure(running, 0).await?)],
            Self::StreamSteady => {
                vec![(Figure::StreamSteady, memory::measure(running, 200).await?)]
            }
            Self::Bodies => {
                let measured = bodies::measure(running, plan.span / 2).await?;
                vec![
                    (Figure::BodyUp, measured.up),
                    (Figure::BodyDown, measured.down),
                ]
            }
        })
    }
}

pub(super) async fn run(plan: Plan, subjects: &[Subject], folder: &Path) -> Result<Sheet, Failed> {
    let mut sheet = Sheet::default();
    for round in 0..plan.rounds {
        say(format!("round {} of {}", round + 1, plan.rounds));
        let mut ready: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (turn, measurement) in Measurement::ALL.into_iter().enumerate() {
            if measurement.is_of_memory() && round >= plan.memory_rounds {
                continue;
            }
            // Whoever goes first finds the machine in another state than who comes after.
            for place in 0..subjects.len() {
                let subject = &subjects[(place + round + turn) % subjects.len()];
                let is_direct = matches!(subject, Subject::Direct { .. });
                if is_direct && !measurement.includes_direct() {
                    continue;
                }
                let name = subject.name();
                let running = subject.start(folder).await?;
                if !is_direct {
                    ready
                        .entry(name)
                        .or_default()
                        .push(running.ready.as_secs_f64() * 1e3);
                }
                let taken = measurement.take(&running, plan).await;
                for (figure, value) in taken.trying(format!("{measurement:?} of {name}"))? {
                    sheet.note(figure, name, value);
                }
            }
        }
        for (name, times) in ready {
            sheet.note(Figure::Ready, name, quantile(&sorted(times), 0.5));
        }
    }
    Ok(sheet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_proxy_adds_is_counted_from_the_direct_way() {
        let mut sheet = Sheet::default();
        for (subject, values) in [
            ("direct", [100.0, 200.0]),
            ("nginx", [300.0, 300.0]),
            ("keystead", [320.0, 350.0]),
        ] {
            for value in values {
                sheet.note(Figure::LatencyP50, subject, value);
                sheet.note(Figure::Cpu64, subject, value);
            }
        }

        assert_eq!(sheet.ratios(Figure::LatencyP50, "keystead"), [1.1, 1.5]);
        assert_eq!(
            sheet.ratios(Figure::Cpu64, "keystead"),
            [320.0 / 300.0, 350.0 / 300.0]
        );
        assert!(sheet.ratios(Figure::Ready, "keystead").is_empty());
    }
}
