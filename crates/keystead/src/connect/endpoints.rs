//! What hosts ask, over HTTP. For their backends, which show their client secret:
//!
//! | path | what |
//! |---|---|
//! | `POST /connect/links` | a link for one user: where their browser is led to enter a key |
//! | `POST /connect/confirm` | it was this user who came back with this code |
//! | `POST /connect/status` | what a user has connected |
//! | `POST /connect/withdraw` | a user's key is not to be used any more |
//!
//! And for their pages, which have an access token: [`browser`](super::browser).

use axum::{
    Json, Router,
    extract::{FromRef, State},
    response::Response,
    routing::{get, post},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Connect, Connection, NewLink, browser, links::LINK_LASTS};
use crate::{
    manage::Problem,
    oauth::{
        HostRequest, OAuth, Refusal,
        refusal::{method_not_allowed, no_store},
    },
};

/// What the endpoints work with.
#[derive(Clone, Debug)]
pub(super) struct Doors {
    pub(super) connect: Connect,
    pub(super) oauth: OAuth,
}

impl FromRef<Doors> for OAuth {
    fn from_ref(doors: &Doors) -> Self {
        doors.oauth.clone()
    }
}

impl FromRef<Doors> for Connect {
    fn from_ref(doors: &Doors) -> Self {
        doors.connect.clone()
    }
}

/// The routes, from the root.
pub fn router(connect: Connect, oauth: OAuth) -> Router {
    let refuse = method_not_allowed;
    Router::new()
        .route("/connect/links", post(make_link).fallback(refuse))
        .route("/connect/confirm", post(confirm).fallback(refuse))
        .route("/connect/status", post(status).fallback(refuse))
        .route("/connect/withdraw", post(withdraw).fallback(refuse))
        .route(
            "/connect/status/{client_id}",
            get(browser::status)
                .options(browser::preflight)
                .fallback(refuse),
        )
        .with_state(Doors { connect, oauth })
}

async fn make_link(
    State(connect): State<Connect>,
    request: HostRequest,
) -> Result<Response, Refusal> {
    let handle = request.wanted("handle", "`handle` is missing")?;
    let handle = handle.parse().map_err(|_| Refusal::InvalidHandle)?;
    let return_to = request.wanted("return_to", "`return_to` is missing")?;
    let state = request.get("state").map(ToOwned::to_owned);
    if state
        .as_ref()
        .is_some_and(|state| state.len() > LONGEST_STATE)
    {
        let text = "`state` must have 512 bytes at most";
        return Err(Refusal::InvalidRequest(text));
    }
    let new = NewLink {
        subject: request.subject().await?,
        addon: handle,
        return_to: return_to.to_owned(),
        state,
    };
    let made = connect.make_link(&request.application, new).await;
    let connect_url = made.map_err(|problem| match &problem {
        Problem::Invalid(fields) if fields.iter().any(|one| one.pointer == "#/return_to") => {
            Refusal::InvalidReturnTo
        }
        Problem::Invalid(_) => Refusal::InvalidHandle,
        _ => problem.into(),
    })?;
    Ok(answer(&json!({
        "connect_url": connect_url,
        "expires_in": LINK_LASTS.as_secs(),
    })))
}

async fn confirm(
    State(connect): State<Connect>,
    request: HostRequest,
) -> Result<Response, Refusal> {
    let code = request.wanted("code", "`code` is missing")?;
    let subject = request.subject().await?;
    let application = &request.application;
    let confirmed = connect.confirm_link(application, &subject, code).await?;
    let grant = confirmed.ok_or(Refusal::InvalidGrant)?;
    let all = connect.connections(application, &subject).await?;
    let found = all.into_iter().find(|one| one.provider == grant.provider);
    // An AddOn that was removed in this very moment wants no key any more.
    let found = found.ok_or(Refusal::InvalidGrant)?;
    let mut body = json!({ "status": "connected" });
    for (name, value) in fields_of(&found) {
        if name != "status" && name != "connected" {
            body[name] = value;
        }
    }
    Ok(answer(&body))
}

async fn status(State(connect): State<Connect>, request: HostRequest) -> Result<Response, Refusal> {
    let subject = request.subject().await?;
    let all = connect.connections(&request.application, &subject).await?;
    told(&all, request.get("handle"))
}

async fn withdraw(
    State(connect): State<Connect>,
    request: HostRequest,
) -> Result<Response, Refusal> {
    let provider = request.wanted("provider", "`provider` is missing")?;
    let subject = request.subject().await?;
    connect
        .withdraw_for_host(&request.application, &subject, provider)
        .await?;
    Ok(answer(
        &json!({ "status": "withdrawn", "provider": provider }),
    ))
}

/// What is connected: of the AddOn that is asked about, or of the first provider; and all of it in `keys`.
pub(super) fn told(all: &[Connection], handle: Option<&str>) -> Result<Response, Refusal> {
    let wanted = |one: &&Connection| match handle {
        Some(handle) => one.addons.iter().any(|addon| addon.as_str() == handle),
        None => true,
    };
    let first = all.iter().find(wanted);
    if handle.is_some() && first.is_none() {
        return Err(Refusal::InvalidHandle);
    }
    let mut body = json!({ "connected": false });
    for (name, value) in first.into_iter().flat_map(fields_of) {
        body[name] = value;
    }
    body["keys"] = json!(all);
    Ok(answer(&body))
}

fn fields_of(one: &Connection) -> serde_json::Map<String, Value> {
    match json!(one) {
        Value::Object(fields) => fields,
        _ => serde_json::Map::new(),
    }
}

fn answer(body: &impl Serialize) -> Response {
    no_store(Json(body))
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::IntegrityFailed => Self::IntegrityFailed,
            Problem::NotFound(_) | Problem::Conflict { .. } => Self::InvalidGrant,
            Problem::Invalid(_) => Self::InvalidRequest("a parameter can't be used"),
            _ => Self::Unavailable,
        }
    }
}

const LONGEST_STATE: usize = 512;
