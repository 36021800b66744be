//! What is written is read, and what was damaged is told.

use proptest::prelude::*;

use super::*;
use crate::{clock::Clock, store::Units};

fn sample(clock: &Clock, seed: u64) -> UsageRow {
    let some = |bit: u64| (seed >> bit & 1 == 1).then_some(seed.rotate_left(9) >> (seed % 60));
    UsageRow {
        request: RequestId::of(clock.now(), seed, seed),
        attempt: narrow(seed % 3).unwrap(),
        at: clock.now() + std::time::Duration::from_micros(seed % 1_000_000),
        key: (!seed.is_multiple_of(5)).then(|| [7; 16].into()),
        key_version: some(1),
        token: (seed % 7 < 3).then(|| [seed.to_le_bytes()[0]; 16].into()),
        subject: seed
            .is_multiple_of(2)
            .then(|| SubjectHash::from_bytes([seed.to_le_bytes()[1]; 32])),
        provider: "openai",
        operation: ["chat.completions", "embeddings"][usize::from(seed.is_multiple_of(2))],
        model: seed
            .is_multiple_of(3)
            .then(|| format!("model-{}", seed % 4).into()),
        status: (!seed.is_multiple_of(4)).then_some(200),
        outcome: "answered",
        duration_us: seed % 90_000,
        first_byte_us: some(2),
        units: Units {
            input_tokens: some(3),
            cached_tokens: some(7),
            cache_write_tokens: some(8),
            output_tokens: some(4),
            reasoning_tokens: some(9),
            characters: some(10),
            images: some(11),
            seconds: some(12),
            transactions: some(13),
            credits_milli: some(5),
        },
        is_estimated: seed.is_multiple_of(6),
        cost_micro_usd: some(6),
        is_priced: seed.is_multiple_of(10),
        takes_back: seed.is_multiple_of(11),
        ..UsageRow::blank(OrganizationId::new(clock))
    }
}

fn written(rows: &[UsageRow]) -> Vec<u8> {
    let base = rows.iter().map(|row| row.at).min().unwrap_or_default();
    let mut writer = Writer::new(base);
    for row in rows {
        let caller = writer.note(row);
        writer.add(row, &caller);
    }
    writer.page()
}

fn shown(row: &UsageRow<impl std::fmt::Debug>) -> String {
    format!(
        "{row:?}{:?}",
        row.subject.map(|subject| *subject.as_bytes())
    )
}

/// A page as version 1 wrote it, byte by byte.
#[test]
fn a_page_of_the_version_before_is_read() {
    let words = [&[2; 16][..], &[3; 16], &[4; 16], b"openai", b"embeddings"];
    let mut page = vec![1, 0, 0, 0, 0, 0, 0, 0, 9, 6];
    for word in words.into_iter().chain([&b"answered"[..]]) {
        page.push(u8::try_from(word.len()).unwrap());
        page.extend_from_slice(word);
    }
    page.push(1);
    page.extend_from_slice(&[1; 16]);
    page.extend_from_slice(&[1, 0, 0, 1, 3, 0, 0, 3, 4, 0, 5]);
    page.extend_from_slice(&[2, 0xc9, 1, 50, 0, 0b1001, 7, 8]);
    let organization: OrganizationId = [5; 16].into();
    let expected = UsageRow {
        request: RequestId::from_bytes([1; 16]),
        attempt: 1,
        at: Timestamp::from_micros(9),
        application: [2; 16].into(),
        addon: [3; 16].into(),
        key: Some([4; 16].into()),
        provider: "openai",
        operation: "embeddings",
        outcome: "answered",
        key_version: Some(1),
        status: Some(200),
        duration_us: 50,
        units: Units {
            input_tokens: Some(7),
            output_tokens: Some(8),
            ..Units::default()
        },
        ..UsageRow::blank(organization)
    };

    let read = decode(organization, &page).unwrap();

    assert_eq!(
        read.iter().map(shown).collect::<Vec<_>>(),
        [shown(&expected)]
    );
    assert_eq!(
        decode(organization, &page[..page.len() - 1]).err(),
        Some(BadPage)
    );
    page[0] = 3;
    assert_eq!(decode(organization, &page).err(), Some(BadPage));
}

proptest! {
    #[test]
    fn what_was_written_is_read(seeds in proptest::collection::vec(any::<u64>(), 0..40)) {
        let clock = Clock::standing_at(Timestamp::from_micros(1_795_255_200_000_000));
        let mut rows: Vec<_> = seeds.iter().map(|seed| sample(&clock, *seed)).collect();
        let organization = OrganizationId::new(&clock);
        rows.iter_mut().for_each(|row| row.organization = organization);
        let page = written(&rows);
        let read = decode(organization, &page).unwrap();
        let expected: Vec<_> = rows.iter().map(shown).collect();
        prop_assert_eq!(read.iter().map(shown).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_damaged_page_is_an_error_and_never_a_panic(
        seeds in proptest::collection::vec(any::<u64>(), 1..6),
        cut in any::<prop::sample::Index>(),
        flip in any::<u8>(),
    ) {
        let clock = Clock::standing_at(Timestamp::from_micros(1));
        let rows: Vec<_> = seeds.iter().map(|seed| sample(&clock, *seed)).collect();
        let mut page = written(&rows);
        let organization = OrganizationId::new(&clock);
        let at = cut.index(page.len());
        prop_assert_eq!(decode(organization, &page[..at]).err(), Some(BadPage));
        page[at] ^= flip;
        let _read_or_not = decode(organization, &page);
    }
}
