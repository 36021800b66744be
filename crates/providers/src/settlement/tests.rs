use proptest::prelude::*;

use super::*;

fn usage(counts: &[(Unit, u64)]) -> Usage {
    let mut usage = Usage::default();
    for (unit, count) in counts {
        usage.set(*unit, *count);
    }
    usage
}

use Unit::{
    CacheWriteTokens, CachedTokens, Characters, Images, InputTokens, OutputTokens, ReasoningTokens,
    Seconds,
};

#[test]
fn what_is_reported_counts_and_the_rest_counts_as_reserved() {
    let chat = [(InputTokens, 1_000), (OutputTokens, 500)];
    let whole = [(InputTokens, 400), (CachedTokens, 300), (OutputTokens, 9)];
    for (reported, reserved, settled, is_estimate) in [
        (Some(&whole[..]), &chat[..], &whole[..], false),
        (None, &chat, &chat, true),
        (Some(&[]), &chat, &chat, true),
        (None, &[], &[], false),
        // A stream that was cut behind its start.
        (
            Some(&[(InputTokens, 25), (CachedTokens, 0)]),
            &chat,
            &[(InputTokens, 25), (CachedTokens, 0), (OutputTokens, 500)],
            true,
        ),
        // A zero is a report.
        (
            Some(&[(InputTokens, 0), (OutputTokens, 0)]),
            &chat,
            &[(InputTokens, 0), (OutputTokens, 0)],
            false,
        ),
        // More than was reserved, and nothing that was.
        (
            Some(&[(InputTokens, 3_000), (OutputTokens, 501)]),
            &chat,
            &[(InputTokens, 3_000), (OutputTokens, 501)],
            false,
        ),
        (
            Some(&[(Characters, 50_000)]),
            &[],
            &[(Characters, 50_000)],
            false,
        ),
    ] {
        let found = Usage::settled(reported.map(usage).as_ref(), &usage(reserved));
        assert_eq!(found, (usage(settled), is_estimate), "{reported:?}");
    }
}

#[test]
fn a_count_that_no_call_could_have_used_moves_nothing() {
    let reserved = usage(&[(InputTokens, 1_000), (OutputTokens, 500)]);
    for (reported, settled) in [
        (
            &[(InputTokens, 1_000_000_000_000), (OutputTokens, 9)][..],
            &[(InputTokens, 1_000), (OutputTokens, 9)][..],
        ),
        (
            &[(InputTokens, 10), (OutputTokens, 204_001)],
            &[(InputTokens, 10), (OutputTokens, 500)],
        ),
        // A part that is more than the whole; it may not make the whole cheaper either.
        (
            &[(InputTokens, 10), (CachedTokens, 11), (OutputTokens, 9)],
            &[(InputTokens, 10), (OutputTokens, 9)],
        ),
        (
            &[
                (InputTokens, 10),
                (CachedTokens, 6),
                (CacheWriteTokens, 5),
                (OutputTokens, 9),
                (ReasoningTokens, 9),
            ],
            &[
                (InputTokens, 10),
                (CachedTokens, 6),
                (OutputTokens, 9),
                (ReasoningTokens, 9),
            ],
        ),
        (
            &[
                (InputTokens, 9_000_000),
                (CachedTokens, 900),
                (OutputTokens, 9),
                (ReasoningTokens, 10),
            ],
            &[(InputTokens, 1_000), (OutputTokens, 9)],
        ),
        // Not reserved, and absurd all the same.
        (
            &[(InputTokens, 10), (OutputTokens, 9), (Images, 101)],
            &[(InputTokens, 10), (OutputTokens, 9)],
        ),
    ] {
        let found = Usage::settled(Some(&usage(reported)), &reserved);
        assert_eq!(found, (usage(settled), true), "{reported:?}");
    }
}

#[test]
fn an_answer_in_one_measure_owes_no_other() {
    let sound = usage(&[(InputTokens, 16_000), (OutputTokens, 2_000), (Seconds, 60)]);
    let drawn = usage(&[(InputTokens, 90), (OutputTokens, 6_800), (Images, 2)]);
    for (reported, reserved, is_estimate) in [
        (&[(Seconds, 9)][..], &sound, false),
        (&[(InputTokens, 14), (OutputTokens, 45)], &sound, false),
        (&[(Images, 2)], &drawn, false),
    ] {
        let reported = usage(reported);
        let found = Usage::settled(Some(&reported), reserved);
        assert_eq!(found, (reported, is_estimate));
    }
    // Tokens were begun on, so the rest of them is owed; and so are the images.
    let found = Usage::settled(Some(&usage(&[(InputTokens, 14)])), &drawn);
    let expected = usage(&[(InputTokens, 14), (OutputTokens, 6_800), (Images, 2)]);
    assert_eq!(found, (expected, true));
}

#[test]
fn tokens_add_up_without_running_over() {
    assert_eq!(
        usage(&[(InputTokens, 3), (CachedTokens, 2), (OutputTokens, 4)]).tokens(),
        7
    );
    assert_eq!(usage(&[(Characters, 3)]).tokens(), 0);
    let most = Usage {
        input_tokens: Some(u64::MAX),
        output_tokens: Some(1),
        ..Usage::default()
    };
    assert_eq!(most.tokens(), u64::MAX);
}

prop_compose! {
    fn any_usage(highest: u64)(
        counts in prop::collection::vec(prop::option::of(0..=highest), Unit::ALL.len()),
    ) -> Usage {
        let mut usage = Usage::default();
        for (unit, count) in Unit::ALL.into_iter().zip(counts) {
            if let Some(count) = count {
                usage.set(unit, count);
            }
        }
        usage
    }
}

/// As the adapters make it: no zeros and no parts.
fn any_reservation() -> impl Strategy<Value = Usage> {
    any_usage(3_000_000).prop_map(|any| {
        let mut reserved = Usage::default();
        for unit in Unit::ALL.into_iter().filter(|unit| !unit.is_part()) {
            if let Some(count) = any.get(unit) {
                reserved.set(unit, count.max(1));
            }
        }
        reserved
    })
}

proptest! {
    #[test]
    fn nothing_reported_is_never_zero(reserved in any_reservation()) {
        let (settled, is_estimate) = Usage::settled(None, &reserved);
        prop_assert_eq!(settled, reserved);
        prop_assert_eq!(is_estimate, !reserved.is_empty());
    }

    #[test]
    fn what_counts_is_never_absurd(
        reported in prop_oneof![any_usage(2_000), any_usage(3_000_000), any_usage(u64::MAX)],
        reserved in any_reservation(),
    ) {
        let (settled, is_estimate) = Usage::settled(Some(&reported), &reserved);
        let (cached, written) = (settled.cached_tokens, settled.cache_write_tokens);
        let parts = cached.unwrap_or(0) + written.unwrap_or(0);
        prop_assert!(parts <= settled.input_tokens.unwrap_or(0));
        prop_assert!(settled.reasoning_tokens <= settled.output_tokens.or(Some(0)));
        for unit in Unit::ALL.into_iter().filter(|unit| !unit.is_part()) {
            let (counts, told, held) =
                (settled.get(unit), reported.get(unit), reserved.get(unit));
            // It is the report, the reservation or nothing; an exact one is the report.
            prop_assert!([told, held, None].contains(&counts), "{:?}", unit);
            prop_assert!(is_estimate || counts == told, "{:?}", unit);
            prop_assert!(counts <= Some(8 * held.unwrap_or(0) + 2_000_000), "{:?}", unit);
        }
    }

    #[test]
    fn settling_again_changes_nothing(reported in any_usage(u64::MAX), reserved in any_reservation()) {
        let (settled, _) = Usage::settled(Some(&reported), &reserved);
        let (again, _) = Usage::settled(Some(&settled), &reserved);
        prop_assert_eq!(again, settled);
    }
}
