//! Your account: what you sign in with, and where you are signed in.
//!
//! | path | what |
//! |---|---|
//! | `/console/account` | password, passkeys, codes, sessions |
//! | `…/password`, `…/password/remove` | another password, or none |
//! | `…/codes`, `…/codes/enrol`, `…/codes/remove`, `…/codes/recovery` | one-time codes, recovery codes |
//! | `…/passkeys`, `…/passkeys/ask`, `…/passkeys/{id}`, `…/passkeys/{id}/remove` | passkeys |
//! | `…/identities/{id}/remove` | no more signing in by the OpenID provider |
//! | `…/sessions/{id}`, `…/sessions/others` | ending sessions |
//! | `…/grants/{id}/withdraw` | an application acts for them no more |
//! | `…/organization` | to another organization of theirs |

mod codes;
mod grants;
mod identities;
mod organization;
mod overview;
mod passkeys;
mod password;
mod sessions;

use axum::{
    Router,
    response::{IntoResponse as _, Redirect, Response},
    routing::{get, post},
};

use super::{Answer, Console, Form, Person, sign_in::trouble};
use crate::people::NotProven;

/// Every route.
pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/console/account", get(overview::show))
        .route("/console/account/password", post(password::set))
        .route("/console/account/password/remove", post(password::remove))
        .route("/console/account/codes", get(codes::begin))
        .route("/console/account/codes/enrol", post(codes::enrol))
        .route("/console/account/codes/remove", post(codes::remove))
        .route("/console/account/codes/recovery", post(codes::recovery))
        .route("/console/account/passkeys", post(passkeys::add))
        .route("/console/account/passkeys/ask", post(passkeys::ask))
        .route("/console/account/passkeys/{id}", post(passkeys::rename))
        .route(
            "/console/account/passkeys/{id}/remove",
            post(passkeys::remove),
        )
        .route(
            "/console/account/sessions/others",
            post(sessions::end_others),
        )
        .route("/console/account/sessions/{id}", post(sessions::end))
        .route(
            "/console/account/identities/{id}/remove",
            post(identities::remove),
        )
        .route(
            "/console/account/grants/{id}/withdraw",
            post(grants::withdraw),
        )
        .route("/console/account/organization", post(organization::turn))
}

/// Back to the account, with what was done; or the account's page with what is wrong at `field`.
async fn after(
    console: &Console,
    person: &Person,
    outcome: Result<(), NotProven>,
    word: &str,
    field: &str,
) -> Answer {
    let Err(error) = outcome else {
        return Ok(done(word));
    };
    let mut form = Form::default();
    let status = trouble(&mut form, field, error)?;
    let mut response = overview::page(console, person, form).await?;
    *response.status_mut() = status;
    Ok(response)
}

fn done(word: &str) -> Response {
    Redirect::to(&format!("/console/account?done={word}")).into_response()
}
