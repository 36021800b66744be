//! `/console/applications/{id}/sign-in`: how its users' tokens come about, and what they are bound to.

use askama::Template;
use axum::extract::{Path, State};

use super::{
    Head, Tab,
    details::{save, saved},
    open,
};
use crate::{
    console::{Answer, Console, Form, Frame, Person, Place, Posted, refused::wrong, shown},
    manage::{
        applications::Update,
        issuer::WantedIssuer,
        permission::{Action, right::EditClientSecrets},
    },
};

#[derive(Template)]
#[template(path = "console/applications/sign_in.html")]
struct Page {
    frame: Frame,
    head: Head,
    form: Form,
    /// Where people are asked, for applications.
    authorize: String,
    may_edit: bool,
    /// Whether it is being changed.
    is_form: bool,
}

pub(super) async fn show(
    State(console): State<Console>,
    person: Person,
    Path(id): Path<String>,
) -> Answer {
    page(&console, &person, &id, None, false).await
}

/// The form, for someone who proved anew who they are: whoever speaks for its users can do what a client
/// secret can.
pub(super) async fn edit(
    State(console): State<Console>,
    person: Person,
    Path(id): Path<String>,
) -> Answer {
    person.may::<EditClientSecrets>(&console).await?;
    page(&console, &person, &id, None, true).await
}

pub(super) async fn change(
    State(console): State<Console>,
    Path(id): Path<String>,
    Posted { person, form }: Posted,
) -> Answer {
    person.may::<EditClientSecrets>(&console).await?;
    let wanted = Update {
        issuer: Some(WantedIssuer {
            issuer: form.value(ISSUER).to_owned(),
            audience: form.value(AUDIENCE).to_owned(),
            jwks_uri: form.filled(JWKS).map(ToOwned::to_owned),
        }),
        require_dpop: Some(form.has("require_dpop", "yes")),
        ..Update::default()
    };
    match save(&console, &person, &id, form, wanted).await? {
        None => Ok(saved(&id, "sign-in")),
        Some(form) => {
            let page = page(&console, &person, &id, Some(form), true).await?;
            Ok(wrong(page))
        }
    }
}

async fn page(
    console: &Console,
    person: &Person,
    id: &str,
    typed: Option<Form>,
    is_form: bool,
) -> Answer {
    let (application, head) = open(console, person, id, Tab::SignIn).await?;
    let form = typed.unwrap_or_else(|| {
        let mut form = Form::default();
        if let Some(issuer) = application.issuer {
            form.put(ISSUER, issuer.issuer);
            form.put(AUDIENCE, issuer.audience);
            form.put(JWKS, issuer.jwks_uri.unwrap_or_default());
        }
        if application.require_dpop {
            form.put("require_dpop", "yes");
        }
        form
    });
    Ok(shown(&Page {
        frame: Frame::new(
            person,
            Place::Applications,
            format!("Sign-in, {}", head.name),
        ),
        authorize: console.place().join("/oauth/authorize"),
        form,
        is_form,
        may_edit: person.is_allowed(Action::EditClientSecrets),
        head,
    }))
}

/// As the acts call their fields.
const ISSUER: &str = "issuer/issuer";
const AUDIENCE: &str = "issuer/audience";
const JWKS: &str = "issuer/jwks_uri";
