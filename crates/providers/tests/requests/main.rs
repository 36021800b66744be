//! How requests are read: against models of what they say, and under every chunking.

mod anthropic;
mod form;
mod json;
mod lists;
mod multipart;
mod query;

use keystead_providers::{Operation, by_name};

fn operation(provider: &str, name: &str) -> &'static Operation {
    let about = by_name(provider).expect(provider).about();
    about.operation(name).expect(name)
}
