//! Who may be asked, and from where: host names, trusted proxies, plain HTTP.

use serde_json::json;

use crate::harness::{Ask, Keystead, Scene, Store};

/// A page can only rebind a name to us, so names must be known; literals can't be rebound.
#[tokio::test]
async fn an_unknown_host_is_misdirected() {
    let ks = Keystead::prepare(Store::Sqlite)
        .set("server.public_url", "\"http://keys.example\"")
        .set("server.console_url", "\"http://console.example\"")
        .set("server.hosts", "[\"more.example\"]")
        .start()
        .await;
    let scene = Scene::within(ks, "openai").await;
    for (host, known) in [
        ("keys.example", true),
        ("KEYS.example:8420", true),
        ("console.example", true),
        ("more.example", true),
        ("localhost:1", true),
        ("127.0.0.1", true),
        ("[::1]:8420", true),
        ("rebound.example", false),
        ("keys.example.rebound.example", false),
        ("localhost.rebound.example", false),
    ] {
        let proxied = scene.ask("GET", "/v1/models").header("host", host);
        let proxied = scene.client().send(proxied).await;
        let managed = Ask::get("/api/v1/keys")
            .bearer(&scene.ks.api_token)
            .header("host", host);
        let managed = scene.client().send(managed).await;
        let token = Ask::post("/oauth/token")
            .form(&[("uid", "u")])
            .header("host", host);
        let token = scene.client().send(token).await;
        if known {
            assert_eq!((proxied.status, managed.status), (200, 200), "{host}");
            assert_ne!(token.status, 421, "{host}");
        } else {
            proxied.refused(421, "misdirected");
            assert_eq!((managed.status, token.status), (421, 421), "{host}");
        }
    }
}

#[tokio::test]
async fn the_management_listener_knows_its_own_hosts() {
    let ks = Keystead::prepare(Store::Sqlite)
        .set("server.public_url", "\"http://keys.example\"")
        .set("management.hosts", "[\"metrics.example\"]")
        .start()
        .await;
    let client = crate::harness::Client::new(ks.management(), ks.address, &ks.place);
    for (host, status) in [
        ("metrics.example", 200),
        ("localhost", 200),
        ("127.0.0.1:9", 200),
        ("keys.example", 421),
        ("rebound.example", 421),
    ] {
        for path in ["/healthz", "/readyz", "/metrics"] {
            let reply = client.send(Ask::get(path).header("host", host)).await;
            assert_eq!(reply.status, status, "{host}{path}");
        }
    }
}

/// Nobody but a trusted proxy may say where a client is: neither a limit nor a range believes it.
#[tokio::test]
async fn forwarded_headers_of_strangers_change_nothing() {
    let ks = Keystead::start(Store::Sqlite).await;
    let scene = Scene::furnished(
        ks,
        "openai",
        json!({"addresses": ["203.0.113.0/24"]}),
        json!({}),
    )
    .await;
    for (name, value) in [
        ("x-forwarded-for", "203.0.113.7"),
        ("x-real-ip", "203.0.113.7"),
        ("forwarded", "for=203.0.113.7"),
        ("cf-connecting-ip", "203.0.113.7"),
        ("true-client-ip", "203.0.113.7"),
    ] {
        let reply = scene.client().send(scene.chat().header(name, value)).await;
        reply.refused(403, "address_not_allowed");
    }
}

#[tokio::test]
async fn a_trusted_proxy_says_where_the_client_is() {
    let prepared = Keystead::prepare(Store::Sqlite);
    let place = prepared.place().clone();
    let ks = prepared
        .set("server.trusted_proxies", "[\"127.0.0.0/8\"]")
        .start()
        .await;
    let end_user = place.plant("address", "203.0.113.177");
    let scene = Scene::furnished(
        ks,
        "openai",
        json!({"addresses": ["203.0.113.0/24"]}),
        json!({}),
    )
    .await;
    let behind = |hops: &str| {
        scene
            .chat()
            .header("x-forwarded-for", hops)
            .header("x-forwarded-proto", "https")
    };
    for (hops, status) in [
        (end_user.clone(), 200),
        // The last hop that is not one of ours counts; what stands before it anybody can write.
        (format!("10.9.9.9, {end_user}"), 200),
        (format!("{end_user}, 127.0.0.9"), 200),
        (format!("{end_user}, 198.51.100.7"), 403),
        ("198.51.100.7".to_owned(), 403),
        ("unknown".to_owned(), 403),
    ] {
        let reply = scene.client().send(behind(&hops)).await;
        assert_eq!(reply.status, status, "{hops}: {}", reply.text());
    }
    // A host's backend is elsewhere than its users are.
    let uid = scene.ks.uid();
    for (hops, status) in [(&*end_user, 200), ("198.51.100.7", 200)] {
        let ask = Ask::post("/oauth/token").form(&[
            ("grant_type", "client_credentials"),
            ("client_id", &scene.app.client_id),
            ("client_secret", &scene.app.client_secret),
            ("uid", &uid),
        ]);
        let ask = ask
            .header("x-forwarded-for", hops)
            .header("x-forwarded-proto", "https");
        let reply = scene.client().send(ask.secret()).await;
        assert_eq!(reply.status, status, "{hops}");
    }
    let asked = scene.ks.provider.openai().last("POST /v1/chat/completions");
    for name in [
        "x-forwarded-for",
        "x-forwarded-proto",
        "forwarded",
        "via",
        "x-real-ip",
    ] {
        assert_eq!(asked.header(name), None, "the provider learns {name}");
    }
}

/// Tokens over plain HTTP are for this machine alone: a proxy that took plain HTTP itself is
/// believed, and refused.
#[tokio::test]
async fn plain_http_from_elsewhere_is_refused() {
    let ks = Keystead::prepare(Store::Sqlite)
        .set("server.trusted_proxies", "[\"127.0.0.0/8\"]")
        .start()
        .await;
    let scene = Scene::within(ks, "openai").await;
    for proto in [None, Some("http"), Some("https, http")] {
        let behind = |ask: Ask| {
            let ask = ask.header("x-forwarded-for", "203.0.113.9");
            match proto {
                Some(proto) => ask.header("x-forwarded-proto", proto),
                None => ask,
            }
        };
        scene
            .client()
            .send(behind(scene.chat()))
            .await
            .refused(403, "tls_required");
        let manage = behind(Ask::get("/api/v1/keys").bearer(&scene.ks.api_token));
        let reply = scene.client().send(manage).await;
        assert_eq!(reply.status, 403, "{}", reply.text());
        let mint = behind(Ask::post("/oauth/token").form(&[("uid", "u")]));
        let reply = scene.client().send(mint).await;
        assert_eq!(reply.status, 403, "{}", reply.text());
    }
    scene.assert_no_chat();
}

/// `console.allow` closes management to all other addresses, and nothing else.
#[tokio::test]
async fn management_can_be_limited_to_ranges() {
    let ks = Keystead::prepare(Store::Sqlite)
        .set("console.allow", "[\"127.99.99.99\"]")
        .start()
        .await;
    let mut client = ks.client();
    let ask = || Ask::get("/api/v1/keys").bearer(&ks.api_token);
    let refused = client.send(ask()).await;
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (403, &json!("address_not_allowed"))
    );
    let token = client
        .send(Ask::post("/oauth/token").form(&[("uid", "u")]))
        .await;
    assert_ne!(token.status, 403);
    // Whom a host sends here, and whoever reads what is kept of them, is let in from everywhere.
    for (path, status) in [
        ("/connect/l/nothing", 409),
        ("/connect/key", 409),
        ("/privacy", 200),
        ("/connect/keys", 403),
        ("/console", 403),
    ] {
        let page = client.send(Ask::get(path)).await;
        assert_eq!(page.status, status, "{path}");
    }
    client.from = "127.99.99.99".parse().unwrap();
    assert_eq!(client.send(ask()).await.status, 200);
}
