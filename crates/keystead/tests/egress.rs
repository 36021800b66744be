//! Where keys go: to the destination they were entered for, and nowhere else.

use serde_json::{Value, json};

use crate::harness::{Answer, Hold, Keystead, Provider, Scene, Step, Store, planted, within};

const CHAT: &str = "POST /v1/chat/completions";

#[tokio::test]
async fn redirects_are_not_followed() {
    let scene = Scene::with("openai").await;
    let elsewhere = Provider::start().await;
    elsewhere.openai().accept(&scene.key.secret);
    for status in [301, 302, 303, 307, 308] {
        let place = format!("{}/v1/chat/completions", elsewhere.openai().base_url());
        let redirect = Answer::new(status).header("location", place);
        scene.ks.provider.openai().on(CHAT, redirect);

        let reply = scene.client().send(scene.chat()).await;

        assert!(
            reply.status == status || reply.status == 502,
            "{}",
            reply.status
        );
        // Nor is the client sent there: its SDK would take the token along.
        let location = reply.header("location").unwrap_or_default();
        assert!(
            !location.contains(&elsewhere.address().to_string()),
            "{location}"
        );
    }
    assert!(elsewhere.exchanges().is_empty());
}

/// A key check is no exception.
#[tokio::test]
async fn a_key_check_follows_no_redirect() {
    let ks = Keystead::start(Store::Sqlite).await;
    let elsewhere = Provider::start().await;
    let app = ks.app().await;
    let place = format!("{}/v1/models", elsewhere.openai().base_url());
    let secret = ks.place.plant("provider_key", planted::key("openai"));
    ks.provider.openai().accept(&secret);
    ks.provider
        .openai()
        .on("GET /v1/models", Answer::new(307).header("location", place));

    let body = json!({"application_id": app.id, "provider": "openai", "name": "n", "key": secret});
    ks.api("POST", "/keys", &body).await;

    assert!(elsewhere.exchanges().is_empty());
}

#[tokio::test]
async fn proxies_of_the_environment_are_ignored() {
    let trap = Provider::start().await;
    let prepared = Keystead::prepare(Store::Sqlite);
    let ks = prepared.init().await;
    let proxy = format!("http://{}", trap.address());
    let names = [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ];
    ks.start_again_with(&names.map(|name| (name, proxy.as_str())))
        .await;
    let scene = Scene::within(ks, "openai").await;

    scene.client().send(scene.chat()).await.expect(200);

    assert!(trap.exchanges().is_empty());
    assert_eq!(scene.ks.provider.openai().asked(CHAT).len(), 1);
}

/// Without danger's leave a key is neither stored for a private address nor sent to one.
#[tokio::test]
async fn private_addresses_are_refused_without_danger() {
    let ks = Keystead::prepare(Store::Sqlite)
        .set("danger.allow_private_upstreams", "false")
        .set("providers.openai.base_url", "")
        .set("providers.azure-openai.base_url", "")
        .set("providers.azure-vision.base_url", "")
        .set("providers.deepl.base_url", "")
        .set("providers.stability.base_url", "")
        .set("providers.anthropic.base_url", "")
        .start()
        .await;
    let app = ks.app().await;
    for endpoint in [
        ks.provider.service("azure-openai").base_url(),
        "https://127.0.0.1".into(),
        "https://127.0.0.1.nip.io".into(),
        "https://localhost".into(),
        "https://[::1]".into(),
        "https://[::ffff:127.0.0.1]".into(),
        "https://10.0.0.1".into(),
        "https://192.168.1.1".into(),
        "https://169.254.169.254".into(),
        "https://2130706433".into(),
        "https://0x7f000001".into(),
        "https://0177.0.0.1".into(),
        "https://evil.example".into(),
        "https://openai.azure.com.evil.example".into(),
        "https://a.b.openai.azure.com".into(),
        "https://me:pw@res.openai.azure.com".into(),
        "https://res.openai.azure.com@evil.example".into(),
        "https://res.openai.azure.com:8443".into(),
        "http://res.openai.azure.com".into(),
        "https://res.openai.azure.com/?x=1".into(),
        "file:///etc/passwd".into(),
        "nonsense".into(),
    ] {
        let body = json!({"application_id": app.id, "provider": "azure-openai", "name": "n",
            "key": planted::key("azure-openai"), "endpoint": endpoint, "skip_check": true});
        let reply = ks.api("POST", "/keys", &body).await;
        assert!(
            matches!(reply.status, 400 | 422),
            "{endpoint}: {} {}",
            reply.status,
            reply.text()
        );
    }
    assert!(ks.provider.exchanges().is_empty());
    let listed = ks.manage("GET", "/keys", &Value::Null).await;
    assert_eq!(listed["data"], json!([]));
}

/// Danger opens private addresses, never link-local ones: those hand out a cloud's credentials.
#[tokio::test]
async fn link_local_addresses_stay_closed_whatever_danger_says() {
    let ks = Keystead::start(Store::Sqlite).await;
    let app = ks.app().await;
    for endpoint in [
        "http://169.254.169.254",
        "http://[fe80::1]",
        "http://[fd00:ec2::254]",
        "http://0.0.0.0",
    ] {
        let body = json!({"application_id": app.id, "provider": "azure-openai", "name": "n",
            "key": planted::key("azure-openai"), "endpoint": endpoint, "skip_check": true});
        let reply = ks.api("POST", "/keys", &body).await;
        assert!(
            matches!(reply.status, 400 | 422),
            "{endpoint}: {} {}",
            reply.status,
            reply.text()
        );
    }
}

/// The server itself is no provider: a call that came back in would go round for ever.
#[tokio::test]
async fn the_servers_own_listeners_are_no_destination() {
    let ks = Keystead::start(Store::Sqlite).await;
    let app = ks.app().await;
    for own in [ks.public(), ks.management()] {
        let body = json!({"application_id": app.id, "provider": "azure-openai", "name": "n",
            "key": planted::key("azure-openai"), "endpoint": format!("http://{own}"),
            "skip_check": true});
        let reply = ks.api("POST", "/keys", &body).await;
        if reply.status >= 400 {
            continue;
        }
        // Entered all the same, it must not be connected to.
        let key = crate::harness::Key {
            id: reply.json()["key_id"].as_str().unwrap().to_owned(),
            provider: "azure-openai",
            secret: String::new(),
        };
        let handle = format!("h{}", own.port());
        let (addon, token) = (ks.addon(&app, &key, &handle).await, ks.token(&app).await);
        let ask = addon.ask("GET", "/openai/v1/models", "azure-openai", &token);
        ks.client()
            .send(ask)
            .await
            .refused(502, "provider_unreachable");
    }
}

/// A key that was entered for one address is not sent to another because a file was edited.
#[tokio::test]
async fn a_changed_base_url_asks_for_the_key_again() {
    let scene = Scene::with("openai").await;
    scene.client().send(scene.chat()).await.expect(200);
    let other = Provider::start().await;
    other.openai().accept(&scene.key.secret);
    let text = std::fs::read_to_string(scene.ks.config()).unwrap();
    let (old, new) = (
        scene.ks.provider.openai().base_url(),
        other.openai().base_url(),
    );
    std::fs::write(scene.ks.config(), text.replace(&old, &new)).unwrap();

    scene.ks.kill();
    scene.ks.start_again().await;

    scene
        .client()
        .send(scene.chat())
        .await
        .refused(403, "destination_changed");
    assert!(other.exchanges().is_empty());
}

/// Requests are rebuilt: the provider gets what its API knows, and nothing of who asks.
#[tokio::test]
async fn the_provider_learns_nothing_of_the_client() {
    let scene = Scene::with("openai").await;
    let dropped = [
        ("cookie", "session=1"),
        ("origin-agent-cluster", "?1"),
        ("referer", "https://shop.example/a"),
        ("sec-fetch-site", "cross-site"),
        ("sec-ch-ua", "x"),
        ("x-forwarded-for", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9"),
        ("via", "1.1 x"),
        ("x-real-ip", "203.0.113.9"),
        ("x-user-id", "7"),
        ("x-keystead-anything", "x"),
        ("openai-organization", "org-of-the-client"),
        ("openai-project", "project-of-the-client"),
        ("te", "trailers"),
        ("proxy-authorization", "Basic eDp5"),
        ("accept-language", "fo"),
    ];
    let kept = [
        ("x-stainless-lang", "rust"),
        ("x-client-request-id", "abc"),
        ("openai-beta", "responses_multi_agent=v1"),
    ];
    let mut ask = scene.chat();
    for (name, value) in dropped.iter().chain(&kept) {
        ask = ask.header(name, value);
    }

    scene.client().send(ask).await.expect(200);

    let asked = scene.ks.provider.openai().last(CHAT);
    for (name, _) in dropped {
        assert_eq!(asked.header(name), None, "{name}");
    }
    for (name, value) in kept {
        assert_eq!(asked.header(name), Some(value), "{name}");
    }
    assert_eq!(asked.key(), Some(scene.key.secret.clone()));
    assert_eq!(
        asked.header("host"),
        Some(scene.ks.provider.address().to_string().as_str())
    );
    let told = format!("{:?}", asked.headers);
    assert!(
        !told.contains(&scene.token) && !told.contains(&scene.ks.address.to_string()),
        "{told}"
    );
}

/// Answers are rebuilt as well: nothing of the provider's gateway or of the key's owner.
#[tokio::test]
async fn the_client_learns_nothing_of_the_keys_owner() {
    let scene = Scene::with("openai").await;
    let mut answer = Answer::json(&json!({"id": "x"}));
    let dropped = [
        ("openai-organization", "org-of-the-owner"),
        ("openai-project", "project-of-the-owner"),
        ("set-cookie", "__cf_bm=1"),
        ("server", "cloudflare"),
        ("cf-ray", "1"),
        ("alt-svc", "h3=\":443\""),
        ("strict-transport-security", "max-age=1"),
        ("access-control-allow-origin", "*"),
        ("access-control-expose-headers", "*"),
        ("link", "<https://x>"),
        ("x-internal", "1"),
        ("cache-control", "public, max-age=9"),
    ];
    let kept = [
        ("x-request-id", "req_1"),
        ("openai-processing-ms", "12"),
        ("x-ratelimit-remaining-requests", "9"),
        ("x-ratelimit-reset-tokens", "6m0s"),
    ];
    for (name, value) in dropped.iter().chain(&kept) {
        answer = answer.header(name, value);
    }
    scene.ks.provider.openai().on(CHAT, answer);

    let reply = scene.client().send(scene.chat()).await.expect(200);

    for (name, value) in dropped {
        assert_ne!(reply.header(name), Some(value), "{name}");
    }
    for (name, value) in kept {
        assert_eq!(reply.header(name), Some(value), "{name}");
    }
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox"),
        ("x-keystead-source", "upstream"),
        ("x-keystead-key-source", "application"),
    ] {
        assert_eq!(reply.header(name), Some(value), "{name}");
    }
    assert!(
        reply
            .header("x-keystead-request-id")
            .is_some_and(|id| id.starts_with("req_"))
    );
}

/// A provider that answers before it has read the request does not leave it half-read.
#[tokio::test]
async fn an_answer_that_comes_before_the_body_is_whole_passes() {
    let scene = Scene::with("azure-vision").await;
    let vision = scene.ks.provider.service("azure-vision");
    let at = "POST /vision/v3.2/analyze";
    vision.does_not_wait_for_the_body(at);
    let hold = Hold::new();
    vision.on(
        at,
        Answer::new(413)
            .first(Step::Hold(hold.clone()))
            .and_json(&Value::Null),
    );
    let (ask, pieces) = scene.ask("POST", "/vision/v3.2/analyze").pieces();
    let ask = ask.kind("application/octet-stream");
    let client = scene.client();
    let sending = tokio::spawn(async move { client.try_open(ask).await.map(|live| live.status) });
    pieces.send(vec![7; 1_000].into()).await.unwrap();

    hold.release_all();

    let answered = within(
        std::time::Duration::from_secs(5),
        "the early answer",
        sending,
    )
    .await;
    assert_eq!(answered.unwrap().unwrap(), 413);
}
