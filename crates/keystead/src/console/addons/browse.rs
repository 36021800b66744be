//! `/console/addons/browse`: what there is to install.

use askama::Template;
use axum::extract::State;

use super::KindWords;
use crate::{
    console::{Answer, Console, Frame, Person, Place, refused::shown},
    manage::permission::{Action, right::SeeAddOns},
};

#[derive(Template)]
#[template(path = "console/addons/browse.html")]
struct Page {
    frame: Frame,
    kinds: Vec<KindWords>,
    may_edit: bool,
}

pub(super) async fn show(State(console): State<Console>, person: Person) -> Answer {
    person.may::<SeeAddOns>(&console).await?;
    Ok(shown(&Page {
        frame: Frame::new(&person, Place::AddOns, "Browse AddOns"),
        kinds: KindWords::all().collect(),
        may_edit: person.is_allowed(Action::EditAddOns),
    }))
}
