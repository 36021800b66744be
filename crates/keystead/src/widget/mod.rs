//! The AddOn's front end, as host pages load it: one file, part of the program.
//!
//! | path | what |
//! |---|---|
//! | `/widget/keystead-HASH.js` | the file, named by its content: kept by browsers for good, and held to its integrity value by the page |
//! | `/widget/v1.js` | the same, under a name that stays: asked for anew now and then |
//! | `/widget/v1.json` | the address that names the content, and the integrity value |
//!
//! They are for every page: whoever loads them gets code, and nothing that a token or a session opens. The
//! file is made from `widget/src` by `cargo xtask widget`; this program needs no Node.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, SHA384, digest};
use axum::{
    Json, Router,
    extract::{Path, State},
    response::{IntoResponse as _, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::{config::BaseUrl, manage::Problem};

const SCRIPT: &[u8] = include_bytes!("../../../../widget/dist/keystead.js");

/// The same, compressed beforehand.
const COMPRESSED: &[u8] = include_bytes!("../../../../widget/dist/keystead.js.gz");

/// Sixteen digits that change with the content.
static HASH: LazyLock<String> = LazyLock::new(|| {
    let digest = digest(&SHA256, SCRIPT);
    let hex = digest.as_ref().iter().take(8);
    hex.map(|byte| format!("{byte:02x}")).collect()
});

/// Weak: the compressed file and the other are the same script.
static ETAG: LazyLock<HeaderValue> = LazyLock::new(|| {
    HeaderValue::try_from(format!("W/\"{}\"", HASH.as_str())).expect("digits are header text")
});

/// How pages load the front end, and know that it is this one.
#[derive(Clone, Debug, Serialize)]
pub struct Loading {
    /// The address, which changes with the content.
    pub src: String,
    /// What `integrity` says of it.
    pub integrity: String,
}

impl Loading {
    /// From the server that is reached at `public_url`.
    #[must_use]
    pub fn from(public_url: &BaseUrl) -> Self {
        Self {
            src: format!("{public_url}/widget/keystead-{}.js", HASH.as_str()),
            integrity: format!("sha384-{}", STANDARD.encode(digest(&SHA384, SCRIPT))),
        }
    }

    /// The line for a page.
    #[must_use]
    pub fn tag(&self) -> String {
        let Self { src, integrity } = self;
        format!(
            "<script type=\"module\" src=\"{src}\" integrity=\"{integrity}\" crossorigin=\"anonymous\"></script>"
        )
    }
}

/// Every route below `/widget`.
pub fn router(public_url: &BaseUrl) -> Router {
    Router::new()
        .route("/widget/v1.js", get(current))
        .route("/widget/v1.json", get(loading))
        .route("/widget/{name}", get(named))
        .with_state(Loading::from(public_url))
}

/// An older program's name finds nothing.
async fn named(Path(name): Path<String>, asked: HeaderMap) -> Response {
    if name != format!("keystead-{}.js", HASH.as_str()) {
        return Problem::NoSuchRoute.into_response();
    }
    script(&asked, "public, max-age=31536000, immutable")
}

async fn current(asked: HeaderMap) -> Response {
    script(&asked, "public, max-age=300")
}

async fn loading(State(loading): State<Loading>) -> Response {
    let mut answer = Json(loading).into_response();
    dress(answer.headers_mut(), "public, max-age=60");
    answer
}

fn script(asked: &HeaderMap, kept: &'static str) -> Response {
    let mut answer = match asked.get(header::IF_NONE_MATCH) {
        Some(known) if known == *ETAG => StatusCode::NOT_MODIFIED.into_response(),
        _ if takes_gzip(asked) => {
            ([(header::CONTENT_ENCODING, "gzip")], COMPRESSED).into_response()
        }
        _ => SCRIPT.into_response(),
    };
    let headers = answer.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/javascript; charset=utf-8"),
    );
    headers.insert(header::ETAG, ETAG.clone());
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    dress(headers, kept);
    answer
}

/// Any page may load it, and it is nothing but what its type says.
fn dress(headers: &mut HeaderMap, kept: &'static str) {
    let always: [(HeaderName, &str); 4] = [
        (header::CACHE_CONTROL, kept),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "cross-origin",
        ),
    ];
    for (name, value) in always {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

fn takes_gzip(asked: &HeaderMap) -> bool {
    let wanted = asked.get(header::ACCEPT_ENCODING);
    let wanted = wanted
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    wanted.split(',').any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        name.trim() == "gzip" && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_comes_only_where_it_is_taken() {
        for (asked, expected) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, gzip;q=0.8", true),
            ("gzip;q=0", false),
            ("gzip; q=0.0", false),
            ("identity", false),
            ("x-gzip-like", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(asked));
            assert_eq!(takes_gzip(&headers), expected, "{asked}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
