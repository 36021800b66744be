//! The store goes away while calls run: what is remembered goes on for as long as it may be relied
//! on, all else is refused by name, nothing that was used is lost from the books, and when the
//! store is back so is everything, in the same process.

mod writing;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _};

use crate::harness::database::connect;
use crate::harness::provider::services::chat_stream;
use crate::harness::server::get;
use crate::harness::{
    AddOn, Ask, Hold, Keystead, Line, Relay, Reply, Scene, Step, Store, eventually, within,
};

const CHAT: &str = "POST /v1/chat/completions";

/// How long a process on PostgreSQL goes on without hearing of changes; short, for the tests' sake.
const STALENESS: Duration = Duration::from_secs(3);

/// A little more than the half second between two questions for changes.
const POLL: Duration = Duration::from_millis(700);

/// Longer than a call waits for the store (5 s).
const REFUSED: Duration = Duration::from_secs(8);

/// Longer than it takes to find back.
const BACK: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn warm_calls_go_on_until_they_could_rest_on_what_was_revoked() {
    for line in [Line::Cut, Line::Frozen] {
        let (scene, relay) = scene().await;
        warm(&scene).await;
        let pid = scene.ks.pid();
        let away = Instant::now();
        relay.set(line);

        // Sampled in between: every call before the bound is served, every one behind it refused.
        let (mut served, mut refused) = (1, 0);
        while refused < 5 {
            let asked = Instant::now();
            let reply = scene.client().send(scene.chat()).await;
            match reply.status {
                200 => {
                    assert!(
                        asked - away < STALENESS + POLL,
                        "{line:?}: served for too long"
                    );
                    assert_eq!(refused, 0, "{line:?}: served again while the store is away");
                    served += 1;
                }
                _ => {
                    assert!(asked.elapsed() < POLL, "{line:?}: a refusal took long");
                    unavailable(reply);
                    assert!(
                        away.elapsed() > STALENESS - POLL,
                        "{line:?}: refused too early"
                    );
                    refused += 1;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(served > 20, "{line:?}: {served} calls were served");
        let ready = get(scene.ks.management(), "/readyz").unwrap();
        assert!(ready.contains(" 503 "), "{line:?}: {ready}");
        let healthy = get(scene.ks.management(), "/healthz").unwrap();
        assert!(healthy.contains(" 200 "), "{line:?}: {healthy}");

        relay.set(Line::Open);

        works_again(&scene).await;
        assert_eq!(scene.ks.pid(), pid);
        counted(&scene, served + 1).await;
    }
}

/// What a page needs is remembered as well, and what changes elsewhere does not make it forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn warm_calls_of_pages_go_on_as_well() {
    const PAGE: &str = "https://shop.example";
    let (scene, relay) = scene_that_lasts().await;
    let path = format!("/applications/{}", scene.app.id);
    let origins = json!({"origins": [PAGE]});
    scene.ks.manage("PATCH", &path, &origins).await;
    tokio::time::sleep(POLL * 2).await;
    let ask = || scene.chat().header("origin", PAGE);
    scene.client().send(ask()).await.expect(200);
    scene.ks.app().await;
    tokio::time::sleep(POLL * 2).await;

    relay.set(Line::Cut);

    let reply = scene.client().send(ask()).await.expect(200);
    assert_eq!(reply.header("access-control-allow-origin"), Some(PAGE));
    relay.set(Line::Open);
    works_again(&scene).await;
    // Its own change it hears of.
    let none = json!({"origins": []});
    scene.ks.manage("PATCH", &path, &none).await;
    scene
        .client()
        .send(ask())
        .await
        .refused(403, "origin_not_allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_remembered_at_each_of_its_addons() {
    let (scene, relay) = scene_that_lasts().await;
    let other = scene.ks.addon(&scene.app, &scene.key, "other").await;
    tokio::time::sleep(POLL * 2).await;
    let ask = |addon: &AddOn| {
        let chat = addon.ask("POST", "/v1/chat/completions", "openai", &scene.token);
        chat.json(&scene.chat_body())
    };
    for addon in [&scene.addon, &other] {
        scene.client().send(ask(addon)).await.expect(200);
    }

    relay.set(Line::Cut);

    for addon in [&scene.addon, &other, &scene.addon, &other] {
        scene.client().send(ask(addon)).await.expect(200);
    }
    relay.set(Line::Open);
    works_again(&scene).await;
    // What ends one of them leaves the other.
    let disable = format!("/addons/{}/disable", other.id);
    scene.ks.manage("POST", &disable, &json!({})).await;
    let refused = scene.client().send(ask(&other)).await;
    refused.refused(403, "addon_disabled");
    scene.client().send(ask(&scene.addon)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_remembered_is_refused_by_name() {
    for line in [Line::Cut, Line::Frozen] {
        let (scene, relay) = scene_that_lasts().await;
        let ks = &scene.ks;
        // A token that was never seen, and a key that was never opened.
        let cold_token = ks.token(&scene.app).await;
        let cold_key = ks.key(&scene.app, "openai").await;
        let other = ks.addon(&scene.app, &cold_key, "other").await;
        let models = other.ask("GET", "/v1/models", "openai", &scene.token);
        let path = format!("/keys/{}/disable", cold_key.id);
        ks.manage("POST", &path, &json!({})).await;
        scene
            .client()
            .send(models)
            .await
            .refused(403, "key_disabled");
        let path = format!("/keys/{}/enable", cold_key.id);
        ks.manage("POST", &path, &json!({})).await;
        warm(&scene).await;
        let asked = ks.provider.exchanges().len();
        relay.set(line);

        let body = scene.chat_body();
        let cold = [
            scene
                .addon
                .ask("POST", "/v1/chat/completions", "openai", &cold_token)
                .json(&body),
            other
                .ask("POST", "/v1/chat/completions", "openai", &scene.token)
                .json(&body),
            scene
                .addon
                .ask("POST", "/v1/chat/completions", "openai", "unknown")
                .json(&body),
        ];
        let client = scene.client();
        let cold = cold.map(|ask| within(REFUSED, "a cold call", client.send(ask)));
        let [a, b, c] = cold;
        let manage = within(REFUSED, "the API", ks.api("GET", "/keys", &Value::Null));
        let mint = within(REFUSED, "a token", ks.mint(&scene.app, &[("uid", "u")]));
        let (a, b, c, managed, minted) = tokio::join!(a, b, c, manage, mint);

        for reply in [a, b] {
            unavailable(reply);
        }
        // No token at all: that much is known without asking.
        assert!(matches!(c.status, 401 | 503), "{}", c.text());
        assert_eq!(managed.json()["code"], "unavailable", "{}", managed.text());
        assert_eq!((managed.status, minted.status), (503, 503));
        assert_eq!(managed.header("retry-after"), Some("1"));
        assert_eq!(minted.json()["error"], "temporarily_unavailable");
        assert_eq!(minted.header("retry-after"), Some("1"));
        assert_eq!(ks.provider.exchanges().len(), asked, "something went out");
        // Meanwhile what is remembered goes on.
        scene.client().send(scene.chat()).await.expect(200);

        relay.set(Line::Open);

        works_again(&scene).await;
        let token = ks.token(&scene.app).await;
        for addon in [&scene.addon, &other] {
            for token in [&token, &cold_token] {
                let ask = addon.ask("GET", "/v1/models", "openai", token);
                scene.client().send(ask).await.expect(200);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_without_the_store() {
    let (scene, relay) = scene().await;
    let hold = Hold::new();
    let words = ["begun", "midway", "ended"];
    let stream = chat_stream(&words, None).paced(&Step::Hold(hold.clone()));
    scene.ks.provider.openai().on(CHAT, stream);
    let mut live = scene.client().open(scene.stream()).await;
    live.until("begun").await;

    relay.set(Line::Cut);
    tokio::time::sleep(STALENESS + POLL).await;
    unavailable(scene.client().send(scene.chat()).await);
    hold.release();
    live.until("midway").await;
    hold.release_all();
    live.until("data: [DONE]\n\n").await;

    relay.set(Line::Open);
    works_again(&scene).await;
    // The stream, and the call that worked again.
    counted(&scene, 2).await;
}

/// A revocation that was made while this process could not hear of it holds as soon as it can.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_revoked_meanwhile_is_refused_at_once() {
    let (scene, relay) = scene().await;
    let other = scene.ks.beside().await;
    other.client().send(scene.chat()).await.expect(200);
    scene.client().send(scene.chat()).await.expect(200);
    relay.set(Line::Cut);

    // The other process has a line of its own.
    let fields = [
        ("client_id", &*scene.app.client_id),
        ("client_secret", &*scene.app.client_secret),
        ("token", &*scene.token),
    ];
    let revoke = Ask::post("/oauth/revoke").form(&fields);
    other.client().send(revoke).await.expect(200);
    tokio::time::sleep(STALENESS + POLL).await;
    unavailable(scene.client().send(scene.chat()).await);
    relay.set(Line::Open);

    let began = Instant::now();
    loop {
        let reply = scene.client().send(scene.chat()).await;
        match reply.status {
            401 => break,
            _ => unavailable(reply),
        }
        assert!(began.elapsed() < BACK, "it is not back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The database moves: its old connections stay silent for ever, new ones work.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_moved_is_found_again() {
    let (scene, relay) = scene().await;
    warm(&scene).await;
    // As many connections as there may be, and all of them will be dead.
    let ask = || scene.ks.manage("GET", "/usage", &Value::Null);
    tokio::join!(
        ask(),
        ask(),
        ask(),
        ask(),
        ask(),
        ask(),
        ask(),
        ask(),
        ask(),
        ask(),
        ask(),
        ask(),
        ask(),
        ask(),
        ask(),
        ask(),
    );

    relay.set(Line::Moved);
    tokio::time::sleep(STALENESS).await;
    works_again(&scene).await;
    let token = scene.ks.token(&scene.app).await;
    let ask = scene.addon.ask("GET", "/v1/models", "openai", &token);
    scene.client().send(ask).await.expect(200);
    counted(&scene, 3).await;
}

/// SQLite's file held by somebody else: reading goes on, and what must be written waits or is
/// refused.
#[tokio::test]
async fn a_locked_sqlite_file_stops_what_must_be_written_and_nothing_else() {
    let scene = Scene::on(Store::Sqlite).await;
    expects_outage(&scene.ks);
    let (ks, pid) = (&scene.ks, scene.ks.pid());
    let cold = ks.key(&scene.app, "openai").await;
    let other = ks.addon(&scene.app, &cold, "other").await;
    let token = ks.token(&scene.app).await;
    scene.client().send(scene.chat()).await.expect(200);
    let asked = ks.provider.exchanges().len();
    let mut database = connect(&ks.store_url).await;
    database.execute("BEGIN IMMEDIATE").await.unwrap();
    let locked = Instant::now();

    // What is remembered, and what need only be read.
    scene.client().send(scene.chat()).await.expect(200);
    let unseen = scene.addon.ask("GET", "/v1/models", "openai", &token);
    scene.client().send(unseen).await.expect(200);
    ks.manage("GET", "/keys", &Value::Null).await;
    // A key that is not open would have to be opened on the record.
    let ask = other.ask("GET", "/v1/models", "openai", &scene.token);
    let client = scene.client();
    let cold = within(REFUSED, "a cold key", client.send(ask));
    let minted = within(REFUSED * 2, "a token", ks.mint(&scene.app, &[("uid", "u")]));
    let path = format!("/addons/{}/disable", other.id);
    let body = json!({});
    let changed = within(REFUSED * 2, "a change", ks.api("POST", &path, &body));
    let (cold, minted, changed) = tokio::join!(cold, minted, changed);
    unavailable(cold);
    assert_eq!(
        minted.json()["error"],
        "temporarily_unavailable",
        "{}",
        minted.text()
    );
    assert_eq!(
        (changed.status, &changed.json()["code"]),
        (503, &json!("unavailable"))
    );
    while locked.elapsed() < Duration::from_secs(6) {
        scene.client().send(scene.chat()).await.expect(200);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let served = ks.provider.exchanges().len() - asked;
    database.execute("ROLLBACK").await.unwrap();

    let ask = || other.ask("GET", "/v1/models", "openai", &scene.token);
    eventually("the cold key opens", BACK, async || {
        scene.client().send(ask()).await.status == 200
    })
    .await;
    assert_eq!(ks.pid(), pid);
    counted(&scene, served as u64 + 2).await;
    let addon = ks
        .manage("GET", &format!("/addons/{}", other.id), &Value::Null)
        .await;
    assert_eq!(addon["disabled"], false, "a refused change was made");
    database.close().await.unwrap();
}

/// A server that starts while its store is away says so and ends; it does not wait in silence.
#[tokio::test(flavor = "multi_thread")]
async fn without_its_store_the_server_does_not_start() {
    let (scene, relay) = scene().await;
    scene.ks.kill();
    relay.set(Line::Cut);

    let said = within(
        REFUSED,
        "the start",
        scene.ks.local_command(&["serve", "--json"]).run(),
    );
    let failure = said.await.failure(1);

    assert_eq!(failure["code"], "store", "{failure}");
    relay.set(Line::Open);
    scene.ks.start_again().await;
    scene.client().send(scene.chat()).await.expect(200);
}

/// A scene whose line to PostgreSQL can be cut.
async fn scene() -> (Scene, Relay) {
    scene_with(STALENESS).await
}

/// As [`scene`], with all the time in the world before calls are refused.
async fn scene_that_lasts() -> (Scene, Relay) {
    scene_with(Duration::from_secs(60)).await
}

async fn scene_with(staleness: Duration) -> (Scene, Relay) {
    let relay = Relay::to_postgres();
    let ks = Keystead::prepare(Store::Postgres)
        .behind(&relay)
        .set(
            "store.max_staleness",
            &format!("\"{}s\"", staleness.as_secs()),
        )
        .start()
        .await;
    expects_outage(&ks);
    (Scene::within(ks, "openai").await, relay)
}

/// A call whose session and key are remembered from now on. A process hears of its own changes once
/// more when it asks for those of others, and forgets what they touch.
async fn warm(scene: &Scene) {
    tokio::time::sleep(POLL * 2).await;
    scene.client().send(scene.chat()).await.expect(200);
}

fn expects_outage(ks: &Keystead) {
    for answer in [
        "The management API could not answer",
        "An OAuth endpoint could not answer",
        "The data store could not be asked",
    ] {
        ks.expects_errors(answer);
    }
}

/// The refusal of a call that the store would have to be asked for.
fn unavailable(reply: Reply) {
    assert_eq!(reply.header("retry-after"), Some("1"), "{}", reply.text());
    assert_eq!(reply.header("x-should-retry"), None, "an SDK may try again");
    let error = &reply.json()["error"];
    assert!(error["message"].is_string(), "{}", reply.text());
    reply.refused(503, "store_unavailable");
}

async fn works_again(scene: &Scene) {
    eventually("calls work again", BACK, async || {
        scene.client().send(scene.chat()).await.status == 200
    })
    .await;
    eventually("the server is ready again", BACK, async || {
        get(scene.ks.management(), "/readyz").is_some_and(|answer| answer.contains(" 200 "))
    })
    .await;
}

/// Waits until the ledger holds this many attempts, and sees that it holds no more.
async fn counted(scene: &Scene, attempts: u64) {
    let path = "/usage?days=2&limit=200";
    let count = async || -> u64 {
        let reply = scene.ks.api("GET", path, &Value::Null).await;
        let rows = reply.json()["data"].as_array().cloned().unwrap_or_default();
        rows.iter().filter_map(|row| row["attempts"].as_u64()).sum()
    };
    let what = format!("{attempts} attempts in the ledger");
    eventually(&what, BACK, async || count().await >= attempts).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(count().await, attempts);
}
