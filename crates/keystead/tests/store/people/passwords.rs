//! Passwords: what is wrong is wrong alike, trying costs time, and a change is felt at once.

use std::time::{Duration, Instant};

use keystead::{
    people::{NotProven, Proof, WeakPassword},
    store::SignInMethod,
};
use zeroize::Zeroizing;

use super::{Crowd, claimed, fresh_password, here, proven};
use crate::{
    bed::{ACTOR, Bed},
    on_both_stores,
    tamper::{assert_alert, edit, literal},
};

on_both_stores!(
    a_password_signs_its_account_in,
    a_wrong_password_and_an_unknown_address_take_the_same_work,
    guessing_gets_slower_and_locks_nobody_out,
    another_password_ends_the_other_sessions,
    what_an_account_signs_in_with_changes_after_a_fresh_proof_alone,
    the_last_way_in_is_not_taken_away,
    a_password_that_everybody_has_is_refused,
    an_operator_lets_someone_in_again,
    a_password_copied_from_another_account_is_refused,
);

async fn a_password_signs_its_account_in(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let typed = format!("  {} ", crowd.email.to_uppercase());
    let proven = proven(crowd.try_password(&typed, &crowd.password).await);
    assert_eq!(proven.account, owner.account.id);
    assert_eq!(proven.method, SignInMethod::Password);
    let (_, token) = crowd.sign_in(proven).await;
    let found = crowd.look(&token).await.unwrap();
    assert_eq!(found.organization.name, "Analytical Engines");
    assert_eq!(crowd.bed.store().verify_audit().await.unwrap().faults, []);
}

async fn a_wrong_password_and_an_unknown_address_take_the_same_work(bed: Bed) {
    let (crowd, _) = Crowd::one(bed).await;
    let mut known = Vec::new();
    let mut unknown = Vec::new();
    for _ in 0..9 {
        // Long enough for no try to have to wait.
        crowd.wait(3600);
        for (email, took) in [
            (crowd.email.as_str(), &mut known),
            ("nobody@example.org", &mut unknown),
            ("no address at all", &mut Vec::new()),
        ] {
            let begun = Instant::now();
            let tried = crowd.try_password(email, "wrong for everybody").await;
            took.push(begun.elapsed());
            assert!(matches!(tried, Err(NotProven::Wrong)), "{tried:?}");
        }
    }
    // What else the machine does only ever adds to it.
    let least = |took: &[Duration]| took.iter().min().unwrap().as_secs_f64();
    let ratio = least(&known) / least(&unknown);
    assert!((0.6..1.7).contains(&ratio), "{known:?} against {unknown:?}");
}

async fn guessing_gets_slower_and_locks_nobody_out(bed: Bed) {
    let (crowd, _) = Crowd::one(bed).await;
    let mut refused = 0;
    for _ in 0..20 {
        match crowd.try_password(&crowd.email, "a guess").await {
            Err(NotProven::Wrong) => {}
            Err(NotProven::Wait(wait)) => {
                assert!(wait <= Duration::from_secs(60));
                refused += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(refused >= 14, "{refused}");
    // From elsewhere the owner waits for seconds at most, and then is in.
    crowd.wait(5);
    let elsewhere = [203, 0, 113, 9].into();
    let password = claimed(&crowd.password);
    let tried = crowd
        .people
        .check_password(&crowd.email, password, elsewhere)
        .await;
    proven(tried);
    // And from here after a minute.
    crowd.wait(60);
    proven(crowd.try_password(&crowd.email, &crowd.password).await);
}

async fn another_password_ends_the_other_sessions(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let first = proven(crowd.try_password(&crowd.email, &crowd.password).await);
    let (_, other) = crowd.sign_in(first).await;
    let new = fresh_password(&crowd.bed);
    crowd
        .people
        .set_password(&owner, Zeroizing::new(new.clone()))
        .await
        .unwrap();
    assert!(crowd.look(&other).await.is_none());
    assert!(crowd.again(&owner).await.is_some());
    let tried = crowd.try_password(&crowd.email, &crowd.password).await;
    assert!(matches!(tried, Err(NotProven::Wrong)));
    proven(crowd.try_password(&crowd.email, &new).await);
    assert_eq!(crowd.bed.store().verify_audit().await.unwrap().faults, []);
}

async fn what_an_account_signs_in_with_changes_after_a_fresh_proof_alone(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    crowd.wait(5 * 60);
    let text = || Zeroizing::new("twelve other tables".to_owned());
    let refused = crowd.people.set_password(&owner, text()).await;
    assert!(matches!(refused, Err(NotProven::ProveAgain)));
    assert!(matches!(
        crowd.people.begin_totp(&owner).await,
        Err(NotProven::ProveAgain)
    ));
    let wrong = Proof::Password(claimed("not it"));
    let refused = crowd.people.check_again(&owner, wrong, here()).await;
    assert!(matches!(refused, Err(NotProven::Wrong)));
    let owner = crowd.step_up(&owner).await;
    crowd.people.set_password(&owner, text()).await.unwrap();
}

async fn the_last_way_in_is_not_taken_away(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let refused = crowd.people.remove_password(&owner).await;
    assert!(matches!(refused, Err(NotProven::LastWay)));
    proven(crowd.try_password(&crowd.email, &crowd.password).await);
}

async fn a_password_that_everybody_has_is_refused(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    for (text, why) in [
        ("password1", WeakPassword::Common),
        ("short", WeakPassword::TooShort),
        (crowd.email.as_str(), WeakPassword::EmailAddress),
    ] {
        let text = Zeroizing::new(text.to_owned());
        match crowd.people.set_password(&owner, text).await {
            Err(NotProven::Weak(weak)) => assert_eq!(weak, why),
            other => panic!("{other:?}"),
        }
    }
}

async fn an_operator_lets_someone_in_again(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let email = crowd
        .people
        .custody()
        .email_of(&owner.account)
        .await
        .unwrap();
    let new = fresh_password(&crowd.bed);
    let text = Zeroizing::new(new.clone());
    crowd
        .people
        .reset_password(&owner.account, &email, text, true)
        .await
        .unwrap();
    assert!(crowd.again(&owner).await.is_none(), "signed out everywhere");
    proven(crowd.try_password(&crowd.email, &new).await);
}

async fn a_password_copied_from_another_account_is_refused(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let row = crowd.bed.only("SELECT id FROM passwords").await;
    let zeros = literal(&crowd.bed, &[0; 32]);
    edit(&crowd.bed, format!("UPDATE passwords SET hash = {zeros}")).await;
    match crowd.try_password(&crowd.email, &crowd.password).await {
        Err(NotProven::Custody(keystead::custody::CustodyError::Store(error))) => {
            assert_alert(&crowd.bed, error, "passwords", row).await;
        }
        other => panic!("{other:?}"),
    }
    // An account that is disabled is answered like an unknown one; nothing tells it from that.
    assert!(crowd.again(&owner).await.is_some());
    let ended = crowd
        .bed
        .store()
        .revoke_sessions(ACTOR, owner.account.id, None);
    assert_eq!(ended.await.unwrap(), 1);
    assert!(crowd.again(&owner).await.is_none());
}
