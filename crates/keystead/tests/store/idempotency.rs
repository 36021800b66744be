//! A request that names itself begins once, and is remembered for a day.

use std::time::Duration;

use keystead::store::{Begun, NamedRequest};

use crate::{bed::Bed, on_both_stores};

on_both_stores!(
    of_many_that_begin_at_once_one_is_the_first,
    what_ended_is_told_for_a_day,
    a_name_that_is_given_back_is_free,
);

const REQUEST: NamedRequest = NamedRequest {
    name: [7; 32],
    body: [8; 32],
};

async fn of_many_that_begin_at_once_one_is_the_first(bed: Bed) {
    let begin = || async { bed.store().begin_named(REQUEST).await.unwrap() };
    let begun = tokio::join!(begin(), begin(), begin(), begin());
    let begun = [begun.0, begun.1, begun.2, begun.3];
    let count = |wanted: &Begun| begun.iter().filter(|one| *one == wanted).count();
    assert_eq!((count(&Begun::First), count(&Begun::Running)), (1, 3));
}

async fn what_ended_is_told_for_a_day(bed: Bed) {
    let store = bed.store();
    assert_eq!(store.begin_named(REQUEST).await.unwrap(), Begun::First);
    let other = NamedRequest {
        body: [9; 32],
        ..REQUEST
    };
    assert_eq!(store.begin_named(other).await.unwrap(), Begun::OtherBody);
    store.end_named(REQUEST, 201, Some("{}")).await.unwrap();
    let ended = Begun::Ended {
        status: 201,
        body: Some("{}".to_owned()),
    };
    bed.clock.advance(Duration::from_secs(86_399));
    assert_eq!(store.begin_named(REQUEST).await.unwrap(), ended);
    assert_eq!(store.delete_old_answers().await.unwrap(), 0);
    bed.clock.advance(Duration::from_secs(1));
    assert_eq!(store.begin_named(other).await.unwrap(), Begun::First);
    bed.clock.advance(Duration::from_secs(86_400));
    assert_eq!(store.delete_old_answers().await.unwrap(), 1);
}

async fn a_name_that_is_given_back_is_free(bed: Bed) {
    let store = bed.store();
    store.begin_named(REQUEST).await.unwrap();
    store.give_back_named(REQUEST).await.unwrap();
    assert_eq!(store.begin_named(REQUEST).await.unwrap(), Begun::First);
    store.end_named(REQUEST, 201, None).await.unwrap();
    let ended = Begun::Ended {
        status: 201,
        body: None,
    };
    assert_eq!(store.begin_named(REQUEST).await.unwrap(), ended);
}
