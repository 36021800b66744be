//! People connect keys of their own: those whom a host vouches for, and those with an account here.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::script;
use crate::harness::ports::Port;
use crate::harness::provider::services::chat_stream;
use crate::harness::setup::text;
use crate::harness::{
    Answer, Ask, Hold, Keystead, Step, Store, eventually, on_each_store, planted,
};

const CHAT: &str = "POST /v1/chat/completions";

on_each_store!(
    a_hosts_users_connect_their_keys,
    somebody_with_an_account_shares_a_key_among_applications,
    what_is_replaced_ends_well_and_what_is_taken_back_at_once,
);

/// A server that people with a password sign in to, at the address that its tokens name.
async fn begin(store: Store) -> (Keystead, String) {
    let ks = Keystead::prepare(store).init().await;
    let password = ks.place.plant("password", planted::alphanumeric(24));
    let set = ks.local_command(&["account", "set-password", &ks.email]);
    set.input(&password).run().await.expect(0);
    let mut config = fs::read_to_string(ks.config()).unwrap();
    config.push_str(&format!(
        "server.public_url = \"{}\"\n",
        script::origin(&ks)
    ));
    fs::write(ks.config(), config).unwrap();
    ks.start_again().await;
    (ks, password)
}

/// A key that its provider knows and the server does not yet.
fn own_key(ks: &Keystead) -> String {
    let key = ks.place.plant("provider_key", planted::key("openai"));
    ks.provider.openai().accept(&key);
    key
}

/// With `KEYSTEAD_TEST_SCREENS`, each page's picture is taken as well.
fn screens(store: Store) -> Value {
    let wanted =
        std::env::var_os("KEYSTEAD_TEST_SCREENS").filter(|_| matches!(store, Store::Sqlite));
    json!(wanted.and_then(|folder| folder.into_string().ok()))
}

async fn a_hosts_users_connect_their_keys(store: Store) {
    let (ks, _) = begin(store).await;
    let port = Port::take();
    let host = format!("http://localhost:{}", port.number());
    let back = format!("{host}/back");
    let body = json!({"name": "Letterbox", "origins": [host], "redirect_uris": [back]});
    let app = ks.app_with(body).await;
    let paid = ks.key(&app, "openai").await;
    let own = json!({"application_id": app.id, "handle": "own", "type": "text",
        "key_source": "user", "provider": "openai"});
    ks.manage("POST", "/addons", &own).await;
    let first = json!({"type": "text", "key_source": "user-then-application",
        "limits": {"each_subject": {"budgets": ["1 requests/day"]}}});
    ks.addon_with(&app, &paid, "first", first).await;
    let keys = [own_key(&ks), own_key(&ks), own_key(&ks), own_key(&ks)];
    let unknown = ks.place.plant("provider_key", planted::key("openai"));
    let uids = [ks.uid(), ks.uid(), ks.uid(), ks.uid()];
    let texts = format!(
        "{}/api/v1/applications/{}/consent-texts",
        script::origin(&ks),
        app.id
    );
    let facts = json!({
        "application": {"client_id": app.client_id, "secret": app.client_secret},
        "port": port.number(),
        "keys": keys,
        "unknown": unknown,
        "uids": uids,
        "prompt": ks.prompt(),
        "texts": texts,
        "api_token": ks.api_token,
        "screens": screens(store),
    });
    let told = script::run(&ks, "connect_host.mjs", facts).await;

    // Who paid: the user's own key, and the application's within what is free.
    let asked = ks.provider.openai().asked(CHAT);
    let times = |key: &str| {
        let with = asked.iter().filter(|one| one.key().as_deref() == Some(key));
        with.count()
    };
    assert_eq!(times(&keys[0]), 1, "the key that was connected");
    assert_eq!(times(&paid.secret), 1, "what is free");
    assert_eq!(times(&keys[1]), 1, "and after that the user's own");
    assert_eq!(
        times(&keys[2]),
        0,
        "what somebody else captured is used by nobody"
    );
    assert_eq!(told["stories"], 6);
    let checks = ks.provider.openai().asked("GET /v1/models");
    let unknown = checks
        .iter()
        .filter(|one| one.key().as_deref() == Some(unknown.as_str()));
    assert_eq!(unknown.count(), 5, "five times for one link, and no more");
    // What was wiped is gone from the store as well; what came without scripts is there.
    for (uid, connected) in [(&uids[0], false), (&uids[2], false), (&uids[3], true)] {
        let status = Ask::post("/connect/status").basic(&app.client_id, &app.client_secret);
        let status = status.json(&json!({"uid": uid})).secret();
        let status = ks.client().send(status).await.expect(200).json();
        assert_eq!(status["connected"], connected, "{status}");
    }
}

/// A page's files, served until this value goes.
struct Site {
    origin: String,
    server: Child,
    _port: Port,
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// The example without a backend, as another application each time.
async fn site(ks: &Keystead, name: &str) -> (Site, Value) {
    let port = Port::take();
    let origin = format!("http://localhost:{}", port.number());
    let body = json!({"name": name, "public": true, "origins": [origin],
        "redirect_uris": [format!("{origin}/")]});
    let made = ks.manage("POST", "/applications", &body).await;
    let client = text(&made, "client_id");
    let addon = json!({"application_id": text(&made, "application_id"), "handle": "chat",
        "type": "text", "key_source": "user", "provider": "openai"});
    ks.manage("POST", "/addons", &addon).await;
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/spa");
    let folder = ks.place.path().join(name);
    fs::create_dir_all(&folder).unwrap();
    for file in ["index.html", "page.css", "page.js", "oauth.js"] {
        let page = fs::read_to_string(examples.join(file)).unwrap();
        let page = page
            .replace("http://localhost:8420", &script::origin(ks))
            .replace("cl_…", &client);
        fs::write(folder.join(file), page).unwrap();
    }
    let server = Command::new(script::told("KEYSTEAD_TEST_PYTHON"))
        .args(["-m", "http.server", "--bind", "127.0.0.1"])
        .arg(port.number().to_string())
        .current_dir(&folder)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it was installed");
    let number = port.number();
    let is_up = || listens(number);
    eventually("the files are served", Duration::from_secs(20), is_up).await;
    let facts = json!({"name": name, "origin": origin, "client": client, "handle": "chat",
        "application": text(&made, "application_id")});
    let site = Site {
        origin,
        server,
        _port: port,
    };
    (site, facts)
}

#[expect(clippy::disallowed_methods, reason = "the test asks its own child")]
async fn listens(port: u16) -> bool {
    tokio::net::TcpStream::connect(("localhost", port))
        .await
        .is_ok()
}

async fn somebody_with_an_account_shares_a_key_among_applications(store: Store) {
    let (ks, password) = begin(store).await;
    let (one, first) = site(&ks, "Letterbox").await;
    let (two, second) = site(&ks, "Atlas").await;
    let (key, other) = (own_key(&ks), own_key(&ks));
    let texts = format!(
        "{}/api/v1/applications/{}/consent-texts",
        script::origin(&ks),
        text(&second, "application")
    );
    let facts = json!({
        "owner": {"email": ks.email, "password": password},
        "others": [one.origin, two.origin],
        "sites": [first, second],
        "key": key,
        "other": other,
        "texts": texts,
        "api_token": ks.api_token,
        "prompt": ks.prompt(),
        "screens": screens(store),
    });
    script::run(&ks, "connect_account.mjs", facts).await;
    let asked = ks.provider.openai().asked(CHAT);
    assert_eq!(
        asked.len(),
        5,
        "three times before it was taken back, once after, and once with another"
    );
    for (one, key) in asked.iter().zip([&key, &key, &key, &key, &other]) {
        assert_eq!(one.key().as_deref(), Some(key.as_str()));
    }
}

async fn what_is_replaced_ends_well_and_what_is_taken_back_at_once(store: Store) {
    let (ks, password) = begin(store).await;
    let (one, first) = site(&ks, "Letterbox").await;
    let (two, second) = site(&ks, "Atlas").await;
    let (key, next) = (own_key(&ks), own_key(&ks));
    let openai = ks.provider.openai();
    // What the first answer waits for, until somebody says so.
    let hold = Hold::new();
    openai.once(
        CHAT,
        chat_stream(&["begun", " and ended"], None).paced(&Step::Hold(hold.clone())),
    );
    // The second is answered as ever, and the third never comes to its end.
    let silent = chat_stream(&["begun"], None).paced(&Step::Silence);
    openai.once(CHAT, chat_stream(&["Sealed keys stay sealed."], None));
    openai.once(CHAT, silent);
    openai.on_each("GET /release", move |_| {
        hold.release_all();
        Answer::new(204)
    });
    let facts = json!({
        "owner": {"email": ks.email, "password": password},
        "others": [one.origin, two.origin],
        "sites": [first, second],
        "key": key,
        "next": next,
        "release": format!("{}/release", openai.base_url()),
        "prompt": ks.prompt(),
    });
    ks.expects_errors("code_used_twice");
    script::run(&ks, "connect_revoke.mjs", facts).await;
    let asked = openai.asked(CHAT);
    let keys: Vec<_> = asked.iter().filter_map(|one| one.key()).collect();
    assert_eq!(keys.len(), 6, "what is refused goes nowhere");
    assert_eq!(keys[0], key);
    assert!(keys[1..].iter().all(|one| *one == next));
}
