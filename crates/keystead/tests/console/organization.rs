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
        .form("/organization")
        .set("limits/concurrency", "50")
        .set("limits/budgets", "100 USD/month");
    assert!(owner.submit(&filled).await.expect(200).says("Saved."));
    let stored = ks.manage("GET", "/organization", &Value::Null).await;
    let limits = json!({"concurrency": 50, "budgets": ["100 USD/month"]});
    assert_eq!(stored["limits"], limits);

    let bad = page
        .form("/organization")
        .set("limits/budgets", "100 EUR/month");
    let bad = owner.submit(&bad).await.expect(422);
    assert!(bad.says("Line 1: expected an amount"), "{}", bad.words());
    assert_eq!(
        bad.form("/organization").value("limits/budgets"),
        "100 EUR/month"
    );

    let seen = developer.visit("/console/organization").await.expect(200);
    assert!(seen.says("100 USD/month") && !seen.has_form("/console/organization"));
    let theirs = filled.forged("csrf", &developer.csrf(&seen));
    developer.submit(&theirs).await.expect(403);
}
