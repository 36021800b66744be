use super::*;

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
model = "*"
since = "2026-01-01"
source = "c"
credit = "0.01"
image = "2"
"#;

fn cost(model: &str, usage: Usage, month: u8) -> Option<u64> {
    let list = PriceList::parse(LIST).unwrap();
    list.cost(Some(model), &usage, Day::new(2026, month, 2))
        .map(|cost| cost.0)
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
    for (model, usage, month, expected) in [
        ("small", tokens(100, 0, 0), 2, Some(300)),
        ("small", tokens(101, 0, 0), 2, Some(606)),
        ("small", tokens(1_000, 400, 10), 2, Some(3_600 + 200 + 300)),
        ("small", tokens(1_000, 0, 0), 7, Some(1_000)),
        ("small-20260101", tokens(1_000, 0, 0), 7, Some(1_000)),
        ("small-2026-01-01", tokens(1_000, 0, 0), 7, Some(1_000)),
        ("small-latest", tokens(1_000, 0, 0), 7, Some(1_000)),
        ("small-2", tokens(1_000, 0, 0), 7, None),
        ("other", tokens(1, 0, 0), 2, None),
    ] {
        assert_eq!(
            cost(model, usage, month),
            expected,
            "{model} in month {month}: {usage:?}"
        );
    }
}

#[test]
fn what_has_no_price_is_unknown_and_not_free() {
    let seconds = Usage {
        seconds: Some(3),
        ..Usage::default()
    };
    assert_eq!(cost("small", seconds, 2), None);
    assert_eq!(cost("small", Usage::default(), 2), Some(0));
}

#[test]
fn credits_are_thousandths_and_pay_for_the_image() {
    let usage = Usage {
        credits_milli: Some(6_500),
        images: Some(1),
        ..Usage::default()
    };
    assert_eq!(cost("any", usage, 2), Some(65_000));
    let usage = Usage {
        images: Some(2),
        ..Usage::default()
    };
    assert_eq!(cost("any", usage, 2), Some(4_000_000));
}

#[test]
fn amounts_are_exact_and_round_half_up() {
    let usage = |output| Usage {
        output_tokens: Some(output),
        ..Usage::default()
    };
    assert_eq!(cost("small", usage(1), 7), Some(1));
    let list = PriceList::parse(&LIST.replace("\"15\"", "\"0.5\"")).unwrap();
    let day = Day::new(2026, 2, 2);
    assert_eq!(list.cost(Some("small"), &usage(1), day), Some(MicroUsd(1)));
    assert_eq!(MicroUsd(1_234_567).to_string(), "1.234567 USD");
    assert!(PriceList::parse(&LIST.replace("\"15\"", "\"1.0000001\"")).is_err());
}
