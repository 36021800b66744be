//! Every page, as everybody may need it: wide and narrow, light and dark, read aloud or by keyboard.

use keystead::store::Role;
use serde_json::json;

use super::furnished::furnish;
use super::list::list;
use super::script;
use crate::harness::{Keystead, Store, planted};

/// With `KEYSTEAD_TEST_SCREENS`, each page's picture is taken as well.
#[tokio::test]
async fn everybody_can_use_every_page() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let password = ks.place.plant("password", planted::alphanumeric(24));
    let set = ks.local_command(&["account", "set-password", &ks.email]);
    set.input(&password).run().await.expect(0);
    let role = Role::Developer;
    let (_, invitation) = ks.invited_elsewhere("Atlas Maps", &ks.email, role).await;
    ks.start_again().await;
    let mut ids = furnish(&ks).await;
    ids["invitation_elsewhere"] = json!(invitation);
    let screens = std::env::var_os("KEYSTEAD_TEST_SCREENS");
    let facts = json!({
        "owner": {"email": ks.email, "password": password},
        "ids": ids,
        "pages": list()["pages"],
        "screens": screens.and_then(|folder| folder.into_string().ok()),
    });
    script::run(&ks, "walk.mjs", facts).await;
}
