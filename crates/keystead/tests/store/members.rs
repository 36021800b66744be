//! Members and what they had, and applications with what belonged to them: gone is gone.

use keystead::{
    custody::NewAccount,
    ids::OrganizationId,
    store::{ApiScope, Belongings, Email, Member, NewApiToken, Page, Role, StoreError},
};

use crate::{
    bed::{ACTOR, Bed},
    on_both_stores,
};

on_both_stores!(
    of_two_owners_who_leave_at_once_one_stays,
    a_removed_member_has_no_token_left,
    a_decision_about_another_member_than_there_is_fails,
    a_deleted_application_is_gone_everywhere,
);

async fn of_two_owners_who_leave_at_once_one_stays(bed: Bed) {
    let there = bed.furnish().await;
    let organization = there.organization;
    let second = join(&bed, organization, "grace@example.org", Role::Owner).await;
    let first = bed
        .store()
        .member(organization, there.founded.account.id)
        .await
        .unwrap()
        .unwrap();
    let (one, other) = tokio::join!(
        bed.store().remove_member(ACTOR, first),
        bed.store().set_role(ACTOR, second, Role::Auditor),
    );
    let refused = |error: StoreError| matches!(error, StoreError::Conflict { code, .. } if code == "last_owner");
    match (one, other) {
        (Ok(()), Err(error)) | (Err(error), Ok(_)) => assert!(refused(error)),
        both => panic!("one stays: {both:?}"),
    }
    let left = bed
        .store()
        .members(organization, None, &Page::first(10))
        .await
        .unwrap();
    let owners = left.rows.iter().filter(|(one, _)| one.role == Role::Owner);
    assert_eq!(owners.count(), 1);
    assert_eq!(bed.store().verify_audit().await.unwrap().faults, []);
}

async fn a_removed_member_has_no_token_left(bed: Bed) {
    let there = bed.furnish().await;
    let organization = there.organization;
    let member = join(&bed, organization, "grace@example.org", Role::Developer).await;
    let new = NewApiToken {
        organization,
        account: member.account,
        name: "script".to_owned(),
        scopes: vec![ApiScope::All],
        expires_at: None,
    };
    let (_, token) = bed.store().create_api_token(ACTOR, new).await.unwrap();
    bed.store().remove_member(ACTOR, member).await.unwrap();
    let hash = token.lookup();
    assert!(bed.store().api_caller(&hash).await.unwrap().is_none());

    // Whoever comes back starts anew: the old token stays revoked.
    let back = bed.store().member(organization, member.account).await;
    assert_eq!(back.unwrap(), None);
    assert_eq!(bed.store().verify_audit().await.unwrap().faults, []);
}

async fn a_decision_about_another_member_than_there_is_fails(bed: Bed) {
    let there = bed.furnish().await;
    let organization = there.organization;
    let was = join(&bed, organization, "grace@example.org", Role::Auditor).await;
    let now = bed.store().set_role(ACTOR, was, Role::Owner).await.unwrap();
    assert_eq!((now.role, now.row_version), (Role::Owner, 2));
    let late = bed.store().remove_member(ACTOR, was).await;
    assert!(matches!(late, Err(StoreError::Conflict { code, .. }) if code == "changed_meanwhile"));
}

async fn a_deleted_application_is_gone_everywhere(bed: Bed) {
    let there = bed.furnish().await;
    let (organization, id) = (there.organization, there.application.id);
    let store = bed.store();
    assert_eq!(
        store.belongings(organization, id).await.unwrap(),
        Belongings {
            development_applications: 0,
            keys: 1,
            own_keys: 0,
            addons: 1,
            client_secrets: 1,
            access_tokens: 1,
        }
    );
    let stranger = bed.custody.create_organization(ACTOR, "Strangers").await;
    let stranger = stranger.unwrap().id;
    let foreign = store.delete_application(ACTOR, stranger, id).await;
    assert!(matches!(foreign, Err(StoreError::NotFound { .. })));

    store
        .delete_application(ACTOR, organization, id)
        .await
        .unwrap();
    let key = store.key(organization, there.key.id).await;
    assert!(matches!(key, Err(StoreError::NotFound { .. })));
    let client = &there.application.client_id;
    let hash = there.secret_token.lookup();
    let secret = store.client_by_secret(client, &hash).await.unwrap();
    assert!(secret.is_none());
    assert_eq!(store.verify_audit().await.unwrap().faults, []);
}

async fn join(bed: &Bed, organization: OrganizationId, email: &str, role: Role) -> Member {
    let new = NewAccount {
        email: Email::parse(email).unwrap(),
        organization,
        role,
    };
    let account = bed.custody.create_account(ACTOR, new).await.unwrap();
    let member = bed.store().member(organization, account.id).await;
    member.unwrap().expect("it was just made")
}
