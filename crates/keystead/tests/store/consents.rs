//! What an application's users agree to is kept version by version, and so is that they did.

use std::collections::BTreeMap;

use keystead::ids::OrganizationId;
use keystead::store::{NewConsent, StoreError};

use crate::{
    bed::{ACTOR, Bed, Furnished},
    on_both_stores,
    tamper::edit,
};

on_both_stores!(
    versions_count_up_and_belong_to_one_application,
    a_yes_is_remembered_and_goes_with_its_application,
    neither_a_text_nor_a_yes_can_be_edited,
);

/// A text in two languages.
fn texts(text: &str) -> BTreeMap<String, String> {
    let both = [("de", "DE"), ("en", "EN")];
    both.map(|(tag, word)| (tag.to_owned(), format!("{word} {text}")))
        .into()
}

/// Two versions, and the yes of somebody with an account.
pub(crate) async fn agree(bed: &Bed, there: &Furnished) {
    let (store, application) = (bed.store(), &there.application);
    for text in ["one", "two"] {
        let organization = there.organization;
        store
            .write_consent_text(ACTOR, organization, application.id, texts(text))
            .await
            .unwrap();
    }
    let account = there.founded.account.id;
    let subject = bed
        .custody
        .subject(application, "account", "", &account.to_string())
        .await
        .unwrap();
    for version in [1, 2] {
        let new = NewConsent {
            account: Some(account),
            subject,
            version,
            language: "de".to_owned(),
            hash: [9; 32],
        };
        store.add_consent(ACTOR, application, new).await.unwrap();
    }
}

async fn versions_count_up_and_belong_to_one_application(bed: Bed) {
    let there = bed.furnish().await;
    agree(&bed, &there).await;
    let (store, id) = (bed.store(), there.application.id);
    let all = store.consent_texts(there.organization, id).await.unwrap();
    let numbers: Vec<u32> = all.iter().map(|text| text.version).collect();
    assert_eq!(numbers, [2, 1]);
    let newest = store.newest_consent_text(id).await.unwrap().unwrap();
    assert_eq!(
        (newest.version, &newest.texts["de"]),
        (2, &"DE two".to_owned())
    );

    // As somebody of another organization sees it.
    let other = OrganizationId::new(&bed.clock);
    let theirs = store.write_consent_text(ACTOR, other, id, texts("x")).await;
    assert!(
        matches!(theirs, Err(StoreError::NotFound { .. })),
        "{theirs:?}"
    );
    assert!(store.consent_texts(other, id).await.unwrap().is_empty());
    assert_eq!(store.verify_audit().await.unwrap().faults, []);
}

async fn a_yes_is_remembered_and_goes_with_its_application(bed: Bed) {
    let there = bed.furnish().await;
    agree(&bed, &there).await;
    let (store, account) = (bed.store(), there.founded.account.id);
    let all = store.consents_of(account).await.unwrap();
    let found: Vec<_> = all
        .iter()
        .map(|(consent, application)| (consent.version, application.name.as_str()))
        .collect();
    assert_eq!(found, [(2, "Engine"), (1, "Engine")]);
    let (newest, _) = &all[0];
    let by_subject = store
        .newest_consent(there.application.id, &newest.subject)
        .await;
    assert_eq!(by_subject.unwrap().unwrap().id, newest.id);

    store
        .delete_application(ACTOR, there.organization, there.application.id)
        .await
        .unwrap();
    assert!(store.consents_of(account).await.unwrap().is_empty());
    assert_eq!(store.verify_audit().await.unwrap().faults, []);
}

async fn neither_a_text_nor_a_yes_can_be_edited(bed: Bed) {
    let there = bed.furnish().await;
    agree(&bed, &there).await;
    let is_tampered = |outcome: Option<StoreError>, expected: &str| matches!(outcome, Some(StoreError::Tampered { table, .. }) if table == expected);
    edit(
        &bed,
        "UPDATE consents SET version = 3 WHERE version = 2".to_owned(),
    )
    .await;
    let found = bed.store().consents_of(there.founded.account.id).await;
    assert!(is_tampered(found.err(), "consents"));
    edit(
        &bed,
        "UPDATE consent_texts SET texts = '{\"en\":\"all is ours\"}' WHERE version = 2".to_owned(),
    )
    .await;
    let found = bed.store().newest_consent_text(there.application.id).await;
    assert!(is_tampered(found.err(), "consent_texts"));
}
