//! The pages themselves: the question, the step to it, and what to say when nothing can be asked.

use askama::Template;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Uri, header};

use super::keys::Want;
use crate::{
    console::{Answer, Console, Form, Person, consent::Shown, frame::Solo, refused::shown},
    manage::EmailView,
    oauth::Asked,
};

/// The question.
#[derive(Template)]
#[template(path = "console/authorize/ask.html")]
struct Question<'a> {
    solo: Solo,
    csrf: &'a str,
    /// The application's name, and the letter that stands for it.
    name: &'a str,
    letter: String,
    leads_to: String,
    /// Whether it asks for every AddOn, those to come included.
    asks_for_all: bool,
    /// The AddOns' handles.
    addons: Vec<String>,
    email: EmailView,
    form: Form,
    /// What they are to agree to, if there is something and they have not yet.
    consent: Option<Shown>,
    wants: Vec<Want>,
    /// What was asked, to be read again when it is answered.
    request: &'a str,
}

/// The way to the question.
#[derive(Template)]
#[template(path = "console/authorize/step.html")]
pub(super) struct Stepping {
    solo: Solo,
    next: String,
}

/// Why nothing can be asked.
#[derive(Template)]
#[template(path = "console/authorize/wrong.html")]
pub(super) struct Wrong {
    solo: Solo,
    text: &'static str,
}

/// Asks a person.
pub(super) async fn ask(
    console: &Console,
    person: &Person,
    asked: &Asked,
    request: &str,
    (consent, wants): (Option<Shown>, Vec<Want>),
    form: Form,
) -> Answer {
    let addons = console.oauth().addons_of(asked).await?;
    let email = console
        .custody()
        .email_of(&person.signed_in.account)
        .await?;
    let name = asked.application.name.as_str();
    let letter = name.chars().next().into_iter().flat_map(char::to_uppercase);
    let mut response = shown(&Question {
        solo: Solo::new("Let an application act for you", console.place()),
        csrf: &person.csrf,
        name,
        letter: letter.collect(),
        leads_to: asked.back.leads_to(),
        asks_for_all: asked.scope.is_empty(),
        addons: addons
            .iter()
            .map(|addon| addon.handle.to_string())
            .collect(),
        email: EmailView::from(&email),
        form,
        consent,
        wants,
        request,
    });
    let_it_lead_to(console, asked, response.headers_mut());
    Ok(response)
}

/// Browsers hold the address that a form is answered with against the policy of its page.
pub(super) fn let_it_lead_to(console: &Console, asked: &Asked, headers: &mut HeaderMap) {
    let own = console.0.policy.to_str().unwrap_or_default();
    let form = format!("form-action 'self' {}", asked.back.origin());
    let policy = own.replace("form-action 'self'", &form);
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}

impl Stepping {
    pub(super) fn show(console: &Console, uri: &Uri) -> Response {
        shown(&Self {
            solo: Solo::new("One moment", console.place()),
            next: uri.to_string(),
        })
    }
}

impl Wrong {
    pub(super) fn new(console: &Console, text: &'static str) -> Self {
        let solo = Solo::new("This can't be asked", console.place());
        Self { solo, text }
    }
}
