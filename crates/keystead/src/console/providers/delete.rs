//! `/console/providers/{id}/delete`: asks first, and says in numbers what will come of it.

use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Redirect},
};

use super::{crumbs, open, path, title};
use crate::{
    console::{
        Answer, Console, Form, Frame, Person, Place, Posted,
        confirm::{Confirm, is_typed},
    },
    ids::KeyId,
    manage::{Object as _, keys, permission::right::ReplaceKeys},
};

pub(super) async fn ask(
    State(console): State<Console>,
    Path(id): Path<String>,
    person: Person,
) -> Answer {
    person.may::<ReplaceKeys>(&console).await?;
    page(&console, &person, &id, Form::default()).await
}

pub(super) async fn delete(
    State(console): State<Console>,
    Path(id): Path<String>,
    Posted { person, mut form }: Posted,
) -> Answer {
    let may = person.may::<ReplaceKeys>(&console).await;
    let may = may.map_err(|no| no.back_to(format!("/console/providers/{id}/delete")))?;
    let key = open(&console, &person, &id).await?;
    if !is_typed(&mut form, &key.key.name) {
        return page(&console, &person, &id, form).await;
    }
    keys::remove(console.manage(), &may, KeyId::named(&id)?).await?;
    Ok(Redirect::to("/console/providers?done=deleted").into_response())
}

async fn page(console: &Console, person: &Person, id: &str, form: Form) -> Answer {
    let key = open(console, person, id).await?;
    let facts = console
        .store()
        .key_facts(person.caller().organization, &[key.key.key_id])
        .await?;
    let addons = facts.get(&key.key.key_id).map_or(0, |facts| facts.addons);
    let provider = title(&key.key.provider);
    let name = key.key.name.clone();
    let stops = match addons {
        0 => "No AddOn uses it.".to_owned(),
        1 => "1 AddOn uses it: from now on its calls are refused, until it is given another key."
            .to_owned(),
        many => format!(
            "{many} AddOns use it: from now on their calls are refused, until they are given \
             another key."
        ),
    };
    let confirm = Confirm {
        frame: Frame::new(person, Place::Providers, format!("Delete {name}")),
        crumbs: crumbs(&key),
        question: format!("Delete the key {name}?"),
        effects: vec![
            stops,
            "Running answers are cut within a second.".to_owned(),
            format!(
                "Its {} sealed version{} destroyed. Nothing brings the key back.",
                key.versions.len(),
                if key.versions.len() == 1 {
                    " is"
                } else {
                    "s are"
                }
            ),
            format!("{provider} still takes it until you delete it there as well."),
        ],
        typed: Some(name),
        button: "Delete this key",
        is_danger: true,
        action: format!("{}/delete", path(&key.key.key_id)),
        form,
    };
    Ok(confirm.ask())
}
