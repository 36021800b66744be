//! `/connect/l/{token}` and `/connect/key`: somebody whom a host vouches for enters a key.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Redirect},
};
use http::{HeaderMap, HeaderValue, header};
use url::Url;

use super::{
    entry,
    terms::{Names, in_words},
    visitor::{Sent, Visitor, cookie_for, forgotten},
};
use crate::{
    audit::Actor,
    connect::{GrantTerms, OpenLink, OwnKey},
    console::{
        Answer, Console, Form, Refused,
        consent::{self, Shown},
        frame::Solo,
        providers::{Chosen, StatusWords, advice, chosen, of_key, refused},
        refused::{shown, wrong},
        time::When,
    },
    store::Application,
};

#[derive(Template)]
#[template(path = "console/connect/link.html")]
struct Page {
    solo: Solo,
    csrf: String,
    form: Form,
    who: Who,
    chosen: Chosen,
    key_label: String,
    key_hint: String,
    names: Names,
    consent: Option<Shown>,
    /// What the application may use already.
    has: Option<Has>,
    days: Option<u16>,
    checks_left: u8,
}

#[derive(Template)]
#[template(path = "console/connect/done.html")]
struct Done {
    solo: Solo,
    csrf: String,
    who: Who,
    provider: &'static str,
    has: Has,
}

/// Who asks, and where that leads.
struct Who {
    name: String,
    letter: String,
    organization: String,
    addons: Vec<String>,
    back: String,
}

/// A key that is there.
struct Has {
    last4: String,
    status: StatusWords,
    advice: &'static str,
    limits: Vec<String>,
    ends: Option<String>,
    paused: bool,
}

/// The link goes out of the address before anything is shown: a cookie stands for it from then on.
pub(super) async fn open(State(console): State<Console>, Path(token): Path<String>) -> Answer {
    let opened = console.connect().open_link(&token).await?;
    let mut response = Redirect::to("/connect/key").into_response();
    let cookie = cookie_for(&console, &opened.browser);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

pub(super) async fn show(
    State(console): State<Console>,
    headers: HeaderMap,
    visitor: Visitor,
) -> Answer {
    let mut form = Form::default();
    Names::plain().suggest(&mut form);
    page(&console, &headers, visitor, form).await
}

/// A key is entered: checked, sealed, and kept until the host has confirmed.
pub(super) async fn enter(
    State(console): State<Console>,
    headers: HeaderMap,
    Sent { visitor, mut form }: Sent,
) -> Answer {
    let (names, holder) = (Names::plain(), visitor.holder());
    let link = &visitor.link;
    let application = application(&console, link).await?;
    let subject = *link.subject();
    let consents = console.manage().consents();
    let title = chosen(link.provider).map_or(link.provider, |one| one.title);
    let entered = entry::entered(&mut form, link.provider, title, "");
    let now = console.store().clock().now();
    let terms: GrantTerms = names.read(&mut form, now, None);
    let text = match consents.has_agreed(&application, &subject).await? {
        true => None,
        false => consent::agreed_by(&console, &application, &mut form).await?,
    };
    if let (Some(entered), false) = (entered, form.is_wrong()) {
        // The yes first: no key is kept without one.
        if let Some(text) = &text {
            let actor = Actor::Application(application.id);
            consents
                .agree(actor, &application, None, subject, text)
                .await?;
        }
        let connect = console.connect();
        match connect.add_own_key(&holder, entered).await {
            Ok((key, _)) => match connect.grant_key_of_link(&holder, key.id, terms).await {
                Ok(_) => return Ok(Redirect::to("/connect/key/done").into_response()),
                Err(problem) => form.refused(problem)?,
            },
            Err(problem) => refused(&mut form, problem)?,
        }
    }
    let page = page(&console, &headers, visitor, form).await?;
    Ok(wrong(page))
}

/// What came of it, in words; from here back to the host.
pub(super) async fn done(State(console): State<Console>, visitor: Visitor) -> Answer {
    let keys = console.connect().own_keys(&visitor.holder()).await?;
    let entered = keys.iter().rev().find_map(|key| has(&console, key, false));
    let Some(has) = entered.filter(|_| visitor.link.has_key) else {
        return Ok(Redirect::to("/connect/key").into_response());
    };
    let solo = Solo::new("Your key is sealed", console.connect_place());
    let provider = chosen(visitor.link.provider).map_or("", |one| one.title);
    let mut response = shown(&Done {
        solo,
        csrf: visitor.csrf,
        provider,
        who: Who::of(&visitor.link),
        has,
    });
    let_it_lead_back(&console, &visitor.link, response.headers_mut());
    Ok(response)
}

/// Back to the host, with a code that it confirms.
pub(super) async fn finish(State(console): State<Console>, sent: Sent) -> Answer {
    lead_back(&console, &sent.visitor.link).await
}

/// Back to the host with nothing: what was entered is deleted.
pub(super) async fn leave(State(console): State<Console>, sent: Sent) -> Answer {
    let (visitor, connect) = (sent.visitor, console.connect());
    let holder = visitor.holder();
    if visitor.link.has_key {
        for key in connect.own_keys(&holder).await? {
            if key.grants.iter().any(|grant| grant.id.is_none()) {
                connect.delete_own_key(&holder, key.id).await?;
            }
        }
    }
    lead_back(&console, &visitor.link).await
}

/// Takes back what was given before, and destroys the key. At once: it needs nobody's word.
pub(super) async fn withdraw(State(console): State<Console>, sent: Sent) -> Answer {
    let holder = sent.visitor.holder();
    let connect = console.connect();
    for key in connect.own_keys(&holder).await? {
        for grant in key.grants.iter().filter_map(|grant| grant.id) {
            connect.withdraw_key_grant(&holder, grant).await?;
        }
    }
    Ok(Redirect::to("/connect/key?done=withdrawn-key").into_response())
}

async fn lead_back(console: &Console, link: &OpenLink) -> Answer {
    let address = console.connect().finish_link(link).await?;
    let mut response = Redirect::to(&address).into_response();
    let headers = response.headers_mut();
    headers.append(header::SET_COOKIE, forgotten(console));
    let_it_lead_back(console, link, headers);
    Ok(response)
}

async fn page(console: &Console, headers: &HeaderMap, visitor: Visitor, form: Form) -> Answer {
    let link = &visitor.link;
    let application = application(console, link).await?;
    let consents = console.manage().consents();
    let consent = match consents.has_agreed(&application, link.subject()).await? {
        true => None,
        false => Some(consent::text_for(console, &application, headers).await?),
    };
    let keys = console.connect().own_keys(&visitor.holder()).await?;
    let chosen = chosen(link.provider).ok_or(Refused::NotFound)?;
    let mut response = shown(&Page {
        solo: Solo::new("Connect your own key", console.connect_place()),
        key_label: format!("{} key", chosen.title),
        key_hint: entry::hint(&chosen),
        names: Names::plain(),
        consent: consent.as_ref().map(Shown::from),
        has: keys.iter().find_map(|key| has(console, key, true)),
        days: console.retention_days(),
        checks_left: link.checks_left,
        who: Who::of(link),
        csrf: visitor.csrf.clone(),
        form,
        chosen,
    });
    let_it_lead_back(console, link, response.headers_mut());
    Ok(response)
}

async fn application(console: &Console, link: &OpenLink) -> Result<Application, Refused> {
    let store = console.store();
    let organization = link.organization;
    Ok(store.application(organization, link.application).await?)
}

/// The key that the application may use; or is to use, once its host has confirmed who came back.
fn has(console: &Console, key: &OwnKey, is_confirmed: bool) -> Option<Has> {
    let grant = key
        .grants
        .iter()
        .find(|grant| grant.id.is_some() == is_confirmed)?;
    let terms = GrantTerms {
        models: grant.models.clone(),
        budgets: grant.budgets.clone(),
        ends_at: grant.ends_at,
    };
    let now = console.store().clock().now();
    Some(Has {
        last4: key.last4.clone(),
        status: of_key(key.status, key.disabled),
        advice: advice(key.status, key.disabled),
        limits: in_words(&terms),
        ends: grant.ends_at.map(|at| When { at, now }.to_string()),
        paused: grant.paused,
    })
}

/// Browsers hold the address that a form is answered with against the policy of its page.
fn let_it_lead_back(console: &Console, link: &OpenLink, headers: &mut HeaderMap) {
    let Ok(url) = Url::parse(&link.return_to) else {
        return;
    };
    let own = console.0.policy.to_str().unwrap_or_default();
    let form = format!("form-action 'self' {}", url.origin().ascii_serialization());
    if let Ok(policy) = HeaderValue::try_from(own.replace("form-action 'self'", &form)) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}

impl Who {
    fn of(link: &OpenLink) -> Self {
        let name = &link.application_name;
        let letter = name.chars().next().into_iter().flat_map(char::to_uppercase);
        let url = Url::parse(&link.return_to).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
        let back = match url.as_ref().and_then(Url::port) {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Self {
            letter: letter.collect(),
            name: name.clone(),
            organization: link.organization_name.clone(),
            addons: link.addons.iter().map(ToString::to_string).collect(),
            back,
        }
    }
}
