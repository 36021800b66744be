//! The order of things: every measurement of a round, each subject in turn, and again.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::figure::Figure;
use super::measure::throughput::Load;
use super::measure::{bodies, burst, first_byte, memory, steady_rate, throughput};
use super::request;
use super::sheet::Sheet;
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

    /// For a program that is to be seen at work, not measured.
    pub(super) const ONCE: Self = Self {
        rounds: 1,
        ..Self::QUICK
    };

    fn load(self, connections: usize) -> Load {
        Load {
            connections,
            warm_up: self.span / 3,
            span: self.span,
        }
    }
}

/// One thing that a fresh process is put through.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Measurement {
    Cpu64,
    Cpu1000,
    CpuTokens,
    CpuLimits,
    SteadyRate,
    FirstByte,
    Burst,
    StreamFresh,
    StreamSteady,
    Bodies,
}

impl Measurement {
    const ALL: [Self; 10] = [
        Self::Cpu64,
        Self::Cpu1000,
        Self::CpuTokens,
        Self::CpuLimits,
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

    /// Puts a subject through it and writes down what came of it.
    async fn take(
        self,
        running: &Running,
        plan: Plan,
        name: &str,
        sheet: &mut Sheet,
    ) -> Result<(), Failed> {
        let one = || vec![running.request(request::JSON)];
        let mut note = |figure, value| sheet.note(figure, name, value);
        match self {
            Self::Cpu64 => {
                let measured = throughput::measure(running, one(), plan.load(64)).await?;
                note(Figure::Cpu64, measured.cpu_per_request);
                note(Figure::Rate64, measured.requests_per_second);
                sheet.note_threads(name, measured.by_thread);
            }
            Self::Cpu1000 => {
                let measured = throughput::measure(running, one(), plan.load(1_000)).await?;
                note(Figure::Cpu1000, measured.cpu_per_request);
            }
            Self::CpuTokens => {
                let requests = running.requests(request::JSON);
                let measured = throughput::measure(running, requests, plan.load(64)).await?;
                note(Figure::CpuTokens, measured.cpu_per_request);
            }
            Self::CpuLimits => {
                let request = vec![running.limited_request(request::JSON)];
                let measured = throughput::measure(running, request, plan.load(64)).await?;
                note(Figure::CpuLimits, measured.cpu_per_request);
            }
            Self::SteadyRate => {
                let latency = steady_rate::measure(running, plan.rate_span).await?;
                note(Figure::LatencyP50, latency.p50);
                note(Figure::LatencyP99, latency.p99);
            }
            Self::FirstByte => {
                note(
                    Figure::FirstByte,
                    first_byte::measure(running, plan.streams).await?,
                );
            }
            Self::Burst => note(Figure::BurstP99, burst::measure(running).await?),
            Self::StreamFresh => note(Figure::StreamFresh, memory::measure(running, 0).await?),
            Self::StreamSteady => note(Figure::StreamSteady, memory::measure(running, 200).await?),
            Self::Bodies => {
                let measured = bodies::measure(running, plan.span / 2).await?;
                note(Figure::BodyUp, measured.up);
                note(Figure::BodyDown, measured.down);
            }
        }
        Ok(())
    }
}

/// All of it, on this thread.
pub(super) fn run(plan: Plan, subjects: &[Subject], folder: &Path) -> Result<Sheet, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime
        .trying("a runtime")?
        .block_on(all(plan, subjects, folder))
}

async fn all(plan: Plan, subjects: &[Subject], folder: &Path) -> Result<Sheet, Failed> {
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
                let taken = measurement.take(&running, plan, name, &mut sheet).await;
                taken.trying(format!("{measurement:?} of {name}"))?;
            }
        }
        for (name, times) in ready {
            sheet.note(Figure::Ready, name, quantile(&sorted(times), 0.5));
        }
    }
    Ok(sheet)
}
