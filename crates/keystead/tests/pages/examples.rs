//! What lies in `examples/` works as it lies there.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;

use super::script;
use crate::harness::ports::Port;
use crate::harness::{Scene, Store, eventually};

/// An example's backend, ended with this value.
struct Backend(Child);

impl Drop for Backend {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn a_plain_page_has_an_addon_by_a_backend_in_python_or_in_node() {
    let scene = Scene::on(Store::Sqlite).await;
    let keystead = script::origin(&scene.ks);
    for (program, file) in [
        ("KEYSTEAD_TEST_PYTHON", "server.py"),
        ("KEYSTEAD_TEST_NODE", "server.mjs"),
    ] {
        let taken = Port::take();
        let port = taken.number();
        let origin = format!("http://localhost:{port}");
        let path = format!("/applications/{}", scene.app.id);
        scene
            .ks
            .manage("PATCH", &path, &json!({"origins": [origin]}))
            .await;
        let handle = scene.addon.path.rsplit('/').next().unwrap();
        let program = std::env::var_os(program).expect("`cargo xtask test` installs it");
        let backend = Command::new(program)
            .arg(examples().join("plain").join(file))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("NO_PROXY", "*")
            .env("KEYSTEAD_URL", &keystead)
            .env("KEYSTEAD_CLIENT_ID", &scene.app.client_id)
            .env("KEYSTEAD_CLIENT_SECRET", &scene.app.client_secret)
            .env("KEYSTEAD_HANDLE", handle)
            .env("PORT", port.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it was installed");
        let _backend = Backend(backend);
        let is_up = || listens(port);
        eventually("the backend listens", Duration::from_secs(20), is_up).await;
        let facts = json!({"origin": origin, "others": [keystead], "prompt": scene.ks.prompt()});
        let outcome = script::beside(&scene.ks.place, "example.mjs", &facts).await;
        assert!(outcome.is_ok(), "{file}: {outcome:?}");
    }
}

#[expect(clippy::disallowed_methods, reason = "the test asks its own child")]
async fn listens(port: u16) -> bool {
    let dialled = tokio::net::TcpStream::connect(("localhost", port));
    dialled.await.is_ok()
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}
