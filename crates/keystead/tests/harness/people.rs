//! People at the console, signed in by sessions of their own.

use std::time::Duration;

use keystead::audit::Actor;
use keystead::clock::Clock;
use keystead::custody::{Custody, NewAccount};
use keystead::ids::OrganizationId;
use keystead::root::RootKeySource;
use keystead::store::{Access, Email, NewSession, Role, SignInMethod, Store, StoreUrl};
use keystead_vault::token_hash;

use super::page::Visitor;
use super::{Keystead, planted};

impl Keystead {
    /// Browsers in which people of these roles are signed in, each in the organization that `init`
    /// made. On SQLite while no server runs.
    pub(crate) async fn sign_in<const N: usize>(&self, roles: [Role; N]) -> [Visitor; N] {
        let custody = self.custody().await;
        let mut visitors = Vec::new();
        for role in roles {
            visitors.push(self.sign_in_one(&custody, role).await.0);
        }
        custody.store().close().await;
        visitors.try_into().expect("one for each")
    }

    /// As [`sign_in`](Self::sign_in), for one person, whose e-mail address is wanted too.
    pub(crate) async fn sign_in_known(&self, role: Role) -> (Visitor, String) {
        let custody = self.custody().await;
        let found = self.sign_in_one(&custody, role).await;
        custody.store().close().await;
        found
    }

    /// Another organization of this name, and the token of the link by which whoever has this address
    /// is to join it in this role. On SQLite while no server runs.
    pub(crate) async fn invited_elsewhere(
        &self,
        name: &str,
        email: &str,
        role: Role,
    ) -> (OrganizationId, String) {
        let custody = self.custody().await;
        let made = custody.create_organization(Actor::Operator, name).await;
        let organization = made.unwrap().id;
        let host = format!("canary-{}@mail.example", planted::hex(16));
        let new = NewAccount {
            organization,
            email: Email::parse(&self.place.plant("email", host)).unwrap(),
            role: Role::Owner,
        };
        let host = custody.create_account(Actor::Operator, new).await.unwrap();
        let (by, place) = ((host.id, Role::Owner), (organization, role));
        let (email, lasts) = (Email::parse(email).unwrap(), Duration::from_secs(3_600));
        let invited = custody.invite(Actor::Operator, by, place, email, lasts);
        let (_, token) = invited.await.unwrap();
        custody.store().close().await;
        (organization, self.place.plant("invitation", token.expose()))
    }

    /// The store, opened by the test itself. On SQLite while no server runs.
    pub(crate) async fn custody(&self) -> Custody {
        let url: StoreUrl = self.store_url.parse().unwrap();
        let store = Store::open(&url, Access::Write, Clock::system()).await;
        let root = RootKeySource::File(self.data_dir().join("root.key"));
        Custody::open(store.unwrap(), &root).await.unwrap()
    }

    async fn sign_in_one(&self, custody: &Custody, role: Role) -> (Visitor, String) {
        let store = custody.store();
        let (_, hash) = token_hash(&self.api_token).expect("init printed it");
        let owner = store.api_caller(&hash).await.unwrap().expect("it is live");
        let email = format!("canary-{}@mail.example", planted::hex(16));
        let email = self.place.plant("email", email);
        let new = NewAccount {
            organization: owner.token.organization,
            email: Email::parse(&email).unwrap(),
            role,
        };
        let account = custody.create_account(Actor::Operator, new).await.unwrap();
        let new = NewSession {
            organization: owner.token.organization,
            account: account.id,
            method: SignInMethod::Password,
            browser: "Firefox, Linux".to_owned(),
            lasts: Duration::from_secs(12 * 3_600),
            replaces: None,
        };
        let (_, token) = store.create_session(new).await.unwrap();
        let token = self.place.plant("session", token.expose());
        let mut visitor = Visitor::new(self.client());
        visitor.keep("keystead", &token);
        (visitor, email)
    }
}
