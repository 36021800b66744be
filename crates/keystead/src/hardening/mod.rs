//! What the process gives up, so that whoever takes it over gets less.
//!
//! | file | what is given up |
//! |---|---|
//! | `memory` | core dumps, being read by other processes of the same user; pages with keys stay out of swap |
//! | `files` | every file that no setting names (Landlock) |
//! | `calls` | starting programs, and looking into other processes (seccomp) |
//!
//! Nothing here is what keeps keys safe by itself, and each measure is tried for its own sake: a kernel or a
//! container that does not offer one is no reason not to serve. What came of each can be shown.

mod calls;
mod files;
mod memory;

use std::fmt;

pub use self::{
    files::Reach,
    memory::{give_back_memory, keep_memory_private, lock},
};

/// A measure, and what came of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Measure {
    /// Its name, a stable word.
    pub name: &'static str,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a measure.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It holds.
    Holds,
    /// Some of it holds: the rest is unknown to this kernel.
    Partly,
    /// It does not hold, and why.
    Missing(String),
}

impl Measure {
    fn of(name: &'static str, tried: Result<Outcome, impl fmt::Display>) -> Self {
        let outcome = tried.unwrap_or_else(|error| Outcome::Missing(error.to_string()));
        Self { name, outcome }
    }

    /// Whether any of it holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        !matches!(self.outcome, Outcome::Missing(_))
    }
}

/// Gives up all that can be given up, for good. What is opened already stays open.
///
/// Must be called before there is a second thread: Landlock binds the calling thread and those that it
/// makes.
pub fn harden(reach: &Reach) -> Vec<Measure> {
    vec![
        Measure::of(
            "private_memory",
            keep_memory_private().map(|()| Outcome::Holds),
        ),
        Measure::of("locked_memory", memory::may_lock()),
        Measure::of("files", files::give_up(reach)),
        Measure::of("calls", calls::give_up()),
    ]
}
