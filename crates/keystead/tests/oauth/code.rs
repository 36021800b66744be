//! Codes: who may exchange one, and what comes of one that is used twice.

use serde_json::{Value, json};

use super::{BACK, Bed, TOKEN, no, with};
use crate::harness::{Store, on_each_store};

on_each_store!(
    a_code_that_is_used_twice_ends_what_came_of_it,
    of_two_who_use_a_code_at_once_one_gets_tokens_and_nobody_keeps_them,
    a_code_is_its_own_clients_alone,
    a_client_with_a_secret_shows_it,
);

async fn a_code_that_is_used_twice_ends_what_came_of_it(store: Store) {
    let (bed, mut person) = Bed::on(store).await;
    let code = bed.code(&mut person).await;
    let minted = bed.send(TOKEN, &bed.exchange(&code)).await.expect(200);
    let tokens = bed.plant(&minted.json());
    let mut live = bed.running(&tokens.access).await;
    bed.scene.ks.expects_errors("code_used_twice");
    let alerts = "keystead_alerts_total{kind=\"code_used_twice\"}";
    assert_eq!(bed.scene.ks.metric(alerts), 0.0, "it came once");

    no(
        &bed.send(TOKEN, &bed.exchange(&code)).await,
        400,
        "invalid_grant",
    );

    live.is_cut().await;
    bed.is_over(&tokens.access).await;
    no(
        &bed.refresh(&tokens.refresh, &[]).await,
        400,
        "invalid_grant",
    );
    assert_eq!(bed.scene.ks.metric(alerts), 1.0);
    // The person's next visit begins anew.
    let fresh = bed.tokens(&mut person).await;
    bed.works(&fresh.access).await;
}

async fn of_two_who_use_a_code_at_once_one_gets_tokens_and_nobody_keeps_them(store: Store) {
    let (bed, mut person) = Bed::on(store).await;
    bed.scene.ks.expects_errors("code_used_twice");
    for _ in 0..5 {
        let code = bed.code(&mut person).await;
        let fields = bed.exchange(&code);
        let (one, other) = tokio::join!(bed.send(TOKEN, &fields), bed.send(TOKEN, &fields));
        let (good, bad) = if one.status == 200 {
            (one, other)
        } else {
            (other, one)
        };
        no(&bad, 400, "invalid_grant");
        let tokens = bed.plant(&good.expect(200).json());
        bed.is_over(&tokens.access).await;
    }
}

async fn a_code_is_its_own_clients_alone(store: Store) {
    let (bed, mut person) = Bed::on(store).await;
    let code = bed.code(&mut person).await;
    let good = bed.exchange(&code);
    let other = bed.verifier.to_lowercase() + "x";
    let unknown = keystead_vault::Token::generate(keystead_vault::TokenKind::Link);
    let unknown = bed.scene.ks.place.plant("code", unknown.expose());
    for (name, value, error) in [
        ("code", "", "invalid_request"),
        ("code", "nonsense", "invalid_grant"),
        ("code", &*unknown, "invalid_grant"),
        ("code", &*bed.scene.token, "invalid_grant"),
        ("redirect_uri", "", "invalid_request"),
        ("redirect_uri", "https://app.example/back", "invalid_grant"),
        ("redirect_uri", "https://evil.example/", "invalid_grant"),
        ("code_verifier", "", "invalid_request"),
        ("code_verifier", "short", "invalid_grant"),
        ("code_verifier", &*other, "invalid_grant"),
        ("client_id", "", "invalid_client"),
        ("client_id", "nobody", "invalid_client"),
    ] {
        let status = if error == "invalid_client" { 401 } else { 400 };
        let reply = bed.send(TOKEN, &with(&good, name, value)).await;
        assert_eq!(
            reply.json()["error"],
            error,
            "{name}={value}: {}",
            reply.text()
        );
        no(&reply, status, error);
    }
    // The challenge itself, as `plain` would have it.
    let ask = bed.ask(&[]);
    let (_, challenge) = ask.split_once("code_challenge=").unwrap();
    let challenge = challenge.split('&').next().unwrap();
    let plain = bed
        .send(TOKEN, &with(&good, "code_verifier", challenge))
        .await;
    no(&plain, 400, "invalid_grant");
    // Another client, with its own secret and with the same address.
    let app = &bed.scene.app;
    let mut theirs = with(&good, "client_id", &app.client_id);
    no(&bed.send(TOKEN, &theirs).await, 401, "invalid_client");
    theirs.push(("client_secret", &app.client_secret));
    no(&bed.send(TOKEN, &theirs).await, 400, "invalid_grant");
    // A public client can't speak for anybody.
    let vouched = [
        ("grant_type", "client_credentials"),
        ("client_id", &*bed.client_id),
        ("uid", "u-1"),
    ];
    no(&bed.send(TOKEN, &vouched).await, 400, "unauthorized_client");
    // None of that used the code up.
    bed.plant(&bed.send(TOKEN, &good).await.expect(200).json());
}

async fn a_client_with_a_secret_shows_it(store: Store) {
    let (bed, mut person) = Bed::on(store).await;
    let app = &bed.scene.app;
    let ask = bed.ask(&[("client_id", &app.client_id)]);
    let code = bed.code_of(&mut person, &ask).await;
    let mut fields = with(&bed.exchange(&code), "client_id", &app.client_id);
    no(&bed.send(TOKEN, &fields).await, 401, "invalid_client");
    fields.push(("client_secret", &app.client_secret));
    let minted = bed.send(TOKEN, &fields).await.expect(200).json();
    let tokens = bed.plant(&minted);
    let chat = bed
        .scene
        .addon
        .ask("GET", "/v1/models", "openai", &tokens.access);
    bed.scene.client().send(chat).await.expect(200);
    let refresh = [
        ("grant_type", "refresh_token"),
        ("client_id", &*app.client_id),
        ("refresh_token", &*tokens.refresh),
    ];
    no(&bed.send(TOKEN, &refresh).await, 401, "invalid_client");
    // A token ends with the secret that it was asked for with; the next one is asked for with another.
    let secrets = format!("/applications/{}/client-secrets", app.id);
    let ks = &bed.scene.ks;
    let second = ks.manage("POST", &secrets, &json!({})).await;
    let second_secret = ks
        .place
        .plant("client_secret", second["client_secret"].as_str().unwrap());
    let listed = ks.manage("GET", &secrets, &Value::Null).await;
    let mut listed = listed["data"].as_array().unwrap().iter();
    let first = listed
        .find(|one| one["secret_id"] != second["secret_id"])
        .unwrap();
    let first = format!("{secrets}/{}", first["secret_id"].as_str().unwrap());
    ks.manage("DELETE", &first, &Value::Null).await;
    let chat = bed
        .scene
        .addon
        .ask("GET", "/v1/models", "openai", &tokens.access);
    bed.scene
        .client()
        .send(chat)
        .await
        .refused(401, "unauthenticated");
    let with_second = [&refresh[..], &[("client_secret", &second_secret)]].concat();
    bed.plant(&bed.send(TOKEN, &with_second).await.expect(200).json());
}

/// A program on one's own machine listens where it can.
#[tokio::test]
async fn a_program_on_ones_own_machine_may_have_any_port() {
    let (bed, mut person) = Bed::on(Store::Sqlite).await;
    let path = bed.application();
    let uris = json!({"redirect_uris": [BACK, "http://127.0.0.1/done"]});
    bed.scene.ks.manage("PATCH", &path, &uris).await;
    let here = "http://127.0.0.1:51004/done";
    for _ in 0..2 {
        // Anybody can listen there, so a person is asked each time.
        let page = person
            .visit_private(&bed.ask(&[("redirect_uri", here)]))
            .await
            .expect(200);
        let led = person.submit(&super::allow(&page)).await;
        let query = led
            .path
            .strip_prefix(&format!("{here}?"))
            .expect("back to the program");
        let mut told = form_urlencoded::parse(query.as_bytes());
        let (_, code) = told.find(|(name, _)| name == "code").unwrap();
        let code = bed.scene.ks.place.plant("code", code);
        let elsewhere = with(
            &bed.exchange(&code),
            "redirect_uri",
            "http://127.0.0.1:51005/done",
        );
        no(&bed.send(TOKEN, &elsewhere).await, 400, "invalid_grant");
        let same = with(&bed.exchange(&code), "redirect_uri", here);
        bed.plant(&bed.send(TOKEN, &same).await.expect(200).json());
    }
}
