//! Who looks at a page: a signed-in person, and what they may do.

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, Uri, header, request::Parts};
use keystead_vault::{TokenKind, token_hash};

use super::{Console, Form, Refused, done};
use crate::{
    manage::{
        Caller, May, Problem, alerts,
        permission::{Action, Right},
    },
    people,
    store::{Organization, Role, SignedIn},
};

/// A signed-in person. Its existence is the proof.
#[derive(Debug)]
pub(super) struct Person {
    /// Session, account and place in the organization.
    pub(super) signed_in: SignedIn,
    /// What forms of this session carry.
    pub(super) csrf: String,
    /// The other organizations that they belong to.
    pub(super) elsewhere: Vec<Organization>,
    /// How many alerts there are to look at.
    pub(super) alerts: u64,
    /// What was just done, to be said on the next page.
    pub(super) done: Option<&'static str>,
    caller: Caller,
    /// Path and query of this page, to come back to.
    here: String,
}

/// A form that a page of ours posted for this person.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) person: Person,
    pub(super) form: Form,
}

impl Person {
    /// The proof that this person may do `R`.
    ///
    /// # Errors
    ///
    /// [`Refused::ProveAgain`] where a fresh proof of identity is wanted; then back to this page,
    /// or for a form to the page in `next`.
    pub(super) async fn may<R: Right>(&self, console: &Console) -> Result<May<R>, Refused> {
        let outcome = self.caller.may::<R>(console.manage()).await;
        outcome.map_err(|problem| match problem {
            Problem::StepUpNeeded(_) => Refused::ProveAgain(self.here.clone()),
            problem => problem.into(),
        })
    }

    /// Whether the table lets this person do it. For what a page offers; the act asks again.
    pub(super) fn is_allowed(&self, action: Action) -> bool {
        self.caller.is_offered(action)
    }

    /// Who it is to the acts.
    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(super) fn role_title(&self) -> &'static str {
        match self.signed_in.member.role {
            Role::Owner => "Owner",
            Role::Admin => "Admin",
            Role::Developer => "Developer",
            Role::Auditor => "Auditor",
        }
    }

    async fn of(parts: &Parts, console: &Console) -> Result<Self, Refused> {
        let here = here(parts);
        let signed_out = || Refused::SignedOut(here.clone());
        let token = cookie(&parts.headers, console.cookie_name()).ok_or_else(signed_out)?;
        let Some((TokenKind::Session, hash)) = token_hash(token) else {
            return Err(signed_out());
        };
        let store = console.store();
        let found = store.signed_in(&hash, console.session_idle()).await?;
        let signed_in = found.ok_or_else(signed_out)?;
        let caller = Caller::at_the_console(&signed_in, store.clock().now());
        // Only pages show them, and what a form asks for ends with a redirect.
        let mut elsewhere = match parts.method {
            Method::GET => store.organizations_of(signed_in.account.id).await?,
            _ => Vec::new(),
        };
        let alerts = match parts.method {
            Method::GET => alerts::open(console.manage(), &caller).await?,
            _ => 0,
        };
        elsewhere.retain(|one| one.id != signed_in.organization.id);
        Ok(Self {
            csrf: people::csrf(token),
            done: done::said(parts.uri.query()),
            here: here.unwrap_or_else(|| "/console".to_owned()),
            signed_in,
            elsewhere,
            alerts,
            caller,
        })
    }
}

impl FromRequestParts<Console> for Person {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Response> {
        let person = Self::of(parts, console).await;
        let person = person.map_err(IntoResponse::into_response)?;
        // What they may do begins with the second factor, where the organization asks for one.
        if person.signed_in.lacks_second_factor() && !is_about_oneself(parts.uri.path()) {
            return Err(Refused::SecondFactorWanted.into_response());
        }
        Ok(person)
    }
}

impl FromRequest<Console> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, console: &Console) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let person = Person::from_request_parts(&mut parts, console).await?;
        let mut form = Form::from_request(Request::from_parts(parts, body), console).await?;
        let sent = form.take(CSRF);
        if !people::csrf_fits(&person.csrf, &sent) {
            return Err(Refused::StaleForm.into_response());
        }
        Ok(Self { person, form })
    }
}

/// The name of the field that every form of a session carries.
pub(super) const CSRF: &str = "csrf";

/// The value of a cookie.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter();
    people::cookie_value(lines.filter_map(|line| line.to_str().ok()), name)
}

/// Path and query, for coming back: of this page, or of the page with the form that was posted.
fn here(parts: &Parts) -> Option<String> {
    if parts.method == Method::GET {
        return parts.uri.path_and_query().map(ToString::to_string);
    }
    let text = |name| parts.headers.get(name)?.to_str().ok();
    let (referer, host) = text(header::REFERER).zip(text(header::HOST))?;
    let page: Uri = referer.parse().ok()?;
    let is_ours = page
        .authority()
        .is_some_and(|authority| authority.as_str() == host);
    let path = page.path_and_query().filter(|path| {
        let path = path.path();
        ["/console", "/connect/"]
            .iter()
            .any(|part| path.starts_with(part))
            || path == "/oauth/authorize"
    })?;
    is_ours.then(|| path.to_string())
}

/// Pages where a person sees to their own account.
fn is_about_oneself(path: &str) -> bool {
    let path = path.trim_start_matches("/console");
    ["/account", "/sign-out", "/step-up", "/sign-in"]
        .iter()
        .any(|page| path.starts_with(page))
}
