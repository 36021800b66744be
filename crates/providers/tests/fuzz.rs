//! The fuzz targets of `fuzz/`, ten seconds each, on stable Rust.

#[path = "../../../fuzz/src/body.rs"]
#[expect(
    unreachable_pub,
    reason = "the same file is a module of the fuzz library"
)]
mod body;
#[path = "../../../fuzz/src/mutate.rs"]
#[expect(
    unreachable_pub,
    reason = "the same file is a module of the fuzz library"
)]
mod mutate;
#[path = "../../../fuzz/src/task.rs"]
#[expect(
    unreachable_pub,
    reason = "the same file is a module of the fuzz library"
)]
mod task;
#[path = "../../../fuzz/src/usage.rs"]
#[expect(
    unreachable_pub,
    reason = "the same file is a module of the fuzz library"
)]
mod usage;

use std::time::Duration;

use keystead_providers::ALL;
use mutate::mutate_for;

const TIME: Duration = Duration::from_secs(10);

fn usage_is_the_same_in_pieces(provider: &str) {
    let runs = mutate_for(TIME, &usage::seeds(provider), |data| {
        usage::same_in_pieces(provider, data);
    });
    assert!(runs > 1_000, "{runs} inputs are too few to mean anything");
}

#[test]
fn openai() {
    usage_is_the_same_in_pieces("openai");
}

#[test]
fn azure_openai() {
    usage_is_the_same_in_pieces("azure-openai");
}

#[test]
fn azure_vision() {
    usage_is_the_same_in_pieces("azure-vision");
}

#[test]
fn deepl() {
    usage_is_the_same_in_pieces("deepl");
}

#[test]
fn stability() {
    usage_is_the_same_in_pieces("stability");
}

#[test]
fn anthropic() {
    usage_is_the_same_in_pieces("anthropic");
}

#[test]
fn no_provider_is_left_out() {
    for provider in ALL {
        assert!(!usage::seeds(provider.about().name).is_empty());
    }
}

#[test]
fn json_bodies_agree_with_the_model() {
    let runs = mutate_for(TIME, &body::json_seeds(), body::agrees_with_the_model);
    assert!(runs > 1_000, "{runs} inputs are too few to mean anything");
}

#[test]
fn multipart_bodies_are_the_same_in_pieces() {
    let runs = mutate_for(TIME, &body::multipart_seeds(), body::same_parts_in_pieces);
    assert!(runs > 1_000, "{runs} inputs are too few to mean anything");
}

#[test]
fn tasks_become_what_they_mean() {
    let runs = mutate_for(TIME, &task::requests(), task::becomes_what_it_means);
    assert!(runs > 1_000, "{runs} inputs are too few to mean anything");
}

#[test]
fn answers_of_tasks_are_the_same_in_pieces() {
    let runs = mutate_for(TIME, &task::answers(), task::same_in_pieces);
    assert!(runs > 1_000, "{runs} inputs are too few to mean anything");
}
