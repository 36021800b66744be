//! How one asks for a token: by header or by form, as a client that is known, in a form and nothing else; and
//! what is answered to who does it otherwise.

use serde_json::{Value, json};

use super::{REVOKE, TOKEN};
use crate::harness::setup::text;
use crate::harness::{App, Ask, Reply, Scene, Store, on_each_store};

on_each_store!(a_backend_authenticates_by_header_or_by_form);

async fn a_backend_authenticates_by_header_or_by_form(store: Store) {
    let scene = Scene::on(store).await;
    let App {
        client_id,
        client_secret,
        ..
    } = &scene.app;
    let uid = scene.ks.uid();
    let by_header = [("grant_type", "client_credentials"), ("uid", &uid)];
    let by_form = [
        &by_header[..],
        &[("client_id", client_id), ("client_secret", client_secret)],
    ]
    .concat();
    // RFC 6749 2.3.1: both halves are form-encoded before they are joined.
    let encoded = client_id.replace('_', "%5F");
    let secret = client_secret.replace('_', "%5f");
    for (what, ask) in [
        ("by form", post(TOKEN, &by_form)),
        (
            "by header",
            post(TOKEN, &by_header).basic(client_id, client_secret),
        ),
        ("encoded", post(TOKEN, &by_header).basic(&encoded, &secret)),
        (
            "by header, and named in the form",
            post(
                TOKEN,
                &[&by_header[..], &[("client_id", client_id)]].concat(),
            )
            .basic(client_id, client_secret),
        ),
    ] {
        let minted = answered(&scene, ask, 200).await;
        assert_eq!(minted["token_type"], "Bearer", "{what}");
        assert_eq!(minted["expires_in"], 600, "{what}");
        assert_eq!(minted["scope"], "addon:*", "{what}");
        works(&scene, &minted).await;
    }

    let other = scene.ks.app().await;
    for (what, ask) in [
        (
            "twice",
            post(TOKEN, &by_form).basic(client_id, client_secret),
        ),
        (
            "for two clients",
            post(
                TOKEN,
                &[&by_header[..], &[("client_id", &other.client_id)]].concat(),
            )
            .basic(client_id, client_secret),
        ),
    ] {
        let refused = answered(&scene, ask, 400).await;
        assert_eq!(refused["error"], "invalid_request", "{what}");
    }
}

/// A stranger learns nothing from the answer: not which clients there are, nor how near a guess was.
#[tokio::test]
async fn whoever_is_no_client_is_answered_alike() {
    let scene = Scene::with("openai").await;
    let (ks, app) = (&scene.ks, &scene.app);
    let other = ks.app().await;
    let disabled = ks.app().await;
    let path = format!("/applications/{}/disable", disabled.id);
    ks.manage("POST", &path, &json!({})).await;
    let secrets = format!("/applications/{}/client-secrets", app.id);
    let revoked = ks.manage("POST", &secrets, &json!({})).await;
    let path = format!("{secrets}/{}", text(&revoked, "secret_id"));
    ks.manage("DELETE", &path, &Value::Null).await;
    let revoked = ks
        .place
        .plant("client_secret", text(&revoked, "client_secret"));
    let own = [("grant_type", "client_credentials"), ("uid", "u")];
    let nobody = "cl_00000000000040008000000000000000";

    let mut answers = Vec::new();
    for (id, secret) in [
        (&*app.client_id, &*other.client_secret),
        (&*other.client_id, &*app.client_secret),
        (nobody, &app.client_secret),
        ("nobody", &app.client_secret),
        (&app.client_id, "secret"),
        (&app.client_id, &scene.token),
        (&app.client_id, &ks.api_token),
        (&app.client_id, &revoked),
        (&disabled.client_id, &disabled.client_secret),
        (&app.id, &app.client_secret),
    ] {
        let form = [&own[..], &[("client_id", id), ("client_secret", secret)]].concat();
        answers.push(send(&scene, post(TOKEN, &form)).await);
        answers.push(send(&scene, post(TOKEN, &own).basic(id, secret)).await);
    }
    for ask in [
        post(TOKEN, &own),
        post(
            TOKEN,
            &[&own[..], &[("client_id", &app.client_id)]].concat(),
        ),
        post(
            TOKEN,
            &[&own[..], &[("client_secret", &app.client_secret)]].concat(),
        ),
        post(TOKEN, &own).basic("", ""),
        post(TOKEN, &own).header("authorization", "Basic"),
        post(TOKEN, &own).header("authorization", "Basic !!!"),
        post(TOKEN, &own).header("authorization", "Basic bm8tY29sb24="),
        post(TOKEN, &own).bearer(&scene.token),
    ] {
        answers.push(send(&scene, ask).await);
    }

    let told = answers[0].json();
    for reply in answers {
        refused(&reply, 401, "invalid_client");
        assert_eq!(reply.json(), told);
        let challenge = reply.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Basic "), "{challenge}");
    }
}

#[tokio::test]
async fn each_mistake_has_the_word_of_the_rfc() {
    let scene = Scene::with("openai").await;
    let long = "u".repeat(129);
    for (field, value, error) in [
        ("grant_type", None, "invalid_request"),
        ("grant_type", Some(""), "invalid_request"),
        ("grant_type", Some("password"), "unsupported_grant_type"),
        ("grant_type", Some("authorization_code"), "invalid_request"),
        ("grant_type", Some("refresh_token"), "invalid_request"),
        (
            "grant_type",
            Some("Client_Credentials"),
            "unsupported_grant_type",
        ),
        ("uid", None, "invalid_request"),
        ("uid", Some(""), "invalid_request"),
        ("uid", Some(&long), "invalid_request"),
        ("uid", Some("a\nb"), "invalid_request"),
        ("uid", Some("a\u{7f}"), "invalid_request"),
        ("expires_in", Some("0"), "invalid_request"),
        ("expires_in", Some("3601"), "invalid_request"),
        ("expires_in", Some("-1"), "invalid_request"),
        ("expires_in", Some("60.5"), "invalid_request"),
        ("expires_in", Some("ten"), "invalid_request"),
        (
            "expires_in",
            Some("99999999999999999999999"),
            "invalid_request",
        ),
        ("scope", Some("chat"), "invalid_scope"),
        ("scope", Some("openid"), "invalid_scope"),
        ("scope", Some("addon:"), "invalid_scope"),
        ("scope", Some("addon:Chat"), "invalid_scope"),
        ("scope", Some("addon:../chat"), "invalid_scope"),
    ] {
        let form = form(&scene.app, field, value);
        let reply = send(&scene, post(TOKEN, &form)).await;
        refused(&reply, 400, error);
        let description = text(&reply.json(), "error_description");
        // RFC 6749 5.2: printable ASCII without quotation marks and backslashes.
        let plain = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(description.bytes().all(plain), "{field}: {description}");
    }
    // No answer repeats what was sent.
    for field in ["grant_type", "uid", "expires_in", "scope"] {
        let form = form(&scene.app, field, Some("canary\n"));
        let reply = send(&scene, post(TOKEN, &form)).await.expect(400);
        assert!(
            !reply.text().contains("canary"),
            "{field}: {}",
            reply.text()
        );
    }
    // The shortest and the longest that there may be.
    for (field, value) in [
        ("expires_in", "1"),
        ("expires_in", "3600"),
        ("uid", &long[..128]),
    ] {
        let form = form(&scene.app, field, Some(value));
        answered(&scene, post(TOKEN, &form), 200).await;
    }
}

#[tokio::test]
async fn only_a_form_in_the_body_is_read() {
    let scene = Scene::with("openai").await;
    let fields = form(&scene.app, "uid", Some("u"));
    let encoded = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&fields)
        .finish();
    let object: Value = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    let kind = "application/x-www-form-urlencoded";
    let plain = |kind: &str| Ask::post(TOKEN).kind(kind).body(encoded.clone());
    for good in [
        kind,
        &format!("{kind}; charset=UTF-8"),
        &kind.to_uppercase(),
    ] {
        answered(&scene, plain(good), 200).await;
    }
    let mut twice = fields.clone();
    twice.push(("uid", "other"));
    for (what, ask) in [
        ("JSON", Ask::post(TOKEN).json(&object)),
        ("text", plain("text/plain")),
        ("multipart", plain("multipart/form-data; boundary=x")),
        ("no kind", Ask::post(TOKEN).body(encoded.clone())),
        ("no body", Ask::post(TOKEN).kind(kind)),
        (
            "in the address",
            Ask::post(format!("{TOKEN}?{encoded}")).kind(kind),
        ),
        (
            "in both",
            Ask::post(format!("{TOKEN}?uid=u"))
                .kind(kind)
                .body(encoded.clone()),
        ),
        ("a parameter twice", post(TOKEN, &twice)),
        (
            "a long body",
            Ask::post(TOKEN).kind(kind).body("a".repeat(1 << 20)),
        ),
        (
            "two credentials",
            post(TOKEN, &fields).bearer("x").bearer("y"),
        ),
    ] {
        let reply = send(&scene, ask).await;
        assert_eq!(reply.status, 400, "{what}: {}", reply.text());
        refused(&reply, 400, "invalid_request");
    }
    for (path, method) in [
        (TOKEN, "GET"),
        (TOKEN, "PUT"),
        (REVOKE, "GET"),
        (REVOKE, "DELETE"),
    ] {
        let reply = send(&scene, Ask::new(method, path)).await;
        refused(&reply, 405, "method_not_allowed");
        let allowed = if path == TOKEN {
            "POST,OPTIONS"
        } else {
            "POST"
        };
        assert_eq!(reply.header("allow"), Some(allowed), "{method} {path}");
    }
    // Parameters that it does not know are left alone (RFC 6749 3.2), and so are cookies.
    let mut more = fields;
    more.push(("audience", "somewhere"));
    let ask = post(TOKEN, &more).header("cookie", "session=1").secret();
    let reply = send(&scene, ask.header("origin", "https://shop.example"))
        .await
        .expect(200);
    assert_eq!(reply.header("set-cookie"), None);
    assert_eq!(reply.header("access-control-allow-origin"), None);
}

pub(super) fn post(path: &str, fields: &[(&str, &str)]) -> Ask {
    Ask::post(path).form(fields)
}

/// The fields of a good request, but for one that is another or, given nothing, missing.
pub(super) fn form<'a>(
    app: &'a App,
    field: &'a str,
    value: Option<&'a str>,
) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("grant_type", "client_credentials"),
        ("client_id", &*app.client_id),
        ("client_secret", &*app.client_secret),
        ("uid", "u-1"),
    ];
    fields.retain(|(name, _)| *name != field);
    fields.extend(value.map(|value| (field, value)));
    fields
}

/// An answer of the endpoints, which nobody on the way may keep.
pub(super) async fn send(scene: &Scene, ask: Ask) -> Reply {
    let reply = scene.client().send(ask).await;
    assert_eq!(
        reply.header("cache-control"),
        Some("no-store"),
        "{}",
        reply.text()
    );
    assert_eq!(reply.header("pragma"), Some("no-cache"), "{}", reply.text());
    reply
}

/// The object that a request must be answered with; a token in it is planted, and not kept.
pub(super) async fn answered(scene: &Scene, ask: Ask, status: u16) -> Value {
    let reply = send(scene, ask.secret()).await.expect(status);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let object = reply.json();
    if let Some(token) = object["access_token"].as_str() {
        scene.ks.place.plant("access_token", token);
    }
    object
}

/// RFC 6749 5.2.
pub(super) fn refused(reply: &Reply, status: u16, error: &str) {
    let object = reply.json();
    let found = (reply.status, object["error"].as_str());
    assert_eq!(found, (status, Some(error)), "{object}");
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert!(object["error_description"].is_string(), "{object}");
}

pub(super) async fn call(scene: &Scene, minted: &Value) -> Reply {
    let ask = Ask::get(format!("{}/v1/models", scene.addon.path));
    scene
        .client()
        .send(ask.bearer(&text(minted, "access_token")))
        .await
}

pub(super) async fn works(scene: &Scene, minted: &Value) {
    call(scene, minted).await.expect(200);
}
