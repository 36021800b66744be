//! What a provider refuses is tried again where it did no work, after the time it asks for, at
//! most twice; and never where it may have done something or where waiting can't help.

use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use crate::harness::provider::services::{chat, chat_stream};
use crate::harness::{Answer, Keystead, Reply, Scene, Step, Store, eventually};

const CHAT: &str = "POST /v1/chat/completions";

fn busy() -> Answer {
    Answer::new(429).and_json(&json!({"error": {"message": "slow down", "param": null,
        "type": "requests", "code": "rate_limit_exceeded"}}))
}

#[tokio::test]
async fn every_form_of_retry_after_is_honoured() {
    let scene = Scene::with("openai").await;
    #[expect(
        clippy::disallowed_methods,
        reason = "a date that a real server will read"
    )]
    let in_two_seconds = || httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(2));
    let date = in_two_seconds();
    for (name, value, least, most) in [
        ("retry-after", "1", 1_000, 2_500),
        ("retry-after-ms", "300", 300, 1_500),
        ("retry-after", date.as_str(), 0, 4_000),
    ] {
        scene
            .ks
            .provider
            .openai()
            .once(CHAT, busy().header(name, value));
        let before = scene.ks.provider.openai().asked(CHAT).len();
        let began = Instant::now();

        scene.client().send(scene.chat()).await.expect(200);

        let took = began.elapsed().as_millis();
        assert!(
            (least..most).contains(&took),
            "{name}: {value} took {took} ms"
        );
        assert_eq!(
            scene.ks.provider.openai().asked(CHAT).len() - before,
            2,
            "{name}: {value}"
        );
    }
}

#[tokio::test]
async fn the_same_request_is_sent_again() {
    let scene = Scene::with("openai").await;
    scene
        .ks
        .provider
        .openai()
        .once(CHAT, busy().header("retry-after-ms", "10"));

    scene.client().send(scene.chat()).await.expect(200);

    let asked = scene.ks.provider.openai().asked(CHAT);
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].body(), asked[1].body());
    assert_eq!(asked[0].headers, asked[1].headers);
}

#[tokio::test]
async fn a_wait_above_the_cap_passes_at_once() {
    for (name, asked, told) in [
        ("retry-after", "3600", "3600"),
        ("retry-after-ms", "45000", "45"),
        ("retry-after-ms", "45001", "46"),
    ] {
        let scene = Scene::with("openai").await;
        let provider = scene.ks.provider.openai();
        provider.on(CHAT, busy().header(name, asked));
        let began = Instant::now();

        let reply = scene.client().send(scene.chat()).await;

        assert!(began.elapsed() < Duration::from_secs(2));
        assert_eq!(
            (reply.status, reply.header("retry-after")),
            (429, Some(told))
        );
        assert_eq!(reply.header("x-keystead-source"), Some("upstream"));
        assert_eq!(reply.json()["error"]["code"], "rate_limit_exceeded");
        assert_eq!(scene.ks.provider.openai().asked(CHAT).len(), 1);
    }
}

/// The permit is looked at again before each attempt; what it does not rest on changes nothing.
#[tokio::test]
async fn what_was_taken_away_while_a_call_waited_is_not_tried_again() {
    for (is_taken, status, attempts) in [(true, 403, 1), (false, 200, 2)] {
        let scene = Scene::with("openai").await;
        let other = scene.ks.addon(&scene.app, &scene.key, "other").await;
        let provider = scene.ks.provider.openai();
        provider.once(CHAT, busy().header("retry-after", "4"));
        let addon = if is_taken { &scene.addon } else { &other };
        let path = format!("/addons/{}", addon.id);
        let narrower = json!({"models": ["another"]});
        let client = scene.client();
        let narrow = async {
            eventually("it waits", Duration::from_secs(5), async || {
                scene.ks.provider.openai().asked(CHAT).len() == 1
            })
            .await;
            scene.ks.manage("PATCH", &path, &narrower).await;
        };

        let (reply, ()) = tokio::join!(client.send(scene.chat()), narrow);

        assert_eq!(reply.status, status, "{}", reply.text());
        if is_taken {
            assert_eq!(reply.header("x-keystead-error"), Some("model_not_allowed"));
        }
        assert_eq!(scene.ks.provider.openai().asked(CHAT).len(), attempts);
    }
}

#[tokio::test]
async fn what_finally_fails_says_when_to_come_again() {
    let scene = Scene::with("openai").await;
    scene
        .ks
        .provider
        .openai()
        .on(CHAT, busy().header("retry-after-ms", "20"));

    let reply = scene.client().send(scene.chat()).await;

    assert_eq!(
        scene.ks.provider.openai().asked(CHAT).len(),
        3,
        "two retries and no more"
    );
    assert_eq!(reply.status, 429);
    let wait: u64 = reply
        .header("retry-after")
        .expect("a Retry-After")
        .parse()
        .unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
}

/// By provider: an answer that is tried again, and answers that are not.
#[tokio::test]
async fn only_what_did_no_work_is_tried_again() {
    let quota = json!({"error": {"message": "quota", "type": "insufficient_quota",
        "param": null, "code": "insufficient_quota"}});
    let spend = json!({"type": "error", "error": {"type": "rate_limit_error", "message": "spend",
        "details": {"error_code": "enforced_spend_limit_reached"}}});
    let none = Value::Null;
    for (provider, path, status, body, attempts) in [
        ("openai", "/v1/chat/completions", 429, &none, 3),
        ("openai", "/v1/chat/completions", 503, &none, 3),
        ("openai", "/v1/chat/completions", 429, &quota, 1),
        ("openai", "/v1/chat/completions", 500, &none, 1),
        ("openai", "/v1/chat/completions", 502, &none, 1),
        ("openai", "/v1/chat/completions", 504, &none, 1),
        ("openai", "/v1/chat/completions", 408, &none, 1),
        ("openai", "/v1/chat/completions", 400, &none, 1),
        ("azure-openai", "/openai/v1/chat/completions", 429, &none, 3),
        ("azure-openai", "/openai/v1/chat/completions", 500, &none, 1),
        ("anthropic", "/v1/messages", 429, &none, 3),
        ("anthropic", "/v1/messages", 529, &none, 3),
        ("anthropic", "/v1/messages", 429, &spend, 1),
        ("anthropic", "/v1/messages", 500, &none, 1),
        ("deepl", "/v2/translate", 429, &none, 3),
        ("deepl", "/v2/translate", 529, &none, 3),
        ("deepl", "/v2/translate", 456, &none, 1),
        ("deepl", "/v2/translate", 500, &none, 1),
        ("azure-vision", "/vision/v3.2/analyze", 429, &none, 3),
        ("azure-vision", "/vision/v3.2/analyze", 500, &none, 1),
    ] {
        let scene = Scene::with(provider).await;
        let answer = Answer::new(status)
            .and_json(body)
            .header("retry-after-ms", "1");
        let at = format!("POST {path}");
        scene.ks.provider.service(provider).on(&at, answer);

        let reply = scene.client().send(call(&scene, provider, path)).await;

        assert_eq!(reply.status, status, "{provider}");
        let asked = scene.ks.provider.service(provider).asked(&at).len();
        assert_eq!(asked, attempts, "{provider} {status} {body}");
    }
}

/// An answer that the provider's own retries can't mend says so to the SDK.
#[tokio::test]
async fn spent_quota_passes_as_the_provider_said_it() {
    let scene = Scene::with("openai").await;
    let quota = json!({"error": {"message": "You exceeded your current quota", "param": null,
        "type": "insufficient_quota", "code": "insufficient_quota"}});
    scene
        .ks
        .provider
        .openai()
        .on(CHAT, Answer::new(429).and_json(&quota));

    let reply = scene.client().send(scene.chat()).await;

    assert_eq!((reply.status, reply.json()), (429, quota));
    assert_eq!(reply.header("x-keystead-source"), Some("upstream"));
    assert_eq!(reply.header("retry-after"), None);
}

/// What was not kept can't be sent twice.
#[tokio::test]
async fn a_streamed_body_is_never_sent_again() {
    let scene = Scene::with("azure-vision").await;
    let at = "POST /computervision/imageanalysis:analyze";
    scene
        .ks
        .provider
        .service("azure-vision")
        .on(at, busy().header("retry-after-ms", "1"));
    let (ask, pieces) = scene
        .ask(
            "POST",
            "/computervision/imageanalysis:analyze?features=caption",
        )
        .pieces();
    let ask = ask.kind("application/octet-stream");
    let client = scene.client();
    let sending = tokio::spawn(async move { client.send(ask).await });
    for _ in 0..10 {
        pieces.send(vec![7; 10_000].into()).await.unwrap();
    }
    drop(pieces);

    let reply = sending.await.unwrap();

    assert_eq!(reply.status, 429);
    let asked = scene.ks.provider.service("azure-vision").asked(at);
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].body().len(), 100_000);
}

/// After one 429 the others wait instead of each learning the same; other models go on.
#[tokio::test]
async fn one_gate_holds_a_key_and_model_back() {
    let scene = Scene::with("openai").await;
    let openai = scene.ks.provider.openai();
    openai.once(CHAT, busy().header("retry-after", "2"));
    let first = spawn(&scene, "gpt-6-luna");
    eventually("the first is refused", Duration::from_secs(5), async || {
        openai.asked(CHAT).len() == 1
    })
    .await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = Instant::now();

    let others: Vec<_> = (0..5).map(|_| spawn(&scene, "gpt-6-luna")).collect();
    let other_model = spawn(&scene, "gpt-6-sol").await.unwrap();

    assert_eq!(other_model.status, 200);
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "another model was held back"
    );
    assert_eq!(openai.asked(CHAT).len(), 2, "the held-back calls went out");
    for call in others.into_iter().chain([first]) {
        call.await.unwrap().expect(200);
    }
    assert!(
        began.elapsed() > Duration::from_millis(1_500),
        "nothing was held back"
    );
}

/// Above the cap there is no use in waiting: the client is told when to come again.
#[tokio::test]
async fn a_closed_gate_tells_how_long() {
    let scene = Scene::with("openai").await;
    scene
        .ks
        .provider
        .openai()
        .on(CHAT, busy().header("retry-after", "20"));
    scene.client().send(scene.chat()).await.expect(429);

    let reply = scene.client().send(scene.chat()).await;

    let wait: u64 = reply
        .header("retry-after")
        .expect("a Retry-After")
        .parse()
        .unwrap();
    reply.refused(429, "provider_pause");
    assert!((10..=21).contains(&wait), "{wait}");
    assert_eq!(scene.ks.provider.openai().asked(CHAT).len(), 1);
}

/// A provider closes connections when it likes; the next call must not find that out for the
/// client.
#[tokio::test]
async fn a_connection_that_went_stale_costs_nobody_a_call() {
    let scene = Scene::with("openai").await;
    for pause in [0, 1, 5, 20, 100] {
        scene.client().send(scene.chat()).await.expect(200);
        scene.ks.provider.close_idle_connections();
        tokio::time::sleep(Duration::from_millis(pause)).await;
        scene.client().send(scene.chat()).await.expect(200);
    }
    assert_eq!(
        scene.ks.provider.openai().asked(CHAT).len(),
        10,
        "a call was made twice"
    );
}

#[tokio::test]
async fn a_provider_that_can_not_be_reached_is_said_to_be() {
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let ks = Keystead::prepare(Store::Sqlite)
        .set("providers.openai.base_url", &format!("\"http://{nobody}\""))
        .start()
        .await;
    let app = ks.app().await;
    let body = json!({"application_id": app.id, "provider": "openai", "name": "main",
        "key": ks.place.plant("provider_key", crate::harness::planted::key("openai"))});
    let made = ks.manage("POST", "/keys", &body).await;
    assert_eq!(made["status"], "unchecked", "{made}");
    let key = crate::harness::Key {
        id: made["key_id"].as_str().unwrap().to_owned(),
        provider: "openai",
        secret: String::new(),
    };
    let (addon, token) = (ks.addon(&app, &key, "chat").await, ks.token(&app).await);
    let scene = Scene {
        ks,
        app,
        key,
        addon,
        token,
    };

    let reply = scene.client().send(scene.chat()).await;

    reply.refused(502, "provider_unreachable");
}

/// A request that may have reached the provider is not sent again.
#[tokio::test]
async fn a_connection_that_breaks_after_the_request_is_final() {
    let scene = Scene::with("openai").await;
    scene
        .ks
        .provider
        .openai()
        .on(CHAT, Answer::new(200).first(Step::Reset));

    let reply = scene.client().send(scene.chat()).await;

    reply.refused(502, "provider_broke_off");
    assert_eq!(scene.ks.provider.openai().asked(CHAT).len(), 1);
}

#[tokio::test]
async fn a_provider_that_never_answers_is_given_up() {
    let ks = Keystead::prepare(Store::Sqlite)
        .set("upstream.first_byte_timeout", "\"1s\"")
        .set("upstream.idle_timeout", "\"1s\"")
        .start()
        .await;
    let scene = Scene::within(ks, "openai").await;
    let openai = scene.ks.provider.openai();

    openai.once(CHAT, Answer::new(200).first(Step::Silence));
    scene
        .client()
        .send(scene.chat())
        .await
        .refused(504, "provider_silent");

    openai.once(CHAT, chat_stream(&["begun"], None).then(Step::Silence));
    let text = scene.client().send(scene.stream()).await.text();
    assert!(
        text.contains("begun") && text.contains("provider_silent"),
        "{text}"
    );

    openai.on_each(CHAT, chat);
    scene.client().send(scene.chat()).await.expect(200);
}

fn spawn(scene: &Scene, model: &str) -> tokio::task::JoinHandle<Reply> {
    let mut body = scene.chat_body();
    body["model"] = json!(model);
    let (client, ask) = (
        scene.client(),
        scene.ask("POST", "/v1/chat/completions").json(&body),
    );
    tokio::spawn(async move { client.send(ask).await })
}

/// A plain call of each provider.
fn call(scene: &Scene, provider: &str, path: &str) -> crate::harness::Ask {
    let ask = scene.ask("POST", path);
    match provider {
        "deepl" => ask.json(&json!({"text": [scene.ks.prompt()], "target_lang": "DE"})),
        "anthropic" => {
            let message = json!({"role": "user", "content": scene.ks.prompt()});
            ask.json(&json!({"model": "claude-haiku-5-5", "max_tokens": 9, "messages": [message]}))
        }
        "azure-vision" => ask.json(&json!({"url": "https://images.example/a.png"})),
        _ => ask.json(&scene.chat_body()),
    }
}
