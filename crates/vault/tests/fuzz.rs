//! The fuzz targets of `fuzz/`, ten seconds each, on stable Rust.

#[path = "../../../fuzz/src/mutate.rs"]
#[expect(
    unreachable_pub,
    reason = "the same file is a module of the fuzz library"
)]
mod mutate;
#[path = "../../../fuzz/src/record.rs"]
#[expect(
    unreachable_pub,
    reason = "the same file is a module of the fuzz library"
)]
mod record;
#[path = "../../../fuzz/src/token.rs"]
#[expect(
    unreachable_pub,
    reason = "the same file is a module of the fuzz library"
)]
mod token;

use std::time::Duration;

use mutate::mutate_for;

#[test]
fn no_change_to_a_record_opens_or_panics() {
    let seeds = record::seeds();
    let runs = mutate_for(TIME, &seeds, |data| {
        assert_eq!(record::opens(data), seeds.iter().any(|seed| seed == data));
    });
    assert!(runs > 1_000, "{runs} inputs are too few to mean anything");
}

#[test]
fn no_change_to_a_token_divides_its_readers() {
    let runs = mutate_for(TIME, &token::seeds(), token::both_readers_agree);
    assert!(runs > 1_000, "{runs} inputs are too few to mean anything");
}

const TIME: Duration = Duration::from_secs(10);
