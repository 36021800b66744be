//! What `keystead demo` shows: a host application's page with four AddOns, and the console behind it.

use rustix::process::Signal;
use serde_json::json;

use super::script;
use crate::demo::Demo;
use crate::harness::setup::text;

#[tokio::test]
async fn both_sides_are_seen() {
    let demo = Demo::start_with(&["--json"]);
    let told = demo.told().await;
    let console = text(&told, "console");
    let keystead = console.strip_suffix("/console").unwrap();
    let screens = std::env::var_os("KEYSTEAD_TEST_SCREENS");
    let facts = json!({
        "origin": told["page"],
        "others": [keystead],
        "console": console,
        "email": told["email"],
        "password": demo.place.plant("password", text(&told, "password")),
        "screens": screens.and_then(|folder| folder.into_string().ok()),
    });
    let outcome = script::beside(&demo.place, "demo.mjs", &facts).await;
    demo.end(Signal::INT).await;
    assert!(outcome.is_ok(), "{outcome:?}");
}
