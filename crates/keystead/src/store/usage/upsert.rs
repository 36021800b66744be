//! Adding to the sums in the store: many rows a statement, always in the same order.

use std::{fmt::Write as _, sync::Arc};

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

impl Key for Group {
    fn bind<'q>(&self, statement: Statement<'q>) -> Statement<'q> {
        statement
            .bind(self.at)
            .bind(self.application.to_string())
            .bind(self.addon.to_string())
            .bind(text_of(self.key))
            .bind(self.provider.to_string())
            .bind(self.operation.to_string())
            .bind(self.model().to_owned())
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

/// A table of sums, and the columns of its key, after the organization.
struct Table {
    name: &'static str,
    key: &'static [&'static str],
}

const HOURS: Table = Table {
    name: "usage_hours",
    key: &[
        "hour",
        "application_id",
        "addon_id",
        "key_id",
        "provider",
        "operation",
        "model",
    ],
};

const DAYS: Table = Table {
    name: "usage_days",
    key: &[
        "day",
        "application_id",
        "addon_id",
        "key_id",
        "provider",
        "operation",
        "model",
    ],
};

const SHARES: Table = Table {
    name: "usage_shares",
    key: &["kind", "day", "name"],
};

const SUBJECTS: Table = Table {
    name: "usage_subjects",
    key: &["day", "application_id", "addon_id", "subject"],
};

/// Adds to all the sums of an organization.
pub(super) async fn add(
    rollup: &Rollup,
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

async fn add_to<K: Key>(
    table: &Table,
    mut rows: &[(K, Sums)],
    organization: &str,
    connection: &mut AnyConnection,
) -> Result<(), StoreError> {
    let adds = Adds::of(rows);
    let is_sqlite = connection.backend_name() == "SQLite";
    for size in SIZES {
        if rows.len() < size {
            continue;
        }
        let text: Arc<str> = text(table, size, adds, is_sqlite).into();
        while let Some((now, later)) = rows.split_at_checked(size) {
            let mut statement = sqlx::query(AssertSqlSafe(text.clone()));
            for (key, sums) in now {
                statement = key.bind(statement.bind(organization.to_owned()));
                for sum in adds.places() {
                    statement = statement.bind(sums.0[sum]);
                }
            }
            statement.execute(&mut *connection).await?;
            rows = later;
        }
    }
    Ok(())
}

/// Which sums anything is added to. Most calls have tokens and a cost, and neither images nor seconds nor
/// credits: what nothing is added to need not be looked at in any row.
#[derive(Clone, Copy)]
struct Adds([bool; Sums::NAMES.len()]);

impl Adds {
    fn of<K>(rows: &[(K, Sums)]) -> Self {
        let mut adds = [false; Sums::NAMES.len()];
        for (_, sums) in rows {
            for (adds, sum) in adds.iter_mut().zip(sums.0) {
                *adds |= sum != 0;
            }
        }
        Self(adds)
    }

    fn places(self) -> impl Iterator<Item = usize> {
        let places = self.0.into_iter().enumerate();
        places.filter_map(|(place, adds)| adds.then_some(place))
    }
}

/// `INSERT` of so many rows; where one is, its sums grow, as far as they may.
fn text(table: &Table, rows: usize, adds: Adds, is_sqlite: bool) -> String {
    let name = table.name;
    let key = format!("organization_id, {}", table.key.join(", "));
    let mut parameters = 0;
    // SQLite looks the name of a numbered parameter up among all before it, so a statement of a thousand
    // takes a million steps; parameters without numbers it just counts.
    let mut parameter = || {
        parameters += 1;
        match is_sqlite {
            true => "?".to_owned(),
            false => format!("${parameters}"),
        }
    };
    let mut text = format!(
        "INSERT INTO {name} ({key}, {}) VALUES ",
        Sums::NAMES.join(", ")
    );
    for row in 0..rows {
        let keys = (0..=table.key.len()).map(|_| None);
        let sums = adds.0.into_iter().map(Some);
        let values: Vec<_> = keys
            .chain(sums)
            .map(|adds| match adds {
                Some(false) => "0".to_owned(),
                _ => parameter(),
            })
            .collect();
        let comma = if row == 0 { "" } else { ", " };
        let _ = write!(text, "{comma}({})", values.join(", "));
    }
    let grown: Vec<_> = adds
        .places()
        .map(|place| {
            let sum = Sums::NAMES[place];
            format!(
                "{sum} = CASE WHEN excluded.{sum} <= 0 THEN {name}.{sum} + excluded.{sum}
                 WHEN {name}.{sum} > {most} - excluded.{sum} THEN {most}
                 ELSE {name}.{sum} + excluded.{sum} END",
                most = i64::MAX
            )
        })
        .collect();
    let update = match grown.is_empty() {
        true => "NOTHING".to_owned(),
        false => format!("UPDATE SET {}", grown.join(", ")),
    };
    let _ = write!(text, " ON CONFLICT ({key}) DO {update}");
    text
}
