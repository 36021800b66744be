//! Where the store is.

use std::{fmt, path::PathBuf};

use super::value::Value;

/// A SQLite file or a PostgreSQL server.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// `postgres://…`, password included.
    Postgres(String),
}

impl Value for StoreUrl {
    const EXPECTED: &'static str = "`sqlite:PATH` or `postgres://…`";

    fn parse(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            let plain = !path.is_empty() && path != ":memory:" && !path.contains('?');
            return plain.then(|| Self::Sqlite(path.into()));
        }
        let postgres = text.starts_with("postgres://") || text.starts_with("postgresql://");
        postgres.then(|| Self::Postgres(text.to_owned()))
    }
}

/// Without the server's address: it may hold a password.
impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(_) => f.write_str("postgres://(..)"),
        }
    }
}
