//! The pages that one comes in by, and leaves by: sign-in, set-up, invitations, the fresh proof.
//!
//! | path | what |
//! |---|---|
//! | `/console/sign-in`, `…/code`, `…/passkey` | e-mail address and password; then a code; what a passkey is asked |
//! | `/console/sign-in/oidc`, `…/callback`, `…/connect` | by the organization's own provider |
//! | `/console/step-up`, `…/passkey` | the same person once more, before what matters |
//! | `/console/sign-out`, `…/everywhere` | out |
//! | `/setup`, `…/account`, `…/passkey` | the first account |
//! | `/console/invitation`, `…/account`, `…/passkey`, `…/join` | a further one |
//!
//! Links carry their token behind the `#`: a script puts it into the form, or the person does.

mod code;
mod entrance;
mod invitation;
mod oidc;
mod passkey;
mod password;
mod set_up;
mod sign_out;
mod step_up;

use axum::{
    Router,
    routing::{get, post},
};

pub(super) use self::entrance::{Local, asked, session_cookie, signed_in, trouble};

use super::Console;

/// Every route.
pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route(
            "/console/sign-in",
            get(password::show).post(password::check),
        )
        .route("/console/sign-in/code", post(code::check))
        .route("/console/sign-in/passkey", post(passkey::ask))
        .route("/console/sign-in/oidc", get(oidc::begin))
        .route("/console/sign-in/oidc/callback", get(oidc::back))
        .route("/console/sign-in/oidc/connect", post(oidc::connect))
        .route("/console/step-up", get(step_up::show).post(step_up::check))
        .route("/console/step-up/passkey", post(step_up::ask))
        .route("/console/sign-out", post(sign_out::here))
        .route("/console/sign-out/everywhere", post(sign_out::everywhere))
        .route(
            "/console/invitation",
            get(invitation::link).post(invitation::show),
        )
        .route("/console/invitation/account", post(invitation::accept))
        .route("/console/invitation/passkey", post(invitation::ask))
        .route("/console/invitation/join", post(invitation::join))
}

/// Beside `/console`.
pub(super) fn set_up_routes() -> Router<Console> {
    Router::new()
        .route("/setup", get(set_up::link).post(set_up::show))
        .route("/setup/account", post(set_up::make))
        .route("/setup/passkey", post(set_up::ask))
}
