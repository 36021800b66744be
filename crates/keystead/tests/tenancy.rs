//! Tenants, applications, AddOns and tokens stay apart: what belongs to another does not exist,
//! and a stranger can't tell a wrong guess from a near one.

use serde_json::{Value, json};

use crate::harness::{Ask, Keystead, Reply, Scene, Store, on_each_store, planted};

on_each_store!(another_organizations_objects_do_not_exist);

async fn another_organizations_objects_do_not_exist(store: Store) {
    let ks = Keystead::prepare(store).init().await;
    let place = ks.place.clone();
    let other = ks.another_account().await;
    ks.start_again().await;
    let scene = Scene::within(ks, "openai").await;
    let ks = &scene.ks;
    let ask = |method: &str, path: &str| {
        let ask = Ask::new(method, format!("/api/v1{path}")).bearer(&other);
        if method == "GET" || method == "DELETE" {
            ask
        } else {
            ask.json(&json!({}))
        }
    };
    let (app, key, addon) = (&scene.app.id, &scene.key.id, &scene.addon.id);
    let secrets = format!("/applications/{app}/client-secrets");
    let listed = ks.manage("GET", &secrets, &Value::Null).await;
    let secret = listed["data"][0]["secret_id"].as_str().unwrap();

    for (method, path) in [
        ("GET", format!("/applications/{app}")),
        ("PATCH", format!("/applications/{app}")),
        ("POST", format!("/applications/{app}/disable")),
        ("POST", format!("/applications/{app}/enable")),
        ("GET", secrets.clone()),
        ("POST", secrets.clone()),
        ("DELETE", format!("{secrets}/{secret}")),
        ("GET", format!("/keys/{key}")),
        ("POST", format!("/keys/{key}/check")),
        ("POST", format!("/keys/{key}/disable")),
        ("POST", format!("/keys/{key}/enable")),
        ("DELETE", format!("/keys/{key}")),
        ("GET", format!("/addons/{addon}")),
        ("PATCH", format!("/addons/{addon}")),
        ("POST", format!("/addons/{addon}/disable")),
        ("POST", format!("/addons/{addon}/enable")),
        ("DELETE", format!("/addons/{addon}")),
    ] {
        let reply = ks.client().send(ask(method, &path)).await;
        assert_eq!(reply.status, 404, "{method} {path}: {}", reply.text());
    }
    let rotate = json!({"key": place.plant("provider_key", planted::key("openai"))});
    let rotate = Ask::post(format!("/api/v1/keys/{key}/rotate"))
        .bearer(&other)
        .json(&rotate);
    assert_eq!(ks.client().send(rotate).await.status, 404);
    // Nor can they be built upon.
    let body = json!({"application_id": app, "handle": "mine", "type": "any", "key_id": key});
    let install = Ask::post("/api/v1/addons").bearer(&other).json(&body);
    assert_eq!(ks.client().send(install).await.status, 404);
    let body = json!({"application_id": app, "provider": "openai", "name": "n",
        "key": place.plant("provider_key", planted::key("openai")), "skip_check": true});
    let add = Ask::post("/api/v1/keys").bearer(&other).json(&body);
    assert_eq!(ks.client().send(add).await.status, 404);

    for list in ["/applications", "/keys", "/addons", "/usage?days=9"] {
        let reply = ks.client().send(ask("GET", list)).await.expect(200);
        assert_eq!(reply.json()["data"], json!([]), "{list}");
    }
    let audit = ks
        .client()
        .send(ask("GET", "/audit"))
        .await
        .expect(200)
        .text();
    assert!(
        !audit.contains(key.as_str()) && !audit.contains(app.as_str()),
        "{audit}"
    );
    // And all of it still works for its owner.
    scene.client().send(scene.chat()).await.expect(200);
}

/// Two applications of one tenant are as far apart as two tenants.
#[tokio::test]
async fn a_token_is_for_its_own_application_and_addons() {
    let scene = Scene::with("openai").await;
    let ks = &scene.ks;
    let other_app = ks.app().await;
    let other_key = ks.key(&other_app, "openai").await;
    let other_addon = ks.addon(&other_app, &other_key, "chat").await;
    let second = ks.addon(&scene.app, &scene.key, "second").await;
    let uid = ks.uid();
    let scoped = ks
        .mint(&scene.app, &[("uid", &uid), ("scope", "addon:chat")])
        .await;
    let scoped = scoped.expect(200).json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    ks.place.plant("access_token", &scoped);

    let call = |addon: &crate::harness::AddOn, token: &str| {
        addon.ask("GET", "/v1/models", "openai", token)
    };
    for (what, ask, status) in [
        ("its own", call(&scene.addon, &scene.token), 200),
        ("a second AddOn", call(&second, &scene.token), 200),
        ("another application", call(&other_addon, &scene.token), 401),
        ("within its scope", call(&scene.addon, &scoped), 200),
        ("outside its scope", call(&second, &scoped), 401),
    ] {
        assert_eq!(ks.client().send(ask).await.status, status, "{what}");
    }
}

/// Nothing tells an unknown client from an unknown handle, a wrong token, a client secret, an API
/// token, a token that is over, or none: not the status, not the words, not the headers.
#[tokio::test]
async fn every_wrong_guess_answers_alike() {
    let scene = Scene::with("openai").await;
    let ended = scene.ks.token(&scene.app).await;
    scene.ks.revoke_token(&scene.app, &ended).await;
    let path = |client: &str, handle: &str| format!("/proxy/{client}/{handle}/v1/models");
    let right = path(&scene.app.client_id, "chat");
    let nobody = format!("cl_{}", "0".repeat(32));
    let made_up = keystead_vault::Token::generate(keystead_vault::TokenKind::Access);
    let mut wrong_end = scene.token.clone();
    let last = wrong_end.pop().unwrap();
    wrong_end.push(if last == '0' { '1' } else { '0' });
    let guesses = [
        Ask::get(path(&nobody, "chat")).bearer(&scene.token),
        Ask::get(path("nonsense", "chat")).bearer(&scene.token),
        Ask::get(path(&scene.app.client_id, "other")).bearer(&scene.token),
        Ask::get(path(&scene.app.client_id, "-")).bearer(&scene.token),
        Ask::get(&right).bearer(made_up.expose()),
        Ask::get(&right).bearer(&wrong_end),
        Ask::get(&right).bearer(&ended),
        Ask::get(&right).bearer(&scene.app.client_secret),
        Ask::get(&right).bearer(&scene.ks.api_token),
        Ask::get(&right).bearer("sk-proj-0123456789"),
        Ask::get(&right).header("authorization", "Basic a3N0MV8="),
        Ask::get(&right).header("cookie", format!("token={}", scene.token)),
        Ask::get(&right),
    ];
    let mut answers: Vec<Reply> = Vec::new();
    for ask in guesses {
        answers.push(
            scene
                .client()
                .send(ask)
                .await
                .refused(401, "unauthenticated"),
        );
    }
    let shape = |reply: &Reply| {
        let mut headers = reply.headers.clone();
        let id = headers.remove("x-keystead-request-id").unwrap();
        headers.remove("date");
        let mut names: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.clone()))
            .collect();
        names.sort();
        (names, reply.text().replace(id.to_str().unwrap(), "ID"))
    };
    for answer in &answers {
        assert_eq!(shape(answer), shape(&answers[0]));
    }
}
