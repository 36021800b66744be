//! Whether this process should be sent traffic, and if not, why.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde::Serialize;

/// Why a check failed: a fixed text, since anybody who reaches the listener can read it.
type Outcome = Result<(), &'static str>;
type Check = dyn Fn() -> Pin<Box<dyn Future<Output = Outcome> + Send>> + Send + Sync;

/// The named checks of one process. Clones share the drain flag.
#[derive(Clone, Default)]
pub struct Readiness {
    draining: Arc<AtomicBool>,
    checks: Vec<(&'static str, Arc<Check>)>,
}

/// The answer of `/readyz`.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether every check passed.
    pub ready: bool,
    /// Each of them.
    pub checks: Vec<Line>,
}

/// One check in a [`Report`].
#[derive(Debug, Serialize)]
pub struct Line {
    name: &'static str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

impl Readiness {
    /// No checks but that the process is not draining.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check; one that takes longer than [`PATIENCE`] failed.
    #[must_use]
    pub fn check<F, Fut>(mut self, name: &'static str, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + Send + 'static,
    {
        self.checks
            .push((name, Arc::new(move || Box::pin(check()))));
        self
    }

    /// Turns readiness off for good: the process is about to stop.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Asks every check.
    pub async fn report(&self) -> Report {
        let running = if self.draining.load(Ordering::Acquire) {
            Err("draining")
        } else {
            Ok(())
        };
        let mut checks = vec![line("running", running)];
        for (name, check) in &self.checks {
            let outcome = tokio::time::timeout(PATIENCE, check()).await;
            checks.push(line(name, outcome.unwrap_or(Err("no answer in time"))));
        }
        Report {
            ready: checks.iter().all(|line| line.ok),
            checks,
        }
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.checks.iter().map(|(name, _)| name).collect();
        f.debug_struct("Readiness")
            .field("draining", &self.draining)
            .field("checks", &names)
            .finish()
    }
}

fn line(name: &'static str, outcome: Outcome) -> Line {
    Line {
        name,
        ok: outcome.is_ok(),
        reason: outcome.err(),
    }
}

/// Probes usually give up after a second or two; the answer must come before.
pub const PATIENCE: Duration = Duration::from_millis(900);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_check_that_hangs_is_a_failed_check() {
        let readiness = Readiness::new().check("store", || async {
            std::future::pending::<()>().await;
            Ok(())
        });
        let report = readiness.report().await;
        assert!(!report.ready);
        assert_eq!(report.checks[1].reason, Some("no answer in time"));
    }
}
