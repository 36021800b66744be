//! People sign in at the console, are known as long as they should be, and by nobody else.

mod oidc;
mod set_up;

use std::time::{Duration, Instant};

use crate::harness::tab::Tab;
use crate::harness::{Ask, Keystead, Scene, Store, on_each_store, planted};

on_each_store!(
    a_person_signs_in_and_out,
    a_wrong_password_and_an_unknown_address_look_alike,
    a_form_of_another_site_changes_nothing,
    a_step_up_gives_the_session_another_token,
    another_session_is_ended_from_the_account,
    too_many_tries_are_told_to_wait,
    a_page_may_call_the_api_and_another_site_may_not,
);

/// Somebody who has a password, besides whoever set the server up.
pub(crate) struct Known {
    pub(crate) email: String,
    pub(crate) password: String,
}

async fn a_person_signs_in_and_out(store: Store) {
    let (keystead, known) = server_with_a_person(store).await;
    let mut tab = Tab::new(&keystead);
    let led = tab.get("/console/account?x=1").await.expect(303);
    assert_eq!(
        led.header("location"),
        Some("/console/sign-in?next=%2Fconsole%2Faccount%3Fx%3D1")
    );
    let page = tab.get(led.header("location").unwrap()).await.expect(200);
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(page.header(name), Some(value), "{name}");
    }
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );

    let signed_in = sign_in(&mut tab, &known).await.expect(303);
    assert_eq!(signed_in.header("location"), Some("/console/account?x=1"));
    let cookie = signed_in.header("set-cookie").unwrap();
    assert!(
        cookie.starts_with("keystead=kss1_"),
        "a name without prefix on loopback"
    );
    for part in ["; Path=/", "; HttpOnly", "; SameSite=Strict"] {
        assert!(cookie.contains(part), "{part}");
    }
    assert!(!cookie.contains("Domain"), "this host alone");
    tab.get("/console/account").await.expect(200);

    let before = tab.session().unwrap().to_owned();
    let thief = Tab::new(&keystead).with_session(&before);
    tab.post("/console/sign-out", &[]).await.expect(303);
    assert_eq!(tab.session(), None);
    let mut thief = thief;
    thief.get("/console/account").await.expect(303);
}

async fn a_wrong_password_and_an_unknown_address_look_alike(store: Store) {
    let (keystead, known) = server_with_a_person(store).await;
    let mut pages = Vec::new();
    for (from, email) in [
        ([127, 9, 1, 1], known.email.as_str()),
        ([127, 9, 2, 1], "nobody@example.org"),
    ] {
        let mut tab = Tab::new(&keystead).from(from);
        tab.get("/console/sign-in").await.expect(200);
        let fields = [("email", email), ("password", "not the password")];
        let reply = tab.post("/console/sign-in", &fields).await.expect(422);
        assert_eq!(tab.session(), None);
        let text = reply.text();
        assert!(
            !text.contains("not the password"),
            "a secret does not come back"
        );
        for part in [
            "E-mail address or password is not right",
            "href=\"#email\"",
            "href=\"#password\"",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        pages.push(text.replace(email, "ADDRESS"));
    }
    assert_eq!(pages[0], pages[1]);
    let wrong = "keystead_sign_ins_total{outcome=\"wrong\"}";
    assert!(keystead.metric(wrong) >= 2.0);
}

async fn a_form_of_another_site_changes_nothing(store: Store) {
    let (keystead, known) = server_with_a_person(store).await;
    let mut tab = Tab::new(&keystead);
    tab.get("/console/sign-in").await.expect(200);
    let fields = [("email", &*known.email), ("password", &*known.password)];
    for site in ["cross-site", "same-site", "none"] {
        tab.post_from(site, "/console/sign-in", &fields)
            .await
            .expect(403);
        assert_eq!(tab.session(), None, "{site}");
    }
    sign_in(&mut tab, &known).await.expect(303);
    tab.get("/console/account").await.expect(200);
    let others = "/console/account/sessions/others";
    tab.post_from("cross-site", others, &[]).await.expect(403);
    // From our own page, but of another session, or of none.
    for csrf in ["", "AAAA", &"A".repeat(43)] {
        tab.post(others, &[("csrf", csrf)]).await.expect(403);
    }
    tab.get("/console/account").await.expect(200);
    tab.post(others, &[]).await.expect(303);
}

async fn a_step_up_gives_the_session_another_token(store: Store) {
    let (keystead, known) = server_with_a_person(store).await;
    let mut tab = Tab::new(&keystead);
    // Someone put a session of their own choosing into this browser.
    let planted_by_another = keystead_vault::Token::generate(keystead_vault::TokenKind::Session);
    tab = tab.with_session(planted_by_another.expose());
    tab.get("/console/sign-in").await.expect(200);
    sign_in(&mut tab, &known).await.expect(303);
    let first = tab.session().unwrap().to_owned();
    assert_ne!(first, planted_by_another.expose());

    tab.get("/console/step-up?next=%2Fconsole%2Faccount")
        .await
        .expect(200);
    tab.post("/console/step-up", &[("password", "wrong")])
        .await
        .expect(422);
    assert_eq!(tab.session(), Some(&*first));
    tab.get("/console/step-up?next=%2Fconsole%2Faccount")
        .await
        .expect(200);
    let done = tab
        .post("/console/step-up", &[("password", &known.password)])
        .await
        .expect(303);
    assert_eq!(done.header("location"), Some("/console/account"));
    assert_ne!(tab.session(), Some(&*first));
    tab.get("/console/account").await.expect(200);
    let mut thief = Tab::new(&keystead).with_session(&first);
    thief.get("/console/account").await.expect(303);

    // Signing in again in the same browser ends the session that it had.
    let second = tab.session().unwrap().to_owned();
    tab.get("/console/sign-in").await.expect(200);
    sign_in(&mut tab, &known).await.expect(303);
    let mut thief = Tab::new(&keystead).with_session(&second);
    thief.get("/console/account").await.expect(303);
}

async fn another_session_is_ended_from_the_account(store: Store) {
    let (keystead, known) = server_with_a_person(store).await;
    let (mut here, mut there) = (Tab::new(&keystead), Tab::new(&keystead));
    for tab in [&mut here, &mut there] {
        tab.get("/console/sign-in").await.expect(200);
        sign_in(tab, &known).await.expect(303);
    }
    let page = here.get("/console/account").await.expect(200).text();
    let id = page
        .split("/console/account/sessions/ses_")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("the other session can be ended");
    let path = format!("/console/account/sessions/ses_{id}");
    here.post(&path, &[]).await.expect(303);
    there.get("/console/account").await.expect(303);
    here.get("/console/account").await.expect(200);

    let new = planted_password(&keystead);
    here.post("/console/account/password", &[("password", &new)])
        .await
        .expect(303);
    there.get("/console/sign-in").await.expect(200);
    sign_in(&mut there, &known).await.expect(422);
    let known = Known {
        password: new,
        ..known
    };
    sign_in(&mut there, &known).await.expect(303);
}

async fn too_many_tries_are_told_to_wait(store: Store) {
    let (keystead, known) = server_with_a_person(store).await;
    let mut tab = Tab::new(&keystead);
    tab.get("/console/sign-in").await.expect(200);
    let fields = [("email", &*known.email), ("password", "a guess")];
    let mut statuses = Vec::new();
    for _ in 0..8 {
        let reply = tab.post("/console/sign-in", &fields).await;
        if reply.status == 429 {
            assert!(reply.header("retry-after").is_some());
        }
        statuses.push(reply.status);
    }
    assert!(statuses.starts_with(&[422; 5]), "{statuses:?}");
    assert!(statuses.contains(&429), "{statuses:?}");
    // Elsewhere the owner is let in, after seconds at most.
    let mut elsewhere = Tab::new(&keystead).from([127, 77, 1, 1]);
    elsewhere.get("/console/sign-in").await.expect(200);
    sign_in(&mut elsewhere, &known).await.expect(303);
}

async fn a_page_may_call_the_api_and_another_site_may_not(store: Store) {
    let (keystead, known) = server_with_a_person(store).await;
    let mut tab = Tab::new(&keystead);
    tab.get("/console/sign-in").await.expect(200);
    sign_in(&mut tab, &known).await.expect(303);
    let token = tab.session().unwrap().to_owned();
    let csrf = keystead::people::csrf(&token);
    let ask = |site: &str, csrf: Option<&str>| {
        let ask = Ask::get("/api/v1/organization")
            .header("cookie", format!("keystead={token}"))
            .header("sec-fetch-site", site);
        match csrf {
            Some(csrf) => ask.header("x-keystead-csrf", csrf),
            None => ask,
        }
    };
    let client = keystead.client();
    client
        .send(ask("same-origin", Some(&csrf)))
        .await
        .expect(200);
    let other = keystead::people::csrf("kss1_other");
    for (site, csrf) in [
        ("same-origin", None),
        ("same-origin", Some("")),
        ("same-origin", Some(&*other)),
        ("cross-site", Some(&*csrf)),
        ("same-site", Some(&*csrf)),
    ] {
        let refused = client.send(ask(site, csrf)).await;
        assert_eq!(refused.status, 401, "{site} {csrf:?}");
    }
    // Where there is a token, it alone counts.
    let wrong = ask("same-origin", Some(&csrf)).bearer("ksa1_nonsense");
    client.send(wrong).await.expect(401);
    tab.get("/console/account").await.expect(200);
    tab.post("/console/sign-out", &[]).await.expect(303);
    client
        .send(ask("same-origin", Some(&csrf)))
        .await
        .expect(401);
}

/// Two threads hash, at low priority, with a short queue before them.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_wrong_passwords_do_not_slow_the_proxy() {
    let scene = Scene::with("openai").await;
    let keystead = &scene.ks;
    let call = || async {
        // Fifty a second are a token's share.
        tokio::time::sleep(Duration::from_millis(25)).await;
        let begun = Instant::now();
        scene.client().send(scene.chat()).await.expect(200);
        begun.elapsed()
    };
    let median = |mut times: Vec<Duration>| {
        times.sort();
        times[times.len() / 2]
    };
    let mut alone = Vec::new();
    for _ in 0..40 {
        alone.push(call().await);
    }
    let mut floods = Vec::new();
    for number in 0..20_u8 {
        let mut tab = Tab::new(keystead).from([127, 88, number, 1]);
        floods.push(tokio::spawn(async move {
            let mut seen = Vec::new();
            for try_number in 0..50 {
                let email = format!("nobody-{number}-{try_number}@example.org");
                let fields = [("email", &*email), ("password", "wrong for everybody")];
                seen.push(tab.post("/console/sign-in", &fields).await.status);
            }
            seen
        }));
    }
    let mut beside = Vec::new();
    while floods.iter().any(|flood| !flood.is_finished()) {
        beside.push(call().await);
    }
    let mut seen = Vec::new();
    for flood in floods {
        seen.extend(flood.await.unwrap());
    }
    assert_eq!(seen.len(), 1_000);
    assert!(seen.iter().all(|status| [422, 429, 503].contains(status)));
    assert!(seen.contains(&422), "some were worked on");
    let (alone, beside) = (median(alone), median(beside));
    let most = (alone * 10).max(Duration::from_millis(60));
    assert!(beside < most, "{beside:?} beside, {alone:?} alone");
}

pub(crate) async fn sign_in(tab: &mut Tab, known: &Known) -> crate::harness::Reply {
    let fields = [("email", &*known.email), ("password", &*known.password)];
    tab.post("/console/sign-in", &fields).await
}

/// A server, and somebody with a password and an organization of their own.
pub(crate) async fn server_with_a_person(store: Store) -> (Keystead, Known) {
    let keystead = Keystead::prepare(store).init().await;
    let known = person(&keystead).await;
    keystead.start_again().await;
    (keystead, known)
}

/// Makes an account with a password, by commands; the server does not run yet.
pub(crate) async fn person(keystead: &Keystead) -> Known {
    let email = format!("canary-{}@mail.example", planted::hex(16));
    let email = keystead.place.plant("email", email);
    let password = planted_password(keystead);
    let init = ["init", "--admin-email", &email, "--json"];
    let made = keystead.local_command(&init).secret().run().await.json();
    keystead
        .place
        .plant("api_token", made["api_token"].as_str().unwrap());
    let command = ["account", "set-password", &email];
    let set = keystead.local_command(&command).input(&password);
    set.run().await.expect(0);
    Known { email, password }
}

pub(crate) fn planted_password(keystead: &Keystead) -> String {
    let password = format!("twelve small {}", planted::hex(8));
    keystead.place.plant("password", password)
}
