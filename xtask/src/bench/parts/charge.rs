//! Charges every instruction to the part of Keystead that it was spent for.
//!
//! An instruction belongs to the innermost function around it whose file has a room: a loop of the
//! standard library that was inlined into the masking counts for the masking. What has no such
//! function (`memcpy`, `malloc`, a hash table that was not inlined) is charged to the places that
//! called it, by what those calls cost, and so on until there is a room.

use std::collections::BTreeMap;

use super::callgrind::{Function, Profile};
use super::origin::Origins;
use super::rooms::room_of;

/// How often costs are handed on; what goes round longer is left over.
const TIMES: usize = 200;

/// Who pays.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Payer<'a> {
    pub(super) room: &'static str,
    pub(super) function: &'a str,
    pub(super) file: &'a str,
}

/// What was charged.
#[derive(Debug, Default)]
pub(super) struct Bill<'a> {
    pub(super) charged: BTreeMap<Payer<'a>, f64>,
    /// By the name of the function that nobody with a room called.
    pub(super) left_over: BTreeMap<&'a str, f64>,
}

/// A place that called: one with a room, or another function without.
#[derive(Clone, Copy, Debug)]
enum Caller<'a> {
    Pays(Payer<'a>),
    HandsOn(usize),
}

/// `is_known` says of which programs and libraries `origins` tell.
pub(super) fn charge<'a>(
    profile: &'a Profile,
    origins: &'a Origins,
    is_known: impl Fn(&Function) -> bool,
) -> Bill<'a> {
    let functions = &profile.functions;
    let payer = |function: &Function, at| match is_known(function) {
        true => origins.frames(at).iter().find_map(|frame| {
            let room = room_of(&frame.file)?;
            Some(Payer {
                room,
                function: &frame.function,
                file: &frame.file,
            })
        }),
        false => None,
    };
    let mut bill = Bill::default();
    let mut open = vec![0.0; functions.len()];
    let mut callers: Vec<Vec<(Caller<'_>, f64)>> = vec![Vec::new(); functions.len()];
    for (place, function) in functions.iter().enumerate() {
        for &(at, cost) in &function.costs {
            match payer(function, at) {
                Some(payer) => *bill.charged.entry(payer).or_default() += precise(cost),
                None => open[place] += precise(cost),
            }
        }
        // Who calls itself hands nothing on by that.
        for call in function.calls.iter().filter(|call| call.to != place) {
            let caller = payer(function, call.at).map_or(Caller::HandsOn(place), Caller::Pays);
            callers[call.to].push((caller, precise(call.cost)));
        }
    }
    for _ in 0..TIMES {
        let now = std::mem::replace(&mut open, vec![0.0; functions.len()]);
        for (place, cost) in now.into_iter().enumerate().filter(|(_, cost)| *cost > 0.0) {
            let of_all: f64 = callers[place].iter().map(|(_, weight)| weight).sum();
            if of_all <= 0.0 {
                *bill.left_over.entry(&functions[place].name).or_default() += cost;
                continue;
            }
            for (caller, weight) in &callers[place] {
                let part = cost * weight / of_all;
                match *caller {
                    Caller::Pays(payer) => *bill.charged.entry(payer).or_default() += part,
                    Caller::HandsOn(caller) => open[caller] += part,
                }
            }
        }
    }
    for (function, cost) in functions.iter().zip(open).filter(|(_, cost)| *cost > 0.0) {
        *bill.left_over.entry(&function.name).or_default() += cost;
    }
    bill
}

/// Exact up to 2^53 instructions.
#[expect(
    clippy::cast_precision_loss,
    reason = "a run is far below 2^53 instructions"
)]
pub(super) fn precise(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGINS: &str = "0x10\nmask\n/k/crates/keystead/src/proxy/mask.rs:1\n\
        0x11\ncore::iter\n/rustc/1/library/core/iter.rs:1\n\
        mask\n/k/crates/keystead/src/proxy/mask.rs:2\n\
        serve\n/k/hyper-1.0.0/src/lib.rs:5\n\
        0x12\nserve\n/k/hyper-1.0.0/src/lib.rs:6\n\
        0x20\nalloc::grow\n/rustc/1/library/alloc/vec.rs:1\n\
        0x21\nalloc::grow\n/rustc/1/library/alloc/vec.rs:2\n";

    /// `serve` with the masking in it calls `grow` three times as dearly as the masking does, and
    /// `grow` calls `malloc` and itself.
    const DUMP: &str = "ob=(1) /k/keystead\nfn=(1) serve\n0x10 100\n0x11 20\n0x12 8\n\
        cfn=(2) grow\ncalls=1 0x20\n0x11 10\ncalls=1 0x20\n0x12 30\n\
        fn=(2)\n0x20 16\ncfn=(2)\ncalls=1 0x20\n0x21 5\ncob=(2) /lib/libc.so\n\
        cfn=(3) malloc\ncalls=2 0x10\n0x21 24\n\
        ob=(2)\nfn=(3)\n0x10 24\nfn=(4) start\n0x90 3\n";

    #[test]
    fn what_has_no_room_is_charged_to_its_callers() {
        let (profile, origins) = (Profile::parse(DUMP), Origins::parse(ORIGINS));

        let bill = charge(&profile, &origins, |function| {
            function.object == "/k/keystead"
        });

        let paid: Vec<_> = bill
            .charged
            .iter()
            .map(|(payer, cost)| (payer.function, *cost))
            .collect();
        // 16 of `grow` and 24 of `malloc`, a quarter of each to the masking.
        assert_eq!(paid, [("serve", 8.0 + 30.0), ("mask", 120.0 + 10.0)]);
        assert_eq!(bill.left_over, BTreeMap::from([("start", 3.0)]));
        let all = bill.charged.values().chain(bill.left_over.values());
        assert!((all.sum::<f64>() - 171.0).abs() < 1e-6);
    }
}
