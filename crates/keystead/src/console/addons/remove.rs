//! `/console/addons/{id}/remove`: asks first, and says in numbers what will come of it.

use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Redirect},
};

use super::{crumbs, open, path};
use crate::{
    console::{
        Answer, Console, Form, Frame, Person, Place, Posted,
        confirm::{Confirm, is_typed},
    },
    manage::{addons, permission::right::EditAddOns},
    store::{UsageDays, UsageFilter, UsageGroup},
};

pub(super) async fn ask(
    State(console): State<Console>,
    Path(id): Path<String>,
    person: Person,
) -> Answer {
    person.may::<EditAddOns>(&console).await?;
    page(&console, &person, &id, Form::default()).await
}

pub(super) async fn remove(
    State(console): State<Console>,
    Path(id): Path<String>,
    Posted { person, mut form }: Posted,
) -> Answer {
    let may = person.may::<EditAddOns>(&console).await?;
    let addon = open(&console, &person, &id).await?;
    if !is_typed(&mut form, addon.handle.as_str()) {
        return page(&console, &person, &id, form).await;
    }
    addons::remove(console.manage(), &may, addon.addon_id).await?;
    Ok(Redirect::to("/console/addons?done=removed").into_response())
}

async fn page(console: &Console, person: &Person, id: &str, form: Form) -> Answer {
    let addon = open(console, person, id).await?;
    let store = console.store();
    let today = store.clock().now().as_secs().div_euclid(86_400);
    let days = UsageDays {
        first: today - 29,
        last: today,
    };
    let filter = UsageFilter {
        addon: Some(addon.addon_id),
        ..UsageFilter::default()
    };
    let organization = person.caller().organization;
    let shares = store
        .usage_shares(organization, days, &filter, UsageGroup::AddOn, 1)
        .await?;
    let requests = shares.first().map_or(0, |share| share.figures.requests);
    let handle = addon.handle.to_string();
    let confirm = Confirm {
        frame: Frame::new(person, Place::AddOns, format!("Remove {handle}")),
        crumbs: crumbs(&addon),
        question: format!("Remove the AddOn {handle}?"),
        effects: vec![
            match requests {
                0 => "Nobody called it in the last 30 days.".to_owned(),
                1 => "It was called once in the last 30 days.".to_owned(),
                many => format!("It was called {many} times in the last 30 days."),
            },
            "Clients that call its address find nothing there from now on, and running answers \
             are cut within a second."
                .to_owned(),
            "Its key stays, and so does what was counted.".to_owned(),
        ],
        typed: Some(handle),
        button: "Remove this AddOn",
        is_danger: true,
        action: format!("{}/remove", path(&addon.addon_id)),
        form,
    };
    Ok(confirm.ask())
}
