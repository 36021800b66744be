//! Applications on pages: made, found, changed, disabled, and what is wrong with a form.

use keystead::store::Role;
use serde_json::{Value, json};

use crate::harness::page::{Page, Visitor};
use crate::harness::setup::text;
use crate::harness::{Ask, Keystead, Store, on_each_store};

on_each_store!(
    an_application_is_made_on_a_page_and_its_secret_works,
    what_is_wrong_comes_back_with_what_was_typed,
    a_list_is_sorted_searched_and_taken_away,
    everything_that_was_set_can_be_changed,
    client_secrets_overlap,
    a_disabled_application_shows_it,
    an_application_is_deleted_by_its_name,
);

const LIST: &str = "/console/applications";

/// A server with nobody's work on it, and its owner at the console.
async fn begin(store: Store) -> (Keystead, Visitor) {
    let ks = Keystead::prepare(store).init().await;
    let [owner] = ks.sign_in([Role::Owner]).await;
    ks.start_again().await;
    (ks, owner)
}

async fn an_application_is_made_on_a_page_and_its_secret_works(store: Store) {
    let (ks, mut owner) = begin(store).await;
    let empty = owner.visit(LIST).await.expect(200);
    assert!(empty.says("No applications yet"), "{}", empty.words());
    let form = owner.click(&empty, "Create the first application").await;
    let filled = form
        .form("/applications/new")
        .set("name", "Letterbox <i>")
        .set(
            "origins",
            "https://shop.example\r\n\r\nhttp://localhost:3000\r\n",
        );
    let once = owner.submit(&filled).await.expect(200);
    assert_eq!(once.header("cache-control"), Some("no-store"));
    let secret = ks.place.plant("client_secret", once.element("secret"));
    assert!(secret.starts_with("ksc1_"), "the secret is on the page");

    // It is there at once, and the secret is nowhere any more.
    let start = owner.click(&once, "I have stored it").await.expect(200);
    assert!(start.says("Letterbox <i>") && !start.text.contains("ksc1_"));
    let listed = owner.visit(LIST).await.expect(200);
    assert!(listed.says("Letterbox <i>") && listed.says("Enabled"));

    let app = ks.manage("GET", "/applications", &Value::Null).await["data"][0].take();
    let origins = json!(["https://shop.example", "http://localhost:3000"]);
    assert_eq!((&app["origins"], &app["public"]), (&origins, &json!(false)));
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", &text(&app, "client_id")),
        ("client_secret", &secret),
        ("uid", &ks.uid()),
    ];
    let minted = ks
        .client()
        .send(Ask::post("/oauth/token").form(&fields).secret())
        .await;
    assert_eq!(minted.status, 200);
    ks.place
        .plant("access_token", text(&minted.json(), "access_token"));

    // One without a backend has no secret to show.
    let form = owner.visit(&format!("{LIST}/new")).await.expect(200);
    let filled = form
        .form("/applications/new")
        .set("name", "Pocket")
        .set("public", "yes")
        .set("redirect_uris", "https://pocket.example/back");
    let made = owner.submit(&filled).await.expect(200);
    assert!(
        made.says("Created.") && made.says("Pocket"),
        "{}",
        made.words()
    );
    let credentials = owner.click(&made, "Credentials").await.expect(200);
    assert!(credentials.says("No client secrets"));
}

async fn what_is_wrong_comes_back_with_what_was_typed(store: Store) {
    let (ks, mut owner) = begin(store).await;
    let form = owner.visit(&format!("{LIST}/new")).await.expect(200);
    let filled = form
        .form("/applications/new")
        .set("name", "Shop")
        .set("public", "yes")
        .set("origins", "https://a.example\r\nhttps://b.example/path")
        .set("addresses", "10.0.0.0/8\r\nhere");
    let again = owner.submit(&filled).await.expect(422);
    assert!(
        again.says("Some fields need another look"),
        "{}",
        again.words()
    );
    for field in ["origins", "addresses", "redirect_uris"] {
        assert!(
            again.text.contains(&format!("href=\"#{field}\"")),
            "{field} is in the summary"
        );
        assert!(
            again.text.contains(&format!("id=\"{field}-error\"")),
            "{field} says why"
        );
    }
    assert!(again.says("Line 2: expected an origin"));
    let typed = again.form("/applications/new");
    assert_eq!(typed.value("name"), "Shop");
    assert_eq!(typed.value("public"), "yes");
    assert!(typed.value("origins").contains("https://b.example/path"));

    let apps = ks.manage("GET", "/applications", &Value::Null).await;
    assert_eq!(apps["data"], json!([]), "nothing was half-saved");
    let mended = typed
        .set("origins", "https://b.example")
        .set("addresses", "10.0.0.0/8")
        .set("redirect_uris", "https://b.example/back");
    owner.submit(&mended).await.expect(200);
}

async fn a_list_is_sorted_searched_and_taken_away(store: Store) {
    let (ks, mut owner) = begin(store).await;
    for name in ["beta", "Alpha", "=SUM(A1)", "gamma"] {
        let made = ks
            .manage("POST", "/applications", &json!({"name": name}))
            .await;
        ks.place
            .plant("client_secret", text(&made, "client_secret"));
    }
    let rows = |page: &Page| -> Vec<String> {
        let names = ["beta", "Alpha", "=SUM(A1)", "gamma"].into_iter();
        let mut found: Vec<_> = names
            .filter_map(|name| {
                Some((
                    page.text.find(&format!("<strong>{name}<"))?,
                    name.to_owned(),
                ))
            })
            .collect();
        found.sort();
        found.into_iter().map(|(_, name)| name).collect()
    };
    let newest = owner.visit(LIST).await.expect(200);
    assert_eq!(rows(&newest), ["gamma", "=SUM(A1)", "Alpha", "beta"]);
    let by_name = newest.form("/applications").set("sort", "name");
    let by_name = owner.submit(&by_name).await.expect(200);
    assert_eq!(rows(&by_name), ["=SUM(A1)", "Alpha", "beta", "gamma"]);
    assert_eq!(by_name.form("/applications").value("sort"), "name");
    let found = owner
        .submit(&by_name.form("/applications").set("q", "MMA"))
        .await;
    assert_eq!(rows(&found), ["gamma"]);
    let none = owner
        .submit(&found.form("/applications").set("q", "100%"))
        .await;
    assert!(none.says("Nothing of that kind"));
    owner.visit(&format!("{LIST}?cursor=x")).await.expect(400);

    let csv = owner.click(&by_name, "CSV").await.expect(200);
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert!(csv.text.contains(",\"'=SUM(A1)\","), "{}", csv.text);
    assert_eq!(csv.text.lines().count(), 5);
    let json = owner.click(&by_name, "JSON").await.expect(200);
    let json: Value = serde_json::from_str(&json.text).unwrap();
    assert_eq!(json[1]["name"], "Alpha");

    // More than a page goes on where it ended.
    for number in 0..50 {
        let body = json!({"name": format!("n{number:02}")});
        let made = ks.manage("POST", "/applications", &body).await;
        ks.place
            .plant("client_secret", text(&made, "client_secret"));
    }
    let first = owner.visit(&format!("{LIST}?sort=name")).await.expect(200);
    assert!(first.text.contains("<strong>n45<") && !first.text.contains("<strong>n46<"));
    let second = owner.click(&first, "Next page").await.expect(200);
    assert!(second.text.contains("<strong>n46<") && !second.text.contains("<strong>n45<"));
    assert!(!second.offers("Next page"));
}

async fn everything_that_was_set_can_be_changed(store: Store) {
    let (ks, mut owner) = begin(store).await;
    let app = ks.app().await;
    let main = ks.app().await;
    let path = format!("{LIST}/{}", app.id);
    let details = owner.visit(&format!("{path}/details")).await.expect(200);
    assert!(details.says(&app.client_id) && !details.text.contains("ksc1_"));
    let filled = details
        .form("/details")
        .set("name", "Renamed")
        .set("development_of", &main.id)
        .set("redirect_uris", "https://shop.example/back");
    let saved = owner.submit(&filled).await.expect(200);
    assert!(saved.says("Saved.") && saved.says("Renamed") && saved.says("Development"));
    let origins = owner.click(&saved, "Origins & CSP").await.expect(200);
    let host = format!("http://localhost:{}", ks.public().port());
    assert!(
        origins.says(&format!("connect-src 'self' {host}")),
        "{}",
        origins.words()
    );
    assert!(origins.says(&format!(
        "script-src 'self' {host}; connect-src 'self' {host}; img-src 'self' blob:"
    )));
    let bad = origins.form("/origins").set("origins", "shop.example");
    let bad = owner.submit(&bad).await.expect(422);
    let good = bad.form("/origins").set("origins", "https://shop.example");
    owner.submit(&good).await.expect(200);
    let addresses = owner.visit(&format!("{path}/addresses")).await.expect(200);
    let addresses = owner.click(&addresses, "Change").await.expect(200);
    let filled = addresses
        .form("/addresses/edit")
        .set("addresses", "192.0.2.0/24");
    owner.submit(&filled).await.expect(200);
    let limits = owner.visit(&format!("{path}/limits")).await.expect(200);
    let filled = limits
        .form("/limits")
        .set("limits/requests", "10/s burst 20")
        .set("limits/tokens_per_minute", "20 000")
        .set("limits/budgets", "20 USD/month\r\n5 images/day")
        .set("limits/each_subject/budgets", "1 EUR/day")
        .set("limits/each_subject/concurrency", "two");
    let again = owner.submit(&filled).await.expect(422);
    assert!(again.says("Expected a whole number"), "{}", again.words());
    let mended = again
        .form("/limits")
        .set("limits/each_subject/concurrency", "2");
    let again = owner.submit(&mended).await.expect(422);
    assert!(
        again.says("Line 1: expected an amount a day or month"),
        "{}",
        again.words()
    );
    let mended = again
        .form("/limits")
        .set("limits/each_subject/budgets", "1 USD/day");
    owner.submit(&mended).await.expect(200);

    let stored = ks
        .manage("GET", &format!("/applications/{}", app.id), &Value::Null)
        .await;
    assert_eq!(stored["name"], "Renamed");
    assert_eq!(stored["development_of"], json!(main.id));
    assert_eq!(
        stored["redirect_uris"],
        json!(["https://shop.example/back"])
    );
    assert_eq!(stored["origins"], json!(["https://shop.example"]));
    assert_eq!(stored["addresses"], json!(["192.0.2.0/24"]));
    let limits = json!({"requests": "10/s burst 20", "tokens_per_minute": 20_000,
        "budgets": ["20 USD/month", "5 images/day"],
        "each_subject": {"concurrency": 2, "budgets": ["1 USD/day"]}});
    assert_eq!(stored["limits"], limits);
    let shown = owner.visit(&format!("{path}/limits")).await.expect(200);
    assert_eq!(
        shown.form("/limits").value("limits/budgets"),
        "20 USD/month\n5 images/day"
    );
}

async fn client_secrets_overlap(store: Store) {
    let (ks, mut owner) = begin(store).await;
    let app = ks.app().await;
    let list = format!("{LIST}/{}/credentials", app.id);
    let page = owner.visit(&list).await.expect(200);
    let ask = owner.click(&page, "New client secret").await.expect(200);
    let made = owner
        .submit(&ask.form("/credentials/new"))
        .await
        .expect(200);
    let secret = ks.place.plant("client_secret", made.element("secret"));
    let page = owner.click(&made, "I have stored it").await.expect(200);
    assert!(!page.offers("New client secret"), "two are the most");
    // Whoever had the page open is told.
    let refused = owner
        .submit(&ask.form("/credentials/new"))
        .await
        .expect(422);
    assert!(
        refused.says("Two client secrets are live already"),
        "{}",
        refused.words()
    );

    let mut new = app.clone();
    new.client_secret = secret;
    for app in [&app, &new] {
        ks.token(app).await;
    }
    let secrets = ks
        .manage(
            "GET",
            &format!("/applications/{}/client-secrets", app.id),
            &Value::Null,
        )
        .await;
    let old = text(&secrets["data"][0], "secret_id");
    let ask = owner
        .visit(&format!("{list}/{old}/revoke"))
        .await
        .expect(200);
    let gone = owner.submit(&ask.form("/revoke")).await.expect(200);
    assert!(gone.says("Revoked.") && gone.offers("New client secret"));
    assert_eq!(ks.mint(&app, &[("uid", &ks.uid())]).await.status, 401);
    ks.token(&new).await;
}

async fn a_disabled_application_shows_it(store: Store) {
    let (ks, mut owner) = begin(store).await;
    let app = ks.app().await;
    let danger = owner
        .visit(&format!("{LIST}/{}/danger", app.id))
        .await
        .expect(200);
    let off = owner.submit(&danger.form("/disable")).await.expect(200);
    assert!(off.says("Disabled.") && off.offers("Enable"));
    assert!(owner.visit(LIST).await.says("Disabled"));
    assert_ne!(ks.mint(&app, &[("uid", &ks.uid())]).await.status, 200);
    let on = owner.submit(&off.form("/enable")).await.expect(200);
    assert!(on.says("Enabled."));
    ks.token(&app).await;
}

async fn an_application_is_deleted_by_its_name(store: Store) {
    let (ks, mut owner) = begin(store).await;
    let app = ks.app().await;
    let key = ks.key(&app, "openai").await;
    ks.addon(&app, &key, "chat").await;
    ks.token(&app).await;
    let body = json!({"name": "Tried out", "development_of": app.id});
    let made = ks.manage("POST", "/applications", &body).await;
    ks.place
        .plant("client_secret", text(&made, "client_secret"));

    let danger = owner.visit(&format!("{LIST}/{}/danger", app.id)).await;
    let ask = owner
        .click(&danger.expect(200), "Delete…")
        .await
        .expect(200);
    for effect in [
        "1 development application goes with it",
        "1 provider key is destroyed",
        "1 AddOn is removed",
        "1 token that still works ends",
    ] {
        assert!(ask.says(effect), "{effect}: {}", ask.words());
    }
    let other = ask.form("/delete").set("confirm", "Host applications");
    let again = owner.submit(&other).await.expect(422);
    assert!(again.says("This is not the name"), "{}", again.words());
    let gone = again.form("/delete").set("confirm", "Host application");
    let gone = owner.submit(&gone).await.expect(200);
    assert!(gone.says("Erased") && gone.says("keystead/receipt/v1"));
    let list = owner.visit(LIST).await.expect(200);
    assert!(list.says("No applications yet"));
    for list in ["/applications", "/keys", "/addons"] {
        let left = ks.manage("GET", list, &Value::Null).await;
        assert_eq!(left["data"], json!([]), "{list}");
    }
    owner.visit(&format!("{LIST}/{}", app.id)).await.expect(404);
    assert_eq!(ks.mint(&app, &[("uid", &ks.uid())]).await.status, 401);
}

#[tokio::test]
async fn the_quick_start_holds_what_is_needed_and_no_secret() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let [mut owner] = ks.sign_in([Role::Owner]).await;
    ks.start_again().await;
    let app = ks.app().await;
    let path = format!("{LIST}/{}", app.id);
    let empty = owner.visit(&path).await.expect(200);
    assert!(empty.says("Nothing to call yet"), "{}", empty.words());
    for (provider, handle) in [
        ("openai", "chat"),
        ("anthropic", "claude"),
        ("deepl", "translate"),
    ] {
        let key = ks.key(&app, provider).await;
        ks.addon(&app, &key, handle).await;
    }
    for (handle, sdk) in [
        ("chat", "from openai import OpenAI"),
        ("claude", "from anthropic"),
        ("translate", "import deepl"),
    ] {
        let page = owner
            .visit(&format!("{path}?addon={handle}"))
            .await
            .expect(200);
        let base = format!(
            "http://localhost:{}/proxy/{}/{handle}",
            ks.public().port(),
            app.client_id
        );
        assert!(
            page.element("base-url").starts_with(&base),
            "{}",
            page.words()
        );
        assert!(page.element("python").contains(sdk));
        assert!(page.element("token").contains("$KEYSTEAD_CLIENT_SECRET"));
        assert!(page.element("curl").contains(&base));
        let element = page.element("element");
        let tag = format!(
            "<keystead-addon id=\"{handle}\" client-id=\"{}\"",
            app.client_id
        );
        assert!(
            element.contains(&tag) && element.contains("integrity=\"sha384-"),
            "{element}"
        );
        for id in ["browser", "html", "element"] {
            assert!(
                page.element(id).contains("/your-backend/keystead-token"),
                "{id}"
            );
        }
        assert!(!page.text.contains("ksc1_") && !page.text.contains("kst1_"));
    }
}
