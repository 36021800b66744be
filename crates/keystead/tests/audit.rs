//! Who did what is on the audit log, whichever way it was done, and what can't be recorded does not
//! happen.

mod checkpoints;
mod verification;

use std::collections::BTreeSet;

use keystead::audit::Actor;
use keystead::clock::Clock;
use keystead::custody::Custody;
use keystead::root::RootKeySource;
use keystead::store::{Access, ApiScope, NewApiToken};
use keystead_vault::token_hash;
use serde_json::{Value, json};
use sqlx::{AnyConnection, AssertSqlSafe, Executor as _};

use self::verification::verify;
use crate::harness::database::connect;
use crate::harness::setup::text;
use crate::harness::{Ask, Keystead, Scene, Store, on_each_store, planted};

on_each_store!(
    what_is_done_through_the_api_is_on_the_log,
    what_is_done_by_command_is_on_the_log,
    a_key_is_opened_on_the_record,
    an_act_that_was_denied_is_on_the_log,
    what_can_not_be_recorded_is_refused,
);

const CHAT: &str = "POST /v1/chat/completions";

async fn what_is_done_through_the_api_is_on_the_log(store: Store) {
    let scene = Scene::on(store).await;
    let (ks, app, key, addon) = (&scene.ks, &scene.app.id, &scene.key.id, &scene.addon.id);
    let begun = log(ks).await;
    let act = async |method: &str, path: String, body: Value| ks.manage(method, &path, &body).await;

    for verb in ["disable", "enable"] {
        act("POST", format!("/keys/{key}/{verb}"), json!({})).await;
        act("POST", format!("/addons/{addon}/{verb}"), json!({})).await;
        act("POST", format!("/applications/{app}/{verb}"), json!({})).await;
    }
    let new = ks.place.plant("provider_key", planted::key("openai"));
    ks.provider.openai().accept(&new);
    act("POST", format!("/keys/{key}/rotate"), json!({"key": new})).await;
    act(
        "PATCH",
        format!("/addons/{addon}"),
        json!({"models": ["m"]}),
    )
    .await;
    let origins = json!({"origins": ["https://shop.example"]});
    act("PATCH", format!("/applications/{app}"), origins).await;
    let secrets = format!("/applications/{app}/client-secrets");
    let made = act("POST", secrets.clone(), json!({})).await;
    ks.place
        .plant("client_secret", text(&made, "client_secret"));
    let secret = text(&made, "secret_id");
    act("DELETE", format!("{secrets}/{secret}"), Value::Null).await;
    ks.revoke_token(&scene.app, &scene.token).await;
    act("DELETE", format!("/addons/{addon}"), Value::Null).await;
    act("DELETE", format!("/keys/{key}"), Value::Null).await;

    // How the scene was made, and then the acts above, in their order and nothing between them.
    let made = [
        ("application.created", app),
        ("key.created", key),
        ("addon.installed", addon),
    ];
    for (action, object) in made {
        let is_it = |row: &&Value| row["action"] == action && row["object"] == *object;
        assert_eq!(
            begun.iter().filter(is_it).count(),
            1,
            "{action}: {begun:#?}"
        );
    }
    let rows = log(ks).await.split_off(begun.len());
    let token = text(&rows[11], "object");
    assert!(token.starts_with("tok_"), "{token}");
    let expected = [
        ("key.disabled", key),
        ("addon.disabled", addon),
        ("application.disabled", app),
        ("key.enabled", key),
        ("addon.enabled", addon),
        ("application.enabled", app),
        ("key.rotated", key),
        ("addon.updated", addon),
        ("application.updated", app),
        ("client_secret.created", &secret),
        ("client_secret.revoked", &secret),
        ("token.revoked", &token),
        ("addon.removed", addon),
        ("key.deleted", key),
    ];
    let told: Vec<_> = rows
        .iter()
        .map(|row| (text(row, "action"), text(row, "object")))
        .collect();
    let expected = expected.map(|(action, object)| (action.to_owned(), object.clone()));
    assert_eq!(told, expected);
    // The account's API token did all of it but what the application's backend did itself.
    for row in &rows {
        let actor = text(row, "actor");
        match row["action"] == "token.revoked" {
            true => assert_eq!(actor, *app),
            false => assert!(actor.starts_with("apt_"), "{row}"),
        }
        assert_eq!(row["outcome"], "done", "{row}");
    }
    // Ids, numbers and stable words: nothing that a person typed.
    let shown = Value::from(log(ks).await).to_string();
    for typed in [
        "Host application",
        "main",
        "shop.example",
        "chat",
        &key_end(&new),
    ] {
        assert!(!shown.contains(typed), "{typed} in {shown}");
    }
}

/// The command line leaves the same rows, and `audit list` shows what the API shows.
async fn what_is_done_by_command_is_on_the_log(store: Store) {
    let scene = Scene::on(store).await;
    let ks = &scene.ks;
    let begun = log(ks).await.len();
    let run = async |arguments: &[&str], input: &str| {
        let arguments = [arguments, &["--json"]].concat();
        ks.command(&arguments)
            .input(input)
            .secret()
            .run()
            .await
            .json()
    };

    let app = text(
        &run(&["app", "create", "--name", "Shop"], "").await,
        "application_id",
    );
    let secret = ks.place.plant("provider_key", planted::key("openai"));
    ks.provider.openai().accept(&secret);
    let add = [
        "key",
        "add",
        "--app",
        &app,
        "--provider",
        "openai",
        "--name",
        "main",
    ];
    let key = text(&run(&add, &secret).await, "key_id");
    let install = [
        "addon", "install", "--app", &app, "--handle", "chat", "--type", "text", "--key", &key,
    ];
    let addon = text(&run(&install, "").await, "addon_id");
    run(&["addon", "disable", &addon], "").await;
    run(&["key", "disable", &key], "").await;
    let revoke = ["token", "revoke", "--client-id", &scene.app.client_id];
    let secrets = format!("{}\n{}\n", scene.app.client_secret, scene.token);
    run(&revoke, &secrets).await;

    let listed = run(&["audit", "list"], "").await;
    assert_eq!(listed, Value::from(log(ks).await));
    let rows = log(ks).await.split_off(begun);
    let told: Vec<_> = rows
        .iter()
        .map(|row| (text(row, "action"), text(row, "object")))
        .collect();
    for act in [
        ("application.created", &app),
        ("key.created", &key),
        ("addon.installed", &addon),
        ("addon.disabled", &addon),
        ("key.disabled", &key),
    ] {
        let act = (act.0.to_owned(), act.1.clone());
        assert!(told.contains(&act), "{act:?} in {told:?}");
    }
    assert_eq!(
        told.last().map(|(action, _)| &**action),
        Some("token.revoked")
    );
}

/// Once for the calls of a minute, before the first of them goes out; and again for a new version.
async fn a_key_is_opened_on_the_record(store: Store) {
    let scene = Scene::on(store).await;
    let openings = async || {
        let mut rows = log(&scene.ks).await;
        rows.retain(|row| row["action"] == "key.opened");
        rows
    };
    assert!(
        openings().await.is_empty(),
        "entering and checking a key opens none"
    );

    for _ in 0..5 {
        scene.client().send(scene.chat()).await.expect(200);
    }
    let rows = openings().await;
    assert_eq!(rows.len(), 1, "{rows:#?}");
    assert_eq!(rows[0]["actor"], "keystead");
    assert_eq!(rows[0]["object"], scene.key.id);
    assert_eq!(rows[0]["detail"], json!({"reason": "call", "version": "1"}));

    let new = scene.ks.place.plant("provider_key", planted::key("openai"));
    scene.ks.provider.openai().accept(&new);
    let path = format!("/keys/{}/rotate", scene.key.id);
    scene.ks.manage("POST", &path, &json!({"key": new})).await;
    scene.client().send(scene.chat()).await.expect(200);
    let rows = openings().await;
    assert_eq!(rows.len(), 2, "{rows:#?}");
    assert_eq!(rows[1]["detail"]["version"], "2");
}

/// Denied to someone known; a stranger leaves no row, so that nobody can fill the disk.
async fn an_act_that_was_denied_is_on_the_log(store: Store) {
    let ks = Keystead::prepare(store).init().await;
    let auditor = auditor(&ks).await;
    ks.start_again().await;
    let scene = Scene::within(ks, "openai").await;
    let begun = log(&scene.ks).await.len();
    let ask = async |token: &str| {
        let ask = Ask::post(format!("/api/v1/keys/{}/disable", scene.key.id));
        scene
            .client()
            .send(ask.bearer(token).json(&json!({})))
            .await
    };
    for stranger in ["nobody", &scene.token, &scene.app.client_secret] {
        assert_eq!(ask(stranger).await.status, 401);
    }
    scene.client().send(scene.chat()).await.expect(200);
    let stolen = scene.addon.ask("GET", "/v1/models", "openai", "stolen");
    scene
        .client()
        .send(stolen)
        .await
        .refused(401, "unauthenticated");

    assert_eq!(ask(&auditor).await.status, 403);

    let rows = log(&scene.ks).await.split_off(begun);
    let actions: Vec<_> = rows.iter().map(|row| text(row, "action")).collect();
    assert_eq!(actions, ["key.opened", "access.denied"], "{rows:#?}");
    assert_eq!(rows[1]["outcome"], "denied");
    assert_eq!(rows[1]["object"], "keys.edit");
    assert_ne!(rows[1]["actor"], log(&scene.ks).await[begun - 1]["actor"]);
    scene.client().send(scene.chat()).await.expect(200);
}

/// The table of the log is taken away: nothing is changed and no key is opened until it is back.
async fn what_can_not_be_recorded_is_refused(store: Store) {
    let scene = Scene::on(store).await;
    let (ks, app, key) = (&scene.ks, &scene.app, &scene.key.id);
    for answer in [
        "The management API could not answer",
        "An OAuth endpoint could not answer",
        "The data store could not be asked",
    ] {
        ks.expects_errors(answer);
    }
    let before = state(ks).await;
    let asked = ks.provider.exchanges().len();
    let mut database = connect(&ks.store_url).await;
    run(
        &mut database,
        "ALTER TABLE audit_events RENAME TO audit_events_away",
    )
    .await;

    let new = ks.place.plant("provider_key", planted::key("openai"));
    ks.provider.openai().accept(&new);
    let entered = json!({"application_id": app.id, "provider": "openai", "name": "late",
        "key": new, "skip_check": true});
    let addon = json!({"application_id": app.id, "handle": "late", "type": "any", "key_id": key});
    let rotated = json!({"key": new, "skip_check": true});
    for (method, path, body) in [
        ("POST", "/applications".to_owned(), json!({"name": "Late"})),
        (
            "POST",
            format!("/applications/{}/disable", app.id),
            json!({}),
        ),
        (
            "POST",
            format!("/applications/{}/client-secrets", app.id),
            json!({}),
        ),
        ("POST", "/keys".to_owned(), entered),
        ("POST", format!("/keys/{key}/rotate"), rotated),
        ("POST", format!("/keys/{key}/disable"), json!({})),
        ("DELETE", format!("/keys/{key}"), Value::Null),
        ("POST", "/addons".to_owned(), addon),
        (
            "PATCH",
            format!("/addons/{}", scene.addon.id),
            json!({"models": ["m"]}),
        ),
        ("DELETE", format!("/addons/{}", scene.addon.id), Value::Null),
    ] {
        let reply = ks.api(method, &path, &body).await;
        let told = (reply.status, reply.json()["code"].clone());
        assert_eq!(
            told,
            (503, json!("unavailable")),
            "{method} {path}: {}",
            reply.text()
        );
    }
    let fields = [
        ("client_id", &*app.client_id),
        ("client_secret", &*app.client_secret),
        ("token", &*scene.token),
    ];
    let reply = scene
        .client()
        .send(Ask::post("/oauth/revoke").form(&fields))
        .await
        .expect(503);
    assert_eq!(reply.json()["error"], "temporarily_unavailable");
    // A cold key stays sealed, and so nothing goes out.
    let reply = scene.client().send(scene.chat()).await;
    assert_eq!(reply.header("retry-after"), Some("1"));
    reply.refused(503, "store_unavailable");
    assert_eq!(ks.provider.exchanges().len(), asked);

    run(
        &mut database,
        "ALTER TABLE audit_events_away RENAME TO audit_events",
    )
    .await;
    assert_eq!(
        state(ks).await,
        before,
        "something was changed all the same"
    );
    assert_eq!(verify(ks, 0).await["ok"], true);
    scene.client().send(scene.chat()).await.expect(200);
    assert_eq!(
        ks.provider.openai().last(CHAT).key(),
        Some(scene.key.secret.clone())
    );
}

/// The log as the API shows it.
async fn log(ks: &Keystead) -> Vec<Value> {
    let listed = ks.manage("GET", "/audit?limit=200", &Value::Null).await;
    assert_eq!(listed["has_more"], false);
    let rows = listed["data"].as_array().unwrap().clone();
    let ids: BTreeSet<_> = rows.iter().map(|row| text(row, "event_id")).collect();
    assert_eq!(ids.len(), rows.len());
    assert!(
        rows.is_sorted_by_key(|row| row["seq"].as_u64()),
        "{rows:#?}"
    );
    rows
}

/// Everything that the account can see of its objects.
async fn state(ks: &Keystead) -> Vec<Value> {
    let mut state = Vec::new();
    for list in ["/applications", "/keys", "/addons", "/audit?limit=200"] {
        state.push(ks.manage("GET", list, &Value::Null).await);
    }
    state
}

/// An API token of the account that may look at the log and do nothing else. On SQLite while no
/// server runs.
async fn auditor(ks: &Keystead) -> String {
    let url = ks.store_url.parse().unwrap();
    let store = keystead::store::Store::open(&url, Access::Write, Clock::system())
        .await
        .unwrap();
    let source = RootKeySource::File(ks.data_dir().join("root.key"));
    let custody = Custody::open(store, &source).await.unwrap();
    let (_, hash) = token_hash(&ks.api_token).unwrap();
    let own = custody
        .store()
        .api_caller(&hash)
        .await
        .unwrap()
        .unwrap()
        .token;
    let new = NewApiToken {
        organization: own.organization,
        account: own.account,
        name: "auditor".to_owned(),
        scopes: vec![ApiScope::Audit],
        expires_at: None,
    };
    let (_, token) = custody
        .store()
        .create_api_token(Actor::Operator, new)
        .await
        .unwrap();
    custody.store().close().await;
    ks.place.plant("api_token", token.expose())
}

async fn run(database: &mut AnyConnection, sql: &str) {
    database
        .execute(AssertSqlSafe(sql.to_owned()))
        .await
        .unwrap();
}

/// The last four characters, which the API shows and the log does not.
fn key_end(key: &str) -> String {
    key[key.len() - 4..].to_owned()
}
