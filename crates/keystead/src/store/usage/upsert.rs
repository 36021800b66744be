//! Adding to the sums in the store: many rows a statement, always in the same order.

use std::{
    fmt::Write as _,
    sync::{Arc, LazyLock},
};

use sqlx::{Any, AnyConnection, AssertSqlSafe, any::AnyArguments, query::Query};

use super::sums::{Group, Person, Rollup, Share, Sums, shares, text_of};
use crate::{ids::OrganizationId, store::StoreError};

/// How many rows a statement adds to. A statement costs some ten microseconds whatever it does.
const SIZES: [usize; 4] = [64, 16, 4, 1];

type Statement<'q> = Query<'q, Any, AnyArguments>;

/// What a table of sums is keyed by, after the organization.
trait Key {
    fn bind<'q>(&self, statement: Statement<'q>) -> Statement<'q>;
}

impl Key for Group<'_> {
    fn bind<'q>(&self, statement: Statement<'q>) -> Statement<'q> {
        statement
            .bind(self.at)
            .bind(self.application.to_string())
            .bind(self.addon.to_string())
            .bind(text_of(self.key))
            .bind(self.provider.to_owned())
            .bind(self.operation.to_owned())
            .bind(self.model.to_owned())
    }
}

impl Key for Share {
    fn bind<'q>(&self, statement: Statement<'q>) -> Statement<'q> {
        statement
            .bind(self.kind.word())
            .bind(self.day)
            .bind(self.name.clone())
    }
}

impl Key for Person {
    fn bind<'q>(&self, statement: Statement<'q>) -> Statement<'q> {
        statement
            .bind(self.day)
            .bind(self.application.to_string())
            .bind(self.addon.to_string())
            .bind(self.subject.as_bytes().to_vec())
    }
}

/// Adds to all the sums of an organization.
pub(super) async fn add(
    rollup: &Rollup<'_>,
    organization: OrganizationId,
    connection: &mut AnyConnection,
) -> Result<(), StoreError> {
    let organization = organization.to_string();
    add_to(&HOURS, &rollup.hours(), &organization, connection).await?;
    let days = rollup.days();
    add_to(&DAYS, &days, &organization, connection).await?;
    add_to(&SHARES, &shares(&days), &organization, connection).await?;
    add_to(&SUBJECTS, &rollup.people(), &organization, connection).await
}

/// The statements for one table, by [`SIZES`].
///
/// SQLite looks the name of a numbered parameter up among all before it, so a statement of a
/// thousand takes a million steps; parameters without numbers it just counts.
struct Texts {
    numbered: [Arc<str>; 4],
    unnumbered: [Arc<str>; 4],
}

async fn add_to<K: Key>(
    texts: &Texts,
    mut rows: &[(K, Sums)],
    organization: &str,
    connection: &mut AnyConnection,
) -> Result<(), StoreError> {
    let texts = match connection.backend_name() {
        "SQLite" => &texts.unnumbered,
        _ => &texts.numbered,
    };
    for (text, size) in texts.iter().zip(SIZES) {
        while let Some((now, later)) = rows.split_at_checked(size) {
            let mut statement = sqlx::query(AssertSqlSafe(text.clone()));
            for (key, sums) in now {
                statement = key.bind(statement.bind(organization.to_owned()));
                for sum in sums.0 {
                    statement = statement.bind(sum);
                }
            }
            statement.execute(&mut *connection).await?;
            rows = later;
        }
    }
    Ok(())
}

static HOURS: LazyLock<Texts> = LazyLock::new(|| texts("usage_hours", &group_by("hour")));
static DAYS: LazyLock<Texts> = LazyLock::new(|| texts("usage_days", &group_by("day")));
static SHARES: LazyLock<Texts> = LazyLock::new(|| texts("usage_shares", &["kind", "day", "name"]));
static SUBJECTS: LazyLock<Texts> = LazyLock::new(|| {
    let key = ["day", "application_id", "addon_id", "subject"];
    texts("usage_subjects", &key)
});

fn group_by(at: &'static str) -> [&'static str; 7] {
    [
        at,
        "application_id",
        "addon_id",
        "key_id",
        "provider",
        "operation",
        "model",
    ]
}

fn texts(table: &str, key: &[&str]) -> Texts {
    let numbered = |place: usize| format!("${place}");
    Texts {
        numbered: SIZES.map(|size| text(table, key, size, numbered).into()),
        unnumbered: SIZES.map(|size| text(table, key, size, |_| "?".to_owned()).into()),
    }
}

/// `INSERT` of so many rows; where one is, its sums grow, as far as they may.
fn text(table: &str, key: &[&str], rows: usize, parameter: impl Fn(usize) -> String) -> String {
    let key = format!("organization_id, {}", key.join(", "));
    let width = key.split(", ").count() + Sums::NAMES.len();
    let mut text = format!(
        "INSERT INTO {table} ({key}, {}) VALUES ",
        Sums::NAMES.join(", ")
    );
    for row in 0..rows {
        let first = row * width + 1;
        let places: Vec<_> = (first..first + width).map(&parameter).collect();
        let comma = if row == 0 { "" } else { ", " };
        let _ = write!(text, "{comma}({})", places.join(", "));
    }
    let grown: Vec<_> = Sums::NAMES
        .iter()
        .map(|sum| {
            format!(
                "{sum} = CASE WHEN excluded.{sum} <= 0 THEN {table}.{sum} + excluded.{sum}
                 WHEN {table}.{sum} > {most} - excluded.{sum} THEN {most}
                 ELSE {table}.{sum} + excluded.{sum} END",
                most = i64::MAX
            )
        })
        .collect();
    let _ = write!(
        text,
        " ON CONFLICT ({key}) DO UPDATE SET {}",
        grown.join(", ")
    );
    text
}
