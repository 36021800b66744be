//! Reads request bodies and queries: JSON of exactly the documented shape.
//!
//! Bodies can hold a provider's key, so the bytes are wiped once they are parsed, and no message
//! repeats a value.

use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Buf as _;
use http::{header, request::Parts};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::manage::Problem;

/// A JSON body.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

/// A query string.
#[derive(Debug)]
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Problem::NotJson);
        }
        let bytes = collect(request.into_body()).await?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| malformed(&error))
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let parsed = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        parsed.map(|query| Self(query.0)).map_err(|rejection| {
            let text = rejection.body_text();
            let named = text
                .find("unknown field")
                .or_else(|| text.find("missing field"));
            Problem::Malformed(match named {
                Some(at) => {
                    format!("the query has an {}", &text[at..]).replace("an missing", "a missing")
                }
                None => "the query can't be read".to_owned(),
            })
        })
    }
}

/// The bytes of a body, wiped after use.
pub(super) async fn collect(mut body: axum::body::Body) -> Result<Zeroizing<Vec<u8>>, Problem> {
    // Of full size from the start: growing would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(AT_MOST));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::Malformed("the body broke off".into()))?;
        let Ok(mut data) = frame.into_data() else {
            continue;
        };
        if bytes.len() + data.remaining() > AT_MOST {
            return Err(Problem::TooLarge);
        }
        while data.has_remaining() {
            let chunk = data.chunk();
            bytes.extend_from_slice(chunk);
            let read = chunk.len();
            data.advance(read);
        }
    }
    Ok(bytes)
}

/// What serde says of names is about our own fields; what it says of values repeats them.
fn malformed(error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    let about_names = ["missing field", "unknown field", "duplicate field"];
    let place = format!("line {}, column {}", error.line(), error.column());
    if !error.is_data() {
        return Problem::Malformed(format!("the body is no JSON: {place}"));
    }
    if about_names.iter().any(|start| text.starts_with(start)) {
        return Problem::Malformed(text);
    }
    Problem::Malformed(format!("the body has a value of the wrong type: {place}"))
}

/// Longer than any body that this API takes.
const AT_MOST: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use axum::body;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Shape {
        name: String,
        #[serde(default)]
        strict: bool,
    }

    async fn read(kind: &str, text: &str) -> Result<Shape, Problem> {
        let request = Request::post("/").header(header::CONTENT_TYPE, kind);
        let request = request.body(body::Body::from(text.to_owned())).unwrap();
        Body::<Shape>::from_request(request, &())
            .await
            .map(|body| body.0)
    }

    #[tokio::test]
    async fn a_message_names_fields_and_repeats_no_value() {
        let json = "application/json; charset=utf-8";
        let shape = read(json, r#"{"name":"a"}"#).await.unwrap();
        assert_eq!((shape.name.as_str(), shape.strict), ("a", false));
        for (text, expected) in [
            ("{}", "missing field `name` at line 1 column 2"),
            (
                r#"{"name":"a","nmae":1}"#,
                "unknown field `nmae`, expected `name` or `strict`",
            ),
            (r#"{"name":"a","name":"b"}"#, "duplicate field `name`"),
            (
                r#"{"name":"a","strict":"canary"}"#,
                "the body has a value of the wrong type",
            ),
            (r#"{"name":"canary"#, "the body is no JSON: line 1"),
        ] {
            let Err(Problem::Malformed(found)) = read(json, text).await else {
                panic!("{text}")
            };
            assert!(
                found.starts_with(expected) && !found.contains("canary"),
                "{found}"
            );
        }
    }

    #[tokio::test]
    async fn other_kinds_and_sizes_are_refused() {
        assert!(matches!(
            read("text/plain", "{}").await,
            Err(Problem::NotJson)
        ));
        assert!(matches!(read("", "{}").await, Err(Problem::NotJson)));
        let large = format!(r#"{{"name":"{}"}}"#, "a".repeat(AT_MOST));
        assert!(matches!(
            read("application/json", &large).await,
            Err(Problem::TooLarge)
        ));
    }
}
