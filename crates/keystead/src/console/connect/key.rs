//! `/connect/keys/{id}`: one key of an account, and what applications do with it.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Redirect, Response},
};
use keystead_providers::Guidance;

use super::{calls::Call, keys::title, path, terms::in_words};
use crate::{
    clock::Timestamp,
    connect::{GrantTerms, Holder, OwnKey},
    console::{
        Answer, Console, Form, Frame, Person, Place, Posted, Refused,
        confirm::{Confirm, is_typed},
        numbers::{count, money},
        providers::{StatusWords, advice, bare, chosen, of_key, refused},
        refused::{shown, wrong},
        time::When,
    },
    ids::KeyId,
    store::KeyStatus,
};

#[derive(Template)]
#[template(path = "console/connect/key.html")]
struct Page {
    frame: Frame,
    path: String,
    provider: String,
    name: String,
    last4: String,
    destination: String,
    status: StatusWords,
    advice: &'static str,
    disabled: bool,
    checked: Option<When>,
    added: When,
    version: u64,
    grants: Vec<Granted>,
    calls: Vec<Call>,
    guidance: Option<&'static Guidance>,
}

/// What an application may do with it.
struct Granted {
    path: String,
    application: String,
    limits: Vec<String>,
    ends: Option<When>,
    has_ended: bool,
    paused: bool,
    requests: String,
    cost: String,
}

#[derive(Template)]
#[template(path = "console/connect/replace.html")]
struct Replacing {
    frame: Frame,
    form: Form,
    path: String,
    name: String,
    last4: String,
    provider: String,
    guidance: Option<&'static Guidance>,
}

pub(super) async fn show(
    State(console): State<Console>,
    person: Person,
    Path(id): Path<String>,
) -> Answer {
    let (holder, key) = found(&console, &person, &id).await?;
    let now = console.store().clock().now();
    let when = |at: Timestamp| When { at, now };
    let mut grants = Vec::new();
    for grant in &key.grants {
        let Some(own) = grant.id else { continue };
        let used = console.connect().usage_of(&holder, own).await?;
        let terms = GrantTerms {
            models: grant.models.clone(),
            budgets: grant.budgets.clone(),
            ends_at: grant.ends_at,
        };
        grants.push(Granted {
            path: format!("{}/grants/{own}", path(&key.id)),
            application: grant.application_name.clone(),
            limits: in_words(&terms),
            ends: grant.ends_at.map(when),
            has_ended: grant.ends_at.is_some_and(|end| end <= now),
            paused: grant.paused,
            requests: count(used.requests),
            cost: money(used.cost_micro_usd),
        });
    }
    let calls = Call::latest(&console, &holder, &key).await?;
    Ok(shown(&Page {
        frame: Frame::new(&person, Place::MyKeys, key.name.clone()),
        path: path(&key.id),
        provider: title(&key.provider),
        status: of_key(key.status, key.disabled),
        advice: advice(key.status, key.disabled),
        checked: key.checked_at.map(when),
        added: when(key.created_at),
        calls,
        guidance: chosen(&key.provider).map(|one| one.guidance),
        grants,
        name: key.name,
        last4: key.last4,
        destination: key.destination,
        disabled: key.disabled,
        version: key.version,
    }))
}

/// Asks the provider whether it still takes the key.
pub(super) async fn check(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let (holder, key) = found(&console, &posted.person, &id).await?;
    console.connect().recheck_own_key(&holder, key.id).await?;
    Ok(back(&key, "checked"))
}

pub(super) async fn disable(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let (holder, key) = found(&console, &posted.person, &id).await?;
    let connect = console.connect();
    connect.set_own_key_disabled(&holder, key.id, true).await?;
    Ok(back(&key, "disabled"))
}

pub(super) async fn enable(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let (holder, key) = found(&console, &posted.person, &id).await?;
    let connect = console.connect();
    connect.set_own_key_disabled(&holder, key.id, false).await?;
    Ok(back(&key, "enabled"))
}

/// For someone who proved anew who they are, as everything that can't be undone.
pub(super) async fn ask_replace(
    State(console): State<Console>,
    person: Person,
    Path(id): Path<String>,
) -> Answer {
    let (_, key) = found(&console, &person, &id).await?;
    must_be_fresh(&console, &person, format!("{}/replace", path(&key.id)))?;
    Ok(replacing(&person, &key, Form::default()))
}

pub(super) async fn replace(
    State(console): State<Console>,
    Path(id): Path<String>,
    Posted { person, mut form }: Posted,
) -> Answer {
    let (holder, key) = found(&console, &person, &id).await?;
    must_be_fresh(&console, &person, format!("{}/replace", path(&key.id)))?;
    let typed = form.take("key");
    if typed.trim().is_empty() {
        form.mark("key", "Enter the key");
    }
    if !form.is_wrong() {
        let entered = bare(&typed).into();
        match console
            .connect()
            .rotate_own_key(&holder, key.id, entered)
            .await
        {
            Ok((_, checked)) => {
                let word = match checked.status {
                    KeyStatus::Valid => "replaced",
                    _ => "rotated-unchecked",
                };
                return Ok(back(&key, word));
            }
            Err(problem) => refused(&mut form, problem)?,
        }
    }
    Ok(wrong(replacing(&person, &key, form)))
}

pub(super) async fn ask_delete(
    State(console): State<Console>,
    person: Person,
    Path(id): Path<String>,
) -> Answer {
    let (_, key) = found(&console, &person, &id).await?;
    must_be_fresh(&console, &person, format!("{}/delete", path(&key.id)))?;
    Ok(confirm(&person, &key, Form::default()).ask())
}

pub(super) async fn delete(
    State(console): State<Console>,
    Path(id): Path<String>,
    Posted { person, mut form }: Posted,
) -> Answer {
    let (holder, key) = found(&console, &person, &id).await?;
    must_be_fresh(&console, &person, format!("{}/delete", path(&key.id)))?;
    if !is_typed(&mut form, &key.name) {
        return Ok(confirm(&person, &key, form).ask());
    }
    console.connect().delete_own_key(&holder, key.id).await?;
    Ok(Redirect::to("/connect/keys?done=deleted").into_response())
}

fn confirm(person: &Person, key: &OwnKey, form: Form) -> Confirm {
    let there = chosen(&key.provider).map(|one| one.guidance.revoke.text);
    let mut effects = vec![
        "It is destroyed here, and every application that uses it stops; running calls are cut."
            .to_owned(),
        format!(
            "That does not end it at {}. {}",
            title(&key.provider),
            there.unwrap_or_default()
        ),
    ];
    effects.retain(|effect| !effect.is_empty());
    Confirm {
        frame: Frame::new(person, Place::MyKeys, format!("Delete {}", key.name)),
        crumbs: vec![
            ("/connect/keys".to_owned(), "My keys".to_owned()),
            (path(&key.id), key.name.clone()),
        ],
        question: "Delete this key?".to_owned(),
        effects,
        typed: Some(key.name.clone()),
        button: "Delete the key",
        is_danger: true,
        action: format!("{}/delete", path(&key.id)),
        form,
    }
}

fn replacing(person: &Person, key: &OwnKey, form: Form) -> Response {
    shown(&Replacing {
        frame: Frame::new(person, Place::MyKeys, format!("Replace {}", key.name)),
        form,
        path: path(&key.id),
        name: key.name.clone(),
        last4: key.last4.clone(),
        provider: title(&key.provider),
        guidance: chosen(&key.provider).map(|one| one.guidance),
    })
}

/// The key of a page, of the person who looks at it.
pub(super) async fn found(
    console: &Console,
    person: &Person,
    id: &str,
) -> Result<(Holder, OwnKey), Refused> {
    let id: KeyId = id.parse().map_err(|_| Refused::NotFound)?;
    let holder = Holder::Account(person.signed_in.account.id);
    let key = console.connect().own_key(&holder, id).await?;
    Ok((holder, key))
}

pub(super) fn back(key: &OwnKey, word: &str) -> Response {
    Redirect::to(&format!("{}?done={word}", path(&key.id))).into_response()
}

fn must_be_fresh(console: &Console, person: &Person, next: String) -> Result<(), Refused> {
    match console.people().is_fresh(&person.signed_in.session) {
        true => Ok(()),
        false => Err(Refused::ProveAgain(next)),
    }
}
