//! Whose word is taken of an application's users: set by command, in the console and by the API alike.

use keystead::store::Role;
use serde_json::{Value, json};

use super::Bed;
use crate::harness::{Store, on_each_store};

on_each_store!(what_is_set_in_one_place_is_seen_in_the_others);

async fn what_is_set_in_one_place_is_seen_in_the_others(store: Store) {
    let roles = [Role::Developer, Role::Auditor];
    let (bed, [mut developer, mut auditor]) = Bed::with_people(store, roles).await;
    let (ks, path) = (&bed.scene.ks, bed.application());
    let id = bed.id.as_str();
    let set = [
        "app",
        "update",
        id,
        "--issuer",
        "https://login.example",
        "--audience",
        "letterbox",
    ];
    let set = [&set[..], &["--require-dpop", "true", "--json"]].concat();
    let updated = ks.command(&set).run().await.json();
    let expected = json!({"issuer": "https://login.example", "audience": "letterbox",
        "jwks_uri": null});
    assert_eq!(updated["issuer"], expected);
    assert_eq!(updated["require_dpop"], true);
    assert_eq!(
        ks.manage("GET", &path, &Value::Null).await["issuer"],
        expected
    );

    let page = format!("/console{path}/sign-in");
    let seen = auditor.visit(&page).await.expect(200);
    assert!(
        seen.says("https://login.example") && seen.says("Asked for"),
        "{}",
        seen.words()
    );
    assert!(!seen.offers("Change"), "{}", seen.words());
    auditor.visit(&format!("{page}/edit")).await.expect(403);

    let form = developer
        .visit(&format!("{page}/edit"))
        .await
        .expect(200)
        .form("/edit");
    assert_eq!(form.value("issuer/audience"), "letterbox");
    let wrong = form.clone().set("issuer/issuer", "login.example");
    let wrong = developer.submit(&wrong).await.expect(422);
    assert!(wrong.says("an https address"), "{}", wrong.words());
    let keys = "https://login.example/keys";
    let good = form.set("issuer/jwks_uri", keys).clear("require_dpop");
    developer.submit(&good).await.expect(200);
    let now = ks.manage("GET", &path, &Value::Null).await;
    assert_eq!(now["issuer"]["jwks_uri"], keys);
    assert_eq!(now["require_dpop"], false);

    let none = ["app", "update", id, "--issuer", "none", "--json"];
    let updated = ks.command(&none).run().await.json();
    assert_eq!(updated["issuer"], Value::Null);
    // What is not named stays.
    let named = json!({"issuer": expected});
    ks.manage("PATCH", &path, &named).await;
    let renamed = ks.manage("PATCH", &path, &json!({"name": "Other"})).await;
    assert_eq!(renamed["issuer"], expected);
}
