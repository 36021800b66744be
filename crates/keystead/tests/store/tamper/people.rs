//! Rows that decide about people and applications.

use keystead::{
    custody::NewAccount,
    store::{ApiScope, Email, NewApiToken, Role},
};
use keystead_vault::{Token, TokenKind};

use super::{assert_alert, edit, literal, swap};
use crate::{
    bed::{ACTOR, Bed},
    on_both_stores,
};

on_both_stores!(
    a_client_secret_row_copied,
    a_role_changed,
    an_api_token_given_to_another_account,
    an_application_moved_to_another_tenant,
    an_account_given_another_address,
    a_session_given_to_another_account_or_put_back,
);

async fn a_client_secret_row_copied(bed: Bed) {
    let there = bed.furnish().await;
    let forged = Token::generate(TokenKind::ClientSecret);
    let hash = literal(&bed, forged.lookup().as_bytes());
    edit(&bed, format!("UPDATE client_secrets SET hash = {hash}")).await;
    let client = bed
        .store()
        .client_by_secret(&there.application.client_id, &forged.lookup())
        .await;
    assert_alert(&bed, client.unwrap_err(), "client_secrets", there.secret.id).await;
}

async fn a_role_changed(bed: Bed) {
    let there = bed.furnish().await;
    let organization = there.organization;
    let email = Email::parse("charles@example.org").unwrap();
    let auditor = NewAccount {
        email,
        organization,
        role: Role::Auditor,
    };
    let auditor = bed.custody.create_account(ACTOR, auditor).await.unwrap();
    let new = NewApiToken {
        organization,
        account: auditor.id,
        name: "script".to_owned(),
        scopes: vec![ApiScope::All],
        expires_at: None,
    };
    let (_, token) = bed.store().create_api_token(ACTOR, new).await.unwrap();
    edit(
        &bed,
        format!(
            "UPDATE members SET role = 'owner' WHERE account_id = '{}'",
            auditor.id
        ),
    )
    .await;
    let caller = bed.store().api_caller(&token.lookup()).await;
    assert_alert(&bed, caller.unwrap_err(), "members", auditor.id).await;
    edit(
        &bed,
        format!(
            "UPDATE members SET role = 'god' WHERE account_id = '{}'",
            auditor.id
        ),
    )
    .await;
    let member = bed.store().member(organization, auditor.id).await;
    assert_alert(&bed, member.unwrap_err(), "members", auditor.id).await;
}

async fn an_api_token_given_to_another_account(bed: Bed) {
    let there = bed.furnish().await;
    let email = Email::parse("charles@example.org").unwrap();
    let other = NewAccount {
        email,
        organization: there.organization,
        role: Role::Owner,
    };
    let other = bed.custody.create_account(ACTOR, other).await.unwrap();
    edit(
        &bed,
        format!("UPDATE api_tokens SET account_id = '{}'", other.id),
    )
    .await;
    let caller = bed.store().api_caller(&there.founded.token.lookup()).await;
    assert_alert(
        &bed,
        caller.unwrap_err(),
        "api_tokens",
        there.founded.api_token.id,
    )
    .await;
}

async fn an_application_moved_to_another_tenant(bed: Bed) {
    let there = bed.furnish().await;
    let other = bed
        .custody
        .create_organization(ACTOR, "Other")
        .await
        .unwrap()
        .id;
    let id = there.application.id;
    edit(
        &bed,
        format!("UPDATE applications SET organization_id = '{other}' WHERE id = '{id}'"),
    )
    .await;
    assert_alert(
        &bed,
        bed.store().application(other, id).await.unwrap_err(),
        "applications",
        id,
    )
    .await;
}

async fn an_account_given_another_address(bed: Bed) {
    let there = bed.furnish().await;
    let email = || Email::parse("mallory@example.org").unwrap();
    let other = NewAccount {
        email: email(),
        organization: there.organization,
        role: Role::Auditor,
    };
    let other = bed.custody.create_account(ACTOR, other).await.unwrap();
    // The owner's address becomes the other's, so that the other's sign-in finds the owner.
    let owner = there.founded.account.id;
    edit(
        &bed,
        format!(
            "UPDATE accounts SET email_hash = {} WHERE id = '{}'",
            literal(&bed, &[7; 32]),
            other.id
        ),
    )
    .await;
    assert!(
        bed.custody
            .account_by_email(&email())
            .await
            .unwrap()
            .is_none()
    );
    let stolen = bed.store().account(other.id).await;
    assert_alert(&bed, stolen.unwrap_err(), "accounts", other.id).await;
    swap(&bed, "accounts", "email_record", "id", owner, other.id).await;
    assert_alert(
        &bed,
        bed.store().account(owner).await.unwrap_err(),
        "accounts",
        owner,
    )
    .await;
}

async fn a_session_given_to_another_account_or_put_back(bed: Bed) {
    let there = bed.furnish().await;
    let (session, token) = bed.sign_in(&there).await;
    let email = Email::parse("charles@example.org").unwrap();
    let other = NewAccount {
        email,
        organization: there.organization,
        role: Role::Auditor,
    };
    let other = bed.custody.create_account(ACTOR, other).await.unwrap();
    let idle = std::time::Duration::from_secs(1800);
    let owner = there.founded.account.id;
    for (name, edit_it, put_right) in [
        (
            "another account",
            format!("UPDATE sessions SET account_id = '{}'", other.id),
            format!("UPDATE sessions SET account_id = '{owner}'"),
        ),
        (
            "a later end",
            "UPDATE sessions SET ends_at = ends_at + 1".to_owned(),
            "UPDATE sessions SET ends_at = ends_at - 1".to_owned(),
        ),
        (
            "a better way to sign in",
            "UPDATE sessions SET method = 'passkey'".to_owned(),
            "UPDATE sessions SET method = 'password'".to_owned(),
        ),
    ] {
        edit(&bed, edit_it).await;
        let found = bed.store().signed_in(&token.lookup(), idle).await;
        assert_alert(&bed, found.expect_err(name), "sessions", session.id).await;
        edit(&bed, put_right).await;
    }
    assert!(
        bed.store()
            .signed_in(&token.lookup(), idle)
            .await
            .unwrap()
            .is_some()
    );
    bed.store().sign_out(&token.lookup()).await.unwrap();
    edit(&bed, "UPDATE sessions SET revoked = 0".to_owned()).await;
    let found = bed.store().signed_in(&token.lookup(), idle).await;
    assert_alert(&bed, found.unwrap_err(), "sessions", session.id).await;
}
