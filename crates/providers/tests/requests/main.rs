//! How requests are read: against models of what they say, and under every chunking.

mod anthropic;
mod form;
mod json;
mod lists;
mod multipart;
mod openai;
mod query;

use keystead_providers::{Facts, Operation, by_name};

fn operation(provider: &str, name: &str) -> &'static Operation {
    let about = by_name(provider).expect(provider).about();
    about.operation(name).expect(name)
}

/// The features that a request uses.
fn features(facts: &Facts) -> Vec<&'static str> {
    facts.gated.iter().map(|gated| gated.feature).collect()
}

/// The objects that it fetches: kind and id.
fn fetches(facts: &Facts) -> Vec<(&'static str, &str)> {
    let objects = facts.fetches.iter();
    objects.map(|object| (object.kind, &*object.id)).collect()
}
