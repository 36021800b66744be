//! What is made can be found, changed and ended, by its own tenant alone.

use std::time::Duration;

use keystead::{
    ids::ClientId,
    store::{
        AddOnChange, ApplicationChange, Authority, Email, KeyFilter, Lookup, Page, StoreError,
    },
};
use keystead_vault::{Token, TokenKind};

use crate::{
    bed::{ACTOR, Bed, Furnished, new_addon},
    on_both_stores,
};

on_both_stores!(
    a_token_finds_its_application_addon_and_key,
    what_ends_a_token_makes_it_unknown,
    what_is_disabled_is_found_disabled,
    another_tenants_id_is_unknown,
    an_api_token_speaks_for_its_member,
    an_email_address_finds_its_account_and_no_other,
);

async fn a_token_finds_its_application_addon_and_key(bed: Bed) {
    let there = bed.furnish().await;
    let found = look_up(&bed, &there).await.expect("the token is live");
    assert_eq!(found.application.id, there.application.id);
    assert_eq!(found.addon.id, there.addon.id);
    assert_eq!(found.addon.models, ["gpt-5"]);
    assert_eq!(found.key.unwrap().id, there.key.id);
    assert_eq!(found.token.hash, there.token.lookup());

    let handle = "chat".parse().unwrap();
    let stranger = ClientId::generate();
    for (name, token, client_id, handle) in [
        (
            "other token",
            Token::generate(TokenKind::Access),
            there.application.client_id,
            &handle,
        ),
        (
            "other client",
            Token::parse(there.token.expose()).unwrap(),
            stranger,
            &handle,
        ),
        (
            "other handle",
            Token::parse(there.token.expose()).unwrap(),
            there.application.client_id,
            &"image".parse().unwrap(),
        ),
    ] {
        let found = bed
            .store()
            .authority(&token.lookup(), &client_id, handle)
            .await
            .unwrap();
        assert!(matches!(found, Lookup::Unknown), "{name}");
    }
}

async fn what_ends_a_token_makes_it_unknown(bed: Bed) {
    let there = bed.furnish().await;
    let (organization, application) = (there.organization, there.application.id);
    let store = bed.store();

    let first = there.token.lookup();
    store
        .revoke_token(ACTOR, organization, application, &first)
        .await
        .unwrap();
    assert!(look_up(&bed, &there).await.is_none(), "revoked");
    store
        .revoke_token(ACTOR, organization, application, &first)
        .await
        .unwrap();

    let second = Furnished {
        token: bed.mint(&there.application, &there.secret).await,
        ..there
    };
    assert!(look_up(&bed, &second).await.is_some());
    bed.clock.advance(Duration::from_secs(600));
    assert!(look_up(&bed, &second).await.is_none(), "expired");

    let third = Furnished {
        token: bed.mint(&second.application, &second.secret).await,
        ..second
    };
    assert!(look_up(&bed, &third).await.is_some());
    store
        .revoke_client_secret(ACTOR, organization, third.secret.id)
        .await
        .unwrap();
    assert!(
        look_up(&bed, &third).await.is_none(),
        "its client secret was revoked"
    );

    assert_eq!(
        store
            .delete_expired_tokens(bed.clock.now() + Duration::from_secs(1))
            .await
            .unwrap(),
        2
    );
}

async fn what_is_disabled_is_found_disabled(bed: Bed) {
    let there = bed.furnish().await;
    let (store, organization) = (bed.store(), there.organization);

    let off = ApplicationChange {
        disabled: Some(true),
        ..Default::default()
    };
    store
        .update_application(ACTOR, organization, there.application.id, off)
        .await
        .unwrap();
    let off = AddOnChange {
        disabled: Some(true),
        ..Default::default()
    };
    store
        .update_addon(ACTOR, organization, there.addon.id, off)
        .await
        .unwrap();
    store
        .set_key_disabled(ACTOR, organization, there.key.id, true)
        .await
        .unwrap();
    let found = look_up(&bed, &there).await.unwrap();
    assert!(found.application.disabled && found.addon.disabled && found.key.unwrap().disabled);

    store
        .set_key_disabled(ACTOR, organization, there.key.id, false)
        .await
        .unwrap();
    assert!(!look_up(&bed, &there).await.unwrap().key.unwrap().disabled);
    store
        .delete_key(ACTOR, organization, there.key.id)
        .await
        .unwrap();
    assert!(look_up(&bed, &there).await.unwrap().key.is_none());
    store
        .remove_addon(ACTOR, organization, there.addon.id)
        .await
        .unwrap();
    assert!(look_up(&bed, &there).await.is_none());
}

async fn another_tenants_id_is_unknown(bed: Bed) {
    let there = bed.furnish().await;
    let store = bed.store();
    let other = bed
        .custody
        .create_organization(ACTOR, "Other")
        .await
        .unwrap()
        .id;
    let (application, key, addon) = (there.application.id, there.key.id, there.addon.id);
    let change = ApplicationChange::default;

    for (name, answer) in [
        (
            "application",
            store.application(other, application).await.err(),
        ),
        (
            "change application",
            store
                .update_application(ACTOR, other, application, change())
                .await
                .err(),
        ),
        (
            "new secret",
            store
                .create_client_secret(ACTOR, other, application)
                .await
                .err(),
        ),
        (
            "revoke secret",
            store
                .revoke_client_secret(ACTOR, other, there.secret.id)
                .await
                .err(),
        ),
        ("key", store.key(other, key).await.err()),
        (
            "disable key",
            store.set_key_disabled(ACTOR, other, key, true).await.err(),
        ),
        (
            "delete key",
            store.delete_key(ACTOR, other, key).await.err(),
        ),
        (
            "key status",
            store
                .set_key_status(other, key, there.key.status)
                .await
                .err(),
        ),
        ("addon", store.addon(other, addon).await.err()),
        (
            "change addon",
            store
                .update_addon(ACTOR, other, addon, AddOnChange::default())
                .await
                .err(),
        ),
        (
            "remove addon",
            store.remove_addon(ACTOR, other, addon).await.err(),
        ),
        (
            "install addon",
            store
                .install_addon(ACTOR, other, new_addon(&there.application, &there.key, "x"))
                .await
                .err(),
        ),
        (
            "revoke API token",
            store
                .revoke_api_token(ACTOR, other, there.founded.api_token.id)
                .await
                .err(),
        ),
    ] {
        assert!(
            matches!(answer, Some(StoreError::NotFound { .. })),
            "{name}: {answer:?}"
        );
    }
    assert!(
        bed.custody
            .open_key(ACTOR, other, key, "test")
            .await
            .is_err()
    );
    let all = Page::first(100);
    assert!(
        store
            .keys(other, &KeyFilter::default(), &all)
            .await
            .unwrap()
            .rows
            .is_empty()
    );
    assert!(
        store
            .addons(other, None, &all)
            .await
            .unwrap()
            .rows
            .is_empty()
    );
    assert!(
        store
            .applications(other, &all)
            .await
            .unwrap()
            .rows
            .is_empty()
    );
    assert!(store.api_tokens(other, &all).await.unwrap().rows.is_empty());
    store
        .revoke_token(ACTOR, other, application, &there.token.lookup())
        .await
        .unwrap();
    assert!(
        look_up(&bed, &there).await.is_some(),
        "nothing of it was touched"
    );
}

async fn an_api_token_speaks_for_its_member(bed: Bed) {
    let there = bed.furnish().await;
    let (store, hash) = (bed.store(), there.founded.token.lookup());
    let caller = store.api_caller(&hash).await.unwrap().unwrap();
    assert_eq!(caller.member.organization, there.organization);
    assert_eq!(caller.member.account, there.founded.account.id);
    assert_eq!(caller.member.role.word(), "owner");

    let id = there.founded.api_token.id;
    store
        .revoke_api_token(ACTOR, there.organization, id)
        .await
        .unwrap();
    assert!(store.api_caller(&hash).await.unwrap().is_none());

    let (mut new, _) = (there.founded.api_token.clone(), ());
    new.expires_at = Some(bed.clock.now() + Duration::from_secs(60));
    let new = keystead::store::NewApiToken {
        organization: new.organization,
        account: new.account,
        name: new.name,
        scopes: new.scopes,
        expires_at: new.expires_at,
    };
    let (_, token) = store.create_api_token(ACTOR, new).await.unwrap();
    assert!(store.api_caller(&token.lookup()).await.unwrap().is_some());
    bed.clock.advance(Duration::from_secs(60));
    assert!(
        store.api_caller(&token.lookup()).await.unwrap().is_none(),
        "expired"
    );
}

async fn an_email_address_finds_its_account_and_no_other(bed: Bed) {
    let there = bed.furnish().await;
    let email = bed.custody.email_of(&there.founded.account).await.unwrap();
    let shouted = Email::parse(&email.expose().to_uppercase()).unwrap();
    let found = bed
        .custody
        .account_by_email(&shouted)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.id, there.founded.account.id);
    let stranger = Email::parse("nobody@example.org").unwrap();
    assert!(
        bed.custody
            .account_by_email(&stranger)
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        bed.custody.found("again", &stranger).await.is_err(),
        "there is an account already"
    );
}

pub(crate) async fn look_up(bed: &Bed, there: &Furnished) -> Option<Authority> {
    let (client_id, handle) = (&there.application.client_id, &there.addon.handle);
    match bed
        .store()
        .authority(&there.token.lookup(), client_id, handle)
        .await
        .unwrap()
    {
        Lookup::Found(authority) => Some(*authority),
        Lookup::Unknown => None,
    }
}
