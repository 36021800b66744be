//! A posted form: read once, strictly, and wiped.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use axum::extract::{FromRequest, Request};
use http::{HeaderMap, header};
use http_body_util::{BodyExt as _, Limited};
use zeroize::Zeroizing;

use super::Refusal;
use crate::api::ClientAddress;

/// The parameters of a request, and its headers. Holds secrets, so it does not print.
pub(super) struct Form {
    fields: Vec<(String, Zeroizing<String>)>,
    pub(super) headers: HeaderMap,
    /// Where it came from, as the listener found it.
    pub(super) from: Option<IpAddr>,
}

impl Form {
    /// A parameter; one that is sent empty counts as not sent (RFC 6749 3.2).
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(field, _)| field == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// Whether it came from this machine itself.
    pub(super) fn is_local(&self) -> bool {
        self.from
            .is_some_and(|from| from.to_canonical().is_loopback())
    }

    /// The host that it was sent to.
    pub(super) fn host(&self) -> &str {
        let host = self.headers.get(header::HOST);
        host.and_then(|host| host.to_str().ok()).unwrap_or_default()
    }
}

impl<S: Sync> FromRequest<S> for Form {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        Self::read(request, false).await
    }
}

impl Form {
    /// A posted form, or an object of JSON whose members are texts.
    pub(super) async fn or_json(request: Request) -> Result<Self, Refusal> {
        Self::read(request, true).await
    }

    async fn read(request: Request, takes_json: bool) -> Result<Self, Refusal> {
        // A query ends up in logs.
        if request.uri().query().is_some() {
            return Err(Refusal::InvalidRequest("parameters belong in the body"));
        }
        let (parts, body) = request.into_parts();
        let kind = parts
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        let essence = kind
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .trim();
        let is_json = takes_json && essence.eq_ignore_ascii_case("application/json");
        if !is_json && !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let text = "send the parameters as application/x-www-form-urlencoded";
            return Err(Refusal::InvalidRequest(text));
        }
        let collected = Limited::new(body, AT_MOST).collect().await;
        let bytes = collected.map_err(|_| Refusal::InvalidRequest("the body can't be read"))?;
        let bytes = bytes.to_bytes();
        let fields = match is_json {
            true => members(&bytes)?,
            false => parameters(&bytes)?,
        };
        let from = parts.extensions.get::<ClientAddress>();
        Ok(Self {
            from: from.map(|ClientAddress(address)| *address),
            fields,
            headers: parts.headers,
        })
    }
}

type Fields = Vec<(String, Zeroizing<String>)>;

fn parameters(bytes: &[u8]) -> Result<Fields, Refusal> {
    let mut fields = Fields::new();
    for (name, value) in form_urlencoded::parse(bytes) {
        if fields.len() == MOST_FIELDS {
            return Err(Refusal::InvalidRequest("there are too many parameters"));
        }
        if fields.iter().any(|(known, _)| *known == name) {
            return Err(Refusal::InvalidRequest("a parameter is sent twice"));
        }
        fields.push((name.into_owned(), Zeroizing::new(value.into_owned())));
    }
    Ok(fields)
}

fn members(bytes: &[u8]) -> Result<Fields, Refusal> {
    let read = serde_json::from_slice::<BTreeMap<String, Option<String>>>(bytes);
    let text = "the body must be an object of JSON whose members are texts";
    let read = read.map_err(|_| Refusal::InvalidRequest(text))?;
    let sent = read.into_iter();
    let sent = sent.filter_map(|(name, value)| Some((name, Zeroizing::new(value?))));
    Ok(sent.collect())
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Form(..)")
    }
}

const AT_MOST: usize = 16 * 1024;

/// More than any grant has. Each name is held against all before it, for strangers too.
const MOST_FIELDS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(body: String) -> Result<Form, Refusal> {
        let request = Request::post("/oauth/token")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body.into())
            .unwrap();
        Form::from_request(request, &()).await
    }

    #[tokio::test]
    async fn a_form_is_as_wide_as_a_grant_and_no_wider() {
        let fields = |many: usize| (0..many).map(|n| format!("n{n}=v&")).collect::<String>();
        let form = read(fields(MOST_FIELDS)).await.unwrap();
        assert_eq!(form.get("n31"), Some("v"));
        for body in [fields(MOST_FIELDS + 1), fields(3_000), "a=1&a=2".to_owned()] {
            let refused = read(body).await.unwrap_err();
            assert!(matches!(refused, Refusal::InvalidRequest(_)), "{refused:?}");
        }
    }
}
