//! A list shows each row once, in the order asked for, and what is looked for.

use std::time::Duration;

use keystead::store::{KeyFilter, Listed, NewApplication, Order, Page};

use crate::{
    bed::{ACTOR, Bed, Furnished},
    on_both_stores,
};

on_both_stores!(
    lists_run_by_age_or_by_name,
    what_comes_between_two_pages_shifts_nothing,
    a_search_finds_what_has_the_words,
);

async fn lists_run_by_age_or_by_name(bed: Bed) {
    let there = bed.furnish().await;
    let furnished = there.application.name.clone();
    for name in ["beta", "Alpha", "Beta", "alpha"] {
        make(&bed, &there, name).await;
    }
    let by_age = ["alpha", "Beta", "Alpha", "beta", furnished.as_str()];
    let mut by_name = by_age;
    by_name.sort_by_key(|name| name.to_lowercase());

    for limit in [1, 2, 3, 5, 9] {
        let names = |order| {
            names(
                &bed,
                &there,
                Page {
                    order,
                    ..Page::first(limit)
                },
            )
        };
        assert_eq!(names(Order::Newest).await, by_age, "{limit}");
        let mut oldest = names(Order::Oldest).await;
        oldest.reverse();
        assert_eq!(oldest, by_age, "{limit}");
        let found = names(Order::Name).await;
        let folded: Vec<_> = found.iter().map(|name| name.to_lowercase()).collect();
        assert_eq!(folded, by_name.map(str::to_lowercase), "{limit}");
        assert_eq!(found.iter().filter(|name| *name == "Beta").count(), 1);
    }
}

async fn what_comes_between_two_pages_shifts_nothing(bed: Bed) {
    let there = bed.furnish().await;
    for name in ["b", "c", "d"] {
        make(&bed, &there, name).await;
    }
    let mut page = Page {
        order: Order::Name,
        matching: String::new(),
        ..Page::first(2)
    };
    page.after = list(&bed, &there, &page).await.next();
    make(&bed, &there, "a").await;
    make(&bed, &there, "bb").await;
    let rest = list(&bed, &there, &page).await;
    let rest: Vec<_> = rest.rows.into_iter().map(|row| row.name).collect();
    assert!(rest.contains(&"d".to_owned()), "{rest:?}");
    assert!(
        !rest.iter().any(|name| name == "a" || name == "b"),
        "{rest:?}"
    );
}

async fn a_search_finds_what_has_the_words(bed: Bed) {
    let there = bed.furnish().await;
    for name in [
        "Shop, 50% off",
        "Shop_2",
        "Workshop",
        r"Back\slash",
        "Näh-Shop",
    ] {
        make(&bed, &there, name).await;
    }
    for (matching, found) in [
        ("shop", 4),
        ("SHOP", 4),
        ("50%", 1),
        ("p_", 1),
        (r"\", 1),
        ("%", 1),
        ("' OR 1=1 --", 0),
        ("Näh", 1),
        ("p, 5", 1),
    ] {
        let page = Page {
            matching: matching.to_owned(),
            ..Page::first(2)
        };
        let names = names(&bed, &there, page).await;
        assert_eq!(names.len(), found, "{matching}: {names:?}");
    }
    let client_id = there.application.client_id.to_string();
    let page = Page {
        matching: client_id,
        ..Page::first(2)
    };
    assert_eq!(names(&bed, &there, page).await, [there.application.name]);

    let wanted = |matching: &str| Page {
        matching: matching.to_owned(),
        ..Page::first(9)
    };
    let store = bed.store();
    for (matching, found) in [
        (there.key.last4.as_str(), 1),
        ("OPENAI", 1),
        ("none of it", 0),
    ] {
        let page = wanted(matching);
        let keys = store
            .keys(there.organization, &KeyFilter::default(), &page)
            .await;
        assert_eq!(keys.unwrap().rows.len(), found, "{matching}");
    }
    for (matching, found) in [("CHA", 1), ("other", 0)] {
        let page = wanted(matching);
        let addons = store.addons(there.organization, None, &page).await;
        assert_eq!(addons.unwrap().rows.len(), found, "{matching}");
    }
}

async fn make(bed: &Bed, there: &Furnished, name: &str) {
    bed.clock.advance(Duration::from_millis(1));
    let new = NewApplication {
        name: name.to_owned(),
        ..NewApplication::default()
    };
    let custody = &bed.custody;
    let made = custody.create_application(ACTOR, there.organization, new);
    made.await.unwrap();
}

async fn list(bed: &Bed, there: &Furnished, page: &Page) -> Listed<keystead::store::Application> {
    let store = bed.store();
    store.applications(there.organization, page).await.unwrap()
}

/// The names on every page.
async fn names(bed: &Bed, there: &Furnished, mut page: Page) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        let listed = list(bed, there, &page).await;
        assert!(listed.rows.len() <= usize::from(page.limit));
        page.after = listed.next();
        names.extend(listed.rows.into_iter().map(|row| row.name));
        if page.after.is_none() {
            return names;
        }
    }
}
