//! Where the store is.

use std::{fmt, path::PathBuf, str::FromStr};

/// Where the store is: a file, or a PostgreSQL server.
#[derive(Clone, Eq, PartialEq)]
pub enum StoreUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// `postgres://…`, password included.
    Postgres(String),
}

/// Text that is no store's address. Does not repeat it: it may hold a password.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a store's address is `sqlite:PATH` or `postgres://…`")]
pub struct BadStoreUrl;

impl FromStr for StoreUrl {
    type Err = BadStoreUrl;

    fn from_str(text: &str) -> Result<Self, BadStoreUrl> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return match path {
                // Nothing of a store in memory outlives the process, and `?` begins options
                // that would undo the ones we set.
                "" | ":memory:" => Err(BadStoreUrl),
                path if path.contains('?') => Err(BadStoreUrl),
                path => Ok(Self::Sqlite(path.into())),
            };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        Err(BadStoreUrl)
    }
}

/// Without user and password.
impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(address) => {
                let after_scheme = address.split_once("://").map_or("", |(_, rest)| rest);
                let place = after_scheme
                    .rsplit_once('@')
                    .map_or(after_scheme, |(_, place)| place);
                // Options can hold a password too.
                let place = place.split_once('?').map_or(place, |(place, _)| place);
                write!(f, "postgres://{place}")
            }
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        for url in [
            "postgres://keystead:hunter2@db.example:5432/keystead?sslmode=verify-full",
            "postgresql://db.example:5432/keystead?password=hunter2",
        ] {
            let url: StoreUrl = url.parse().unwrap();
            assert_eq!(
                format!("{url} {url:?}"),
                "postgres://db.example:5432/keystead ".repeat(2).trim()
            );
        }
    }

    #[test]
    fn a_store_in_memory_is_refused() {
        assert_eq!(
            "sqlite:db/keystead.db".parse(),
            Ok(StoreUrl::Sqlite("db/keystead.db".into()))
        );
        assert_eq!(
            "sqlite:///var/k.db".parse(),
            Ok(StoreUrl::Sqlite("/var/k.db".into()))
        );
        for bad in [
            "sqlite:",
            "sqlite::memory:",
            "sqlite:a?mode=memory",
            "mysql://x",
            "keystead.db",
        ] {
            assert_eq!(bad.parse::<StoreUrl>(), Err(BadStoreUrl), "{bad}");
        }
    }
}
