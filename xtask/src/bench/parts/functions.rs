//! The functions that cost the most, for whoever wants to make a call cheaper.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::callgrind::{Function, Profile};
use super::charge::{Bill, precise};
use super::origin::Origins;

const MOST: usize = 60;

/// Lists: what is charged to a function; what one of ours cost with everything it called; what each
/// took itself, as it lies in the program; what is left over.
pub(super) fn list(
    profile: &Profile,
    origins: &Origins,
    bill: &Bill<'_>,
    is_known: impl Fn(&Function) -> bool,
    calls: f64,
) -> String {
    let charged = bill.charged.iter();
    let charged = charged.map(|(payer, cost)| {
        let name = named(payer.function, payer.file);
        (format!("{name} | {}", payer.room), *cost)
    });
    let mut whole: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    let mut bare: BTreeMap<&str, f64> = BTreeMap::new();
    for function in &profile.functions {
        let calls = function.calls.iter().map(|call| (call.at, call.cost));
        for (at, cost) in function.costs.iter().copied().chain(calls) {
            let frames = match is_known(function) {
                true => origins.frames(at),
                false => &[],
            };
            let ours = frames.iter().filter(|frame| frame.file.contains("crates/"));
            let ours: BTreeSet<_> = ours.map(|frame| (&*frame.function, &*frame.file)).collect();
            for name in ours {
                *whole.entry(name).or_default() += precise(cost);
            }
        }
        let own = function.costs.iter().map(|(_, cost)| precise(*cost));
        *bare.entry(&function.name).or_default() += own.sum::<f64>();
    }
    let whole = whole
        .into_iter()
        .map(|((name, file), cost)| (named(name, file), cost));
    let bare = bare.into_iter().map(|(name, cost)| (name.to_owned(), cost));
    let left = bill
        .left_over
        .iter()
        .map(|(name, cost)| ((*name).to_owned(), *cost));
    [
        ("Charged, by function | its part", top(charged, calls)),
        ("Ours, with everything they called", top(whole, calls)),
        (
            "As they lie in the program, without what they called",
            top(bare, calls),
        ),
        ("Left over", top(left, calls)),
    ]
    .map(|(title, list)| format!("## {title}\n\n{list}\n"))
    .concat()
}

/// A function that was put into another has no path, so its file's end stands beside its name.
fn named(function: &str, file: &str) -> String {
    let parts: Vec<_> = file.rsplit('/').take(3).collect();
    let [name, folder, before] = parts[..] else {
        return format!("{function} ({file})");
    };
    format!("{function} ({before}/{folder}/{name})")
}

fn top(costs: impl Iterator<Item = (String, f64)>, calls: f64) -> String {
    let mut costs: Vec<_> = costs.collect();
    costs.sort_by(|one, other| other.1.total_cmp(&one.1));
    let mut text = String::from("| instructions a call | |\n|---|---|\n");
    for (name, cost) in costs.iter().take(MOST) {
        let _ = writeln!(text, "| {:.0} | {name} |", cost / calls);
    }
    text
}
