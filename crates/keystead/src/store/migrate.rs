//! The schema: which migrations there are, and who may run them.

use std::borrow::Cow;

use sqlx::{
    AnyConnection, SqlSafeStr as _,
    migrate::{Migrate as _, MigrateError, Migration, MigrationType, Migrator},
};

use super::{Backend, StoreError};

/// Number, name and text of each migration, the same numbers and names for both databases.
const SQLITE: &[(i64, &str, &str)] = &[
    (
        1,
        "first",
        include_str!("../../migrations/sqlite/0001_first.sql"),
    ),
    (
        2,
        "limits_and_usage",
        include_str!("../../migrations/sqlite/0002_limits_and_usage.sql"),
    ),
    (
        3,
        "people",
        include_str!("../../migrations/sqlite/0003_people.sql"),
    ),
    (
        4,
        "oauth",
        include_str!("../../migrations/sqlite/0004_oauth.sql"),
    ),
    (
        5,
        "own_keys",
        include_str!("../../migrations/sqlite/0005_own_keys.sql"),
    ),
    (
        6,
        "watch",
        include_str!("../../migrations/sqlite/0006_watch.sql"),
    ),
    (
        7,
        "owner_keys",
        include_str!("../../migrations/sqlite/0007_owner_keys.sql"),
    ),
    (
        8,
        "consents",
        include_str!("../../migrations/sqlite/0008_consents.sql"),
    ),
];
const POSTGRES: &[(i64, &str, &str)] = &[
    (
        1,
        "first",
        include_str!("../../migrations/postgres/0001_first.sql"),
    ),
    (
        2,
        "limits_and_usage",
        include_str!("../../migrations/postgres/0002_limits_and_usage.sql"),
    ),
    (
        3,
        "people",
        include_str!("../../migrations/postgres/0003_people.sql"),
    ),
    (
        4,
        "oauth",
        include_str!("../../migrations/postgres/0004_oauth.sql"),
    ),
    (
        5,
        "own_keys",
        include_str!("../../migrations/postgres/0005_own_keys.sql"),
    ),
    (
        6,
        "watch",
        include_str!("../../migrations/postgres/0006_watch.sql"),
    ),
    (
        7,
        "owner_keys",
        include_str!("../../migrations/postgres/0007_owner_keys.sql"),
    ),
    (
        8,
        "consents",
        include_str!("../../migrations/postgres/0008_consents.sql"),
    ),
];

/// Brings the schema up to date, or to the one called `target`. On PostgreSQL an advisory lock lets
/// one process do it while the others wait; the connection's `lock_timeout` bounds that wait.
pub(super) async fn up(
    backend: Backend,
    connection: &mut AnyConnection,
    target: Option<i64>,
) -> Result<(), StoreError> {
    let list = migrations(backend);
    let migrator = Migrator::with_migrations(
        list.iter()
            .map(|&(number, name, text)| {
                let text = text.into_sql_str();
                Migration::new(
                    number,
                    Cow::Borrowed(name),
                    MigrationType::Simple,
                    text,
                    false,
                )
            })
            .collect(),
    );
    migrator
        .run_direct(target, connection, false)
        .await
        .map_err(|error| match error {
            MigrateError::VersionMissing(found) => StoreError::NewerSchema {
                found,
                known: newest(list),
            },
            other => StoreError::Migration(other),
        })
}

/// Which migrations a store has seen, and which this program has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Schema {
    /// The last migration of the store; 0 when it has seen none.
    pub found: i64,
    /// The last migration of this program.
    pub known: i64,
}

/// Reads the schema's number without touching anything.
pub(super) async fn schema(backend: Backend, connection: &mut AnyConnection) -> Schema {
    let known = newest(migrations(backend));
    let found = connection
        .list_applied_migrations("_sqlx_migrations")
        .await
        .map(|applied| {
            applied
                .iter()
                .map(|migration| migration.version)
                .max()
                .unwrap_or(0)
        })
        // A database without Keystead's tables has no list either.
        .unwrap_or(0);
    Schema { found, known }
}

/// The last migration of this program.
pub(super) fn newest_of(backend: Backend) -> i64 {
    newest(migrations(backend))
}

/// Refuses a schema that this program does not know, without touching it.
pub(super) async fn check(
    backend: Backend,
    connection: &mut AnyConnection,
) -> Result<(), StoreError> {
    let Schema { found, known } = schema(backend, connection).await;
    match found.cmp(&known) {
        std::cmp::Ordering::Less => Err(StoreError::OlderSchema { found, known }),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(StoreError::NewerSchema { found, known }),
    }
}

fn migrations(backend: Backend) -> &'static [(i64, &'static str, &'static str)] {
    match backend {
        Backend::Sqlite => SQLITE,
        Backend::Postgres => POSTGRES,
    }
}

fn newest(list: &[(i64, &str, &str)]) -> i64 {
    list.last().expect("there is a first migration").0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_databases_have_the_same_migrations() {
        let names = |list: &[(i64, &'static str, &str)]| {
            list.iter()
                .map(|&(number, name, _)| (number, name))
                .collect::<Vec<_>>()
        };
        assert_eq!(names(SQLITE), names(POSTGRES));
    }

    /// A column that one side forgot would show only in the query that wants it.
    #[test]
    fn both_databases_have_the_same_tables_and_columns() {
        let plain = |text: &str| {
            let text = text.replace("BIGINT", "INTEGER").replace("BYTEA", "BLOB");
            text.lines()
                .filter(|line| !line.starts_with("--"))
                .map(|line| {
                    line.replace(") STRICT;", ");")
                        .replace(") STRICT, WITHOUT ROWID;", ");")
                        .split_whitespace()
                        .collect::<Vec<_>>()
                        .join(" ")
                })
                .collect::<Vec<_>>()
        };
        for ((_, name, sqlite), (_, _, postgres)) in SQLITE.iter().zip(POSTGRES) {
            assert_eq!(plain(sqlite), plain(postgres), "{name}");
        }
    }
}
