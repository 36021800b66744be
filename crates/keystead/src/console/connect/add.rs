//! `/connect/new`: a key of one's own, entered before anybody asks for it.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::{IntoResponse as _, Redirect},
};
use serde::Deserialize;

use super::{entry, path};
use crate::{
    connect::Holder,
    console::{
        Answer, Console, Form, Frame, Person, Place, Posted,
        providers::{Chosen, Tile, chosen, refused, tiles},
        refused::{shown, wrong},
    },
    store::KeyStatus,
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    provider: String,
}

#[derive(Template)]
#[template(path = "console/connect/add.html")]
struct Page {
    frame: Frame,
    form: Form,
    chosen: Option<Chosen>,
    key_hint: String,
    tiles: Vec<Tile>,
}

pub(super) async fn show(
    State(_): State<Console>,
    person: Person,
    Query(wanted): Query<Wanted>,
) -> Answer {
    let chosen = chosen(&wanted.provider);
    let form = Form::of([("name", chosen.as_ref().map_or("", |one| one.title))]);
    Ok(shown(&page(&person, form, chosen)))
}

pub(super) async fn add(
    State(console): State<Console>,
    Posted { person, mut form }: Posted,
) -> Answer {
    let provider = form.value("provider").to_owned();
    let name = form.value("name").to_owned();
    if name.is_empty() {
        form.mark("name", "Give it a name");
    }
    let entered = entry::entered(&mut form, &provider, &name, "");
    if let (Some(entered), false) = (entered, form.is_wrong()) {
        let holder = Holder::Account(person.signed_in.account.id);
        match console.connect().add_own_key(&holder, entered).await {
            Ok((key, checked)) => {
                let word = match checked.status {
                    KeyStatus::Valid => "key-valid",
                    KeyStatus::Unchecked => "key-unchecked",
                    _ => "added",
                };
                let path = format!("{}?done={word}", path(&key.id));
                return Ok(Redirect::to(&path).into_response());
            }
            Err(problem) => refused(&mut form, problem)?,
        }
    }
    let page = page(&person, form, chosen(&provider));
    Ok(wrong(shown(&page)))
}

fn page(person: &Person, form: Form, chosen: Option<Chosen>) -> Page {
    let title = match &chosen {
        Some(chosen) => format!("Add your {} key", chosen.title),
        None => "Add a key of your own".to_owned(),
    };
    Page {
        frame: Frame::new(person, Place::MyKeys, title),
        key_hint: chosen.as_ref().map(entry::hint).unwrap_or_default(),
        tiles: tiles(|_| 0),
        form,
        chosen,
    }
}
