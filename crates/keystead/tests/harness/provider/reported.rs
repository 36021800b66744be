//! What an answer of the stand-in reports, read from the bytes that were sent: for the books.
//!
//! Written apart from the program's own readers, and simpler: it has all of the answer at once.

use serde_json::Value;

use super::Exchange;

/// The units that providers report, by their names in the ledger.
pub(crate) const UNITS: [&str; 7] = [
    "input_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "characters",
    "seconds",
];

/// What one answer says was used.
#[derive(Debug)]
pub(crate) struct Reported {
    pub(crate) service: &'static str,
    /// In the order of [`UNITS`].
    pub(crate) units: [u64; 7],
    /// What it is the usage of, if that can be fetched again.
    pub(crate) object: Option<String>,
    /// Whether all of it was sent.
    pub(crate) is_whole: bool,
}

impl Reported {
    /// None where nothing was reported.
    pub(super) fn by(exchange: &Exchange) -> Option<Self> {
        let sent = exchange.sent();
        if !(200..300).contains(&sent.status) {
            return None;
        }
        let text = String::from_utf8_lossy(&sent.body);
        let parts: Vec<Value> = if sent.is_stream {
            let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
            data.filter_map(|data| serde_json::from_str(data).ok())
                .collect()
        } else {
            serde_json::from_str(&text).into_iter().collect()
        };
        let mut reported = Self {
            service: exchange.service,
            units: [0; 7],
            object: None,
            is_whole: sent.is_whole,
        };
        for part in &parts {
            reported.read(part);
        }
        // Speech is paid by what is to be spoken.
        if exchange.path.ends_with("/audio/speech") {
            let input = exchange.json();
            let characters = input["input"].as_str().map(|text| text.chars().count());
            reported.set(5, characters.map(|count| count as u64));
        }
        if exchange.path.starts_with("/v2/document/") {
            reported.object = Some(exchange.path.clone());
        }
        (reported.units != [0; 7]).then_some(reported)
    }

    /// Takes in one event, or the whole body. A later report takes the place of an earlier one.
    fn read(&mut self, part: &Value) {
        for holder in [part, &part["response"], &part["message"]] {
            if let Some(id) = holder["id"].as_str().filter(|id| id.starts_with("resp_")) {
                self.object = Some(id.to_owned());
            }
            self.tokens(&holder["usage"]);
        }
        let texts = part["translations"].as_array().into_iter().flatten();
        let characters: u64 = texts
            .filter_map(|text| count(&text["billed_characters"]))
            .sum();
        let document = count(&part["billed_characters"]);
        self.set(5, document.or((characters > 0).then_some(characters)));
    }

    fn tokens(&mut self, usage: &Value) {
        let first = |names: [&str; 2]| names.iter().find_map(|name| count(&usage[*name]));
        let detail = |of: [&str; 2], name: &str| of.iter().find_map(|of| count(&usage[*of][name]));
        let asked = ["prompt_tokens_details", "input_tokens_details"];
        let told = ["completion_tokens_details", "output_tokens_details"];
        // Anthropic counts what its cache gave or took beside the input, the others within it.
        let (read, written) = (
            count(&usage["cache_read_input_tokens"]),
            count(&usage["cache_creation_input_tokens"]),
        );
        let input = first(["prompt_tokens", "input_tokens"])
            .map(|input| input + read.unwrap_or(0) + written.unwrap_or(0));
        self.set(0, input);
        self.set(1, read.or(detail(asked, "cached_tokens")));
        self.set(2, written);
        self.set(3, first(["completion_tokens", "output_tokens"]));
        self.set(4, detail(told, "reasoning_tokens"));
        self.set(6, count(&usage["seconds"]));
    }

    fn set(&mut self, place: usize, count: Option<u64>) {
        if let Some(count) = count {
            self.units[place] = count;
        }
    }
}

/// A number that can be one of units used; more than anybody can use is cut.
fn count(value: &Value) -> Option<u64> {
    const MOST: f64 = 1e12;

    let number = value.as_f64().filter(|number| *number >= 0.0)?;
    value
        .as_u64()
        .filter(|_| number <= MOST)
        .or((number > MOST).then_some(1_000_000_000_000))
}
