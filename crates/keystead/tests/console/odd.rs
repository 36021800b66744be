//! Addresses that no link of ours has.

use keystead::store::Role;
use serde_json::Value;

use crate::harness::{Keystead, Store, on_each_store};

on_each_store!(no_text_in_an_address_stops_the_store);

/// What the pages read from their addresses, all of them.
const READ: [&str; 22] = [
    "q",
    "sort",
    "cursor",
    "limit",
    "application",
    "application_id",
    "addon",
    "addon_id",
    "key",
    "key_id",
    "provider",
    "model",
    "status",
    "by",
    "days",
    "end",
    "role",
    "action",
    "actor",
    "object",
    "outcome",
    "day",
];

/// PostgreSQL keeps no NUL in a text and refuses the statement: an address that holds one is a mistake,
/// not an outage.
async fn no_text_in_an_address_stops_the_store(store: Store) {
    let ks = Keystead::prepare(store).init().await;
    let [mut owner] = ks.sign_in([Role::Owner]).await;
    ks.start_again().await;
    let list: Value = serde_json::from_str(include_str!("../pages/list.json")).unwrap();
    let entries = ["pages", "others"].map(|part| list[part].as_array().unwrap());
    let routes = entries.into_iter().flatten();
    let routes: Vec<_> = routes.filter_map(|entry| entry["route"].as_str()).collect();
    assert!(routes.len() > 40, "these can't be all: {routes:?}");
    for route in routes {
        // Its answer ends the session.
        if route.contains("sign-in") {
            continue;
        }
        let named: String = route
            .split('/')
            .map(|part| if part.contains('{') { "a%00b" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        let mut paths = vec![named.clone()];
        if named == *route {
            paths.extend(READ.map(|name| format!("{route}?{name}=a%00b")));
        }
        for path in paths {
            let page = owner.visit_private(&path).await;
            assert!(page.status < 500, "{path}: {}", page.status);
        }
    }
}
