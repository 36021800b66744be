//! The sums can be made anew from the ledger, and are the same again.

use std::{borrow::Cow, fs};

use keystead::{
    ids::OrganizationId,
    store::{Access, Batch, Rebuilt, Store, StoreUrl, UsageRow},
};
use keystead_vault::random;
use sqlx::{
    Connection as _, SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};

use crate::{
    bed::{Bed, connect},
    on_both_stores,
    sums::{Dice, TABLES, added_up, in_the_store, organizations},
};

on_both_stores!(
    sums_come_back_whatever_became_of_them,
    days_that_are_not_whole_stay,
    a_day_with_a_page_that_can_not_be_read_stays,
    a_ledger_from_before_the_sums_is_added_up_once,
);

async fn sums_come_back_whatever_became_of_them(bed: Bed) {
    let organizations = organizations(&bed).await;
    let (mut dice, mut rows) = (Dice(10), Vec::new());
    for size in [300, 1, 500, 40] {
        let attempts = dice.attempts(&bed, &organizations, size);
        rows.extend(attempts.clone());
        let batch = Batch::from(attempts);
        bed.store().append_usage(&batch).await.unwrap();
    }
    let before = in_the_store(&bed.url).await;
    assert_eq!(before, added_up(&rows));
    let days = before.keys().filter(|key| key[0] == "usage_days");
    let mut days: Vec<_> = days.map(|key| key[1..3].to_vec()).collect();
    days.dedup();
    let expected = Rebuilt {
        days: days.len() as u64,
        attempts: 841,
        unreadable: Vec::new(),
    };

    for (name, harm) in [
        ("none", "UPDATE usage_hours SET attempts = attempts"),
        ("deleted hours", "DELETE FROM usage_hours"),
        (
            "deleted days",
            "DELETE FROM usage_days WHERE provider = 'openai'",
        ),
        ("deleted end users", "DELETE FROM usage_subjects"),
        (
            "deleted shares",
            "DELETE FROM usage_shares WHERE kind = 'key'",
        ),
        (
            "a larger sum",
            "UPDATE usage_days SET cost_micro_usd = cost_micro_usd + 1",
        ),
        ("moved", "UPDATE usage_hours SET hour = hour + 10000"),
        (
            "days on which nothing was",
            "UPDATE usage_days SET day = day + 20000",
        ),
        ("long ago", "UPDATE usage_subjects SET day = day - 20000"),
    ] {
        bed.behind_its_back(harm).await;

        let rebuilt = bed.store().rebuild_usage().await.unwrap();

        assert_eq!(rebuilt, expected, "{name}");
        assert!(in_the_store(&bed.url).await == before, "{name}");
    }
}

async fn days_that_are_not_whole_stay(bed: Bed) {
    let organizations = organizations(&bed).await;
    let batch = Batch::from(Dice(11).attempts(&bed, &organizations, 200));
    bed.store().append_usage(&batch).await.unwrap();
    let before = in_the_store(&bed.url).await;
    let today = bed.clock.now().as_micros() / DAY_US;
    // The ledger lacks the beginning of yesterday.
    let whole_from = (today - 1) * DAY_US + 1;
    bed.behind_its_back(&format!(
        "UPDATE usage_ledger SET whole_from = {whole_from}"
    ))
    .await;
    for table in TABLES {
        bed.behind_its_back(&format!("UPDATE {table} SET attempts = 77"))
            .await;
    }

    let rebuilt = bed.store().rebuild_usage().await.unwrap();

    assert_eq!(rebuilt.days, 2, "today, of both organizations");
    for (key, sums) in in_the_store(&bed.url).await {
        let at: i64 = key[2].parse().unwrap();
        let day = if key[0] == "usage_hours" { at / 24 } else { at };
        let attempts = if day < today { 77 } else { before[&key][0] };
        assert_eq!(sums[0], attempts, "{key:?}");
        assert_eq!(sums[1..], before[&key][1..], "{key:?}");
    }
}

async fn a_day_with_a_page_that_can_not_be_read_stays(bed: Bed) {
    let [organization, _] = organizations(&bed).await;
    let batch = Batch::from(Dice(12).attempts(&bed, &[organization], 200));
    bed.store().append_usage(&batch).await.unwrap();
    let before = in_the_store(&bed.url).await;
    let yesterday = bed.clock.now().as_micros() / DAY_US - 1;
    let harm = format!(
        "UPDATE usage_pages SET page = substr(page, 1, 200) WHERE from_at / {DAY_US} = {yesterday}"
    );
    assert_eq!(bed.behind_its_back(&harm).await.rows_affected(), 1);
    bed.behind_its_back("UPDATE usage_days SET attempts = 77")
        .await;

    let rebuilt = bed.store().rebuild_usage().await.unwrap();

    assert_eq!(rebuilt.unreadable, [(organization, yesterday)]);
    for (key, sums) in in_the_store(&bed.url).await {
        let is_left = key[0] == "usage_days" && key[2] == yesterday.to_string();
        assert_eq!(
            sums[0],
            if is_left { 77 } else { before[&key][0] },
            "{key:?}"
        );
    }
    let alerts = bed.store().alerts().await.unwrap();
    assert_eq!(
        (alerts[0].kind.word(), &*alerts[0].place),
        ("tampered", "usage_pages")
    );
}

/// Pages as they were before there were sums: they could hold attempts of two days, and the same
/// attempts as another page.
async fn a_ledger_from_before_the_sums_is_added_up_once(bed: Bed) {
    let url = bed.another_unmigrated().await;
    if let StoreUrl::Sqlite(path) = &url {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, []).unwrap();
    }
    let mut database = connect(&url).await;
    let text = match url {
        StoreUrl::Sqlite(_) => include_str!("../../migrations/sqlite/0001_first.sql"),
        StoreUrl::Postgres(_) => include_str!("../../migrations/postgres/0001_first.sql"),
    };
    let (name, text) = (Cow::Borrowed("first"), text.into_sql_str());
    let first = Migration::new(1, name, MigrationType::Simple, text, false);
    let migrator = Migrator::with_migrations(vec![first]);
    migrator
        .run_direct(None, &mut database, false)
        .await
        .unwrap();
    let organization = OrganizationId::new(&bed.clock);
    sqlx::query("INSERT INTO organizations VALUES ($1, 'Old', $2, 0, 1, $2)")
        .bind(organization.to_string())
        .bind(Vec::new())
        .execute(&mut database)
        .await
        .unwrap();
    let mut dice = Dice(13);
    let mut rows: Vec<_> = (0..60)
        .map(|_| {
            let mut row = dice.attempt(&bed, organization);
            (row.is_estimated, row.is_priced, row.cost_micro_usd) = (false, false, None);
            row
        })
        .collect();
    rows.sort_by_key(|row| row.at);
    for page in [&rows[..30], &rows[20..40], &rows[40..]] {
        let at = |row: &UsageRow| row.at.as_micros();
        sqlx::query("INSERT INTO usage_pages VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(random::<32>().to_vec())
            .bind(organization.to_string())
            .bind(at(&page[0]))
            .bind(at(page.last().unwrap()))
            .bind(i64::try_from(page.len()).unwrap())
            .bind(first_version(page))
            .execute(&mut database)
            .await
            .unwrap();
    }
    database.close().await.unwrap();

    for _ in 0..2 {
        let store = Store::open(&url, Access::Write, bed.clock.clone()).await;
        assert_eq!(in_the_store(&url).await, added_up(&rows));
        store.unwrap().close().await;
    }
}

/// A page as version 1 wrote it: without a word on estimates and cost.
fn first_version(rows: &[UsageRow]) -> Vec<u8> {
    let (mut words, mut body) = (Vec::<Vec<u8>>::new(), Vec::new());
    let mut number = |word: Option<&[u8]>, may_miss: u64| {
        let Some(word) = word else { return 0 };
        let known = words.iter().position(|known| known == word);
        let place = known.unwrap_or_else(|| {
            words.push(word.to_vec());
            words.len() - 1
        });
        place as u64 + may_miss
    };
    let base = rows.iter().map(|row| row.at.as_micros()).min().unwrap();
    for row in rows {
        body.extend_from_slice(&row.request.as_bytes());
        put(&mut body, row.attempt.into());
        put(&mut body, row.at.as_micros().abs_diff(base));
        put(&mut body, number(Some(&row.application.as_bytes()), 0));
        put(&mut body, number(Some(&row.addon.as_bytes()), 0));
        let key = row.key.map(|key| key.as_bytes());
        put(&mut body, number(key.as_ref().map(|key| &key[..]), 1));
        put(&mut body, 0);
        let subject = row.subject.as_ref().map(|subject| &subject.as_bytes()[..]);
        put(&mut body, number(subject, 1));
        put(&mut body, number(Some(row.provider.as_bytes()), 0));
        put(&mut body, number(Some(row.operation.as_bytes()), 0));
        put(
            &mut body,
            number(row.model.as_deref().map(str::as_bytes), 1),
        );
        put(&mut body, number(Some(row.outcome.as_bytes()), 0));
        for optional in [None, row.status.map(u64::from)] {
            put(&mut body, optional.map_or(0, |it| it + 1));
        }
        put(&mut body, row.duration_us);
        put(&mut body, 0);
        let units = row.units;
        let units = [
            units.input_tokens,
            units.cached_tokens,
            units.cache_write_tokens,
            units.output_tokens,
            units.reasoning_tokens,
            units.characters,
            units.images,
            units.seconds,
            units.transactions,
            units.credits_milli,
        ];
        let bits = units.iter().rev();
        put(
            &mut body,
            bits.fold(0, |bits, unit| bits << 1 | u64::from(unit.is_some())),
        );
        units
            .iter()
            .flatten()
            .for_each(|&unit| put(&mut body, unit));
    }
    let mut page = vec![1];
    page.extend_from_slice(&base.to_be_bytes());
    put(&mut page, words.len() as u64);
    for word in words {
        put(&mut page, word.len() as u64);
        page.extend_from_slice(&word);
    }
    put(&mut page, rows.len() as u64);
    page.extend_from_slice(&body);
    page
}

/// Unsigned LEB128.
fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap());
}

const DAY_US: i64 = 86_400_000_000;
