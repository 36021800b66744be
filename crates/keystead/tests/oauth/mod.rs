//! OAuth for applications: what a person lets them do, and what comes of it.
//!
//! | file | what |
//! |---|---|
//! | `authorize` | the question that a person is asked, and who is told when nothing can be asked |
//! | `consent` | what they agree to before; a new version is asked for again |
//! | `code` | codes: who may exchange one, and what comes of one that is used twice |
//! | `refresh` | refresh tokens, one after the other; revocation |
//! | `exchange` | what an application's own identity provider says of its users |
//! | `dpop` | tokens that are bound to a key: of no use to whoever stole them |
//! | `libraries` | OAuth clients that others wrote, unmodified |
//! | `settings` | whose word is taken of an application's users, set in every way |
//! | `browsers` | which pages may ask for tokens |
//! | `addresses` | from where: the ranges of an application hold for its tokens as for its calls |

mod addresses;
mod authorize;
mod browsers;
mod code;
mod consent;
mod dpop;
mod exchange;
mod libraries;
mod refresh;
mod settings;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use keystead::store::Role;
use serde_json::{Value, json};

use crate::harness::page::{Page, Visitor};
use crate::harness::provider::services::chat_stream;
use crate::harness::setup::text;
use crate::harness::{Ask, Keystead, Live, Reply, Scene, Step, Store, planted};

const BACK: &str = "https://app.example/back?from=keystead";
/// Some clients take an address of return for one without a query.
const PLAIN_BACK: &str = "https://app.example/return";
const PAGE: &str = "https://app.example";
const STATE: &str = "state with a blank & an ampersand";
const TOKEN: &str = "/oauth/token";
const REVOKE: &str = "/oauth/revoke";
const CHAT: &str = "POST /v1/chat/completions";

/// A public application with the AddOns `chat` and `other`, one that has a backend, and someone with an
/// account.
struct Bed {
    scene: Scene,
    /// Of the public one.
    id: String,
    client_id: String,
    verifier: String,
    chat: String,
}

/// What a client has in hand when a person said yes.
#[derive(Clone)]
struct Tokens {
    access: String,
    refresh: String,
}

/// The field of a form that says something else.
fn with<'a>(
    fields: &[(&'a str, &'a str)],
    name: &'a str,
    value: &'a str,
) -> Vec<(&'a str, &'a str)> {
    let mut all = fields.to_vec();
    all.retain(|(known, _)| *known != name);
    if !value.is_empty() {
        all.push((name, value));
    }
    all
}

impl Bed {
    async fn on(store: Store) -> (Self, Visitor) {
        let (bed, [person]) = Self::with_people(store, [Role::Auditor]).await;
        (bed, person)
    }

    async fn with_people<const N: usize>(store: Store, roles: [Role; N]) -> (Self, [Visitor; N]) {
        let ks = Keystead::prepare(store).init().await;
        let people = ks.sign_in(roles).await;
        // Clients hold the issuer against the address that they asked.
        let mut config = std::fs::read_to_string(ks.config()).unwrap();
        let here = format!("http://localhost:{}", ks.public().port());
        config.push_str(&format!("server.public_url = \"{here}\"\n"));
        std::fs::write(ks.config(), config).unwrap();
        ks.start_again().await;
        let back = json!({"redirect_uris": [BACK, PLAIN_BACK]});
        let scene = Scene::furnished(ks, "openai", back, json!({})).await;
        let public = json!({"name": "Letter & box", "public": true, "redirect_uris": [BACK, PLAIN_BACK],
            "origins": [PAGE]});
        let made = scene.ks.manage("POST", "/applications", &public).await;
        let (id, client_id) = (text(&made, "application_id"), text(&made, "client_id"));
        let own = crate::harness::App {
            id: id.clone(),
            client_id: client_id.clone(),
            client_secret: String::new(),
        };
        let key = scene.ks.key(&own, "openai").await;
        let chat = scene.ks.addon(&own, &key, "chat").await.path;
        scene.ks.addon(&own, &key, "other").await;
        let verifier = scene.ks.place.plant("verifier", planted::alphanumeric(43));
        let bed = Self {
            scene,
            id,
            client_id,
            verifier,
            chat,
        };
        (bed, people)
    }

    /// Where the public application is changed.
    fn application(&self) -> String {
        format!("/applications/{}", self.id)
    }

    /// The address that the application sends a person to, with some parameters otherwise; one that is
    /// empty is left out.
    fn ask(&self, otherwise: &[(&str, &str)]) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, self.verifier.as_bytes()));
        let mut all = vec![
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", BACK),
            ("scope", "addon:chat"),
            ("state", STATE),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in otherwise {
            all.retain(|(known, _)| known != name);
            all.push((name, value));
        }
        all.retain(|(_, value)| !value.is_empty());
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(all)
            .finish();
        format!("/oauth/authorize?{query}")
    }

    /// A person's yes; the code that the application gets.
    async fn code(&self, person: &mut Visitor) -> String {
        self.code_of(person, &self.ask(&[])).await
    }

    async fn code_of(&self, person: &mut Visitor, ask: &str) -> String {
        let mut page = person.visit_private(ask).await;
        if page.status == 200 {
            page = person.submit(&allow(&page)).await;
        }
        let code = back(&page)["code"].as_str().expect("a code").to_owned();
        self.scene.ks.place.plant("code", code)
    }

    /// The fields by which the public application exchanges a code.
    fn exchange<'a>(&'a self, code: &'a str) -> Vec<(&'a str, &'a str)> {
        vec![
            ("grant_type", "authorization_code"),
            ("client_id", &self.client_id),
            ("redirect_uri", BACK),
            ("code_verifier", &self.verifier),
            ("code", code),
        ]
    }

    async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let ask = Ask::post(path).form(fields).secret();
        self.scene.client().send(ask).await
    }

    /// Tokens of a person who says yes.
    async fn tokens(&self, person: &mut Visitor) -> Tokens {
        let code = self.code(person).await;
        let reply = self.send(TOKEN, &self.exchange(&code)).await.expect(200);
        self.plant(&reply.json())
    }

    fn plant(&self, minted: &Value) -> Tokens {
        let plant = |kind, name| self.scene.ks.place.plant(kind, text(minted, name));
        Tokens {
            access: plant("access_token", "access_token"),
            refresh: plant("refresh_token", "refresh_token"),
        }
    }

    async fn refresh(&self, token: &str, more: &[(&str, &str)]) -> Reply {
        let own = [
            ("grant_type", "refresh_token"),
            ("client_id", &self.client_id),
            ("refresh_token", token),
        ];
        self.send(TOKEN, &[&own[..], more].concat()).await
    }

    async fn models(&self, token: &str) -> Reply {
        let ask = Ask::get(format!("{}/v1/models", self.chat)).bearer(token);
        self.scene.client().send(ask).await
    }

    async fn works(&self, token: &str) {
        self.models(token).await.expect(200);
    }

    async fn is_over(&self, token: &str) {
        self.models(token).await.refused(401, "unauthenticated");
    }

    /// A stream that would go on for long.
    async fn running(&self, token: &str) -> Live {
        let openai = self.scene.ks.provider.openai();
        openai.on(CHAT, chat_stream(&["begun"], None).then(Step::Silence));
        let ask = Ask::post(format!("{}/v1/chat/completions", self.chat)).bearer(token);
        let mut body = self.scene.chat_body();
        body["stream"] = json!(true);
        let mut live = self.scene.client().open(ask.json(&body)).await;
        assert_eq!(live.status, 200);
        live.until("begun").await;
        live
    }
}

/// An answer of the token endpoint that says no, by this word of the RFC.
fn no(reply: &Reply, status: u16, error: &str) {
    assert_eq!(reply.status, status, "{}", reply.text());
    assert_eq!(reply.json()["error"], error, "{}", reply.text());
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}

/// The page's form, with a yes.
fn allow(page: &Page) -> crate::harness::page::Form {
    page.form("/oauth/authorize").forged("decision", "allow")
}

/// What the application is told at the address that the browser was led to.
fn back(page: &Page) -> Value {
    assert_eq!(page.status, 303, "{}", page.words());
    let (start, query) = page.path.split_once("&").expect("parameters");
    assert_eq!(start, BACK, "the address as it was registered");
    let told: Value = form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| (name.into_owned(), json!(value)))
        .collect();
    assert_eq!(told["state"], STATE, "{told}");
    let issuer = told["iss"].as_str().expect("who answers");
    assert!(issuer.starts_with("http://localhost:"), "{issuer}");
    told
}
