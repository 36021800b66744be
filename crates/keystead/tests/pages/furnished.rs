//! A server as it looks when people have worked with it: applications, keys, AddOns, calls.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::setup::text;
use crate::harness::{AddOn, Answer, App, Ask, Key, Keystead, eventually};

/// What stands on the server, for the addresses of pages.
pub(super) async fn furnish(ks: &Keystead) -> Value {
    let origins = json!(["https://letterbox.example", "https://www.letterbox.example"]);
    let letterbox = json!({"name": "Letterbox", "origins": origins,
        "redirect_uris": ["https://letterbox.example/back"],
        "limits": {"each_subject": {"budgets": ["50000 tokens/day"]}}});
    let letterbox = ks.app_with(letterbox).await;
    let desk = json!({"name": "Atlas help desk", "origins": ["https://help.atlas.example"]});
    let desk = ks.app_with(desk).await;
    ks.app_with(json!({"name": "Letterbox, development"})).await;

    let writing = ks.key_named(&letterbox, "openai", "Writing help").await;
    let languages = ks.key_named(&letterbox, "deepl", "Translations").await;
    let pictures = ks.key_named(&letterbox, "stability", "Pictures").await;
    let answers = ks
        .key_named(&desk, "anthropic", "Answers, Frankfurt team")
        .await;
    let spare = ks
        .key_named(&desk, "azure-openai", "Spare, Sweden Central")
        .await;
    ks.key_named(&desk, "azure-vision", "Alt texts").await;

    let limits = json!({"requests": "10/s burst 20, 5000/d",
        "budgets": ["25 USD/month", "200000 tokens/day"]});
    let models = json!(["gpt-6-luna", "gpt-6-moon"]);
    let helper = json!({"type": "text", "models": models, "limits": limits});
    let helper = ks
        .addon_with(&letterbox, &writing, "ai-writing", helper)
        .await;
    let translate = json!({"type": "translation"});
    let translate = ks
        .addon_with(&letterbox, &languages, "translate", translate)
        .await;
    let draw = json!({"type": "image"});
    let draw = ks.addon_with(&letterbox, &pictures, "pictures", draw).await;
    let replies = json!({"type": "text", "models": ["claude-haiku-5-5"]});
    let replies = ks.addon_with(&desk, &answers, "replies", replies).await;
    let drafts = ks
        .addon_with(&desk, &spare, "drafts", json!({"type": "text"}))
        .await;

    work(
        ks,
        &letterbox,
        [
            (&helper, &writing),
            (&translate, &languages),
            (&draw, &pictures),
        ],
    )
    .await;
    work(ks, &desk, [(&replies, &answers)]).await;
    trouble(ks, &letterbox, &helper).await;
    watched(ks, &letterbox, &helper).await;
    ks.manage(
        "POST",
        &format!("/addons/{}/disable", drafts.id),
        &Value::Null,
    )
    .await;
    ks.provider.service("azure-openai").withdraw(&spare.secret);
    ks.manage("POST", &format!("/keys/{}/check", spare.id), &Value::Null)
        .await;

    let texts = format!("/applications/{}/consent-texts", letterbox.id);
    let text = "Your key is used for **help with letters** alone.\n\n- OpenAI bills you.\n- Withdraw whenever \
                you want. See our [terms](https://letterbox.example/terms).";
    ks.manage("POST", &texts, &json!({"texts": {"en": text}}))
        .await;
    let secrets = format!("/applications/{}/client-secrets", letterbox.id);
    let secrets = ks.manage("GET", &secrets, &Value::Null).await;
    // E-mail addresses are what the leak scan looks for, and who asks may see them.
    let members = Ask::get("/api/v1/members").bearer(&ks.api_token).secret();
    let members: Value = serde_json::from_str(&ks.client().send(members).await.text()).unwrap();
    let invited = invite(ks, "charles@mail.example", "developer").await;
    invite(ks, "mary.somerville@mail.example", "auditor").await;
    json!({"invitation": invited, "application": letterbox.id, "client": letterbox.client_id,
        "key": writing.id, "addon": helper.id,
        "secret": secrets["data"][0]["secret_id"], "member": members["data"][0]["account_id"]})
}

/// Invites someone; the token of their link.
async fn invite(ks: &Keystead, email: &str, role: &str) -> String {
    let ask = Ask::post("/api/v1/invitations").bearer(&ks.api_token);
    let ask = ask.json(&json!({"email": email, "role": role})).secret();
    let made = ks.client().send(ask).await.expect(201).text();
    let made: Value = serde_json::from_str(&made).unwrap();
    let link = made["link"].as_str().expect("it is shown this once");
    let (_, token) = link.split_once('#').expect("the token is in the fragment");
    ks.place.plant("invitation", token)
}

/// A few people, each with a few calls of every AddOn.
async fn work<const N: usize>(ks: &Keystead, app: &App, addons: [(&AddOn, &Key); N]) {
    for calls in [5, 2, 3, 1] {
        let token = ks.token(app).await;
        for (addon, key) in addons {
            for _ in 0..calls {
                ks.client()
                    .send(call(ks, addon, key.provider, &token))
                    .await
                    .expect(200);
            }
        }
    }
}

/// What goes wrong at times: a model that is not allowed, a provider that fails.
async fn trouble(ks: &Keystead, app: &App, addon: &AddOn) {
    let token = ks.token(app).await;
    let path = "/v1/chat/completions";
    let ask = |model: &str| {
        let message = json!({"role": "user", "content": ks.prompt()});
        let body = json!({"model": model, "max_completion_tokens": 400, "messages": [message]});
        addon.ask("POST", path, "openai", &token).json(&body)
    };
    ks.client().send(ask("gpt-6-sun")).await.expect(403);
    let chat = format!("POST {path}");
    ks.provider
        .openai()
        .once(&chat, Answer::new(400).and_json(&json!({"error": {}})));
    ks.client().send(ask("gpt-6-moon")).await.expect(400);
}

/// A webhook that nobody answers at, decoys, and what came of one of them.
async fn watched(ks: &Keystead, app: &App, addon: &AddOn) {
    ks.expects_errors("alert: honeytoken_used");
    let made = async |path: &str, body: Value| {
        let ask = Ask::post(format!("/api/v1{path}")).bearer(&ks.api_token);
        let made = ks.client().send(ask.json(&body).secret()).await;
        made.expect(201).json()
    };
    let hook = json!({"url": "https://127.0.0.1:9/alerts?team=platform"});
    let hook = made("/webhooks", hook).await;
    ks.place.plant("webhook_secret", text(&hook, "secret"));
    let wiki = json!({"name": "The wiki's page on deployments", "form": "access_token"});
    let wiki = made("/decoys", wiki).await;
    ks.place.plant("decoy", text(&wiki, "decoy"));
    let file =
        json!({"name": ".env of the build machine", "form": "openai", "application_id": app.id});
    let file = made("/decoys", file).await;
    let decoy = ks.place.plant("decoy", text(&file, "decoy"));
    let ask = Ask::get(format!("{}/v1/models", addon.path));
    let ask = ask.bearer(&decoy).secret();
    ks.client().send(ask).await.expect(401);
    eventually("an alert, and its delivery", PATIENCE, async || {
        let told = ks.manage("GET", "/webhooks/deliveries", &Value::Null).await;
        told["data"][0]["attempts"]
            .as_u64()
            .is_some_and(|tried| tried > 0)
    })
    .await;
}

const PATIENCE: Duration = Duration::from_secs(10);

/// One call as its provider's SDK makes it.
fn call(ks: &Keystead, addon: &AddOn, provider: &str, token: &str) -> Ask {
    let prompt = ks.prompt();
    let message = json!({"role": "user", "content": prompt});
    let ask = |path: &str| addon.ask("POST", path, provider, token);
    match provider {
        "openai" => ask("/v1/chat/completions").json(
            &json!({"model": "gpt-6-luna", "max_completion_tokens": 400, "messages": [message]}),
        ),
        "anthropic" => ask("/v1/messages")
            .json(&json!({"model": "claude-haiku-5-5", "max_tokens": 64, "messages": [message]})),
        "deepl" => ask("/v2/translate").json(&json!({"text": [prompt], "target_lang": "DE"})),
        "stability" => {
            let form = format!(
                "--edge\r\ncontent-disposition: form-data; name=\"prompt\"\r\n\r\n{prompt}\r\n--edge--\r\n"
            );
            ask("/v2beta/stable-image/generate/core")
                .header("accept", "image/*")
                .kind("multipart/form-data; boundary=edge")
                .body(form)
        }
        other => panic!("nobody calls {other} here"),
    }
}
