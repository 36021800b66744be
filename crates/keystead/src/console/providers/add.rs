//! `/console/providers/add`: a key, entered with guidance beside it and checked as it comes in.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::{IntoResponse as _, Redirect},
};
use keystead_providers::{About, CredentialForm, Guidance, Words};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Tile, path, tiles};
use crate::{
    console::{
        Answer, Console, Form, Frame, Person, Place, Posted, Refused,
        choices::{Choice, applications},
        refused::{shown, wrong},
    },
    manage::{
        Problem,
        keys::{self, Add},
        permission::right::EditKeys,
    },
    store::KeyStatus,
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    provider: String,
    app: String,
}

#[derive(Template)]
#[template(path = "console/providers/add.html")]
struct Page {
    frame: Frame,
    form: Form,
    chosen: Option<Chosen>,
    key_hint: String,
    applications: Vec<Choice>,
    tiles: Vec<Tile>,
    /// `?app=…`, to choose another provider with.
    back: String,
    and_app: String,
}

/// The provider whose key is entered.
pub(in crate::console) struct Chosen {
    pub(in crate::console) name: &'static str,
    pub(in crate::console) title: &'static str,
    pub(in crate::console) guidance: &'static Guidance,
    pub(in crate::console) endpoint: Option<&'static Words>,
    /// The addresses to choose among; none where each customer has their own.
    pub(in crate::console) regions: Vec<String>,
}

pub(super) async fn show(
    State(console): State<Console>,
    person: Person,
    Query(wanted): Query<Wanted>,
) -> Answer {
    person.may::<EditKeys>(&console).await?;
    let chosen = chosen(&wanted.provider);
    let form = Form::of([
        ("application_id", &wanted.app),
        ("name", chosen.as_ref().map_or("", |chosen| chosen.title)),
    ]);
    page(&console, &person, form, chosen).await
}

pub(super) async fn add(State(console): State<Console>, posted: Posted) -> Answer {
    let Posted { person, mut form } = posted;
    let may = person.may::<EditKeys>(&console).await?;
    let entered = form.take("key");
    let wanted = Add {
        application_id: form.value("application_id").to_owned(),
        provider: form.value("provider").to_owned(),
        name: form.value("name").to_owned(),
        endpoint: form.filled("endpoint").map(ToOwned::to_owned),
        skip_check: false,
        key: bare(&entered).into(),
    };
    // An id that can't be one is an application that was not chosen.
    if wanted.application_id.is_empty() {
        form.mark(
            "application_id",
            "Choose the application that calls with it",
        );
    }
    if wanted.name.trim().is_empty() {
        form.mark("name", "Give it a name");
    }
    let needs_endpoint = chosen(&wanted.provider).is_some_and(|chosen| chosen.needs_endpoint());
    if needs_endpoint && wanted.endpoint.is_none() {
        form.mark("endpoint", "Enter the address of your resource");
    }
    if entered.trim().is_empty() {
        form.mark("key", "Enter the key");
    }
    if !form.is_wrong() {
        match keys::add(console.manage(), &may, wanted).await {
            Ok(added) => {
                let word = done(added.key.status);
                let path = format!("{}?done={word}", path(&added.key.key_id));
                return Ok(Redirect::to(&path).into_response());
            }
            Err(problem) => refused(&mut form, problem)?,
        }
    }
    let chosen = chosen(form.value("provider"));
    let page = page(&console, &person, form, chosen).await?;
    Ok(wrong(page))
}

/// What is pasted comes with blanks, quotes, or the word that stands before it in a header.
pub(in crate::console) fn bare(entered: &Zeroizing<String>) -> Zeroizing<String> {
    let mut text = entered.trim();
    let schemes = CredentialForm::ALL
        .into_iter()
        .filter_map(CredentialForm::scheme);
    for word in ["Authorization:"].into_iter().chain(schemes) {
        let head = text.get(..word.len());
        let rest = text.get(word.len()..).unwrap_or_default();
        // A key may begin with such a word; what stands before one ends there.
        let is_apart = word.ends_with(':') || rest.starts_with(' ');
        if is_apart && head.is_some_and(|head| head.eq_ignore_ascii_case(word)) {
            text = rest.trim();
        }
    }
    let text = text.trim_matches(['"', '\'', '`']);
    Zeroizing::new(text.to_owned())
}

/// Says at the field of the key what the provider said of it.
pub(in crate::console) fn refused(form: &mut Form, problem: Problem) -> Result<(), Refused> {
    if let Problem::KeyRefused { reason } = &problem {
        let text = format!("Not stored: {reason}. Enter it again, or make another.");
        form.mark("key", &text);
        return Ok(());
    }
    form.refused(problem)
}

/// What the next page says.
fn done(status: KeyStatus) -> &'static str {
    match status {
        KeyStatus::Valid => "key-valid",
        KeyStatus::Unchecked => "key-unchecked",
        _ => "added",
    }
}

impl Chosen {
    /// Whether only whoever has the key knows where it goes.
    pub(in crate::console) fn needs_endpoint(&self) -> bool {
        self.endpoint.is_some() && self.regions.is_empty()
    }
}

pub(in crate::console) fn chosen(name: &str) -> Option<Chosen> {
    let about: &'static About = keystead_providers::by_name(name)?.about();
    let hosts = about.destinations.hosts().iter();
    let regions = match about.destinations.needs_endpoint() {
        true => Vec::new(),
        false => hosts.map(|host| format!("https://{host}")).collect(),
    };
    Some(Chosen {
        name: about.name,
        title: about.title,
        guidance: &about.guidance,
        endpoint: about.guidance.endpoint.as_ref(),
        regions,
    })
}

async fn page(console: &Console, person: &Person, form: Form, chosen: Option<Chosen>) -> Answer {
    let app = form.value("application_id");
    let (back, and_app) = match app.is_empty() {
        true => (String::new(), String::new()),
        false => (format!("?app={app}"), format!("&app={app}")),
    };
    let title = match &chosen {
        Some(chosen) => format!("Add a key for {}", chosen.title),
        None => "Add provider".to_owned(),
    };
    Ok(shown(&Page {
        frame: Frame::new(person, Place::Providers, title),
        key_hint: chosen.as_ref().map_or_else(String::new, |chosen| {
            let looks = chosen.guidance.looks_like;
            format!("It looks like {looks}, is sealed as it comes in, and never shown again.")
        }),
        tiles: tiles(|_| 0),
        applications: applications(console, person).await?,
        back,
        and_app,
        form,
        chosen,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_with_a_pasted_key_is_taken_off() {
        for (entered, expected) in [
            ("sk-proj-abc", "sk-proj-abc"),
            (" sk-proj-abc\n", "sk-proj-abc"),
            ("\"sk-proj-abc\"", "sk-proj-abc"),
            ("Bearer sk-proj-abc", "sk-proj-abc"),
            ("authorization: bearer sk-proj-abc", "sk-proj-abc"),
            ("DeepL-Auth-Key 123:fx", "123:fx"),
            ("Bearer", "Bearer"),
            ("bearer-abc", "bearer-abc"),
            ("", ""),
            ("é", "é"),
        ] {
            let entered = Zeroizing::new(entered.to_owned());
            assert_eq!(bare(&entered).as_str(), expected);
        }
    }
}
