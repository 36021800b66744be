//! An AddOn has a handle of its own, and what it is called and is for can change.

use keystead::store::{AddOnChange, NewApplication, StoreError};
use keystead_providers::AddOnType;

use crate::{
    bed::{ACTOR, Bed, new_addon},
    objects::look_up,
    on_both_stores,
};

on_both_stores!(
    a_handle_is_taken_once,
    an_addon_takes_another_handle_and_type,
);

async fn a_handle_is_taken_once(bed: Bed) {
    let there = bed.furnish().await;
    let store = bed.store();
    let again = new_addon(&there.application, &there.key, "chat");
    let refused = store
        .install_addon(ACTOR, there.organization, again)
        .await
        .unwrap_err();
    assert!(
        matches!(
            refused,
            StoreError::Conflict {
                code: "handle_taken",
                ..
            }
        ),
        "{refused:?}"
    );

    let new = NewApplication {
        name: "other".to_owned(),
        ..Default::default()
    };
    let (other, _) = bed
        .custody
        .create_application(ACTOR, there.organization, new)
        .await
        .unwrap();
    let foreign = new_addon(&other, &there.key, "chat");
    let refused = store
        .install_addon(ACTOR, there.organization, foreign)
        .await
        .unwrap_err();
    assert!(matches!(
        refused,
        StoreError::Conflict {
            code: "key_of_other_application",
            ..
        }
    ));
    let (key, _) = bed.add_key(&other).await;
    bed.install_addon(&other, &key, "chat").await;
}

async fn an_addon_takes_another_handle_and_type(bed: Bed) {
    let there = bed.furnish().await;
    let (organization, store) = (there.organization, bed.store());
    let other = new_addon(&there.application, &there.key, "other");
    store
        .install_addon(ACTOR, organization, other)
        .await
        .unwrap();
    let changed = |handle: &str| AddOnChange {
        handle: Some(handle.parse().unwrap()),
        kind: Some(AddOnType::Image),
        ..Default::default()
    };
    let id = there.addon.id;
    let taken = store.update_addon(ACTOR, organization, id, changed("other"));
    let taken = taken.await.unwrap_err();
    assert!(
        matches!(
            taken,
            StoreError::Conflict {
                code: "handle_taken",
                ..
            }
        ),
        "{taken:?}"
    );
    let free = store.update_addon(ACTOR, organization, id, changed("pictures"));
    free.await.unwrap();
    let found = store.addon(organization, id).await.unwrap();
    assert_eq!(
        (found.handle.as_str(), found.kind),
        ("pictures", AddOnType::Image)
    );
    assert!(look_up(&bed, &there).await.is_none(), "the old handle");
}
