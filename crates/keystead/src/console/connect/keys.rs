//! `/connect/keys`: the keys of an account.

use askama::Template;
use axum::extract::State;

use super::path;
use crate::{
    connect::{Holder, OwnKey},
    console::{
        Answer, Console, Frame, Person, Place, Refused,
        consent::Agreed,
        numbers::{count, money},
        providers::{StatusWords, chosen, of_key},
        refused::shown,
        time::When,
    },
    store::Figures,
};

#[derive(Template)]
#[template(path = "console/connect/keys.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    agreed: Vec<Agreed>,
}

/// A key in the list.
struct Row {
    path: String,
    provider: String,
    name: String,
    last4: String,
    status: StatusWords,
    /// Who may use it.
    applications: Vec<String>,
    /// Of this month.
    requests: String,
    cost: String,
    added: When,
}

pub(super) async fn show(State(console): State<Console>, person: Person) -> Answer {
    let holder = Holder::Account(person.signed_in.account.id);
    let now = console.store().clock().now();
    let mut rows = Vec::new();
    for key in console.connect().own_keys(&holder).await? {
        let used = used(&console, &holder, &key).await?;
        rows.push(Row {
            path: path(&key.id),
            provider: title(&key.provider),
            status: of_key(key.status, key.disabled),
            applications: key
                .grants
                .iter()
                .map(|grant| grant.application_name.clone())
                .collect(),
            requests: count(used.requests),
            cost: money(used.cost_micro_usd),
            added: When {
                at: key.created_at,
                now,
            },
            name: key.name,
            last4: key.last4,
        });
    }
    Ok(shown(&Page {
        frame: Frame::new(&person, Place::MyKeys, "My keys"),
        agreed: Agreed::by(&console, person.signed_in.account.id).await?,
        rows,
    }))
}

/// What was used of a key this month, by all applications together.
pub(super) async fn used(
    console: &Console,
    holder: &Holder,
    key: &OwnKey,
) -> Result<Figures, Refused> {
    let mut sum = Figures::default();
    for grant in key.grants.iter().filter_map(|grant| grant.id) {
        sum.add(&console.connect().usage_of(holder, grant).await?);
    }
    Ok(sum)
}

/// How people call a provider.
pub(super) fn title(provider: &str) -> String {
    chosen(provider).map_or_else(|| provider.to_owned(), |one| one.title.to_owned())
}
