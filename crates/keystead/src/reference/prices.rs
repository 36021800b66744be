//! `docs/reference/prices.md`: what the providers' data files say of prices and ceilings.

use std::fmt::Write as _;

use keystead_providers::{ALL, About, Ceiling, MicroUsd, Price, Unit};

/// The page.
pub fn prices() -> String {
    let mut page = String::from(HEAD);
    for about in ALL.iter().map(|provider| provider.about()) {
        _ = write!(page, "\n## {}\n\n{}\n", about.title, about.prices.note);
        write_prices(&mut page, about);
        write_ceilings(&mut page, about);
    }
    page
}

fn write_prices(page: &mut String, about: &About) {
    let rows = about.prices.rows();
    let has = |unit: &Unit| rows.iter().any(|row| price(row, *unit).is_some());
    let units: Vec<Unit> = Unit::ALL.into_iter().filter(has).collect();
    if rows.is_empty() {
        return;
    }
    let limited = rows.iter().any(|row| row.up_to_input.is_some());
    let names = units.iter().map(|unit| heading(*unit));
    let names: Vec<&str> = limited
        .then_some("prompts up to")
        .into_iter()
        .chain(names)
        .collect();
    table(
        page,
        &[&["model", "since"], &names[..], &["source"]].concat(),
    );
    for row in rows {
        let model = if row.model == "*" {
            "every call".to_owned()
        } else {
            format!("`{}`", row.model)
        };
        let mut cells = vec![model, row.since.to_string()];
        if limited {
            cells.push(row.up_to_input.map(grouped).unwrap_or_default());
        }
        let prices = units.iter().map(|unit| price(row, *unit));
        cells.extend(prices.map(|price| price.map(dollars).unwrap_or_default()));
        cells.push(row.source.clone());
        line(page, &cells);
    }
}

fn write_ceilings(page: &mut String, about: &About) {
    let rows = about.ceilings.rows();
    if rows.is_empty() {
        return;
    }
    _ = write!(page, "\n{}\n", about.ceilings.note);
    table(
        page,
        &[
            "models",
            "for",
            "most input",
            "an image in",
            "most output",
            "reports",
            "source",
        ],
    );
    for row in rows {
        let names: Vec<_> = row.models.iter().map(|name| format!("`{name}`")).collect();
        let tokens = |count| match count {
            0 => String::new(),
            count => grouped(count),
        };
        line(
            page,
            &[
                names.join(", "),
                row.kind.to_string(),
                tokens(row.input),
                tokens(row.image),
                tokens(row.output),
                reports(row),
                row.source.clone(),
            ],
        );
    }
}

/// What its answers report, where that is less than others of its kind do.
fn reports(row: &Ceiling) -> String {
    let units = row.reports.iter().map(|unit| heading(*unit));
    units.collect::<Vec<_>>().join(", ")
}

fn price(row: &Price, wanted: Unit) -> Option<MicroUsd> {
    let mut units = row.units();
    units
        .find(|(unit, _)| *unit == wanted)
        .map(|(_, price)| price)
}

fn table(page: &mut String, columns: &[&str]) {
    let rule = "---|".repeat(columns.len());
    _ = write!(page, "\n| {} |\n|{rule}\n", columns.join(" | "));
}

fn line(page: &mut String, cells: &[String]) {
    let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    _ = writeln!(page, "| {} |", cells.join(" | "));
}

fn heading(unit: Unit) -> &'static str {
    match unit {
        Unit::InputTokens => "input",
        Unit::CachedTokens => "cached",
        Unit::CacheWriteTokens => "cache write",
        Unit::OutputTokens => "output",
        Unit::ReasoningTokens => "reasoning",
        Unit::Characters => "characters",
        Unit::Images => "image",
        Unit::Seconds => "second",
        Unit::Transactions => "transaction",
        Unit::CreditsMilli => "credit",
    }
}

/// `12.50`, `0.0001`: at least two places, and no more than it needs.
fn dollars(amount: MicroUsd) -> String {
    let text = format!("{}.{:06}", amount.0 / 1_000_000, amount.0 % 1_000_000);
    let needed = text.trim_end_matches('0').len();
    let cents = text.len() - 4;
    text[..needed.max(cents)].to_owned()
}

/// `1,050,000`.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

const HEAD: &str = "# Prices and ceilings

Made from the data files by a test. Prices are in US dollars: for a million tokens or characters, and
for one image, second, transaction or credit. A price holds from its day on, until a later one of the
same model. Ceilings are in tokens; a call that does not say how much it wants at most is taken to
want that. [Prices](../concepts/prices.md) tells how a cost comes about and how to bring a table of
one's own.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_as_people_write_them() {
        for (micro, text) in [
            (25_000_000, "25.00"),
            (12_500_000, "12.50"),
            (100, "0.0001"),
            (75_000, "0.075"),
            (0, "0.00"),
        ] {
            assert_eq!(dollars(MicroUsd(micro)), text);
        }
        for (count, text) in [(7, "7"), (1_000, "1,000"), (1_050_000, "1,050,000")] {
            assert_eq!(grouped(count), text);
        }
    }
}
