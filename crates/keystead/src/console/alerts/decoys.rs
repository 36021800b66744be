//! `/console/alerts/decoys`: what is planted so that its use shows a leak.

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse as _, Redirect},
    routing::{get, post},
};

use super::super::{
    Answer, Console, Form, Frame, Person, Place, Posted, Refused, audit,
    choices::{self, Choice},
    once,
    refused::wrong,
    shown,
    time::When,
};
use crate::{
    ids::DecoyId,
    manage::{
        breakdown::provider_title,
        decoys::{self, Create, DecoyView},
        permission::right::EditDecoys,
    },
    store::Decoy,
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/console/alerts/decoys", get(list).post(create))
        .route("/console/alerts/decoys/{id}/remove", post(remove))
}

#[derive(Template)]
#[template(path = "console/alerts/decoys.html")]
struct Page {
    frame: Frame,
    form: Form,
    decoys: Vec<Row>,
    forms: Vec<(&'static str, String)>,
    applications: Vec<Choice>,
}

struct Row {
    about: DecoyView,
    form: String,
    /// The application that it lies beside: its id and its name.
    beside: Option<(String, String)>,
    /// Its id, as alerts show it.
    short: String,
    made: When,
}

async fn list(person: Person, State(console): State<Console>) -> Answer {
    page(&console, &person, Form::of([("form", "access_token")])).await
}

async fn create(State(console): State<Console>, posted: Posted) -> Answer {
    let Posted { person, mut form } = posted;
    let may = person.may::<EditDecoys>(&console).await?;
    let wanted = Create {
        name: form.value("name").to_owned(),
        form: form.value("form").to_owned(),
        application_id: Some(form.value("application_id").to_owned()).filter(|id| !id.is_empty()),
    };
    let made = match decoys::create(console.manage(), &may, wanted).await {
        Ok(made) => made,
        Err(problem) => {
            form.refused(problem)?;
            let page = page(&console, &person, form).await?;
            return Ok(wrong(page));
        }
    };
    let words = once::Words {
        purpose: "Put it where nobody should look: a configuration file, a wiki page, a store of \
                  secrets. Nothing of yours may ever use it. Whoever presents it to Keystead is \
                  answered as with any wrong credential, and you get an alert.",
        lost: "If it is lost, remove the decoy and make another.",
        beside: vec![
            ("Planted in", made.about.name.clone()),
            ("Looks like", title(&made.about.form)),
        ],
        variable: None,
        next: PATH.to_owned(),
    };
    let frame = Frame::new(&person, Place::Alerts, "Your decoy");
    Ok(once::show(frame, words, &made.decoy))
}

async fn remove(State(console): State<Console>, Path(id): Path<String>, posted: Posted) -> Answer {
    let may = posted.person.may::<EditDecoys>(&console).await?;
    let id: DecoyId = id.parse().map_err(|_| Refused::NotFound)?;
    decoys::remove(console.manage(), &may, id).await?;
    Ok(Redirect::to("/console/alerts/decoys?done=removed").into_response())
}

async fn page(console: &Console, person: &Person, form: Form) -> Answer {
    let may = person.may::<EditDecoys>(console).await?;
    let found = decoys::list(console.manage(), &may).await?;
    let now = console.store().clock().now();
    let applications = choices::applications(console, person).await?;
    let row = |about: DecoyView| Row {
        form: title(&about.form),
        short: audit::named(&about.decoy_id.to_string()).short,
        beside: about
            .application_id
            .map(|id| (id.to_string(), choices::name_of(&applications, &id))),
        made: When {
            at: about.created_at.0,
            now,
        },
        about,
    };
    Ok(shown(&Page {
        frame: Frame::new(person, Place::Alerts, "Decoys"),
        form,
        decoys: found.data.into_iter().map(row).collect(),
        applications,
        forms: Decoy::forms().map(|form| (form, title(form))).collect(),
    }))
}

/// What a decoy looks like, for people.
fn title(form: &str) -> String {
    match form {
        "access_token" => "An access token of Keystead".to_owned(),
        provider => format!("A key of {}", provider_title(provider)),
    }
}

const PATH: &str = "/console/alerts/decoys";
