//! `/`: where a browser ends up that was given nothing but the host's name.

use serde_json::json;

use crate::harness::setup::text;
use crate::harness::{Ask, Keystead, Store};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

#[tokio::test]
async fn a_browser_is_led_to_the_console_and_a_program_nowhere() {
    let ks = Keystead::start(Store::Sqlite).await;
    let led = ks
        .client()
        .send(Ask::get("/").header("accept", BROWSER))
        .await;
    let led = led.expect(303);
    assert_eq!(led.header("location"), Some("/console"));
    assert_eq!(led.header("cache-control"), Some("no-store"));
    for ask in [
        Ask::get("/"),
        Ask::get("/").header("accept", "*/*"),
        Ask::post("/").header("accept", BROWSER),
    ] {
        let nowhere = ks.client().send(ask).await.expect(404);
        assert_eq!(nowhere.json()["code"], "no_such_route");
    }
}

#[tokio::test]
async fn a_console_with_a_name_of_its_own_is_what_a_browser_is_led_to() {
    let ks = Keystead::prepare(Store::Sqlite)
        .set("server.public_url", "\"http://keys.example\"")
        .set("server.console_url", "\"http://console.example\"")
        .start()
        .await;
    let ask = Ask::get("/").header("host", "keys.example");
    let led = ks.client().send(ask.header("accept", BROWSER)).await;
    let console = Some("http://console.example/console");
    assert_eq!(led.expect(303).header("location"), console);
}

/// Applications lead people to their keys by the address that they know; their session is elsewhere.
#[tokio::test]
async fn whatever_name_people_come_by_they_end_where_they_are_known() {
    let ks = Keystead::prepare(Store::Sqlite)
        .set("server.public_url", "\"http://keys.example\"")
        .set("server.console_url", "\"http://console.example\"")
        .set("server.connect_url", "\"http://connect.example\"")
        .start()
        .await;
    let visit = async |host: &str, path: &str| {
        let ask = Ask::get(path).header("host", host).secret();
        let reply = ks.client().send(ask).await.expect(303);
        reply.header("location").unwrap_or_default().to_owned()
    };
    for (host, path, led) in [
        (
            "keys.example",
            "/connect/keys",
            "http://console.example/connect/keys",
        ),
        (
            "connect.example:8420",
            "/connect/new?provider=openai",
            "http://console.example/connect/new?provider=openai",
        ),
        (
            "console.example",
            "/connect/keys",
            "/console/sign-in?next=%2Fconnect%2Fkeys",
        ),
        // Neither name is one of those: whoever comes by an address of the machine stays there.
        (
            "127.0.0.1",
            "/connect/keys",
            "/console/sign-in?next=%2Fconnect%2Fkeys",
        ),
    ] {
        assert_eq!(visit(host, path).await, led, "{host}{path}");
    }

    // A link leads to where keys are entered, whatever name the host's backend asked under.
    let back = "https://app.example/back";
    let app = ks.app_with(json!({"redirect_uris": [back]})).await;
    let own = json!({"application_id": app.id, "handle": "own", "type": "any",
        "key_source": "user", "provider": "openai"});
    ks.manage("POST", "/addons", &own).await;
    let fields = [
        ("client_id", &*app.client_id),
        ("client_secret", &app.client_secret),
        ("uid", &ks.uid()),
        ("handle", "own"),
        ("return_to", back),
    ];
    let ask = Ask::post("/connect/links").form(&fields).secret();
    let made = ks.client().send(ask.header("host", "keys.example")).await;
    let url = text(&made.expect(200).json(), "connect_url");
    let url = ks.place.plant("link", url);
    let path = url.strip_prefix("http://connect.example");
    let path = path.expect("the address of the pages where keys are entered");
    assert!(path.starts_with("/connect/l/ksl1_"));
    assert_eq!(visit("connect.example", path).await, "/connect/key");
}
