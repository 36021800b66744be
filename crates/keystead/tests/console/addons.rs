//! AddOns on pages: browsed, installed, changed, switched, removed.

use keystead::store::Role;
use serde_json::{Value, json};

use super::keys::{begin, key_of};
use crate::harness::{Keystead, Store, on_each_store};

on_each_store!(
    an_addon_is_browsed_installed_changed_and_removed_on_pages,
    what_is_wrong_comes_back_with_what_was_typed,
);

const LIST: &str = "/console/addons";

async fn an_addon_is_browsed_installed_changed_and_removed_on_pages(store: Store) {
    let (ks, mut owner) = begin(store).await;
    let empty = owner.visit(LIST).await.expect(200);
    assert!(empty.says("No AddOn yet"), "{}", empty.words());
    let browse = owner.click(&empty, "Browse AddOns").await.expect(200);
    assert!(
        browse.says("Translation") && browse.says("DeepL"),
        "{}",
        browse.words()
    );
    let none = owner
        .click(&browse, "Install Translation")
        .await
        .expect(200);
    assert!(
        none.says("An AddOn calls with a provider key"),
        "{}",
        none.words()
    );

    let app = ks.app().await;
    let (openai, deepl) = (ks.key(&app, "openai").await, ks.key(&app, "deepl").await);
    let first = owner
        .visit(&format!("{LIST}/install?type=translation"))
        .await
        .expect(200);
    let form = first.form("/addons/install").set("key", &deepl.id);
    let second = owner.submit(&form).await.expect(200);
    let form = second.form("/addons/install");
    assert_eq!(form.value("handle"), "ai-translation");
    let installed = owner.submit(&form).await.expect(200);
    assert!(installed.says("Installed."), "{}", installed.words());
    let path = installed.path.split('?').next().unwrap().to_owned();
    let base = format!("/proxy/{}/ai-translation/", app.client_id);
    assert!(installed.element("base-url").ends_with(&base));
    assert!(
        owner.visit(LIST).await.says("ai-translation"),
        "it is there at once"
    );
    let of_key = owner
        .visit(&format!("/console/providers/{}", deepl.id))
        .await;
    assert!(of_key.says("ai-translation"));

    // Everything that was chosen can be changed.
    let edit = owner.click(&installed, "Edit").await.expect(200);
    let form = edit
        .form("/edit")
        .set("handle", "ai-letters")
        .set("type", "text")
        .set("key_id", &openai.id)
        .set("key_source", "user-then-application")
        .set("models", "gpt-6-luna\r\ngpt-5.4-mini")
        .set("operations", "all")
        .tick("strict", "yes");
    let changed = owner.submit(&form).await.expect(200);
    for word in [
        "ai-letters",
        "Writing and chat",
        "gpt-5.4-mini",
        "end user’s own, else",
    ] {
        assert!(changed.says(word), "{word}: {}", changed.words());
    }
    let edit = owner.click(&changed, "Edit").await.expect(200);
    let form = edit
        .form("/edit")
        .set("operations", "chosen")
        .tick("operation", "chat.completions")
        .tick("operation", "models")
        .tick("allow", "hosted-tools")
        .clear("strict");
    let changed = owner.submit(&form).await.expect(200);
    assert!(changed.says("chat.completions, models") && changed.says("hosted-tools"));
    let id = path.rsplit('/').next().unwrap();
    let stored = ks
        .manage("GET", &format!("/addons/{id}"), &Value::Null)
        .await;
    let operations = json!(["chat.completions", "models"]);
    assert_eq!(
        (&stored["operations"], &stored["strict"]),
        (&operations, &json!(false))
    );
    assert_eq!(stored["handle"], "ai-letters");
    let edit = owner
        .visit(&format!("{path}/edit"))
        .await
        .expect(200)
        .form("/edit");
    assert_eq!(edit.value("operations"), "chosen");

    let limits = owner.click(&changed, "Edit limits").await.expect(200);
    let form = limits
        .form("/limits")
        .set("limits/each_subject/requests", "7/s");
    let limited = owner.submit(&form).await.expect(200);
    assert!(
        limited.says("7/s") && limited.says("Each end user"),
        "{}",
        limited.words()
    );

    let off = owner.submit(&limited.form("/disable")).await.expect(200);
    assert!(off.says("Disabled"), "{}", off.words());
    let list = owner.visit(LIST).await.expect(200);
    let on = owner.submit(&list.form("/enable")).await.expect(200);
    assert!(
        on.path.starts_with(LIST) && on.says("Enabled."),
        "{}",
        on.path
    );

    let ask = owner.click(&limited, "Remove…").await.expect(200);
    assert!(
        ask.says("Nobody called it in the last 30 days"),
        "{}",
        ask.words()
    );
    let form = ask.form("/remove");
    owner
        .submit(&form.clone().set("confirm", "ai"))
        .await
        .expect(422);
    let gone = owner
        .submit(&form.set("confirm", "ai-letters"))
        .await
        .expect(200);
    assert!(
        gone.says("Removed.") && gone.says("No AddOn yet"),
        "{}",
        gone.words()
    );
    owner.visit(&path).await.expect(404);
}

async fn what_is_wrong_comes_back_with_what_was_typed(store: Store) {
    let (ks, mut owner) = begin(store).await;
    let app = ks.app().await;
    let key = ks.key(&app, "openai").await;
    ks.addon(&app, &key, "taken").await;
    let page = owner
        .visit(&format!("{LIST}/install?type=text&key={}", key.id))
        .await;
    let form = page.expect(200).form("/addons/install");
    let bad = form
        .clone()
        .set("handle", "Not A Handle")
        .set("models", "fine\r\nnot fine");
    let again = owner.submit(&bad).await.expect(422);
    let typed = again.form("/addons/install");
    assert_eq!(typed.value("handle"), "Not A Handle");
    assert!(
        again.says("lower-case letters, digits and hyphens"),
        "{}",
        again.words()
    );
    assert!(
        again.text.contains("href=\"#handle\""),
        "the summary leads there"
    );

    let bad = form
        .clone()
        .set("models", "fine\r\nnot fine")
        .set("operations", "chosen");
    let again = owner.submit(&bad).await.expect(422);
    assert!(again.says("Line 2: expected"), "{}", again.words());
    assert!(
        again
            .form("/addons/install")
            .value("models")
            .contains("not fine")
    );
    let again = owner.submit(&form.set("handle", "taken")).await.expect(422);
    assert!(
        again.says("has an AddOn `taken` already"),
        "{}",
        again.words()
    );

    // A provider that has nothing of the type.
    let page = owner
        .visit(&format!("{LIST}/install?type=image&key={}", key.id))
        .await;
    assert!(page.expect(200).says("Install: Images"));
    let claude = ks.key(&app, "anthropic").await;
    let page = owner
        .visit(&format!("{LIST}/install?type=image&key={}", claude.id))
        .await;
    let page = page.expect(200);
    assert!(page.says("has nothing for Images"), "{}", page.words());
    let addons = ks.manage("GET", "/addons", &Value::Null).await;
    assert_eq!(
        addons["data"].as_array().unwrap().len(),
        1,
        "nothing was half-saved"
    );
}

#[tokio::test]
async fn an_auditor_sees_addons_and_changes_nothing() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let [mut owner, mut auditor] = ks.sign_in([Role::Owner, Role::Auditor]).await;
    ks.start_again().await;
    let app = ks.app().await;
    let key = ks.key(&app, "openai").await;
    let addon = ks.addon(&app, &key, "chat").await;
    let path = format!("{LIST}/{}", addon.id);
    let list = auditor.visit(LIST).await.expect(200);
    assert!(list.says("chat") && !list.offers("Browse AddOns") && !list.offers("Disable chat"));
    let seen = auditor.visit(&path).await.expect(200);
    for offer in ["Try it", "Edit", "Disable", "Edit limits", "Remove…"] {
        assert!(!seen.offers(offer), "{offer}");
    }
    assert!(
        !auditor
            .visit(&format!("{LIST}/browse"))
            .await
            .expect(200)
            .offers("Install Translation")
    );
    for page in ["/edit", "/limits", "/remove", "/try"] {
        auditor.visit(&format!("{path}{page}")).await.expect(403);
    }
    auditor
        .visit(&format!("{LIST}/install?type=text&key={}", key.id))
        .await
        .expect(403);
    let csrf = auditor.csrf(&list);
    for (shown, form) in [
        ("", "/disable"),
        ("/edit", "/edit"),
        ("/limits", "/limits"),
        ("/remove", "/remove"),
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
    let stored = ks
        .manage("GET", &format!("/addons/{}", addon.id), &Value::Null)
        .await;
    assert_eq!(
        (&stored["handle"], &stored["disabled"]),
        (&json!("chat"), &json!(false))
    );
}

#[tokio::test]
async fn another_organizations_addon_and_key_are_not_there() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let [mut owner] = ks.sign_in([Role::Owner]).await;
    let other = ks.another_account().await;
    ks.start_again().await;
    let theirs = key_of(&ks, &other).await;
    for page in ["", "/edit", "/limits", "/remove", "/try"] {
        let id = "add_00000000000070008000000000000000";
        owner.visit(&format!("{LIST}/{id}{page}")).await.expect(404);
        owner
            .visit(&format!("{LIST}/nonsense{page}"))
            .await
            .expect(404);
    }
    let page = owner
        .visit(&format!("{LIST}/install?type=text&key={theirs}"))
        .await;
    page.expect(404);
    let app = ks.app().await;
    let key = ks.key(&app, "openai").await;
    let page = owner
        .visit(&format!("{LIST}/install?type=text&key={}", key.id))
        .await;
    let form = page
        .expect(200)
        .form("/addons/install")
        .forged("key_id", &theirs);
    owner.submit(&form).await.expect(404);
}
