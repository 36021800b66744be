//! What the demo does to its own server: as any client would, over HTTP.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{DemoError, failed, tell::Made};

/// A client of the demo's server.
pub(super) struct Client {
    server: SocketAddr,
    api_token: Zeroizing<String>,
}

impl Client {
    pub(super) fn new(server: SocketAddr, api_token: &str) -> Self {
        Self {
            server,
            api_token: Zeroizing::new(api_token.to_owned()),
        }
    }

    /// One that manages nothing: a host application's backend.
    pub(super) fn of_a_host(server: SocketAddr) -> Self {
        Self::new(server, "")
    }

    /// Makes something through the REST API.
    pub(super) async fn post(
        &self,
        step: &'static str,
        path: &str,
        body: &Value,
    ) -> Result<Value, DemoError> {
        let bearer = format!("Bearer {}", *self.api_token);
        let request = Request::post(path)
            .header(header::AUTHORIZATION, bearer)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.to_string());
        self.whole(step, request.map_err(|error| failed(step, error))?)
            .await
    }

    /// Mints an access token for one user, as the application's backend does; the answer as it is.
    pub(super) async fn token(
        &self,
        application: &Value,
        uid: &str,
        seconds: u32,
    ) -> Result<Value, DemoError> {
        let step = "an access token";
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", text(application, "client_id"))
            .append_pair("client_secret", text(application, "client_secret"))
            .append_pair("uid", uid)
            .append_pair("expires_in", &seconds.to_string())
            .finish();
        let request = Request::post("/oauth/token")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        self.whole(step, request.map_err(|error| failed(step, error))?)
            .await
    }

    /// Calls the provider through the proxy and shows the words as they come.
    pub(super) async fn stream(&self, made: &Made, show: impl Fn(&str)) -> Result<(), DemoError> {
        let step = "the call";
        let body = json!({"model": made.model, "stream": true,
            "messages": [{"role": "user", "content": "Hello"}]});
        let request = Request::builder()
            .method(Method::POST)
            .uri(&made.call_path)
            .header(header::AUTHORIZATION, format!("Bearer {}", made.token))
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.to_string())
            .map_err(|error| failed(step, error))?;
        let mut answer = self.send(step, request).await?;
        let mut line = Vec::new();
        while let Some(frame) = answer.frame().await {
            let bytes = frame
                .map_err(|error| failed(step, error))?
                .into_data()
                .unwrap_or_default();
            for byte in bytes {
                if byte != b'\n' {
                    line.push(byte);
                    continue;
                }
                let event = line
                    .strip_prefix(b"data: ")
                    .and_then(|data| serde_json::from_slice::<Value>(data).ok());
                if let Some(word) = event
                    .as_ref()
                    .and_then(|e| e["choices"][0]["delta"]["content"].as_str())
                {
                    show(word);
                }
                line.clear();
            }
        }
        show("\n");
        Ok(())
    }

    async fn whole(
        &self,
        step: &'static str,
        request: Request<String>,
    ) -> Result<Value, DemoError> {
        let answer = self.send(step, request).await?;
        let body = answer
            .collect()
            .await
            .map_err(|error| failed(step, error))?
            .to_bytes();
        serde_json::from_slice(&body).map_err(|error| failed(step, error))
    }

    async fn send(
        &self,
        step: &'static str,
        request: Request<String>,
    ) -> Result<hyper::body::Incoming, DemoError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the demo calls its own listener, which the connector refuses"
        )]
        let stream = tokio::net::TcpStream::connect(self.server).await;
        let stream = stream.map_err(|error| failed(step, error))?;
        let connection = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, driver) = connection.map_err(|error| failed(step, error))?;
        tokio::spawn(driver);
        let (mut head, body) = request.into_parts();
        let host = format!("localhost:{}", self.server.port());
        head.headers.insert(
            header::HOST,
            host.parse().map_err(|error| failed(step, error))?,
        );
        let request = Request::from_parts(head, Full::new(Bytes::from(body)));
        let answer = sender
            .send_request(request)
            .await
            .map_err(|error| failed(step, error))?;
        if answer.status().is_success() {
            return Ok(answer.into_body());
        }
        let status = answer.status();
        let body = answer
            .into_body()
            .collect()
            .await
            .map_err(|error| failed(step, error))?;
        let said = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        Err(failed(step, format!("{status}: {said}")))
    }
}

/// A text member of an answer; empty where there is none, which the next step then refuses.
pub(super) fn text<'a>(answer: &'a Value, member: &str) -> &'a str {
    answer[member].as_str().unwrap_or_default()
}
