//! The ledger says what the providers said: nothing more, nothing less, whatever became of a call.

mod questions;
mod refused;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::database::connect;
use crate::harness::provider::UNITS;
use crate::harness::provider::services::{chat_stream, chat_whole};
use crate::harness::setup::text;
use crate::harness::{
    AddOn, Answer, Keystead, Scene, Step, Store, eventually, on_each_store, planted,
};

on_each_store!(
    the_ledger_equals_what_the_providers_counted,
    what_is_fetched_again_counts_once,
    old_attempts_leave_the_ledger_of_a_running_server,
);

const CHAT: &str = "POST /v1/chat/completions";

/// All providers, whole and streamed, on one server.
async fn the_ledger_equals_what_the_providers_counted(store: Store) {
    let ks = Keystead::start(store).await;
    let app = ks.app().await;
    let token = ks.token(&app).await;
    let mut addons: BTreeMap<&str, AddOn> = BTreeMap::new();
    for provider in ["openai", "azure-openai", "anthropic", "deepl"] {
        let key = ks.key(&app, provider).await;
        addons.insert(provider, ks.addon(&app, &key, provider).await);
    }
    let message = json!([{"role": "user", "content": ks.prompt()}]);
    let chat = json!({"model": "gpt-6-luna", "messages": message});
    let claude = json!({"model": "claude-haiku-5-5", "max_tokens": 9, "messages": message});
    let answer = json!({"model": "gpt-6-luna", "input": "x"});
    let text = json!({"text": ["Zoë wrote", "two texts"], "target_lang": "DE"});
    let streamed = |body: &Value| {
        let mut body = body.clone();
        body["stream"] = json!(true);
        body
    };
    for round in 0..3 {
        for (provider, path, body) in [
            ("openai", "/v1/chat/completions", chat.clone()),
            ("openai", "/v1/chat/completions", streamed(&chat)),
            ("openai", "/v1/responses", answer.clone()),
            ("openai", "/v1/responses", streamed(&answer)),
            (
                "openai",
                "/v1/embeddings",
                json!({"model": "m", "input": "x"}),
            ),
            ("azure-openai", "/openai/v1/chat/completions", chat.clone()),
            (
                "azure-openai",
                "/openai/deployments/luna/chat/completions?api-version=2024-10-21",
                streamed(&chat),
            ),
            ("anthropic", "/v1/messages", claude.clone()),
            ("anthropic", "/v1/messages", streamed(&claude)),
            ("deepl", "/v2/translate", text.clone()),
        ] {
            let ask = addons[provider]
                .ask("POST", path, provider, &token)
                .json(&body);
            let reply = ks.client().send(ask).await;
            assert_eq!(
                reply.status,
                200,
                "round {round}, {provider} {path}: {}",
                reply.text()
            );
        }
    }
    let form = "text=form+of+a+text&target_lang=DE";
    let ask = addons["deepl"].ask("POST", "/v2/translate", "deepl", &token);
    let ask = ask.kind("application/x-www-form-urlencoded").body(form);
    ks.client().send(ask).await.expect(200);

    // That it adds up is looked at when the server ends; here, that there is something to add up.
    let reported = ks.provider.reported();
    let all = |place: usize| {
        reported
            .iter()
            .map(|answer| answer.units[place])
            .sum::<u64>()
    };
    let told: BTreeMap<_, _> = UNITS
        .iter()
        .enumerate()
        .map(|(n, unit)| (*unit, all(n)))
        .collect();
    let patience = Duration::from_secs(5);
    eventually(
        "the ledger equals the providers' own count",
        patience,
        async || {
            let rows = rows(&ks).await;
            let sum =
                |field: &str| -> u64 { rows.iter().filter_map(|row| row[field].as_u64()).sum() };
            told.iter().all(|(unit, amount)| sum(unit) == *amount)
        },
    )
    .await;
    for unit in [
        "input_tokens",
        "cached_tokens",
        "output_tokens",
        "reasoning_tokens",
        "characters",
    ] {
        assert!(told[unit] > 0, "{unit}: {told:?}");
    }
    let calls: u64 = rows(&ks)
        .await
        .iter()
        .filter_map(|row| row["attempts"].as_u64())
        .sum();
    assert_eq!(calls, 31);
}

/// A result that is fetched again reports its usage again; it was used once.
async fn what_is_fetched_again_counts_once(store: Store) {
    let ks = Keystead::start(store).await;
    let app = ks.app().await;
    let token = ks.token(&app).await;
    let allow = json!({"allow": ["store", "background"]});
    let mut addons: BTreeMap<&str, AddOn> = BTreeMap::new();
    for (provider, more) in [
        ("openai", allow),
        ("deepl", json!({})),
        ("azure-vision", json!({})),
    ] {
        let key = ks.key(&app, provider).await;
        addons.insert(provider, ks.addon_with(&app, &key, provider, more).await);
    }
    let call = async |provider: &str, method: &str, path: &str, body: Value| {
        let ask = addons[provider].ask(method, path, provider, &token);
        let ask = if method == "GET" {
            ask
        } else {
            ask.json(&body)
        };
        let reply = ks.client().send(ask).await;
        assert!(reply.status < 300, "{method} {path}: {}", reply.text());
        reply
    };
    let openai = ks.provider.openai();

    // The answer that made it reported its usage already.
    let asked = json!({"model": "m", "input": ks.prompt(), "store": true});
    let whole = call("openai", "POST", "/v1/responses", asked).await.json();
    let at = format!("/v1/responses/{}", text(&whole, "id"));
    openai.on(&format!("GET {at}"), Answer::json(&whole));
    for _ in 0..2 {
        call("openai", "GET", &at, Value::Null).await;
    }

    // What works in the background reports it once it is done.
    let mut later = whole.clone();
    later["id"] = json!(format!("resp_{}", planted::hex(24)));
    let mut queued = later.clone();
    (queued["status"], queued["usage"]) = (json!("queued"), Value::Null);
    let at = format!("/v1/responses/{}", text(&later, "id"));
    openai.once("POST /v1/responses", Answer::json(&queued));
    openai.once(&format!("GET {at}"), Answer::json(&queued));
    openai.on(&format!("GET {at}"), Answer::json(&later));
    let asked = json!({"model": "m", "input": ks.prompt(), "store": true, "background": true});
    call("openai", "POST", "/v1/responses", asked).await;
    for _ in 0..3 {
        call("openai", "GET", &at, Value::Null).await;
    }

    let document = json!({"document_id": planted::hex(32), "document_key": "k"});
    let at = format!("/v2/document/{}", text(&document, "document_id"));
    let deepl = ks.provider.service("deepl");
    deepl.on("POST /v2/document", Answer::json(&document));
    let status = json!({"status": "done", "billed_characters": 50_000});
    deepl.on(&format!("POST {at}"), Answer::json(&status));
    let form = "--edge\r\ncontent-disposition: form-data; name=\"target_lang\"\r\n\r\nDE\r\n--edge\r\n\
                content-disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nhi\r\n--edge--\r\n";
    let ask = addons["deepl"].ask("POST", "/v2/document", "deepl", &token);
    let ask = ask.kind("multipart/form-data; boundary=edge").body(form);
    ks.client().send(ask).await.expect(200);
    for _ in 0..3 {
        call("deepl", "POST", &at, json!({"document_key": "k"})).await;
    }

    let image = json!({"url": "https://images.example/a.png"});
    let started = call("azure-vision", "POST", "/vision/v3.2/read/analyze", image).await;
    let (_, id) = started
        .header("operation-location")
        .unwrap()
        .rsplit_once('/')
        .unwrap();
    let at = format!("/vision/v3.2/read/analyzeResults/{id}");
    for _ in 0..3 {
        call("azure-vision", "GET", &at, Value::Null).await;
    }

    let total = async |field: &str| -> u64 {
        let rows = rows(&ks).await;
        rows.iter().filter_map(|row| row[field].as_u64()).sum()
    };
    eventually(
        "all calls are in the ledger",
        Duration::from_secs(5),
        async || total("attempts").await == 15,
    )
    .await;
    for (field, used) in [
        ("input_tokens", 14),
        ("output_tokens", 10),
        ("characters", 50_000),
        ("transactions", 1),
    ] {
        assert_eq!(total(field).await, used, "{field}");
    }
}

/// Once it is told for how long they stay; `off` keeps them all.
async fn old_attempts_leave_the_ledger_of_a_running_server(store: Store) {
    for (kept, left) in [("7d", 0), ("off", 1)] {
        let prepared = Keystead::prepare(store).set("retention.usage", &format!("\"{kept}\""));
        let ks = prepared.init().await;
        let mut database = connect(&ks.store_url).await;
        let organization: String = sqlx::query_scalar("SELECT id FROM organizations")
            .fetch_one(&mut database)
            .await
            .unwrap();
        // Of 1970, and without an attempt.
        let insert = "INSERT INTO usage_pages VALUES ($1, $2, 0, 0, 0, $3)";
        sqlx::query(insert)
            .bind(vec![1; 32])
            .bind(organization)
            .bind(vec![2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
            .execute(&mut database)
            .await
            .unwrap();
        ks.start_again().await;

        let mut pages = async || -> i64 {
            sqlx::query_scalar("SELECT COUNT(*) FROM usage_pages")
                .fetch_one(&mut database)
                .await
                .unwrap()
        };
        tokio::time::sleep(Duration::from_millis(300)).await;
        let patience = Duration::from_secs(5);
        eventually(kept, patience, async || pages().await == left).await;
    }
}

/// Absurd and missing numbers are neither believed nor taken for zero: what was reserved counts in
/// their place.
#[tokio::test]
async fn what_a_provider_says_is_not_believed_blindly() {
    let scene = Scene::with("openai").await;
    let openai = scene.ks.provider.openai();
    let mut body = scene.chat_body();
    body["max_tokens"] = json!(100);
    for usage in [
        json!({"prompt_tokens": -5, "completion_tokens": 3}),
        json!({"prompt_tokens": 1e300, "completion_tokens": 3}),
        json!({"prompt_tokens": "many", "completion_tokens": 3}),
        json!({"prompt_tokens": {"a": [1]}, "completion_tokens": 3}),
        json!({"prompt_tokens": 18_446_744_073_709_551_615_u64, "completion_tokens": 3}),
        Value::Null,
    ] {
        openai.once(CHAT, Answer::json(&json!({"id": "x", "usage": usage})));
        let ask = scene.ask("POST", "/v1/chat/completions").json(&body);
        scene.client().send(ask).await.expect(200);
    }
    let (input, output) = sums(&scene, 6).await;
    assert_eq!(output, 5 * 3 + 100);
    // Six times what the request could be.
    assert!((6..3_000).contains(&input), "{input}");
}

/// Each attempt is a row; one that the provider refused settles at zero.
#[tokio::test]
async fn every_attempt_is_a_row() {
    let scene = Scene::with("openai").await;
    let openai = scene.ks.provider.openai();
    for _ in 0..2 {
        openai.once(CHAT, Answer::new(429).header("retry-after-ms", "1"));
    }
    openai.once(CHAT, chat_whole(100, 50));
    scene.client().send(scene.chat()).await.expect(200);

    assert_eq!(sums(&scene, 3).await, (100, 50));
}

/// A call that nobody waited for is a row as well.
#[tokio::test]
async fn a_call_that_the_client_left_is_a_row() {
    let scene = Scene::with("openai").await;
    let openai = scene.ks.provider.openai();
    openai.on(CHAT, chat_stream(&["begun"], None).then(Step::Silence));
    let mut body = scene.chat_body();
    body["stream"] = json!(true);
    body["max_completion_tokens"] = json!(70);
    let ask = scene.ask("POST", "/v1/chat/completions").json(&body);
    let mut live = scene.client().open(ask).await;
    live.until("begun").await;
    drop(live);

    // The provider has worked and will not say how much: what was reserved counts.
    let (input, output) = sums(&scene, 1).await;
    assert_eq!(output, 70);
    assert!((1..500).contains(&input), "{input}");
}

/// Rows name no person; the leak scan at the end of the run searches the database for the end
/// user's name, address and prompt.
#[tokio::test]
async fn a_row_is_about_nobody() {
    let scene = Scene::with("openai").await;
    let uid = scene.ks.uid();
    let token = scene.ks.token_for(&scene.app, &uid).await;
    let ask = scene
        .addon
        .ask("POST", "/v1/chat/completions", "openai", &token);
    scene
        .client()
        .send(ask.json(&scene.chat_body()))
        .await
        .expect(200);

    sums(&scene, 1).await;

    let shown = Value::from(rows(&scene.ks).await).to_string();
    for private in [&uid, &scene.ks.address.to_string(), "subject", "uid"] {
        assert!(!shown.contains(private), "{private} in {shown}");
    }
}

async fn rows(ks: &Keystead) -> Vec<Value> {
    let usage = ks
        .manage("GET", "/usage?days=2&limit=200", &Value::Null)
        .await;
    usage["data"].as_array().unwrap().clone()
}

/// Input and output tokens of the ledger, as soon as it holds this many attempts.
async fn sums(scene: &Scene, attempts: u64) -> (u64, u64) {
    let sum = |rows: &[Value], field: &str| -> u64 {
        rows.iter().filter_map(|row| row[field].as_u64()).sum()
    };
    let what = format!("{attempts} attempts in the ledger");
    eventually(&what, Duration::from_secs(5), async || {
        sum(&rows(&scene.ks).await, "attempts") == attempts
    })
    .await;
    let rows = rows(&scene.ks).await;
    (sum(&rows, "input_tokens"), sum(&rows, "output_tokens"))
}
