//! The process killed in the middle of its work, again and again: whatever was acknowledged is
//! still there, the store opens, tokens and keys work.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::harness::{
    AddOn, App, Ask, Key, Keystead, Store, eventually, is_long, on_each_store, planted,
};

on_each_store!(nothing_acknowledged_is_lost);

/// What the server has acknowledged.
#[derive(Default)]
struct Acknowledged {
    tokens: Vec<String>,
    revoked: Vec<String>,
    keys: Vec<Key>,
}

async fn nothing_acknowledged_is_lost(store: Store) {
    let rounds = if is_long() { 50 } else { 10 };
    let ks = Keystead::prepare(store)
        .set("limits.default.application", "\"5000/s burst 5000\"")
        .set("limits.default.addon", "\"5000/s burst 5000\"")
        .set("limits.default.key", "\"5000/s burst 5000\"")
        .set("limits.default.address", "\"5000/s burst 5000\"")
        .start()
        .await;
    let ks = Arc::new(ks);
    let app = ks.app().await;
    let key = ks.key(&app, "openai").await;
    let addon = ks.addon(&app, &key, "chat").await;
    let mut newest = 0;
    for _ in 0..rounds {
        let noted = Arc::new(Mutex::new(Acknowledged::default()));
        let work: Vec<_> = (0..6)
            .map(|_| tokio::spawn(work(ks.clone(), app.clone(), addon.clone(), noted.clone())))
            .collect();
        eventually("the first word", Duration::from_secs(10), async || {
            !noted.lock().keys.is_empty()
        })
        .await;
        let pause = u64::from(keystead_vault::random::<1>()[0]);
        tokio::time::sleep(Duration::from_millis(pause)).await;

        ks.kill();

        for worker in work {
            worker.await.unwrap();
        }
        ks.start_again().await;
        let noted = Arc::into_inner(noted)
            .expect("the workers have ended")
            .into_inner();
        check(&ks, &app, &addon, &noted).await;
        newest = audited(&ks, newest).await;
    }
}

/// Does one thing after the other until the server is gone, and notes what it was told.
async fn work(ks: Arc<Keystead>, app: App, addon: AddOn, noted: Arc<Mutex<Acknowledged>>) {
    let client = ks.client();
    loop {
        let uid = ks.uid();
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", &app.client_id),
            ("client_secret", &app.client_secret),
            ("uid", &uid),
        ];
        let mint = Ask::post("/oauth/token").form(&fields).secret();
        let Ok(reply) = client.try_send(mint).await else {
            return;
        };
        let Some(token) = reply.json()["access_token"].as_str().map(str::to_owned) else {
            return;
        };
        ks.place.plant("access_token", &token);
        noted.lock().tokens.push(token.clone());

        let call = addon.ask("GET", "/v1/models", "openai", &token);
        if client.try_send(call).await.is_err() {
            return;
        }

        let secret = ks.place.plant("provider_key", planted::key("openai"));
        ks.provider.openai().accept(&secret);
        let body = json!({"application_id": app.id, "provider": "openai", "name": "more",
            "key": secret, "skip_check": true});
        let add = Ask::post("/api/v1/keys").bearer(&ks.api_token).json(&body);
        let Ok(reply) = client.try_send(add).await else {
            return;
        };
        if let Some(id) = reply.json()["key_id"].as_str() {
            noted.lock().keys.push(Key {
                id: id.to_owned(),
                provider: "openai",
                secret,
            });
        }

        let fields = [
            ("client_id", app.client_id.as_str()),
            ("client_secret", &app.client_secret),
            ("token", &token),
        ];
        // Whether it was revoked is not known where no answer came.
        noted.lock().tokens.retain(|known| *known != token);
        match client
            .try_send(Ask::post("/oauth/revoke").form(&fields))
            .await
        {
            Ok(reply) if reply.status == 200 => noted.lock().revoked.push(token),
            _ => return,
        }
        let Ok(reply) = client
            .try_send(
                Ask::post("/oauth/token")
                    .form(&[
                        ("grant_type", "client_credentials"),
                        ("client_id", &app.client_id),
                        ("client_secret", &app.client_secret),
                        ("uid", &uid),
                    ])
                    .secret(),
            )
            .await
        else {
            return;
        };
        let Some(token) = reply.json()["access_token"].as_str().map(str::to_owned) else {
            return;
        };
        ks.place.plant("access_token", &token);
        noted.lock().tokens.push(token);
    }
}

async fn check(ks: &Keystead, app: &App, addon: &AddOn, noted: &Acknowledged) {
    let client = ks.client();
    for token in &noted.tokens {
        let reply = client
            .send(addon.ask("GET", "/v1/models", "openai", token))
            .await;
        assert_eq!(reply.status, 200, "an acknowledged token: {}", reply.text());
    }
    for token in &noted.revoked {
        let reply = client
            .send(addon.ask("GET", "/v1/models", "openai", token))
            .await;
        assert_eq!(reply.status, 401, "an acknowledged revocation");
    }
    for key in &noted.keys {
        ks.manage("GET", &format!("/keys/{}", key.id), &Value::Null)
            .await;
    }
    // The newest one opens: what comes out is what went in.
    let Some(key) = noted.keys.last() else { return };
    let handle = format!("k{}", planted::hex(12));
    let addon = ks.addon(app, key, &handle).await;
    let token = ks.token(app).await;
    client
        .send(addon.ask("GET", "/v1/models", "openai", &token))
        .await
        .expect(200);
    let last = ks.provider.openai().last("GET /v1/models");
    assert_eq!(last.key().as_deref(), Some(key.secret.as_str()));
}

/// The audit log is whole, and no shorter than before; how long it is.
async fn audited(ks: &Keystead, before: u64) -> u64 {
    let verified = ks
        .local_command(&["audit", "verify", "--json"])
        .run()
        .await
        .json();
    let size = verified["size"]
        .as_u64()
        .unwrap_or_else(|| panic!("no size in {verified}"));
    assert!(size > before, "{size} rows after {before}");
    size
}
