//! What someone who can write to the database, and holds no key, gains: nothing. Each edit is
//! refused when it is read, and raises an alert that names it.

mod calls;
mod keys;
mod people;

use keystead::{
    custody::CustodyError,
    store::{Lookup, StoreError, StoreUrl},
};

use crate::bed::{ACTOR, Bed, Furnished, hex};

/// What a look-up of the token says now.
pub(super) async fn look_up(bed: &Bed, there: &Furnished) -> Result<Lookup, StoreError> {
    let (client_id, handle) = (&there.application.client_id, &there.addon.handle);
    bed.store()
        .authority(&there.token.lookup(), client_id, handle)
        .await
}

/// The error names table and row, and so does the alert.
pub(crate) async fn assert_alert(bed: &Bed, error: StoreError, table: &str, id: impl ToString) {
    let id = id.to_string();
    match error {
        StoreError::Tampered {
            table: named,
            id: row,
        } => {
            assert_eq!((named, &*row), (table, &*id));
        }
        other => panic!("not refused as tampered: {other:?}"),
    }
    let alerts = bed.store().alerts().await.unwrap();
    assert!(
        alerts
            .iter()
            .any(|alert| (alert.kind.word(), &*alert.place, &*alert.object)
                == ("tampered", table, &*id)),
        "{alerts:?}",
    );
}

pub(super) async fn assert_key_stays_sealed(bed: &Bed, there: &Furnished, table: &str) {
    let opened = bed
        .custody
        .open_key(ACTOR, there.organization, there.key.id, "call")
        .await;
    match opened {
        Err(CustodyError::Store(error)) => assert_alert(bed, error, table, there.key.id).await,
        other => panic!("{other:?}"),
    }
}

pub(super) async fn assert_look_up_refused(
    bed: &Bed,
    there: &Furnished,
    table: &str,
    id: impl ToString,
) {
    assert_alert(bed, look_up(bed, there).await.unwrap_err(), table, id).await;
}

/// Exchanges a column of two keys' rows.
pub(super) async fn swap(
    bed: &Bed,
    table: &str,
    column: &str,
    id: &str,
    one: impl ToString,
    other: impl ToString,
) {
    let (one, other) = (one.to_string(), other.to_string());
    // By way of a copy: an UPDATE of SQLite sees the rows that it has already changed.
    let copy =
        format!("CREATE TABLE copied AS SELECT {id} AS name, {column} AS value FROM {table}");
    bed.behind_its_back(&copy).await;
    for (to, from) in [(&one, &other), (&other, &one)] {
        edit(
            bed,
            format!(
                "UPDATE {table} SET {column} = (SELECT value FROM copied WHERE name = '{from}')
             WHERE {id} = '{to}'"
            ),
        )
        .await;
    }
    bed.behind_its_back("DROP TABLE copied").await;
}

pub(crate) async fn edit(bed: &Bed, statement: String) {
    assert_eq!(
        bed.behind_its_back(&statement).await.rows_affected(),
        1,
        "{statement}"
    );
}

/// Bytes as the database's dialect writes them.
pub(crate) fn literal(bed: &Bed, bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| hex([*byte])).collect();
    match bed.url {
        StoreUrl::Sqlite(_) => format!("X'{digits}'"),
        StoreUrl::Postgres(_) => format!("'\\x{digits}'::bytea"),
    }
}
