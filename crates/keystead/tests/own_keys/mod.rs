//! The user's own key at work: it serves its user's calls where they said so, no other key takes its place,
//! and what they take back ends at once.

mod bed;
mod links;

use std::time::Duration;

use keystead::audit::Actor;
use keystead::store::{GrantTerms, KeyGrantChange};
use serde_json::{Value, json};

use self::bed::{Bed, CHAT, give, user, wanting};
use crate::harness::provider::services::chat_stream;
use crate::harness::{AddOn, Ask, Live, Step, Store, on_each_store};

on_each_store!(
    an_own_key_serves_its_user_and_nobody_else,
    nobody_of_the_organization_reaches_an_own_key,
    a_free_tier_ends_and_an_own_key_has_none,
    a_pause_and_an_end_refuse_and_nothing_takes_the_keys_place,
    what_is_taken_back_ends_at_once_and_in_one_application_alone,
    an_erased_user_takes_their_key_along,
    own_keys_serve_while_the_keys_over_them_change,
    a_grant_has_its_own_budget_and_books,
    the_store_is_asked_once,
);

async fn an_own_key_serves_its_user_and_nobody_else(store: Store) {
    let bed = Bed::on(store).await;
    let token = bed.token().await;
    let missing = bed.chat(&bed.own, &token).await;
    missing.refused(403, "user_key_missing");
    let served = bed.chat(&bed.mixed, &token).await.expect(200);
    assert_eq!(served.header("x-keystead-key-source"), Some("application"));
    assert_eq!(bed.last_key().as_ref(), Some(&bed.scene.key.secret));

    let brought = bed.bring(GrantTerms::default()).await;
    for addon in [&bed.own, &bed.mixed] {
        let served = bed.chat(addon, &token).await.expect(200);
        assert_eq!(served.header("x-keystead-key-source"), Some("user"));
        assert_eq!(bed.last_key().as_ref(), Some(&brought.secret));
    }
    // The AddOn that does not ask for it does not get it.
    bed.chat(&bed.scene.addon, &token).await.expect(200);
    assert_eq!(bed.last_key().as_ref(), Some(&bed.scene.key.secret));

    let other = bed.ks().token(&bed.scene.app).await;
    let missing = bed.chat(&bed.own, &other).await;
    missing.refused(403, "user_key_missing");
    bed.chat(&bed.mixed, &other).await.expect(200);
    assert_eq!(bed.last_key().as_ref(), Some(&bed.scene.key.secret));

    // In a task as well; and a key that its provider does not take is the user's to replace.
    let task = || {
        let ask = Ask::post(bed.own.task_path()).bearer(&token);
        ask.json(&json!({"task": "text", "input": bed.ks().prompt(), "model": "gpt-6-luna"}))
    };
    let done = bed.scene.client().send(task()).await.expect(200);
    assert_eq!(done.header("x-keystead-key-source"), Some("user"));
    bed.ks().provider.openai().withdraw(&brought.secret);
    bed.ks().expects_errors("key_refused");
    let refused = bed.scene.client().send(task()).await;
    assert_eq!(refused.json()["error"]["code"], "user_key_refused");
    assert_eq!(refused.header("x-keystead-source"), Some("upstream"));
}

async fn nobody_of_the_organization_reaches_an_own_key(store: Store) {
    let bed = Bed::on(store).await;
    let brought = bed.bring(GrantTerms::default()).await;
    let id = &brought.key;
    for (method, path, body) in [
        ("GET", format!("/keys/{id}"), Value::Null),
        ("PATCH", format!("/keys/{id}"), json!({"name": "ours now"})),
        ("POST", format!("/keys/{id}/check"), Value::Null),
        ("POST", format!("/keys/{id}/disable"), Value::Null),
        ("POST", format!("/keys/{id}/enable"), Value::Null),
        (
            "POST",
            format!("/keys/{id}/rotate"),
            json!({"key": bed.plant_key()}),
        ),
        ("DELETE", format!("/keys/{id}"), Value::Null),
    ] {
        let reply = bed.ks().api(method, &path, &body).await;
        assert_eq!(reply.status, 404, "{method} {path}: {}", reply.text());
    }
    let addon = json!({"application_id": bed.scene.app.id, "handle": "stolen", "type": "any",
        "key_id": id});
    let reply = bed.ks().api("POST", "/addons", &addon).await;
    assert_eq!(reply.status, 404, "{}", reply.text());
    let token = bed.token().await;
    bed.chat(&bed.own, &token).await.expect(200);
    // Nowhere that management can look is the key named.
    for path in ["/keys", "/addons", "/audit/events", "/usage", "/requests"] {
        let reply = bed.ks().api("GET", path, &Value::Null).await;
        if reply.status == 200 {
            assert!(!reply.text().contains(id.as_str()), "{path}");
        }
    }
}

async fn a_free_tier_ends_and_an_own_key_has_none(store: Store) {
    let bed = Bed::on(store).await;
    let token = bed.token().await;
    for _ in 0..2 {
        bed.chat(&bed.mixed, &token).await.expect(200);
    }
    let used = bed.chat(&bed.mixed, &token).await;
    assert!(used.header("retry-after").is_some());
    used.refused(429, "free_tier_used");
    let brought = bed.bring(GrantTerms::default()).await;
    for _ in 0..4 {
        bed.chat(&bed.mixed, &token).await.expect(200);
        assert_eq!(bed.last_key().as_ref(), Some(&brought.secret));
    }
}

async fn a_pause_and_an_end_refuse_and_nothing_takes_the_keys_place(store: Store) {
    let bed = Bed::on(store).await;
    let token = bed.token().await;
    let brought = bed.bring(GrantTerms::default()).await;
    let over = GrantTerms {
        ends_at: Some(keystead::clock::Clock::system().now() - Duration::from_secs(1)),
        ..GrantTerms::default()
    };
    let other_model = GrantTerms {
        models: vec!["gpt-6-nova".to_owned()],
        ..GrantTerms::default()
    };
    let paused = KeyGrantChange {
        paused: Some(true),
        ..KeyGrantChange::default()
    };
    let terms = |terms| KeyGrantChange {
        terms: Some(terms),
        paused: Some(false),
    };
    for (change, code) in [
        (paused, "user_key_paused"),
        (terms(over), "user_key_ended"),
        (terms(other_model), "user_key_model"),
    ] {
        let (vault, grant) = (brought.vault.id, brought.grant);
        bed.meanwhile(async |custody| {
            let changed = custody
                .store()
                .change_key_grant(Actor::Operator, vault, grant, change)
                .await;
            changed.unwrap();
        })
        .await;
        let before = bed.ks().provider.openai().asked(CHAT).len();
        for addon in [&bed.own, &bed.mixed] {
            bed.chat(addon, &token).await.refused(403, code);
        }
        assert_eq!(bed.ks().provider.openai().asked(CHAT).len(), before);
    }
}

async fn what_is_taken_back_ends_at_once_and_in_one_application_alone(store: Store) {
    let bed = Bed::on(store).await;
    let brought = bed.bring(GrantTerms::default()).await;
    // The same key serves another application, whose user it is as well.
    let another = bed.ks().app().await;
    let elsewhere = wanting(bed.ks(), &another, "own").await;
    let uid = bed.ks().uid();
    let (app, key) = (another.clone(), brought.key.clone());
    let vault = brought.vault.clone();
    bed.meanwhile(async |custody| {
        let (application, holder) = user(custody, &app, &uid).await;
        let key = key.parse().unwrap();
        give(
            custody,
            &application,
            holder,
            &vault,
            key,
            GrantTerms::default(),
        )
        .await;
    })
    .await;
    let (token, there) = (bed.token().await, bed.ks().token_for(&another, &uid).await);
    let mut live = running(&bed, &elsewhere, &there).await;
    let fields = [("uid", &*uid), ("provider", "openai")];
    let own = [
        ("client_id", &*another.client_id),
        ("client_secret", &another.client_secret),
    ];
    let ask = Ask::post("/connect/withdraw").form(&[&own[..], &fields].concat());
    bed.scene.client().send(ask).await.expect(200);
    live.is_cut().await;
    let missing = bed.chat(&elsewhere, &there).await;
    missing.refused(403, "user_key_missing");
    // It lies in the first one's vault, and goes on there.
    bed.chat(&bed.own, &token).await.expect(200);
    assert_eq!(bed.last_key().as_ref(), Some(&brought.secret));

    let mut live = running(&bed, &bed.own, &token).await;
    let fields = [("uid", &*bed.uid), ("provider", "openai")];
    bed.host("/connect/withdraw", &fields).await.expect(200);
    live.is_cut().await;
    let missing = bed.chat(&bed.own, &token).await;
    missing.refused(403, "user_key_missing");
    // Again is as good as once.
    bed.host("/connect/withdraw", &fields).await.expect(200);
}

async fn running(bed: &Bed, addon: &AddOn, token: &str) -> Live {
    let openai = bed.ks().provider.openai();
    openai.once(CHAT, chat_stream(&["begun"], None).then(Step::Silence));
    let mut body = bed.scene.chat_body();
    body["stream"] = json!(true);
    let ask = addon.ask("POST", "/v1/chat/completions", "openai", token);
    let mut live = bed.scene.client().open(ask.json(&body)).await;
    assert_eq!(live.status, 200);
    live.until("begun").await;
    live
}

/// Its holder's erasure takes the key, the grant and the vault, and cuts what runs with it.
async fn an_erased_user_takes_their_key_along(store: Store) {
    let bed = Bed::on(store).await;
    let brought = bed.bring(GrantTerms::default()).await;
    let token = bed.token().await;
    bed.chat(&bed.own, &token).await.expect(200);
    let who = json!({"application_id": bed.scene.app.id, "uid": bed.uid});
    let known = bed.ks().manage("POST", "/subjects/export", &who).await;
    for table in ["keys", "key_grants", "vaults"] {
        let rows = known["data"][table].as_array().map(Vec::len);
        assert_eq!(rows, Some(1), "{table}: {known}");
    }
    assert!(!known.to_string().contains(&brought.secret));

    let mut live = running(&bed, &bed.own, &token).await;
    let erase = bed.ks().manage("POST", "/subjects/erase", &who);
    let (receipt, ()) = tokio::join!(erase, live.is_cut());
    assert_eq!(
        (&receipt["erased"]["keys"], &receipt["erased"]["grants"]),
        (&json!(1), &json!(1)),
        "{receipt}"
    );
    bed.chat(&bed.own, &token).await.expect(401);
    let again = bed.token().await;
    let missing = bed.chat(&bed.own, &again).await;
    missing.refused(403, "user_key_missing");
    let known = bed.ks().manage("POST", "/subjects/export", &who).await;
    assert_eq!(known["data"]["vaults"], json!([]), "{known}");
    let status = bed.host("/connect/status", &[("uid", &bed.uid)]).await;
    assert_eq!(status.expect(200).json()["connected"], false);
}

/// The keys over people's own keys change while they serve.
async fn own_keys_serve_while_the_keys_over_them_change(store: Store) {
    let bed = Bed::on(store).await;
    let brought = bed.bring(GrantTerms::default()).await;
    let token = bed.token().await;
    for _ in 0..3 {
        let done = bed.ks().command(&["key-owner", "rotate", "--json"]);
        let done = done.run().await.json();
        assert_eq!(
            (&done["vaults"], &done["group_keys"]),
            (&json!(1), &json!(1))
        );
        // Forgets the opened key, so that the next call opens it anew.
        bed.meanwhile(async |_| ()).await;
        bed.chat(&bed.own, &token).await.expect(200);
        assert_eq!(bed.last_key().as_ref(), Some(&brought.secret));
    }
}

async fn a_grant_has_its_own_budget_and_books(store: Store) {
    let bed = Bed::on(store).await;
    let terms = GrantTerms {
        budgets: vec!["2 requests/month".parse().unwrap()],
        ..GrantTerms::default()
    };
    let brought = bed.bring(terms).await;
    let token = bed.token().await;
    for _ in 0..2 {
        bed.chat(&bed.own, &token).await.expect(200);
    }
    let spent = bed.chat(&bed.own, &token).await;
    spent.refused(429, "budget_exhausted");
    // What one person lets their key be used for is no business of the organization's.
    let alerts = bed.ks().manage("GET", "/alerts", &Value::Null).await;
    assert_eq!(alerts["data"], json!([]), "{alerts}");
    let (vault, grant) = (brought.vault.id, brought.grant);
    let booked = bed
        .meanwhile(async |custody| {
            let grant = custody.store().key_grant(vault, grant).await.unwrap();
            let filter = keystead::store::AttemptFilter {
                key: Some(grant.booked_as()),
                ..keystead::store::AttemptFilter::default()
            };
            let found = custody
                .store()
                .recent_attempts(grant.organization, &filter, None, 10)
                .await;
            found.unwrap().attempts.len()
        })
        .await;
    assert_eq!(booked, 2);
}

async fn the_store_is_asked_once(store: Store) {
    let bed = Bed::on(store).await;
    bed.bring(GrantTerms::default()).await;
    let token = bed.token().await;
    for _ in 0..5 {
        bed.chat(&bed.own, &token).await.expect(200);
    }
    let asked = "keystead_token_lookups_total{outcome=\"found\"}";
    assert_eq!(bed.ks().metric(asked), 1.0);
}
