//! Styles, scripts and the icon: part of the program, named by their content.
//!
//! The name changes with the content, so browsers keep each for good and never show an old one
//! beside a new page.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    extract::Path,
    response::{IntoResponse as _, Response},
};
use http::{HeaderName, StatusCode, header};

/// One file.
#[derive(Debug)]
pub(super) struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

macro_rules! assets {
    ($($constant:ident = $name:literal, $kind:literal;)*) => {
        $(
            /// The address of the file.
            pub(super) static $constant: LazyLock<String> = LazyLock::new(|| {
                address(&Asset { name: $name, kind: $kind, text: include_str!(concat!("assets/", $name)) })
            });
        )*

        const ALL: &[Asset] = &[
            $(Asset { name: $name, kind: $kind, text: include_str!(concat!("assets/", $name)) }),*
        ];
    };
}

assets! {
    STYLE = "keystead.css", "text/css; charset=utf-8";
    SCRIPT = "console.js", "text/javascript; charset=utf-8";
    TRY = "try.js", "text/javascript; charset=utf-8";
    PASSKEY = "passkey.js", "text/javascript; charset=utf-8";
    LINK = "link.js", "text/javascript; charset=utf-8";
    ICON = "icon.svg", "image/svg+xml";
}

fn address(asset: &Asset) -> String {
    format!("/console/assets/{}/{}", hash(asset), asset.name)
}

fn hash(asset: &Asset) -> String {
    let digest = digest(&SHA256, asset.text.as_bytes());
    let hex = digest.as_ref().iter().take(8);
    hex.map(|byte| format!("{byte:02x}")).collect()
}

/// Answers with a file. An older program's name for it finds nothing.
pub(super) async fn serve(Path((wanted, name)): Path<(String, String)>) -> Response {
    let found = ALL
        .iter()
        .find(|asset| asset.name == name && hash(asset) == wanted);
    let Some(asset) = found else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers: [(HeaderName, &str); 4] = [
        (header::CONTENT_TYPE, asset.kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    (headers, asset.text).into_response()
}
