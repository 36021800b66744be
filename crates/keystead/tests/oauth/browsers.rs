//! Which pages may ask for tokens: those that a public application lists.

use super::{Bed, PAGE, REVOKE, TOKEN, no};
use crate::harness::{Ask, Reply, Store, on_each_store};

on_each_store!(
    a_page_of_a_public_application_may_ask,
    a_preflight_is_answered_for_listed_pages
);

const ALLOWED: &str = "access-control-allow-origin";

async fn a_page_of_a_public_application_may_ask(store: Store) {
    let (bed, mut person) = Bed::on(store).await;
    let tokens = bed.tokens(&mut person).await;
    bed.scene.ks.expects_errors("refresh_token_used_twice");
    let refresh = [
        ("grant_type", "refresh_token"),
        ("client_id", &*bed.client_id),
        ("refresh_token", &*tokens.refresh),
    ];
    let from = async |origin: &str, fields: &[(&str, &str)]| -> Reply {
        let ask = Ask::post(TOKEN).form(fields).header("origin", origin);
        bed.scene.client().send(ask.secret()).await
    };
    for origin in [
        "https://evil.example",
        "null",
        "https://app.example.evil",
        "https://APP.example",
    ] {
        let reply = from(origin, &refresh).await;
        no(&reply, 403, "unauthorized_client");
        assert_eq!(reply.header(ALLOWED), None, "{origin}");
    }
    // None of them used it up.
    let reply = from(PAGE, &refresh).await.expect(200);
    assert_eq!(reply.header(ALLOWED), Some(PAGE));
    assert_eq!(reply.header("vary"), Some("Origin"));
    assert_eq!(reply.header("access-control-allow-credentials"), None);
    bed.plant(&reply.json());
    // A page may read what was wrong as well.
    let reply = from(PAGE, &refresh).await;
    no(&reply, 400, "invalid_grant");
    assert_eq!(reply.header(ALLOWED), Some(PAGE));
    // One that has a secret is no page.
    let app = &bed.scene.app;
    let minted = [
        ("grant_type", "client_credentials"),
        ("client_id", &*app.client_id),
        ("client_secret", &*app.client_secret),
        ("uid", "u-1"),
    ];
    let reply = from(PAGE, &minted).await.expect(200);
    assert_eq!(reply.header(ALLOWED), None);
}

async fn a_preflight_is_answered_for_listed_pages(store: Store) {
    let (bed, _) = Bed::on(store).await;
    let preflight = async |path: &str, origin: &str| -> Reply {
        let ask = Ask::new("OPTIONS", path).header("origin", origin);
        let ask = ask.header("access-control-request-method", "POST");
        bed.scene.client().send(ask).await
    };
    let reply = preflight(TOKEN, PAGE).await.expect(204);
    assert_eq!(reply.header(ALLOWED), Some(PAGE));
    assert_eq!(reply.header("access-control-allow-methods"), Some("POST"));
    let headers = reply.header("access-control-allow-headers").unwrap();
    assert_eq!(headers, "content-type, dpop");
    assert!(reply.header("vary").unwrap().contains("Origin"));
    for (path, origin, status) in [
        (TOKEN, "https://evil.example", 403),
        (TOKEN, "null", 403),
        (TOKEN, "https://%.example", 403),
        (TOKEN, "https://app.exampl_", 403),
        (TOKEN, "HTTPS://APP.EXAMPLE", 403),
        (REVOKE, PAGE, 405),
    ] {
        let reply = preflight(path, origin).await;
        assert_eq!(reply.status, status, "{path} {origin}");
        assert_eq!(reply.header(ALLOWED), None, "{path} {origin}");
    }
    // Not for a disabled application, and not for one that has a secret.
    let origins =
        serde_json::json!({"name": "With a backend", "origins": ["https://shop.example"]});
    bed.scene.ks.app_with(origins).await;
    preflight(TOKEN, "https://shop.example").await.expect(403);
}
