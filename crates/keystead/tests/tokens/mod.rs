//! The token endpoint, as RFC 6749 and RFC 7009 have it: who may mint, for how long, for which
//! AddOns; and a token that was ended, or has ended, opens nothing.

mod asking;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::asking::{answered, call, form, post, refused, send, works};
use crate::harness::setup::text;
use crate::harness::{App, Ask, Scene, Store, eventually, on_each_store};

on_each_store!(
    a_scope_narrows_and_never_widens,
    a_token_lives_as_long_as_was_asked,
    revocation_ends_a_token_and_tells_nothing,
);

const TOKEN: &str = "/oauth/token";
const REVOKE: &str = "/oauth/revoke";

async fn a_scope_narrows_and_never_widens(store: Store) {
    let scene = Scene::on(store).await;
    let (ks, app) = (&scene.ks, &scene.app);
    ks.addon(app, &scene.key, "second").await;
    let other = ks.app().await;
    let key = ks.key(&other, "openai").await;
    ks.addon(&other, &key, "theirs").await;
    let chat = &scene.addon.path;
    let second = format!("/proxy/{}/second", app.client_id);
    let late = format!("/proxy/{}/late", app.client_id);
    let theirs = format!("/proxy/{}/theirs", other.client_id);

    for (scope, written, may_call) in [
        ("addon:chat", "addon:chat", &[chat][..]),
        (
            "addon:second addon:chat",
            "addon:second addon:chat",
            &[chat, &second],
        ),
        ("addon:chat  addon:chat ", "addon:chat", &[chat]),
        ("addon:*", "addon:*", &[chat, &second, &late]),
        ("", "addon:*", &[chat, &second, &late]),
    ] {
        let form = form(app, "scope", Some(scope));
        let minted = answered(&scene, post(TOKEN, &form), 200).await;
        assert_eq!(minted["scope"], written, "{scope:?}");
        // Installed after the token was minted: a narrow scope does not grow by it.
        let installed = ks.addon(app, &scene.key, "late").await;
        for addon in [chat, &second, &late, &theirs] {
            let ask = Ask::get(format!("{addon}/v1/models")).bearer(&text(&minted, "access_token"));
            let reply = scene.client().send(ask).await;
            match may_call.contains(&addon) {
                true => assert_eq!(reply.status, 200, "{scope:?} {addon}: {}", reply.text()),
                false => drop(reply.refused(401, "unauthenticated")),
            }
        }
        let path = format!("/addons/{}", installed.id);
        ks.manage("DELETE", &path, &Value::Null).await;
    }
    for wider in [
        "addon:theirs",
        "addon:nothing",
        "addon:chat addon:theirs",
        "addon:chat addon:*",
        "addon:chat admin",
    ] {
        let form = form(app, "scope", Some(wider));
        refused(
            &send(&scene, post(TOKEN, &form)).await,
            400,
            "invalid_scope",
        );
    }
}

async fn a_token_lives_as_long_as_was_asked(store: Store) {
    let scene = Scene::on(store).await;
    let form = form(&scene.app, "expires_in", Some("2"));
    let began = Instant::now();
    let minted = answered(&scene, post(TOKEN, &form), 200).await;
    assert_eq!(minted["expires_in"], 2);
    // Known from now on, so that its end is met in the cache as well.
    works(&scene, &minted).await;

    let patience = Duration::from_secs(4);
    eventually("the token ends", patience, async || {
        call(&scene, &minted).await.status != 200
    })
    .await;

    assert!(
        began.elapsed() >= Duration::from_secs(2),
        "it ended too early"
    );
    call(&scene, &minted).await.refused(401, "unauthenticated");
    // And so in a process that has never seen it.
    scene.ks.kill();
    scene.ks.start_again().await;
    call(&scene, &minted).await.refused(401, "unauthenticated");
}

async fn revocation_ends_a_token_and_tells_nothing(store: Store) {
    let scene = Scene::on(store).await;
    let (app, other) = (&scene.app, scene.ks.app().await);
    let token = &scene.token;
    let revoke = |app: &App, more: &[(&str, &str)]| {
        let own = [
            ("client_id", &*app.client_id),
            ("client_secret", &*app.client_secret),
        ];
        post(REVOKE, &[&own[..], more].concat())
    };
    let unknown = keystead_vault::Token::generate(keystead_vault::TokenKind::Access);
    let unknown = scene.ks.place.plant("access_token", unknown.expose());
    let mut nothing = vec![
        unknown.as_str(),
        "nonsense",
        "kst1_",
        &app.client_secret,
        &scene.ks.api_token,
    ];
    nothing.push(&token[..token.len() - 1]);
    let mut answers = Vec::new();
    for nothing in nothing {
        answers.push(send(&scene, revoke(app, &[("token", nothing)])).await);
    }
    // Another client's token is as good as unknown.
    answers.push(send(&scene, revoke(&other, &[("token", token)])).await);
    let minted = json!({"access_token": token});
    works(&scene, &minted).await;

    let wrong = App {
        client_secret: other.client_secret.clone(),
        ..app.clone()
    };
    for (ask, status, error) in [
        (revoke(&wrong, &[("token", token)]), 401, "invalid_client"),
        (post(REVOKE, &[("token", token)]), 401, "invalid_client"),
        (revoke(app, &[]), 400, "invalid_request"),
        (revoke(app, &[("token", "")]), 400, "invalid_request"),
        (
            Ask::post(format!("{REVOKE}?token={unknown}")),
            400,
            "invalid_request",
        ),
    ] {
        refused(&send(&scene, ask).await, status, error);
    }
    works(&scene, &minted).await;

    let by_header = post(
        REVOKE,
        &[("token", token), ("token_type_hint", "refresh_token")],
    );
    let by_header = by_header.basic(&app.client_id, &app.client_secret);
    answers.push(send(&scene, by_header).await);
    call(&scene, &minted).await.refused(401, "unauthenticated");
    answers.push(send(&scene, revoke(app, &[("token", token)])).await);

    for reply in answers {
        let reply = reply.expect(200);
        assert!(reply.body.is_empty(), "{}", reply.text());
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn the_metadata_leads_to_what_works() {
    let scene = Scene::with("openai").await;
    let ask = Ask::get("/.well-known/oauth-authorization-server");
    let metadata = scene.client().send(ask).await.expect(200).json();
    let issuer = text(&metadata, "issuer");
    for (member, path) in [("token_endpoint", TOKEN), ("revocation_endpoint", REVOKE)] {
        assert_eq!(metadata[member], format!("{issuer}{path}"));
    }
    assert_eq!(
        metadata["grant_types_supported"],
        json!([
            "authorization_code",
            "refresh_token",
            "client_credentials",
            "urn:ietf:params:oauth:grant-type:token-exchange"
        ])
    );
    for member in [
        "token_endpoint_auth_methods_supported",
        "revocation_endpoint_auth_methods_supported",
    ] {
        let methods = metadata[member].as_array().unwrap();
        for method in ["client_secret_basic", "client_secret_post"] {
            assert!(methods.contains(&json!(method)), "{member}: {metadata}");
        }
    }
}
