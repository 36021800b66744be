//! The audit log on its page: found, narrowed, taken away, and seen by those who may.

use keystead::store::Role;
use serde_json::{Value, json};

use crate::harness::page::Visitor;
use crate::harness::{Ask, Keystead, Store, on_each_store};

on_each_store!(
    the_log_is_narrowed_to_what_is_looked_for,
    the_log_is_taken_away_after_a_fresh_proof,
    who_may_not_see_the_log_does_not,
);

async fn begin<const N: usize>(store: Store, roles: [Role; N]) -> (Keystead, [Visitor; N]) {
    let ks = Keystead::prepare(store).init().await;
    let people = ks.sign_in(roles).await;
    ks.start_again().await;
    (ks, people)
}

async fn the_log_is_narrowed_to_what_is_looked_for(store: Store) {
    let (ks, [mut auditor]) = begin(store, [Role::Auditor]).await;
    let app = ks.app().await;
    for _ in 0..30 {
        for act in ["disable", "enable"] {
            let path = format!("/applications/{}/{act}", app.id);
            ks.manage("POST", &path, &Value::Null).await;
        }
    }
    let page = auditor.visit("/console/audit").await.expect(200);
    assert!(page.says("application.enabled") && page.says("keystead audit verify"));
    assert!(page.says("Rows, of all organizations") && page.offers("Next page"));
    let next = auditor.click(&page, "Next page").await.expect(200);
    assert!(
        next.says("application.created") && !next.offers("Next page"),
        "{}",
        next.words()
    );

    let form = page.form("/console/audit").set("action", "application.");
    let narrowed = auditor.submit(&form).await.expect(200);
    assert!(narrowed.says("application.enabled") && !narrowed.says("session.created"));
    let of_account = page.form("/console/audit").set("action", "account.");
    let of_account = auditor.submit(&of_account).await.expect(200);
    assert!(of_account.says("account.created") && !of_account.says("application."));
    for (field, value, found) in [
        ("object", app.id.as_str(), true),
        ("object", "app_00000000000070008000000000000000", false),
        ("actor", "operator", true),
        ("actor", "nobody", false),
        ("outcome", "failed", false),
        ("day", "2020-02-29", false),
    ] {
        let form = page.form("/console/audit").set(field, value);
        let told = auditor.submit(&form).await.expect(200);
        assert_eq!(
            told.says("No row fits"),
            !found,
            "{field} {value}: {}",
            told.words()
        );
    }
    let today = today();
    let form = page.form("/console/audit").set("day", &today);
    assert!(
        auditor
            .submit(&form)
            .await
            .expect(200)
            .says("application.enabled")
    );
    for (query, status) in [
        ("day=yesterday", 422),
        ("cursor=x", 400),
        ("day=2026-02-30", 422),
    ] {
        auditor
            .visit(&format!("/console/audit?{query}"))
            .await
            .expect(status);
    }
}

/// As the page's date field says it.
fn today() -> String {
    let now = keystead::clock::Clock::system().now();
    keystead::manage::time::date(now.as_secs().div_euclid(86_400))
}

async fn the_log_is_taken_away_after_a_fresh_proof(store: Store) {
    let (ks, [mut owner]) = begin(store, [Role::Owner]).await;
    ks.app().await;
    let asked = owner.visit("/console/audit/export").await.expect(200);
    let file = owner.submit(&asked.form("/audit/export")).await.expect(200);
    let kept = file.header("content-disposition").unwrap();
    assert_eq!(kept, "attachment; filename=\"keystead-audit.jsonl\"");
    let rows: Vec<Value> = file
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let seqs: Vec<_> = rows
        .iter()
        .map(|row| row["seq"].as_u64().unwrap())
        .collect();
    assert!(seqs.is_sorted() && rows.len() > 4, "{rows:?}");
    assert_eq!(rows.last().unwrap()["action"], "audit.exported");
    assert!(
        rows.iter()
            .any(|row| row["action"] == "application.created")
    );
    // Nobody is made to take it away by another site's form.
    let forged = asked.form("/audit/export").forged("csrf", "x");
    owner.submit(&forged).await.expect(403);
}

async fn who_may_not_see_the_log_does_not(store: Store) {
    let ks = Keystead::prepare(store).init().await;
    let [mut developer, mut auditor] = ks.sign_in([Role::Developer, Role::Auditor]).await;
    let other = ks.another_account().await;
    ks.start_again().await;
    for path in ["/console/audit", "/console/audit/export"] {
        let refused = developer.visit(path).await.expect(403);
        assert!(
            refused.says("Your role does not include this"),
            "{}",
            refused.words()
        );
    }
    let told = auditor
        .visit("/console/audit?action=access.")
        .await
        .expect(200);
    assert!(told.says("access.denied") && told.says("Denied"));
    let body = json!({"name": "Theirs"});
    let made = Ask::post("/api/v1/applications").bearer(&other).json(&body);
    let made = ks.client().send(made.secret()).await.expect(201).json();
    ks.place
        .plant("client_secret", made["client_secret"].as_str().unwrap());
    let id = made["application_id"].as_str().unwrap();
    let theirs = auditor.visit(&format!("/console/audit?object={id}")).await;
    assert!(theirs.expect(200).says("No row fits"));
}
