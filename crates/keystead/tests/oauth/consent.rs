//! What an application asks people to agree to, before it acts for them.

use keystead::store::Role;
use serde_json::{Value, json};

use super::{Bed, allow, back};
use crate::harness::page::Page;
use crate::harness::setup::text;
use crate::harness::{Store, on_each_store};

on_each_store!(
    a_new_version_is_asked_for_again,
    a_text_is_written_on_a_page_and_shown_before,
);

impl Bed {
    async fn writes(&self, text: &str) -> Value {
        let path = format!("{}/consent-texts", self.application());
        let texts = json!({"texts": {"en": text, "de": format!("DE {text}")}});
        self.scene.ks.manage("POST", &path, &texts).await
    }
}

/// A yes with the box ticked.
fn agreeing(page: &Page) -> crate::harness::page::Form {
    allow(page).tick("consent", "yes")
}

async fn a_new_version_is_asked_for_again(store: Store) {
    let (bed, [mut person, mut other]) =
        Bed::with_people(store, [Role::Auditor, Role::Developer]).await;
    // Nothing of its own: nothing to tick.
    bed.code(&mut person).await;
    let first = bed.writes("Once **one**, <script>alert(1)</script>").await;
    assert_eq!(
        (&first["version"], &first["current"]),
        (&json!(1), &json!(true))
    );

    // Who has agreed to be acted for is asked, since they have not agreed to this.
    let page = person.visit_private(&bed.ask(&[])).await.expect(200);
    assert!(
        page.says("What Letter & box asks you to agree to"),
        "{}",
        page.words()
    );
    assert!(
        page.text.contains("<strong>one</strong>, &lt;script&gt;"),
        "no tag of theirs"
    );
    assert!(page.says("Version 1"), "{}", page.words());
    assert!(
        !page.text.contains("checked"),
        "nothing is ticked beforehand"
    );
    let refused = person.submit(&allow(&page)).await.expect(422);
    assert!(
        refused.says("Tick this, if you agree"),
        "{}",
        refused.words()
    );
    let denied = page.form("/oauth/authorize").forged("decision", "deny");
    assert_eq!(
        back(&person.submit(&denied).await)["error"],
        "access_denied"
    );

    // The text changes while the page lies open: what was read is not what is agreed to.
    bed.writes("Twice").await;
    let late = person.submit(&agreeing(&refused)).await.expect(422);
    assert!(late.says("The text changed just now"), "{}", late.words());
    assert!(
        late.says("Twice") && late.says("Version 2"),
        "{}",
        late.words()
    );
    assert!(back(&person.submit(&agreeing(&late)).await)["code"].is_string());

    // Agreed: nobody is bothered, in whichever language. Somebody else is.
    assert!(back(&person.visit_private(&bed.ask(&[])).await)["code"].is_string());
    assert!(
        other
            .visit_private(&bed.ask(&[]))
            .await
            .expect(200)
            .says("Twice")
    );
    let account = person.visit_private("/console/account").await.expect(200);
    let (_, agreed) = account
        .words()
        .split_once("What you agreed to")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    assert!(
        agreed.contains("Version 2") && !agreed.contains("Version 1"),
        "{agreed}"
    );

    let third = bed.writes("Thrice").await;
    assert_eq!(third["version"], 3);
    let again = person.visit_private(&bed.ask(&[])).await.expect(200);
    assert!(again.says("Thrice"), "{}", again.words());

    let audit = bed
        .scene
        .ks
        .manage("GET", "/audit?limit=200", &Value::Null)
        .await;
    let actions: Vec<&str> = audit["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["action"].as_str())
        .collect();
    let count = |action: &str| actions.iter().filter(|one| **one == action).count();
    assert_eq!(
        (count("consent_text.written"), count("consent.given")),
        (3, 1)
    );
}

async fn a_text_is_written_on_a_page_and_shown_before(store: Store) {
    let (bed, [mut auditor, mut developer]) =
        Bed::with_people(store, [Role::Auditor, Role::Developer]).await;
    let page = format!("/console/applications/{}/consent", bed.id);
    let builtin = auditor.visit(&page).await.expect(200);
    assert!(
        builtin.says("has no text of its own yet"),
        "{}",
        builtin.words()
    );
    assert!(builtin.says("Your provider bills you") && builtin.says("Letter & box"));
    assert!(!builtin.offers("New version"));
    auditor.visit(&format!("{page}/new")).await.expect(403);

    let form = developer.visit(&format!("{page}/new")).await.expect(200);
    assert!(form.says("Version 1 of what users agree to"));
    let mut typed = form.form("/consent/new").forged("do", "preview");
    typed = typed.set(
        "text",
        "Wir **fragen**.\r\n\r\n[mehr](https://shop.example/mehr)",
    );
    let preview = developer.submit(&typed).await.expect(200);
    assert!(preview.says("Preview, de"), "{}", preview.words());
    assert!(preview.text.contains("<strong>fragen</strong>"));
    assert!(preview.text.contains("href=\"https://shop.example/mehr\""));
    let written = preview.form("/consent/new").forged("do", "write");
    let shown = developer.submit(&written).await.expect(200);
    assert!(shown.says("Everybody is asked again"), "{}", shown.words());

    let path = format!("{}/consent-texts", bed.application());
    let listed = bed.scene.ks.manage("GET", &path, &Value::Null).await;
    let all = listed["data"].as_array().unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(
        (&all[0]["version"], &all[0]["current"]),
        (&json!(0), &json!(false))
    );
    assert_eq!(all[1]["version"], 1);
    let german = text(&all[1]["texts"], "de");
    assert_eq!(
        german,
        "Wir **fragen**.\n\n[mehr](https://shop.example/mehr)"
    );

    // What is wrong comes back with what was typed.
    let form = developer.visit(&format!("{page}/new")).await.expect(200);
    let wrong = form
        .form("/consent/new")
        .set("language", "deutsch")
        .forged("do", "write");
    let wrong = developer.submit(&wrong).await.expect(422);
    assert!(
        wrong.says("Each text goes by the tag of a language"),
        "{}",
        wrong.words()
    );
    assert!(wrong.text.contains("Wir **fragen**"));
}
