//! Lists of the REST API come a page at a time: each object once whatever the size of a page, and
//! a cursor is good for the list that gave it out, within its own tenant.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::setup::text;
use crate::harness::{Ask, Keystead, Reply, Scene, Store, eventually, on_each_store, planted};

on_each_store!(
    page_by_page_gives_each_object_once,
    what_comes_or_goes_between_two_pages_shifts_nothing,
    a_cursor_shows_nothing_of_another_tenant,
    people_are_listed_by_role_and_age,
);

/// How many objects of each kind there are: no multiple of the sizes of pages below.
const MANY: usize = 7;

/// Each list, and the member that names its objects; usage has none, so a row names itself.
fn lists(scene: &Scene) -> [(String, Option<&'static str>); 6] {
    [
        ("/applications".to_owned(), Some("application_id")),
        (
            format!("/applications/{}/client-secrets", scene.app.id),
            Some("secret_id"),
        ),
        ("/keys".to_owned(), Some("key_id")),
        ("/addons".to_owned(), Some("addon_id")),
        ("/audit".to_owned(), Some("event_id")),
        ("/usage".to_owned(), None),
    ]
}

async fn page_by_page_gives_each_object_once(store: Store) {
    let scene = furnished(Keystead::start(store).await).await;
    for (list, id) in lists(&scene) {
        let whole = names(&pages(&scene.ks, &list, 200).await.concat(), id);
        assert!(whole.len() >= MANY, "{list}: {} objects", whole.len());
        let distinct: BTreeSet<_> = whole.iter().collect();
        assert_eq!(distinct.len(), whole.len(), "{list}: an object came twice");
        for limit in [1, 2, 3, MANY, MANY + 1] {
            let pages = pages(&scene.ks, &list, limit).await;
            let (last, full) = pages.split_last().unwrap();
            assert!(full.iter().all(|page| page.len() == limit), "{list}");
            assert!((1..=limit).contains(&last.len()), "{list}: an empty page");
            assert_eq!(names(&pages.concat(), id), whole, "{list} by {limit}");
        }
    }
    // Sorted and filtered lists go on in the same way.
    for list in ["/applications", "/keys", "/addons"] {
        let mut newest = pages(&scene.ks, list, 200).await.concat();
        newest.reverse();
        let oldest = format!("{list}?sort=oldest");
        assert_eq!(
            pages(&scene.ks, &oldest, 2).await.concat(),
            newest,
            "{list}"
        );
        let by_name = pages(&scene.ks, &format!("{list}?sort=name"), 2)
            .await
            .concat();
        assert_eq!(by_name.len(), MANY, "{list}");
        let none = page(&scene.ks, &format!("{list}?q=no%20such"), 2, None).await;
        assert!(data(&none).is_empty(), "{list}");
        let wrong = ask(&scene.ks, list, "sort=size").await;
        refused(&wrong, 422, "invalid", list);
    }
    let found = page(&scene.ks, "/addons?q=ADDON-3", 9, None).await;
    assert_eq!(found["data"][0]["handle"], "addon-3");
    for list in ["/keys", "/addons"] {
        let of_one = format!("{list}?application_id={}", scene.app.id);
        let whole = pages(&scene.ks, &of_one, 200).await.concat();
        assert_eq!(whole.len(), MANY, "{list}");
        assert_eq!(pages(&scene.ks, &of_one, 2).await.concat(), whole, "{list}");
    }
}

async fn what_comes_or_goes_between_two_pages_shifts_nothing(store: Store) {
    let scene = furnished(Keystead::start(store).await).await;
    let whole = pages(&scene.ks, "/usage", 200).await.concat();
    let first = page(&scene.ks, "/usage", 3, None).await;

    // It stands before everything that the first page showed.
    let mut body = scene.chat_body();
    body["model"] = json!("a");
    let ask = scene.ask("POST", "/v1/chat/completions").json(&body);
    scene.client().send(ask).await.expect(200);
    written(&scene.ks, whole.len() + 1).await;
    assert_eq!(
        page(&scene.ks, "/usage", 1, None).await["data"][0]["model"],
        "a"
    );

    let rest = from(&scene.ks, "/usage", 3, cursor(&first)).await.concat();
    assert_eq!([data(&first), rest].concat(), whole, "usage");

    let by_age = "/addons?sort=oldest";
    let listed = names(
        &pages(&scene.ks, by_age, 200).await.concat(),
        Some("addon_id"),
    );
    let first = page(&scene.ks, by_age, 3, None).await;
    // The very object that the cursor stands on goes; a new one comes.
    scene
        .ks
        .manage("DELETE", &format!("/addons/{}", listed[2]), &Value::Null)
        .await;
    let new = scene.ks.addon(&scene.app, &scene.key, "late").await;
    let rest = from(&scene.ks, by_age, 3, cursor(&first)).await.concat();
    let expected = [&listed[3..], &[new.id]].concat();
    assert_eq!(names(&rest, Some("addon_id")), expected, "AddOns");
}

/// Their addresses are sealed, so nothing can be looked for by them.
async fn people_are_listed_by_role_and_age(store: Store) {
    let ks = Keystead::start(store).await;
    let get = async |path: String| {
        let ask = Ask::get(format!("/api/v1{path}")).bearer(&ks.api_token);
        ks.client().send(ask.secret()).await
    };
    let mut made = Vec::new();
    for role in ["developer", "auditor", "developer"] {
        let email = format!("canary-{}@mail.example", planted::hex(16));
        let email = ks.place.plant("email", email);
        let ask = Ask::post("/api/v1/invitations").bearer(&ks.api_token);
        let ask = ask.json(&json!({"email": email, "role": role})).secret();
        let invited = ks.client().send(ask).await.expect(201).json();
        made.push(text(&invited, "invitation_id"));
    }
    let [first, second, third] = <[String; 3]>::try_from(made).unwrap();
    for (query, expected) in [
        ("", vec![&first, &second, &third]),
        ("&sort=oldest", vec![&first, &second, &third]),
        ("&sort=newest", vec![&third, &second, &first]),
        ("&role=developer", vec![&first, &third]),
        ("&role=developer&sort=newest", vec![&third, &first]),
        ("&role=owner", vec![]),
    ] {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/invitations?limit=1{query}{cursor}");
            let page = get(path).await.expect(200).json();
            let rows = page["data"].as_array().unwrap();
            found.extend(rows.iter().map(|row| text(row, "invitation_id")));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    let count = async |query: &str| {
        let members = get(format!("/members{query}")).await.expect(200).json();
        members["data"].as_array().unwrap().len()
    };
    assert_eq!(count("?role=owner&sort=newest").await, 1);
    assert_eq!(count("?role=auditor").await, 0);
    for wrong in ["?role=king", "?sort=name", "?role=", "?q=a"] {
        let status = get(format!("/members{wrong}")).await.status;
        assert!((400..500).contains(&status), "{wrong}: {status}");
    }
    let page = get("/invitations?limit=1&sort=newest".to_owned())
        .await
        .json();
    let cursor = page["next_cursor"].as_str().unwrap();
    let other = get(format!("/invitations?sort=oldest&cursor={cursor}")).await;
    refused(&other, 400, "invalid_cursor", "another order");
}

#[tokio::test]
async fn a_cursor_that_this_list_did_not_give_out_is_refused() {
    let scene = furnished(Keystead::start(Store::Sqlite).await).await;
    let lists = lists(&scene);
    let mut cursors = Vec::new();
    for (list, _) in &lists {
        cursors.push(cursor(&page(&scene.ks, list, 1, None).await).unwrap());
    }
    for (own, (list, _)) in lists.iter().enumerate() {
        for (other, cursor) in cursors.iter().enumerate() {
            let reply = ask(&scene.ks, list, &format!("limit=1&cursor={cursor}")).await;
            match own == other {
                true => assert_eq!(reply.status, 200, "{list}: {}", reply.text()),
                false => refused(&reply, 400, "invalid_cursor", list),
            }
        }
        let good = &cursors[own];
        for garbled in [
            "",
            "x",
            "%00",
            "%F0%9F%94%91",
            "key_00000000000070008000000000000000",
            &good[..good.len() - 1],
            &good[..good.len() / 2],
            &format!("{good}{good}"),
            &format!("{good}%3D"),
            &good.to_uppercase(),
            &"A".repeat(4_000),
        ] {
            let reply = ask(&scene.ks, list, &format!("cursor={garbled}")).await;
            refused(&reply, 400, "invalid_cursor", &format!("{list} {garbled}"));
        }
        let twice = format!("cursor={good}&cursor={good}");
        refused(&ask(&scene.ks, list, &twice).await, 400, "malformed", list);
    }
}

#[tokio::test]
async fn a_page_has_one_to_two_hundred_objects() {
    let scene = furnished(Keystead::start(Store::Sqlite).await).await;
    for (list, _) in lists(&scene) {
        for limit in ["1", "50", "200"] {
            let reply = ask(&scene.ks, &list, &format!("limit={limit}")).await;
            assert_eq!(reply.status, 200, "{list} {limit}: {}", reply.text());
        }
        for limit in ["0", "201", "65535"] {
            let reply = ask(&scene.ks, &list, &format!("limit={limit}")).await;
            refused(&reply, 422, "invalid", &format!("{list} {limit}"));
            assert_eq!(reply.json()["errors"][0]["pointer"], "#/limit", "{list}");
        }
        for limit in ["", "-1", "65536", "1.5", "ten", "0x10", "%20"] {
            let reply = ask(&scene.ks, &list, &format!("limit={limit}")).await;
            refused(&reply, 400, "malformed", &format!("{list} {limit:?}"));
        }
        let unknown = ask(&scene.ks, &list, "page=2").await;
        refused(&unknown, 400, "malformed", &list);
    }
    // More than a page: the default is fifty.
    for number in 0..50 {
        let body = json!({"name": format!("App {number}")});
        scene.ks.manage("POST", "/applications", &body).await;
    }
    let reply = ask(&scene.ks, "/applications", "").await.expect(200).json();
    assert_eq!(reply["data"].as_array().map(Vec::len), Some(50));
    assert_eq!(reply["has_more"], true);
}

async fn a_cursor_shows_nothing_of_another_tenant(store: Store) {
    let ks = Keystead::prepare(store).init().await;
    let other = ks.another_account().await;
    ks.start_again().await;
    let scene = furnished(ks).await;
    for (list, _) in lists(&scene) {
        let first = page(&scene.ks, &list, 1, None).await;
        let query = format!("cursor={}", cursor(&first).unwrap());
        let ask = Ask::get(format!("/api/v1{list}?{query}")).bearer(&other);
        let reply = scene.ks.client().send(ask).await;

        if list.contains("client-secrets") {
            refused(&reply, 404, "not_found", &list);
        } else {
            // A place in a list is no object: what follows it there is the caller's own, and
            // the other tenant has nothing but the log of how it was made.
            let data = reply.clone().expect(200).json()["data"].take();
            let seen = data.as_array().unwrap().iter();
            let theirs = seen.filter(|row| row["actor"] != "operator").count();
            assert_eq!(theirs, 0, "{list}: {}", reply.text());
        }
    }
}

/// A scene with [`MANY`] objects in every list.
async fn furnished(ks: Keystead) -> Scene {
    let scene = Scene::within(ks, "openai").await;
    let ks = &scene.ks;
    let secrets = format!("/applications/{}/client-secrets", scene.app.id);
    for number in 1..MANY {
        ks.app().await;
        ks.key(&scene.app, "openai").await;
        ks.addon(&scene.app, &scene.key, &format!("addon-{number}"))
            .await;
        // Two live ones at once are the most, so each but the first goes again.
        let made = ks.manage("POST", &secrets, &json!({})).await;
        ks.place
            .plant("client_secret", text(&made, "client_secret"));
        let path = format!("{secrets}/{}", text(&made, "secret_id"));
        ks.manage("DELETE", &path, &Value::Null).await;
        let body = json!({"model": format!("m-{number}"), "input": "x"});
        let ask = scene.ask("POST", "/v1/embeddings").json(&body);
        ks.client().send(ask).await.expect(200);
    }
    scene.client().send(scene.chat()).await.expect(200);
    written(ks, MANY).await;
    scene
}

/// Waits until the ledger lists this many rows.
async fn written(ks: &Keystead, rows: usize) {
    eventually(
        "the ledger is written",
        Duration::from_secs(5),
        async || {
            page(ks, "/usage", 200, None).await["data"]
                .as_array()
                .map(Vec::len)
                == Some(rows)
        },
    )
    .await;
}

async fn ask(ks: &Keystead, list: &str, query: &str) -> Reply {
    let join = if list.contains('?') { '&' } else { '?' };
    ks.api("GET", &format!("{list}{join}{query}"), &Value::Null)
        .await
}

async fn page(ks: &Keystead, list: &str, limit: usize, cursor: Option<&str>) -> Value {
    let cursor = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
    let reply = ask(ks, list, &format!("limit={limit}{cursor}")).await;
    reply.expect(200).json()
}

/// Every page from the beginning.
async fn pages(ks: &Keystead, list: &str, limit: usize) -> Vec<Vec<Value>> {
    from(ks, list, limit, None).await
}

/// Every page from `cursor` on.
async fn from(ks: &Keystead, list: &str, limit: usize, start: Option<String>) -> Vec<Vec<Value>> {
    let (mut pages, mut next) = (Vec::new(), start);
    loop {
        let page = page(ks, list, limit, next.as_deref()).await;
        pages.push(data(&page));
        next = cursor(&page);
        assert_eq!(page["has_more"], next.is_some(), "{list}: {page}");
        if next.is_none() {
            return pages;
        }
    }
}

fn data(page: &Value) -> Vec<Value> {
    page["data"].as_array().unwrap().clone()
}

fn cursor(page: &Value) -> Option<String> {
    page["next_cursor"].as_str().map(str::to_owned)
}

fn names(objects: &[Value], id: Option<&str>) -> Vec<String> {
    let name = |object: &Value| id.map_or_else(|| object.to_string(), |id| text(object, id));
    objects.iter().map(name).collect()
}

/// A problem of RFC 9457 that repeats nothing of what was sent.
fn refused(reply: &Reply, status: u16, code: &str, what: &str) {
    let problem = reply.json();
    let found = (reply.status, problem["code"].as_str());
    assert_eq!(found, (status, Some(code)), "{what}: {problem}");
    assert_eq!(
        reply.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(problem["status"], status, "{what}");
    assert!(problem["detail"].is_string(), "{what}: {problem}");
}
