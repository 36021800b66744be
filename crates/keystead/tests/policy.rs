//! What an AddOn allows, and nothing beyond: operations, models, gated features, types.

use serde_json::{Value, json};

use crate::harness::{Keystead, Scene, Store};

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";

/// One server, an AddOn a row.
async fn judge(rows: &[(&str, Value, &str, &str, Value, u16, &str)]) {
    let ks = Keystead::start(Store::Sqlite).await;
    let app = ks.app().await;
    let key = ks.key(&app, "openai").await;
    let token = ks.token(&app).await;
    for (n, (what, addon, method, path, body, status, code)) in rows.iter().enumerate() {
        let addon = ks
            .addon_with(&app, &key, &format!("a{n}"), addon.clone())
            .await;
        let mut ask = addon.ask(method, path, "openai", &token);
        if !body.is_null() {
            ask = ask.json(body);
        }
        let before = ks.provider.exchanges().len();
        let reply = ks.client().send(ask).await;
        assert_eq!(
            (reply.status, reply.code().unwrap_or_default()),
            (*status, *code),
            "{what}: {}",
            reply.text()
        );
        let went_up = ks.provider.exchanges().len() - before;
        assert_eq!(
            went_up,
            usize::from(code.is_empty()),
            "{what}: what went upstream"
        );
    }
}

#[tokio::test]
async fn only_what_is_listed_is_allowed() {
    let chat = json!({"model": "gpt-6-luna", "messages": []});
    let any = || json!({});
    judge(&[
        ("an operation", any(), "POST", CHAT, chat.clone(), 200, ""),
        ("a read", any(), "GET", "/v1/models", Value::Null, 200, ""),
        (
            "no operation",
            any(),
            "POST",
            "/v1/nonsense",
            chat.clone(),
            404,
            "not_found",
        ),
        (
            "another method",
            any(),
            "DELETE",
            CHAT,
            Value::Null,
            404,
            "not_found",
        ),
        (
            "administration",
            any(),
            "GET",
            "/v1/organization/users",
            Value::Null,
            403,
            "operation_not_allowed",
        ),
        (
            "billing",
            any(),
            "GET",
            "/v1/organization/costs",
            Value::Null,
            403,
            "operation_not_allowed",
        ),
        (
            "fine-tuning",
            any(),
            "POST",
            "/v1/fine_tuning/jobs",
            json!({}),
            403,
            "operation_not_allowed",
        ),
        (
            "minting",
            any(),
            "POST",
            "/v1/realtime/client_secrets",
            json!({}),
            403,
            "operation_not_allowed",
        ),
        (
            "minting, its old name",
            any(),
            "POST",
            "/v1/realtime/sessions",
            json!({}),
            403,
            "operation_not_allowed",
        ),
        (
            "minting for chatkit",
            any(),
            "POST",
            "/v1/chatkit/sessions",
            json!({}),
            403,
            "operation_not_allowed",
        ),
        (
            "minting with everything allowed",
            json!({"operations": "all"}),
            "POST",
            "/v1/realtime/client_secrets",
            json!({}),
            403,
            "operation_not_allowed",
        ),
        (
            "opt-in, not taken",
            any(),
            "POST",
            "/v1/decisions",
            json!({"model": "m"}),
            403,
            "operation_not_allowed",
        ),
        (
            "a narrow list",
            json!({"operations": ["embeddings"]}),
            "POST",
            CHAT,
            chat.clone(),
            403,
            "operation_not_allowed",
        ),
        (
            "within a narrow list",
            json!({"operations": ["chat.completions"]}),
            "POST",
            CHAT,
            chat.clone(),
            200,
            "",
        ),
        (
            "another type",
            json!({"type": "image"}),
            "POST",
            CHAT,
            chat.clone(),
            403,
            "operation_not_allowed",
        ),
        (
            "its type",
            json!({"type": "text"}),
            "POST",
            CHAT,
            chat.clone(),
            200,
            "",
        ),
        (
            "a listed model",
            json!({"models": ["gpt-6-luna"]}),
            "POST",
            CHAT,
            chat.clone(),
            200,
            "",
        ),
        (
            "an unlisted model",
            json!({"models": ["gpt-6-sol"]}),
            "POST",
            CHAT,
            chat,
            403,
            "model_not_allowed",
        ),
        (
            "no model where models are listed",
            json!({"models": ["gpt-6-sol"]}),
            "POST",
            CHAT,
            json!({"messages": []}),
            403,
            "model_not_allowed",
        ),
    ])
    .await;
}

/// Azure names the model in the path, as the deployment, or in the body.
#[tokio::test]
async fn a_deployment_in_the_path_is_a_model() {
    let scene = Scene::with("azure-openai").await;
    let body = json!({"models": ["luna"]});
    let addon = scene
        .ks
        .addon_with(&scene.app, &scene.key, "luna", body)
        .await;
    for (path, model, status) in [
        (
            "/openai/deployments/luna/chat/completions?api-version=2024-10-21",
            "luna",
            200,
        ),
        (
            "/openai/deployments/luna/chat/completions?api-version=2024-10-21",
            "sol",
            200,
        ),
        (
            "/openai/deployments/sol/chat/completions?api-version=2024-10-21",
            "luna",
            403,
        ),
        ("/openai/v1/chat/completions", "luna", 200),
        ("/openai/v1/chat/completions", "sol", 403),
    ] {
        let ask = addon.ask("POST", path, "azure-openai", &scene.token);
        let reply = scene
            .client()
            .send(ask.json(&json!({"model": model, "messages": []})))
            .await;
        assert_eq!(reply.status, status, "{path}, {model}: {}", reply.text());
    }
}

/// What stores, reaches out, runs on or costs more is off until the AddOn allows it by name.
#[tokio::test]
async fn gated_features_are_off_until_they_are_allowed() {
    let ask = |more: &Value| {
        let mut body = json!({"model": "gpt-6-luna", "input": "x"});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        body
    };
    let chat = |more: &Value| {
        let mut body = json!({"model": "gpt-6-luna", "messages": []});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        body
    };
    let mcp = json!({"tools": [{"type": "mcp", "server_label": "x", "server_url": "https://x"}]});
    let search = json!({"tools": [{"type": "web_search"}]});
    let function = json!({"tools": [{"type": "function", "name": "f", "parameters": {}}]});
    let any = || json!({});
    let with = |feature: &str| json!({"allow": [feature]});
    let no = "feature_not_allowed";
    judge(&[
        (
            "nothing gated",
            any(),
            "POST",
            RESPONSES,
            ask(&function),
            200,
            "",
        ),
        (
            "storing",
            any(),
            "POST",
            RESPONSES,
            ask(&json!({"store": true})),
            403,
            no,
        ),
        (
            "storing, allowed",
            with("store"),
            "POST",
            RESPONSES,
            ask(&json!({"store": true})),
            200,
            "",
        ),
        (
            "storing a chat",
            any(),
            "POST",
            CHAT,
            chat(&json!({"store": true})),
            403,
            no,
        ),
        (
            "not storing",
            any(),
            "POST",
            RESPONSES,
            ask(&json!({"store": false})),
            200,
            "",
        ),
        (
            "in the background",
            any(),
            "POST",
            RESPONSES,
            ask(&json!({"background": true})),
            403,
            no,
        ),
        (
            "in the foreground",
            any(),
            "POST",
            RESPONSES,
            ask(&json!({"background": false})),
            200,
            "",
        ),
        (
            "a remote server",
            any(),
            "POST",
            RESPONSES,
            ask(&mcp),
            403,
            no,
        ),
        (
            "a remote server, allowed",
            with("remote-mcp"),
            "POST",
            RESPONSES,
            ask(&mcp),
            200,
            "",
        ),
        (
            "a hosted tool",
            any(),
            "POST",
            RESPONSES,
            ask(&search),
            403,
            no,
        ),
        (
            "another feature does not open it",
            with("store"),
            "POST",
            RESPONSES,
            ask(&search),
            403,
            no,
        ),
        (
            "a hosted tool, allowed",
            with("hosted-tools"),
            "POST",
            RESPONSES,
            ask(&search),
            200,
            "",
        ),
        (
            "a dearer tier",
            any(),
            "POST",
            RESPONSES,
            ask(&json!({"service_tier": "priority"})),
            403,
            no,
        ),
        (
            "a dearer tier, allowed",
            with("priority"),
            "POST",
            RESPONSES,
            ask(&json!({"service_tier": "priority"})),
            200,
            "",
        ),
        (
            "the usual tier",
            any(),
            "POST",
            RESPONSES,
            ask(&json!({"service_tier": "auto"})),
            200,
            "",
        ),
        (
            "data sources",
            any(),
            "POST",
            CHAT,
            chat(&json!({"data_sources": [{}]})),
            403,
            no,
        ),
        (
            "a tool that nobody knows",
            json!({"allow": ["hosted-tools", "remote-mcp", "store", "background", "priority"]}),
            "POST",
            RESPONSES,
            ask(&json!({"tools": [{"type": "brand_new"}]})),
            403,
            "unknown_tool",
        ),
        (
            "an unknown field",
            any(),
            "POST",
            CHAT,
            chat(&json!({"brand_new": 1})),
            200,
            "",
        ),
        (
            "an unknown field on a strict AddOn",
            json!({"strict": true}),
            "POST",
            CHAT,
            chat(&json!({"brand_new": 1})),
            403,
            "unknown_field",
        ),
        (
            "known fields on a strict AddOn",
            json!({"strict": true}),
            "POST",
            CHAT,
            chat(&json!({"n": 1})),
            200,
            "",
        ),
        (
            "a key smuggled into the body",
            any(),
            "POST",
            RESPONSES,
            ask(&json!({"ba\u{63}kground": true})),
            403,
            no,
        ),
    ])
    .await;
}

/// Whose key is used is never a silent choice.
#[tokio::test]
async fn an_addon_for_users_own_keys_never_uses_the_applications() {
    let scene = Scene::with("openai").await;
    let body = json!({"key_source": "user"});
    let addon = scene
        .ks
        .addon_with(&scene.app, &scene.key, "own", body)
        .await;
    let ask = addon.ask("POST", CHAT, "openai", &scene.token);

    let reply = scene.client().send(ask.json(&scene.chat_body())).await;

    reply.refused(403, "user_key_missing");
    scene.assert_no_chat();
}
