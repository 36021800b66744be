//! `/`: where a browser ends up that was given nothing but the host's name.

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
