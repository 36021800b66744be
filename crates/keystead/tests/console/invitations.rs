//! Invitations: a link on a page of its own, that lets one person in, once.

use keystead::store::Role;

use crate::harness::page::{Page, Visitor};
use crate::harness::{Keystead, Store, on_each_store, planted};

on_each_store!(
    an_invitation_is_shown_once_and_lets_one_person_in,
    a_withdrawn_invitation_lets_nobody_in,
    who_may_not_invite_is_not_offered_it,
);

async fn an_invitation_is_shown_once_and_lets_one_person_in(store: Store) {
    let ks = Keystead::prepare(store).init().await;
    let [mut owner] = ks.sign_in([Role::Owner]).await;
    ks.start_again().await;
    let list = owner.visit("/console/members/invitations").await;
    assert!(list.expect(200).says("No open invitation"));
    let email = email(&ks);
    let form = owner
        .visit("/console/members/invitations/new")
        .await
        .expect(200);
    let filled = form
        .form("/console/members/invitations")
        .set("email", "nobody")
        .set("days", "31");
    let wrong = owner.submit(&filled).await.expect(422);
    assert!(wrong.says("Expected an e-mail address") && wrong.says("Must be from 1 to 30 days"));
    assert_eq!(
        wrong.form("/console/members/invitations").value("email"),
        "nobody"
    );
    let made = invite(&ks, &mut owner, &email, "developer").await;
    assert!(
        made.says("It is shown this once") && made.says(&email),
        "{}",
        made.words()
    );
    assert!(!made.offers("Download as .env"), "it is for a person");
    let link = made.element("secret");
    let list = owner.visit_private("/console/members/invitations").await;
    let list = list.expect(200);
    assert!(list.says(&email) && list.says("by you"), "{}", list.words());
    assert!(!list.text.contains("ksl1_"), "the link is shown once");
    let csv = owner.visit_private(&list.link("CSV")).await.expect(200);
    let line = format!(",{email},developer,");
    assert!(csv.text.contains(&line) && !csv.text.contains("ksl1_"));

    let mut guest = Visitor::new(ks.client());
    let opened = open(&mut guest, &link).await.expect(200);
    assert!(opened.says("to be a developer there"), "{}", opened.words());
    let password = ks.place.plant("password", planted::alphanumeric(20));
    let accept = opened
        .form("/console/invitation/account")
        .set("password", &password);
    let inside = guest.submit(&accept).await.expect(200);
    assert_eq!(inside.path, "/console");
    assert!(inside.says("Developer, Main"), "{}", inside.words());
    guest.visit("/console/applications/new").await.expect(200);
    guest.visit("/console/members").await.expect(403);

    let mut second = Visitor::new(ks.client());
    let refused = open(&mut second, &link).await.expect(422);
    assert!(refused.says("ask for another"), "{}", refused.words());
    let members = owner.visit_private("/console/members").await.expect(200);
    assert!(members.says(&email));
    let list = owner.visit("/console/members/invitations").await;
    assert!(list.expect(200).says("No open invitation"));
    let again = owner.visit("/console/members/invitations/new").await;
    let filled = again
        .form("/console/members/invitations")
        .set("email", &email);
    let known = owner.submit(&filled).await.expect(422);
    assert!(known.says("The account is a member already"));
}

async fn a_withdrawn_invitation_lets_nobody_in(store: Store) {
    let ks = Keystead::prepare(store).init().await;
    let [mut owner, mut auditor] = ks.sign_in([Role::Owner, Role::Auditor]).await;
    ks.start_again().await;
    let email = email(&ks);
    let made = invite(&ks, &mut owner, &email, "admin").await;
    let link = made.element("secret");
    let list = owner.visit_private("/console/members/invitations").await;
    let mut withdraw = list.expect(200).form("/withdraw");

    let theirs = auditor.visit_private("/console/members/invitations").await;
    let theirs = theirs.expect(200);
    assert!(theirs.says(&email) && !theirs.offers("Invite someone"));
    assert!(!theirs.has_form("/withdraw"), "{}", theirs.words());
    let forged = withdraw.clone().forged("csrf", &auditor.csrf(&theirs));
    assert_eq!(auditor.submit(&forged).await.status, 403);
    assert_eq!(
        owner.submit(&forged).await.status,
        403,
        "of another session"
    );

    let done = owner.submit(&withdraw).await.expect(200);
    assert!(done.says("Withdrawn") && done.says("No open invitation"));
    withdraw = withdraw.forged("csrf", &owner.csrf(&done));
    assert_eq!(owner.submit(&withdraw).await.status, 404);
    let mut guest = Visitor::new(ks.client());
    let refused = open(&mut guest, &link).await.expect(422);
    assert!(refused.says("ask for another"), "{}", refused.words());
}

async fn who_may_not_invite_is_not_offered_it(store: Store) {
    let ks = Keystead::prepare(store).init().await;
    let [mut admin, mut developer] = ks.sign_in([Role::Admin, Role::Developer]).await;
    ks.start_again().await;
    for page in ["", "/new"] {
        let path = format!("/console/members/invitations{page}");
        developer.visit(&path).await.expect(403);
    }
    let form = admin.visit("/console/members/invitations/new").await;
    let form = form.expect(200).form("/console/members/invitations");
    let above = form.set("email", &email(&ks)).forged("role", "owner");
    assert_eq!(admin.submit(&above).await.status, 403);
}

/// Fills in the form; the page that shows the link.
async fn invite(ks: &Keystead, who: &mut Visitor, email: &str, role: &str) -> Page {
    let form = who.visit("/console/members/invitations/new").await;
    let filled = form
        .expect(200)
        .form("/console/members/invitations")
        .set("email", email)
        .set("role", role);
    let made = who.submit(&filled).await.expect(200);
    let link = made.element("secret");
    let (page, token) = link.split_once('#').expect("the token is in the fragment");
    assert!(page.ends_with("/console/invitation"), "it leads elsewhere");
    ks.place.plant("invitation", token);
    made
}

/// Opens a link as a browser without scripts does: what stands behind its `#` is typed.
async fn open(who: &mut Visitor, link: &str) -> Page {
    let (_, token) = link.split_once('#').expect("the token is in the fragment");
    let page = who.visit("/console/invitation").await.expect(200);
    let form = page.form("/console/invitation").set("link", token);
    who.submit(&form).await
}

fn email(ks: &Keystead) -> String {
    let email = format!("canary-{}@mail.example", planted::hex(16));
    ks.place.plant("email", email)
}
