//! How people sign in: what lets someone in, how often, and for how long.

mod authenticator;
mod codes;
mod links;
mod passkeys;
mod passwords;

use std::{net::IpAddr, time::Duration};

use keystead::{
    config::{Sources, resolve},
    management::Metrics,
    net::{Connector, address::AddressRules},
    people::{Checked, NewCredential, NotProven, Password, People, Proof, Proven},
    store::{Role, Session, SignedIn},
};
use keystead_vault::{Token, random};
use zeroize::Zeroizing;

use self::authenticator::Authenticator;
use crate::bed::{Bed, canary, hex};

/// The people of one store, and what the first of them knows.
pub(super) struct Crowd {
    pub(super) bed: Bed,
    pub(super) people: People,
    pub(super) email: String,
    pub(super) password: String,
}

impl Crowd {
    /// A store with nobody in it.
    pub(super) async fn nobody(bed: Bed) -> Self {
        let sources = Sources {
            environment: [("HOME".to_owned(), "/nobody".to_owned())].into(),
            ..Sources::default()
        };
        let config = resolve(&sources).unwrap().config;
        let rules = AddressRules {
            allow_private: true,
            own: Vec::new(),
        };
        let connector = Connector::new(rules, Duration::from_secs(5));
        let people = People::new(&config, bed.custody.clone(), Metrics::new(), connector);
        let email = fresh_email(&bed);
        let password = fresh_password(&bed);
        Self {
            bed,
            people,
            email,
            password,
        }
    }

    /// A store with one account, set up with a password, and its first session.
    pub(super) async fn one(bed: Bed) -> (Self, SignedIn) {
        let crowd = Self::nobody(bed).await;
        let link = crowd.people.set_up_link().await.unwrap().unwrap();
        let entrance = crowd
            .people
            .set_up(
                link.expose(),
                "Analytical Engines",
                &crowd.email,
                with_password(&crowd.password),
                "Firefox, Linux".to_owned(),
            )
            .await
            .unwrap();
        let signed_in = crowd.look(&entrance.token).await.unwrap();
        (crowd, signed_in)
    }

    pub(super) async fn look(&self, token: &Token) -> Option<SignedIn> {
        self.people.signed_in(&token.lookup()).await.unwrap()
    }

    /// The session as it is now.
    pub(super) async fn again(&self, signed_in: &SignedIn) -> Option<SignedIn> {
        let hash = signed_in.session.hash;
        self.people.signed_in(&hash).await.unwrap()
    }

    pub(super) async fn try_password(
        &self,
        email: &str,
        password: &str,
    ) -> Result<Checked, NotProven> {
        self.people
            .check_password(email, claimed(password), here())
            .await
    }

    pub(super) async fn sign_in(&self, proven: Proven) -> (Session, Token) {
        let browser = "Safari, macOS".to_owned();
        let (session, token) = self
            .people
            .begin_session(proven, browser, None)
            .await
            .unwrap();
        canary("session", token.expose().to_owned(), &self.bed);
        (session, token)
    }

    /// Shows the password again, so that what follows may be done.
    pub(super) async fn step_up(&self, signed_in: &SignedIn) -> SignedIn {
        let proof = Proof::Password(claimed(&self.password));
        let method = self
            .people
            .check_again(signed_in, proof, here())
            .await
            .unwrap();
        let hash = signed_in.session.hash;
        let store = self.bed.store();
        let (_, token) = store.prove_session(&hash, method).await.unwrap();
        self.look(&token).await.unwrap()
    }

    pub(super) fn wait(&self, seconds: u64) {
        self.bed.clock.advance(Duration::from_secs(seconds));
    }
}

/// Each sort of what lets people in: a password is there already.
pub(super) async fn has_everything(crowd: &Crowd, owner: &SignedIn) {
    codes::enrol(crowd, owner).await;
    passkeys::add(crowd, owner, &Authenticator::new()).await;
    links::invite(crowd, owner, Role::Developer).await;
}

pub(super) fn fresh_email(bed: &Bed) -> String {
    canary(
        "email",
        format!("ada.{}@example.org", hex(random::<8>())),
        bed,
    )
}

pub(super) fn fresh_password(bed: &Bed) -> String {
    canary(
        "password",
        format!("twelve small {}", hex(random::<8>())),
        bed,
    )
}

pub(super) fn with_password(text: &str) -> NewCredential {
    NewCredential::Password(Zeroizing::new(text.to_owned()))
}

pub(super) fn claimed(text: &str) -> Password {
    Password::claimed(Zeroizing::new(text.to_owned()))
}

pub(super) fn here() -> IpAddr {
    [192, 0, 2, 7].into()
}

pub(super) fn proven(checked: Result<Checked, NotProven>) -> Proven {
    match checked {
        Ok(Checked::Proven(proven)) => proven,
        other => panic!("not proven: {other:?}"),
    }
}
