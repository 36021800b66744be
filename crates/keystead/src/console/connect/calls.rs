//! The latest calls with a key, as whose key it is sees them: when, of which application and model, how it
//! ended, about what it cost. What was said in them is nowhere.

use std::collections::BTreeMap;

use crate::{
    connect::{Holder, KeyGrantView, OwnKey},
    console::{
        Console, Refused,
        numbers::{count, money},
        time::When,
    },
    ids::ApplicationId,
    store::AttemptEnd,
};

/// How many of them are shown.
const CALLS: u16 = 20;

/// One of the latest calls.
pub(super) struct Call {
    pub(super) at: When,
    pub(super) application: String,
    pub(super) model: String,
    pub(super) tag: &'static str,
    pub(super) ended: String,
    pub(super) used: String,
    pub(super) cost: String,
}

impl Call {
    /// Those with a key, the newest first.
    pub(super) async fn latest(
        console: &Console,
        holder: &Holder,
        key: &OwnKey,
    ) -> Result<Vec<Self>, Refused> {
        let now = console.store().clock().now();
        let named = |grant: &KeyGrantView| (grant.application, grant.application_name.clone());
        let names: BTreeMap<ApplicationId, String> = key.grants.iter().map(named).collect();
        let recent = console.connect().recent_calls(holder, key.id, CALLS);
        let shown = recent.await?.into_iter().map(|call| Self {
            at: When { at: call.at.0, now },
            application: names.get(&call.application_id).cloned().unwrap_or_default(),
            model: call.model.unwrap_or_else(|| "–".to_owned()),
            tag: match call.end {
                AttemptEnd::Answered => "ok",
                AttemptEnd::Refused => "warn",
                AttemptEnd::ProviderFailed => "bad",
                AttemptEnd::Cut => "off",
            },
            ended: call.outcome.replace('_', " "),
            used: used_words(&[
                (call.input_tokens, "tokens in"),
                (call.output_tokens, "tokens out"),
                (call.characters, "characters"),
                (call.images, "images"),
            ]),
            cost: call
                .cost_usd
                .map_or_else(|| "no price".to_owned(), |cost| money(cost.micro)),
        });
        Ok(shown.collect())
    }
}

fn used_words(amounts: &[(Option<u64>, &str)]) -> String {
    let words: Vec<String> = amounts
        .iter()
        .filter_map(|(amount, unit)| Some(format!("{} {unit}", count((*amount)?))))
        .collect();
    words.join(", ")
}
