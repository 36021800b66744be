//! What a person may not do is not offered, and refused when it is posted all the same; what belongs
//! to another organization is not there; a form that no page of ours sent changes nothing.

use keystead::store::Role;
use serde_json::{Value, json};

use crate::harness::page::Visitor;
use crate::harness::{Ask, Keystead, Store};

#[tokio::test]
async fn an_auditor_sees_applications_and_changes_nothing() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let [mut owner, mut auditor] = ks.sign_in([Role::Owner, Role::Auditor]).await;
    ks.start_again().await;
    let app = ks.app().await;
    let path = format!("/console/applications/{}", app.id);
    let own = format!("/api/v1/applications/{}", app.id);
    let before = ks
        .client()
        .send(Ask::get(own.as_str()).bearer(&ks.api_token))
        .await
        .text();

    let list = auditor.visit("/console/applications").await.expect(200);
    assert!(list.says("Host application") && !list.offers("New application"));
    for tab in [
        "",
        "/details",
        "/credentials",
        "/origins",
        "/addresses",
        "/limits",
    ] {
        let seen = auditor.visit(&format!("{path}{tab}")).await.expect(200);
        assert!(
            !seen
                .text
                .contains("<form method=\"post\" action=\"/console/applications")
        );
        for offer in [
            "Save",
            "Change",
            "New client secret",
            "Danger zone",
            "Revoke",
            "Save limits",
        ] {
            assert!(!seen.offers(offer), "{tab}: {offer}");
        }
    }
    let csrf = auditor.csrf(&list);
    for page in ["/danger", "/credentials/new", "/addresses/edit"] {
        auditor.visit(&format!("{path}{page}")).await.expect(403);
    }
    auditor.visit("/console/applications/new").await.expect(403);
    for (shown, form) in [
        ("/details", "/details"),
        ("/origins", "/origins"),
        ("/addresses/edit", "/addresses/edit"),
        ("/limits", "/limits"),
        ("/credentials/new", "/credentials/new"),
        ("/danger", "/disable"),
    ] {
        let page = owner.visit(&format!("{path}{shown}")).await.expect(200);
        let forged = page.form(form).forged("csrf", &csrf);
        let refused = auditor.submit(&forged).await.expect(403);
        assert!(
            refused.says("Your role does not include this"),
            "{}",
            refused.words()
        );
    }
    let new = owner.visit("/console/applications/new").await.expect(200);
    let new = new.form("/new").set("name", "x").forged("csrf", &csrf);
    auditor.submit(&new).await.expect(403);
    let after = ks
        .client()
        .send(Ask::get(own.as_str()).bearer(&ks.api_token))
        .await
        .text();
    assert_eq!(before, after);
}

#[tokio::test]
async fn what_belongs_to_another_organization_is_not_there() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let [mut owner] = ks.sign_in([Role::Owner]).await;
    let other = ks.another_account().await;
    ks.start_again().await;
    let body = json!({"name": "Theirs"});
    let ask = Ask::post("/api/v1/applications").bearer(&other).json(&body);
    let made = ks.client().send(ask.secret()).await.expect(201).json();
    ks.place
        .plant("client_secret", made["client_secret"].as_str().unwrap());
    let theirs = made["application_id"].as_str().unwrap();
    let app = ks.app().await;
    for tab in [
        "",
        "/details",
        "/credentials",
        "/credentials/new",
        "/origins",
        "/addresses",
        "/addresses/edit",
        "/limits",
        "/danger",
    ] {
        for id in [theirs, "app_00000000000070008000000000000000", "nonsense"] {
            let page = owner
                .visit(&format!("/console/applications/{id}{tab}"))
                .await;
            assert!(page.expect(404).says("Nothing is here"), "{id}{tab}");
        }
    }
    let danger = owner
        .visit(&format!("/console/applications/{}/danger", app.id))
        .await;
    let mut form = danger.expect(200).form("/disable");
    form.send_to(&format!("/console/applications/{theirs}/disable"));
    owner.submit(&form).await.expect(404);
    assert!(!owner.visit("/console/applications").await.says("Theirs"));
}

#[tokio::test]
async fn a_form_that_no_page_of_ours_sent_changes_nothing() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let [mut owner, mut admin] = ks.sign_in([Role::Owner, Role::Admin]).await;
    ks.start_again().await;
    let app = ks.app().await;
    let danger = format!("/console/applications/{}/danger", app.id);
    let page = owner.visit(&danger).await.expect(200);
    let form = page.form("/disable");
    for forged in ["", "x", &admin_csrf(&mut admin, &danger).await] {
        owner
            .submit(&form.clone().forged("csrf", forged))
            .await
            .expect(403);
    }
    owner.comes_from("cross-site");
    owner.submit(&form).await.expect(403);
    owner.comes_from("same-origin");
    let stored = ks
        .manage("GET", &format!("/applications/{}", app.id), &Value::Null)
        .await;
    assert_eq!(stored["disabled"], false);

    let nobody = Visitor::new(ks.client()).visit(&danger).await;
    assert!(
        nobody.path.starts_with("/console/sign-in?next="),
        "{}",
        nobody.path
    );
}

async fn admin_csrf(admin: &mut Visitor, path: &str) -> String {
    let page = admin.visit(path).await.expect(200);
    admin.csrf(&page)
}
