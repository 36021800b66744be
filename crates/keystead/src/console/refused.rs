//! Every way a page says no, and the one place where that becomes a page.

use askama::Template;
use axum::response::{Html, IntoResponse, Redirect, Response};
use http::{StatusCode, header};

use super::{frame::Solo, sign_in_path};
use crate::{custody::CustodyError, manage::Problem, people::NotProven, store::StoreError};

/// What a page's handler gives.
pub(super) type Answer = Result<Response, Refused>;

/// A no of the console.
#[derive(Debug)]
pub(super) enum Refused {
    /// Nobody is signed in; afterwards back to this path.
    SignedOut(Option<String>),
    /// The person must prove themselves again; afterwards back to this path.
    ProveAgain(String),
    /// The organization asks for a second factor that this person has not set up.
    SecondFactorWanted,
    /// A change that no page of ours sent.
    CrossSite,
    /// The form lay open while the person signed in anew, or is not ours.
    StaleForm,
    /// A body that is no form.
    NoForm,
    /// Nothing of this name in the person's organization.
    NotFound,
    /// What the acts themselves refuse.
    Problem(Problem),
}

#[derive(Template)]
#[template(path = "console/refused.html")]
struct Page {
    solo: Solo,
    heading: &'static str,
    text: String,
    /// Whether it is for people who have a way in; those whom a host sent here have none.
    knows_console: bool,
}

const LINK_OVER: &str = "This link is over";

impl Refused {
    /// As it is, but back to this page after a proof of identity: a form can't be come back to.
    pub(super) fn back_to(self, path: String) -> Self {
        match self {
            Self::ProveAgain(_) => Self::ProveAgain(path),
            other => other,
        }
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::NotFound(_) | Problem::NoSuchRoute => Self::NotFound,
            problem => Self::Problem(problem),
        }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Problem::from(error).into()
    }
}

/// For what a page reads before anybody typed anything: only the store can say no there.
impl From<NotProven> for Refused {
    fn from(error: NotProven) -> Self {
        match error {
            NotProven::Custody(error) => error.into(),
            NotProven::ProveAgain => Self::ProveAgain("/console/account".to_owned()),
            _ => Self::NotFound,
        }
    }
}

impl From<CustodyError> for Refused {
    fn from(error: CustodyError) -> Self {
        Problem::from(error).into()
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, heading, text) = match self {
            Self::SignedOut(next) => {
                return Redirect::to(&sign_in_path("/console/sign-in", next.as_deref()))
                    .into_response();
            }
            Self::ProveAgain(next) => {
                return Redirect::to(&sign_in_path("/console/step-up", Some(&next)))
                    .into_response();
            }
            Self::SecondFactorWanted => {
                return Redirect::to("/console/account?why=second-factor").into_response();
            }
            Self::CrossSite => (
                StatusCode::FORBIDDEN,
                "This came from another site",
                "Your browser says that no page of this console sent the form, so nothing was \
                 changed. Open the console and try again from there."
                    .to_owned(),
            ),
            Self::StaleForm => (
                StatusCode::FORBIDDEN,
                "This form is out of date",
                "It was opened before you last signed in or turned to another organization, so \
                 nothing was changed. Go back, load the page again, and send it once more."
                    .to_owned(),
            ),
            Self::NoForm => (
                StatusCode::BAD_REQUEST,
                "This could not be read",
                "It is not a form of this console, so nothing was changed.".to_owned(),
            ),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "Nothing is here",
                "It may have been deleted, or it belongs to another organization.".to_owned(),
            ),
            Self::Problem(problem) => told(&problem),
        };
        page(status, heading, text)
    }
}

fn told(problem: &Problem) -> (StatusCode, &'static str, String) {
    let heading = match problem {
        Problem::Forbidden(_) => "Your role does not include this",
        Problem::AddressNotAllowed => "Not from this address",
        Problem::Unavailable => "The Data Store is away",
        Problem::IntegrityFailed => "Something in the store was altered",
        Problem::Internal => "Something went wrong",
        Problem::Conflict {
            code: "connect_link_over",
            ..
        } => LINK_OVER,
        _ => "This can't be done",
    };
    let text = match problem {
        Problem::Forbidden(action) => format!(
            "You may not {}. An owner or an admin of your organization can change your role.",
            action.words()
        ),
        Problem::Unavailable => "Nothing was changed. Try again in a moment.".to_owned(),
        other => {
            let detail = other.detail();
            let mut letters = detail.chars();
            let first: String = letters
                .next()
                .into_iter()
                .flat_map(char::to_uppercase)
                .collect();
            format!("{first}{}.", letters.as_str())
        }
    };
    (problem.status(), heading, text)
}

fn page(status: StatusCode, heading: &'static str, text: String) -> Response {
    let solo = Solo::nowhere(heading);
    let page = Page {
        solo,
        heading,
        text,
        knows_console: heading != LINK_OVER,
    };
    let mut response = (status, shown(&page)).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let soon = http::HeaderValue::from_static("1");
        response.headers_mut().insert(header::RETRY_AFTER, soon);
    }
    response
}

/// A page with a form that comes back because something is wrong with it.
pub(super) fn wrong(mut page: Response) -> Response {
    *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    page
}

/// A filled-in template as an answer.
pub(super) fn shown(page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => Html(text).into_response(),
        // Templates write into memory and fail for no other reason than a value that does.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
