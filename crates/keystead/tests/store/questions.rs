//! What was used is told as it was added up, whatever is asked about, a page at a time.

use std::collections::{BTreeMap, BTreeSet};

use keystead::{
    ids::{AddOnId, OrganizationId},
    store::{Batch, Sums, UsageBy, UsageDays, UsageFilter, UsagePlace, UsageTotal},
};
use keystead_vault::SubjectHash;

use crate::{
    bed::Bed,
    on_both_stores,
    sums::{Dice, in_the_store, organizations},
};

on_both_stores!(each_filter_gives_its_own_rows, an_end_user_is_told_apart);

async fn each_filter_gives_its_own_rows(bed: Bed) {
    let organizations = organizations(&bed).await;
    let batch = Batch::from(Dice(20).attempts(&bed, &organizations, 900));
    bed.store().append_usage(&batch).await.unwrap();
    let table = in_the_store(&bed.url).await;
    let today = today(&bed);
    let (application, addon, key) = ([0; 16].into(), [1; 16].into(), [1; 16].into());
    let filter = |set: &dyn Fn(&mut UsageFilter)| {
        let mut filter = UsageFilter::default();
        set(&mut filter);
        filter
    };
    let (model, provider) = ("model-1".to_owned(), "deepl".to_owned());
    let filters = [
        filter(&|_| ()),
        filter(&|it| it.application = Some(application)),
        filter(&|it| it.addon = Some(addon)),
        filter(&|it| it.key = Some(key)),
        filter(&|it| it.provider = Some(provider.clone())),
        filter(&|it| it.model = Some(model.clone())),
        filter(&|it| (it.key, it.model) = (Some(key), Some(model.clone()))),
    ];
    let mut sizes = BTreeSet::new();
    for (by, name, units) in [
        (UsageBy::Day, "usage_days", 1),
        (UsageBy::Hour, "usage_hours", 24),
    ] {
        for (first, last) in [
            (today - 5, today),
            (today - 1, today - 1),
            (today + 1, today + 9),
        ] {
            for filter in &filters {
                let of = |part: &[String]| {
                    let at: i64 = part[2].parse().unwrap();
                    let fits = |place: usize, wanted: Option<String>| {
                        wanted.is_none_or(|wanted| part[place] == wanted)
                    };
                    part[0] == name
                        && part[1] == organizations[0].to_string()
                        && (first * units..(last + 1) * units).contains(&at)
                        && fits(3, filter.application.map(|id| id.to_string()))
                        && fits(4, filter.addon.map(|id| id.to_string()))
                        && fits(5, filter.key.map(|id| id.to_string()))
                        && fits(6, filter.provider.clone())
                        && fits(8, filter.model.clone())
                };
                let expected: BTreeMap<_, _> = table
                    .iter()
                    .filter(|(key, _)| of(key))
                    .map(|(key, sums)| (key[2..].to_vec(), sums.clone()))
                    .collect();
                let days = UsageDays { first, last };
                for limit in [7, 200] {
                    let found = all(&bed, organizations[0], by, days, filter, limit).await;
                    let places: Vec<_> = found.iter().map(|total| &total.place).collect();
                    assert!(places.is_sorted() && places.windows(2).all(|two| two[0] < two[1]));
                    let found: BTreeMap<_, _> = found.iter().map(as_in_the_table).collect();
                    assert_eq!(found, expected, "{filter:?}");
                    sizes.insert(found.len());
                }
            }
        }
    }
    assert!(sizes.len() > 10, "the questions tell apart: {sizes:?}");
}

async fn an_end_user_is_told_apart(bed: Bed) {
    let organizations = organizations(&bed).await;
    let batch = Batch::from(Dice(21).attempts(&bed, &organizations, 400));
    bed.store().append_usage(&batch).await.unwrap();
    let table = in_the_store(&bed.url).await;
    let today = today(&bed);
    let (first, last) = (today - 1, today);
    for application in [[0; 16].into(), [1; 16].into()] {
        for number in 0..5 {
            let subject = SubjectHash::from_bytes([number; 32]);
            let mut found = BTreeMap::new();
            let mut after: Option<(i64, AddOnId)> = None;
            loop {
                let days = UsageDays { first, last };
                let page = bed
                    .store()
                    .usage_of_subject(organizations[1], application, subject, days, after, 2)
                    .await
                    .unwrap();
                for total in &page.rows {
                    let place = (total.day, total.addon);
                    assert!(after < Some(place), "the list is sorted");
                    after = Some(place);
                    found.insert((place.0, place.1.to_string()), numbers(&total.sums));
                }
                if !page.has_more {
                    break;
                }
            }
            let [organization, application] =
                [organizations[1].to_string(), application.to_string()];
            let subject = format!("{:?}", [number; 32]);
            let own = table.iter().filter(|(key, _)| {
                let named = [&key[1], &key[3], key.last().unwrap()];
                key[0] == "usage_subjects" && named == [&organization, &application, &subject]
            });
            let expected: BTreeMap<_, _> = own
                .map(|(key, sums)| ((key[2].parse().unwrap(), key[4].clone()), sums.clone()))
                .filter(|((day, _), _)| (first..=last).contains(day))
                .collect();
            assert_eq!(found, expected);
            assert!(found.len() > 2, "there is enough to tell apart");
        }
    }
}

async fn all(
    bed: &Bed,
    organization: OrganizationId,
    by: UsageBy,
    days: UsageDays,
    filter: &UsageFilter,
    limit: u16,
) -> Vec<UsageTotal> {
    let mut rows: Vec<UsageTotal> = Vec::new();
    loop {
        let after: Option<UsagePlace> = rows.last().map(|total| total.place.clone());
        let page = bed
            .store()
            .usage(organization, by, days, filter, after.as_ref(), limit)
            .await
            .unwrap();
        assert!(page.rows.len() <= usize::from(limit));
        let has_more = page.has_more;
        rows.extend(page.rows);
        if !has_more {
            return rows;
        }
    }
}

fn as_in_the_table(total: &UsageTotal) -> (Vec<String>, Vec<i64>) {
    let place = &total.place;
    let key = vec![
        place.at.to_string(),
        place.application.to_string(),
        place.addon.to_string(),
        place.key.map_or_else(String::new, |key| key.to_string()),
        place.provider.clone(),
        place.operation.clone(),
        place.model.clone().unwrap_or_default(),
    ];
    (key, numbers(&total.sums))
}

fn numbers(sums: &Sums) -> Vec<i64> {
    sums.named()
        .map(|(_, sum)| i64::try_from(sum).unwrap())
        .collect()
}

fn today(bed: &Bed) -> i64 {
    bed.clock.now().as_micros() / 86_400_000_000
}
