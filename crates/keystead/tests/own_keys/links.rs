//! What hosts, and pages of theirs, ask about their users' keys: for a link that leads a user here, whether
//! what came of it is confirmed, and what is connected.

use keystead::store::GrantTerms;
use serde_json::json;

use super::bed::{BACK, Bed, PAGE, wanting};
use crate::harness::setup::text;
use crate::harness::{Ask, Store, on_each_store, planted};

on_each_store!(
    hosts_ask_for_links_and_confirm_them,
    a_page_asks_what_its_user_has_connected,
);

async fn hosts_ask_for_links_and_confirm_them(store: Store) {
    let bed = Bed::on(store).await;
    let wanted = [
        ("uid", &*bed.uid),
        ("handle", "own"),
        ("return_to", BACK),
        ("state", "s 1"),
    ];
    let made = bed.host("/connect/links", &wanted).await.expect(200);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let made = made.json();
    assert_eq!(made["expires_in"], 600);
    let url = bed.ks().place.plant("link", text(&made, "connect_url"));
    assert!(url.contains("/connect/l/ksl1_"));
    // As JSON, with the secret in the header.
    let body = json!({"uid": bed.uid, "handle": "mixed", "return_to": BACK, "state": null});
    let ask = Ask::post("/connect/links")
        .basic(&bed.scene.app.client_id, &bed.scene.app.client_secret)
        .json(&body);
    bed.scene.client().send(ask.secret()).await.expect(200);

    let long = "s".repeat(513);
    for (name, value, status, error) in [
        (
            "return_to",
            "https://app.example/other",
            400,
            "invalid_request",
        ),
        ("return_to", "", 400, "invalid_request"),
        // It works with the application's key.
        ("handle", "chat", 400, "invalid_request"),
        ("handle", "nothing", 400, "invalid_request"),
        ("uid", "", 400, "invalid_request"),
        ("state", &long, 400, "invalid_request"),
        ("client_secret", "nonsense", 401, "invalid_client"),
    ] {
        let mut fields = wanted.to_vec();
        fields.retain(|(known, _)| *known != name);
        let mut own = vec![
            ("client_id", &*bed.scene.app.client_id),
            ("client_secret", &*bed.scene.app.client_secret),
        ];
        own.retain(|(known, _)| *known != name);
        own.extend(fields);
        own.push((name, value));
        let ask = Ask::post("/connect/links").form(&own).secret();
        let reply = bed.scene.client().send(ask).await;
        assert_eq!(reply.status, status, "{name}={value}: {}", reply.text());
        assert_eq!(reply.json()["error"], error, "{name}={value}");
    }
    let code = planted::alphanumeric(43);
    for code in [&*code, "ksl1_", &url] {
        let fields = [("uid", &*bed.uid), ("code", code)];
        let reply = bed.host("/connect/confirm", &fields).await;
        assert_eq!(reply.json()["error"], "invalid_grant", "{}", reply.text());
    }
    // A client that can't keep a secret vouches for nobody.
    let public = json!({"name": "Public", "public": true, "redirect_uris": [BACK]});
    let public = bed.ks().manage("POST", "/applications", &public).await;
    let client_id = text(&public, "client_id");
    let ask = Ask::post("/connect/status").form(&[("client_id", &client_id), ("uid", "u")]);
    let reply = bed.scene.client().send(ask).await;
    assert_eq!(reply.json()["error"], "unauthorized_client");

    let status = bed.host("/connect/status", &[("uid", &bed.uid)]).await;
    assert_eq!(status.expect(200).json()["connected"], false);
    let brought = bed.bring(GrantTerms::default()).await;
    let asked = [("uid", &*bed.uid), ("handle", "own")];
    let status = bed.host("/connect/status", &asked).await;
    let status = status.expect(200).json();
    let last4 = &brought.secret[brought.secret.len() - 4..];
    assert_eq!(status["connected"], true, "{status}");
    assert_eq!(status["last4"], last4, "{status}");
    assert_eq!(status["status"], "valid", "{status}");
    assert_eq!(status["addons"], json!(["mixed", "own"]), "{status}");
    // Ranges say where its users are; a host's backend is elsewhere.
    let path = format!("/applications/{}", bed.scene.app.id);
    let ranges = json!({"addresses": ["127.99.99.99/32"]});
    bed.ks().manage("PATCH", &path, &ranges).await;
    let status = bed.host("/connect/status", &wanted).await.expect(200);
    assert_eq!(status.json()["connected"], true);
}

async fn a_page_asks_what_its_user_has_connected(store: Store) {
    let bed = Bed::on(store).await;
    bed.bring(GrantTerms::default()).await;
    let token = bed.token().await;
    let path = format!("/connect/status/{}", bed.scene.app.client_id);
    let ask = async |token: &str, origin: &str| {
        let ask = Ask::get(&path).bearer(token).header("origin", origin);
        bed.scene.client().send(ask).await
    };
    let allowed = "access-control-allow-origin";
    let reply = ask(&token, PAGE).await.expect(200);
    assert_eq!(reply.header(allowed), Some(PAGE));
    assert_eq!(reply.json()["connected"], true);
    let other = bed.ks().token(&bed.scene.app).await;
    assert_eq!(
        ask(&other, PAGE).await.expect(200).json()["connected"],
        false
    );
    for origin in ["https://evil.example", "null"] {
        let reply = ask(&token, origin).await.expect(403);
        assert_eq!(reply.header(allowed), None);
    }
    let reply = ask("kst1_nonsense", PAGE).await.expect(401);
    assert_eq!(reply.json()["error"], "invalid_token");
    assert_eq!(reply.header(allowed), Some(PAGE));
    // Nor does a token of another application's count here.
    let another = bed.ks().app().await;
    wanting(bed.ks(), &another, "own").await;
    let foreign = bed.ks().token_for(&another, &bed.uid).await;
    ask(&foreign, PAGE).await.expect(401);
    let preflight = Ask::new("OPTIONS", &path)
        .header("origin", PAGE)
        .header("access-control-request-method", "GET");
    let reply = bed.scene.client().send(preflight).await.expect(204);
    assert_eq!(reply.header(allowed), Some(PAGE));
    bed.ks().revoke_token(&bed.scene.app, &token).await;
    ask(&token, PAGE).await.expect(401);
}
