//! What is found of budgets.

use super::{AlertKind, Finding};
use crate::limits::{CounterName, Holder};

/// The finding that a budget is used up, once in its day or month. None for an end user's own: what one
/// person used is no business of the operator's.
pub fn used_up(name: &CounterName) -> Option<Finding> {
    of(AlertKind::BudgetUsed, name)
}

/// The finding that four fifths of a budget are used, likewise.
pub fn nearly_used(name: &CounterName) -> Option<Finding> {
    of(AlertKind::BudgetNearlyUsed, name)
}

fn of(kind: AlertKind, name: &CounterName) -> Option<Finding> {
    let (object, application) = match name.holder {
        Holder::Organization => (name.organization.to_string(), None),
        Holder::Application(id) => (id.to_string(), Some(id)),
        Holder::AddOn(id) => (id.to_string(), None),
        Holder::Key(id) => (id.to_string(), None),
        Holder::Subject(..) | Holder::AddOnSubject(..) => return None,
    };
    let finding = Finding::new(kind, place(name), &object);
    let finding = finding.within(name.organization).about(application);
    Some(finding.once_in(&format!("{}/{}", name.period.word(), name.window.first)))
}

/// A budget's unit and period as one word: an object may have several.
fn place(name: &CounterName) -> &'static str {
    use crate::limits::{Period::*, Unit::*};

    match (name.unit, name.period) {
        (Requests, Day) => "requests_a_day",
        (Requests, Month) => "requests_a_month",
        (Tokens, Day) => "tokens_a_day",
        (Tokens, Month) => "tokens_a_month",
        (Characters, Day) => "characters_a_day",
        (Characters, Month) => "characters_a_month",
        (Images, Day) => "images_a_day",
        (Images, Month) => "images_a_month",
        (Credits, Day) => "credits_a_day",
        (Credits, Month) => "credits_a_month",
        (Money, Day) => "money_a_day",
        (Money, Month) => "money_a_month",
    }
}
