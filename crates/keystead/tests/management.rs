//! Health, readiness and metrics, and what the log says: none of it about anybody.

use crate::harness::{Ask, Client, Keystead, Scene, Store, on_each_store};

on_each_store!(the_management_listener_says_how_things_are);

async fn the_management_listener_says_how_things_are(store: Store) {
    let scene = Scene::on(store).await;
    let client = Client::new(scene.ks.management(), scene.ks.address, &scene.ks.place);
    scene.client().send(scene.chat()).await.expect(200);
    scene.client().send(scene.stream()).await.expect(200);
    scene
        .client()
        .send(scene.ask("GET", "/v1/nothing"))
        .await
        .refused(404, "not_found");
    scene
        .client()
        .send(Ask::get("/api/v1/nothing"))
        .await
        .expect(404);

    assert_eq!(
        client.send(Ask::get("/healthz")).await.expect(200).text(),
        "ok\n"
    );
    let ready = client.send(Ask::get("/readyz")).await.expect(200).json();
    assert_eq!(ready["ready"], true);
    let metrics = client.send(Ask::get("/metrics")).await.expect(200).text();

    for series in [
        "keystead_refusals_total{code=\"not_found\"} 1",
        "keystead_token_requests_total{outcome=\"issued\"} 1",
        "keystead_panics_total 0",
        "keystead_calls_running 0",
    ] {
        assert!(metrics.contains(series), "{series} in\n{metrics}");
    }
    assert!(
        metrics.contains("operation=\"chat.completions\""),
        "{metrics}"
    );
    // Labels are words of the program: never an object's id, which would name a tenant or a user.
    for id in [
        &scene.app.id,
        &scene.app.client_id,
        &scene.key.id,
        &scene.addon.id,
    ] {
        assert!(!metrics.contains(id.as_str()), "{metrics}");
    }
    for prefix in [
        "org_", "acc_", "app_", "key_0", "add_", "tok_", "cl_", "req_",
    ] {
        let labels = metrics
            .lines()
            .filter(|line| line.contains(&format!("\"{prefix}")));
        assert_eq!(labels.count(), 0, "{prefix} is a label's beginning");
    }
    for path in [
        "/",
        "/api/v1/keys",
        "/proxy/x/y/z",
        "/oauth/token",
        "/debug/pprof",
    ] {
        assert_eq!(client.send(Ask::get(path)).await.status, 404, "{path}");
    }
    for (method, path) in [("POST", "/metrics"), ("DELETE", "/healthz")] {
        assert_eq!(
            client.send(Ask::new(method, path)).await.status,
            405,
            "{method} {path}"
        );
    }
}

/// The public listener answers nothing of the management listener's.
#[tokio::test]
async fn metrics_are_not_public() {
    let ks = Keystead::start(Store::Sqlite).await;
    for path in ["/", "/metrics", "/healthz", "/readyz"] {
        let nothing = ks.client().send(Ask::get(path)).await.expect(404);
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(nothing.header(name), Some(value), "{path}");
        }
    }
}

#[tokio::test]
async fn every_log_line_is_an_object_of_known_fields() {
    let scene = Scene::with("openai").await;
    scene.client().send(scene.chat()).await.expect(200);
    scene
        .client()
        .send(scene.ask("GET", "/v1/nothing"))
        .await
        .refused(404, "not_found");
    scene.ks.terminate();
    scene.ks.ended(std::time::Duration::from_secs(5)).await;

    let text = scene.ks.place.read("stderr");
    assert!(!text.is_empty(), "the log says nothing");
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("a line is an object");
        for (name, _) in line.as_object().unwrap() {
            let own = ["time", "level", "target"].contains(&name.as_str());
            assert!(
                own || keystead::log::FIELDS.contains(&name.as_str()),
                "{name} in {line}"
            );
        }
        assert!(line["time"].as_str().unwrap().ends_with('Z'), "{line}");
        assert!(
            line["target"].as_str().unwrap().starts_with("keystead"),
            "{line}"
        );
    }
}

/// What a caller sends never becomes a line of its own or a terminal's command.
#[tokio::test]
async fn nothing_a_caller_sends_forges_a_log_line() {
    let ks = Keystead::prepare(Store::Sqlite)
        .set("log.level", "\"trace\"")
        .start()
        .await;
    let scene = Scene::within(ks, "openai").await;
    let evil = "x%0a%7B%22level%22%3A%22error%22%7D%1b[2J";
    for ask in [
        Ask::get(format!("/proxy/{evil}/chat/v1/models")),
        Ask::get(format!("/api/v1/keys/{evil}")).bearer(&scene.ks.api_token),
        scene
            .chat()
            .header("user-agent", "x\u{9b}2J")
            .header("x-client-request-id", "\t{\"level\":\"error\"}"),
    ] {
        scene.client().send(ask).await;
    }
    let text = scene.ks.place.read("stderr");
    assert!(
        text.lines()
            .all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()),
        "{text}"
    );
    assert!(!text.contains(['\u{1b}', '\u{9b}']), "{text}");
}

/// The threads of a server share its address; two servers must not, or clients would reach either.
#[tokio::test]
async fn two_servers_never_share_an_address() {
    let first = Keystead::start(Store::Sqlite).await;
    let second = Keystead::prepare(Store::Sqlite).init().await;
    let setting = format!("server.listen={}", first.public());
    let serve = ["serve", "--json", "--set", &setting];

    let failure = second.local_command(&serve).run().await.failure(1);

    assert_eq!(failure["code"], "listen", "{failure}");
    let address = first.public().to_string();
    let message = failure["message"].as_str().unwrap();
    assert!(message.contains(&address), "{message}");
}
