//! Who asks: a client id and a client secret, by HTTP Basic or in the body (RFC 6749 2.3.1); of a public
//! client its id alone.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, header};
use keystead_vault::{TokenKind, token_hash};
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use super::{OAuth, Refusal, form::Form};
use crate::{
    ids::ClientId,
    store::{Application, ClientSecret},
};

/// The application behind a request.
pub(super) struct Client {
    pub(super) application: Application,
    /// What it showed; a public one has nothing to show.
    pub(super) secret: Option<ClientSecret>,
}

impl Client {
    /// Who sent a form.
    ///
    /// A secret is found by its hash, so an unknown client and a wrong secret are one and the same
    /// look-up that finds nothing: they answer alike and take alike.
    pub(super) async fn of(oauth: &OAuth, form: &Form) -> Result<Self, Refusal> {
        let (client_id, secret) = credentials(form)?;
        let client_id: ClientId = client_id.parse().map_err(|_| Refusal::InvalidClient)?;
        let Some(secret) = secret else {
            let found = oauth.store().application_by_client_id(&client_id).await?;
            let found = found.filter(|application| application.public && !application.disabled);
            return found
                .map(|application| Self {
                    application,
                    secret: None,
                })
                .ok_or(Refusal::InvalidClient);
        };
        let Some((TokenKind::ClientSecret, hash)) = token_hash(&secret) else {
            return Err(Refusal::InvalidClient);
        };
        let found = oauth.store().client_by_secret(&client_id, &hash).await?;
        let (application, secret) = found.ok_or(Refusal::InvalidClient)?;
        Ok(Self {
            application,
            secret: Some(secret),
        })
    }
}

impl Client {
    /// That the request comes from where the application's calls may come from, if it comes from where
    /// they do: from the page or program of an end user. A host's backend, which shows a secret, is
    /// elsewhere than they are.
    ///
    /// What ends something may be asked from anywhere: that is not looked at here.
    pub(super) fn check_address(&self, form: &Form) -> Result<(), Refusal> {
        let is_backend = self.secret.is_some();
        let ranges = &self.application.addresses;
        let is_fine = |from| self.application.takes_calls_from(from);
        match is_backend || ranges.is_empty() || form.from.is_some_and(is_fine) {
            true => Ok(()),
            false => Err(Refusal::AddressNotAllowed),
        }
    }
}

fn credentials(form: &Form) -> Result<(String, Option<Zeroizing<String>>), Refusal> {
    let (basic, secret) = (basic(&form.headers)?, form.get("client_secret"));
    match (basic, secret) {
        (Some(_), Some(_)) => Err(Refusal::InvalidRequest(
            "authenticate by header or by body, not by both",
        )),
        (Some((id, _)), None) if form.get("client_id").is_some_and(|other| other != id) => Err(
            Refusal::InvalidRequest("`client_id` differs from the one in the header"),
        ),
        (Some((id, secret)), None) => Ok((id, Some(secret))),
        (None, secret) => {
            let id = form.get("client_id").ok_or(Refusal::InvalidClient)?;
            Ok((
                id.to_owned(),
                secret.map(|secret| Zeroizing::new(secret.to_owned())),
            ))
        }
    }
}

/// Both halves are form-encoded before they are joined and base64-encoded.
fn basic(headers: &HeaderMap) -> Result<Option<(String, Zeroizing<String>)>, Refusal> {
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = sent.next() else {
        return Ok(None);
    };
    if sent.next().is_some() {
        return Err(Refusal::InvalidRequest(
            "more than one Authorization header",
        ));
    }
    let text = value.to_str().map_err(|_| Refusal::InvalidClient)?;
    let (scheme, encoded) = text.split_once(' ').ok_or(Refusal::InvalidClient)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(Refusal::InvalidClient);
    }
    let joined = STANDARD
        .decode(encoded.trim())
        .map_err(|_| Refusal::InvalidClient)?;
    let joined = Zeroizing::new(joined);
    let joined = std::str::from_utf8(&joined).map_err(|_| Refusal::InvalidClient)?;
    let (id, secret) = joined.split_once(':').ok_or(Refusal::InvalidClient)?;
    let decode = |text: &str| {
        let plain = text.replace('+', " ");
        percent_decode_str(&plain)
            .decode_utf8()
            .map(|text| text.into_owned())
    };
    let id = decode(id).map_err(|_| Refusal::InvalidClient)?;
    let secret = decode(secret).map_err(|_| Refusal::InvalidClient)?;
    Ok(Some((id, Zeroizing::new(secret))))
}
