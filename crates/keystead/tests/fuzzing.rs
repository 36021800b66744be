//! Requests made of broken, doubled and misplaced parts: whatever comes, the answer is one of the
//! documented ones, the server goes on, and nothing of it panics.
//!
//! Each run has another seed; a failure names it, and `KEYSTEAD_TEST_SEED` runs it again.

use serde_json::{Value, json};

use crate::harness::{Ask, Keystead, Scene, Store, is_long};

/// A small generator: the same seed makes the same requests.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let given = std::env::var_os("KEYSTEAD_TEST_SEED");
        let seed = given.and_then(|seed| seed.to_str()?.parse().ok());
        Self(seed.unwrap_or_else(|| u64::from_be_bytes(keystead_vault::random())))
    }

    /// xorshift64*
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).unwrap_or_default() % sides
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.roll(from.len())]
    }
}

const METHODS: &[&str] = &[
    "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "G ET", "",
];
const PATHS: &[&str] = &[
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/models",
    "/v1/models/x",
    "/v1/audio/transcriptions",
    "/v1/responses/resp_1",
    "/v1/images/edits",
    "/v1",
    "/",
    "",
    "//",
    "/v1/%zz",
    "/v1/\u{e9}",
    "/v1/../x",
    "/v1/models?key=x",
    "/v1/models?a=%00&b",
    "/v1/files",
    "/v1/organization/x",
    "/v1/realtime",
    "?",
];
const HEADERS: &[&str] = &[
    "content-type: application/json",
    "content-type: multipart/form-data; boundary=e",
    "content-type: multipart/form-data",
    "content-type: application/x-www-form-urlencoded",
    "content-type: \u{e9}",
    "content-type: application/json; charset=latin1",
    "content-encoding: gzip",
    "expect: 100-continue",
    "connection: close",
    "connection: upgrade",
    "upgrade: websocket",
    "origin: null",
    "origin: https://x.example",
    "accept-encoding: br",
    "range: bytes=0-1",
    "te: trailers",
    "x-api-key: x",
    "authorization: Bearer x",
    "cookie: a=b",
    "x-forwarded-for: 1.2.3.4",
    "if-match: *",
    "openai-beta: realtime=v1",
    "trailer: x",
    "host: localhost",
    "content-length: 3",
    "a:",
    ": b",
    "a b: c",
    "transfer-encoding: chunked",
    "x: \u{0}",
    "proxy-connection: keep-alive",
    "forwarded: for=x",
];
const BODIES: &[&str] = &[
    "",
    "{}",
    "[]",
    "null",
    "{\"model\":",
    "{\"model\":\"m\",\"messages\":[]}",
    "\u{feff}{}",
    "{\"model\":\"m\",\"model\":\"n\"}",
    "{\"model\":\"\\ud800\"}",
    "{\"model\":1e999}",
    "{\"stream\":true}",
    "{\"model\":\"m\",\"input\":[{\"type\":\"item_reference\",\"id\":\"\"}]}",
    "{\"model\":\"m\",\"tools\":[{\"type\":null},{\"type\":\"mcp\"},7]}",
    "{\"stream_options\":null,\"stream\":true,\"model\":\"m\"}",
    "{\"store\":\"yes\"}",
    "--e\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nm\r\n--e--\r\n",
    "--e--",
    "--e\r\n\r\n",
    "--e\r\ncontent-disposition: form-data\r\n\r\n\r\n--e",
    "a=b&a=b&%zz",
    "\u{0}\u{1}\u{2}",
    "5\r\n{\"a\"}\r\n0\r\n\r\n",
];

#[tokio::test]
async fn broken_calls_get_documented_answers() {
    let rounds = if is_long() { 5_000 } else { 500 };
    let ks = Keystead::prepare(Store::Sqlite)
        .set("limits.default.token", "\"100000/s burst 100000\"")
        .set("limits.default.subject", "\"100000/s burst 100000\"")
        .set("limits.default.addon", "\"100000/s burst 100000\"")
        .set("limits.default.application", "\"100000/s burst 100000\"")
        .set("limits.default.key", "\"100000/s burst 100000\"")
        .set("limits.default.address", "\"100000/s burst 100000\"")
        .set("server.header_timeout", "\"1s\"")
        .set("server.body_idle_timeout", "\"1s\"")
        .start()
        .await;
    let scene = Scene::within(ks, "openai").await;
    let page = reference_page();
    let mut dice = Dice::new();
    let mut waiting = tokio::task::JoinSet::new();
    for round in 0..rounds {
        let (seed, request) = (dice.0, broken(&mut dice, &scene));
        let (client, page) = (scene.client(), page.clone());
        waiting.spawn(async move {
            let answer = client.exchange(&request).await;
            is_documented(&answer, &page)
                .map_err(|why| format!("round {round}, seed {seed}: {why}\n{request}\n{answer}"))
        });
        // Some of them wait for a body that never comes, so they wait together.
        if waiting.len() >= 32 {
            waiting.join_next().await.unwrap().unwrap().unwrap();
        }
    }
    while let Some(outcome) = waiting.join_next().await {
        outcome.unwrap().unwrap();
    }
    // And it still works.
    scene.client().send(scene.chat()).await.expect(200);
}

fn broken(dice: &mut Dice, scene: &Scene) -> String {
    let base = match dice.roll(10) {
        0 => "/proxy/x/y".to_owned(),
        1 => format!("/proxy/{}", scene.app.client_id),
        2 => format!("{}x", scene.addon.path),
        _ => scene.addon.path.clone(),
    };
    let method = if dice.roll(3) > 0 {
        "POST"
    } else {
        dice.pick(METHODS)
    };
    let mut request = format!("{method} {base}{} HTTP/1.1\r\n", dice.pick(PATHS));
    if dice.roll(12) > 0 {
        request.push_str("host: localhost\r\n");
    }
    if dice.roll(6) > 0 {
        request.push_str(&format!("authorization: Bearer {}\r\n", scene.token));
    }
    if dice.roll(3) > 0 {
        request.push_str("content-type: application/json\r\n");
    }
    for _ in 0..dice.roll(4) {
        request.push_str(dice.pick(HEADERS));
        request.push_str("\r\n");
    }
    let mut body = dice.pick(BODIES).to_owned();
    if dice.roll(4) == 0 {
        let at = (0..=body.len())
            .filter(|at| body.is_char_boundary(*at))
            .nth(dice.roll(4));
        body.insert_str(at.unwrap_or_default(), dice.pick(BODIES));
    }
    if dice.roll(8) > 0 {
        request.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    request + "\r\n" + &body
}

/// One answer after the other, each with a status that means something here.
fn is_documented(answer: &str, page: &str) -> Result<(), String> {
    for head in answer.split("HTTP/1.1 ").skip(1) {
        let status: u16 = head
            .get(..3)
            .and_then(|s| s.parse().ok())
            .ok_or("no status")?;
        let code = head
            .lines()
            .find_map(|line| line.strip_prefix("x-keystead-error: "));
        match (status, code) {
            (500, _) => return Err("a defect of ours".into()),
            (100..500, None) => {}
            (_, Some(code)) if page.contains(&format!("`{code}`")) => {}
            (status, code) => return Err(format!("{status} with the code {code:?}")),
        }
    }
    Ok(())
}

fn reference_page() -> String {
    let page =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/errors.md");
    std::fs::read_to_string(page).unwrap()
}

/// Every route of the management API and the token endpoint, given values it does not expect.
#[tokio::test]
async fn broken_management_requests_get_problems() {
    let rounds = if is_long() { 3_000 } else { 300 };
    let scene = Scene::with("openai").await;
    let routes = [
        format!("/applications/{}", scene.app.id),
        "/applications".into(),
        format!("/applications/{}/client-secrets", scene.app.id),
        format!("/applications/{}/client-secrets/x", scene.app.id),
        "/keys".into(),
        format!("/keys/{}", scene.key.id),
        format!("/keys/{}/rotate", scene.key.id),
        format!("/keys/{}/check", scene.key.id),
        "/keys/%00".into(),
        "/addons".into(),
        format!("/addons/{}", scene.addon.id),
        "/addons/\u{2603}".into(),
        "/usage?days=x".into(),
        "/usage?days=99999999999999999999".into(),
        "/audit?limit=0".into(),
        "/audit?cursor=%ff".into(),
        "/keys?limit=201&cursor=AAAA".into(),
    ];
    let values = [
        json!(null),
        json!(7),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("x"),
        json!("\u{0}"),
        json!("a".repeat(70_000)),
        json!([]),
        json!([null]),
        json!({}),
        json!({"a": {}}),
        json!(true),
        json!("' OR 1=1 --"),
        json!("../../etc"),
        json!(scene.app.id),
        json!(scene.key.id),
        json!("openai"),
        json!("any"),
        json!(["https://x", "null", "*"]),
    ];
    let names = [
        "application_id",
        "provider",
        "name",
        "key",
        "endpoint",
        "skip_check",
        "handle",
        "type",
        "key_id",
        "models",
        "operations",
        "allow",
        "strict",
        "origins",
        "addresses",
        "redirect_uris",
        "public",
        "overlap_s",
        "x",
    ];
    let mut dice = Dice::new();
    for round in 0..rounds {
        let seed = dice.0;
        let mut body = json!({});
        for _ in 0..dice.roll(8) {
            body[names[dice.roll(names.len())]] = values[dice.roll(values.len())].clone();
        }
        let method = dice.pick(&["POST", "PATCH", "POST", "GET", "PUT"]);
        let path = &routes[dice.roll(routes.len())];
        // A client can't send what is no URI; what is left is sent as it is.
        let Ok(uri) = format!("/api/v1{path}").parse::<http::Uri>() else {
            continue;
        };
        let ask = Ask::new(method, uri.to_string())
            .bearer(&scene.ks.api_token)
            .secret();
        let reply = scene.client().send(ask.json(&body)).await;
        let what = format!("round {round}, seed {seed}: {method} {path} {body:.300}");
        assert!(reply.status < 500, "{what}\n{}", reply.text());
        if reply.status >= 400 {
            assert!(reply.json()["code"].is_string(), "{what}\n{}", reply.text());
        }
    }
    for fields in [
        &[("grant_type", "client_credentials"), ("uid", "\u{0}")][..],
        &[("grant_type", "\u{0}"), ("uid", "u")],
        &[("uid", "u"), ("uid", "u"), ("scope", "addon:' OR 1=1")],
        &[
            ("expires_in", "-1"),
            ("client_id", "\u{2603}"),
            ("client_secret", "\u{2603}"),
        ],
    ] {
        let reply = scene
            .client()
            .send(Ask::post("/oauth/token").form(fields))
            .await;
        assert!(
            (400..500).contains(&reply.status),
            "{fields:?}: {}",
            reply.text()
        );
        assert!(reply.json()["error"].is_string());
    }
    let listed = scene.ks.manage("GET", "/keys", &Value::Null).await;
    assert_eq!(listed["data"][0]["key_id"], json!(scene.key.id));
    scene.client().send(scene.chat()).await.expect(200);
}
