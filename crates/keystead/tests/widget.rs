//! The AddOn's front end: the file that pages load is what the sources make, does what its own tests say,
//! and comes with what a page needs to trust it. What it does in a browser is in `pages/addon.rs`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use aws_lc_rs::digest::{SHA384, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::harness::{Ask, Keystead, Store};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../widget")
}

async fn node(arguments: &[&str]) -> Output {
    let told = |name: &str| -> OsString {
        std::env::var_os(name)
            .unwrap_or_else(|| panic!("`cargo xtask test` installs it and sets {name}"))
    };
    let mut command = Command::new(told("KEYSTEAD_TEST_NODE"));
    command
        .args(arguments)
        .current_dir(folder())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("NODE_MODULES", told("KEYSTEAD_TEST_WIDGET_MODULES"))
        .stdin(Stdio::null());
    tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap()
}

fn succeeded(output: &Output) {
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&said)
    );
}

#[tokio::test]
async fn the_widget_is_what_its_sources_make() {
    succeeded(&node(&["build.mjs", "--check"]).await);
}

#[tokio::test]
async fn the_widgets_own_tests_pass() {
    let output = node(&["--test", "--test-reporter=tap", "test/*.test.mjs"]).await;
    succeeded(&output);
    let said = String::from_utf8_lossy(&output.stdout);
    let passed = said.lines().find_map(|line| line.strip_prefix("# pass "));
    let passed: u32 = passed.expect("Node counts").parse().unwrap();
    assert!(passed >= 29, "only {passed} tests ran");
    assert!(said.contains("\n# skipped 0\n"), "{said}");
}

#[tokio::test]
async fn any_page_may_load_the_widget_and_know_that_it_is_this_one() {
    let ks = Keystead::start(Store::Sqlite).await;
    for (file, stays, most) in [("keystead", "v1", 12_000), ("connect", "connect-v1", 6_000)] {
        let loading = Ask::get(format!("/widget/{stays}.json"));
        let loading = ks.client().send(loading).await.expect(200);
        assert_eq!(loading.header("access-control-allow-origin"), Some("*"));
        let part = loading.json();
        let built = std::fs::read(folder().join(format!("dist/{file}.js"))).unwrap();
        let src = part["src"].as_str().unwrap();
        let integrity = format!("sha384-{}", STANDARD.encode(digest(&SHA384, &built)));
        assert_eq!(part["integrity"], integrity);
        let path = &src[src.find("/widget/").expect("it lies there")..];
        assert!(
            src.starts_with("http") && path.starts_with(&format!("/widget/{file}-")),
            "a page of another origin can use it: {src}"
        );
        is_for_every_page(
            &ks,
            path,
            "public, max-age=31536000, immutable",
            &built,
            most,
        )
        .await;
        let stays = format!("/widget/{stays}.js");
        is_for_every_page(&ks, &stays, "public, max-age=300", &built, most).await;
    }
}

async fn is_for_every_page(ks: &Keystead, path: &str, kept: &str, built: &[u8], most: usize) {
    let reply = ks.client().send(Ask::get(path)).await.expect(200);
    assert_eq!(reply.body, built, "{path}");
    for (name, value) in [
        ("content-type", "text/javascript; charset=utf-8"),
        ("cache-control", kept),
        ("access-control-allow-origin", "*"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("x-content-type-options", "nosniff"),
        ("vary", "accept-encoding"),
    ] {
        assert_eq!(reply.header(name), Some(value), "{path}: {name}");
    }

    let etag = reply.header("etag").expect("it has a name").to_owned();
    let known = Ask::get(path).header("if-none-match", &etag);
    let known = ks.client().send(known).await.expect(304);
    assert!(known.body.is_empty(), "{path}");
    let other = Ask::get(path).header("if-none-match", "W/\"0\"");
    ks.client().send(other).await.expect(200);

    let small = Ask::get(path).header("accept-encoding", "br, gzip");
    let small = ks.client().send(small).await.expect(200);
    assert_eq!(small.header("content-encoding"), Some("gzip"), "{path}");
    assert!(small.body.len() < most, "{path}");
}

/// A page that names an older file is to notice, rather than to run another.
#[tokio::test]
async fn another_widget_than_this_is_not_there() {
    let ks = Keystead::start(Store::Sqlite).await;
    for path in [
        "/widget/keystead-0123456789abcdef.js",
        "/widget/keystead.js",
        "/widget/",
        "/widget",
        "/widget/v1.js/..",
    ] {
        let reply = ks.client().send(Ask::get(path)).await;
        assert!(
            matches!(reply.status, 400 | 404),
            "{path}: {}",
            reply.status
        );
    }
}
