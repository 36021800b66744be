//! What a provider keeps under an id belongs to the end user who caused it: to everybody else the
//! id does not exist.

use serde_json::{Value, json};

use crate::harness::setup::text;
use crate::harness::{AddOn, Answer, Ask, Keystead, Reply, Scene, Store, on_each_store};

on_each_store!(
    a_stored_response_belongs_to_who_caused_it,
    an_id_is_bound_before_it_leaves,
);

async fn a_stored_response_belongs_to_who_caused_it(store: Store) {
    let scene = Storing::on(store).await;
    let id = text(
        &scene
            .respond(&scene.token, &json!({"store": true}))
            .await
            .expect(200)
            .json(),
        "id",
    );
    let stored = Answer::json(&json!({"id": id, "object": "response"}));
    scene.ks.provider.openai().on("GET /v1/responses/*", stored);
    let stranger = scene.ks.token(&scene.app).await;
    let other = scene
        .ks
        .addon_with(&scene.app, &scene.key, "other", json!({"allow": ["store"]}))
        .await;

    scene.get(&scene.addon, &scene.token, &id).await.expect(200);
    scene
        .get(&scene.addon, &stranger, &id)
        .await
        .refused(404, "object_unknown");
    scene
        .get(&other, &scene.token, &id)
        .await
        .refused(404, "object_unknown");
    let unknown = format!("resp_{}", "0".repeat(24));
    scene
        .get(&scene.addon, &scene.token, &unknown)
        .await
        .refused(404, "object_unknown");
    for (token, status) in [(&scene.token, 200), (&stranger, 404)] {
        let reply = scene
            .respond(token, &json!({"previous_response_id": id}))
            .await;
        assert_eq!(reply.status, status, "{}", reply.text());
    }
}

/// The process is killed as soon as the client has the id: it must be known afterwards.
async fn an_id_is_bound_before_it_leaves(store: Store) {
    let scene = Storing::on(store).await;
    let mut live = scene
        .client()
        .open(scene.response(&scene.token, &json!({"store": true, "stream": true})))
        .await;
    live.until("resp_").await;
    live.until("\"response\"").await;

    scene.ks.kill();

    let heard = live.heard();
    let at = heard.find("resp_").unwrap();
    let id = heard[at..at + "resp_".len() + 24].to_owned();
    drop(live);
    scene.ks.start_again().await;
    scene
        .ks
        .provider
        .openai()
        .on("GET /v1/responses/*", Answer::json(&json!({"id": id})));
    scene.get(&scene.addon, &scene.token, &id).await.expect(200);
}

#[tokio::test]
async fn a_new_token_is_the_same_user_and_the_same_uid_elsewhere_is_not() {
    let scene = Storing::on(Store::Sqlite).await;
    let uid = scene.ks.uid();
    let token = scene.ks.token_for(&scene.app, &uid).await;
    let id = text(
        &scene
            .respond(&token, &json!({"store": true}))
            .await
            .expect(200)
            .json(),
        "id",
    );
    scene
        .ks
        .provider
        .openai()
        .on("GET /v1/responses/*", Answer::json(&json!({"id": id})));

    let again = scene.ks.token_for(&scene.app, &uid).await;
    scene.get(&scene.addon, &again, &id).await.expect(200);

    let app = scene.ks.app().await;
    let key = scene.ks.key(&app, "openai").await;
    let addon = scene
        .ks
        .addon_with(&app, &key, "chat", json!({"allow": ["store"]}))
        .await;
    let token = scene.ks.token_for(&app, &uid).await;
    scene
        .get(&addon, &token, &id)
        .await
        .refused(404, "object_unknown");
}

/// Where storing is off nothing is stored, so there is nothing to fetch.
#[tokio::test]
async fn nothing_is_stored_unless_the_addon_allows_it() {
    let scene = Scene::with("openai").await;
    let at = "POST /v1/responses";
    let body = json!({"model": "gpt-6-luna", "input": scene.ks.prompt()});

    let ask = scene.ask("POST", "/v1/responses").json(&body);
    scene.client().send(ask).await.expect(200);
    assert_eq!(scene.ks.provider.openai().last(at).json()["store"], false);

    let mut storing = body.clone();
    storing["store"] = json!(true);
    let ask = scene.ask("POST", "/v1/responses").json(&storing);
    scene
        .client()
        .send(ask)
        .await
        .refused(403, "feature_not_allowed");
    assert_eq!(scene.ks.provider.openai().asked(at).len(), 1);
}

/// Ids that are merely shown again in what was said before fetch nothing.
#[tokio::test]
async fn replayed_ids_pass() {
    let scene = Scene::with("openai").await;
    let input = json!([
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": "hello", "annotations": []}]},
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "1"},
    ]);
    let body = json!({"model": "gpt-6-luna", "input": input});
    scene
        .client()
        .send(scene.ask("POST", "/v1/responses").json(&body))
        .await
        .expect(200);

    for reaching in [
        json!([{"type": "item_reference", "id": "msg_1"}]),
        json!([{"type": "message", "role": "user", "content":
            [{"type": "input_file", "file_id": "file-1"}]}]),
    ] {
        let body = json!({"model": "gpt-6-luna", "input": reaching});
        let reply = scene
            .client()
            .send(scene.ask("POST", "/v1/responses").json(&body))
            .await;
        assert!(matches!(reply.status, 403 | 404), "{}", reply.text());
    }
}

/// Vision's Read answers with the provider's own address; a client that followed it would leave
/// the proxy behind, and somebody else's id must not be readable.
#[tokio::test]
async fn an_operation_location_leads_back_to_the_proxy_and_belongs_to_who_started_it() {
    let scene = Scene::with("azure-vision").await;
    let ask = scene.ask("POST", "/vision/v3.2/read/analyze");
    let reply = scene
        .client()
        .send(ask.json(&json!({"url": "https://images.example/a.png"})))
        .await;

    let reply = reply.expect(202);
    let place = reply
        .header("operation-location")
        .expect("an Operation-Location")
        .to_owned();

    let (_, own) = scene.addon.base_url.split_once("/proxy/").unwrap();
    let (_, path) = place
        .split_once("/proxy/")
        .unwrap_or_else(|| panic!("it leads to {place}"));
    assert!(path.starts_with(own), "{place}");
    let path = format!("/proxy/{path}");
    let fetch = |token: &str| Ask::get(&path).header("ocp-apim-subscription-key", token);
    scene.client().send(fetch(&scene.token)).await.expect(200);
    let stranger = scene.ks.token(&scene.app).await;
    scene
        .client()
        .send(fetch(&stranger))
        .await
        .refused(404, "object_unknown");
}

#[tokio::test]
async fn a_document_belongs_to_who_sent_it() {
    let scene = Scene::with("deepl").await;
    let deepl = scene.ks.provider.service("deepl");
    let id = crate::harness::planted::hex(32).to_uppercase();
    let started = json!({"document_id": id, "document_key": "k"});
    deepl.on("POST /v2/document", Answer::json(&started));
    let status = json!({"document_id": id, "status": "done", "billed_characters": 50_000});
    deepl.on(&format!("POST /v2/document/{id}"), Answer::json(&status));
    let form = "--edge\r\ncontent-disposition: form-data; name=\"target_lang\"\r\n\r\nDE\r\n--edge\r\n\
                content-disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nhi\r\n--edge--\r\n";
    let ask = scene
        .ask("POST", "/v2/document")
        .kind("multipart/form-data; boundary=edge");
    scene.client().send(ask.body(form)).await.expect(200);

    let poll = |token: &str| {
        let ask = scene
            .addon
            .ask("POST", &format!("/v2/document/{id}"), "deepl", token);
        ask.json(&json!({"document_key": "k"}))
    };
    scene.client().send(poll(&scene.token)).await.expect(200);
    let stranger = scene.ks.token(&scene.app).await;
    scene
        .client()
        .send(poll(&stranger))
        .await
        .refused(404, "object_unknown");
}

#[tokio::test]
async fn a_generated_image_belongs_to_who_asked_for_it() {
    let scene = Scene::with("stability").await;
    let stability = scene.ks.provider.service("stability");
    let id = crate::harness::planted::hex(64);
    let started = Answer::new(202).and_json(&json!({"id": id}));
    stability.on("POST /v2beta/stable-image/upscale/creative", started);
    stability.on("GET /v2beta/results/*", Answer::bytes("image/png", "png"));
    let form = "--edge\r\ncontent-disposition: form-data; name=\"prompt\"\r\n\r\nx\r\n--edge--\r\n";
    let ask = scene.ask("POST", "/v2beta/stable-image/upscale/creative");
    let ask = ask.kind("multipart/form-data; boundary=edge").body(form);
    scene.client().send(ask).await.expect(202);

    let fetch = |token: &str| {
        scene
            .addon
            .ask("GET", &format!("/v2beta/results/{id}"), "stability", token)
    };
    scene.client().send(fetch(&scene.token)).await.expect(200);
    let stranger = scene.ks.token(&scene.app).await;
    scene
        .client()
        .send(fetch(&stranger))
        .await
        .refused(404, "object_unknown");
}

/// A scene whose AddOn may store.
struct Storing(Scene);

impl Storing {
    async fn on(store: Store) -> Self {
        let ks = Keystead::start(store).await;
        let app = ks.app().await;
        let key = ks.key(&app, "openai").await;
        let addon = ks
            .addon_with(&app, &key, "chat", json!({"allow": ["store"]}))
            .await;
        let token = ks.token(&app).await;
        Self(Scene {
            ks,
            app,
            key,
            addon,
            token,
        })
    }

    fn response(&self, token: &str, more: &Value) -> Ask {
        let mut body = json!({"model": "gpt-6-luna", "input": self.ks.prompt()});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        self.addon
            .ask("POST", "/v1/responses", "openai", token)
            .json(&body)
    }

    async fn respond(&self, token: &str, more: &Value) -> Reply {
        self.client().send(self.response(token, more)).await
    }

    async fn get(&self, addon: &AddOn, token: &str, id: &str) -> Reply {
        self.client()
            .send(addon.ask("GET", &format!("/v1/responses/{id}"), "openai", token))
            .await
    }
}

impl std::ops::Deref for Storing {
    type Target = Scene;

    fn deref(&self) -> &Scene {
        &self.0
    }
}
