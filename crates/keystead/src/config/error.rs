//! What is wrong with a configuration: all of it, each with where it was written.

use std::fmt;

use super::Origin;

/// A configuration that can't be used. Prints every problem on a line of its own.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError {
    /// At least one.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting as in the file, e.g. `server.listen`; empty when the file itself is at fault.
    pub name: String,
    /// Where it was written.
    pub origin: Origin,
    /// What is wrong and what to do. Never the value of a secret.
    pub message: String,
}

impl ConfigError {
    /// The error that consists of this one problem.
    pub fn single(name: &str, origin: Origin, message: impl Into<String>) -> Self {
        Self {
            problems: vec![Problem {
                name: name.to_owned(),
                origin,
                message: message.into(),
            }],
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        write!(
            f,
            "{count} problem{} in the configuration",
            if count == 1 { "" } else { "s" }
        )?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() {
            return write!(f, "{} ({})", self.message, self.origin);
        }
        write!(f, "`{}`: {} ({})", self.name, self.message, self.origin)
    }
}
