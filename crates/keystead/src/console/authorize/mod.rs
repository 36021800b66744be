//! `/oauth/authorize`: an application asks a person to let it act for them, on this page of ours alone.
//!
//! The way here begins at another site, so browsers keep the session's cookie from the first request:
//! a page answers that leads on by itself, and what it leads to is asked for by us.

mod page;

use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
    routing::get,
};
use http::{HeaderMap, StatusCode, Uri, header};

use self::page::{Stepping, Wrong};
use super::{
    Answer, Console, Form, Person, Posted, Refused,
    consent::{self, Shown},
    refused::{shown, wrong},
};
use crate::{
    ids::AccountId,
    manage::Problem,
    oauth::{self, Asked, NotAsked},
};

/// Every route.
pub(super) fn routes() -> Router<Console> {
    Router::new().route("/oauth/authorize", get(show).post(decide))
}

async fn show(
    State(console): State<Console>,
    headers: HeaderMap,
    uri: Uri,
    person: Result<Person, Response>,
) -> Answer {
    if let Some(elsewhere) = console_elsewhere(&console, &headers, &uri) {
        return Ok(elsewhere);
    }
    let query = uri.query().unwrap_or_default();
    let asked = match console.oauth().asked(query).await {
        Ok(asked) => asked,
        Err(not_asked) => return said(&console, not_asked),
    };
    let person = match person {
        Ok(person) => person,
        Err(_) if is_from_elsewhere(&headers) => return Ok(Stepping::show(&console, &uri)),
        Err(_) if asked.prompt.none => {
            return Ok(led(&asked.back.no("login_required", "nobody is signed in")));
        }
        Err(response) => return Ok(response),
    };
    if asked.prompt.login && !console.people().is_fresh(&person.signed_in.session) {
        return Err(Refused::ProveAgain(uri.to_string()));
    }
    let account = person.signed_in.account.id;
    let lacking = lacking_consent(&console, account, &asked).await?;
    if !asked.prompt.consent
        && !lacking
        && asked.back.is_surely_its_own()
        && let Some(grant) = console.oauth().has_agreed(account, &asked).await?
    {
        return Ok(led(&console.oauth().lead_back(&grant, &asked).await?));
    }
    if asked.prompt.none {
        let text = "the person has to be asked first";
        return Ok(led(&asked.back.no("consent_required", text)));
    }
    let consent = match lacking {
        true => Some(consent::text_for(&console, &asked.application, &headers).await?),
        false => None,
    };
    let consent = consent.as_ref().map(Shown::from);
    page::ask(&console, &person, &asked, query, consent, Form::default()).await
}

/// The person said yes or no.
async fn decide(
    State(console): State<Console>,
    headers: HeaderMap,
    Posted { person, mut form }: Posted,
) -> Answer {
    let asked = match console.oauth().asked(form.value("request")).await {
        Ok(asked) => asked,
        Err(not_asked) => return said(&console, not_asked),
    };
    let address = match is_yes(&form) {
        true => {
            let account = person.signed_in.account.id;
            if lacking_consent(&console, account, &asked).await? {
                let application = &asked.application;
                let Some(text) = consent::agreed_by(&console, application, &mut form).await? else {
                    let text = consent::text_for(&console, application, &headers).await?;
                    let (request, shown) = (form.value("request").to_owned(), Shown::from(&text));
                    let page = page::ask(&console, &person, &asked, &request, Some(shown), form);
                    return page.await.map(wrong);
                };
                let subject = console.oauth().subject_of(account, &asked).await?;
                let consents = console.manage().consents();
                let actor = person.signed_in.actor();
                consents
                    .agree(actor, application, Some(account), subject, &text)
                    .await?;
            }
            let grant = console.oauth().agree(account, &asked).await?;
            console.oauth().lead_back(&grant, &asked).await?
        }
        false => asked.back.no("access_denied", "the person said no"),
    };
    let mut response = led(&address);
    page::let_it_lead_to(&console, &asked, response.headers_mut());
    Ok(response)
}

/// Whether the application has written something to agree to, and this person has not agreed to it.
async fn lacking_consent(
    console: &Console,
    account: AccountId,
    asked: &Asked,
) -> Result<bool, Refused> {
    let (consents, application) = (console.manage().consents(), &asked.application);
    if !consents.has_own(application).await? {
        return Ok(false);
    }
    let subject = console.oauth().subject_of(account, asked).await?;
    Ok(!consents.has_agreed(application, &subject).await?)
}

fn is_yes(form: &Form) -> bool {
    form.value("decision") == "allow"
}

/// What can't be asked: told here, or to the application.
fn said(console: &Console, not_asked: NotAsked) -> Answer {
    match not_asked {
        NotAsked::Told(text) => {
            let mut response = shown(&Wrong::new(console, text));
            *response.status_mut() = StatusCode::BAD_REQUEST;
            Ok(response)
        }
        NotAsked::Back(address) => Ok(led(&address)),
        NotAsked::Failed(refusal) => Err(refusal.into()),
    }
}

fn led(address: &str) -> Response {
    Redirect::to(address).into_response()
}

/// Whether another site's page, or none of today's browsers', led here.
fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    site.is_some_and(|site| site == "cross-site" || site == "same-site")
}

/// Where people are signed in, if that is under another name than the one that this was asked under.
fn console_elsewhere(console: &Console, headers: &HeaderMap, uri: &Uri) -> Option<Response> {
    let own = console.place().host();
    let public = console.oauth().host();
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let asked_under = host.rsplit_once(':').map_or(host, |(name, port)| {
        let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
        if is_port { name } else { host }
    });
    let is_there = own == public || !asked_under.eq_ignore_ascii_case(&public);
    (!is_there).then(|| led(&console.place().join(&uri.to_string())))
}

impl From<oauth::Refusal> for Refused {
    /// What a page reads before anybody typed anything: only the store can say no there.
    fn from(refusal: oauth::Refusal) -> Self {
        Self::Problem(match refusal {
            oauth::Refusal::IntegrityFailed => Problem::IntegrityFailed,
            _ => Problem::Unavailable,
        })
    }
}
