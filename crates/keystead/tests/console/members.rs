//! Members: their roles, and the end of their place in the organization.

use keystead::store::Role;

use crate::harness::{Keystead, Store};

#[tokio::test]
async fn a_role_holds_on_the_next_request_and_a_removal_too() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let [mut owner, mut developer] = ks.sign_in([Role::Owner, Role::Developer]).await;
    ks.start_again().await;
    developer.visit("/console/members").await.expect(403);
    developer
        .visit("/console/applications/new")
        .await
        .expect(200);

    let list = owner.visit_private("/console/members").await.expect(200);
    let csv = owner.visit_private(&list.link("CSV")).await.expect(200);
    let lines: Vec<_> = csv.text.lines().collect();
    assert_eq!(lines[0], "account_id,email,role,disabled,created_at");
    let developers = lines
        .iter()
        .filter(|line| line.contains(",developer,false,"));
    assert_eq!((developers.count(), lines.len()), (1, 4));
    let narrowed = owner
        .visit_private("/console/members?role=developer&sort=newest")
        .await
        .expect(200);
    assert_eq!(narrowed.text.matches("/console/members/acc").count(), 1);
    let none = owner
        .visit_private("/console/members?role=auditor")
        .await
        .expect(200);
    assert!(none.says("Nothing of that kind"), "{}", none.words());
    let csv = owner.visit_private(&narrowed.link("CSV")).await.expect(200);
    assert_eq!(csv.text.lines().count(), 2, "it is of the same search");
    let mut lines = list.text.split("<tr>").skip(1);
    let line = lines.find(|line| line.contains("developer"));
    let line = line.expect("the developer is listed");
    let path = line
        .split('"')
        .find(|word| word.starts_with("/console/members/"));
    let path = path.expect("with a link");
    let email = line
        .split("<strong>")
        .nth(1)
        .unwrap()
        .split('<')
        .next()
        .unwrap();
    let page = owner.visit_private(path).await.expect(200);
    assert_eq!(page.form(path).value("role"), "developer");
    let changed = page.form(path).set("role", "auditor");
    assert!(owner.submit(&changed).await.expect(200).says("Saved"));
    developer
        .visit("/console/applications/new")
        .await
        .expect(403);
    developer
        .visit_private("/console/members")
        .await
        .expect(200);

    let asked = owner
        .visit_private(&format!("{path}/remove"))
        .await
        .expect(200);
    let wrong = asked.form("/remove").set("confirm", "somebody");
    let wrong = owner.submit(&wrong).await.expect(422);
    assert!(wrong.says("This is not the address"), "{}", wrong.words());
    let right = asked.form("/remove").set("confirm", email);
    assert!(owner.submit(&right).await.expect(200).says("Removed"));
    let out = developer.visit("/console").await;
    assert!(out.path.starts_with("/console/sign-in"), "{}", out.path);
}

#[tokio::test]
async fn an_admin_makes_no_owner_and_removes_none() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let [mut admin] = ks.sign_in([Role::Admin]).await;
    ks.start_again().await;
    let list = admin.visit_private("/console/members").await.expect(200);
    let of = |role: &str| {
        let line = list
            .text
            .split("<tr>")
            .find(|line| line.contains(&format!("<td>{role}</td>")));
        let mut words = line.expect("one of that role").split('"');
        let path = words.find(|word| word.starts_with("/console/members/"));
        path.expect("with a link").to_owned()
    };
    let (own, owner) = (of("admin"), of("owner"));
    let page = admin.visit_private(&own).await.expect(200);
    let forged = page.form(&own).forged("role", "owner");
    admin.submit(&forged).await.expect(403);
    let page = admin.visit_private(&owner).await.expect(200);
    let forged = page.form(&owner).forged("role", "auditor");
    admin.submit(&forged).await.expect(403);
}
