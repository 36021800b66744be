//! An application on another site sends a person to the page that asks them, and gets them back.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde_json::json;

use super::script;
use crate::harness::{Keystead, Store, on_each_store, planted};

on_each_store!(an_application_asks_and_a_person_decides);

async fn an_application_asks_and_a_person_decides(store: Store) {
    play(store, true).await;
}

#[tokio::test]
async fn an_application_asks_without_scripts() {
    play(Store::Sqlite, false).await;
}

async fn play(store: Store, scripts: bool) {
    let ks = Keystead::prepare(store).init().await;
    let password = ks.place.plant("password", planted::alphanumeric(24));
    let set = ks.local_command(&["account", "set-password", &ks.email]);
    set.input(&password).run().await.expect(0);
    ks.start_again().await;

    let elsewhere = application().await;
    let body = json!({"name": "Letterbox", "public": true, "origins": [elsewhere],
        "redirect_uris": [format!("{elsewhere}/back")]});
    let made = ks.manage("POST", "/applications", &body).await;
    let app = crate::harness::App {
        id: made["application_id"].as_str().unwrap().to_owned(),
        client_id: made["client_id"].as_str().unwrap().to_owned(),
        client_secret: String::new(),
    };
    let key = ks.key(&app, "openai").await;
    let addon = ks.addon(&app, &key, "writing").await;
    let facts = json!({
        "owner": {"email": ks.email, "password": password},
        "client": app.client_id,
        "elsewhere": elsewhere,
        "addon": addon.path,
        "scripts": scripts,
    });
    script::run(&ks, "authorize.mjs", facts).await;
}

/// The application's own site: a page that people leave from, and one that they come back to.
async fn application() -> String {
    let page = |title: &'static str| {
        get(move || async move {
            Html(format!(
                "<!doctype html><html lang=en><title>{title}</title><link rel=icon href=\"data:,\">\
                 <h1>{title}</h1><p id=place></p></html>"
            ))
        })
    };
    let router = Router::new()
        .route("/", page("Letterbox"))
        .route("/back", page("Back at Letterbox"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}
