//! Passkeys: made once, used by their owner on this console alone, each challenge answered once.

use keystead::{
    people::{NewCredential, NotProven, Proof, Proven},
    store::{SignInMethod, SignedIn},
};

use super::{
    Crowd,
    authenticator::{Authenticator, HONEST, Manner},
    here,
};
use crate::{
    bed::Bed,
    on_both_stores,
    tamper::{assert_alert, edit, literal},
};

on_both_stores!(
    a_passkey_signs_its_account_in_and_is_two_factors,
    an_answer_counts_once,
    what_another_site_or_an_unverified_person_did_is_refused,
    a_counter_that_does_not_move_is_a_copy,
    a_passkey_is_renamed_and_removed_by_its_owner,
    the_first_account_can_have_a_passkey_and_no_password,
    a_passkey_of_another_account_is_refused,
    a_passkey_row_that_was_edited_is_refused,
);

async fn a_passkey_signs_its_account_in_and_is_two_factors(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let device = Authenticator::new();
    add(&crowd, &owner, &device).await;
    let found = sign_in(&crowd, &device, &owner, HONEST).await.unwrap();
    assert_eq!(found.account, owner.account.id);
    assert_eq!(found.method, SignInMethod::Passkey);
    assert!(found.method.has_second_factor());
    let (ticket, asked) = crowd.people.ask_for_passkey().unwrap();
    let answer = device.use_it(&asked, owner.account.id.as_bytes(), HONEST);
    let proof = Proof::Passkey { ticket, answer };
    let again = crowd.people.check_again(&owner, proof, here()).await;
    assert_eq!(again.unwrap(), SignInMethod::Passkey);
    assert_eq!(crowd.bed.store().verify_audit().await.unwrap().faults, []);
    let shown = crowd.people.credentials(&owner).await.unwrap().passkeys;
    assert!(shown[0].last_used_at.is_some());
}

async fn an_answer_counts_once(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let device = Authenticator::new();
    let (ticket, asked) = crowd.people.ask_for_new_passkey(&owner).await.unwrap();
    let answer = device.make(&asked, HONEST);
    let add = || crowd.people.add_passkey(&owner, &ticket, &answer, "Key");
    add().await.unwrap();
    assert!(add().await.is_err());

    let (ticket, asked) = crowd.people.ask_for_passkey().unwrap();
    let answer = device.use_it(&asked, owner.account.id.as_bytes(), HONEST);
    let check = || crowd.people.check_passkey(&ticket, &answer, here());
    check().await.unwrap();
    assert!(matches!(check().await, Err(NotProven::Expired)), "replayed");
    let (other, _) = crowd.people.ask_for_passkey().unwrap();
    let mixed = crowd.people.check_passkey(&other, &answer, here()).await;
    assert!(matches!(mixed, Err(NotProven::Wrong)), "another challenge");
    let (late, asked) = crowd.people.ask_for_passkey().unwrap();
    crowd.wait(10 * 60);
    let answer = device.use_it(&asked, owner.account.id.as_bytes(), HONEST);
    let late = crowd.people.check_passkey(&late, &answer, here()).await;
    assert!(matches!(late, Err(NotProven::Expired)));
}

async fn what_another_site_or_an_unverified_person_did_is_refused(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let device = Authenticator::new();
    for manner in [
        Manner {
            origin: "https://localhost.evil.example",
            ..HONEST
        },
        Manner {
            origin: "http://localhost:9999",
            ..HONEST
        },
        Manner {
            verified: false,
            ..HONEST
        },
    ] {
        let (ticket, asked) = crowd.people.ask_for_new_passkey(&owner).await.unwrap();
        let answer = device.make(&asked, manner);
        let added = crowd
            .people
            .add_passkey(&owner, &ticket, &answer, "Key")
            .await;
        assert!(matches!(added, Err(NotProven::Wrong)), "{}", manner.origin);
    }
    add(&crowd, &owner, &device).await;
    for manner in [
        Manner {
            origin: "https://localhost.evil.example",
            ..HONEST
        },
        Manner {
            origin: "http://localhost:9999",
            ..HONEST
        },
        Manner {
            verified: false,
            ..HONEST
        },
    ] {
        let refused = sign_in(&crowd, &device, &owner, manner).await;
        assert!(
            matches!(refused, Err(NotProven::Wrong)),
            "{}",
            manner.origin
        );
    }
    let stranger = sign_in(&crowd, &Authenticator::new(), &owner, HONEST).await;
    assert!(matches!(stranger, Err(NotProven::Wrong)));
}

async fn a_counter_that_does_not_move_is_a_copy(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let device = Authenticator::new();
    add(&crowd, &owner, &device).await;
    let at = |counter| Manner { counter, ..HONEST };
    sign_in(&crowd, &device, &owner, at(5)).await.unwrap();
    sign_in(&crowd, &device, &owner, at(6)).await.unwrap();
    for counter in [6, 5, 1] {
        let refused = sign_in(&crowd, &device, &owner, at(counter)).await;
        assert!(matches!(refused, Err(NotProven::Wrong)), "{counter}");
    }
    sign_in(&crowd, &device, &owner, at(7)).await.unwrap();
    assert_eq!(crowd.bed.store().verify_audit().await.unwrap().faults, []);
}

async fn a_passkey_is_renamed_and_removed_by_its_owner(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let device = Authenticator::new();
    add(&crowd, &owner, &device).await;
    let list = || async { crowd.people.credentials(&owner).await.unwrap().passkeys };
    let id = list().await[0].id;
    crowd
        .people
        .rename_passkey(&owner, id, " Old laptop ")
        .await
        .unwrap();
    assert_eq!(list().await[0].name, "Old laptop");
    crowd.people.remove_password(&owner).await.unwrap();
    let last = crowd.people.remove_passkey(&owner, id).await;
    assert!(matches!(last, Err(NotProven::LastWay)));
    let second = Authenticator::new();
    add(&crowd, &owner, &second).await;
    crowd.people.remove_passkey(&owner, id).await.unwrap();
    let gone = sign_in(&crowd, &device, &owner, HONEST).await;
    assert!(matches!(gone, Err(NotProven::Wrong)));
    sign_in(&crowd, &second, &owner, HONEST).await.unwrap();
    assert_eq!(crowd.bed.store().verify_audit().await.unwrap().faults, []);
}

async fn the_first_account_can_have_a_passkey_and_no_password(bed: Bed) {
    let crowd = Crowd::nobody(bed).await;
    let link = crowd.people.set_up_link().await.unwrap().unwrap();
    let device = Authenticator::new();
    let asked = crowd
        .people
        .ask_for_first_passkey(link.expose(), &crowd.email)
        .await;
    let (ticket, asked) = asked.unwrap();
    let answer = device.make(&asked, HONEST);
    let entrance = crowd
        .people
        .set_up(
            link.expose(),
            "Analytical Engines",
            &crowd.email,
            NewCredential::Passkey { ticket, answer },
            "Safari, iPhone".to_owned(),
        )
        .await
        .unwrap();
    let owner = crowd.look(&entrance.token).await.unwrap();
    assert_eq!(owner.session.method, SignInMethod::Passkey);
    sign_in(&crowd, &device, &owner, HONEST).await.unwrap();
    let tried = crowd.try_password(&crowd.email, &crowd.password).await;
    assert!(matches!(tried, Err(NotProven::Wrong)));
}

async fn a_passkey_of_another_account_is_refused(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let device = Authenticator::new();
    add(&crowd, &owner, &device).await;
    let (ticket, asked) = crowd.people.ask_for_passkey().unwrap();
    // The device says that somebody else is its owner.
    let answer = device.use_it(&asked, [7; 16], HONEST);
    let refused = crowd.people.check_passkey(&ticket, &answer, here()).await;
    assert!(matches!(refused, Err(NotProven::Wrong)));
}

async fn a_passkey_row_that_was_edited_is_refused(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let device = Authenticator::new();
    add(&crowd, &owner, &device).await;
    let row = crowd.bed.only("SELECT id FROM passkeys").await;
    let zeros = literal(&crowd.bed, &[0; 32]);
    edit(
        &crowd.bed,
        format!("UPDATE passkeys SET credential = {zeros}"),
    )
    .await;
    match sign_in(&crowd, &device, &owner, HONEST).await {
        Err(NotProven::Custody(keystead::custody::CustodyError::Store(error))) => {
            assert_alert(&crowd.bed, error, "passkeys", row).await;
        }
        other => panic!("{other:?}"),
    }
}

pub(super) async fn add(crowd: &Crowd, owner: &SignedIn, device: &Authenticator) {
    let (ticket, asked) = crowd.people.ask_for_new_passkey(owner).await.unwrap();
    let answer = device.make(&asked, HONEST);
    crowd
        .people
        .add_passkey(owner, &ticket, &answer, "Laptop")
        .await
        .unwrap();
}

async fn sign_in(
    crowd: &Crowd,
    device: &Authenticator,
    owner: &SignedIn,
    manner: Manner,
) -> Result<Proven, NotProven> {
    let (ticket, asked) = crowd.people.ask_for_passkey().unwrap();
    let answer = device.use_it(&asked, owner.account.id.as_bytes(), manner);
    crowd.people.check_passkey(&ticket, &answer, here()).await
}
