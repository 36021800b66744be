//! The official SDKs, unmodified: only their base URL and their key are ours.
//!
//! The scripts in `sdk/` make the calls and look at what their SDK makes of the answers, exception
//! classes included; here the stand-in's side is looked at.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::provider::Exchange;
use crate::harness::{AddOn, Answer, Scene};

/// Runs a script against an AddOn to its end.
async fn run(scene: &Scene, addon: &AddOn, script: &str) {
    run_with(scene, addon, script, &[]).await;
}

/// As [`run`], with more in the script's environment.
async fn run_with(scene: &Scene, addon: &AddOn, script: &str, environment: &[(&str, &OsStr)]) {
    let spent = json!({"limits": {"budgets": ["1 tokens/day"]}});
    let spent = scene
        .ks
        .addon_with(&scene.app, &scene.key, "spent", spent)
        .await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/sdk")
        .join(script);
    let program = if script.starts_with("python/") {
        "KEYSTEAD_TEST_PYTHON"
    } else {
        "KEYSTEAD_TEST_NODE"
    };
    let mut command = Command::new(told(program));
    command
        .arg(path)
        .env_clear()
        .env("BASE_URL", &addon.base_url)
        .env("SPENT_URL", &spent.base_url)
        .env("TOKEN", &scene.token)
        .env("PROMPT", scene.ks.prompt())
        .env("NODE_MODULES", told("KEYSTEAD_TEST_NODE_MODULES"))
        // A machine's own proxy is no part of the test.
        .env("NO_PROXY", "*")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs(environment.iter().copied())
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    scene.ks.place.keep("scripts", &said);
    assert!(
        output.status.success(),
        "{script}: {}",
        String::from_utf8_lossy(&said)
    );
}

pub(crate) fn told(name: &str) -> OsString {
    std::env::var_os(name)
        .unwrap_or_else(|| panic!("`cargo xtask test` installs it and sets {name}"))
}

/// Every call came with the stored key, in one place, and with nothing of the client's token.
fn all_came_with_the_key(scene: &Scene) -> usize {
    let exchanges = scene.ks.provider.exchanges();
    for exchange in &exchanges {
        assert_eq!(
            exchange.key(),
            Some(scene.key.secret.clone()),
            "{}",
            exchange.place()
        );
        let told = format!("{:?} {:?}", exchange.headers, exchange.query);
        assert!(!told.contains(&scene.token), "{}", exchange.place());
    }
    exchanges.len()
}

async fn scene(provider: &str, addon: Value) -> (Scene, AddOn) {
    let scene = Scene::with(provider).await;
    let addon = scene
        .ks
        .addon_with(&scene.app, &scene.key, "sdk", addon)
        .await;
    (scene, addon)
}

#[tokio::test]
async fn python_openai() {
    let models = json!({"models": ["gpt-6-luna", "m", "whisper-1"]});
    let (scene, addon) = scene("openai", models).await;
    run(&scene, &addon, "python/openai_sdk.py").await;
    assert!(all_came_with_the_key(&scene) > 15);
}

#[tokio::test]
async fn python_azure_openai() {
    let (scene, addon) = scene("azure-openai", json!({"models": ["luna"]})).await;
    run(&scene, &addon, "python/azure_openai_sdk.py").await;
    all_came_with_the_key(&scene);
    let asked = scene.ks.provider.exchanges();
    let legacy =
        |one: &&std::sync::Arc<Exchange>| one.path.starts_with("/openai/deployments/luna/");
    assert_eq!(asked.iter().filter(legacy).count(), 2);
    assert!(
        asked
            .iter()
            .all(|one| one.header("authorization").is_none())
    );
}

#[tokio::test]
async fn python_anthropic() {
    let (scene, addon) = anthropic().await;
    run(&scene, &addon, "python/anthropic_sdk.py").await;
    spoke_as(&scene, &["authorization"], "2026-10-21");
}

/// Up to 1.x it sends its key, as opposed to an auth token, in a header of Anthropic's own.
#[tokio::test]
async fn python_anthropic_of_the_generation_before() {
    let (scene, addon) = anthropic().await;
    let previous = told("KEYSTEAD_TEST_PYTHON_PREVIOUS");
    let environment = [("PYTHONPATH", previous.as_os_str())];
    run_with(&scene, &addon, "python/anthropic_sdk.py", &environment).await;
    spoke_as(&scene, &["authorization", "x-api-key"], "2023-06-01");
}

async fn anthropic() -> (Scene, AddOn) {
    scene("anthropic", json!({"models": ["claude-haiku-5-5"]})).await
}

/// The headers that carried the stored key, of those that the SDK used for its own, and the version
/// of Anthropic's API that every call named.
fn spoke_as(scene: &Scene, credentials: &[&str], version: &str) {
    all_came_with_the_key(scene);
    let service = scene.ks.provider.service("anthropic");
    let asked = service.asked("POST /v1/messages");
    for name in ["authorization", "x-api-key"] {
        let was_used = asked.iter().any(|one| one.header(name).is_some());
        assert_eq!(was_used, credentials.contains(&name), "{name}");
    }
    for one in asked {
        assert_eq!(one.header("anthropic-version"), Some(version));
    }
}

#[tokio::test]
async fn python_deepl() {
    let (scene, addon) = scene("deepl", json!({})).await;
    let deepl = scene.ks.provider.service("deepl");
    assert!(addon.base_url.ends_with('/'), "{}", addon.base_url);
    let good = crate::harness::provider::services::translation;
    deepl.on_each("POST /v2/translate", move |exchange| {
        if exchange.text().contains("FR") {
            return Answer::new(456).and_json(&json!({"message": "Quota Exceeded"}));
        }
        good(exchange)
    });
    run(&scene, &addon, "python/deepl_sdk.py").await;
    all_came_with_the_key(&scene);
}

#[tokio::test]
async fn python_azure_vision() {
    let (scene, addon) = scene("azure-vision", json!({})).await;
    run(&scene, &addon, "python/vision_sdk.py").await;
    all_came_with_the_key(&scene);
}

#[tokio::test]
async fn node_openai() {
    let models = json!({"models": ["gpt-6-luna", "whisper-1"]});
    let (scene, addon) = scene("openai", models).await;
    run(&scene, &addon, "node/openai_sdk.mjs").await;
    assert!(all_came_with_the_key(&scene) > 5);
}

#[tokio::test]
async fn node_anthropic() {
    let (scene, addon) = anthropic().await;
    run(&scene, &addon, "node/anthropic_sdk.mjs").await;
    spoke_as(&scene, &["authorization"], "2026-10-21");
}

/// As in Python, up to 0.x.
#[tokio::test]
async fn node_anthropic_of_the_generation_before() {
    let (scene, addon) = anthropic().await;
    let environment = [("PACKAGE", OsStr::new("anthropic-sdk-previous"))];
    run_with(&scene, &addon, "node/anthropic_sdk.mjs", &environment).await;
    spoke_as(&scene, &["authorization", "x-api-key"], "2023-06-01");
}

/// Stability has no official SDK: its documented HTTP, as its examples send it.
#[tokio::test]
async fn stability_by_http() {
    let scene = Scene::with("stability").await;
    let prompt = scene.ks.prompt();
    let form = format!(
        "--edge\r\ncontent-disposition: form-data; name=\"prompt\"\r\n\r\n{prompt}\r\n\
         --edge\r\ncontent-disposition: form-data; name=\"output_format\"\r\n\r\npng\r\n--edge--\r\n"
    );
    for kind in ["ultra", "core", "sd3"] {
        let ask = scene.ask("POST", &format!("/v2beta/stable-image/generate/{kind}"));
        let ask = ask
            .header("accept", "image/*")
            .kind("multipart/form-data; boundary=edge");

        let reply = scene
            .client()
            .send(ask.body(form.clone()))
            .await
            .expect(200);

        assert!(reply.body.starts_with(b"\x89PNG"));
        assert_eq!(reply.header("finish-reason"), Some("SUCCESS"));
        assert_eq!(reply.header("seed"), Some("7"));
        let at = format!("POST /v2beta/stable-image/generate/{kind}");
        let asked = scene.ks.provider.service("stability").last(&at);
        assert_eq!(asked.text(), form);
        assert_eq!(asked.header("accept"), Some("image/*"));
    }
    let moderated = json!({"id": "1", "name": "content_moderation", "errors": ["flagged"]});
    let at = "POST /v2beta/stable-image/generate/core";
    scene
        .ks
        .provider
        .service("stability")
        .on(at, Answer::new(403).and_json(&moderated));
    let ask = scene.ask("POST", "/v2beta/stable-image/generate/core");
    let ask = ask.kind("multipart/form-data; boundary=edge").body(form);
    // Moderation is the caller's own affair: it passes as it was said.
    assert_eq!(scene.client().send(ask).await.expect(403).json(), moderated);
    assert_eq!(all_came_with_the_key(&scene), 5);
}
