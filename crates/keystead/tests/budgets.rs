//! Budgets stop where they were told to, under parallel load and whatever becomes of a call; and
//! anybody may ask what is left.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use crate::harness::provider::services::chat_whole;
use crate::harness::{Answer, Keystead, Reply, Scene, Step, Store, eventually, on_each_store};

on_each_store!(
    a_budget_for_ten_lets_ten_through,
    unknown_usage_is_settled_at_the_reservation,
    what_a_provider_says_beyond_reason_moves_nothing,
    a_user_has_a_budget_of_their_own,
    money_stops_at_the_cent,
    money_is_not_spent_where_nobody_can_count_it,
);

const CHAT: &str = "POST /v1/chat/completions";

/// A scene whose AddOn has these limits.
async fn limited(store: Store, limits: Value) -> Scene {
    let ks = Keystead::prepare(store)
        .set("limits.default.token", "\"500/s burst 1000\"")
        .set("limits.default.subject", "\"500/s burst 1000\"")
        .start()
        .await;
    Scene::furnished(ks, "openai", json!({}), json!({ "limits": limits })).await
}

/// What is left of the scene's budget, as `limits/check` tells it.
async fn budget(scene: &Scene) -> Value {
    let asked = json!({ "addon_id": scene.addon.id });
    let told = scene.ks.manage("POST", "/limits/check", &asked).await;
    let rules = told["rules"].as_array().unwrap();
    let found = rules.iter().find(|rule| rule["counts"] == "budget");
    found.unwrap_or_else(|| panic!("{told}")).clone()
}

/// Waits until no call holds anything of the budget, and gives what was used.
async fn used(scene: &Scene) -> String {
    let mut told = Value::Null;
    eventually("the books close", Duration::from_secs(5), async || {
        told = budget(scene).await;
        told["reserved"] == "0"
    })
    .await;
    told["used"].as_str().unwrap().to_owned()
}

/// As many calls at once as that, and their answers.
async fn at_once(scene: &Scene, count: usize) -> Vec<Reply> {
    let calls = (0..count).map(|_| {
        let (client, ask) = (scene.client(), scene.chat());
        tokio::spawn(async move { client.send(ask).await })
    });
    let mut replies = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        replies.push(call.await.unwrap());
    }
    replies
}

async fn a_budget_for_ten_lets_ten_through(store: Store) {
    let scene = limited(store, json!({"budgets": ["10 requests/day"]})).await;

    let replies = at_once(&scene, 200).await;

    let passed = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(passed, 10);
    assert_eq!(scene.ks.provider.openai().asked(CHAT).len(), 10);
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        assert_eq!(reply.status, 429, "{}", reply.text());
        let code = reply.header("x-keystead-error").unwrap();
        assert!(
            ["budget_exhausted", "budget_reserved"].contains(&code),
            "{code}"
        );
    }
    assert_eq!(used(&scene).await, "10");

    // The sentence names the rule, and the header says when: at midnight.
    let reply = scene.client().send(scene.chat()).await;
    assert_eq!(reply.header("x-should-retry"), Some("false"));
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=86_400).contains(&wait), "{wait}");
    assert!(reply.text().contains("10 requests/day"), "{}", reply.text());
    reply.refused(429, "budget_exhausted");
    let told = budget(&scene).await;
    assert_eq!(
        (&told["passes"], &told["left"]),
        (&json!(false), &json!("0"))
    );
    assert!(told["resets_at"].as_str().unwrap().ends_with("T00:00:00Z"));

    // More budget, and the next call passes.
    let more = json!({"limits": {"budgets": ["11 requests/day"]}});
    let path = format!("/addons/{}", scene.addon.id);
    scene.ks.manage("PATCH", &path, &more).await;
    scene.client().send(scene.chat()).await.expect(200);
    scene.client().send(scene.chat()).await.expect(429);
}

/// A provider that answers without saying what it used, and one that breaks off.
async fn unknown_usage_is_settled_at_the_reservation(store: Store) {
    let scene = limited(store, json!({"budgets": ["100000 tokens/day"]})).await;
    let openai = scene.ks.provider.openai();
    let mut body = scene.chat_body();
    body["max_tokens"] = json!(1_000);
    let ask = |body: &Value| scene.ask("POST", "/v1/chat/completions").json(body);
    let told = json!({"id": "x", "object": "chat.completion", "choices": []});
    openai.on(CHAT, Answer::json(&told));
    scene.client().send(ask(&body)).await.expect(200);
    let silent: u64 = used(&scene).await.parse().unwrap();
    assert!((1_001..2_000).contains(&silent), "{silent}");

    body["stream"] = json!(true);
    openai.on(CHAT, Answer::events(["data: 1\n\n"]).then(Step::Reset));
    drop(scene.client().try_send(ask(&body)).await);
    let broken: u64 = used(&scene).await.parse().unwrap();
    assert!(broken >= silent + 1_001, "{broken}");

    // What the provider refused, and what it never heard of, costs nothing.
    openai.on(CHAT, Answer::new(400));
    scene.client().send(ask(&body)).await.expect(400);
    openai.on(CHAT, Answer::new(429).header("retry-after-ms", "1"));
    scene.client().send(ask(&body)).await.expect(429);
    assert_eq!(used(&scene).await, broken.to_string());

    // The ledger says which of it is an estimate.
    let mut rows = Value::Null;
    eventually("all is in the ledger", Duration::from_secs(5), async || {
        rows = scene.ks.manage("GET", "/usage", &Value::Null).await["data"].take();
        rows.as_array()
            .is_some_and(|rows| sum(rows, "attempts") >= 6)
    })
    .await;
    let rows = rows.as_array().unwrap();
    assert_eq!(sum(rows, "estimated"), 2, "{rows:?}");
    assert_eq!(
        sum(rows, "input_tokens") + sum(rows, "output_tokens"),
        broken
    );
}

fn sum(rows: &[Value], name: &str) -> u64 {
    rows.iter().filter_map(|row| row[name].as_u64()).sum()
}

async fn what_a_provider_says_beyond_reason_moves_nothing(store: Store) {
    let scene = limited(store, json!({"budgets": ["1000000 tokens/day"]})).await;
    let openai = scene.ks.provider.openai();
    let mut body = scene.chat_body();
    body["max_tokens"] = json!(100);
    let mut before = 0;
    for usage in [
        json!({"prompt_tokens": -5_000_000, "completion_tokens": -1}),
        json!({"prompt_tokens": 900_000_000_000_u64, "completion_tokens": 1}),
        json!({"prompt_tokens": "many", "completion_tokens": null}),
        json!(null),
    ] {
        let answer = json!({"id": "x", "object": "chat.completion", "choices": [], "usage": usage});
        openai.on(CHAT, Answer::json(&answer));
        let ask = scene.ask("POST", "/v1/chat/completions").json(&body);
        scene.client().send(ask).await.expect(200);
        let after: u64 = used(&scene).await.parse().unwrap();
        let used = after - before;
        // The reservation: some input, and what was asked for of output.
        assert!((2..2_000).contains(&used), "{usage}: {used}");
        before = after;
    }
}

async fn a_user_has_a_budget_of_their_own(store: Store) {
    let each = json!({"each_subject": {"budgets": ["2 requests/month"]}});
    let scene = limited(store, each).await;
    for uid in [scene.ks.uid(), scene.ks.uid()] {
        for status in [200, 200, 429] {
            // A new token is no new budget.
            let token = scene.ks.token_for(&scene.app, &uid).await;
            let ask = scene
                .addon
                .ask("POST", "/v1/chat/completions", "openai", &token);
            let reply = scene.client().send(ask.json(&scene.chat_body())).await;
            assert_eq!(reply.status, status, "{}", reply.text());
        }
        let asked = json!({"addon_id": scene.addon.id, "uid": uid});
        let told = scene.ks.manage("POST", "/limits/check", &asked).await;
        assert_eq!(told["passes"], false, "{told}");
        assert_eq!(told["refused_by"]["scope"], "subject");
        assert_eq!(told["refused_by"]["set_by"], json!(scene.addon.id));
    }
}

/// gpt-6-luna takes 0.10 a million tokens of input and 0.50 of output.
async fn money_stops_at_the_cent(store: Store) {
    let scene = limited(store, json!({"budgets": ["0.01 USD/day"]})).await;
    let openai = scene.ks.provider.openai();
    openai.on_each(CHAT, |_| chat_whole(10_000, 2_000));
    let mut body = scene.chat_body();
    body["max_tokens"] = json!(2_000);
    let mut passed = 0;
    while passed < 20 {
        let ask = scene.ask("POST", "/v1/chat/completions").json(&body);
        let reply = scene.client().send(ask).await;
        match reply.status {
            200 => passed += 1,
            _ => {
                reply.refused(429, "budget_exhausted");
                break;
            }
        }
    }
    // Each cost 0.001 for input and 0.001 for output.
    assert_eq!(passed, 5);
    assert_eq!(used(&scene).await, "0.01");

    // A model without a price is not free: it counts at the provider's dearest.
    let more = json!({"limits": {"budgets": ["1 USD/day"]}});
    let path = format!("/addons/{}", scene.addon.id);
    scene.ks.manage("PATCH", &path, &more).await;
    body["model"] = json!("gpt-nobody-knows");
    let ask = scene.ask("POST", "/v1/chat/completions").json(&body);
    scene.client().send(ask).await.expect(200);
    let dear: f64 = used(&scene).await.parse().unwrap();
    assert!(dear > 0.05, "{dear}");
}

/// What no table prices, and what no answer reports, is refused by a budget in money.
async fn money_is_not_spent_where_nobody_can_count_it(store: Store) {
    let ks = Keystead::start(store).await;
    let app = ks.app().await;
    let token = ks.token(&app).await;
    let more = json!({"operations": "all", "limits": {"budgets": ["5 USD/day"]}});
    let mut addons = BTreeMap::new();
    for provider in ["openai", "azure-openai"] {
        let key = ks.key(&app, provider).await;
        let addon = ks.addon_with(&app, &key, provider, more.clone()).await;
        addons.insert(provider, addon);
    }
    let chat = "chat.completions";
    for (provider, operation, path, passes) in [
        ("openai", chat, "/v1/chat/completions", true),
        ("openai", "videos.create", "/v1/videos", false),
        ("azure-openai", chat, "/openai/v1/chat/completions", false),
    ] {
        let addon = &addons[provider];
        let body = json!({"model": "gpt-6-luna", "prompt": "x", "messages": [], "max_tokens": 9});
        let ask = addon.ask("POST", path, provider, &token).json(&body);
        let reply = ks.client().send(ask).await;
        if passes {
            reply.expect(200);
        } else {
            reply.refused(403, "price_unknown");
        }
        let asked = json!({"addon_id": addon.id, "operation": operation, "model": "gpt-6-luna"});
        let told = ks.manage("POST", "/limits/check", &asked).await;
        assert_eq!(told["passes"], passes, "{provider} {operation}: {told}");
    }
}
