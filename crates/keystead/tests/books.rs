//! The books close, whatever becomes of the calls: thousands that end in every way there is leave
//! nothing reserved, and what the budgets say was used is what the ledger says.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::provider::{
    Exchange,
    services::{chat_stream, chat_whole},
};
use crate::harness::{Answer, Keystead, Scene, Step, Store, eventually, is_long, on_each_store};

on_each_store!(
    random_ends_leave_the_books_closed,
    a_kill_frees_what_was_reserved,
);

const CHAT: &str = "POST /v1/chat/completions";

/// Far above what these tests use.
const AMPLE: [&str; 3] = [
    "100000000 requests/day",
    "100000000000 tokens/month",
    "100000 USD/day",
];

async fn prepared(store: Store) -> Keystead {
    let mut prepared = Keystead::prepare(store)
        .set("upstream.first_byte_timeout", "\"1s\"")
        .set("upstream.idle_timeout", "\"1s\"");
    for scope in ["token", "subject", "addon", "application", "key", "address"] {
        let name = format!("limits.default.{scope}");
        prepared = prepared.set(&name, "\"100000/s burst 100000\"");
    }
    prepared.start().await
}

async fn with_budgets(ks: Keystead, budgets: &[&str]) -> Scene {
    let limits = json!({"limits": {"budgets": budgets}});
    Scene::furnished(ks, "openai", json!({}), limits).await
}

/// An answer by chance, as far as a text can be chance: each request has its own prompt.
fn by_chance(exchange: &Exchange) -> Answer {
    let asked = exchange.json();
    let text = asked["messages"][0]["content"].as_str().unwrap_or_default();
    let dice = text
        .bytes()
        .fold(7_u32, |sum, byte| sum.wrapping_mul(31) + u32::from(byte));
    let words = ["a", "b", "c"];
    match dice % 16 {
        0 => Answer::new(400),
        1 => Answer::new(500),
        2 => Answer::new(429).header("retry-after-ms", "1"),
        3 => Answer::new(200).first(Step::Reset),
        4 => chat_stream(&words, None).then(Step::Reset),
        5 => Answer::json(&json!({"id": "x", "usage": {"prompt_tokens": -1}})),
        6 => chat_stream(&words, Some((7, 3))).paced(&Step::Wait(Duration::from_millis(5))),
        7 if dice % 7 == 0 => chat_stream(&words, None).then(Step::Silence),
        8 => chat_stream(&words, None),
        _ if asked["stream"] == true => chat_stream(&words, Some((11, 5))),
        _ => chat_whole(20, 6),
    }
}

/// A call that its client ends by chance: mostly it waits for the end.
async fn call(scene: &Scene, number: usize) {
    let ask = if number.is_multiple_of(2) {
        scene.stream()
    } else {
        scene.chat()
    };
    let patience = Duration::from_millis(number as u64 * 7 % 40);
    let client = scene.client();
    match number % 5 {
        0 => {
            let gone = tokio::time::timeout(patience, client.try_send(ask));
            drop(gone.await);
        }
        1 => {
            if let Ok(mut live) = client.try_open(ask).await {
                drop(tokio::time::timeout(patience, live.try_next()).await);
            }
        }
        _ => drop(client.try_send(ask).await),
    }
}

async fn random_ends_leave_the_books_closed(store: Store) {
    let calls = if is_long() { 100_000 } else { 5_000 };
    let scene = Arc::new(with_budgets(prepared(store).await, &AMPLE).await);
    scene.ks.provider.openai().on_each(CHAT, by_chance);
    let callers = (0..32).map(|caller| {
        let scene = scene.clone();
        tokio::spawn(async move {
            for number in (caller..calls).step_by(32) {
                call(&scene, number).await;
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }

    let budgets = closed(&scene).await;
    assert_eq!(scene.ks.metric("keystead_calls_running"), 0.0);
    let used = |unit: &str| -> f64 {
        let found = budgets
            .iter()
            .find(|one| one["rule"].as_str().unwrap().contains(unit));
        found.unwrap()["used"].as_str().unwrap().parse().unwrap()
    };
    let rows = rows(&scene.ks).await;
    let sum = |name: &str| -> u64 { rows.iter().filter_map(|row| row[name].as_u64()).sum() };
    assert!(sum("attempts") > calls as u64 / 2, "{rows:?}");
    assert_eq!(
        used("tokens"),
        (sum("input_tokens") + sum("output_tokens")) as f64
    );
    assert_eq!(used("requests"), sum("requests") as f64);
    assert!(used("requests") > calls as f64 / 2.0 && used("USD") > 0.0);
}

/// Waits until nothing is reserved of any budget, and gives what is told of each.
async fn closed(scene: &Scene) -> Vec<Value> {
    let mut budgets = Vec::new();
    eventually("the books close", Duration::from_secs(20), async || {
        budgets = told(&scene.ks, &scene.addon.id).await;
        budgets.iter().all(|budget| budget["reserved"] == "0")
    })
    .await;
    budgets
}

/// What is told of an AddOn's budgets.
async fn told(ks: &Keystead, addon: &str) -> Vec<Value> {
    let told = ks
        .manage("POST", "/limits/check", &json!({ "addon_id": addon }))
        .await;
    let rules = told["rules"].as_array().unwrap();
    let budgets = rules.iter().filter(|rule| rule["counts"] == "budget");
    budgets.cloned().collect()
}

/// The ledger's sums, once they stand still.
async fn rows(ks: &Keystead) -> Vec<Value> {
    let mut last = Value::Null;
    eventually(
        "all is in the ledger",
        Duration::from_secs(10),
        async || {
            tokio::time::sleep(Duration::from_millis(600)).await;
            let rows = ks.manage("GET", "/usage", &Value::Null).await["data"].take();
            rows == std::mem::replace(&mut last, rows.clone())
        },
    )
    .await;
    last.as_array().unwrap().clone()
}

/// Two processes on one database, and as many calls on each as the budget has: together they let
/// through what it has, and all of it.
#[tokio::test]
async fn processes_share_a_budget() {
    let ks = prepared(Store::Postgres).await;
    let scene = Arc::new(with_budgets(ks, &["60 requests/day"]).await);
    let other = scene.ks.beside().await;
    let clients = [scene.client(), other.client()];
    let mut passed = 0;
    // What one of them leased and does not need comes back after some seconds.
    eventually("all of it is used", Duration::from_secs(45), async || {
        let calls = (0..60).map(|number| {
            let (client, ask) = (clients[number % 2].clone(), scene.chat());
            tokio::spawn(async move { client.send(ask).await.status })
        });
        for call in calls.collect::<Vec<_>>() {
            passed += usize::from(call.await.unwrap() == 200);
        }
        assert!(passed <= 60, "{passed}");
        passed == 60
    })
    .await;
    assert_eq!(scene.ks.provider.openai().asked(CHAT).len(), 60);
    assert_eq!(closed(&scene).await[0]["used"], "60");
}

/// Killed with half of a budget reserved. What was in the ledger counts, what was reserved is free:
/// at once where there is one process, within a minute where there may be others.
async fn a_kill_frees_what_was_reserved(store: Store) {
    let scene = with_budgets(prepared(store).await, &["20 requests/day"]).await;
    let openai = scene.ks.provider.openai();
    for _ in 0..4 {
        scene.client().send(scene.chat()).await.expect(200);
    }
    assert_eq!(rows(&scene.ks).await.len(), 1);
    openai.on(
        CHAT,
        chat_stream(&["held"], None).paced(&Step::Wait(Duration::from_millis(500))),
    );
    let mut held = Vec::new();
    for _ in 0..10 {
        let mut live = scene.client().open(scene.stream()).await;
        live.until("held").await;
        held.push(live);
    }
    assert_eq!(told(&scene.ks, &scene.addon.id).await[0]["reserved"], "10");

    scene.ks.kill();
    drop(held);
    scene.ks.start_again().await;

    openai.on(CHAT, chat_whole(1, 1));
    let mut passed = pass(&scene).await;
    if store == Store::Postgres {
        // The lease of the killed process still stands, and is told apart from use.
        assert!(passed <= 6, "{passed}");
        let refused = scene.client().send(scene.chat()).await;
        refused.refused(429, "budget_reserved");
        if !is_long() {
            // A minute is long; `store::leases` moves the clock instead.
            return;
        }
    }
    eventually("the rest is free", Duration::from_secs(75), async || {
        passed += pass(&scene).await;
        passed >= 16
    })
    .await;
    assert_eq!(passed, 16, "twenty, less the four that were booked");
}

/// Calls until one is refused, and tells how many passed.
async fn pass(scene: &Scene) -> usize {
    let mut passed = 0;
    while scene.client().send(scene.chat()).await.status == 200 {
        passed += 1;
    }
    passed
}
