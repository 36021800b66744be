//! There is no column of authority that a MAC does not cover.
//!
//! The columns are those that the database has, so that one which is added and forgotten is found.
//! What a MAC covers does not depend on the database, so SQLite speaks for both.

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _, any::AnyRow};

use keystead::store::{ApplicationChange, NewDecoy, TrustedIssuer, VaultHolder};
use keystead_vault::SubjectHash;

use crate::{
    bed::{ACTOR, Bed, Furnished, canary},
    connect_links::made,
    consents::agree,
    grants::Granted,
    own_keys::{self, Own},
    people::{self, Crowd},
};

/// Columns that say nothing of who may do what.
const NOT_COVERED: [(&str, &str); 4] = [
    ("keys", "status"),
    ("keys", "checked_at"),
    ("sessions", "last_seen_at"),
    ("passkeys", "last_used_at"),
];

const TABLES: [&str; 21] = [
    "organizations",
    "accounts",
    "members",
    "api_tokens",
    "sessions",
    "applications",
    "client_secrets",
    "keys",
    "addons",
    "tokens",
    "grants",
    "authorization_codes",
    "token_families",
    "refresh_tokens",
    "consent_texts",
    "consents",
    "vaults",
    "key_grants",
    "connect_links",
    "webhooks",
    "decoys",
];

/// How people sign in.
const OF_PEOPLE: [&str; 5] = ["passwords", "totps", "recovery_codes", "passkeys", "links"];

/// What verification doesn't look at, or what one comes to by signing in elsewhere alone: edited in `tamper::calls`
/// and among the promises of signing in by OpenID. The log proves itself.
const ELSEWHERE: [&str; 4] = ["bindings", "identities", "audit_head", "audit_events"];

#[tokio::test]
async fn every_table_with_a_mac_is_looked_at() {
    let bed = Bed::sqlite().await;
    let question = "SELECT t.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
         WHERE t.type = 'table' AND c.name = 'mac' ORDER BY t.name";
    let rows = ask(&bed, question.to_owned()).await;
    let found: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let mut known = [&TABLES[..], &OF_PEOPLE, &ELSEWHERE].concat();
    known.sort_unstable();
    assert_eq!(found, known);
}

#[tokio::test]
async fn every_column_of_what_lets_people_in_is_covered() {
    let (crowd, owner) = Crowd::one(Bed::sqlite().await).await;
    people::has_everything(&crowd, &owner).await;
    let tried = edit_each(&crowd.bed, &OF_PEOPLE).await;
    assert!(tried > 80, "{tried}");
}

#[tokio::test]
async fn every_column_of_authority_is_covered() {
    let bed = Bed::sqlite().await;
    let there = bed.furnish().await;
    bed.sign_in(&there).await;
    let trusted = ApplicationChange {
        issuer: Some(Some(TrustedIssuer {
            name: "https://login.example".to_owned(),
            audience: "engine".to_owned(),
            jwks: Some("https://login.example/keys".to_owned()),
        })),
        ..ApplicationChange::default()
    };
    let application = there.application.id;
    bed.store()
        .update_application(ACTOR, there.organization, application, trusted)
        .await
        .unwrap();
    let url = "https://hooks.example/".to_owned();
    let webhook = bed.custody.add_webhook(ACTOR, there.organization, url);
    let (_, secret) = webhook.await.unwrap();
    canary("webhook_secret", secret.to_string(), &bed);
    let new = NewDecoy {
        organization: there.organization,
        application: Some(application),
        name: "the wiki".to_owned(),
        form: "openai".to_owned(),
    };
    let (_, decoy) = bed.store().plant_decoy(ACTOR, new).await.unwrap();
    canary("decoy", decoy.to_string(), &bed);
    let granted = Granted::new(&bed, &there).await;
    granted.exchange(&bed).await;
    agree(&bed, &there).await;
    own_keys(&bed, &there).await;
    let tried = edit_each(&bed, &TABLES).await;
    assert!(tried > 200, "{tried}");
}

#[tokio::test]
async fn what_is_not_covered_may_change() {
    let bed = Bed::sqlite().await;
    bed.furnish().await;
    bed.behind_its_back("UPDATE keys SET status = 'wrong', checked_at = 1")
        .await;
    assert_eq!(bed.store().verify_audit().await.unwrap().faults, []);
}

/// Edits every column of a first and a last row of each table, and sees that it is found; says how many there were.
async fn edit_each(bed: &Bed, tables: &[&str]) -> usize {
    let mut tried = 0;
    // Some tables hold two sorts of rows: an application's key and a person's own, for one.
    for (table, which) in tables
        .iter()
        .flat_map(|table| [(*table, "MIN"), (*table, "MAX")])
    {
        for (column, kind) in columns(bed, table).await {
            if NOT_COVERED.contains(&(table, &column)) {
                continue;
            }
            let other = other_value(&column, &kind);
            bed.behind_its_back(&format!("CREATE TABLE kept AS SELECT * FROM {table}"))
                .await;
            // One row: hashes are unique.
            let edit = format!(
                "PRAGMA foreign_keys = OFF; UPDATE {table} SET {column} = {other}
                 WHERE rowid = (SELECT {which}(rowid) FROM {table})"
            );
            bed.behind_its_back(&edit).await;
            let faults = bed.store().verify_audit().await.unwrap().faults;
            assert!(
                faults
                    .iter()
                    .any(|fault| fault.table == table && fault.fault == "altered"),
                "{table}.{column} = {other}: {faults:?}",
            );
            bed.behind_its_back(&format!(
                "PRAGMA foreign_keys = OFF; DELETE FROM {table};
                 INSERT INTO {table} SELECT * FROM kept; DROP TABLE kept"
            ))
            .await;
            tried += 1;
        }
    }
    assert_eq!(
        bed.store().verify_audit().await.unwrap().faults,
        [],
        "put right again"
    );
    tried
}

/// Another value that reads as well as the one that is there, so that it is the MAC that fails.
fn other_value(column: &str, kind: &str) -> String {
    let word = match column {
        "role" => "auditor",
        "method" => "oidc",
        "kind" => "any",
        "key_source" => "user-then-application",
        "operations" => "all",
        "scheme" => "http",
        "handle" => "other",
        "state" => "revoked",
        "hashes" => "[]",
        "scopes" => "[\"read\"]",
        "development_of" => "app_00000000000070008000000000000000",
        "issuer" | "issuer_audience" => return "'https://evil.example'".to_owned(),
        "addresses" => "[\"192.0.2.0/24\"]",
        "texts" => "{\"en\":\"other\"}",
        "scope" | "models" | "allow" | "origins" | "redirect_uris" => "[\"other\"]",
        _ if column == "id" || column.ends_with("_id") => {
            return format!(
                "coalesce(substr({column}, 1, length({column}) - 1) ||
                 CASE substr({column}, -1) WHEN '0' THEN '1' ELSE '0' END, 'x_1')"
            );
        }
        _ => match kind {
            "BLOB" => return format!("zeroblob(coalesce(length({column}), 32))"),
            "INTEGER"
                if [
                    "disabled",
                    "revoked",
                    "public",
                    "strict",
                    "explicit_endpoint",
                    "require_second_factor",
                    "require_dpop",
                    "console",
                    "withdrawn",
                    "used",
                    "paused",
                ]
                .contains(&column) =>
            {
                return format!("1 - {column}");
            }
            // By more than there are: versions of one thing are unique.
            "INTEGER" if column == "version" => return format!("{column} + 7"),
            "INTEGER" => return format!("coalesce({column} + 1, 1)"),
            _ => "other",
        },
    };
    format!("'{word}'")
}

/// An end user's vault and an account's, with a key and a grant each; and a link.
async fn own_keys(bed: &Bed, there: &Furnished) {
    let addon = own_keys::wanting(bed, &there.application, "own", "openai").await;
    let subject = SubjectHash::from_bytes([5; 32]);
    let user = VaultHolder::Subject {
        organization: there.organization,
        application: there.application.id,
        subject,
    };
    for (holder, subject) in [
        (VaultHolder::Account(there.founded.account.id), [4; 32]),
        (user, [5; 32]),
    ] {
        let own = Own::new(bed, holder).await;
        let subject = SubjectHash::from_bytes(subject);
        own.give(bed, &there.application, subject).await;
    }
    made(bed, there, &addon, subject).await;
}

async fn columns(bed: &Bed, table: &str) -> Vec<(String, String)> {
    let question = format!("SELECT name, type FROM pragma_table_info('{table}')");
    let rows = ask(bed, question).await;
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn ask(bed: &Bed, question: String) -> Vec<AnyRow> {
    let keystead::store::StoreUrl::Sqlite(path) = &bed.url else {
        panic!("this is SQLite's")
    };
    let mut connection = AnyConnection::connect(&format!("sqlite://{}?mode=rw", path.display()))
        .await
        .unwrap();
    sqlx::query(AssertSqlSafe(question))
        .fetch_all(&mut connection)
        .await
        .unwrap()
}
