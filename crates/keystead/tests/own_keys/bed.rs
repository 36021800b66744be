//! A host's application whose users may bring keys of their own, and one of them who does.

use std::time::Duration;

use keystead::audit::Actor;
use keystead::custody::{Custody, NewOwnKey};
use keystead::ids::{KeyGrantId, KeyId};
use keystead::store::{
    Application, GrantTerms, KeyGrant, KeyStatus, NewKeyGrant, Vault, VaultHolder,
};
use keystead_providers::{Destination, HostRules};
use keystead_vault::ProviderKey;
use serde_json::json;
use zeroize::Zeroizing;

use crate::harness::setup::text;
use crate::harness::{AddOn, App, Ask, Keystead, Reply, Scene, Store, planted};

pub(super) const CHAT: &str = "POST /v1/chat/completions";
pub(super) const BACK: &str = "https://app.example/connected";
pub(super) const PAGE: &str = "https://app.example";

/// An application with an AddOn that works with its users' own keys, and one that takes the application's
/// where a user has none.
pub(super) struct Bed {
    pub(super) scene: Scene,
    pub(super) own: AddOn,
    pub(super) mixed: AddOn,
    /// Of the user who brings a key.
    pub(super) uid: String,
}

/// A key that its user brought.
pub(super) struct Brought {
    pub(super) secret: String,
    pub(super) key: String,
    pub(super) vault: Vault,
    pub(super) grant: KeyGrantId,
}

impl Bed {
    pub(super) async fn on(store: Store) -> Self {
        let ks = Keystead::start(store).await;
        let app = json!({"redirect_uris": [BACK], "origins": [PAGE]});
        let scene = Scene::furnished(ks, "openai", app, json!({})).await;
        let own = wanting(&scene.ks, &scene.app, "own").await;
        let mixed = json!({"key_source": "user-then-application",
            "limits": {"each_subject": {"budgets": ["2 requests/day"]}}});
        let mixed = scene
            .ks
            .addon_with(&scene.app, &scene.key, "mixed", mixed)
            .await;
        let uid = scene.ks.uid();
        Self {
            scene,
            own,
            mixed,
            uid,
        }
    }

    pub(super) fn ks(&self) -> &Keystead {
        &self.scene.ks
    }

    /// Stops the server, does something to its store, and starts it again.
    pub(super) async fn meanwhile<T>(&self, work: impl AsyncFnOnce(&Custody) -> T) -> T {
        self.ks().terminate();
        self.ks().ended(Duration::from_secs(20)).await;
        let custody = self.ks().custody().await;
        let done = work(&custody).await;
        custody.store().close().await;
        drop(custody);
        self.ks().start_again().await;
        done
    }

    /// The user brings a key of their own, on these terms.
    pub(super) async fn bring(&self, terms: GrantTerms) -> Brought {
        let secret = self.plant_key();
        let (app, uid) = (self.scene.app.clone(), self.uid.clone());
        let new = self.new_key(&secret);
        let (vault, grant) = self
            .meanwhile(async |custody| {
                let (application, holder) = user(custody, &app, &uid).await;
                let vault = custody.vault_for(Actor::Operator, holder).await.unwrap();
                let key = custody.add_own_key(Actor::Operator, &vault, new).await;
                let grant = give(
                    custody,
                    &application,
                    holder,
                    &vault,
                    key.unwrap().id,
                    terms,
                );
                (vault.clone(), grant.await)
            })
            .await;
        Brought {
            secret,
            key: grant.key.to_string(),
            vault,
            grant: grant.id,
        }
    }

    pub(super) fn plant_key(&self) -> String {
        let secret = self.ks().place.plant("own_key", planted::key("openai"));
        self.ks().provider.openai().accept(&secret);
        secret
    }

    fn new_key(&self, secret: &str) -> NewOwnKey {
        let base_url = self.ks().provider.openai().base_url();
        let about = keystead_providers::by_name("openai").unwrap().about();
        let base_url: Destination = base_url.parse().unwrap();
        let rules = HostRules {
            base_url: Some(&base_url),
            any_host: true,
        };
        NewOwnKey {
            provider: "openai".to_owned(),
            name: "mine".to_owned(),
            destination: about.destination(secret, None, rules).unwrap(),
            explicit_endpoint: false,
            key: ProviderKey::new(Zeroizing::new(secret.to_owned())),
            status: KeyStatus::Valid,
        }
    }

    pub(super) async fn token(&self) -> String {
        self.ks().token_for(&self.scene.app, &self.uid).await
    }

    pub(super) async fn chat(&self, addon: &AddOn, token: &str) -> Reply {
        let ask = addon.ask("POST", "/v1/chat/completions", "openai", token);
        let ask = ask.json(&self.scene.chat_body());
        self.scene.client().send(ask).await
    }

    /// The key that the provider was last asked with.
    pub(super) fn last_key(&self) -> Option<String> {
        self.ks().provider.openai().last(CHAT).key()
    }

    pub(super) async fn host(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let own = [
            ("client_id", &*self.scene.app.client_id),
            ("client_secret", &self.scene.app.client_secret),
        ];
        let ask = Ask::post(path).form(&[&own, fields].concat()).secret();
        self.scene.client().send(ask).await
    }
}

pub(super) async fn wanting(ks: &Keystead, app: &App, handle: &str) -> AddOn {
    let body = json!({"application_id": app.id, "handle": handle, "type": "any",
        "key_source": "user", "provider": "openai"});
    let made = ks.manage("POST", "/addons", &body).await;
    assert_eq!(made["provider"], "openai", "{made}");
    AddOn {
        id: text(&made, "addon_id"),
        base_url: text(&made, "base_url"),
        path: format!("/proxy/{}/{handle}", app.client_id),
    }
}

/// Who a host's user is.
pub(super) async fn user(custody: &Custody, app: &App, uid: &str) -> (Application, VaultHolder) {
    let client_id = app.client_id.parse().unwrap();
    let found = custody.store().application_by_client_id(&client_id).await;
    let application = found.unwrap().unwrap();
    let subject = custody.subject(&application, "host", "", uid).await;
    let holder = VaultHolder::Subject {
        organization: application.organization,
        application: application.id,
        subject: subject.unwrap(),
    };
    (application, holder)
}

pub(super) async fn give(
    custody: &Custody,
    application: &Application,
    holder: VaultHolder,
    vault: &Vault,
    key: KeyId,
    terms: GrantTerms,
) -> KeyGrant {
    let VaultHolder::Subject { subject, .. } = holder else {
        panic!("a host's user")
    };
    let new = NewKeyGrant {
        organization: application.organization,
        application: application.id,
        subject,
        vault: vault.id,
        key,
        terms,
    };
    let given = custody.store().give_key_grant(Actor::Operator, new).await;
    given.unwrap()
}
