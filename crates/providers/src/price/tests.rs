use proptest::prelude::*;

use super::*;
use crate::Usage;

const LIST: &str = r#"
note = "for the test"
[[prices]]
model = "small"
since = "2026-01-01"
source = "a"
up_to_input = 100
input = "3"
output = "15"
[[prices]]
model = "small"
since = "2026-01-01"
source = "a"
input = "6"
cached = "0.5"
output = "30"
[[prices]]
model = "small"
since = "2026-06-01"
source = "b"
input = "1"
output = "1"
[[prices]]
model = "large"
since = "2026-01-01"
source = "b"
input = "2"
output = "40"
[[prices]]
model = "spoken"
since = "2026-01-01"
source = "b"
characters = "30"
"#;

/// For every call without a row of its own.
const CREDITS: &str = r#"
[[prices]]
model = "*"
since = "2026-01-01"
credit = "0.01"
image = "2"
"#;

fn list(text: &str) -> PriceList {
    PriceList::parse(text).unwrap()
}

fn day(month: u8) -> Day {
    Day::new(2026, month, 2).unwrap()
}

fn cost(prices: &Prices, model: &str, usage: Usage, month: u8) -> (Option<u64>, bool) {
    let cost = prices.cost(Some(model), &usage, day(month));
    (cost.micro_usd, cost.is_priced)
}

fn tokens(input: u64, cached: u64, output: u64) -> Usage {
    Usage {
        input_tokens: Some(input),
        cached_tokens: Some(cached),
        output_tokens: Some(output),
        ..Usage::default()
    }
}

#[test]
fn a_row_is_chosen_by_model_day_and_length_of_prompt() {
    let prices = Prices::new(&list(LIST), None);
    for (model, usage, month, expected) in [
        ("small", tokens(100, 0, 0), 2, 300),
        ("small", tokens(101, 0, 0), 2, 606),
        ("small", tokens(1_000, 400, 10), 2, 3_600 + 200 + 300),
        ("small", tokens(1_000, 0, 0), 7, 1_000),
        ("small-20260101", tokens(1_000, 0, 0), 7, 1_000),
        ("small-2026-01-01", tokens(1_000, 0, 0), 7, 1_000),
        ("small-latest", tokens(1_000, 0, 0), 7, 1_000),
    ] {
        let found = cost(&prices, model, usage, month);
        assert_eq!(
            found,
            (Some(expected), true),
            "{model} in {month}: {usage:?}"
        );
    }
}

#[test]
fn a_model_without_a_price_costs_the_dearest_of_each_unit() {
    let prices = Prices::new(&list(LIST), None);
    let spoken = Usage {
        characters: Some(1_000),
        ..Usage::default()
    };
    for (model, usage, month, expected) in [
        // Input of `small`, output of `large`; in July the input of `large` is the dearer.
        ("other", tokens(1_000, 0, 10), 2, Some(6_000 + 400)),
        ("other", tokens(1_000, 0, 10), 7, Some(2_000 + 400)),
        // The row for short prompts does not hold for long ones, nor the other way round.
        ("other", tokens(100, 0, 10), 2, Some(300 + 400)),
        // Cached input at the dearest of cached prices, which may be that of input.
        ("other", tokens(1_000, 1_000, 0), 2, Some(2_000)),
        // What a model has a price for costs that; the rest is the dearest.
        ("large", spoken, 2, Some(30_000)),
        ("small-2", tokens(1_000, 0, 0), 2, Some(6_000)),
        ("other", spoken, 2, Some(30_000)),
    ] {
        let found = cost(&prices, model, usage, month);
        assert_eq!(found, (expected, false), "{model} in {month}: {usage:?}");
    }
    let unnamed = prices.cost(None, &tokens(1_000, 0, 10), day(2));
    assert_eq!((unnamed.micro_usd, unnamed.is_priced), (Some(6_400), false));
}

#[test]
fn what_no_model_has_a_price_for_is_unknown_and_not_free() {
    let prices = Prices::new(&list(LIST), None);
    let seconds = Usage {
        seconds: Some(3),
        ..tokens(1, 0, 0)
    };
    assert_eq!(
        cost(&prices, "spoken", seconds, 2),
        (Some(3), false),
        "tokens are billed"
    );
    let seconds = Usage {
        seconds: Some(3),
        ..Usage::default()
    };
    assert_eq!(cost(&prices, "small", seconds, 2), (None, false));
    let before = Day::new(2025, 12, 31).unwrap();
    let early = prices.cost(Some("small"), &tokens(1, 0, 0), before);
    assert_eq!((early.micro_usd, early.is_priced), (None, false));
    assert_eq!(cost(&prices, "small", Usage::default(), 2), (Some(0), true));
    let zero = Usage {
        seconds: Some(0),
        ..Usage::default()
    };
    assert_eq!(cost(&prices, "small", zero, 2), (Some(0), true));
    let nobody = Prices::new(&PriceList::default(), None);
    assert_eq!(cost(&nobody, "small", tokens(1, 0, 0), 2), (None, false));
}

#[test]
fn a_deployments_own_table_overrides_one_model_and_leaves_the_rest() {
    let own = list(
        r#"
        [[prices]]
        model = "small"
        since = "2026-03-01"
        up_to_input = 500
        input = "0.25"
        output = "2"
        [[prices]]
        model = "new"
        input = "100"
        output = "1"
        "#,
    );
    let prices = Prices::new(&list(LIST), Some(own));
    for (model, usage, month, expected) in [
        ("small", tokens(101, 0, 0), 2, (Some(606), true)),
        ("small", tokens(400, 0, 10), 4, (Some(100 + 20), true)),
        ("small", tokens(400, 0, 10), 7, (Some(100 + 20), true)),
        ("large", tokens(1_000, 0, 10), 4, (Some(2_000 + 400), true)),
        ("new", tokens(1_000, 0, 10), 1, (Some(100_000 + 10), true)),
        // What the own table leaves open is not taken from the built-in one.
        ("small", tokens(1_000, 0, 0), 4, (Some(100_000), false)),
        (
            "other",
            tokens(1_000, 0, 10),
            4,
            (Some(100_000 + 400), false),
        ),
    ] {
        let found = cost(&prices, model, usage, month);
        assert_eq!(found, expected, "{model} in {month}: {usage:?}");
    }
}

#[test]
fn the_row_for_all_prices_what_has_no_row_of_its_own() {
    let prices = Prices::new(&list(CREDITS), Some(list(LIST)));
    let usage = Usage {
        credits_milli: Some(6_500),
        images: Some(1),
        ..Usage::default()
    };
    assert_eq!(cost(&prices, "any", usage, 2), (Some(65_000), true));
    let usage = Usage {
        images: Some(2),
        ..Usage::default()
    };
    assert_eq!(cost(&prices, "any", usage, 2), (Some(4_000_000), true));
    assert_eq!(cost(&prices, "small", usage, 2), (Some(4_000_000), false));
    let dated = list(
        "[[prices]]\nmodel = \"m\"\ninput = \"5\"\n[[prices]]\nmodel = \"m-20260101\"\ninput = \"7\"",
    );
    let prices = Prices::new(&dated, None);
    for (model, expected) in [("m-20260101", 7), ("m-20260202", 5), ("m", 5)] {
        assert_eq!(
            cost(&prices, model, tokens(1, 0, 0), 2),
            (Some(expected), true),
            "{model}"
        );
    }
}

#[test]
fn what_costs_something_is_never_nothing() {
    let cheap = list("[[prices]]\nmodel = \"*\"\ninput = \"0.02\"\noutput = \"0.5\"");
    let prices = Prices::new(&cheap, None);
    for (usage, expected) in [
        (tokens(1, 0, 0), 1),
        (tokens(50, 0, 0), 1),
        (tokens(51, 0, 0), 2),
        (tokens(25, 0, 1), 1),
        (tokens(0, 0, 0), 0),
    ] {
        assert_eq!(
            cost(&prices, "m", usage, 2),
            (Some(expected), true),
            "{usage:?}"
        );
    }
}

#[test]
fn a_table_says_which_line_is_wrong() {
    for (table, line, reason) in [
        ("note = 1", 1, "invalid type"),
        (
            "note = \"\"\n[[prices]]\nmodel = \"m\"\ninptu = \"1\"",
            4,
            "unknown field `inptu`",
        ),
        (
            "[[prices]]\nmodel = \"m\"\ninput = \"1.0000001\"",
            3,
            "is not an amount",
        ),
        ("[[prices]]\nmodel = \"m\"\ninput = 2.5", 3, "invalid type"),
        (
            "[[prices]]\nmodel = \"m\"\nsince = \"2026-02-30\"",
            3,
            "is not a day",
        ),
        ("\n\n[[prices]]\nmodel = \"m\"", 3, "`m` has no price"),
        (
            "[[prices]]\nmodel = \"\"\ninput = \"1\"",
            1,
            "`model` is empty",
        ),
        ("[[prices]]\ninput = \"1\"", 1, "missing field `model`"),
        (
            "[[prices]]\nmodel = \"m\"\ninput = \"1\"\n[[prices]]\nmodel = \"m\"\ninput = \"2\"",
            4,
            "`m` has two prices",
        ),
        ("[[prices]\n", 1, ""),
    ] {
        let error = PriceList::parse(table).unwrap_err();
        assert_eq!(error.line, line, "{table}: {error}");
        assert!(error.reason.contains(reason), "{table}: {error}");
        assert!(!error.reason.contains('\n'), "{error}");
    }
}

proptest! {
    /// A model without a price is never cheaper than one with a price.
    #[test]
    fn unknown_is_never_cheaper(input in 0..2_000_u64, output in 0..2_000_u64, month in 1..=12_u8) {
        let prices = Prices::new(&list(LIST), None);
        let usage = tokens(input, 0, output);
        let unknown = prices.cost(Some("nobody's"), &usage, day(month)).micro_usd;
        for model in ["small", "large"] {
            prop_assert!(prices.cost(Some(model), &usage, day(month)).micro_usd <= unknown);
        }
    }

    #[test]
    fn nothing_runs_over(counts in prop::collection::vec(0..=u64::MAX, 3)) {
        let dear = list("[[prices]]\nmodel = \"*\"\ninput = \"18446744073709\"\nimage = \"18446744073709\"");
        let usage = Usage { images: Some(counts[2]), ..tokens(counts[0], counts[1], 0) };
        let cost = Prices::new(&dear, None).cost(None, &usage, day(2));
        prop_assert!(cost.micro_usd.is_some());
    }
}
