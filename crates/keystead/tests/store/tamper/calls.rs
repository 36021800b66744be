//! Rows that decide about a call.

use std::time::Duration;

use keystead::{
    ids::TokenId,
    store::{ApplicationChange, Binding, Lookup, NewApplication, StoreError},
};
use keystead_vault::{Token, TokenKind};

use super::{assert_alert, assert_look_up_refused, edit, literal, look_up, swap};
use crate::{
    bed::{ACTOR, Bed, Furnished},
    on_both_stores,
};

on_both_stores!(
    another_key_named_by_an_addon,
    an_addons_operations_changed,
    an_addons_features_changed,
    a_disabled_flag_changed,
    a_revoked_flag_changed,
    an_expiry_changed,
    a_subject_changed,
    a_token_row_inserted,
    an_address_range_widened,
    an_applications_pepper_swapped,
    a_binding_inserted,
    a_mac_removed_or_copied,
);

async fn another_key_named_by_an_addon(bed: Bed) {
    let there = bed.furnish().await;
    let (other, _) = bed.add_key(&there.application).await;
    edit(
        &bed,
        format!(
            "UPDATE addons SET key_id = '{}' WHERE id = '{}'",
            other.id, there.addon.id
        ),
    )
    .await;
    assert_look_up_refused(&bed, &there, "addons", there.addon.id).await;
}

async fn an_addons_operations_changed(bed: Bed) {
    let there = bed.furnish().await;
    edit(
        &bed,
        format!(
            "UPDATE addons SET operations = 'all' WHERE id = '{}'",
            there.addon.id
        ),
    )
    .await;
    assert_look_up_refused(&bed, &there, "addons", there.addon.id).await;
}

async fn an_addons_features_changed(bed: Bed) {
    let there = bed.furnish().await;
    edit(
        &bed,
        format!(
            "UPDATE addons SET allow = '[\"store\"]' WHERE id = '{}'",
            there.addon.id
        ),
    )
    .await;
    assert_look_up_refused(&bed, &there, "addons", there.addon.id).await;
}

async fn a_disabled_flag_changed(bed: Bed) {
    let there = bed.furnish().await;
    bed.store()
        .set_key_disabled(ACTOR, there.organization, there.key.id, true)
        .await
        .unwrap();
    edit(
        &bed,
        format!("UPDATE keys SET disabled = 0 WHERE id = '{}'", there.key.id),
    )
    .await;
    assert_look_up_refused(&bed, &there, "keys", there.key.id).await;
}

async fn a_revoked_flag_changed(bed: Bed) {
    let there = bed.furnish().await;
    let hash = there.token.lookup();
    bed.store()
        .revoke_token(ACTOR, there.organization, there.application.id, &hash)
        .await
        .unwrap();
    edit(&bed, "UPDATE tokens SET revoked = 0".to_owned()).await;
    let error = look_up(&bed, &there).await.unwrap_err();
    let StoreError::Tampered { id, .. } = &error else {
        panic!("{error:?}")
    };
    let id = id.clone();
    assert_alert(&bed, error, "tokens", id).await;

    let fresh = Furnished {
        token: bed.mint(&there.application, &there.secret).await,
        ..there
    };
    bed.store()
        .revoke_client_secret(ACTOR, fresh.organization, fresh.secret.id)
        .await
        .unwrap();
    edit(&bed, "UPDATE client_secrets SET revoked = 0".to_owned()).await;
    assert_look_up_refused(&bed, &fresh, "client_secrets", fresh.secret.id).await;
}

async fn an_expiry_changed(bed: Bed) {
    let there = bed.furnish().await;
    edit(
        &bed,
        "UPDATE tokens SET expires_at = expires_at + 1000000".to_owned(),
    )
    .await;
    assert!(matches!(
        look_up(&bed, &there).await,
        Err(StoreError::Tampered {
            table: "tokens",
            ..
        })
    ));
}

async fn a_subject_changed(bed: Bed) {
    let there = bed.furnish().await;
    let other = bed.mint(&there.application, &there.secret).await;
    let blob = |token: &Token| literal(&bed, token.lookup().as_bytes());
    edit(&bed, format!(
        "UPDATE tokens SET subject = (SELECT subject FROM tokens WHERE hash = {}) WHERE hash = {}",
        blob(&other), blob(&there.token),
    )).await;
    assert!(matches!(
        look_up(&bed, &there).await,
        Err(StoreError::Tampered {
            table: "tokens",
            ..
        })
    ));
}

async fn a_token_row_inserted(bed: Bed) {
    let there = bed.furnish().await;
    let (forged, id) = (Token::generate(TokenKind::Access), TokenId::new(&bed.clock));
    let hash = literal(&bed, forged.lookup().as_bytes());
    edit(
        &bed,
        format!(
        "INSERT INTO tokens (id, organization_id, application_id, hash, client_secret_id, subject,
             scope, expires_at, revoked, created_at, row_version, mac)
         SELECT '{id}', organization_id, application_id, {hash}, client_secret_id, subject, scope,
             expires_at, revoked, created_at, row_version, mac FROM tokens"
    ),
    )
    .await;
    let forged = Furnished {
        token: forged,
        ..there
    };
    assert_look_up_refused(&bed, &forged, "tokens", id).await;
}

async fn an_address_range_widened(bed: Bed) {
    let there = bed.furnish().await;
    let narrow = ApplicationChange {
        addresses: Some(vec!["192.0.2.0/24".parse().unwrap()]),
        ..Default::default()
    };
    bed.store()
        .update_application(ACTOR, there.organization, there.application.id, narrow)
        .await
        .unwrap();
    assert!(matches!(look_up(&bed, &there).await, Ok(Lookup::Found(_))));
    edit(&bed, "UPDATE applications SET addresses = '[]'".to_owned()).await;
    assert_look_up_refused(&bed, &there, "applications", there.application.id).await;
}

async fn an_applications_pepper_swapped(bed: Bed) {
    let there = bed.furnish().await;
    let new = NewApplication {
        name: "other".to_owned(),
        ..Default::default()
    };
    let (other, _) = bed
        .custody
        .create_application(ACTOR, there.organization, new)
        .await
        .unwrap();
    swap(
        &bed,
        "applications",
        "pepper_record",
        "id",
        there.application.id,
        other.id,
    )
    .await;
    assert_look_up_refused(&bed, &there, "applications", there.application.id).await;
}

async fn a_binding_inserted(bed: Bed) {
    let there = bed.furnish().await;
    let subject = async |uid| {
        bed.custody
            .subject(&there.application, "uid", "", uid)
            .await
            .unwrap()
    };
    let binding = Binding {
        organization: there.organization,
        application: there.application.id,
        addon: there.addon.id,
        key: there.key.id,
        subject: subject("one").await,
        kind: "response",
        object: "resp_1".to_owned(),
        expires_at: bed.clock.now() + Duration::from_secs(60),
    };
    bed.store()
        .bind(std::slice::from_ref(&binding))
        .await
        .unwrap();
    let thief = subject("two").await;
    edit(
        &bed,
        format!(
            "UPDATE bindings SET subject = {}",
            literal(&bed, thief.as_bytes())
        ),
    )
    .await;
    let bound = bed
        .store()
        .bound(&Binding {
            subject: thief,
            ..binding
        })
        .await;
    assert_alert(&bed, bound.unwrap_err(), "bindings", there.organization).await;
}

async fn a_mac_removed_or_copied(bed: Bed) {
    let there = bed.furnish().await;
    let second = bed
        .install_addon(&there.application, &there.key, "second")
        .await;
    edit(
        &bed,
        format!(
            "UPDATE addons SET mac = (SELECT mac FROM addons WHERE id = '{}') WHERE id = '{}'",
            second.id, there.addon.id,
        ),
    )
    .await;
    assert_look_up_refused(&bed, &there, "addons", there.addon.id).await;
    let nothing = literal(&bed, &[]);
    edit(
        &bed,
        format!(
            "UPDATE addons SET mac = {nothing} WHERE id = '{}'",
            there.addon.id
        ),
    )
    .await;
    assert_look_up_refused(&bed, &there, "addons", there.addon.id).await;
}
