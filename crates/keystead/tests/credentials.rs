//! Where a caller's token may stand: in the headers that SDKs put keys into, once, and nowhere else.

use crate::harness::{Ask, Scene};

#[tokio::test]
async fn the_credential_is_found_where_sdks_put_it_and_nowhere_else() {
    let scene = Scene::with("openai").await;
    let token = &scene.token;
    let path = format!("{}/v1/models", scene.addon.path);
    let ask = || Ask::get(&path);
    for (what, ask, status, code) in [
        ("bearer", ask().bearer(token), 200, ""),
        ("x-api-key", ask().header("x-api-key", token), 200, ""),
        ("api-key", ask().header("api-key", token), 200, ""),
        (
            "one value twice",
            ask().header("x-api-key", token).header("api-key", token),
            200,
            "",
        ),
        (
            "two values",
            ask().bearer(token).header("x-api-key", "another"),
            400,
            "duplicate_credential",
        ),
        (
            "one header twice",
            ask().bearer(token).bearer(token),
            400,
            "duplicate_credential",
        ),
        (
            "a cookie",
            ask().header("cookie", format!("authorization={token}")),
            401,
            "unauthenticated",
        ),
    ] {
        let reply = scene.client().send(ask).await;
        let found = (reply.status, reply.code().unwrap_or_default());
        assert_eq!(found, (status, code), "{what}: {}", reply.text());
    }
    for name in [
        "key",
        "api_key",
        "api-key",
        "access_token",
        "subscription-key",
        "KEY",
        "k%65y",
    ] {
        let ask = Ask::get(format!("{path}?{name}=x")).bearer(token);
        scene
            .client()
            .send(ask)
            .await
            .refused(400, "credential_in_query");
    }
}
