//! Adapters whose data files say it all.

use std::{fmt, sync::LazyLock};

use super::load;
use crate::{About, Provider};

/// An adapter without code of its own.
pub(crate) struct Described {
    about: LazyLock<&'static About>,
}

impl Described {
    /// `read` is `|| described(&FILES, &[])`; it runs at first use.
    pub(crate) const fn new(read: fn() -> &'static About) -> Self {
        Self {
            about: LazyLock::new(read),
        }
    }
}

/// An adapter's data files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Files {
    /// Hosts, operations, bodies.
    pub(crate) provider: &'static str,
    /// What its calls cost.
    pub(crate) prices: &'static str,
    /// The ceilings of its models; nothing for who bills by no tokens.
    pub(crate) models: &'static str,
    /// How to make a key.
    pub(crate) guidance: &'static str,
    /// Calls to try an AddOn with.
    pub(crate) trials: &'static str,
    /// What it can do by a neutral request.
    pub(crate) tasks: &'static str,
}

/// Reads data files that are part of the program, and keeps what they say for the process's life.
pub(crate) fn described(files: &Files, shared: &[&Files]) -> &'static About {
    let about = load(files, shared).expect("the tests of this crate load every data file");
    Box::leak(Box::new(about))
}

impl fmt::Debug for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.about.name)
    }
}

impl Provider for Described {
    fn about(&self) -> &'static About {
        *self.about
    }
}
