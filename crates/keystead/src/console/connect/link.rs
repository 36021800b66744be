//! `/connect/l/{token}` and `/connect/key`: somebody whom a host vouches for enters a key.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Redirect},
};
use http::{HeaderMap, HeaderValue, Uri, header};
use url::Url;

use super::{
    entry,
    held::{Has, Past},
    terms::Names,
    visitor::{Sent, Visitor, cookie_for, forgotten},
};
use crate::{
    audit::Actor,
    connect::OpenLink,
    console::{
        Answer, Console, Form, Refused,
        consent::{self, Shown},
        done,
        frame::Solo,
        providers::{Chosen, chosen, refused},
        refused::{shown, wrong},
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
    /// What was just done, to be said.
    done: Option<&'static str>,
    /// What the application may use already.
    has: Option<Has>,
    past: Past,
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
    /// Whether the application uses it already, on other terms.
    is_kept: bool,
}

/// Who asks, and where that leads.
struct Who {
    name: String,
    letter: String,
    organization: String,
    addons: Vec<String>,
    back: String,
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
    uri: Uri,
    visitor: Visitor,
) -> Answer {
    let keys = console.connect().own_keys(&visitor.holder()).await?;
    let mut form = Form::default();
    match Has::confirmed(&console, &keys) {
        Some(has) => Names::plain().fill(&mut form, &has.terms),
        None => Names::plain().suggest(&mut form),
    }
    let done = done::said(uri.query());
    page(&console, &headers, visitor, form, done).await
}

/// A key is entered: checked, sealed, and kept until the host has confirmed. Who has one already may leave
/// it as it is and say anew how far it may be used.
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
    let connect = console.connect();
    let keys = connect.own_keys(&holder).await?;
    let has = Has::confirmed(&console, &keys);
    let kept = has.as_ref().filter(|_| form.filled("key").is_none());
    let entered = match kept {
        Some(_) => None,
        None => entry::entered(&mut form, link.provider, title, ""),
    };
    let now = console.store().clock().now();
    let terms = names.read(&mut form, now, has.as_ref().map(|has| &has.terms));
    let text = match consents.has_agreed(&application, &subject).await? {
        true => None,
        false => consent::agreed_by(&console, &application, &mut form).await?,
    };
    if !form.is_wrong() {
        // The yes first: no key is kept without one.
        if let Some(text) = &text {
            let actor = Actor::Application(application.id);
            consents
                .agree(actor, &application, None, subject, text)
                .await?;
        }
        let key = match (entered, kept) {
            (Some(entered), _) => match connect.add_own_key(&holder, entered).await {
                Ok((key, _)) => Some(key.id),
                Err(problem) => {
                    refused(&mut form, problem)?;
                    None
                }
            },
            (None, kept) => kept.map(|has| has.id),
        };
        if let Some(key) = key {
            match connect.grant_key_of_link(&holder, key, terms).await {
                Ok(_) => return Ok(Redirect::to("/connect/key/done").into_response()),
                Err(problem) => names.refused(&mut form, problem)?,
            }
        }
    }
    let page = page(&console, &headers, visitor, form, None).await?;
    Ok(wrong(page))
}

/// What came of it, in words; from here back to the host.
pub(super) async fn done(State(console): State<Console>, visitor: Visitor) -> Answer {
    let keys = console.connect().own_keys(&visitor.holder()).await?;
    let entered = Has::entered(&console, &keys);
    let Some(has) = entered.filter(|_| visitor.link.has_key) else {
        return Ok(Redirect::to("/connect/key").into_response());
    };
    let is_kept = Has::confirmed(&console, &keys).is_some_and(|one| one.id == has.id);
    let title = match is_kept {
        true => "Your limits are noted",
        false => "Your key is sealed",
    };
    let solo = Solo::new(title, console.connect_place());
    let provider = chosen(visitor.link.provider).map_or("", |one| one.title);
    let mut response = shown(&Done {
        solo,
        csrf: visitor.csrf,
        provider,
        who: Who::of(&visitor.link),
        has,
        is_kept,
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
    let visitor = sent.visitor;
    let holder = visitor.holder();
    console.connect().give_up_entered(&holder).await?;
    lead_back(&console, &visitor.link).await
}

async fn lead_back(console: &Console, link: &OpenLink) -> Answer {
    let address = console.connect().finish_link(link).await?;
    let mut response = Redirect::to(&address).into_response();
    let headers = response.headers_mut();
    headers.append(header::SET_COOKIE, forgotten(console));
    let_it_lead_back(console, link, headers);
    Ok(response)
}

async fn page(
    console: &Console,
    headers: &HeaderMap,
    visitor: Visitor,
    form: Form,
    done: Option<&'static str>,
) -> Answer {
    let link = &console.connect().link_by_now(&visitor.link).await?;
    let application = application(console, link).await?;
    let consents = console.manage().consents();
    let consent = match consents.has_agreed(&application, link.subject()).await? {
        true => None,
        false => Some(consent::text_for(console, &application, headers).await?),
    };
    let keys = console.connect().own_keys(&visitor.holder()).await?;
    let has = Has::confirmed(console, &keys);
    let chosen = chosen(link.provider).ok_or(Refused::NotFound)?;
    let key_hint = match &has {
        Some(has) => format!("Leave it empty to keep ••••{}.", has.last4),
        None => entry::hint(&chosen),
    };
    let mut response = shown(&Page {
        solo: Solo::new("Connect your own key", console.connect_place()),
        key_label: match &has {
            Some(_) => format!("Another {} key", chosen.title),
            None => format!("{} key", chosen.title),
        },
        key_hint,
        names: Names::plain(),
        consent: consent.as_ref().map(Shown::from),
        done,
        has,
        past: Past::of(console, &visitor, &application, &keys).await?,
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
