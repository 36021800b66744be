//! What lies in `examples/` works as it lies there.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::script;
use crate::harness::ports::Port;
use crate::harness::setup::text;
use crate::harness::{App, Keystead, Scene, Store, eventually, planted};

/// An example's backend, ended with this value.
struct Backend(Child);

impl Drop for Backend {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A scene and a port of its own, for an example's backend.
struct Stage {
    scene: Scene,
    port: Port,
}

impl Stage {
    async fn new() -> Self {
        let scene = Scene::on(Store::Sqlite).await;
        let stage = Self {
            scene,
            port: Port::take(),
        };
        let path = format!("/applications/{}", stage.scene.app.id);
        let origins = json!({"origins": [stage.origin()]});
        stage.scene.ks.manage("PATCH", &path, &origins).await;
        stage
    }

    fn origin(&self) -> String {
        format!("http://localhost:{}", self.port.number())
    }

    /// Starts a backend with what every one of them is told.
    async fn start(&self, program: &str, arguments: &[&Path]) -> Backend {
        let app = &self.scene.app;
        let handle = self.scene.addon.path.rsplit('/').next().unwrap();
        let backend = Command::new(told(program))
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("NO_PROXY", "*")
            .env("KEYSTEAD_URL", script::origin(&self.scene.ks))
            .env("KEYSTEAD_CLIENT_ID", &app.client_id)
            .env("KEYSTEAD_CLIENT_SECRET", &app.client_secret)
            .env("KEYSTEAD_HANDLE", handle)
            .env("PORT", self.port.number().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it was installed");
        let is_up = || listens(self.port.number());
        eventually("the backend listens", Duration::from_secs(60), is_up).await;
        Backend(backend)
    }

    /// Somebody uses the page.
    async fn is_used(&self, what: &str) {
        let ks = &self.scene.ks;
        let facts = json!({
            "origin": self.origin(),
            "others": [script::origin(ks)],
            "prompt": ks.prompt(),
            "what": what,
        });
        let outcome = script::beside(&ks.place, "example.mjs", &facts).await;
        assert!(outcome.is_ok(), "{what}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_plain_page_has_an_addon_by_a_backend_in_python_or_in_node() {
    for (program, file) in [
        ("KEYSTEAD_TEST_PYTHON", "server.py"),
        ("KEYSTEAD_TEST_NODE", "server.mjs"),
    ] {
        let stage = Stage::new().await;
        let _backend = stage
            .start(program, &[&examples().join("plain").join(file)])
            .await;
        stage.is_used("plain").await;
    }
}

#[tokio::test]
async fn a_react_application_has_an_addon_as_a_component() {
    let stage = Stage::new().await;
    // Built beside the packages, so that nothing lies in the tree.
    let folder = stage.scene.ks.place.path().join("react");
    fs::create_dir_all(folder.join("src")).unwrap();
    for file in [
        "index.html",
        "src/Assistant.jsx",
        "src/page.jsx",
        "package.json",
    ] {
        fs::copy(examples().join("react").join(file), folder.join(file)).unwrap();
    }
    let modules = told("KEYSTEAD_TEST_REACT_MODULES");
    std::os::unix::fs::symlink(&modules, folder.join("node_modules")).unwrap();
    let listed: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("package.json")).unwrap()).unwrap();
    let build = listed["scripts"]["build"].as_str().unwrap();
    let node = told("KEYSTEAD_TEST_NODE");
    let node = Path::new(&node)
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default();
    let path = format!(
        "{}/.bin:{}:/usr/bin:/bin",
        Path::new(&modules).display(),
        node.display()
    );
    let mut command = Command::new("sh");
    command
        .args(["-c", build])
        .current_dir(&folder)
        .env("PATH", path);
    let built = tokio::task::spawn_blocking(move || command.output());
    let built = built.await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{said}");

    let server = examples().join("plain/server.mjs");
    let _backend = stage
        .start("KEYSTEAD_TEST_NODE", &[&server, &folder.join("dist")])
        .await;
    stage.is_used("react").await;
}

#[tokio::test]
async fn a_page_without_a_backend_signs_its_users_in() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let password = ks.place.plant("password", planted::alphanumeric(24));
    let set = ks.local_command(&["account", "set-password", &ks.email]);
    set.input(&password).run().await.expect(0);
    // The page holds the issuer against the address that it knows.
    let keystead = script::origin(&ks);
    let mut config = fs::read_to_string(ks.config()).unwrap();
    config.push_str(&format!("server.public_url = \"{keystead}\"\n"));
    fs::write(ks.config(), config).unwrap();
    ks.start_again().await;
    let port = Port::take();
    let origin = format!("http://localhost:{}", port.number());
    let body = json!({"name": "Without a backend", "public": true, "origins": [origin],
        "redirect_uris": [format!("{origin}/")]});
    let made = ks.manage("POST", "/applications", &body).await;
    let app = App {
        id: text(&made, "application_id"),
        client_id: text(&made, "client_id"),
        client_secret: String::new(),
    };
    let key = ks.key(&app, "openai").await;
    ks.addon(&app, &key, "chat").await;

    let folder = ks.place.path().join("spa");
    fs::create_dir_all(&folder).unwrap();
    for file in ["index.html", "page.css", "page.js", "oauth.js"] {
        let text = fs::read_to_string(examples().join("spa").join(file)).unwrap();
        let text = text
            .replace("http://localhost:8420", &keystead)
            .replace("cl_…", &app.client_id);
        fs::write(folder.join(file), text).unwrap();
    }
    let server = Command::new(told("KEYSTEAD_TEST_PYTHON"))
        .args(["-m", "http.server", "--bind", "127.0.0.1"])
        .arg(port.number().to_string())
        .current_dir(&folder)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it was installed");
    let _server = Backend(server);
    let is_up = || listens(port.number());
    eventually("the files are served", Duration::from_secs(20), is_up).await;
    let facts = json!({
        "origin": origin,
        "others": [keystead],
        "keystead": keystead,
        "owner": {"email": ks.email, "password": password},
        "prompt": ks.prompt(),
    });
    let outcome = script::beside(&ks.place, "example_spa.mjs", &facts).await;
    assert!(outcome.is_ok(), "{outcome:?}");
}

fn told(name: &str) -> OsString {
    std::env::var_os(name).expect("`cargo xtask test` installs it and sets its place")
}

#[expect(clippy::disallowed_methods, reason = "the test asks its own child")]
async fn listens(port: u16) -> bool {
    let dialled = tokio::net::TcpStream::connect(("localhost", port));
    dialled.await.is_ok()
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}
