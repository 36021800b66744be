//! A stand-in for OpenAI: enough of its API for one real call, on loopback, made of nothing.
//!
//! It checks the key like the real one, lists models, and answers chat completions whole or as a
//! stream, with a short pause between the words so that streaming can be seen.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What the stand-in says.
const WORDS: [&str; 14] = [
    "This",
    " answer",
    " was",
    " streamed",
    " through",
    " Keystead:",
    " the",
    " client",
    " held",
    " a",
    " token,",
    " never",
    " the",
    " key.",
];
const MODEL: &str = "gpt-6-luna";
const PAUSE: Duration = Duration::from_millis(60);

type Body = BoxBody<Bytes, Infallible>;

/// Serves on a free loopback port until the task is ended; `key` is the only one it accepts.
///
/// # Errors
///
/// No port is free.
pub(super) async fn start(key: String) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let key = key.clone();
            let service = service_fn(move |request| answer(key.clone(), request));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    Ok(address)
}

async fn answer(key: String, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let credential = request.headers().get(header::AUTHORIZATION);
    if credential.is_none_or(|value| value.as_bytes() != format!("Bearer {key}").as_bytes()) {
        let error = json!({"error": {"message": "Incorrect API key provided.", "param": null,
            "type": "invalid_request_error", "code": "invalid_api_key"}});
        return Ok(whole(StatusCode::UNAUTHORIZED, &error));
    }
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/v1/models") => {
            let model = json!({"id": MODEL, "object": "model", "created": 0, "owned_by": "demo"});
            Ok(whole(
                StatusCode::OK,
                &json!({"object": "list", "data": [model]}),
            ))
        }
        (&Method::POST, "/v1/chat/completions") => Ok(chat(request).await),
        _ => {
            let error = json!({"error": {"message": "The stand-in does not offer this.",
                "type": "invalid_request_error", "param": null, "code": null}});
            Ok(whole(StatusCode::NOT_FOUND, &error))
        }
    }
}

async fn chat(request: Request<Incoming>) -> Response<Body> {
    let body = request
        .into_body()
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes);
    let asked: Value = body
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let usage = json!({"prompt_tokens": 9, "completion_tokens": WORDS.len(),
        "total_tokens": 9 + WORDS.len()});
    if asked["stream"] == true {
        return stream(asked["stream_options"]["include_usage"] == true, &usage);
    }
    let message = json!({"role": "assistant", "content": WORDS.concat()});
    let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
    let answer = json!({"id": "chatcmpl-demo", "object": "chat.completion", "created": 0,
        "model": MODEL, "choices": [choice], "usage": usage});
    whole(StatusCode::OK, &answer)
}

fn stream(with_usage: bool, usage: &Value) -> Response<Body> {
    let chunk = |choices: Value, usage: &Value| {
        json!({"id": "chatcmpl-demo", "object": "chat.completion.chunk", "created": 0,
            "model": MODEL, "choices": choices, "usage": usage})
    };
    let mut events: Vec<String> = WORDS
        .iter()
        .map(|word| json!([{"index": 0, "delta": {"content": word}, "finish_reason": null}]))
        .chain([json!([{"index": 0, "delta": {}, "finish_reason": "stop"}])])
        .map(|choices| chunk(choices, &Value::Null).to_string())
        .collect();
    if with_usage {
        events.push(chunk(json!([]), usage).to_string());
    }
    events.push("[DONE]".to_owned());

    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        for event in events {
            if sender
                .send(Bytes::from(format!("data: {event}\n\n")))
                .await
                .is_err()
            {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    });
    let mut response = Response::new(Events(receiver).boxed());
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        http::HeaderValue::from_static("text/event-stream"),
    );
    response
}

fn whole(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())).boxed());
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/json"),
    );
    response
}

/// Events as they are sent.
struct Events(tokio::sync::mpsc::Receiver<Bytes>);

impl http_body::Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(cx)
            .map(|event| event.map(|bytes| Ok(Frame::data(bytes))))
    }
}
