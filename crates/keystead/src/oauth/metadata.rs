//! `GET /.well-known/oauth-authorization-server` (RFC 8414): what there is, and only that.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::{OAuth, token::GRANT_TYPES};
use crate::dpop;

pub(super) async fn show(State(oauth): State<OAuth>) -> Json<Value> {
    let issuer = &oauth.0.issuer;
    let methods = ["client_secret_basic", "client_secret_post", "none"];
    Json(json!({
        "issuer": issuer.to_string(),
        // Where people are signed in.
        "authorization_endpoint": oauth.0.console.join("/oauth/authorize"),
        "token_endpoint": issuer.join("/oauth/token"),
        "revocation_endpoint": issuer.join("/oauth/revoke"),
        "grant_types_supported": GRANT_TYPES,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "authorization_response_iss_parameter_supported": true,
        "dpop_signing_alg_values_supported": dpop::ALGORITHMS,
    }))
}
