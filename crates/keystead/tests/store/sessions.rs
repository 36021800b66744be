//! Who is signed in is so until the session ends, and not a request longer.

use std::time::Duration;

use keystead::{
    ids::{AccountId, SessionId},
    store::{NewSession, Session, SignInMethod, SignedIn, Store, StoreError},
};
use keystead_vault::{Token, TokenHash, TokenKind};

use crate::{
    bed::{ACTOR, Bed, Furnished},
    on_both_stores,
};

on_both_stores!(
    a_session_finds_its_account_and_what_it_may_do,
    a_session_that_is_not_used_ends,
    a_session_ends_however_much_it_is_used,
    signing_in_again_ends_the_session_before,
    a_step_up_changes_the_token,
    what_was_revoked_is_over_on_the_next_request,
    every_session_but_one_can_be_ended,
    a_session_turns_to_no_organization_of_others,
    what_happened_to_a_session_is_in_the_audit_log,
    sessions_that_ended_are_deleted_and_the_log_still_fits,
);

const IDLE: Duration = Duration::from_secs(30 * 60);

async fn a_session_finds_its_account_and_what_it_may_do(bed: Bed) {
    let there = bed.furnish().await;
    let (session, token) = bed.sign_in(&there).await;
    let found = look(&bed, &token).await.expect("it is live");
    assert_eq!(found.session.id, session.id);
    assert_eq!(found.account.id, there.founded.account.id);
    assert_eq!(found.member.role.word(), "owner");
    assert_eq!(found.organization.id, there.organization);
    assert!(!found.lacks_second_factor());
    let stranger = Token::generate(TokenKind::Session);
    assert!(look(&bed, &stranger).await.is_none());
}

async fn a_session_that_is_not_used_ends(bed: Bed) {
    let there = bed.furnish().await;
    let (_, token) = bed.sign_in(&there).await;
    for _ in 0..3 {
        bed.clock.advance(IDLE - Duration::from_secs(1));
        assert!(look(&bed, &token).await.is_some(), "each use begins anew");
    }
    bed.clock.advance(IDLE + Duration::from_secs(60));
    assert!(look(&bed, &token).await.is_none());
    assert!(listed(&bed, &there).await.is_empty());
}

async fn a_session_ends_however_much_it_is_used(bed: Bed) {
    let there = bed.furnish().await;
    let (session, token) = bed.sign_in(&there).await;
    while bed.clock.now() + Duration::from_secs(20 * 60) < session.ends_at {
        bed.clock.advance(Duration::from_secs(20 * 60));
        assert!(look(&bed, &token).await.is_some());
    }
    bed.clock.advance(Duration::from_secs(20 * 60));
    assert!(look(&bed, &token).await.is_none());
}

async fn signing_in_again_ends_the_session_before(bed: Bed) {
    let there = bed.furnish().await;
    let (_, first) = bed.sign_in(&there).await;
    let (second, token) = bed
        .store()
        .create_session(NewSession {
            replaces: Some(first.lookup()),
            ..another(&there)
        })
        .await
        .unwrap();
    assert!(look(&bed, &first).await.is_none());
    assert_eq!(look(&bed, &token).await.unwrap().session.id, second.id);
}

async fn a_step_up_changes_the_token(bed: Bed) {
    let there = bed.furnish().await;
    let (before, old) = bed.sign_in(&there).await;
    bed.clock.advance(Duration::from_secs(600));
    let store = bed.store();
    let (proved, new) = store
        .prove_session(&old.lookup(), SignInMethod::Passkey)
        .await
        .unwrap();
    assert!(look(&bed, &old).await.is_none(), "who held it is out");
    let found = look(&bed, &new).await.unwrap().session;
    assert_eq!(found.id, before.id);
    assert_eq!(found.proved_at, bed.clock.now());
    assert_eq!(found.ends_at, before.ends_at, "it lasts no longer by that");
    assert_eq!(proved.method, SignInMethod::Passkey);
    assert!(
        store
            .prove_session(&old.lookup(), SignInMethod::Oidc)
            .await
            .is_err()
    );
}

async fn what_was_revoked_is_over_on_the_next_request(bed: Bed) {
    let there = bed.furnish().await;
    let (session, token) = bed.sign_in(&there).await;
    let account = there.founded.account.id;
    // Another process on the same store: nothing is remembered between requests.
    let other: &Store = bed.store();
    let stranger = AccountId::new(&bed.clock);
    let refused = other.revoke_session(ACTOR, stranger, session.id).await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })));
    assert!(look(&bed, &token).await.is_some());
    other
        .revoke_session(ACTOR, account, session.id)
        .await
        .unwrap();
    assert!(look(&bed, &token).await.is_none());
    other
        .revoke_session(ACTOR, account, session.id)
        .await
        .unwrap();

    let (_, token) = bed.sign_in(&there).await;
    other.sign_out(&token.lookup()).await.unwrap();
    assert!(look(&bed, &token).await.is_none());
    other.sign_out(&token.lookup()).await.unwrap();
}

async fn every_session_but_one_can_be_ended(bed: Bed) {
    let there = bed.furnish().await;
    let mut tokens = Vec::new();
    for _ in 0..3 {
        tokens.push(bed.sign_in(&there).await);
    }
    let account = there.founded.account.id;
    let (kept, token) = tokens.pop().unwrap();
    let ended = bed
        .store()
        .revoke_sessions(ACTOR, account, Some(kept.id))
        .await;
    assert_eq!(ended.unwrap(), 2);
    for (_, token) in &tokens {
        assert!(look(&bed, token).await.is_none());
    }
    assert!(look(&bed, &token).await.is_some());
    assert_eq!(ids(&listed(&bed, &there).await), [kept.id]);
    assert_eq!(
        bed.store()
            .revoke_sessions(ACTOR, account, None)
            .await
            .unwrap(),
        1
    );
    assert!(look(&bed, &token).await.is_none());
}

async fn a_session_turns_to_no_organization_of_others(bed: Bed) {
    let there = bed.furnish().await;
    let (_, token) = bed.sign_in(&there).await;
    let other = bed
        .custody
        .create_organization(ACTOR, "Other")
        .await
        .unwrap();
    let refused = bed.store().move_session(&token.lookup(), other.id).await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })));
    let moved = bed
        .store()
        .move_session(&token.lookup(), there.organization)
        .await;
    let (session, moved) = moved.unwrap();
    assert_eq!(session.organization, there.organization);
    assert!(look(&bed, &token).await.is_none(), "it has another token");
    assert!(look(&bed, &moved).await.is_some());
}

async fn what_happened_to_a_session_is_in_the_audit_log(bed: Bed) {
    let there = bed.furnish().await;
    let (session, token) = bed.sign_in(&there).await;
    let (_, token) = bed
        .store()
        .prove_session(&token.lookup(), SignInMethod::Password)
        .await
        .unwrap();
    bed.store().sign_out(&token.lookup()).await.unwrap();
    let verified = bed.store().verify_audit().await.unwrap();
    assert_eq!(verified.faults, []);
    let events = bed.store().audit_events(there.organization, 0, 100).await;
    let actions: Vec<_> = events
        .unwrap()
        .into_iter()
        .filter(|event| event.object == session.id.to_string())
        .map(|event| event.action)
        .collect();
    assert_eq!(
        actions,
        ["session.created", "session.proved", "session.ended"]
    );
}

async fn sessions_that_ended_are_deleted_and_the_log_still_fits(bed: Bed) {
    let there = bed.furnish().await;
    let (session, _) = bed.sign_in(&there).await;
    bed.clock
        .advance(session.ends_at.since(bed.clock.now()) * 3);
    let deleted = bed.store().delete_ended_sessions(bed.clock.now()).await;
    assert_eq!(deleted.unwrap(), 1);
    assert_eq!(bed.store().verify_audit().await.unwrap().faults, []);
}

async fn look(bed: &Bed, token: &Token) -> Option<SignedIn> {
    let hash: TokenHash = token.lookup();
    bed.store().signed_in(&hash, IDLE).await.unwrap()
}

async fn listed(bed: &Bed, there: &Furnished) -> Vec<Session> {
    let account = there.founded.account.id;
    bed.store().sessions(account, IDLE).await.unwrap()
}

fn ids(sessions: &[Session]) -> Vec<SessionId> {
    sessions.iter().map(|session| session.id).collect()
}

fn another(there: &Furnished) -> NewSession {
    NewSession {
        organization: there.organization,
        account: there.founded.account.id,
        method: SignInMethod::Password,
        browser: "Safari, macOS".to_owned(),
        lasts: Duration::from_secs(3600),
        replaces: None,
    }
}
