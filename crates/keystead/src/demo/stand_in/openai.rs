//! OpenAI, as far as the demo asks it: models, chat completions whole or as a stream, pictures. Between the
//! words there is a short pause, so that streaming can be seen.

use std::{convert::Infallible, time::Duration};

use axum::{
    Json, Router,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http_body::Frame;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// What it says if nothing below fits.
const ANSWER: &str =
    "This answer was streamed through Keystead: the client held a token, never the key.";

/// What it says where the prompt has this word.
const ANSWERS: [(&str, &str); 3] = [
    (
        "subject",
        "Your letter is on its way. Here is when to look out for it",
    ),
    (
        "warmer",
        "Thank you for writing with us. Your letter was folded by hand this afternoon, and it leaves our \
         workshop tomorrow morning, with a stamp that we chose for you. If anything about it is not as you \
         hoped, answer this note and a person will read it the same day.\n\nWith kind regards\nNorthwind \
         Letters",
    ),
    ("shorter", "Your letter leaves tomorrow morning. Thank you!"),
];

/// What it sees in any picture.
const SEEN: &str = "A white lighthouse with red bands on a green hill above a calm sea at sunset.";

/// What it paints, whatever it is asked for.
const PICTURE: &[u8] = include_bytes!("picture.png");

const MODEL: &str = "gpt-6-luna";
const PAUSE: Duration = Duration::from_millis(60);

/// What the stand-in answers.
pub(super) fn router(key: &str) -> Router {
    let expected = format!("Bearer {key}");
    Router::new()
        .route("/v1/models", get(async || Json(models())))
        .route("/v1/chat/completions", post(chat))
        .route("/v1/images/generations", post(picture))
        .fallback(async || refused(StatusCode::NOT_FOUND, "The stand-in does not offer this."))
        .layer(middleware::from_fn_with_state(expected, with_key))
}

async fn with_key(State(expected): State<String>, request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION);
    match shown.is_some_and(|shown| shown.as_bytes() == expected.as_bytes()) {
        true => next.run(request).await,
        false => refused(StatusCode::UNAUTHORIZED, "Incorrect API key provided."),
    }
}

fn refused(status: StatusCode, message: &str) -> Response {
    let code = match status {
        StatusCode::UNAUTHORIZED => json!("invalid_api_key"),
        _ => Value::Null,
    };
    let error = json!({"message": message, "type": "invalid_request_error", "param": null,
        "code": code});
    (status, Json(json!({ "error": error }))).into_response()
}

fn models() -> Value {
    let model = json!({"id": MODEL, "object": "model", "created": 0, "owned_by": "demo"});
    json!({"object": "list", "data": [model]})
}

async fn picture(Json(_): Json<Value>) -> Response {
    // It takes a moment, as painting does.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let picture = json!({"b64_json": BASE64_STANDARD.encode(PICTURE)});
    let usage = json!({"input_tokens": 12, "output_tokens": 272, "total_tokens": 284});
    Json(json!({"created": 0, "data": [picture], "usage": usage})).into_response()
}

async fn chat(Json(asked): Json<Value>) -> Response {
    let words: Vec<&str> = answer_to(&asked).split_inclusive(' ').collect();
    let usage = json!({"prompt_tokens": 9, "completion_tokens": words.len(),
        "total_tokens": 9 + words.len()});
    if asked["stream"] == true {
        let wants_usage = asked["stream_options"]["include_usage"] == true;
        return stream(&words, wants_usage.then_some(usage));
    }
    let message = json!({"role": "assistant", "content": words.concat()});
    let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
    Json(
        json!({"id": "chatcmpl-demo", "object": "chat.completion", "created": 0,
        "model": MODEL, "choices": [choice], "usage": usage}),
    )
    .into_response()
}

/// What it says to the last message.
fn answer_to(asked: &Value) -> &'static str {
    let messages = asked["messages"].as_array();
    let content = messages
        .and_then(|all| all.last())
        .map(|last| &last["content"]);
    match content {
        Some(Value::String(text)) => {
            let text = text.to_lowercase();
            let found = ANSWERS.iter().find(|(word, _)| text.contains(word));
            found.map_or(ANSWER, |(_, answer)| answer)
        }
        Some(Value::Array(parts)) if parts.iter().any(|part| part["type"] == "image_url") => SEEN,
        _ => ANSWER,
    }
}

fn stream(words: &[&str], usage: Option<Value>) -> Response {
    let chunk = |choices: Value, usage: &Value| {
        json!({"id": "chatcmpl-demo", "object": "chat.completion.chunk", "created": 0,
            "model": MODEL, "choices": choices, "usage": usage})
    };
    let mut events: Vec<String> = words
        .iter()
        .map(|word| json!([{"index": 0, "delta": {"content": word}, "finish_reason": null}]))
        .chain([json!([{"index": 0, "delta": {}, "finish_reason": "stop"}])])
        .map(|choices| chunk(choices, &Value::Null).to_string())
        .collect();
    events.extend(usage.map(|usage| chunk(json!([]), &usage).to_string()));
    events.push("[DONE]".to_owned());

    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        for event in events {
            let event = Bytes::from(format!("data: {event}\n\n"));
            if sender.send(event).await.is_err() {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    });
    let kind = [(header::CONTENT_TYPE, "text/event-stream")];
    (kind, Body::new(Events(receiver))).into_response()
}

/// Events as they are sent.
struct Events(mpsc::Receiver<Bytes>);

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
