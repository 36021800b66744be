//! Requests of hosts' backends at other endpoints: who asks is found out as at `/oauth/token`, and whom it
//! speaks for as with `client_credentials`.

use axum::extract::{FromRef, FromRequest, Request};
use keystead_vault::SubjectHash;

use super::{OAuth, Refusal, client::Client, client_credentials::is_uid, exchange, form::Form};
use crate::store::Application;

/// A request of an application's backend, which showed its secret, from where it may call. As a form, or
/// as an object of JSON with the same names.
#[derive(Debug)]
pub(crate) struct HostRequest {
    pub(crate) application: Application,
    oauth: OAuth,
    form: Form,
}

impl HostRequest {
    /// A parameter; one that is sent empty counts as not sent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.form.get(name)
    }

    /// The parameter that must be there.
    pub(crate) fn wanted(&self, name: &str, missing: &'static str) -> Result<&str, Refusal> {
        self.get(name).ok_or(Refusal::InvalidRequest(missing))
    }

    /// Whom the host speaks for: who it names by `uid` when it asks for tokens, or whose token of its
    /// identity provider it shows, as when that is exchanged.
    pub(crate) async fn subject(&self) -> Result<SubjectHash, Refusal> {
        let (application, custody) = (&self.application, &self.oauth.0.custody);
        if self.get("subject_token").is_some() {
            if self.get("uid").is_some() {
                let text = "`uid` and `subject_token` name somebody each: send one of them";
                return Err(Refusal::InvalidRequest(text));
            }
            let (issuer, token) = exchange::shown(&self.form, application)?;
            let tokens = &self.oauth.0.host_tokens;
            let said = tokens.check(custody, application, issuer, token).await?;
            return Ok(said.subject);
        }
        let uid = self.get("uid").filter(|uid| is_uid(uid));
        let uid = uid.ok_or(Refusal::InvalidUid)?;
        Ok(custody.subject(application, "host", "", uid).await?)
    }
}

impl<S: Send + Sync> FromRequest<S> for HostRequest
where
    OAuth: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let oauth = OAuth::from_ref(state);
        let form = Form::or_json(request).await?;
        let client = Client::of(&oauth, &form).await?;
        // A public client can't vouch for anybody.
        if client.secret.is_none() {
            return Err(Refusal::UnauthorizedClient);
        }
        Ok(Self {
            application: client.application,
            oauth,
            form,
        })
    }
}
