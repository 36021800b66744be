//! TLS on the public listener, from certificate files: HTTP/2 and HTTP/1.1 by ALPN, nothing older
//! than TLS 1.2, and no plain text beside it.

use std::io::ErrorKind::WouldBlock;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ProtocolVersion, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::harness::provider::services::chat_stream;
use crate::harness::{Ask, Hold, Keystead, Scene, Step, Store, eventually, within};

const CHAT: &str = "POST /v1/chat/completions";

/// A scene behind TLS, and what trusts it.
struct Secure {
    scene: Scene,
    roots: RootCertStore,
}

impl Secure {
    async fn start() -> Self {
        Self::start_with(&[]).await
    }

    async fn start_with(settings: &[(&str, &str)]) -> Self {
        let mut prepared = Keystead::prepare(Store::Sqlite);
        for (name, value) in settings {
            prepared = prepared.set(name, value);
        }
        let place = prepared.place().clone();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (place.path().join("tls.pem"), place.path().join("tls.key"));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let ks = prepared
            .set(
                "server.tls_cert_file",
                &format!("\"{}\"", certificate.display()),
            )
            .set("server.tls_key_file", &format!("\"{}\"", key.display()))
            .start()
            .await;
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        // Set up by the command line, which speaks TLS; the client of the other tests does not.
        let scene = by_hand(ks, &certificate).await;
        Self { scene, roots }
    }

    async fn connect(&self, alpn: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let tcp = self.scene.client().dial().await?;
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, tcp)
            .await
    }

    fn request(&self, authority: &str) -> Request<Full<Bytes>> {
        let path = format!("{}/v1/chat/completions", self.scene.addon.path);
        let mut body = self.scene.chat_body();
        body["stream"] = true.into();
        Request::post(format!("{authority}{path}"))
            .header("authorization", format!("Bearer {}", self.scene.token))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body.to_string())))
            .unwrap()
    }
}

#[tokio::test]
async fn http_1_1_and_http_2_are_spoken() {
    let secure = Secure::start().await;

    let tls = secure.connect(&["h2", "http/1.1"]).await.unwrap();
    assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    assert_eq!(
        tls.get_ref().1.protocol_version(),
        Some(ProtocolVersion::TLSv1_3)
    );
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(tls))
        .await
        .unwrap();
    tokio::spawn(connection);
    let response = sender
        .send_request(secure.request("https://localhost"))
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let text = response.into_body().collect().await.unwrap().to_bytes();
    assert!(text.ends_with(b"data: [DONE]\n\n"));

    for alpn in [&["http/1.1"][..], &[]] {
        let tls = secure.connect(alpn).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(tls)).await.unwrap();
        tokio::spawn(connection);
        let mut request = secure.request("");
        request
            .headers_mut()
            .insert("host", "localhost".parse().unwrap());
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200, "{alpn:?}");
    }
}

/// Over HTTP/2 a request names its host in its address; a page must not take that for the way back.
#[tokio::test]
async fn pages_are_asked_for_alike_over_both() {
    let secure = Secure::start().await;
    let tls = secure.connect(&["h2"]).await.unwrap();
    let (mut newer, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(tls))
        .await
        .unwrap();
    tokio::spawn(connection);
    let tls = secure.connect(&["http/1.1"]).await.unwrap();
    let (mut older, connection) = http1::handshake(TokioIo::new(tls)).await.unwrap();
    tokio::spawn(connection);
    let port = secure.scene.ks.public().port();
    for path in [
        "/console/keys?provider=openai",
        "/oauth/authorize?prompt=login",
    ] {
        let request = Request::get(format!("https://localhost:{port}{path}"));
        let request = request.body(Full::new(Bytes::new())).unwrap();
        let new = newer.send_request(request).await.unwrap();
        let request = Request::get(path).header("host", format!("localhost:{port}"));
        let request = request.body(Full::new(Bytes::new())).unwrap();
        let old = older.send_request(request).await.unwrap();
        assert_eq!(new.status(), old.status(), "{path}");
        assert_eq!(
            new.headers().get("location"),
            old.headers().get("location"),
            "{path}"
        );
        let (new, old) = (new.into_body().collect(), old.into_body().collect());
        let (new, old) = (new.await.unwrap().to_bytes(), old.await.unwrap().to_bytes());
        assert_eq!(new, old, "{path}");
    }
}

/// A browser allows six HTTP/1.1 connections to a host; over one HTTP/2 connection twenty streams
/// run side by side, and leaving one cancels that one alone.
#[tokio::test]
async fn many_streams_share_one_http_2_connection() {
    let secure = Secure::start().await;
    let hold = Hold::new();
    let stream = chat_stream(&["begun", "ended"], None).paced(&Step::Hold(hold.clone()));
    secure.scene.ks.provider.openai().on(CHAT, stream);
    let tls = secure.connect(&["h2"]).await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(tls))
        .await
        .unwrap();
    tokio::spawn(connection);
    let mut running = Vec::new();
    for _ in 0..20 {
        let request = secure.request("https://localhost");
        let response = sender.clone().send_request(request).await.unwrap();
        let mut body = response.into_body();
        body.frame().await.unwrap().unwrap();
        running.push(body);
    }
    let openai = secure.scene.ks.provider.openai();

    drop(running.pop());

    let left = openai.last(CHAT);
    let soon = std::time::Duration::from_secs(1);
    within(soon, "the provider is left", left.is_cancelled()).await;
    assert_eq!(
        openai
            .asked(CHAT)
            .iter()
            .filter(|one| one.was_cancelled())
            .count(),
        1
    );
    hold.release_all();
    for body in running {
        let rest = body.collect().await.unwrap().to_bytes();
        assert!(rest.ends_with(b"data: [DONE]\n\n"));
    }
}

/// A client that is let in and then says nothing has as long as for the head of a request.
#[tokio::test]
async fn a_silent_http_2_connection_is_closed() {
    let secure = Secure::start_with(&[("server.header_timeout", "\"1s\"")]).await;
    let silent = secure.connect(&["h2"]).await.unwrap();
    let mut polite = secure.connect(&["h2"]).await.unwrap();
    // The preface and empty SETTINGS: a client that is there, and asks for nothing.
    polite
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .unwrap();
    for (what, mut tls) in [("silent", silent), ("polite", polite)] {
        let mut heard = Vec::new();
        let closed = async { drop(tls.read_to_end(&mut heard).await) };
        within(Duration::from_secs(5), what, closed).await;
    }
    let tls = secure.connect(&["h2"]).await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(tls))
        .await
        .unwrap();
    tokio::spawn(connection);
    // Once it has asked it may take its time.
    for _ in 0..2 {
        let request = secure.request("https://localhost");
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        response.into_body().collect().await.unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

#[tokio::test]
async fn a_silent_http_2_connection_holds_up_no_stop() {
    let secure = Secure::start_with(&[
        ("server.header_timeout", "\"60s\""),
        ("server.drain_deadline", "\"60s\""),
    ])
    .await;
    let silent = secure.connect(&["h2"]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;

    secure.scene.ks.terminate();

    secure.scene.ks.ended(Duration::from_secs(5)).await;
    drop(silent);
}

/// Of the process, not of each thread; and from a connection's first byte on.
#[tokio::test]
async fn there_are_no_more_connections_than_allowed() {
    let settings = [("server.max_connections", "8"), ("server.threads", "2")];
    let secure = Secure::start_with(&settings).await;
    let mut silent = Vec::new();
    for _ in 0..24 {
        silent.push(secure.scene.client().dial().await.unwrap());
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let open = silent.iter().filter(|tcp| {
        tcp.try_read(&mut [0])
            .is_err_and(|e| e.kind() == WouldBlock)
    });
    let open = open.count();
    assert!((1..=8).contains(&open), "{open} connections are open");

    drop(silent);
    let soon = Duration::from_secs(2);
    eventually("there is room again", soon, async || {
        secure.connect(&["h2"]).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn plain_text_and_old_protocols_are_not_spoken() {
    let secure = Secure::start().await;
    let answer = secure
        .scene
        .client()
        .exchange("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await;
    assert!(!answer.contains("HTTP/1.1 2"), "{answer}");
    assert!(
        secure.connect(&["spdy/3"]).await.is_err(),
        "an unknown protocol was agreed on"
    );
    // A TLS 1.0 hello: what comes back is an alert or nothing, never a handshake (22).
    let mut hello = vec![22, 3, 1, 0, 47, 1, 0, 0, 43, 3, 1];
    hello.extend([7; 32]);
    hello.extend([0, 0, 4, 0, 47, 0, 53, 1, 0]);
    let answer = secure.scene.client().exchange(hello).await;
    assert!(!answer.starts_with('\u{16}'), "{answer:?}");
}

/// A renewed certificate is shown without a restart; half of one is not, and cuts nobody off.
#[tokio::test]
async fn a_renewed_certificate_is_shown_without_a_restart() {
    let secure = Secure::start().await;
    let place = &secure.scene.ks.place;
    let (certificate, key) = (place.path().join("tls.pem"), place.path().join("tls.key"));
    let old = secure.connect(&["h2"]).await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(old))
        .await
        .unwrap();
    tokio::spawn(connection);

    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(7)).await;
    secure
        .connect(&["h2"])
        .await
        .expect("the old pair is shown on");

    // As renewing programs do: another file behind the name.
    let beside = place.path().join("tls.key.new");
    std::fs::write(&beside, made.signing_key.serialize_pem()).unwrap();
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::rename(&beside, &key).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let renewed = Secure {
        roots,
        scene: secure.scene,
    };
    let patience = std::time::Duration::from_secs(20);
    eventually("the new pair is shown", patience, async || {
        renewed.connect(&["h2"]).await.is_ok()
    })
    .await;
    let request = renewed.request("https://localhost");
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200, "what was open stays open");
}

/// Application, key, AddOn and token by the command line over TLS.
async fn by_hand(ks: Keystead, certificate: &std::path::Path) -> Scene {
    use crate::harness::setup::text;
    use crate::harness::{AddOn, App, Key, planted};

    let url = format!("https://localhost:{}", ks.public().port());
    let trusted = certificate.display().to_string();
    let command = |arguments: &[&str]| {
        ks.command(arguments)
            .env("KEYSTEAD_URL", &url)
            .env("KEYSTEAD_CA_FILE", &trusted)
    };
    let made = command(&["app", "create", "--name", "n", "--json"])
        .secret()
        .run()
        .await
        .json();
    let app = App {
        id: text(&made, "application_id"),
        client_id: text(&made, "client_id"),
        client_secret: ks
            .place
            .plant("client_secret", text(&made, "client_secret")),
    };
    let secret = ks.place.plant("provider_key", planted::key("openai"));
    ks.provider.openai().accept(&secret);
    let add = [
        "key",
        "add",
        "--app",
        &app.id,
        "--provider",
        "openai",
        "--name",
        "n",
        "--json",
    ];
    let made = command(&add).input(&secret).run().await.json();
    let key = Key {
        id: text(&made, "key_id"),
        provider: "openai",
        secret,
    };
    let install = [
        "addon", "install", "--app", &app.id, "--handle", "chat", "--type", "any", "--key",
        &key.id, "--json",
    ];
    let made = command(&install).run().await.json();
    let addon = AddOn {
        id: text(&made, "addon_id"),
        base_url: text(&made, "base_url"),
        path: format!("/proxy/{}/chat", app.client_id),
    };
    assert!(addon.base_url.starts_with("https://"), "{}", addon.base_url);
    let uid = ks.uid();
    let mint = [
        "token",
        "mint",
        "--client-id",
        &app.client_id,
        "--uid",
        &uid,
        "--json",
    ];
    let minted = command(&mint)
        .input(&app.client_secret)
        .secret()
        .run()
        .await
        .json();
    let token = ks
        .place
        .plant("access_token", text(&minted, "access_token"));
    Scene {
        ks,
        app,
        key,
        addon,
        token,
    }
}

/// Without TLS there is no other way than loopback, and the answer says so (`addresses.rs`); with
/// it, the management API answers as well.
#[tokio::test]
async fn the_api_is_behind_tls_too() {
    let secure = Secure::start().await;
    let tls = secure.connect(&["http/1.1"]).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(tls)).await.unwrap();
    tokio::spawn(connection);
    let ask = Ask::get("/api/v1/keys");
    let request = Request::get(ask.path)
        .header("host", "localhost")
        .header(
            "authorization",
            format!("Bearer {}", secure.scene.ks.api_token),
        )
        .body(Full::new(Bytes::new()))
        .unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
}
