//! What calls cost by the tables that are part of the program.

use keystead_providers::{ALL, Access, Cost, Day, Facts, MicroUsd, Prices, Usage, by_name};

fn cost(provider: &str, model: Option<&str>, usage: &Usage) -> Cost {
    let prices = Prices::new(&by_name(provider).expect(provider).about().prices, None);
    prices.cost(model, usage, Day::new(2026, 11, 20).expect("a day"))
}

#[test]
fn the_documented_example_is_what_comes_out() {
    let page = include_str!("../../../../docs/concepts/prices.md");
    let usage = Usage {
        input_tokens: Some(12_000),
        cached_tokens: Some(8_000),
        output_tokens: Some(600),
        ..Usage::default()
    };
    let priced = cost("openai", Some("gpt-6-luna"), &usage);
    assert_eq!((priced.micro_usd, priced.is_priced), (Some(780), true));
    assert!(page.contains("| together | | | 0.000780 |"));
    let unknown = cost("openai", Some("gpt-7-nova"), &usage);
    let unknown = (unknown.micro_usd.map(MicroUsd).unwrap(), unknown.is_priced);
    assert!(
        !unknown.1 && page.contains(&unknown.0.to_string()),
        "{unknown:?}"
    );
}

/// So that a budget in money can hold for everything that is metered.
#[test]
fn what_a_call_may_use_has_a_price_wherever_a_provider_has_any() {
    for provider in ALL {
        let about = provider.about();
        let metered = about.operations.iter();
        for operation in metered.filter(|operation| operation.access != Access::Denied) {
            for stream in [false, true] {
                let facts = Facts {
                    stream,
                    ..Facts::default()
                };
                let reserved = operation.reservation(&facts, None, 1_000);
                let cost = cost(about.name, None, &reserved);
                let has_table = !about.prices.rows().is_empty() || reserved.is_empty();
                let name = operation.name;
                assert_eq!(
                    cost.micro_usd.is_some(),
                    has_table,
                    "{}: {name}",
                    about.name
                );
            }
        }
    }
}
