//! Provider keys on pages: entered, checked, renamed, rotated, deleted, and never shown.

use keystead::store::Role;
use serde_json::{Value, json};

use crate::harness::page::{Page, Visitor};
use crate::harness::setup::text;
use crate::harness::{Answer, Ask, Keystead, Store, on_each_store, planted};

on_each_store!(
    a_key_is_entered_changed_and_deleted_on_pages,
    a_refused_key_is_not_stored_and_its_form_comes_back_without_it,
    a_key_that_nobody_could_check_is_kept_and_says_so,
    keys_are_narrowed_sorted_and_taken_away,
);

const LIST: &str = "/console/providers";

/// A server with an application, and its owner at the console.
pub(super) async fn begin(store: Store) -> (Keystead, Visitor) {
    let ks = Keystead::prepare(store).init().await;
    let [owner] = ks.sign_in([Role::Owner]).await;
    ks.start_again().await;
    (ks, owner)
}

/// A fresh key that the provider takes.
pub(super) fn good_key(ks: &Keystead, provider: &str) -> String {
    let key = ks.place.plant("provider_key", planted::key(provider));
    ks.provider.service(provider).accept(&key);
    key
}

async fn entered(visitor: &mut Visitor, provider: &str, key: &str) -> Page {
    let page = visitor
        .visit(&format!("{LIST}/add?provider={provider}"))
        .await;
    let form = page.expect(200).form("/providers/add").set("key", key);
    visitor.submit(&form).await
}

async fn a_key_is_entered_changed_and_deleted_on_pages(store: Store) {
    let (ks, mut owner) = begin(store).await;
    ks.app().await;
    let empty = owner.visit(LIST).await.expect(200);
    assert!(empty.says("No provider key yet"), "{}", empty.words());
    let choice = owner.click(&empty, "Add provider").await.expect(200);
    let page = owner.click(&choice, "OpenAI").await.expect(200);
    assert!(page.says("Make a key that can do no more than it must"));
    assert!(
        page.says("Last compared with OpenAI’s pages on 20"),
        "{}",
        page.words()
    );

    let key = good_key(&ks, "openai");
    let form = page.form("/providers/add").set("name", "Writing <EU>");
    // As it is pasted.
    let added = owner
        .submit(&form.set("key", &format!(" Bearer {key}\n")))
        .await
        .expect(200);
    assert!(
        added.says("The provider takes this key"),
        "{}",
        added.words()
    );
    assert!(added.says("Writing <EU>") && added.says("Valid"));
    assert!(added.says(&format!("•••• {}", &key[key.len() - 4..])));
    let path = added.path.split('?').next().unwrap().to_owned();
    let listed = owner.visit(LIST).await.expect(200);
    assert!(
        listed.says("Writing <EU>") && listed.says("1 key"),
        "{}",
        listed.words()
    );

    let checked = owner.submit(&added.form("/check")).await.expect(200);
    assert!(checked.says("it takes this key"), "{}", checked.words());
    ks.provider.openai().withdraw(&key);
    let checked = owner.submit(&added.form("/check")).await.expect(200);
    assert!(checked.says("Refused by provider"), "{}", checked.words());
    assert!(checked.says("the provider does not know this key"));

    let fresh = good_key(&ks, "openai");
    let rotate = owner.click(&checked, "Rotate").await.expect(200);
    let form = rotate
        .form("/rotate")
        .set("key", &fresh)
        .set("overlap_s", "86400");
    let rotated = owner.submit(&form).await.expect(200);
    assert!(
        rotated.says("Rotated.") && rotated.says("Valid"),
        "{}",
        rotated.words()
    );
    assert!(
        rotated.says("In use") && rotated.says("deleted in 24 hours"),
        "{}",
        rotated.words()
    );

    let form = rotated.form("/rename").set("name", "Letters");
    let renamed = owner.submit(&form).await.expect(200);
    assert!(renamed.says("Saved.") && renamed.says("Letters"));
    let form = rotated.form("/rename").set("name", &"x".repeat(101));
    let again = owner.submit(&form).await.expect(422);
    assert!(
        again.says("One field needs another look"),
        "{}",
        again.words()
    );

    let limits = owner.visit(&format!("{path}/limits")).await.expect(200);
    let form = limits.form("/limits").set("limits/requests", "10/s");
    let limited = owner.submit(&form).await.expect(200);
    assert!(limited.says("10/s"), "{}", limited.words());
    let again = limits.form("/limits").set("limits/budgets", "10 EUR/month");
    let again = owner.submit(&again).await.expect(422);
    assert_eq!(
        again.form("/limits").value("limits/budgets"),
        "10 EUR/month"
    );

    let disabled = owner.submit(&limited.form("/disable")).await.expect(200);
    assert!(disabled.says("Deactivated"), "{}", disabled.words());
    assert!(
        owner
            .submit(&disabled.form("/enable"))
            .await
            .expect(200)
            .says("Enabled.")
    );

    let ask = owner.click(&limited, "Delete…").await.expect(200);
    assert!(ask.says("No AddOn uses it"), "{}", ask.words());
    let form = ask.form("/delete");
    let again = owner
        .submit(&form.clone().set("confirm", "Letter"))
        .await
        .expect(422);
    assert!(again.says("This is not the name"));
    let gone = owner
        .submit(&form.set("confirm", "Letters"))
        .await
        .expect(200);
    assert!(
        gone.says("Deleted.") && gone.says("No provider key yet"),
        "{}",
        gone.words()
    );
    owner.visit(&path).await.expect(404);
    for page in [added, checked, rotated, limited, again, gone] {
        assert!(
            !page.text.contains(&key) && !page.text.contains(&fresh),
            "{}",
            page.path
        );
    }
}

async fn a_refused_key_is_not_stored_and_its_form_comes_back_without_it(store: Store) {
    let (ks, mut owner) = begin(store).await;
    ks.app().await;
    let wrong = ks.place.plant("provider_key", planted::key("anthropic"));
    let page = entered(&mut owner, "anthropic", &wrong).await.expect(422);
    assert!(
        page.says("Not stored: the provider does not know it"),
        "{}",
        page.words()
    );
    assert!(!page.text.contains(&wrong));
    let form = page.form("/providers/add");
    assert_eq!((form.value("name"), form.value("key")), ("Anthropic", ""));

    let admin = format!("sk-ant-admin01-{}", planted::hex(40));
    let admin = ks.place.plant("provider_key", admin);
    let page = entered(&mut owner, "anthropic", &admin).await.expect(422);
    assert!(page.says("administrator"), "{}", page.words());
    assert!(!page.text.contains(&admin));
    assert!(
        ks.provider
            .service("anthropic")
            .asked("GET /v1/models")
            .len()
            <= 1
    );

    let page = entered(&mut owner, "anthropic", "").await.expect(422);
    assert!(page.says("Enter the key"));
    let key = good_key(&ks, "azure-openai");
    let page = owner
        .visit(&format!("{LIST}/add?provider=azure-openai"))
        .await
        .expect(200);
    assert!(page.says("URL Provider"));
    let form = page.form("/providers/add").set("key", &key);
    let page = owner
        .submit(&form.set("endpoint", "not an address"))
        .await
        .expect(422);
    assert_eq!(
        page.form("/providers/add").value("endpoint"),
        "not an address"
    );
    assert!(
        page.text.contains("href=\"#endpoint\""),
        "the summary leads there"
    );
    assert!(!page.text.contains(&key));
    let stored = ks.manage("GET", "/keys", &Value::Null).await;
    assert_eq!(stored["data"], json!([]), "nothing was half-saved");
}

async fn a_key_that_nobody_could_check_is_kept_and_says_so(store: Store) {
    let (ks, mut owner) = begin(store).await;
    ks.app().await;
    let key = good_key(&ks, "openai");
    ks.provider.openai().on("GET /v1/models", Answer::new(500));
    let added = entered(&mut owner, "openai", &key).await.expect(200);
    assert!(added.says("Unchecked"), "{}", added.words());
    assert!(
        added.says("not checked: the provider gave no clear answer"),
        "{}",
        added.words()
    );
}

async fn keys_are_narrowed_sorted_and_taken_away(store: Store) {
    let (ks, mut owner) = begin(store).await;
    let app = ks.app().await;
    for (provider, name) in [("deepl", "Alpha"), ("openai", "beta"), ("openai", "=aa")] {
        let key = good_key(&ks, provider);
        let body =
            json!({"application_id": app.id, "provider": provider, "name": name, "key": key});
        let made = ks.manage("POST", "/keys", &body).await;
        if name == "beta" {
            let id = text(&made, "key_id");
            ks.manage("POST", &format!("/keys/{id}/disable"), &Value::Null)
                .await;
        }
    }
    let mut rows = async |query: &str| {
        let page = owner.visit(&format!("{LIST}{query}")).await.expect(200);
        let names = ["beta", "Alpha", "=aa"].into_iter();
        let mut found: Vec<_> = names
            .filter_map(|name| Some((page.text.find(&format!("<strong>{name}<"))?, name)))
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
    };
    assert_eq!(rows("").await, ["=aa", "beta", "Alpha"], "newest first");
    assert_eq!(rows("?sort=name").await, ["=aa", "Alpha", "beta"]);
    assert_eq!(rows("?sort=oldest").await, ["Alpha", "beta", "=aa"]);
    assert_eq!(rows("?provider=openai").await, ["=aa", "beta"]);
    assert_eq!(rows("?provider=openai&status=valid").await, ["=aa"]);
    assert_eq!(rows("?status=disabled").await, ["beta"]);
    assert_eq!(rows("?q=ALPH").await, ["Alpha"]);
    assert_eq!(rows("?q=nothing").await, [""; 0]);
    assert_eq!(rows(&format!("?application_id={}", app.id)).await.len(), 3);
    owner.visit(&format!("{LIST}?sort=price")).await.expect(422);

    let csv = owner
        .visit(&format!("{LIST}.csv?provider=openai"))
        .await
        .expect(200);
    let lines: Vec<_> = csv.text.lines().collect();
    assert_eq!(lines.len(), 3, "{}", csv.text);
    assert!(lines[1].contains("'=aa"), "no formula: {}", lines[1]);
    let json = owner.visit(&format!("{LIST}.json")).await.expect(200);
    let all: Value = serde_json::from_str(&json.text).unwrap();
    assert_eq!(all.as_array().unwrap().len(), 3);
    assert_eq!(all[0]["addons"], 0);
}

#[tokio::test]
async fn an_auditor_sees_keys_and_changes_nothing() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let [mut owner, mut auditor] = ks.sign_in([Role::Owner, Role::Auditor]).await;
    ks.start_again().await;
    let app = ks.app().await;
    let key = ks.key(&app, "openai").await;
    let path = format!("{LIST}/{}", key.id);
    let list = auditor.visit(LIST).await.expect(200);
    assert!(
        list.says("main") && !list.offers("Add provider"),
        "{}",
        list.words()
    );
    let seen = auditor.visit(&path).await.expect(200);
    for offer in ["Check now", "Rotate", "Deactivate", "Delete…", "Save"] {
        assert!(!seen.offers(offer), "{offer}");
    }
    for page in ["/rotate", "/limits", "/delete"] {
        auditor.visit(&format!("{path}{page}")).await.expect(403);
    }
    auditor
        .visit(&format!("{LIST}/add?provider=openai"))
        .await
        .expect(403);
    let csrf = auditor.csrf(&list);
    for (shown, form) in [
        ("", "/check"),
        ("", "/disable"),
        ("", "/rename"),
        ("/rotate", "/rotate"),
        ("/limits", "/limits"),
        ("/delete", "/delete"),
    ] {
        let page = owner.visit(&format!("{path}{shown}")).await.expect(200);
        let forged = page.form(form).forged("csrf", &csrf);
        let refused = auditor.submit(&forged).await.expect(403);
        assert!(
            refused.says("Your role does not include this"),
            "{form}: {}",
            refused.words()
        );
    }
    let stored = ks
        .manage("GET", &format!("/keys/{}", key.id), &Value::Null)
        .await;
    assert_eq!(
        (&stored["name"], &stored["disabled"]),
        (&json!("main"), &json!(false))
    );
}

#[tokio::test]
async fn another_organizations_key_is_not_there() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let [mut owner] = ks.sign_in([Role::Owner]).await;
    let other = ks.another_account().await;
    ks.start_again().await;
    let own = ks.app().await;
    let own = ks.key(&own, "openai").await;
    let theirs = key_of(&ks, &other).await;
    for id in [
        theirs.as_str(),
        "key_00000000000070008000000000000000",
        "nonsense",
    ] {
        for page in ["", "/rotate", "/limits", "/delete"] {
            let page = owner.visit(&format!("{LIST}/{id}{page}")).await;
            assert!(page.expect(404).says("Nothing is here"), "{id}");
        }
    }
    let page = owner.visit(&format!("{LIST}/{}", own.id)).await.expect(200);
    for act in ["/check", "/disable", "/rename"] {
        let mut form = page.form(act);
        form.send_to(&format!("{LIST}/{theirs}{act}"));
        owner.submit(&form).await.expect(404);
    }
    assert!(!owner.visit(LIST).await.says("Theirs"));
}

/// A key in the organization of another API token.
pub(super) async fn key_of(ks: &Keystead, token: &str) -> String {
    let ask = Ask::post("/api/v1/applications").bearer(token);
    let made = ks
        .client()
        .send(ask.json(&json!({"name": "Theirs"})).secret())
        .await;
    let made = made.expect(201).json();
    ks.place
        .plant("client_secret", text(&made, "client_secret"));
    let key = good_key(ks, "openai");
    let body = json!({"application_id": made["application_id"], "provider": "openai",
        "name": "Theirs", "key": key});
    let ask = Ask::post("/api/v1/keys").bearer(token);
    let made = ks.client().send(ask.json(&body).secret()).await;
    text(&made.expect(201).json(), "key_id")
}
