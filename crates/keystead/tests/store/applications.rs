//! An application has two client secrets at once, and one for trying things out beside it.

use keystead::{
    ids::ClientId,
    store::{ApplicationChange, NewApplication, StoreError},
};

use crate::{
    bed::{ACTOR, Bed},
    on_both_stores,
};

on_both_stores!(
    two_client_secrets_can_be_live,
    a_development_application_belongs_to_a_main_one,
);

async fn two_client_secrets_can_be_live(bed: Bed) {
    let there = bed.furnish().await;
    let (store, organization, application) = (bed.store(), there.organization, &there.application);

    let (second, token) = store
        .create_client_secret(ACTOR, organization, application.id)
        .await
        .unwrap();
    for secret in [&there.secret_token, &token] {
        let (found, _) = store
            .client_by_secret(&application.client_id, &secret.lookup())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(found.id, application.id);
    }
    let third = store
        .create_client_secret(ACTOR, organization, application.id)
        .await
        .unwrap_err();
    assert!(matches!(
        third,
        StoreError::Conflict {
            code: "too_many_client_secrets",
            ..
        }
    ));

    store
        .revoke_client_secret(ACTOR, organization, there.secret.id)
        .await
        .unwrap();
    let old = there.secret_token.lookup();
    let old = store
        .client_by_secret(&application.client_id, &old)
        .await
        .unwrap();
    assert!(old.is_none());
    store
        .create_client_secret(ACTOR, organization, application.id)
        .await
        .unwrap();
    assert_eq!(
        store
            .client_secrets(organization, application.id)
            .await
            .unwrap()
            .len(),
        3
    );
    let stranger = store
        .client_by_secret(&ClientId::generate(), &token.lookup())
        .await
        .unwrap();
    assert!(
        stranger.is_none(),
        "another application's client id with secret {}",
        second.id
    );

    let public = NewApplication {
        name: "page".to_owned(),
        public: true,
        ..Default::default()
    };
    let (public, secret) = bed
        .custody
        .create_application(ACTOR, organization, public)
        .await
        .unwrap();
    assert!(secret.is_none());
    let refused = store
        .create_client_secret(ACTOR, organization, public.id)
        .await
        .unwrap_err();
    assert!(matches!(
        refused,
        StoreError::Conflict {
            code: "public_client",
            ..
        }
    ));
}

async fn a_development_application_belongs_to_a_main_one(bed: Bed) {
    let there = bed.furnish().await;
    let (store, main) = (bed.store(), there.application.id);
    let development_of = async |name: &str, main| {
        let new = NewApplication {
            name: name.to_owned(),
            development_of: main,
            ..Default::default()
        };
        let custody = &bed.custody;
        let made = custody.create_application(ACTOR, there.organization, new);
        made.await.map(|(application, _)| application.id)
    };
    let development = development_of("Engine, tried out", Some(main))
        .await
        .unwrap();
    let found = store.application(there.organization, development).await;
    assert_eq!(found.unwrap().development_of, Some(main));

    let move_to = async |id, main| {
        let change = ApplicationChange {
            development_of: Some(main),
            ..Default::default()
        };
        store
            .update_application(ACTOR, there.organization, id, change)
            .await
            .map(|application| application.development_of)
    };
    let refused = |outcome: Result<_, StoreError>| {
        let code = "not_a_main_application";
        matches!(outcome, Err(StoreError::Conflict { code: found, .. }) if found == code)
    };
    let other = development_of("Other", None).await.unwrap();
    assert!(
        refused(move_to(other, Some(development)).await),
        "no third generation"
    );
    assert!(refused(move_to(main, Some(other)).await), "nor from above");
    assert!(refused(move_to(other, Some(other)).await), "nor itself");
    assert!(development_of("Third", Some(development)).await.is_err());

    assert_eq!(move_to(development, None).await.unwrap(), None);
    assert_eq!(move_to(main, Some(other)).await.unwrap(), Some(other));

    let custody = &bed.custody;
    let stranger = custody.create_organization(ACTOR, "Other").await.unwrap();
    let new = NewApplication {
        name: "Theirs".to_owned(),
        ..Default::default()
    };
    let theirs = custody.create_application(ACTOR, stranger.id, new).await;
    let theirs = move_to(development, Some(theirs.unwrap().0.id)).await;
    assert!(matches!(theirs, Err(StoreError::NotFound { .. })));

    let counts = store.addon_counts(there.organization).await.unwrap();
    assert_eq!(counts.get(&main), Some(&1));
    assert_eq!(counts.len(), 1);
}
