//! What holds for all of an organization, on its page.

use keystead::store::Role;
use serde_json::{Value, json};

use crate::harness::{Keystead, Store};

#[tokio::test]
async fn limits_of_the_whole_organization_are_set_on_its_page() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let [mut owner, mut developer] = ks.sign_in([Role::Owner, Role::Developer]).await;
    ks.start_again().await;
    let page = owner.visit("/console/organization").await.expect(200);
    let filled = page
        .form("/organization/limits")
        .set("limits/concurrency", "50")
        .set("limits/budgets", "100 USD/month");
    assert!(owner.submit(&filled).await.expect(200).says("Saved."));
    let stored = ks.manage("GET", "/organization", &Value::Null).await;
    let limits = json!({"concurrency": 50, "budgets": ["100 USD/month"]});
    assert_eq!(stored["limits"], limits);

    let bad = page
        .form("/organization/limits")
        .set("limits/budgets", "100 EUR/month");
    let bad = owner.submit(&bad).await.expect(422);
    assert!(bad.says("Line 1: expected an amount"), "{}", bad.words());
    assert_eq!(
        bad.form("/organization/limits").value("limits/budgets"),
        "100 EUR/month"
    );

    let seen = developer.visit("/console/organization").await.expect(200);
    assert!(
        seen.says("100 USD/month")
            && !seen.has_form("/organization/limits")
            && !seen.has_form("/organization")
    );
    let theirs = filled.forged("csrf", &developer.csrf(&seen));
    developer.submit(&theirs).await.expect(403);
}

#[tokio::test]
async fn a_name_is_changed_and_a_second_factor_asked_for() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let [mut owner, mut developer] = ks.sign_in([Role::Owner, Role::Developer]).await;
    ks.start_again().await;
    let page = owner.visit("/console/organization").await.expect(200);
    let blank = owner
        .submit(&page.form("/organization").set("name", " "))
        .await;
    assert!(blank.expect(422).says("Must have 1 to 100 characters"));
    let filled = page
        .form("/organization")
        .set("name", "Northwind Letters")
        .set("require_second_factor", "yes");
    // The owner signed in with a password alone, and is the first to be led to a second factor.
    let led = owner.submit(&filled).await;
    assert!(led.path.starts_with("/console/account"), "{}", led.path);
    let led = developer.visit("/console/applications").await;
    assert!(led.path.starts_with("/console/account"), "{}", led.path);
    let stored = ks.manage("GET", "/organization", &Value::Null).await;
    assert_eq!(stored["name"], "Northwind Letters");
    assert_eq!(stored["require_second_factor"], true);
    assert_eq!(stored["limits"], json!({}), "what was not named stayed");
}
