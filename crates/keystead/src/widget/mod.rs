//! The AddOn's front end, as host pages load it: two files, part of the program.
//!
//! | path | what |
//! |---|---|
//! | `/widget/keystead-HASH.js` | the AddOn, named by its content: kept by browsers for good, and held to its integrity value by the page |
//! | `/widget/connect-HASH.js` | the connection of a user's own key, likewise |
//! | `/widget/v1.js`, `/widget/connect-v1.js` | the same, under names that stay: asked for anew now and then |
//! | `/widget/v1.json`, `/widget/connect-v1.json` | the address that names the content, and the integrity value |
//!
//! They are for every page: whoever loads them gets code, and nothing that a token or a session opens. The
//! files are made from `widget/src` by `cargo xtask widget`; this program needs no Node.

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

/// What a page can load.
#[derive(Debug)]
struct File {
    /// What its name begins with.
    name: &'static str,
    script: &'static [u8],
    /// The same, compressed beforehand.
    compressed: &'static [u8],
}

static ADDON: File = File {
    name: "keystead",
    script: include_bytes!("../../../../widget/dist/keystead.js"),
    compressed: include_bytes!("../../../../widget/dist/keystead.js.gz"),
};

static CONNECT: File = File {
    name: "connect",
    script: include_bytes!("../../../../widget/dist/connect.js"),
    compressed: include_bytes!("../../../../widget/dist/connect.js.gz"),
};

static ADDON_HASH: LazyLock<String> = LazyLock::new(|| ADDON.digits());
static CONNECT_HASH: LazyLock<String> = LazyLock::new(|| CONNECT.digits());

impl File {
    /// Sixteen digits that change with the content.
    fn digits(&self) -> String {
        let digest = digest(&SHA256, self.script);
        let hex = digest.as_ref().iter().take(8);
        hex.map(|byte| format!("{byte:02x}")).collect()
    }

    fn hash(&self) -> &'static str {
        match self.name {
            "connect" => &CONNECT_HASH,
            _ => &ADDON_HASH,
        }
    }

    /// How it is called by its content.
    fn named(&self) -> String {
        format!("{}-{}.js", self.name, self.hash())
    }

    /// Weak: the compressed file and the other are the same script.
    fn etag(&self) -> HeaderValue {
        HeaderValue::try_from(format!("W/\"{}\"", self.hash())).expect("digits are header text")
    }
}

/// How pages load the front end, and know that it is this one.
#[derive(Clone, Debug, Serialize)]
pub struct Loading {
    /// The address, which changes with the content.
    pub src: String,
    /// What `integrity` says of it.
    pub integrity: String,
}

/// Both files.
#[derive(Clone, Debug)]
struct All {
    addon: Loading,
    connect: Loading,
}

impl Loading {
    /// The AddOn, from the server that is reached at `public_url`.
    #[must_use]
    pub fn from(public_url: &BaseUrl) -> Self {
        Self::of(&ADDON, public_url)
    }

    fn of(file: &File, public_url: &BaseUrl) -> Self {
        Self {
            src: format!("{public_url}/widget/{}", file.named()),
            integrity: format!("sha384-{}", STANDARD.encode(digest(&SHA384, file.script))),
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
        .route("/widget/connect-v1.js", get(current_connect))
        .route("/widget/v1.json", get(loading))
        .route("/widget/connect-v1.json", get(loading_connect))
        .route("/widget/{name}", get(named))
        .with_state(All {
            addon: Loading::of(&ADDON, public_url),
            connect: Loading::of(&CONNECT, public_url),
        })
}

/// An older program's name finds nothing.
async fn named(Path(name): Path<String>, asked: HeaderMap) -> Response {
    let found = [&ADDON, &CONNECT]
        .into_iter()
        .find(|file| name == file.named());
    match found {
        Some(file) => script(file, &asked, "public, max-age=31536000, immutable"),
        None => Problem::NoSuchRoute.into_response(),
    }
}

async fn current(asked: HeaderMap) -> Response {
    script(&ADDON, &asked, "public, max-age=300")
}

async fn current_connect(asked: HeaderMap) -> Response {
    script(&CONNECT, &asked, "public, max-age=300")
}

async fn loading(State(all): State<All>) -> Response {
    told(all.addon)
}

async fn loading_connect(State(all): State<All>) -> Response {
    told(all.connect)
}

fn told(loading: Loading) -> Response {
    let mut answer = Json(loading).into_response();
    dress(answer.headers_mut(), "public, max-age=60");
    answer
}

fn script(file: &'static File, asked: &HeaderMap, kept: &'static str) -> Response {
    let etag = file.etag();
    let mut answer = match asked.get(header::IF_NONE_MATCH) {
        Some(known) if known == etag => StatusCode::NOT_MODIFIED.into_response(),
        _ if takes_gzip(asked) => {
            ([(header::CONTENT_ENCODING, "gzip")], file.compressed).into_response()
        }
        _ => file.script.into_response(),
    };
    let headers = answer.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/javascript; charset=utf-8"),
    );
    headers.insert(header::ETAG, etag);
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
