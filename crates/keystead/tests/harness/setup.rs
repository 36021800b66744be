//! Applications, keys, AddOns and tokens, made through the interfaces that hosts use.

use serde_json::{Value, json};

use super::{Ask, Client, Keystead, Reply, Store, planted};

/// A host application.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) id: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
}

/// A stored provider key, and the secret that the provider knows.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) provider: &'static str,
    pub(crate) secret: String,
}

/// An AddOn.
#[derive(Clone, Debug)]
pub(crate) struct AddOn {
    pub(crate) id: String,
    /// As the SDK wants it.
    pub(crate) base_url: String,
    /// `/proxy/{client_id}/{handle}`.
    pub(crate) path: String,
}

impl Keystead {
    /// A request to the REST API with the account's token.
    pub(crate) async fn api(&self, method: &str, path: &str, body: &Value) -> Reply {
        let mut ask = Ask::new(method, format!("/api/v1{path}"))
            .bearer(&self.api_token)
            .secret();
        if !body.is_null() {
            ask = ask.json(body);
        }
        let reply = self.client().send(ask).await;
        // Kept for the leak scan, but for the answers that hand out a secret.
        if memchr::memmem::find(&reply.body, b"ksc1_").is_none() {
            self.place.keep("answers", &reply.body);
        }
        reply
    }

    /// As [`api`](Self::api); it must work.
    pub(crate) async fn manage(&self, method: &str, path: &str, body: &Value) -> Value {
        let reply = self.api(method, path, body).await;
        let what = format!("{method} {path}: {} {}", reply.status, reply.text());
        assert!((200..300).contains(&reply.status), "{what}");
        if reply.body.is_empty() {
            Value::Null
        } else {
            reply.json()
        }
    }

    pub(crate) async fn app(&self) -> App {
        self.app_with(json!({})).await
    }

    /// Another account with an organization of its own; its API token. On SQLite while no server
    /// runs.
    pub(crate) async fn another_account(&self) -> String {
        let email = format!("canary-{}@mail.example", planted::hex(16));
        let email = self.place.plant("email", email);
        let init = self.local_command(&["init", "--admin-email", &email, "--json"]);
        let made = init.secret().run().await.json();
        self.place.plant("api_token", text(&made, "api_token"))
    }

    /// An application with more than the least.
    pub(crate) async fn app_with(&self, mut body: Value) -> App {
        if body["name"].is_null() {
            body["name"] = json!("Host application");
        }
        let made = self.manage("POST", "/applications", &body).await;
        let client_secret = self
            .place
            .plant("client_secret", text(&made, "client_secret"));
        App {
            id: text(&made, "application_id"),
            client_id: text(&made, "client_id"),
            client_secret,
        }
    }

    /// A random key that the provider takes, sealed.
    pub(crate) async fn key(&self, app: &App, provider: &str) -> Key {
        self.key_named(app, provider, "main").await
    }

    /// As [`key`](Self::key), with a name of its own.
    pub(crate) async fn key_named(&self, app: &App, provider: &str, name: &str) -> Key {
        let service = self.provider.service(provider);
        let secret = self.place.plant("provider_key", planted::key(provider));
        service.accept(&secret);
        let mut body = json!({"application_id": app.id, "provider": provider, "name": name,
            "key": secret});
        if provider.starts_with("azure") {
            body["endpoint"] = json!(service.base_url());
        }
        let made = self.manage("POST", "/keys", &body).await;
        assert_eq!(made["status"], "valid", "{made}");
        Key {
            id: text(&made, "key_id"),
            provider: service.name,
            secret,
        }
    }

    pub(crate) async fn addon(&self, app: &App, key: &Key, handle: &str) -> AddOn {
        self.addon_with(app, key, handle, json!({})).await
    }

    /// An AddOn with more than the least.
    pub(crate) async fn addon_with(
        &self,
        app: &App,
        key: &Key,
        handle: &str,
        mut body: Value,
    ) -> AddOn {
        body["application_id"] = json!(app.id);
        body["handle"] = json!(handle);
        body["key_id"] = json!(key.id);
        if body["type"].is_null() {
            body["type"] = json!("any");
        }
        let made = self.manage("POST", "/addons", &body).await;
        AddOn {
            id: text(&made, "addon_id"),
            base_url: text(&made, "base_url"),
            path: format!("/proxy/{}/{handle}", app.client_id),
        }
    }

    /// A token for a new end user.
    pub(crate) async fn token(&self, app: &App) -> String {
        let uid = self.uid();
        self.token_for(app, &uid).await
    }

    pub(crate) async fn token_for(&self, app: &App, uid: &str) -> String {
        let minted = self.mint(app, &[("uid", uid)]).await.expect(200).json();
        self.place
            .plant("access_token", text(&minted, "access_token"))
    }

    /// The token endpoint's answer.
    pub(crate) async fn mint(&self, app: &App, fields: &[(&str, &str)]) -> Reply {
        let own = [
            ("grant_type", "client_credentials"),
            ("client_id", &app.client_id),
            ("client_secret", &app.client_secret),
        ];
        let ask = Ask::post("/oauth/token")
            .form(&[&own, fields].concat())
            .secret();
        self.client().send(ask).await
    }

    pub(crate) async fn revoke_token(&self, app: &App, token: &str) {
        let fields = [
            ("client_id", app.client_id.as_str()),
            ("client_secret", &app.client_secret),
            ("token", token),
        ];
        self.client()
            .send(Ask::post("/oauth/revoke").form(&fields))
            .await
            .expect(200);
    }

    /// The name of an end user, as a host gives it.
    pub(crate) fn uid(&self) -> String {
        self.place
            .plant("uid", format!("user-{}", planted::hex(24)))
    }

    /// Something an end user asks, and nobody else's business.
    pub(crate) fn prompt(&self) -> String {
        self.place
            .plant("prompt", format!("prompt {}", planted::hex(32)))
    }
}

/// A server with an application, a key, an AddOn called `chat` and a token: enough for one call.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) ks: Keystead,
    pub(crate) app: App,
    pub(crate) key: Key,
    pub(crate) addon: AddOn,
    pub(crate) token: String,
}

impl Scene {
    pub(crate) async fn on(store: Store) -> Self {
        Self::within(Keystead::start(store).await, "openai").await
    }

    pub(crate) async fn with(provider: &str) -> Self {
        Self::within(Keystead::start(Store::Sqlite).await, provider).await
    }

    pub(crate) async fn within(ks: Keystead, provider: &str) -> Self {
        Self::furnished(ks, provider, json!({}), json!({})).await
    }

    /// With an application and an AddOn of more than the least.
    pub(crate) async fn furnished(ks: Keystead, provider: &str, app: Value, addon: Value) -> Self {
        let app = ks.app_with(app).await;
        let key = ks.key(&app, provider).await;
        let addon = ks.addon_with(&app, &key, "chat", addon).await;
        let token = ks.token(&app).await;
        Self {
            ks,
            app,
            key,
            addon,
            token,
        }
    }

    pub(crate) fn client(&self) -> Client {
        self.ks.client()
    }

    /// No chat completion has reached OpenAI.
    pub(crate) fn assert_no_chat(&self) {
        let openai = self.ks.provider.openai();
        assert!(openai.asked("POST /v1/chat/completions").is_empty());
    }

    /// A request of the end user to the provider's own `path`, the token where the SDK puts keys.
    pub(crate) fn ask(&self, method: &str, path: &str) -> Ask {
        self.addon.ask(method, path, self.key.provider, &self.token)
    }

    /// A chat completion.
    pub(crate) fn chat(&self) -> Ask {
        self.ask("POST", "/v1/chat/completions")
            .json(&self.chat_body())
    }

    /// A streamed chat completion.
    pub(crate) fn stream(&self) -> Ask {
        let mut body = self.chat_body();
        body["stream"] = json!(true);
        self.ask("POST", "/v1/chat/completions").json(&body)
    }

    /// A neutral task.
    pub(crate) fn task(&self, body: &Value) -> Ask {
        Ask::post(self.addon.task_path())
            .bearer(&self.token)
            .json(body)
    }

    pub(crate) fn chat_body(&self) -> Value {
        let message = json!({"role": "user", "content": self.ks.prompt()});
        json!({"model": "gpt-6-luna", "messages": [message]})
    }
}

impl AddOn {
    /// Where its neutral tasks are: `/run/{client_id}/{handle}`.
    pub(crate) fn task_path(&self) -> String {
        self.path.replacen("/proxy/", "/run/", 1)
    }

    /// A request to the provider's own `path`.
    pub(crate) fn ask(&self, method: &str, path: &str, provider: &str, token: &str) -> Ask {
        let ask = Ask::new(method, format!("{}{path}", self.path));
        match provider {
            "anthropic" => ask
                .header("x-api-key", token)
                .header("anthropic-version", "2023-06-01"),
            "azure-openai" => ask.header("api-key", token),
            "azure-vision" => ask.header("ocp-apim-subscription-key", token),
            "deepl" => ask.header("authorization", format!("DeepL-Auth-Key {token}")),
            _ => ask.bearer(token),
        }
    }
}

/// A member of an answer that must be a text.
pub(crate) fn text(value: &Value, name: &str) -> String {
    let text = value[name].as_str();
    text.unwrap_or_else(|| panic!("no `{name}` in {value}"))
        .to_owned()
}
