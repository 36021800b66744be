//! API tokens, made and revoked by the people that they work for.

use keystead::store::Role;

use crate::harness::{Ask, Keystead, Store};

#[tokio::test]
async fn a_token_is_shown_once_and_ends_when_it_is_revoked() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let [mut developer, mut auditor] = ks.sign_in([Role::Developer, Role::Auditor]).await;
    ks.start_again().await;
    let list = developer.visit("/console/api-tokens").await.expect(200);
    assert!(list.says("No API token yet"), "{}", list.words());

    let form = developer.click(&list, "New API token").await.expect(200);
    let bad = form.form("/console/api-tokens").set("days", "0");
    let bad = developer.submit(&bad).await.expect(422);
    assert!(bad.says("Must be from 1 to 366 days") && bad.says("Expected some of"));
    let filled = bad
        .form("/console/api-tokens")
        .set("name", "deploy")
        .set("scopes", "keys")
        .set("days", "7");
    let made = developer.submit(&filled).await.expect(200);
    assert!(made.says("It is shown this once"), "{}", made.words());
    let token = ks.place.plant("api token", made.element("secret"));
    let asked = || Ask::get("/api/v1/keys").bearer(&token);
    assert_eq!(ks.client().send(asked()).await.status, 200);
    let foreign = Ask::get("/api/v1/usage").bearer(&token);
    assert_eq!(ks.client().send(foreign).await.status, 403);

    let list = developer.visit("/console/api-tokens").await.expect(200);
    assert!(list.says("deploy keys") && list.says("Live") && !list.text.contains(&token));
    let csv = developer.visit(&list.link("CSV")).await.expect(200);
    assert!(csv.text.contains(",deploy,keys,") && !csv.text.contains(&token));
    let theirs = auditor.visit("/console/api-tokens").await.expect(200);
    assert!(theirs.says("deploy"), "who sees members sees their tokens");
    let mut forged = list.form("/revoke").forged("csrf", &auditor.csrf(&theirs));
    assert_eq!(auditor.submit(&forged).await.status, 403);
    forged = list.form("/revoke");
    assert!(developer.submit(&forged).await.expect(200).says("Revoked"));
    assert_eq!(ks.client().send(asked()).await.status, 401);
}

#[tokio::test]
async fn nobody_is_offered_more_than_their_role() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let [mut auditor] = ks.sign_in([Role::Auditor]).await;
    ks.start_again().await;
    let form = auditor.visit("/console/api-tokens/new").await.expect(200);
    assert!(form.says("Look at everything") && !form.says("Provider keys"));
    let filled = form
        .form("/console/api-tokens")
        .set("name", "all of it")
        .forged("scopes", "all");
    let refused = auditor.submit(&filled).await.expect(422);
    assert!(refused.says("expected some of read"), "{}", refused.words());
}
