//! Passkeys, by webauthn-rs: what a browser is asked, and whether its answer holds.
//!
//! A passkey is found by itself (it is discoverable), and its device lets it be used by its owner alone
//! (user verification), so that it is two factors in one.

use std::fmt;

use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Webauthn, WebauthnBuilder,
};

use super::NotProven;
use crate::{config::BaseUrl, ids::AccountId};

/// Asks and checks, for one console.
pub(super) struct Passkeys {
    webauthn: Webauthn,
    /// The host name that passkeys are made for.
    pub(super) rp_id: String,
}

impl Passkeys {
    /// `None` where browsers have no passkeys: a console without a host name.
    pub(super) fn new(console: &BaseUrl, rp_id: &str) -> Option<Self> {
        let origin = Url::parse(&console.to_string()).ok()?;
        let webauthn = WebauthnBuilder::new(rp_id, &origin)
            .ok()?
            .rp_name("Keystead")
            .build()
            .ok()?;
        Some(Self {
            webauthn,
            rp_id: rp_id.to_owned(),
        })
    }

    /// What a browser is asked to make a passkey with, and what is needed to check its answer.
    pub(super) fn ask_for_new(
        &self,
        account: AccountId,
        email: &str,
        known: &[Passkey],
    ) -> Result<(Value, String), NotProven> {
        let known = known.iter().map(|passkey| passkey.cred_id().clone());
        let (challenge, state) = self
            .webauthn
            .start_passkey_registration(
                Uuid::from_bytes(account.as_bytes()),
                email,
                email,
                Some(known.collect()),
            )
            .map_err(|_| NotProven::Wrong)?;
        let mut asked = serde_json::to_value(challenge).map_err(|_| NotProven::Wrong)?;
        let options = &mut asked["publicKey"];
        options["authenticatorSelection"]["residentKey"] = json!("required");
        options["authenticatorSelection"]["requireResidentKey"] = json!(true);
        // For what is to come: a key that a passkey alone can make.
        options["extensions"]["prf"] = json!({});
        let state = serde_json::to_string(&state).map_err(|_| NotProven::Wrong)?;
        Ok((asked, state))
    }

    /// The passkey that a browser made.
    pub(super) fn check_new(&self, state: &str, answer: &str) -> Result<Passkey, NotProven> {
        let state: PasskeyRegistration =
            serde_json::from_str(state).map_err(|_| NotProven::Expired)?;
        let answer: RegisterPublicKeyCredential =
            serde_json::from_str(answer).map_err(|_| NotProven::Wrong)?;
        self.webauthn
            .finish_passkey_registration(&answer, &state)
            .map_err(|_| NotProven::Wrong)
    }

    /// What a browser is asked to use a passkey with, and what is needed to check its answer.
    pub(super) fn ask(&self) -> Result<(Value, String), NotProven> {
        let (challenge, state) = self
            .webauthn
            .start_discoverable_authentication()
            .map_err(|_| NotProven::Wrong)?;
        let mut asked = serde_json::to_value(challenge).map_err(|_| NotProven::Wrong)?;
        // The page decides whether it asks at once or offers it in the e-mail field.
        if let Some(asked) = asked.as_object_mut() {
            asked.remove("mediation");
        }
        let state = serde_json::to_string(&state).map_err(|_| NotProven::Wrong)?;
        Ok((asked, state))
    }

    /// Whose passkey a browser says it used, and which: not checked yet.
    pub(super) fn claimed(&self, answer: &str) -> Result<Claim, NotProven> {
        let answer: PublicKeyCredential =
            serde_json::from_str(answer).map_err(|_| NotProven::Wrong)?;
        let (account, credential) = self
            .webauthn
            .identify_discoverable_authentication(&answer)
            .map_err(|_| NotProven::Wrong)?;
        Ok(Claim {
            account: AccountId::from_bytes(account.into_bytes()),
            credential: credential.to_vec(),
            answer,
        })
    }

    /// Checks that a passkey was used. True when what it is checked with from now on has changed:
    /// some count how often they are used.
    pub(super) fn check(
        &self,
        state: &str,
        claim: &Claim,
        passkey: &mut Passkey,
    ) -> Result<bool, NotProven> {
        let state: DiscoverableAuthentication =
            serde_json::from_str(state).map_err(|_| NotProven::Expired)?;
        let key: &Passkey = passkey;
        let result = self
            .webauthn
            .finish_discoverable_authentication_v2(&claim.answer, state, key)
            .map_err(|_| NotProven::Wrong)?;
        if !result.user_verified() {
            return Err(NotProven::Wrong);
        }
        Ok(passkey.update_credential(&result) == Some(true))
    }
}

/// What a browser says.
pub(super) struct Claim {
    pub(super) account: AccountId,
    pub(super) credential: Vec<u8>,
    answer: PublicKeyCredential,
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claim(..)")
    }
}

impl fmt::Debug for Passkeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passkeys({})", self.rp_id)
    }
}
