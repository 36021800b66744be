//! A link by which somebody's own key comes is followed by one alone, and what came by it stays if it is
//! confirmed, once, and is wiped if it is not.

use std::time::Duration;

use keystead::{
    ids::ConnectLinkId,
    store::{AddOn, ConnectLink, ConnectStep, GrantTerms},
};
use keystead_vault::{SubjectHash, Token, TokenKind};

use crate::{
    bed::{ACTOR, Bed, Furnished},
    on_both_stores,
    own_keys::{Own, assert_sound, look_up, subject_of, wanting},
};

on_both_stores!(
    a_link_is_followed_by_one_and_wiped_if_nobody_confirms_it,
    a_key_that_is_confirmed_takes_the_place_of_the_one_before,
);

/// A link of the bed's application, for one of its users.
pub(crate) async fn made(
    bed: &Bed,
    there: &Furnished,
    addon: &AddOn,
    subject: SubjectHash,
) -> ConnectLink {
    let now = bed.clock.now();
    let link = ConnectLink {
        id: ConnectLinkId::new(&bed.clock),
        organization: there.organization,
        application: there.application.id,
        addon: addon.id,
        subject,
        provider: "openai".to_owned(),
        return_to: "https://app.example/".to_owned(),
        state: None,
        hash: Token::generate(TokenKind::Link).lookup(),
        step: ConnectStep::Made,
        checks_left: 5,
        key: None,
        terms: GrantTerms::default(),
        code: None,
        created_at: now,
        expires_at: now + Duration::from_secs(600),
        row_version: 1,
    };
    bed.store().insert_connect_link(&link).await.unwrap();
    link
}

async fn opened(bed: &Bed, there: &Furnished, addon: &AddOn) -> ConnectLink {
    let mut link = made(bed, there, addon, subject_of(bed, there).await).await;
    link.step = ConnectStep::Opened;
    let (mut one, mut other) = (link.clone(), link.clone());
    assert!(bed.store().follow_connect_link(&mut one).await.unwrap());
    let late = bed.store().follow_connect_link(&mut other).await;
    assert!(!late.unwrap(), "one alone takes a step");
    one
}

/// A link by which a key came; nobody has confirmed it yet.
pub(crate) async fn entered(bed: &Bed, there: &Furnished, addon: &AddOn) -> (ConnectLink, Own) {
    let mut link = opened(bed, there, addon).await;
    let own = Own::new(bed, link.holder()).await;
    link.key = Some(own.key.id);
    link.step = ConnectStep::Finished;
    link.code = Some(Token::generate(TokenKind::Link).lookup());
    assert!(bed.store().follow_connect_link(&mut link).await.unwrap());
    (link, own)
}

async fn overdue(bed: &Bed) -> Vec<ConnectLink> {
    bed.store().overdue_connect_links().await.unwrap()
}

async fn a_link_is_followed_by_one_and_wiped_if_nobody_confirms_it(bed: Bed) {
    let there = bed.furnish().await;
    let addon = wanting(&bed, &there.application, "own", "openai").await;
    let (link, own) = entered(&bed, &there, &addon).await;
    let found = look_up(&bed, &there.application, &there.token, "own").await;
    assert!(found.unwrap().own.is_none(), "nothing rests on it yet");
    assert!(overdue(&bed).await.is_empty());

    bed.clock.advance(Duration::from_secs(600));
    let links = overdue(&bed).await;
    assert_eq!(links.len(), 1);
    for link in links {
        bed.store().end_connect_link(ACTOR, link).await.unwrap();
    }
    assert!(bed.store().own_keys(own.vault.id).await.unwrap().is_empty());
    assert!(overdue(&bed).await.is_empty());
    // What was read before it ended confirms nothing.
    let confirmed = bed.store().confirm_connect_link(ACTOR, link).await;
    assert!(confirmed.unwrap().is_none());
    assert_sound(&bed).await;
}

async fn a_key_that_is_confirmed_takes_the_place_of_the_one_before(bed: Bed) {
    let there = bed.furnish().await;
    let addon = wanting(&bed, &there.application, "own", "openai").await;
    let mut grants = Vec::new();
    for _ in 0..2 {
        let (link, own) = entered(&bed, &there, &addon).await;
        let grant = bed.store().confirm_connect_link(ACTOR, link.clone()).await;
        grants.push(grant.unwrap().expect("the grant"));
        let again = bed.store().confirm_connect_link(ACTOR, link).await;
        assert!(again.unwrap().is_none(), "once");
        let keys = bed.store().own_keys(own.vault.id).await.unwrap();
        let keys: Vec<_> = keys.iter().map(|key| key.id).collect();
        assert_eq!(keys, [own.key.id]);
    }
    assert_eq!(grants[0].id, grants[1].id, "one an application and subject");
    // One that is not confirmed leaves what there is as it is.
    let (link, own) = entered(&bed, &there, &addon).await;
    bed.store().end_connect_link(ACTOR, link).await.unwrap();
    let keys = bed.store().own_keys(own.vault.id).await.unwrap();
    assert_eq!((keys.len(), keys[0].id), (1, grants[1].key));
    let found = look_up(&bed, &there.application, &there.token, "own").await;
    assert!(found.unwrap().own.unwrap().key.is_some());
    assert_sound(&bed).await;
}
