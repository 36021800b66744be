//! `/console/usage`: what was used, by day and told apart by one thing; read from the sums alone.

use askama::Template;
use axum::{
    Router,
    extract::{RawQuery, State},
    routing::get,
};
use serde::Serialize;

use super::{
    Answer, Console, Frame, Person, Place,
    chart::Bars,
    choices::{Choice, Choices},
    daily::{Measure, chart},
    export,
    listing::Listing,
    numbers::{count, money, percent},
    refused::shown,
    time::When,
    turned_away,
};
use crate::{
    manage::{
        breakdown::{self, Breakdown, By, Share, Wanted},
        budgets::{self, BudgetView},
        permission::right::SeeUsage,
        usage::Dollars,
    },
    store::Figures,
};

/// The pages.
pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/console/usage", get(show))
        .route("/console/usage.csv", get(csv))
        .route("/console/usage.json", get(json))
}

#[derive(Template)]
#[template(path = "console/usage.html")]
struct Page {
    frame: Frame,
    listing: Listing,
    choices: Choices,
    providers: Vec<Choice>,
    periods: &'static [(&'static str, &'static str)],
    groups: Vec<(&'static str, &'static str)>,
    by: &'static str,
    figures: Vec<(&'static str, String, Option<String>)>,
    unpriced: Option<String>,
    charts: Vec<Bars>,
    rows: Vec<Row>,
    has_more: bool,
    budgets: Vec<Left>,
    refused: Vec<turned_away::Row>,
}

/// A line of the table.
#[derive(Debug)]
struct Row {
    name: String,
    link: Option<String>,
    requests: String,
    failed: String,
    input_tokens: String,
    output_tokens: String,
    characters: String,
    images: String,
    cost: String,
}

/// A budget, and when it starts anew.
#[derive(Debug)]
struct Left {
    budget: BudgetView,
    resets: Option<When>,
}

/// A row of a file.
#[derive(Debug, Serialize)]
struct Line {
    id: String,
    name: String,
    requests: u64,
    failed: u64,
    input_tokens: u64,
    output_tokens: u64,
    characters: u64,
    images: u64,
    cost_usd: Dollars,
    unpriced_usd: Dollars,
}

const COLUMNS: &[&str] = &[
    "id",
    "name",
    "requests",
    "failed",
    "input_tokens",
    "output_tokens",
    "characters",
    "images",
    "cost_usd",
    "unpriced_usd",
];

/// Days back, and how people say it.
const PERIODS: &[(&str, &str)] = &[
    ("1", "Today"),
    ("7", "Last 7 days"),
    ("30", "Last 30 days"),
    ("90", "Last 90 days"),
    ("366", "Last year"),
];
const FILTERS: &[&str] = &[
    "days",
    "by",
    "application_id",
    "addon_id",
    "key_id",
    "provider",
    "model",
];
/// How many rows the page shows, and a file holds.
const ROWS: u16 = 50;
const LINES: u16 = 1_000;

async fn show(person: Person, State(console): State<Console>, RawQuery(query): RawQuery) -> Answer {
    let may = person.may::<SeeUsage>(&console).await?;
    let listing = listing(query.as_deref());
    let by = By::of(listing.text("by"));
    let mut told = breakdown::of(console.manage(), &may, wanted(&listing, ROWS + 1)).await?;
    let has_more = told.shares.len() > usize::from(ROWS) && by != By::Day;
    if has_more {
        told.shares.truncate(usize::from(ROWS));
    }
    let of = budgets::Of {
        application: listing.text("application_id").parse().ok(),
        addon: listing.text("addon_id").parse().ok(),
        key: listing.text("key_id").parse().ok(),
    };
    let now = console.store().clock().now();
    let left = |budget: BudgetView| Left {
        resets: budget.left.resets_at.map(|at| When { at: at.0, now }),
        budget,
    };
    let budgets = budgets::list(console.manage(), &may, of).await?;
    let measures = [
        Measure::Requests,
        Measure::Cost,
        Measure::Tokens,
        Measure::Failed,
    ];
    let charts = measures.map(|measure| chart(&told, measure, words(by)));
    let is_shown = |chart: &Bars| chart.id == "requests" || !chart.is_empty();
    let unpriced = told.all.unpriced_micro_usd;
    let choices = Choices::of(&console, may.organization).await?;
    let days = wanted(&listing, ROWS).days.clamp(1, 366);
    let refused = turned_away::list(&console, &person, days).await?;
    let only = listing.text("application_id");
    let refused = turned_away::rows(&refused, &choices.applications, only);
    Ok(shown(&Page {
        frame: Frame::new(&person, Place::Usage, "Usage"),
        refused,
        choices,
        providers: Choices::providers(),
        periods: PERIODS,
        groups: By::ALL.map(|by| (by.word(), words(by))).to_vec(),
        by: by.word(),
        figures: figures(&told.all),
        unpriced: (unpriced > 0).then(|| money(unpriced)),
        charts: charts.into_iter().filter(is_shown).collect(),
        rows: told
            .shares
            .iter()
            .map(|share| of_share(by, share))
            .collect(),
        has_more,
        budgets: budgets.into_iter().map(left).collect(),
        listing,
    }))
}

async fn csv(person: Person, State(console): State<Console>, RawQuery(query): RawQuery) -> Answer {
    let told = taken_away(&person, &console, query.as_deref()).await?;
    let rows = told.shares.iter().map(|share| {
        let line = Line::of(share);
        vec![
            line.id,
            line.name,
            line.requests.to_string(),
            line.failed.to_string(),
            line.input_tokens.to_string(),
            line.output_tokens.to_string(),
            line.characters.to_string(),
            line.images.to_string(),
            line.cost_usd.to_string(),
            line.unpriced_usd.to_string(),
        ]
    });
    Ok(export::csv("usage", COLUMNS, &rows.collect::<Vec<_>>()))
}

async fn json(person: Person, State(console): State<Console>, RawQuery(query): RawQuery) -> Answer {
    let told = taken_away(&person, &console, query.as_deref()).await?;
    let lines: Vec<_> = told.shares.iter().map(Line::of).collect();
    Ok(export::json("usage", &lines))
}

async fn taken_away(
    person: &Person,
    console: &Console,
    query: Option<&str>,
) -> Result<Breakdown, super::Refused> {
    let may = person.may::<SeeUsage>(console).await?;
    let wanted = wanted(&listing(query), LINES);
    Ok(breakdown::of(console.manage(), &may, wanted).await?)
}

fn listing(query: Option<&str>) -> Listing {
    Listing::of("/console/usage", FILTERS, query)
}

fn wanted(listing: &Listing, shares: u16) -> Wanted {
    Wanted {
        days: listing.text("days").parse().unwrap_or(30),
        by: By::of(listing.text("by")),
        application_id: listing.value("application_id"),
        addon_id: listing.value("addon_id"),
        key_id: listing.value("key_id"),
        provider: listing.value("provider"),
        model: listing.value("model"),
        shares,
    }
}

/// Everything; what no provider counted is left out.
fn figures(all: &Figures) -> Vec<(&'static str, String, Option<String>)> {
    let failed = percent(all.failed, all.requests).filter(|_| all.failed > 0);
    let counts = [
        ("Requests", all.requests, None),
        ("Failed", all.failed, failed),
        ("Tokens in", all.input_tokens, None),
        ("Tokens out", all.output_tokens, None),
        ("Characters", all.characters, None),
        ("Images", all.images, None),
    ];
    let counts = counts
        .into_iter()
        .filter(|(label, amount, _)| *amount > 0 || ["Requests", "Failed"].contains(label))
        .map(|(label, amount, part)| (label, count(amount), part));
    let cost = ("Estimated cost", money(all.cost()), None);
    counts.chain([cost]).collect()
}

fn words(by: By) -> &'static str {
    match by {
        By::Provider => "provider",
        By::Application => "application",
        By::AddOn => "AddOn",
        By::Key => "key",
        By::Model => "model",
        By::Day => "day",
    }
}

fn of_share(by: By, share: &Share) -> Row {
    let page = match by {
        By::Application => Some("/console/applications"),
        By::AddOn => Some("/console/addons"),
        By::Key => Some("/console/providers"),
        By::Provider | By::Model | By::Day => None,
    };
    // What is gone is called by its id.
    let page = page.filter(|_| !share.id.is_empty() && share.name != share.id);
    let link = page.map(|page| format!("{page}/{}", share.id));
    row(share.name.clone(), link, &share.figures)
}

fn row(name: String, link: Option<String>, figures: &Figures) -> Row {
    let some = |amount: u64| match amount {
        0 => "–".to_owned(),
        amount => count(amount),
    };
    Row {
        name,
        link,
        requests: count(figures.requests),
        failed: some(figures.failed),
        input_tokens: some(figures.input_tokens),
        output_tokens: some(figures.output_tokens),
        characters: some(figures.characters),
        images: some(figures.images),
        cost: match figures.cost() {
            0 => "–".to_owned(),
            cost => money(cost),
        },
    }
}

impl Line {
    fn of(share: &Share) -> Self {
        let Share { id, name, figures } = share;
        Self {
            id: id.clone(),
            name: name.clone(),
            requests: figures.requests,
            failed: figures.failed,
            input_tokens: figures.input_tokens,
            output_tokens: figures.output_tokens,
            characters: figures.characters,
            images: figures.images,
            cost_usd: Dollars {
                micro: figures.cost_micro_usd,
            },
            unpriced_usd: Dollars {
                micro: figures.unpriced_micro_usd,
            },
        }
    }
}
