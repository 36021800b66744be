//! `/connect/keys/{id}/grants/{grant}`: how far one application may go with a key.

use askama::Template;
use axum::extract::{Path, State};
use keystead_providers::Words;

use super::{
    key::{back, found},
    path,
    terms::Names,
};
use crate::{
    connect::{GrantChange, GrantTerms, Holder, KeyGrantView, OwnKey},
    console::{
        Answer, Console, Form, Frame, Person, Place, Posted, Refused,
        providers::chosen,
        refused::{shown, wrong},
    },
    ids::KeyGrantId,
};

#[derive(Template)]
#[template(path = "console/connect/grant.html")]
struct Page {
    frame: Frame,
    form: Form,
    names: Names,
    key: String,
    key_path: String,
    path: String,
    application: String,
    models: Option<&'static Words>,
}

pub(super) async fn show(
    State(console): State<Console>,
    person: Person,
    Path((id, grant)): Path<(String, String)>,
) -> Answer {
    let (_, key, grant, _) = granted(&console, &person, &id, &grant).await?;
    let mut form = Form::default();
    Names::plain().fill(&mut form, &terms_of(&grant));
    Ok(shown(&page(&person, &key, &grant, form)))
}

/// Lower or higher: it holds from the next call on.
pub(super) async fn change(
    State(console): State<Console>,
    Path((id, grant)): Path<(String, String)>,
    Posted { person, mut form }: Posted,
) -> Answer {
    let (holder, key, grant, own) = granted(&console, &person, &id, &grant).await?;
    let now = console.store().clock().now();
    let terms = Names::plain().read(&mut form, now, Some(&terms_of(&grant)));
    if !form.is_wrong() {
        let change = GrantChange::Terms(terms);
        match console
            .connect()
            .change_key_grant(&holder, own, change)
            .await
        {
            Ok(_) => return Ok(back(&key, "changed")),
            Err(problem) => Names::plain().refused(&mut form, problem)?,
        }
    }
    Ok(wrong(shown(&page(&person, &key, &grant, form))))
}

pub(super) async fn pause(
    State(console): State<Console>,
    Path((id, grant)): Path<(String, String)>,
    posted: Posted,
) -> Answer {
    let (holder, key, _, own) = granted(&console, &posted.person, &id, &grant).await?;
    let connect = console.connect();
    connect
        .change_key_grant(&holder, own, GrantChange::Pause)
        .await?;
    Ok(back(&key, "paused"))
}

pub(super) async fn resume(
    State(console): State<Console>,
    Path((id, grant)): Path<(String, String)>,
    posted: Posted,
) -> Answer {
    let (holder, key, _, own) = granted(&console, &posted.person, &id, &grant).await?;
    let connect = console.connect();
    connect
        .change_key_grant(&holder, own, GrantChange::Resume)
        .await?;
    Ok(back(&key, "resumed"))
}

pub(super) async fn withdraw(
    State(console): State<Console>,
    Path((id, grant)): Path<(String, String)>,
    posted: Posted,
) -> Answer {
    let (holder, key, _, own) = granted(&console, &posted.person, &id, &grant).await?;
    console.connect().withdraw_key_grant(&holder, own).await?;
    Ok(back(&key, "withdrawn-key"))
}

async fn granted(
    console: &Console,
    person: &Person,
    id: &str,
    grant: &str,
) -> Result<(Holder, OwnKey, KeyGrantView, KeyGrantId), Refused> {
    let (holder, key) = found(console, person, id).await?;
    let wanted: KeyGrantId = grant.parse().map_err(|_| Refused::NotFound)?;
    let found = key.grants.iter().find(|one| one.id == Some(wanted));
    let found = found.cloned().ok_or(Refused::NotFound)?;
    Ok((holder, key, found, wanted))
}

fn terms_of(grant: &KeyGrantView) -> GrantTerms {
    GrantTerms {
        models: grant.models.clone(),
        budgets: grant.budgets.clone(),
        ends_at: grant.ends_at,
    }
}

fn page(person: &Person, key: &OwnKey, grant: &KeyGrantView, form: Form) -> Page {
    let own = grant.id.map(|id| id.to_string()).unwrap_or_default();
    Page {
        frame: Frame::new(
            person,
            Place::MyKeys,
            format!("Limits of {}", grant.application_name),
        ),
        form,
        names: Names::plain(),
        key: key.name.clone(),
        key_path: path(&key.id),
        path: format!("{}/grants/{own}", path(&key.id)),
        application: grant.application_name.clone(),
        models: chosen(&key.provider).and_then(|one| one.guidance.models.as_ref()),
    }
}
