//! What `docs/tutorial` says, done step by step as a newcomer does it.

use serde_json::json;

use super::script;
use super::stories::new_server;
use crate::harness::{Store, planted};

/// With `KEYSTEAD_TEST_TUTORIAL`, its pictures are taken as well.
#[tokio::test]
async fn a_newcomer_comes_to_a_streamed_answer() {
    let (ks, link) = new_server(Store::Sqlite).await;
    let key = ks.place.plant("provider_key", planted::key("openai"));
    ks.provider.openai().accept(&key);
    let password = ks.place.plant("password", planted::alphanumeric(24));
    let pictures = std::env::var_os("KEYSTEAD_TEST_TUTORIAL");
    let facts = json!({
        "link": link,
        "key": key,
        // It is to be seen in a picture.
        "email": ks.place.plant("email", "robin@northwind.example"),
        "password": password,
        "pictures": pictures.and_then(|folder| folder.into_string().ok()),
    });
    script::run(&ks, "tutorial.mjs", facts).await;
    let asked = ks.provider.openai().last("POST /v1/chat/completions");
    assert_eq!(asked.key().as_deref(), Some(key.as_str()));
}
