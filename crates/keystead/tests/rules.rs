//! Rules of one object: they hold for the next call, where they were set and nowhere else, and can
//! be set and asked by command.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::provider::services::{chat_stream, chat_whole};
use crate::harness::{Scene, Step, eventually, planted};

const CHAT: &str = "POST /v1/chat/completions";

/// Sets the rules of one of a scene's objects.
async fn limit(scene: &Scene, object: &str, limits: Value) {
    let path = match object {
        "organization" => "/organization".to_owned(),
        "application" => format!("/applications/{}", scene.app.id),
        "addon" => format!("/addons/{}", scene.addon.id),
        "key" => format!("/keys/{}", scene.key.id),
        other => panic!("no object is called {other}"),
    };
    let body = json!({ "limits": limits });
    let made = scene.ks.manage("PATCH", &path, &body).await;
    assert_eq!(made["limits"], limits, "{made}");
}

async fn statuses(scene: &Scene, count: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        statuses.push(scene.client().send(scene.chat()).await.status);
    }
    statuses
}

#[tokio::test]
async fn each_object_has_a_rate_of_its_own() {
    let scene = Scene::with("openai").await;
    let object_words = [
        ("organization", "organization"),
        ("application", "application"),
        ("addon", "AddOn"),
        ("key", "provider key"),
    ];
    for (object, phrase) in object_words {
        limit(&scene, object, json!({"requests": "2/h"})).await;
        assert_eq!(statuses(&scene, 3).await, [200, 200, 429], "{object}");
        let refused = scene.client().send(scene.chat()).await;
        let said = refused.text();
        assert!(said.contains(phrase) && said.contains("2/h"), "{said}");
        refused.refused(429, "rate_limited");

        // Wider again, the burst that was used is remembered; none, and the default holds.
        limit(&scene, object, json!({"requests": "2/h burst 4"})).await;
        assert_eq!(statuses(&scene, 3).await, [200, 200, 429], "{object}");
        limit(&scene, object, json!({})).await;
        assert_eq!(statuses(&scene, 2).await, [200, 200], "{object}");
    }
}

#[tokio::test]
async fn end_users_and_addresses_are_counted_apart() {
    let scene = Scene::with("openai").await;
    limit(
        &scene,
        "addon",
        json!({"each_subject": {"requests": "1/h"}}),
    )
    .await;
    assert_eq!(statuses(&scene, 2).await, [200, 429]);
    let other = scene.ks.token(&scene.app).await;
    let ask = |token: &str| {
        let ask = scene
            .addon
            .ask("POST", "/v1/chat/completions", "openai", token);
        ask.json(&scene.chat_body())
    };
    scene.client().send(ask(&other)).await.expect(200);

    limit(
        &scene,
        "addon",
        json!({"each_address": {"requests": "1/h", "concurrency": 3}}),
    )
    .await;
    let mut elsewhere = scene.client();
    elsewhere.from = planted::address();
    for client in [scene.client(), elsewhere] {
        client.send(scene.chat()).await.expect(200);
        let refused = client.send(scene.chat()).await;
        assert!(
            refused.text().contains("client address"),
            "{}",
            refused.text()
        );
        refused.refused(429, "rate_limited");
    }

    // In another AddOn of the same application none of it counts.
    let second = scene.ks.addon(&scene.app, &scene.key, "second").await;
    let ask = second.ask("POST", "/v1/chat/completions", "openai", &scene.token);
    scene
        .client()
        .send(ask.json(&scene.chat_body()))
        .await
        .expect(200);
}

#[tokio::test]
async fn running_calls_are_limited_wherever_it_says_so() {
    let scene = Scene::with("openai").await;
    let openai = scene.ks.provider.openai();
    for (object, limits) in [
        ("organization", json!({"concurrency": 1})),
        ("application", json!({"concurrency": 1})),
        ("addon", json!({"concurrency": 1})),
        ("key", json!({"concurrency": 1})),
        ("application", json!({"each_subject": {"concurrency": 1}})),
        ("addon", json!({"each_address": {"concurrency": 1}})),
    ] {
        limit(&scene, object, limits.clone()).await;
        openai.on(CHAT, chat_stream(&["held"], None).then(Step::Silence));
        let mut held = scene.client().open(scene.stream()).await;
        held.until("held").await;
        let refused = scene.client().send(scene.chat()).await;
        refused.refused(429, "concurrency_full");
        drop(held);
        openai.on(CHAT, chat_whole(1, 1));
        eventually(
            "the permit comes back",
            Duration::from_secs(2),
            async || scene.client().send(scene.chat()).await.status == 200,
        )
        .await;
        limit(&scene, object, json!({})).await;
    }
}

/// A call is charged what it may use, and what it did not use is there again when it has ended.
#[tokio::test]
async fn tokens_a_minute_are_settled() {
    let scene = Scene::with("openai").await;
    let openai = scene.ks.provider.openai();
    limit(&scene, "key", json!({"tokens_per_minute": 2_000})).await;
    let ask = || {
        let mut body = scene.chat_body();
        body["max_tokens"] = json!(1_500);
        scene.ask("POST", "/v1/chat/completions").json(&body)
    };
    openai.on(CHAT, chat_whole(50, 50));
    for _ in 0..4 {
        scene.client().send(ask()).await.expect(200);
    }
    openai.on(CHAT, chat_whole(50, 1_400));
    scene.client().send(ask()).await.expect(200);
    let refused = scene.client().send(ask()).await;
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((20..=60).contains(&wait), "{wait}");
    assert!(
        refused.text().contains("2000 tokens a minute"),
        "{}",
        refused.text()
    );
    refused.refused(429, "rate_limited");
}

#[tokio::test]
async fn rules_are_set_shown_and_asked_by_command() {
    let scene = Scene::with("openai").await;
    let id = scene.addon.id.as_str();
    let run = async |arguments: &[&str]| {
        let arguments = [&["limits"], arguments, &["--json"]].concat();
        scene.ks.command(&arguments).run().await.json()
    };
    let set = run(&[
        "set",
        id,
        "5/s burst 9",
        "10 USD/month",
        "--each-subject",
        "2/h",
    ])
    .await;
    let limits = json!({"requests": "5/s burst 9", "budgets": ["10 USD/month"],
        "each_subject": {"requests": "2/h"}});
    assert_eq!(set["limits"], limits);
    assert_eq!(run(&["show", id]).await, set);

    let check = [
        "check",
        "--addon",
        id,
        "--uid",
        "someone",
        "--model",
        "gpt-6-luna",
    ];
    let told = run(&[&check[..], &["--max-output-tokens", "1000"]].concat()).await;
    assert_eq!(
        (&told["passes"], &told["refused_by"]),
        (&json!(true), &Value::Null)
    );
    let rules = told["rules"].as_array().unwrap();
    let shown: Vec<_> = rules
        .iter()
        .map(|rule| {
            let word = |name: &str| rule[name].as_str().unwrap_or("-").to_owned();
            let by = match word("set_by") {
                by if by == id => "AddOn".to_owned(),
                by => by,
            };
            format!("{} {} by {by}", word("scope"), word("rule"))
        })
        .collect();
    assert_eq!(
        shown,
        [
            "token 50/s burst 100 by default",
            "application 500/s burst 1000 by default",
            "subject 50/s burst 100 by default",
            "address 500/s burst 1000 by default",
            "addon 5/s burst 9 by AddOn",
            "addon 10 USD/month by AddOn",
            "subject 2/h by AddOn",
            "key 500/s burst 1000 by default",
            "key 200 running by default",
        ]
    );
    let budget = &rules[5];
    assert_eq!(
        (&budget["left"], &budget["used"]),
        (&json!("10"), &json!("0"))
    );

    let said = scene
        .ks
        .command(&["limits", "check", "--addon", id])
        .run()
        .await;
    assert!(said.expect(0).stdout.contains("It would pass."));
    let wrong = ["limits", "set", id, "5 EUR/month", "--json"];
    let refused = scene.ks.command(&wrong).run().await.failure(1);
    assert_eq!(refused["code"], "invalid");
    let nothing = ["limits", "set", id, "--json"];
    scene.ks.command(&nothing).run().await.failure(2);
    assert_eq!(run(&["set", id, "--none"]).await["limits"], json!({}));
}
