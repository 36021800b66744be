//! Someone who belongs to several organizations turns from one to another, and sees of each what their
//! role there shows.

use keystead::store::Role;

use crate::harness::{Keystead, Store, on_each_store};

on_each_store!(one_organization_at_a_time_is_looked_at);

async fn one_organization_at_a_time_is_looked_at(store: Store) {
    let ks = Keystead::prepare(store).init().await;
    let (mut owner, email) = ks.sign_in_known(Role::Owner).await;
    let [mut other] = ks.sign_in([Role::Auditor]).await;
    let name = "Northwind Letters";
    let (second, link) = ks.invited_elsewhere(name, &email, Role::Auditor).await;
    ks.start_again().await;
    let app = ks.app().await;
    let path = format!("/console/applications/{}", app.id);
    let main = owner.visit(&path).await.expect(200);
    assert!(
        !main.has_form("/account/organization"),
        "there is no other yet"
    );

    let page = owner.visit("/console/invitation").await.expect(200);
    let form = page.form("/console/invitation").set("link", &link);
    let asked = owner.submit(&form).await.expect(200);
    let joined = owner.submit(&asked.form("/join")).await.expect(200);
    assert!(
        joined.says("Auditor, Northwind Letters"),
        "{}",
        joined.words()
    );
    owner.visit(&path).await.expect(404);
    owner.visit("/console/applications/new").await.expect(403);
    // A form that was opened for the one does nothing in the other.
    assert_eq!(owner.submit(&main.form("/sign-out")).await.status, 403);

    let turn = joined.form("/account/organization");
    let alone = other.visit("/console").await.expect(200);
    let foreign = turn.clone().forged("csrf", &other.csrf(&alone));
    assert_eq!(owner.submit(&foreign).await.status, 403);
    let theirs = foreign.forged("organization", &second.to_string());
    assert_eq!(other.submit(&theirs).await.status, 404, "no member there");
    let nowhere = "org_00000000000070008000000000000000";
    let nowhere = turn.clone().forged("organization", nowhere);
    assert_eq!(owner.submit(&nowhere).await.status, 404);

    assert!(joined.offers("Turn to Main"), "{}", joined.words());
    let turned = owner.submit(&turn).await.expect(200);
    assert_eq!(turned.path, "/console?done=turned");
    assert!(turned.says("Owner, Main"), "{}", turned.words());
    owner.visit(&path).await.expect(200);
    assert!(turned.offers("Turn to Northwind Letters"));
}
