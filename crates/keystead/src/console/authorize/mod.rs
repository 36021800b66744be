//! `/oauth/authorize`: an application asks a person to let it act for them, on this page of ours alone.
//!
//! The way here begins at another site, so browsers keep the session's cookie from the first request:
//! a page answers that leads on by itself, and what it leads to is asked for by us.

mod keys;
mod page;

use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
    routing::get,
};
use http::{HeaderMap, StatusCode, Uri};

use self::page::{Stepping, Wrong};
use super::{
    Answer, Console, Form, Person, Posted, Refused,
    consent::{self, Shown},
    home::where_people_sign_in,
    refused::{shown, wrong},
};
use crate::{
    connect::Holder,
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
    if let Some(elsewhere) = where_people_sign_in(&console, &headers, &uri) {
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
    let holder = Holder::Account(account);
    let wants = keys::wanted(&console, &holder, &asked).await?;
    let has_own = console
        .manage()
        .consents()
        .has_own(&asked.application)
        .await?;
    let lacking = (has_own || !wants.is_empty()) && !has_agreed(&console, account, &asked).await?;
    let lacks_key = wants.iter().any(|want| want.is_needed);
    let must_ask = asked.prompt.consent || lacks_key || (lacking && has_own);
    if !must_ask
        && asked.back.is_surely_its_own()
        && let Some(grant) = console.oauth().has_agreed(account, &asked).await?
    {
        return Ok(led(&console.oauth().lead_back(&grant, &asked).await?));
    }
    if asked.prompt.none {
        let text = "the person has to be asked first";
        return Ok(led(&asked.back.no("consent_required", text)));
    }
    let mut form = Form::default();
    for want in &wants {
        want.suggest(&mut form);
    }
    let text = text_if(&console, &asked, &headers, lacking).await?;
    page::ask(&console, &person, &asked, query, (text, wants), form).await
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
            if let Some(page) = give(&console, &person, &asked, &headers, &mut form).await? {
                return Ok(page);
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

/// What comes with a yes: that the text was agreed to, and the keys that were chosen. The page anew where
/// something is wrong with it.
async fn give(
    console: &Console,
    person: &Person,
    asked: &Asked,
    headers: &HeaderMap,
    form: &mut Form,
) -> Result<Option<Response>, Refused> {
    let account = person.signed_in.account.id;
    let (holder, application) = (Holder::Account(account), &asked.application);
    let wants = keys::wanted(console, &holder, asked).await?;
    let mut chosen = Vec::new();
    for want in &wants {
        chosen.extend(want.read(console, form).map(|decision| (want, decision)));
    }
    let consents = console.manage().consents();
    let has_agreed = has_agreed(console, account, asked).await?;
    let must_agree = consents.has_own(application).await? || !chosen.is_empty();
    let text = match must_agree && !has_agreed {
        true => consent::agreed_by(console, application, form).await?,
        false => None,
    };
    if !form.is_wrong() {
        // The yes first: no key is kept, and none is given, without one.
        if let Some(text) = &text {
            let subject = console.oauth().subject_of(account, asked).await?;
            let actor = person.signed_in.actor();
            consents
                .agree(actor, application, Some(account), subject, text)
                .await?;
        }
        for (want, decision) in chosen {
            want.grant(console, &holder, asked, decision, form).await?;
        }
    }
    if !form.is_wrong() {
        return Ok(None);
    }
    // Anew: what was agreed to or given in the meantime is not asked for again.
    let wants = keys::wanted(console, &holder, asked).await?;
    let lacking = must_agree || !wants.is_empty();
    let lacking = lacking && !self::has_agreed(console, account, asked).await?;
    let text = text_if(console, asked, headers, lacking).await?;
    let (request, form) = (form.value("request").to_owned(), std::mem::take(form));
    let page = page::ask(console, person, asked, &request, (text, wants), form);
    page.await.map(wrong).map(Some)
}

/// Whether this person has agreed to what the application's users are asked to agree to now.
async fn has_agreed(console: &Console, account: AccountId, asked: &Asked) -> Result<bool, Refused> {
    let subject = console.oauth().subject_of(account, asked).await?;
    let consents = console.manage().consents();
    Ok(consents.has_agreed(&asked.application, &subject).await?)
}

/// The text to agree to, if it is to be shown.
async fn text_if(
    console: &Console,
    asked: &Asked,
    headers: &HeaderMap,
    is_asked: bool,
) -> Result<Option<Shown>, Refused> {
    if !is_asked {
        return Ok(None);
    }
    let text = consent::text_for(console, &asked.application, headers).await?;
    Ok(Some(Shown::from(&text)))
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

impl From<oauth::Refusal> for Refused {
    /// What a page reads before anybody typed anything: only the store can say no there.
    fn from(refusal: oauth::Refusal) -> Self {
        Self::Problem(match refusal {
            oauth::Refusal::IntegrityFailed => Problem::IntegrityFailed,
            _ => Problem::Unavailable,
        })
    }
}
