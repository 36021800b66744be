//! Links: the first account and each further one come in by a link that works once, for a while.

use std::time::Duration;

use keystead::{
    custody::{CustodyError, NewAccount, OpenInvitation},
    ids::AccountId,
    people::NotProven,
    store::{Email, Page, Role, SignInMethod, SignedIn, StoreError},
};
use keystead_vault::{Token, TokenKind};

use super::{Crowd, fresh_email, fresh_password, proven, with_password};
use crate::{
    bed::{ACTOR, Bed, canary},
    on_both_stores,
    tamper::{assert_alert, edit},
};

on_both_stores!(
    the_set_up_link_works_once,
    a_set_up_link_ends_with_its_hour_and_with_the_first_account,
    a_first_account_is_made_without_a_browser_once,
    an_invitation_lets_one_person_in,
    an_invitation_that_is_over_lets_nobody_in,
    someone_with_an_account_joins_by_their_own_address_alone,
    an_invitation_with_another_role_is_refused,
    an_invitation_ends_with_its_makers_right_to_invite,
);

async fn the_set_up_link_works_once(bed: Bed) {
    let crowd = Crowd::nobody(bed).await;
    let link = crowd.people.set_up_link().await.unwrap().unwrap();
    canary("link", link.expose().to_owned(), &crowd.bed);
    crowd.people.can_set_up(link.expose()).await.unwrap();
    let entrance = set_up(&crowd, &link).await.unwrap();
    let owner = crowd.look(&entrance.token).await.unwrap();
    assert_eq!(owner.member.role, Role::Owner);
    assert_eq!(owner.session.method, SignInMethod::Password);
    assert!(matches!(
        set_up(&crowd, &link).await,
        Err(NotProven::LinkOver)
    ));
    assert!(crowd.people.set_up_link().await.unwrap().is_none());
    proven(crowd.try_password(&crowd.email, &crowd.password).await);
    assert_eq!(crowd.bed.store().verify_audit().await.unwrap().faults, []);
}

async fn a_set_up_link_ends_with_its_hour_and_with_the_first_account(bed: Bed) {
    let crowd = Crowd::nobody(bed).await;
    let first = crowd.people.set_up_link().await.unwrap().unwrap();
    crowd.wait(60 * 60);
    assert!(matches!(
        set_up(&crowd, &first).await,
        Err(NotProven::LinkOver)
    ));
    let second = crowd.people.set_up_link().await.unwrap().unwrap();
    let third = crowd.people.set_up_link().await.unwrap().unwrap();
    let stranger = Token::generate(TokenKind::Link);
    assert!(matches!(
        set_up(&crowd, &stranger).await,
        Err(NotProven::LinkOver)
    ));
    set_up(&crowd, &second).await.unwrap();
    assert!(matches!(
        set_up(&crowd, &third).await,
        Err(NotProven::LinkOver)
    ));
}

async fn a_first_account_is_made_without_a_browser_once(bed: Bed) {
    let crowd = Crowd::nobody(bed).await;
    let email = Email::parse(&crowd.email).unwrap();
    let password = || zeroize::Zeroizing::new(crowd.password.clone());
    assert!(
        crowd
            .people
            .found("Main", &email, password())
            .await
            .unwrap()
    );
    assert!(
        !crowd
            .people
            .found("Main", &email, password())
            .await
            .unwrap()
    );
    proven(crowd.try_password(&crowd.email, &crowd.password).await);
}

async fn an_invitation_lets_one_person_in(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let (email, link) = invite(&crowd, &owner, Role::Developer).await;
    let shown = crowd.people.invited(link.expose()).await.unwrap();
    assert_eq!(shown.organization, "Analytical Engines");
    assert_eq!((shown.role, shown.has_account), (Role::Developer, false));
    assert_eq!(shown.email.expose(), email);
    let listed = open(&crowd, &owner).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].email.expose(), email);

    let password = fresh_password(&crowd.bed);
    let accept = || async {
        let credential = with_password(&password);
        let browser = "Chrome, Windows".to_owned();
        crowd
            .people
            .accept(link.expose(), credential, browser)
            .await
    };
    let entrance = accept().await.unwrap();
    let found = crowd.look(&entrance.token).await.unwrap();
    assert_eq!(found.member.role, Role::Developer);
    assert_eq!(found.organization.id, owner.organization.id);
    assert!(matches!(accept().await, Err(NotProven::LinkOver)));
    assert!(open(&crowd, &owner).await.is_empty());
    proven(crowd.try_password(&email, &password).await);
    assert_eq!(crowd.bed.store().verify_audit().await.unwrap().faults, []);
}

async fn an_invitation_that_is_over_lets_nobody_in(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let organization = owner.organization.id;
    let (_, link) = invite(&crowd, &owner, Role::Admin).await;
    let id = open(&crowd, &owner).await[0].id;
    let other = crowd
        .bed
        .custody
        .create_organization(owner.actor(), "Other")
        .await
        .unwrap();
    let refused = crowd
        .bed
        .custody
        .revoke_invitation(owner.actor(), other.id, id)
        .await;
    assert!(refused.is_err(), "another tenant's");
    crowd
        .bed
        .custody
        .revoke_invitation(owner.actor(), organization, id)
        .await
        .unwrap();
    let taken_back = crowd.people.invited(link.expose()).await;
    assert!(matches!(taken_back, Err(NotProven::LinkOver)));

    let (_, link) = invite(&crowd, &owner, Role::Admin).await;
    crowd.wait(WEEK.as_secs());
    let late = crowd.people.invited(link.expose()).await;
    assert!(matches!(late, Err(NotProven::LinkOver)));
    let set_up = crowd.people.can_set_up(link.expose()).await;
    assert!(matches!(set_up, Err(NotProven::LinkOver)));
}

async fn someone_with_an_account_joins_by_their_own_address_alone(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let other = crowd
        .bed
        .custody
        .create_organization(owner.actor(), "Other")
        .await
        .unwrap();
    let (email, own) = invite(&crowd, &owner, Role::Auditor).await;
    let browser = || "Chrome, Windows".to_owned();
    let password = with_password(&fresh_password(&crowd.bed));
    let entrance = crowd
        .people
        .accept(own.expose(), password, browser())
        .await
        .unwrap();
    let guest = crowd.look(&entrance.token).await.unwrap();

    let address = Email::parse(&email).unwrap();
    let new = NewAccount {
        email: Email::parse(&fresh_email(&crowd.bed)).unwrap(),
        organization: other.id,
        role: Role::Owner,
    };
    let custody = &crowd.bed.custody;
    let host = custody.create_account(ACTOR, new).await.unwrap();
    let (by, place) = ((host.id, Role::Owner), (other.id, Role::Admin));
    let made = custody.invite(ACTOR, by, place, address, WEEK).await;
    let (_, link) = made.unwrap();
    let password = with_password(&fresh_password(&crowd.bed));
    let second = crowd
        .people
        .accept(link.expose(), password, browser())
        .await;
    assert!(matches!(second, Err(NotProven::HasAccount)));
    let refused = crowd.people.join(&owner, link.expose()).await;
    assert!(matches!(refused, Err(NotProven::OtherAddress)));
    let token = crowd.people.join(&guest, link.expose()).await.unwrap();
    let moved = crowd.look(&token).await.unwrap();
    assert_eq!((moved.organization.id, moved.member.role), place);
    let twice = crowd.people.join(&moved, link.expose()).await;
    assert!(matches!(twice, Err(NotProven::LinkOver)));
    assert_eq!(crowd.bed.store().verify_audit().await.unwrap().faults, []);
}

async fn an_invitation_with_another_role_is_refused(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let (_, link) = invite(&crowd, &owner, Role::Auditor).await;
    edit(
        &crowd.bed,
        "UPDATE links SET role = 'owner' WHERE role = 'auditor'".to_owned(),
    )
    .await;
    let id = crowd
        .bed
        .only("SELECT id FROM links WHERE role = 'owner'")
        .await;
    match crowd.people.invited(link.expose()).await {
        Err(NotProven::Custody(CustodyError::Store(error))) => {
            assert_alert(&crowd.bed, error, "links", id).await;
        }
        other => panic!("{other:?}"),
    }
}

/// Nobody comes in by the word of someone who may no longer give it.
async fn an_invitation_ends_with_its_makers_right_to_invite(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let (custody, store) = (&crowd.bed.custody, crowd.bed.store());
    let organization = owner.organization.id;
    let new = || NewAccount {
        email: Email::parse(&fresh_email(&crowd.bed)).unwrap(),
        organization,
        role: Role::Admin,
    };
    let (first, second) = (
        custody.create_account(ACTOR, new()).await.unwrap(),
        custody.create_account(ACTOR, new()).await.unwrap(),
    );
    let by = async |maker: AccountId, role: Role| {
        let address = Email::parse(&fresh_email(&crowd.bed)).unwrap();
        let place = (organization, Role::Developer);
        let made = custody
            .invite(ACTOR, (maker, role), place, address, WEEK)
            .await;
        let token = made.unwrap().1;
        canary("link", token.expose().to_owned(), &crowd.bed);
        token
    };
    let is_over = async |link: &Token| {
        let found = crowd.people.invited(link.expose()).await;
        matches!(found, Err(NotProven::LinkOver))
    };
    let (demoted, removed, kept) = (
        by(first.id, Role::Admin).await,
        by(second.id, Role::Admin).await,
        by(owner.account.id, Role::Owner).await,
    );
    let place =
        |account| async move { store.member(organization, account).await.unwrap().unwrap() };
    let was = place(first.id).await;
    store.set_role(ACTOR, was, Role::Auditor).await.unwrap();
    assert!(is_over(&demoted).await && !is_over(&removed).await);
    let was = place(second.id).await;
    store.remove_member(ACTOR, was).await.unwrap();
    assert!(is_over(&removed).await && !is_over(&kept).await);
    // What was decided before it ended is not done after.
    for late in [first.id, second.id] {
        let address = Email::parse(&fresh_email(&crowd.bed)).unwrap();
        let (by, place) = ((late, Role::Admin), (organization, Role::Developer));
        let refused = custody.invite(ACTOR, by, place, address, WEEK).await;
        let Err(CustodyError::Store(StoreError::Conflict { code, .. })) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(code, "changed_meanwhile");
    }
    assert_eq!(store.verify_audit().await.unwrap().faults, []);
}

/// The invitations of the owner's organization that may still be used.
async fn open(crowd: &Crowd, owner: &SignedIn) -> Vec<OpenInvitation> {
    let custody = &crowd.bed.custody;
    let found = custody
        .invitations(owner.organization.id, None, &Page::first(50))
        .await;
    found.unwrap().rows
}

const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

pub(super) async fn invite(crowd: &Crowd, owner: &SignedIn, role: Role) -> (String, Token) {
    let email = fresh_email(&crowd.bed);
    let address = Email::parse(&email).unwrap();
    let place = (owner.organization.id, role);
    let by = (owner.account.id, Role::Owner);
    let (_, link) = crowd
        .bed
        .custody
        .invite(owner.actor(), by, place, address, WEEK)
        .await
        .unwrap();
    canary("link", link.expose().to_owned(), &crowd.bed);
    (email, link)
}

async fn set_up(crowd: &Crowd, link: &Token) -> Result<keystead::people::Entrance, NotProven> {
    crowd
        .people
        .set_up(
            link.expose(),
            "Analytical Engines",
            &crowd.email,
            with_password(&crowd.password),
            "Firefox, Linux".to_owned(),
        )
        .await
}
