//! The first account: by the link that a start prints, or by settings.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use super::{Known, planted_password, sign_in};
use crate::harness::tab::Tab;
use crate::harness::{Keystead, Store, eventually, on_each_store, planted};

on_each_store!(
    the_printed_link_makes_the_first_account,
    settings_make_the_first_account_once,
);

async fn the_printed_link_makes_the_first_account(store: Store) {
    let keystead = Keystead::prepare(store).without_account().start().await;
    let link = printed_link(&keystead, 1)
        .await
        .expect("nobody can sign in yet");
    let (place, token) = link.split_once('#').expect("the token is in the fragment");
    assert!(place.ends_with("/setup"));
    let mut tab = Tab::new(&keystead);
    let page = tab.get("/console/sign-in").await.expect(200).text();
    assert!(
        page.contains("set up") && !page.contains("id=\"password\""),
        "{page}"
    );
    tab.get("/setup").await.expect(200);
    tab.post("/setup", &[("link", "ksl1_nonsense")])
        .await
        .expect(422);
    tab.post_from("cross-site", "/setup", &[("link", token)])
        .await
        .expect(403);
    let page = tab
        .post("/setup", &[("link", token)])
        .await
        .expect(200)
        .text();
    assert!(page.contains("action=\"/setup/account\""));

    let email = format!("canary-{}@mail.example", planted::hex(16));
    let known = Known {
        email: keystead.place.plant("email", email),
        password: planted_password(&keystead),
    };
    let weak = [
        ("organization", "Engines"),
        ("email", &*known.email),
        ("password", "password"),
    ];
    let refused = tab.post("/setup/account", &weak).await.expect(422).text();
    assert!(refused.contains("id=\"password-error\"") && refused.contains(&known.email));
    assert!(!refused.contains("value=\"password\""));
    let right = [weak[0], weak[1], ("password", &*known.password)];
    let made = tab.post("/setup/account", &right).await.expect(303);
    assert_eq!(made.header("location"), Some("/console"));
    tab.get("/console").await.expect(200);

    for path in ["/setup", "/setup?x=1"] {
        let gone = tab.get(path).await.expect(404).text();
        assert!(!gone.contains("<form"), "{gone}");
    }
    tab.post("/setup", &[("link", token)]).await.expect(404);
    tab.post("/setup/account", &right).await.expect(404);
    let mut again = Tab::new(&keystead);
    again.get("/console/sign-in").await.expect(200);
    sign_in(&mut again, &known).await.expect(303);

    keystead.kill();
    keystead.start_again().await;
    assert_eq!(printed_link(&keystead, 2).await, None);
}

async fn settings_make_the_first_account_once(store: Store) {
    let prepared = Keystead::prepare(store).without_account();
    let email = format!("canary-{}@mail.example", planted::hex(16));
    let email = prepared.place().plant("email", email);
    let password = format!("twelve small {}", planted::hex(8));
    let password = prepared.place().plant("password", password);
    let file = prepared.place().allow("first-password");
    fs::write(&file, format!("{password}\n")).unwrap();
    prepared.place().allow("keystead.toml");
    let keystead = prepared
        .set("init.admin_email", &format!("\"{email}\""))
        .set(
            "init.admin_password_file",
            &format!("\"{}\"", file.display()),
        )
        .start()
        .await;
    assert_eq!(printed_link(&keystead, 1).await, None);
    let known = Known { email, password };
    let mut tab = Tab::new(&keystead);
    tab.get("/console/sign-in").await.expect(200);
    sign_in(&mut tab, &known).await.expect(303);
    // Again, and with the file gone: there is an account, so nobody looks.
    fs::remove_file(&file).unwrap();
    keystead.kill();
    keystead.start_again().await;
    let mut tab = Tab::new(&keystead);
    tab.get("/console/sign-in").await.expect(200);
    sign_in(&mut tab, &known).await.expect(303);
}

/// What that start printed, the first being 1. Each prints one line, some time after it answers.
async fn printed_link(keystead: &Keystead, start: usize) -> Option<String> {
    let line = || {
        let said = keystead.place.read("stdout");
        // A line that is being written is not there yet.
        let mut whole = said
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        whole.nth(start - 1).map(ToOwned::to_owned)
    };
    let patience = Duration::from_secs(60);
    eventually("a start says where it is", patience, async || {
        line().is_some()
    })
    .await;
    let ready: Value = serde_json::from_str(&line().unwrap()).expect("as JSON");
    ready["set_up"].as_str().map(ToOwned::to_owned)
}
