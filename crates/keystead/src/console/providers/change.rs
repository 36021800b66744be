//! What the buttons on a key's page do, but for what needs a page of its own.

use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Redirect},
};

use super::{key, path};
use crate::{
    console::{Answer, Console, Posted, refused::wrong},
    ids::KeyId,
    manage::{
        Object as _,
        keys::{self, Update},
        permission::right::EditKeys,
    },
};

/// Asks the provider. The page is the answer, so that it can say what the provider said.
pub(super) async fn check(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let person = posted.person;
    let may = person.may::<EditKeys>(&console).await?;
    let checked = keys::check(console.manage(), &may, KeyId::named(&id)?).await?;
    let note = match checked.note {
        Some(note) => format!("Asked the provider just now: {note}."),
        None => "Asked the provider just now: it takes this key.".to_owned(),
    };
    key::page(&console, &person, &id, None, Some(note)).await
}

pub(super) async fn disable(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    set_disabled(&console, &posted, &id, true).await
}

pub(super) async fn enable(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    set_disabled(&console, &posted, &id, false).await
}

async fn set_disabled(console: &Console, posted: &Posted, id: &str, disabled: bool) -> Answer {
    let may = posted.person.may::<EditKeys>(console).await?;
    let id = KeyId::named(id)?;
    keys::set_disabled(console.manage(), &may, id, disabled).await?;
    let word = if disabled { "disabled" } else { "enabled" };
    Ok(Redirect::to(&format!("{}?done={word}", path(&id))).into_response())
}

pub(super) async fn rename(
    State(console): State<Console>,
    Path(id): Path<String>,
    Posted { person, mut form }: Posted,
) -> Answer {
    let may = person.may::<EditKeys>(&console).await?;
    let key = KeyId::named(&id)?;
    let wanted = Update {
        name: Some(form.value("name").to_owned()),
        ..Update::default()
    };
    match keys::update(console.manage(), &may, key, wanted).await {
        Ok(_) => Ok(Redirect::to(&format!("{}?done=changed", path(&key))).into_response()),
        Err(problem) => {
            form.refused(problem)?;
            let page = key::page(&console, &person, &id, Some(form), None).await?;
            Ok(wrong(page))
        }
    }
}
