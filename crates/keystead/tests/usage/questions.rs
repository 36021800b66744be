//! What was used is told by day and hour, by whoever used it, by API and command line.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Executor as _;

use crate::harness::database::connect;
use crate::harness::provider::services::chat_whole;
use crate::harness::setup::text;
use crate::harness::{
    AddOn, Answer, Ask, Keystead, Scene, Store, eventually, on_each_store, planted,
};

on_each_store!(
    what_was_used_is_told_by_each_filter,
    an_end_user_is_asked_about_by_name,
    the_command_line_tells_usage_to_people_and_programs,
    the_sums_are_made_anew_by_command,
);

const CHAT: &str = "POST /v1/chat/completions";
const PATIENCE: Duration = Duration::from_secs(5);

/// Two AddOns of two keys: five calls of one, three of the other, one of which fails.
struct Two {
    scene: Scene,
    other: AddOn,
    other_key: String,
}

async fn two(store: Store) -> Two {
    let scene = Scene::within(Keystead::start(store).await, "openai").await;
    let key = scene.ks.key(&scene.app, "openai").await;
    let other = scene.ks.addon(&scene.app, &key, "other").await;
    let openai = scene.ks.provider.openai();
    for _ in 0..5 {
        scene.client().send(scene.chat()).await.expect(200);
    }
    for status in [200, 200, 500] {
        if status == 500 {
            openai.once(CHAT, Answer::new(500));
        }
        let mut body = scene.chat_body();
        body["model"] = json!("gpt-6-moon");
        let ask = other.ask("POST", "/v1/chat/completions", "openai", &scene.token);
        scene.client().send(ask.json(&body)).await.expect(status);
    }
    let two = Two {
        scene,
        other,
        other_key: key.id,
    };
    eventually("all calls are in the ledger", PATIENCE, async || {
        total(&two.ask("").await, "attempts") == 8
    })
    .await;
    two
}

impl Two {
    async fn ask(&self, filter: &str) -> Vec<Value> {
        let path = format!("/usage?limit=200&days=2{filter}");
        let list = self.scene.ks.manage("GET", &path, &Value::Null).await;
        list["data"].as_array().unwrap().clone()
    }

    async fn of_subject(&self, body: Value) -> Vec<Value> {
        let ks = &self.scene.ks;
        let list = ks.manage("POST", "/usage/subject", &body).await;
        list["data"].as_array().unwrap().clone()
    }
}

fn total(rows: &[Value], field: &str) -> u64 {
    rows.iter().filter_map(|row| row[field].as_u64()).sum()
}

async fn what_was_used_is_told_by_each_filter(store: Store) {
    let two = two(store).await;
    let (scene, other) = (&two.scene, &two.other);
    let foreign = "app_00000000000070008000000000000000";
    for (filter, attempts) in [
        ("", 8),
        ("&by=day", 8),
        ("&by=hour", 8),
        (&*format!("&application_id={}", scene.app.id), 8),
        (&format!("&application_id={foreign}"), 0),
        (&format!("&addon_id={}", scene.addon.id), 5),
        (&format!("&addon_id={}", other.id), 3),
        (&format!("&key_id={}", scene.key.id), 5),
        (&format!("&key_id={}&by=hour", two.other_key), 3),
        ("&model=gpt-6-luna", 5),
        ("&model=gpt-6-moon", 3),
        ("&model=gpt-6", 0),
        ("&provider=openai", 8),
        ("&provider=deepl", 0),
        (&format!("&addon_id={}&model=gpt-6-luna", other.id), 0),
    ] {
        let rows = two.ask(filter).await;
        assert_eq!(total(&rows, "attempts"), attempts, "{filter}");
        let time = if filter.contains("hour") {
            "hour"
        } else {
            "day"
        };
        assert!(rows.iter().all(|row| row[time].is_string()), "{rows:?}");
    }
    let rows = two.ask(&format!("&addon_id={}", other.id)).await;
    for (field, sum) in [
        ("requests", 3),
        ("failed", 1),
        ("input_tokens", 18),
        ("output_tokens", 8),
        ("seconds", 0),
        ("reasoning_tokens", 0),
    ] {
        assert_eq!(total(&rows, field), sum, "{field}: {rows:?}");
    }
    for money in ["cost_usd", "unpriced_usd"] {
        let dollars = text(&rows[0], money);
        let (whole, part) = dollars.split_once('.').unwrap();
        assert!(whole.parse::<u64>().is_ok() && part.len() == 6, "{dollars}");
    }

    for (filter, status) in [
        ("days=0", 422),
        ("days=367", 422),
        ("by=hour&days=8", 422),
        ("by=week", 422),
        ("model=two%20words", 422),
        ("model=%00", 422),
        ("provider=", 422),
        ("key_id=add_1", 404),
        ("addon_id=x", 404),
        ("uid=somebody", 400),
    ] {
        let path = format!("/usage?{filter}");
        let reply = scene.ks.api("GET", &path, &Value::Null).await;
        assert_eq!(reply.status, status, "{filter}: {}", reply.text());
    }
}

/// By the name that the host gave; what is kept of it is a keyed hash.
async fn an_end_user_is_asked_about_by_name(store: Store) {
    let two = two(store).await;
    let (scene, ks) = (&two.scene, &two.scene.ks);
    let (ada, bob) = (ks.uid(), ks.uid());
    for (uid, addon, calls) in [
        (&ada, &scene.addon, 2),
        (&ada, &two.other, 1),
        (&bob, &two.other, 1),
    ] {
        let token = ks.token_for(&scene.app, uid).await;
        for _ in 0..calls {
            let ask = addon.ask("POST", "/v1/chat/completions", "openai", &token);
            scene
                .client()
                .send(ask.json(&scene.chat_body()))
                .await
                .expect(200);
        }
    }
    eventually("all calls are in the ledger", PATIENCE, async || {
        total(&two.ask("").await, "attempts") == 12
    })
    .await;

    let asked = |uid: &str| json!({"application_id": scene.app.id, "uid": uid});
    let of_ada = two.of_subject(asked(&ada)).await;
    let by_addon = |id: &str| {
        let row = of_ada.iter().find(|row| row["addon_id"] == id).unwrap();
        (row["requests"].as_u64(), row["input_tokens"].as_u64())
    };
    assert_eq!(of_ada.len(), 2, "{of_ada:?}");
    assert_eq!(by_addon(&scene.addon.id), (Some(2), Some(18)));
    assert_eq!(by_addon(&two.other.id), (Some(1), Some(9)));
    assert_eq!(total(&two.of_subject(asked(&bob)).await, "requests"), 1);
    assert!(two.of_subject(asked(&ks.uid())).await.is_empty());
    // The same name at another application is somebody else.
    let elsewhere = ks.app().await.id;
    let elsewhere = json!({"application_id": elsewhere, "uid": ada});
    assert!(two.of_subject(elsewhere).await.is_empty());

    // A page at a time.
    let mut page = asked(&ada);
    page["limit"] = json!(1);
    let first = ks.manage("POST", "/usage/subject", &page).await;
    page["cursor"] = first["next_cursor"].clone();
    let second = ks.manage("POST", "/usage/subject", &page).await;
    let both = [&first["data"][0], &second["data"][0]].map(Value::clone);
    assert_eq!(both.to_vec(), of_ada);
    assert_eq!(
        (&first["has_more"], &second["has_more"]),
        (&json!(true), &json!(false))
    );

    for (body, status) in [
        (json!({"application_id": scene.app.id}), 400),
        (json!({"application_id": scene.app.id, "uid": ""}), 422),
        (
            json!({"application_id": scene.app.id, "uid": "u", "days": 0}),
            422,
        ),
        (
            json!({"application_id": "app_00000000000070008000000000000000", "uid": "u"}),
            404,
        ),
    ] {
        let reply = ks.api("POST", "/usage/subject", &body).await;
        assert_eq!(reply.status, status, "{body}: {}", reply.text());
    }
}

/// Another tenant's application is unknown, whoever is asked about.
#[tokio::test]
async fn an_end_user_of_another_tenant_is_unknown() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let other = ks.another_account().await;
    ks.start_again().await;
    let scene = Scene::within(ks, "openai").await;
    scene.client().send(scene.chat()).await.expect(200);
    let body = json!({"application_id": scene.app.id, "uid": "u"});
    let ask = Ask::post("/api/v1/usage/subject").bearer(&other);
    let reply = scene.client().send(ask.json(&body)).await;
    assert_eq!(reply.status, 404, "{}", reply.text());
}

async fn the_command_line_tells_usage_to_people_and_programs(store: Store) {
    let two = two(store).await;
    let (scene, ks) = (&two.scene, &two.scene.ks);
    let uid = ks.uid();
    let token = ks.token_for(&scene.app, &uid).await;
    let ask = scene
        .addon
        .ask("POST", "/v1/chat/completions", "openai", &token);
    ks.provider.openai().once(CHAT, chat_whole(1_000, 10));
    scene
        .client()
        .send(ask.json(&scene.chat_body()))
        .await
        .expect(200);
    eventually("all calls are in the ledger", PATIENCE, async || {
        total(&two.ask("").await, "attempts") == 9
    })
    .await;

    let table = ks.command(&["usage"]).run().await.expect(0).stdout;
    let (first, last) = (table.lines().next().unwrap(), table.lines().last().unwrap());
    for head in [
        "DAY", "ADDON", "MODEL", "REQUESTS", "FAILED", "IN", "OUT", "COST $",
    ] {
        assert!(first.contains(head), "{head} in {table}");
    }
    assert!(!first.contains("IMAGES"), "no call made any: {table}");
    let numbers: Vec<_> = last.split_whitespace().collect();
    assert_eq!(numbers[..3], ["total", "9", "1"], "{table}");
    assert!(numbers.contains(&"1063"), "{table}");

    let by_hour = ["usage", "--by", "hour", "--key", &two.other_key, "--json"];
    let rows = ks.command(&by_hour).run().await.json();
    assert_eq!(total(rows.as_array().unwrap(), "requests"), 3, "{rows}");
    assert!(
        rows[0]["hour"].as_str().unwrap().ends_with(":00:00Z"),
        "{rows}"
    );
    let by_model = ["usage", "--model", "gpt-6-luna", "--addon", &scene.addon.id];
    let by_model = [&by_model[..], &["--provider", "openai", "--json"]].concat();
    let rows = ks.command(&by_model).run().await.json();
    assert_eq!(total(rows.as_array().unwrap(), "requests"), 6, "{rows}");

    let csv = ks.command(&["usage", "--csv"]).run().await.expect(0).stdout;
    let lines: Vec<_> = csv.split("\r\n").collect();
    assert!(
        lines[0].starts_with("day,application_id,addon_id,key_id,"),
        "{csv}"
    );
    assert!(lines[0].ends_with(",cost_usd,unpriced_usd"), "{csv}");
    let width = lines[0].split(',').count();
    assert_eq!(
        lines.len(),
        4,
        "a head, two rows, and the end of the last: {csv}"
    );
    assert_eq!(lines[3], "");
    assert!(
        lines[1..3]
            .iter()
            .all(|line| line.split(',').count() == width),
        "{csv}"
    );

    let of_one = ["usage", "--app", &scene.app.id, "--uid", "-", "--json"];
    let rows = ks.command(&of_one).input(&uid).run().await.json();
    assert_eq!(rows.as_array().unwrap().len(), 1, "{rows}");
    assert_eq!(
        (&rows[0]["requests"], &rows[0]["input_tokens"]),
        (&json!(1), &json!(1_000))
    );
    let unknown = planted::hex(8);
    let of_nobody = ["usage", "--app", &scene.app.id, "--uid", &unknown];
    let said = ks.command(&of_nobody).run().await.expect(0).stdout;
    assert_eq!(said, "No calls yet\n");

    for wrong in [
        &["usage", "--csv", "--json"][..],
        &["usage", "--uid", "u"],
        &[
            "usage",
            "--app",
            &scene.app.id,
            "--uid",
            "u",
            "--model",
            "m",
        ],
        &["usage", "--by", "week"],
        &["usage", "--days", "0"],
    ] {
        ks.command(wrong).run().await.expect(2);
    }
}

/// Whatever became of the sums, the ledger gives them back.
async fn the_sums_are_made_anew_by_command(store: Store) {
    let two = two(store).await;
    let ks = &two.scene.ks;
    let before = [two.ask("").await, two.ask("&by=hour").await];
    ks.terminate();
    ks.ended(PATIENCE).await;
    let mut database = connect(&ks.store_url).await;
    for harm in [
        "DELETE FROM usage_days",
        "DELETE FROM usage_shares",
        "UPDATE usage_hours SET attempts = 1000000",
        "DELETE FROM usage_subjects",
    ] {
        database.execute(harm).await.unwrap();
    }

    let said = ks
        .local_command(&["db", "rebuild-usage", "--json"])
        .run()
        .await
        .json();

    assert_eq!(
        (&said["attempts"], &said["unreadable"]),
        (&json!(8), &json!([]))
    );
    ks.start_again().await;
    assert_eq!([two.ask("").await, two.ask("&by=hour").await], before);
}
