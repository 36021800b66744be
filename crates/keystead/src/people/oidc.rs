//! Signing in by one's own OpenID provider: authorization code with PKCE, state and nonce.
//!
//! What begins a sign-in is one random token in the browser's cookie; state, nonce and PKCE's verifier
//! are derived from it, so that nothing is kept here and an answer fits the browser it began in alone.
//! Someone is known by issuer and subject. An e-mail address links nobody: whoever has an account adds
//! their identity to it while signed in.

use std::fmt;

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use form_urlencoded::{Serializer, byte_serialize};
use http::HeaderValue;
use keystead_vault::{Canonical, Token, TokenKind};
use serde::Deserialize;

use super::{NotProven, People, Proven, ticket::Errand};
use crate::{
    config,
    ids::AccountId,
    net::Connector,
    oidc::{Claims, Issuer, OidcError, Party, Wanted},
    store::{Email, SignInMethod, SignedIn},
};

/// The provider, and what this installation is to it.
pub(super) struct Provider {
    pub(super) settings: config::Oidc,
    issuer: Issuer,
    /// Where the provider sends people back to.
    callback: String,
}

/// A sign-in that was begun.
pub struct Begun {
    /// For a cookie of this browser.
    pub token: Token,
    /// Where the browser goes.
    pub address: String,
}

/// What the provider sent the browser back with.
#[derive(Clone, Copy)]
pub struct Returned<'a> {
    /// From the cookie.
    pub token: &'a Token,
    /// From the address.
    pub state: &'a str,
    /// From the address.
    pub code: &'a str,
    /// From the address, where the provider says it (RFC 9207).
    pub issuer: Option<&'a str>,
}

/// The address holds what the answer is known by.
impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Begun(..)")
    }
}

/// Who has the code can have the token.
impl fmt::Debug for Returned<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Returned(..)")
    }
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

impl Provider {
    pub(super) fn new(
        settings: config::Oidc,
        connector: Connector,
        clock: crate::clock::Clock,
        console: &config::BaseUrl,
    ) -> Self {
        Self {
            issuer: Issuer::new(settings.issuer.clone(), connector, clock),
            callback: console.join("/console/sign-in/oidc/callback"),
            settings,
        }
    }
}

impl People {
    /// What the button to sign in by the provider says; `None` without one.
    pub fn provider_name(&self) -> Option<&str> {
        Some(&self.0.provider.as_ref()?.settings.name)
    }

    /// Begins to sign in by the provider.
    pub async fn begin_oidc(&self) -> Result<Begun, NotProven> {
        let provider = self.provider()?;
        let endpoints = provider.issuer.endpoints().await?;
        let token = Token::generate(TokenKind::Link);
        let verifier = derived(&token, "verifier");
        let challenge =
            URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
        let mut query = Serializer::new(String::new());
        for (name, value) in [
            ("response_type", "code"),
            ("client_id", &provider.settings.client_id),
            ("redirect_uri", &provider.callback),
            ("scope", "openid email"),
            ("state", &derived(&token, "state")),
            ("nonce", &derived(&token, "nonce")),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ] {
            query.append_pair(name, value);
        }
        let separator = if endpoints.authorization.contains('?') {
            '&'
        } else {
            '?'
        };
        let address = format!("{}{separator}{}", endpoints.authorization, query.finish());
        Ok(Begun { token, address })
    }

    /// Who came back. A newcomer gets an account, where the configuration says so.
    pub async fn finish_oidc(&self, returned: Returned<'_>) -> Result<Proven, NotProven> {
        let claims = self.claims(returned).await?;
        let hash = self.identity_hash(&claims);
        let account = match self.store().identity(&hash).await? {
            Some(identity) => identity.account,
            None => self.newcomer(&claims, hash).await?,
        };
        let account = self.account(account).await?;
        self.proven(account.id, SignInMethod::Oidc).await
    }

    /// A text for the cookie of someone who is signed in and wants to sign in by the provider as well.
    pub fn begin_connecting(&self, signed_in: &SignedIn) -> Result<String, NotProven> {
        self.wants_fresh(signed_in)?;
        Ok(self.ticket(Errand::Connect, Some(signed_in.account.id), String::new()))
    }

    /// Adds who came back to the account of the ticket.
    pub async fn connect(&self, ticket: &str, returned: Returned<'_>) -> Result<(), NotProven> {
        let ticket = self.read_ticket(Errand::Connect, ticket)?;
        let account = self.account_of(&ticket).await?;
        let claims = self.claims(returned).await?;
        let hash = self.identity_hash(&claims);
        if self.store().identity(&hash).await?.is_some() {
            return Err(NotProven::IdentityKnown);
        }
        let mut changing = self.store().change().await?;
        self.use_ticket(&mut changing, &ticket).await?;
        let store = self.store();
        let event = store
            .add_identity(&mut changing, account.id, self.issuer(), hash)
            .await?;
        Ok(changing.commit(event).await?)
    }

    /// Exchanges the code and checks what it gives.
    async fn claims(&self, returned: Returned<'_>) -> Result<Claims, NotProven> {
        let provider = self.provider()?;
        let state = derived(returned.token, "state");
        let fits = verify_slices_are_equal(state.as_bytes(), returned.state.as_bytes()).is_ok();
        let is_issuer = returned
            .issuer
            .is_none_or(|issuer| issuer == provider.issuer.name());
        if !fits || !is_issuer {
            return Err(NotProven::Expired);
        }
        let endpoints = provider.issuer.endpoints().await?;
        let form = Serializer::new(String::new())
            .append_pair("grant_type", "authorization_code")
            .append_pair("code", returned.code)
            .append_pair("redirect_uri", &provider.callback)
            .append_pair("code_verifier", &derived(returned.token, "verifier"))
            .finish();
        let answer = provider
            .issuer
            .ask(&endpoints.token, Some((&form, basic(&provider.settings)?)))
            .await?;
        let tokens: Tokens = serde_json::from_slice(&answer)
            .map_err(|_| OidcError::Provider("its answer can't be read"))?;
        let nonce = derived(returned.token, "nonce");
        let wanted = Wanted {
            audience: &provider.settings.client_id,
            nonce: Some(&nonce),
            party: Party::Audience,
        };
        Ok(provider.issuer.verify(&tokens.id_token, wanted).await?)
    }

    /// Makes an account for someone who is not known, if newcomers are let in and the provider has
    /// checked their e-mail address.
    async fn newcomer(&self, claims: &Claims, hash: [u8; 32]) -> Result<AccountId, NotProven> {
        let role = self.provider()?.settings.newcomers;
        let role = role.ok_or(NotProven::NotInvited)?;
        let email = claims.email.as_deref().filter(|_| claims.email_verified);
        let email = email.and_then(|email| Email::parse(email).ok());
        let email = email.ok_or(NotProven::NotInvited)?;
        if self.custody().account_by_email(&email).await?.is_some() {
            return Err(NotProven::HasAccount);
        }
        let store = self.store();
        let first = store
            .first_organization()
            .await?
            .ok_or(NotProven::NotInvited)?;
        let id = AccountId::new(store.clock());
        let actor = crate::audit::Actor::Account(id);
        let mut changing = store.change().await?;
        let account = self
            .custody()
            .add_account_within(&mut changing, actor, id, &email, (first, role))
            .await?;
        let event = store
            .add_identity(&mut changing, account.id, self.issuer(), hash)
            .await?;
        changing.commit(event.within(first)).await?;
        Ok(account.id)
    }

    /// Keyed, for whoever has a list of subjects could try them all.
    fn identity_hash(&self, claims: &Claims) -> [u8; 32] {
        let what = Canonical::new("keystead/identity/v1")
            .text(self.issuer())
            .text(&claims.sub);
        self.custody().keyed_hash(&what)
    }

    /// The provider, as it names itself; nothing without one.
    pub(super) fn issuer(&self) -> &str {
        let provider = self.0.provider.as_ref();
        provider.map_or("", |provider| provider.issuer.name())
    }

    fn provider(&self) -> Result<&Provider, NotProven> {
        self.0.provider.as_ref().ok_or(NotProven::NoProvider)
    }
}

/// One of the three texts that a sign-in needs: each is of no use for the others.
fn derived(token: &Token, what: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"keystead/oidc/v1/");
    context.update(what.as_bytes());
    context.update(b"/");
    context.update(token.expose().as_bytes());
    URL_SAFE_NO_PAD.encode(context.finish())
}

/// RFC 6749, part 2.3.1: both are form-encoded first.
fn basic(settings: &config::Oidc) -> Result<HeaderValue, OidcError> {
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pair = zeroize::Zeroizing::new(format!(
        "{}:{}",
        encoded(&settings.client_id),
        encoded(&settings.client_secret)
    ));
    HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
        .map_err(|_| OidcError::Provider("the client's name and secret can't be sent"))
}
