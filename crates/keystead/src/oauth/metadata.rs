//! `GET /.well-known/oauth-authorization-server` (RFC 8414): what there is, and only that.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::OAuth;

pub(super) async fn show(State(oauth): State<OAuth>) -> Json<Value> {
    let issuer = &oauth.0.issuer;
    let methods = ["client_secret_basic", "client_secret_post"];
    Json(json!({
        "issuer": issuer.to_string(),
        "token_endpoint": issuer.join("/oauth/token"),
        "revocation_endpoint": issuer.join("/oauth/revoke"),
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        // Required by the RFC; there is no authorization endpoint yet, so there are none.
        "response_types_supported": [],
    }))
}
