//! The store edited behind Keystead's back: whatever row is changed, the call that would stand on
//! it is refused, an alert is raised, and nothing goes upstream.
//!
//! Each case has an application, a key, an AddOn and a token of its own on one shared server, and
//! edits before the first call, so that the call meets the edited rows cold.

use std::time::Duration;

use serde_json::json;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};

use crate::harness::database::connect;
use crate::harness::{
    AddOn, App, Ask, Client, Key, Keystead, Store, eventually, on_each_store, planted,
};

on_each_store!(
    an_edited_row_carries_no_authority,
    two_swapped_records_open_neither_key,
    a_token_that_nobody_minted_is_unknown,
    an_edited_member_or_api_token_manages_nothing,
    what_was_revoked_can_not_be_brought_back,
);

/// What one case edits.
struct Case {
    app: App,
    key: Key,
    addon: AddOn,
    token: String,
}

impl Case {
    async fn new(ks: &Keystead) -> Self {
        let app = ks.app().await;
        let key = ks.key(&app, "openai").await;
        let body = json!({"models": ["gpt-6-luna"], "operations": ["chat.completions"]});
        let addon = ks.addon_with(&app, &key, "chat", body).await;
        let token = ks.token(&app).await;
        Self {
            app,
            key,
            addon,
            token,
        }
    }

    fn call(&self, ks: &Keystead) -> Ask {
        let message = json!({"role": "user", "content": ks.prompt()});
        let body = json!({"model": "gpt-6-luna", "messages": [message]});
        self.addon
            .ask("POST", "/v1/chat/completions", "openai", &self.token)
            .json(&body)
    }

    /// Fills in what a statement names.
    fn statement(&self, sql: &str) -> String {
        sql.replace("{app}", &format!("'{}'", self.app.id))
            .replace("{key}", &format!("'{}'", self.key.id))
            .replace("{addon}", &format!("'{}'", self.addon.id))
    }
}

async fn an_edited_row_carries_no_authority(store: Store) {
    let ks = Keystead::start(store).await;
    ks.expects_errors("integrity check");
    ks.expects_errors("tampered");
    let mut database = connect(&ks.store_url).await;
    for (what, sql) in [
        (
            "an endpoint's host",
            "UPDATE keys SET host = '127.0.0.2' WHERE id = {key}",
        ),
        (
            "an endpoint's port",
            "UPDATE keys SET port = port + 1 WHERE id = {key}",
        ),
        (
            "an endpoint's scheme",
            "UPDATE keys SET scheme = 'https' WHERE id = {key}",
        ),
        (
            "an endpoint's path",
            "UPDATE keys SET path_prefix = '/openai/x' WHERE id = {key}",
        ),
        (
            "whether it was entered",
            "UPDATE keys SET explicit_endpoint = 1 WHERE id = {key}",
        ),
        (
            "a key's provider",
            "UPDATE keys SET provider = 'anthropic' WHERE id = {key}",
        ),
        (
            "a key's version",
            "UPDATE keys SET version = 2, max_version = 2 WHERE id = {key}",
        ),
        (
            "an AddOn's operations",
            "UPDATE addons SET operations = '\"all\"' WHERE id = {addon}",
        ),
        (
            "an AddOn's models",
            "UPDATE addons SET models = '[]' WHERE id = {addon}",
        ),
        (
            "an AddOn's features",
            "UPDATE addons SET allow = '[\"store\"]' WHERE id = {addon}",
        ),
        (
            "an AddOn's type",
            "UPDATE addons SET kind = 'text' WHERE id = {addon}",
        ),
        (
            "an AddOn's key source",
            "UPDATE addons SET key_source = 'user' WHERE id = {addon}",
        ),
        (
            "an AddOn's handle",
            "UPDATE addons SET handle = 'other' WHERE id = {addon}",
        ),
        (
            "an application's origins",
            "UPDATE applications SET origins = '[\"https://evil.example\"]' WHERE id = {app}",
        ),
        (
            "an application's addresses",
            "UPDATE applications SET addresses = '[\"0.0.0.0/0\"]' WHERE id = {app}",
        ),
        (
            "a token's life",
            "UPDATE tokens SET expires_at = expires_at * 2 WHERE application_id = {app}",
        ),
        (
            "a token's scope",
            "UPDATE tokens SET scope = '[\"chat\"]' WHERE application_id = {app}",
        ),
        (
            "a token's version",
            "UPDATE tokens SET row_version = 9 WHERE application_id = {app}",
        ),
        (
            "an AddOn's MAC",
            "UPDATE addons SET mac = (SELECT mac FROM keys WHERE id = {key}) WHERE id = {addon}",
        ),
        (
            "a record",
            "UPDATE key_versions SET record = (SELECT record FROM version_slots WHERE key_id = {key}) \
             WHERE key_id = {key}",
        ),
        (
            "a wrapped data key",
            "UPDATE version_slots SET record = (SELECT record FROM key_slots WHERE key_id = {key}) \
             WHERE key_id = {key}",
        ),
    ] {
        let mut case = Case::new(&ks).await;
        edit(&mut database, &case.statement(sql)).await;
        if what == "an AddOn's handle" {
            case.addon.path = case.addon.path.replace("/chat", "/other");
        }
        refused_with_an_alert(&ks, &mut database, &case, what).await;
    }
}

/// Two keys of one tenant and provider: the closest two records can be.
async fn two_swapped_records_open_neither_key(store: Store) {
    for table in ["key_versions", "version_slots", "key_slots"] {
        let ks = Keystead::start(store).await;
        ks.expects_errors("integrity check");
        ks.expects_errors("tampered");
        let (first, second) = (Case::new(&ks).await, Case::new(&ks).await);
        let mut database = connect(&ks.store_url).await;
        let record = |key: &Key| {
            let select = format!("SELECT record FROM {table} WHERE key_id = '{}'", key.id);
            sqlx::query_scalar::<_, Vec<u8>>(AssertSqlSafe(select))
        };
        let of_first = record(&first.key).fetch_one(&mut database).await.unwrap();
        let of_second = record(&second.key).fetch_one(&mut database).await.unwrap();
        for (key, record) in [(&first.key, of_second), (&second.key, of_first)] {
            let update = format!("UPDATE {table} SET record = $1 WHERE key_id = '{}'", key.id);
            let update = sqlx::query(AssertSqlSafe(update)).bind(record);
            assert_eq!(
                update.execute(&mut database).await.unwrap().rows_affected(),
                1
            );
        }
        for case in [&first, &second] {
            refused_with_an_alert(&ks, &mut database, case, table).await;
        }
    }
}

/// Whoever can write the database still can't mint: the row needs a MAC.
async fn a_token_that_nobody_minted_is_unknown(store: Store) {
    let ks = Keystead::start(store).await;
    ks.expects_errors("integrity check");
    ks.expects_errors("tampered");
    let case = Case::new(&ks).await;
    let mut database = connect(&ks.store_url).await;
    let forged = keystead_vault::Token::generate(keystead_vault::TokenKind::Access);
    let forged_text = ks.place.plant("access_token", forged.expose());
    let columns = "organization_id, application_id, client_secret_id, subject, scope, expires_at, \
                   revoked, created_at, row_version, mac";
    let insert = format!(
        "INSERT INTO tokens (id, hash, {columns}) SELECT 'tok_{}', $1, {columns} FROM tokens \
         WHERE application_id = '{}'",
        planted::hex(32),
        case.app.id,
    );
    let hash = forged.lookup().as_bytes().to_vec();
    let inserted = sqlx::query(AssertSqlSafe(insert))
        .bind(hash)
        .execute(&mut database)
        .await;
    assert_eq!(inserted.unwrap().rows_affected(), 1);

    let before = ks.provider.exchanges().len();
    let forged = Case {
        token: forged_text,
        app: case.app,
        key: case.key,
        addon: case.addon,
    };
    let reply = ks.client().send(forged.call(&ks)).await;

    assert!(matches!(reply.status, 401 | 503), "{}", reply.text());
    assert!(reply.code().is_some());
    assert_eq!(ks.provider.exchanges().len(), before);
    alerted(&mut database, 0, "a forged token").await;
}

async fn an_edited_member_or_api_token_manages_nothing(store: Store) {
    for sql in [
        "UPDATE members SET role = 'admin'",
        "UPDATE api_tokens SET scopes = '[\"read\"]'",
        "UPDATE api_tokens SET expires_at = NULL, row_version = row_version + 1",
        "UPDATE accounts SET disabled = 1",
    ] {
        let ks = Keystead::start(store).await;
        ks.expects_errors("integrity check");
        ks.expects_errors("tampered");
        let mut database = connect(&ks.store_url).await;
        edit(&mut database, sql).await;

        let reply = ks
            .api("GET", "/applications", &serde_json::Value::Null)
            .await;

        assert!(
            matches!(reply.status, 401 | 403 | 503),
            "{sql}: {}",
            reply.text()
        );
        alerted(&mut database, 0, sql).await;
    }
}

async fn what_was_revoked_can_not_be_brought_back(store: Store) {
    let ks = Keystead::start(store).await;
    ks.expects_errors("integrity check");
    ks.expects_errors("tampered");
    let mut database = connect(&ks.store_url).await;
    for (what, path, sql) in [
        (
            "a token",
            "",
            "UPDATE tokens SET revoked = 0 WHERE application_id = {app}",
        ),
        (
            "an AddOn",
            "/addons/{addon}/disable",
            "UPDATE addons SET disabled = 0 WHERE id = {addon}",
        ),
        (
            "a key",
            "/keys/{key}/disable",
            "UPDATE keys SET disabled = 0 WHERE id = {key}",
        ),
        (
            "an application",
            "/applications/{app}/disable",
            "UPDATE applications SET disabled = 0 WHERE id = {app}",
        ),
    ] {
        let case = Case::new(&ks).await;
        if path.is_empty() {
            ks.revoke_token(&case.app, &case.token).await;
        } else {
            ks.manage("POST", &case.statement(path).replace('\'', ""), &json!({}))
                .await;
        }
        edit(&mut database, &case.statement(sql)).await;
        refused_with_an_alert(&ks, &mut database, &case, what).await;
    }

    let case = Case::new(&ks).await;
    let secrets = format!("/applications/{}/client-secrets", case.app.id);
    let listed = ks.manage("GET", &secrets, &serde_json::Value::Null).await;
    let id = listed["data"][0]["secret_id"].as_str().unwrap();
    ks.manage(
        "DELETE",
        &format!("{secrets}/{id}"),
        &serde_json::Value::Null,
    )
    .await;
    let before = alerts(&mut database).await;
    edit(
        &mut database,
        &case.statement("UPDATE client_secrets SET revoked = 0 WHERE application_id = {app}"),
    )
    .await;
    let minted = ks.mint(&case.app, &[("uid", "u")]).await;
    assert!(matches!(minted.status, 401 | 503), "{}", minted.text());
    alerted(&mut database, before, "a client secret").await;

    let management = Client::new(ks.management(), ks.address, &ks.place);
    let metrics = management
        .send(Ask::get("/metrics"))
        .await
        .expect(200)
        .text();
    let counted = metrics.lines().find_map(|line| line.strip_prefix(TAMPERED));
    let counted: i64 = counted.expect("a count").parse().unwrap();
    assert!(counted > before, "{metrics}");
}

const TAMPERED: &str = "keystead_alerts_total{kind=\"tampered\"} ";

async fn refused_with_an_alert(
    ks: &Keystead,
    database: &mut AnyConnection,
    case: &Case,
    what: &str,
) {
    let (before, alerts_before) = (ks.provider.exchanges().len(), alerts(database).await);

    let reply = ks.client().send(case.call(ks)).await;

    assert!(
        matches!(reply.status, 401 | 403 | 503),
        "{what}: {} {}",
        reply.status,
        reply.text()
    );
    assert_eq!(reply.header("x-keystead-source"), Some("gateway"), "{what}");
    assert_eq!(
        ks.provider.exchanges().len(),
        before,
        "{what}: something went upstream"
    );
    alerted(database, alerts_before, what).await;
}

async fn edit(database: &mut AnyConnection, sql: &str) {
    let edited = database.execute(AssertSqlSafe(sql.to_owned())).await;
    assert!(
        edited.unwrap().rows_affected() > 0,
        "nothing to edit: {sql}"
    );
}

/// Waits for a finding more: an alert is written beside the refusal, not before it.
async fn alerted(database: &mut AnyConnection, before: i64, what: &str) {
    let patience = Duration::from_secs(5);
    eventually(&format!("an alert for {what}"), patience, async || {
        alerts(database).await > before
    })
    .await;
}

/// How many findings the alerts table counts.
async fn alerts(database: &mut AnyConnection) -> i64 {
    database.ping().await.unwrap();
    let count = "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM alerts";
    sqlx::query_scalar(count).fetch_one(database).await.unwrap()
}
