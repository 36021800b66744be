//! Adapters whose data files say it all.

use std::{fmt, sync::LazyLock};

use super::load;
use crate::{About, Provider};

/// An adapter without code of its own.
pub(crate) struct Described {
    about: LazyLock<&'static About>,
}

impl Described {
    /// `read` is `|| described(FILE, PRICES, &[])`; it runs at first use.
    pub(crate) const fn new(read: fn() -> &'static About) -> Self {
        Self {
            about: LazyLock::new(read),
        }
    }
}

/// Reads a data file that is part of the program, and keeps what it says for the process's life.
pub(crate) fn described(
    file: &'static str,
    prices: &'static str,
    shared: &[&'static str],
) -> &'static About {
    let about = load(file, prices, shared).expect("the tests of this crate load every data file");
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
