//! The list of pages in `list.json`: what is looked at, as whom, under which name.
//!
//! A page that the console has and the list has not fails a test, so that no page goes unseen.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// The list as it stands.
pub(super) fn list() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages/list.json");
    let text = fs::read_to_string(path).expect("it lies beside this file");
    serde_json::from_str(&text).expect("the list is JSON")
}

#[test]
fn every_page_is_in_the_list() {
    let list = list();
    let routes = |part: &str| -> Vec<String> {
        let entries = list[part].as_array().expect("a list");
        let route = |entry: &Value| entry["route"].as_str().map(nameless);
        entries.iter().filter_map(route).collect()
    };
    let listed = [routes("pages"), routes("others")].concat();
    let mut shown = Vec::new();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console");
    read(&sources, &mut shown);
    assert!(shown.len() > 10, "these can't be all: {shown:?}");
    let missing: Vec<_> = shown
        .iter()
        .filter(|route| !listed.contains(route))
        .collect();
    assert!(
        missing.is_empty(),
        "not in tests/pages/list.json: {missing:?}"
    );
    let gone: Vec<_> = listed
        .iter()
        .filter(|route| !shown.contains(route))
        .collect();
    assert!(gone.is_empty(), "no page any more: {gone:?}");
}

/// The routes that answer a GET, as the sources below `folder` write them.
fn read(folder: &Path, shown: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("the console's sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read(&path, shown);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let text = fs::read_to_string(&path).expect("a source");
            let routes = text.split(".route(").skip(1);
            shown.extend(routes.filter_map(shown_by));
        }
    }
}

/// What stands behind `.route(`, if it answers a GET.
fn shown_by(call: &str) -> Option<String> {
    let mut depth = 1;
    let end = call.find(|letter| {
        depth += match letter {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth == 0
    })?;
    let (route, methods) = call[..end].split_once(',')?;
    let route = route.trim().strip_prefix('"')?.strip_suffix('"')?;
    methods.contains("get(").then(|| nameless(route))
}

/// A route in which ids have no names, and everything is below `/console` or said in full.
fn nameless(route: &str) -> String {
    let route = route.strip_prefix("/console").unwrap_or(route);
    let parts = route
        .split('/')
        .map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}
