//! What pages tell of use: the overview, the usage page with its files, and the latest calls.

use std::time::Duration;

use keystead::store::Role;
use serde_json::{Value, json};

use crate::harness::page::Visitor;
use crate::harness::{Answer, Ask, Keystead, Scene, Store, eventually, on_each_store};

on_each_store!(
    the_overview_leads_to_the_first_call_and_shows_it,
    usage_is_told_apart_and_taken_away,
    the_latest_calls_are_listed_without_what_was_said,
    who_is_over_budget_still_sees_what_was_used,
    what_others_used_is_nowhere,
);

const CHAT: &str = "POST /v1/chat/completions";

/// A server with nobody's work on it, and people of these roles at the console.
async fn begin<const N: usize>(store: Store, roles: [Role; N]) -> (Keystead, [Visitor; N]) {
    let ks = Keystead::prepare(store).init().await;
    let people = ks.sign_in(roles).await;
    ks.start_again().await;
    (ks, people)
}

/// Waits until the ledger holds so many attempts.
async fn booked(ks: &Keystead, count: u64) {
    let patience = Duration::from_secs(5);
    eventually("the ledger has every attempt", patience, async || {
        let rows = ks.manage("GET", "/usage?limit=200", &Value::Null).await;
        let rows = rows["data"].as_array().unwrap().clone();
        let sum: u64 = rows.iter().filter_map(|row| row["attempts"].as_u64()).sum();
        sum == count
    })
    .await;
}

async fn the_overview_leads_to_the_first_call_and_shows_it(store: Store) {
    let (ks, [mut owner, mut developer]) = begin(store, [Role::Owner, Role::Developer]).await;
    let new = owner.visit("/console").await.expect(200);
    assert!(new.says("First steps 0 of 4") && new.says("No calls in this time"));
    assert_eq!(new.link("Create"), "/console/applications/new");
    assert!(new.says("Keys that need care All keys None."));
    // The stand-in's address is a private one, and `init` left a token without an end.
    assert!(
        new.says("Providers may have private addresses."),
        "{}",
        new.words()
    );
    assert!(new.says("The API token that the server was set up with is still valid."));
    assert!(new.says("You signed in with a password alone."));
    assert!(new.says("What happened last") && new.says("account.created"));

    let app = ks.app().await;
    assert!(owner.visit("/console").await.says("First steps 1 of 4"));
    let secret = ks.key(&app, "openai").await;
    let unchecked = json!({"application_id": app.id, "provider": "openai", "name": "Spare",
        "key": secret.secret, "skip_check": true});
    ks.manage("POST", "/keys", &unchecked).await;
    let addon = ks.addon(&app, &secret, "chat").await;
    let ready = owner.visit("/console").await;
    assert!(
        ready.says("First steps 3 of 4") && ready.offers("Try it"),
        "{}",
        ready.words()
    );
    assert!(ready.says("Spare") && ready.says("Never checked"));

    let scene = Scene {
        token: ks.token(&app).await,
        ks,
        app,
        key: secret,
        addon,
    };
    scene.client().send(scene.chat()).await.expect(200);
    booked(&scene.ks, 1).await;
    for days in ["", "?days=30"] {
        let done = owner.visit(&format!("/console{days}")).await.expect(200);
        assert!(!done.says("First steps"), "{}", done.words());
        assert!(done.says("Requests 1 Failed 0 0.0 %"), "{}", done.words());
        assert!(done.says("OpenAI: 1.") && done.text.contains(r#"fill="url(#requests-1)""#));
    }

    // What only some may see is not on a developer's page.
    let seen = developer.visit("/console").await.expect(200);
    for hidden in [
        "What happened last",
        "private addresses",
        "API token that the server",
    ] {
        assert!(!seen.says(hidden), "{hidden}");
    }
    assert!(!seen.text.contains("href=\"/console/audit\""));
}

/// Two AddOns of two applications, of which one is called twice and one fails.
async fn two_of_a_kind(ks: &Keystead) -> [Called; 2] {
    let mut made = Vec::new();
    for (handle, calls) in [("chat", 2), ("draft", 1)] {
        let app = ks.app().await;
        let key = ks.key(&app, "openai").await;
        let addon = ks.addon(&app, &key, handle).await;
        let token = ks.token(&app).await;
        let message = json!({"role": "user", "content": ks.prompt()});
        let body = json!({"model": format!("gpt-6-{handle}"), "messages": [message]});
        for _ in 0..calls {
            let ask = addon.ask("POST", "/v1/chat/completions", "openai", &token);
            ks.client().send(ask.json(&body)).await.expect(200);
        }
        made.push(Called {
            app: app.id,
            key: key.id,
            addon: addon.id,
        });
    }
    made.try_into().unwrap_or_else(|_| panic!("two were made"))
}

/// The ids of what was called.
struct Called {
    app: String,
    key: String,
    addon: String,
}

async fn usage_is_told_apart_and_taken_away(store: Store) {
    let (ks, [mut auditor]) = begin(store, [Role::Auditor]).await;
    let empty = auditor.visit("/console/usage").await.expect(200);
    assert!(empty.says("Nothing was used") && !empty.text.contains("<svg class=\"chart\""));
    let [chat, draft] = two_of_a_kind(&ks).await;
    booked(&ks, 3).await;

    let page = auditor.visit("/console/usage").await.expect(200);
    assert!(page.says("Requests 3 Failed 0") && page.says("Requests a day by provider"));
    assert!(page.says("Show as a table") && page.says("By provider"));
    for (by, rows) in [
        ("application", "Host application 2 –"),
        ("addon", "chat 2 –"),
        ("addon", "draft 1 –"),
        ("model", "gpt-6-draft 1 –"),
        ("key", "main ••••"),
    ] {
        let form = page.form("/console/usage").set("by", by).set("days", "7");
        let told = auditor.submit(&form).await.expect(200);
        assert!(told.says(rows), "{by}: {}", told.words());
    }
    let by_day = auditor
        .visit("/console/usage?by=day&days=1")
        .await
        .expect(200);
    assert!(by_day.says("By day") && by_day.says("Requests a day"));
    let only = format!("/console/usage?by=model&addon_id={}", draft.addon);
    let only = auditor.visit(&only).await.expect(200);
    assert!(only.says("Requests 1") && only.says("gpt-6-draft") && !only.says("gpt-6-chat"));
    assert!(only.offers("Show all"));
    let none = auditor
        .visit("/console/usage?provider=deepl")
        .await
        .expect(200);
    assert!(none.says("Nothing was used that fits"));

    let csv = auditor.visit(&only.link("CSV")).await.expect(200);
    let kind = csv.header("content-type");
    assert_eq!(kind, Some("text/csv; charset=utf-8"));
    let lines: Vec<_> = csv.text.lines().collect();
    assert!(
        lines[0].starts_with("id,name,requests,") && lines.len() == 2,
        "{lines:?}"
    );
    assert!(
        lines[1].starts_with("gpt-6-draft,gpt-6-draft,1,0,"),
        "{lines:?}"
    );
    let json = auditor
        .visit("/console/usage.json?by=key")
        .await
        .expect(200);
    let rows: Vec<Value> = serde_json::from_str(&json.text).unwrap();
    assert_eq!(
        (&rows[0]["id"], &rows[0]["requests"]),
        (&json!(chat.key), &json!(2))
    );

    for (query, status) in [
        ("days=0", 422),
        ("days=367", 422),
        ("model=a%20b", 422),
        ("addon_id=nonsense", 404),
        ("days=x&by=x", 200),
    ] {
        auditor
            .visit(&format!("/console/usage?{query}"))
            .await
            .expect(status);
    }
}

async fn the_latest_calls_are_listed_without_what_was_said(store: Store) {
    let (ks, [mut developer]) = begin(store, [Role::Developer]).await;
    let empty = developer.visit("/console/requests").await.expect(200);
    assert!(empty.says("No calls yet") && empty.says("is not kept"));
    let [chat, draft] = two_of_a_kind(&ks).await;
    let openai = ks.provider.openai();
    openai.on(
        CHAT,
        Answer::new(404).and_json(&json!({"error": {"message": "no such model"}})),
    );
    let app = ks.app().await;
    let key = ks.key(&app, "openai").await;
    let third = ks.addon(&app, &key, "third").await;
    let token = ks.token(&app).await;
    let prompt = ks.prompt();
    let body = json!({"model": "gpt-0", "messages": [{"role": "user", "content": prompt}]});
    let ask = third
        .ask("POST", "/v1/chat/completions", "openai", &token)
        .json(&body);
    let refused = ks.client().send(ask).await.expect(404);
    let request_id = refused.header("x-keystead-request-id").unwrap().to_owned();
    booked(&ks, 4).await;

    let page = developer.visit("/console/requests").await.expect(200);
    assert!(page.says("Provider answered (404)") && page.says("Provider answered (200)"));
    assert!(page.says(&request_id), "{}", page.words());
    assert!(!page.text.contains(&prompt));
    let newest = page.text.find(&request_id).unwrap();
    assert!(
        newest < page.text.find("gpt-6-chat").unwrap(),
        "the latest comes first"
    );

    let form = page.form("/console/requests").set("end", "refused");
    let wrong = developer.submit(&form).await.expect(200);
    assert!(wrong.says("gpt-0") && !wrong.says("gpt-6-chat"));
    let form = page.form("/console/requests").set("addon_id", &draft.addon);
    let drafts = developer.submit(&form).await.expect(200);
    assert!(drafts.says("gpt-6-draft") && !drafts.says("gpt-0"));
    let none = developer
        .visit("/console/requests?end=cut")
        .await
        .expect(200);
    assert!(none.says("No call fits"));

    let csv = developer.visit(&wrong.link("CSV")).await.expect(200);
    let lines: Vec<_> = csv.text.lines().collect();
    assert!(lines[0].starts_with("at,request_id,attempt,") && lines.len() == 2);
    let line = lines[1];
    assert!(
        line.contains(&format!(",{request_id},1,")) && line.contains(",gpt-0,"),
        "{line}"
    );
    let json = developer.visit(&page.link("JSON")).await.expect(200);
    let rows: Vec<Value> = serde_json::from_str(&json.text).unwrap();
    assert_eq!((rows.len(), &rows[0]["model"]), (4, &json!("gpt-0")));

    // The API gives the same, a page at a time, to whoever may see usage.
    let mut seen = Vec::new();
    let mut path = "/requests?limit=1".to_owned();
    loop {
        let list = ks.manage("GET", &path, &Value::Null).await;
        seen.extend(
            list["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["model"].clone()),
        );
        let Some(cursor) = list["next_cursor"].as_str() else {
            break;
        };
        path = format!("/requests?limit=1&cursor={cursor}");
    }
    assert_eq!(seen, ["gpt-0", "gpt-6-draft", "gpt-6-chat", "gpt-6-chat"]);
    let path = format!("/requests?application_id={}", chat.app);
    let first = ks.manage("GET", &path, &Value::Null).await["data"][0].take();
    assert_eq!(
        (&first["status"], &first["end"]),
        (&json!(200), &json!("answered"))
    );
    assert_eq!(first["subject"].as_str().unwrap().len(), 8);
    let wrong = ks.api("GET", "/requests?end=never", &Value::Null).await;
    assert_eq!(wrong.status, 422);
}

async fn who_is_over_budget_still_sees_what_was_used(store: Store) {
    let (ks, [mut developer]) = begin(store, [Role::Developer]).await;
    let limits = json!({"limits": {"budgets": ["2 requests/day"]}});
    ks.manage("PATCH", "/organization", &limits).await;
    let app = ks
        .app_with(json!({"limits": {"budgets": ["5 USD/month"]}}))
        .await;
    let key = ks.key(&app, "openai").await;
    let addon = ks.addon(&app, &key, "chat").await;
    let scene = Scene {
        token: ks.token(&app).await,
        ks,
        app,
        key,
        addon,
    };
    for status in [200, 200, 429] {
        scene.client().send(scene.chat()).await.expect(status);
    }
    booked(&scene.ks, 2).await;
    let page = developer.visit("/console/usage").await.expect(200);
    assert!(page.says("2 requests/day 100 %"), "{}", page.words());
    assert!(page.says("Calls are refused") && page.says("Requests 2"));
    assert!(!page.says("5 USD/month"));
    let form = page
        .form("/console/usage")
        .set("application_id", &scene.app.id);
    let of_application = developer.submit(&form).await.expect(200);
    assert!(of_application.says("Application Host application 5 USD/month 0 %"));
}

async fn what_others_used_is_nowhere(store: Store) {
    let ks = Keystead::prepare(store).init().await;
    let [mut owner] = ks.sign_in([Role::Owner]).await;
    let other = ks.another_account().await;
    ks.start_again().await;
    let [chat, _] = two_of_a_kind(&ks).await;
    booked(&ks, 3).await;
    for path in ["/api/v1/requests", "/api/v1/usage"] {
        let seen = ks
            .client()
            .send(Ask::get(path).bearer(&other))
            .await
            .expect(200)
            .json();
        assert_eq!(seen["data"], json!([]), "{path}");
    }
    let theirs = format!("/api/v1/requests?addon_id={}", chat.addon);
    let seen = ks
        .client()
        .send(Ask::get(theirs.as_str()).bearer(&other))
        .await;
    assert_eq!(seen.expect(200).json()["data"], json!([]));

    let body = json!({"name": "Theirs"});
    let made = Ask::post("/api/v1/applications").bearer(&other).json(&body);
    let made = ks.client().send(made.secret()).await.expect(201).json();
    ks.place
        .plant("client_secret", made["client_secret"].as_str().unwrap());
    let id = made["application_id"].as_str().unwrap();
    owner
        .visit(&format!("/console/usage?application_id={id}"))
        .await
        .expect(404);
    let calls = owner
        .visit(&format!("/console/requests?application_id={id}"))
        .await;
    assert!(calls.expect(200).says("No call fits"));
    assert!(
        !owner
            .visit("/console/usage?by=application")
            .await
            .says("Theirs")
    );
}

#[tokio::test]
async fn what_was_refused_is_told_where_usage_is() {
    let (ks, [mut owner]) = begin(Store::Sqlite, [Role::Owner]).await;
    let scene = Scene::within(ks, "openai").await;
    let path = format!("/addons/{}", scene.addon.id);
    let models = json!({"models": ["another-model"]});
    scene.ks.manage("PATCH", &path, &models).await;
    for _ in 0..2 {
        let refused = scene.client().send(scene.chat()).await;
        refused.refused(403, "model_not_allowed");
    }
    let patience = Duration::from_secs(15);
    let mut page = owner.visit("/console/usage?days=7").await.expect(200);
    eventually("the page tells it", patience, async || {
        page = owner.visit("/console/usage?days=7").await.expect(200);
        page.says("model_not_allowed")
    })
    .await;
    assert!(
        page.says("The AddOn does not allow the model"),
        "{}",
        page.words()
    );
    let overview = owner.visit("/console").await.expect(200);
    assert!(
        overview.says("Refused by Keystead 2"),
        "{}",
        overview.words()
    );
    let other = owner.visit("/console/usage?application_id=app_00000000000070008000000000000000");
    assert!(!other.await.says("model_not_allowed"));
}
