//! `/console/requests`: the latest calls, newest first. What was said in them is nowhere.

pub(super) mod files;

use askama::Template;
use axum::extract::{RawQuery, State};

use super::{
    Answer, Console, Frame, Person, Place,
    choices::{Choice, Choices},
    listing::Listing,
    numbers::{count, money},
    refused::shown,
    time::When,
};
use crate::{
    manage::{
        breakdown::provider_title,
        permission::right::SeeUsage,
        requests::{self, Filter, RequestView},
    },
    store::AttemptEnd,
};

#[derive(Template)]
#[template(path = "console/requests.html")]
struct Page {
    frame: Frame,
    listing: Listing,
    choices: Choices,
    providers: Vec<Choice>,
    ends: Vec<Choice>,
    rows: Vec<Row>,
    looked_at: String,
    back_to: Option<When>,
    next: Option<String>,
}

/// An attempt in the list.
#[derive(Debug)]
struct Row {
    request: RequestView,
    at: When,
    addon: Choice,
    provider: String,
    tag: &'static str,
    ended: String,
    used: Vec<String>,
    cost: Option<String>,
    took: String,
    first_byte: Option<String>,
}

const PATH: &str = "/console/requests";
const FILTERS: &[&str] = &["application_id", "addon_id", "key_id", "provider", "end"];

pub(super) async fn show(
    person: Person,
    State(console): State<Console>,
    RawQuery(query): RawQuery,
) -> Answer {
    let may = person.may::<SeeUsage>(&console).await?;
    let listing = Listing::of(PATH, FILTERS, query.as_deref());
    let mut wanted = filter(&listing);
    wanted.cursor = listing.value("cursor");
    let found = requests::list(console.manage(), &may, wanted).await?;
    let choices = Choices::of(&console, may.organization).await?;
    let now = console.store().clock().now();
    let rows = found.list.data.into_iter().map(|request| Row {
        at: When {
            at: request.at.0,
            now,
        },
        addon: choices.addon(&request.addon_id),
        provider: provider_title(&request.provider).to_owned(),
        tag: tag(request.end),
        ended: ended(&request),
        used: used(&request),
        cost: request.cost_usd.map(|cost| money(cost.micro)),
        took: took(request.duration_ms),
        first_byte: request.first_byte_ms.map(took),
        request,
    });
    Ok(shown(&Page {
        frame: Frame::new(&person, Place::Requests, "Requests"),
        rows: rows.collect(),
        providers: Choices::providers(),
        ends: AttemptEnd::ALL.map(choice).to_vec(),
        looked_at: count(found.looked_at as u64),
        back_to: found.back_to.map(|at| When { at, now }),
        next: listing.next(found.list.next_cursor.as_deref()),
        choices,
        listing,
    }))
}

/// What is asked for, from the first call on.
fn filter(listing: &Listing) -> Filter {
    Filter {
        application_id: listing.value("application_id"),
        addon_id: listing.value("addon_id"),
        key_id: listing.value("key_id"),
        provider: listing.value("provider"),
        end: listing.value("end"),
        limit: None,
        cursor: None,
    }
}

fn choice(end: AttemptEnd) -> Choice {
    let name = match end {
        AttemptEnd::Answered => "Answered",
        AttemptEnd::Refused => "Refused by the provider (4xx)",
        AttemptEnd::ProviderFailed => "Provider failed",
        AttemptEnd::Cut => "Cut here",
    };
    Choice {
        id: end.word().to_owned(),
        name: name.to_owned(),
        of: None,
    }
}

fn tag(end: AttemptEnd) -> &'static str {
    match end {
        AttemptEnd::Answered => "ok",
        AttemptEnd::Refused => "warn",
        AttemptEnd::ProviderFailed => "bad",
        AttemptEnd::Cut => "off",
    }
}

/// Who ended it, and with which status.
fn ended(request: &RequestView) -> String {
    let words = match request.outcome.as_str() {
        "answered" => "Provider answered",
        "refused" => "Provider did nothing, tried again",
        "unreachable" => "Provider unreachable",
        "broken_off" => "Connection broke off",
        "client_left" => "Client left",
        "silent" => "Provider silent",
        "revoked" => "Cut: revoked",
        "stopped" => "Cut: server stopped",
        other => other,
    };
    match request.status {
        Some(status) => format!("{words} ({status})"),
        None => words.to_owned(),
    }
}

/// What the provider counted.
fn used(request: &RequestView) -> Vec<String> {
    let mut parts = Vec::new();
    if request.input_tokens.is_some() || request.output_tokens.is_some() {
        let of = |tokens: Option<u64>| tokens.map_or_else(|| "?".to_owned(), count);
        let (input, output) = (of(request.input_tokens), of(request.output_tokens));
        parts.push(format!("{input} → {output} tokens"));
    }
    if let Some(characters) = request.characters {
        parts.push(counted(characters, "character"));
    }
    if let Some(images) = request.images {
        parts.push(counted(images, "image"));
    }
    parts
}

fn counted(amount: u64, thing: &str) -> String {
    match amount {
        1 => format!("1 {thing}"),
        _ => format!("{} {thing}s", count(amount)),
    }
}

fn took(ms: u64) -> String {
    match ms {
        0..10_000 => format!("{} ms", count(ms)),
        _ => format!("{}.{} s", count(ms / 1_000), ms % 1_000 / 100),
    }
}
