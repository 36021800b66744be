//! Speaks to a running server: HTTP/1.1, one connection a request, JSON in and out.

use std::{collections::BTreeMap, error::Error as _, path::Path, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use keystead_providers::{Destination, Scheme};
use rustls::{RootCertStore, pki_types::CertificateDer, pki_types::pem::PemObject as _};
use serde_json::Value;
use tokio::task::JoinHandle;
use url::{Host, Url};
use zeroize::Zeroizing;

use super::{Global, failure::Failure};
use crate::{
    config::sources::process_environment,
    net::{ConnectError, Connector, address::AddressRules},
};

/// Where the server is and how it is reached.
pub(super) struct Client {
    base: Url,
    connector: Connector,
    authorization: Option<HeaderValue>,
}

impl Client {
    /// A client that presents the API token of the environment.
    pub(super) fn with_api_token(global: &Global) -> Result<Self, Failure> {
        let environment = process_environment();
        let mut client = Self::anonymous_in(global, &environment)?;
        let token = api_token(&environment)?;
        client.authorization = Some(sensitive(&format!("Bearer {}", token.as_str()))?);
        Ok(client)
    }

    /// A client that presents nothing; OAuth requests carry their credentials themselves.
    pub(super) fn anonymous(global: &Global) -> Result<Self, Failure> {
        Self::anonymous_in(global, &process_environment())
    }

    fn anonymous_in(
        global: &Global,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, Failure> {
        let text = match environment
            .get("KEYSTEAD_URL")
            .filter(|url| !url.is_empty())
        {
            Some(url) => url.clone(),
            None => global.resolve()?.config.server.public_url.to_string(),
        };
        let base = Url::parse(&text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
            .ok_or_else(|| Failure::usage(format!("KEYSTEAD_URL `{text}` is no web address")))?;
        if base.scheme() == "http" && !is_loopback(&base) {
            return Err(
                Failure::usage(format!("`{text}` would show secrets on the network"))
                    .hint("use https; plain http is for this machine only"),
            );
        }
        let extra = environment.get("KEYSTEAD_CA_FILE").map(Path::new);
        // Where the operator's own server lives is not ours to judge, so private is fine.
        let rules = AddressRules {
            allow_private: true,
            ..AddressRules::default()
        };
        let connector = Connector::with_roots(roots(extra)?, rules, CONNECT_TIMEOUT);
        Ok(Self {
            base,
            connector,
            authorization: None,
        })
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.send(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.send(
            Method::POST,
            path,
            Some(Body::json(body.to_string().into())),
        )
        .await
    }

    pub(super) async fn patch(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.send(
            Method::PATCH,
            path,
            Some(Body::json(body.to_string().into())),
        )
        .await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.send(Method::DELETE, path, None).await
    }

    /// Posts JSON that holds a secret.
    pub(super) async fn post_secret(
        &self,
        path: &str,
        body: &impl serde::Serialize,
    ) -> Result<Value, Failure> {
        let mut json = Zeroizing::new(Vec::with_capacity(16 * 1024));
        serde_json::to_writer(&mut *json, body).map_err(|error| Failure::caused(&error))?;
        self.send(
            Method::POST,
            path,
            Some(Body::json(Bytes::from_owner(json))),
        )
        .await
    }

    /// Posts a form that holds secrets.
    pub(super) async fn post_form(
        &self,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Result<Value, Failure> {
        let mut form = form_urlencoded::Serializer::new(String::with_capacity(4 * 1024));
        let form = Zeroizing::new(form.extend_pairs(fields).finish());
        let kind = "application/x-www-form-urlencoded";
        let bytes = Bytes::from_owner(Zeroizing::new(form.as_bytes().to_vec()));
        self.send(Method::POST, path, Some(Body { kind, bytes }))
            .await
    }

    /// Every object of a list, page after page.
    pub(super) async fn list(&self, path: &str, filter: &[(&str, &str)]) -> Result<Value, Failure> {
        let mut all = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(filter).append_pair("limit", PAGE);
            if let Some(cursor) = &cursor {
                query.append_pair("cursor", cursor);
            }
            let mut page = self.get(&format!("{path}?{}", query.finish())).await?;
            if let Value::Array(rows) = page["data"].take() {
                all.extend(rows);
            }
            match page["next_cursor"].take() {
                Value::String(next) if cursor.as_ref() != Some(&next) => cursor = Some(next),
                _ => return Ok(Value::Array(all)),
            }
        }
    }

    /// As [`list`](Self::list), where the question is a body.
    pub(super) async fn list_asked(
        &self,
        path: &str,
        mut question: Value,
    ) -> Result<Value, Failure> {
        let mut all = Vec::new();
        question["limit"] = Value::from(200);
        loop {
            let mut page = self.post(path, &question).await?;
            if let Value::Array(rows) = page["data"].take() {
                all.extend(rows);
            }
            match page["next_cursor"].take() {
                next @ Value::String(_) if question["cursor"] != next => question["cursor"] = next,
                _ => return Ok(Value::Array(all)),
            }
        }
    }

    async fn send(&self, method: Method, path: &str, body: Option<Body>) -> Result<Value, Failure> {
        let exchange = tokio::time::timeout(ANSWER_TIMEOUT, self.exchange(method, path, body));
        let (status, bytes) = exchange.await.map_err(|_| {
            Failure::new(format!("{} did not answer in time", self.shown())).coded("timeout")
        })??;
        let value = match bytes.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&bytes).map_err(|_| {
                Failure::new(format!(
                    "{} answered {status}, but not as Keystead does",
                    self.shown()
                ))
                .hint("is KEYSTEAD_URL the address of a Keystead server?")
            })?,
        };
        if status.is_success() {
            Ok(value)
        } else {
            Err(refused(status, &value))
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<Body>,
    ) -> Result<(StatusCode, Bytes), Failure> {
        let (answer, driver) = self.begin(method, path, body).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_AT_MOST)
            .collect()
            .await;
        driver.abort();
        let body = body.map_err(|error| Failure::new(format!("the answer broke off: {error}")))?;
        Ok((status, body.to_bytes()))
    }

    /// Sends a request; the task drives its connection.
    pub(super) async fn begin(
        &self,
        method: Method,
        path: &str,
        body: Option<Body>,
    ) -> Result<(Response<Incoming>, JoinHandle<hyper::Result<()>>), Failure> {
        let connected = self.connector.connect(&self.destination()).await;
        let io = connected.map_err(|error| {
            let cause = error
                .source()
                .map_or_else(|| error.to_string(), ToString::to_string);
            let hint = match error {
                ConnectError::Tls(_) => "KEYSTEAD_CA_FILE names certificates to trust",
                _ => "is `keystead serve` running? KEYSTEAD_URL says where",
            };
            Failure::new(format!("could not reach {}: {cause}", self.shown()))
                .coded("unreachable")
                .hint(hint)
        })?;
        let broken = |error: hyper::Error| {
            Failure::new(format!("{} did not answer in HTTP: {error}", self.shown()))
                .coded("unreachable")
                .hint("is KEYSTEAD_URL right, `https` and port included?")
        };
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(io))
            .await
            .map_err(broken)?;
        let driver = tokio::spawn(connection);
        let answer = sender
            .send_request(self.request(method, path, body)?)
            .await
            .map_err(broken)?;
        Ok((answer, driver))
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<Body>,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let target = format!("{}{path}", self.base.path().trim_end_matches('/'));
        let authority = &self.base[url::Position::BeforeHost..url::Position::AfterPort];
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header(header::HOST, authority)
            .header(header::ACCEPT, "application/json")
            .header(
                header::USER_AGENT,
                concat!("keystead/", env!("CARGO_PKG_VERSION")),
            );
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if let Some(body) = &body {
            request = request.header(header::CONTENT_TYPE, body.kind);
        }
        let bytes = body.map(|body| body.bytes).unwrap_or_default();
        request
            .body(Full::new(bytes))
            .map_err(|error| Failure::caused(&error))
    }

    /// The address as people write it.
    fn shown(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    fn destination(&self) -> Destination {
        let scheme = if self.base.scheme() == "https" {
            Scheme::Https
        } else {
            Scheme::Http
        };
        Destination {
            scheme,
            host: self.base.host_str().unwrap_or_default().to_owned(),
            port: self.base.port_or_known_default().unwrap_or(443),
            prefix: String::new(),
        }
    }
}

/// What is sent.
pub(super) struct Body {
    kind: &'static str,
    bytes: Bytes,
}

impl Body {
    fn json(bytes: Bytes) -> Self {
        Self {
            kind: "application/json",
            bytes,
        }
    }
}

/// What a problem document (RFC 9457) or an OAuth error says, as a failure.
pub(super) fn refused(status: StatusCode, body: &Value) -> Failure {
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let code = text("code")
        .or_else(|| text("error"))
        .unwrap_or_else(|| "refused".to_owned());
    let said = text("detail")
        .or_else(|| text("error_description"))
        .or_else(|| text("title"));
    let mut message = said.unwrap_or_else(|| format!("the server answered {status}"));
    for error in body["errors"].as_array().into_iter().flatten() {
        let (pointer, detail) = (error["pointer"].as_str(), error["detail"].as_str());
        let place = pointer.unwrap_or_default().trim_start_matches("#/");
        message = format!("{message}\n  {place}: {}", detail.unwrap_or_default());
    }
    let failure = Failure::new(message).coded(code);
    match status {
        StatusCode::UNAUTHORIZED if body["error"].is_null() => {
            failure.hint("KEYSTEAD_API_TOKEN holds the API token; `keystead init` makes one")
        }
        StatusCode::UNAUTHORIZED => {
            failure.hint("`keystead app secret list APP_ID` shows which secrets are in use")
        }
        _ => failure,
    }
}

fn api_token(environment: &BTreeMap<String, String>) -> Result<Zeroizing<String>, Failure> {
    let set = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    match (set("KEYSTEAD_API_TOKEN"), set("KEYSTEAD_API_TOKEN_FILE")) {
        (Some(token), None) => Ok(Zeroizing::new(token.trim().to_owned())),
        (None, Some(file)) => super::secret::read("API token", Some(Path::new(file))),
        (Some(_), Some(_)) => Err(Failure::usage(
            "KEYSTEAD_API_TOKEN and KEYSTEAD_API_TOKEN_FILE are both set; keep one",
        )),
        (None, None) => Err(Failure::usage("KEYSTEAD_API_TOKEN is not set")
            .hint("`keystead init` prints an API token; put it into that variable")),
    }
}

fn sensitive(text: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| Failure::usage("the API token is not one: it has characters none has"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn roots(extra: Option<&Path>) -> Result<RootCertStore, Failure> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let Some(path) = extra else { return Ok(roots) };
    let unusable = |why: String| {
        Failure::usage(format!(
            "KEYSTEAD_CA_FILE `{}` can't be used: {why}",
            path.display()
        ))
    };
    let certificates =
        CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| unusable(error.to_string()))?;
    }
    Ok(roots)
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A key check waits for a provider.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
const ANSWER_AT_MOST: usize = 16 << 20;
const PAGE: &str = "200";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_travel_in_plain_only_on_this_machine() {
        for (url, fine) in [
            ("http://localhost:8420", true),
            ("http://127.0.0.1:1", true),
            ("http://[::1]:1", true),
            ("https://ai.example.org", true),
            ("http://ai.example.org", false),
            ("http://10.0.0.1", false),
            ("ftp://localhost", false),
            ("localhost:8420", false),
        ] {
            let environment = [("KEYSTEAD_URL".to_owned(), url.to_owned())].into();
            let client = Client::anonymous_in(&Global::default(), &environment);
            assert_eq!(client.is_ok(), fine, "{url}");
        }
    }

    #[test]
    fn the_token_comes_from_the_environment_or_a_file_and_not_from_both() {
        let map = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
                .collect()
        };
        assert!(api_token(&map(&[])).unwrap_err().hint.is_some());
        let both = [
            ("KEYSTEAD_API_TOKEN", "a"),
            ("KEYSTEAD_API_TOKEN_FILE", "b"),
        ];
        assert!(api_token(&map(&both)).is_err());
        let token = api_token(&map(&[("KEYSTEAD_API_TOKEN", " ksa1_x \n")])).unwrap();
        assert_eq!(token.as_str(), "ksa1_x");
    }

    #[test]
    fn a_problem_reads_as_one_message() {
        let body = json!({
            "code": "invalid_request", "detail": "the request has mistakes",
            "errors": [{"pointer": "#/handle", "detail": "must begin with a letter"}],
        });
        let failure = refused(StatusCode::UNPROCESSABLE_ENTITY, &body);
        assert_eq!(failure.code, "invalid_request");
        assert_eq!(
            failure.message,
            "the request has mistakes\n  handle: must begin with a letter"
        );
        let failure = refused(
            StatusCode::UNAUTHORIZED,
            &json!({"error": "invalid_client"}),
        );
        assert!(failure.hint.unwrap().contains("app secret"));
    }
}
