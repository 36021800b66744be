//! `keystead demo`: the main job on embedded defaults, with no account and no network.
//!
//! A stand-in plays OpenAI on loopback; everything is made through the same interfaces that an
//! operator uses, and called once. The folder is temporary and goes at the end.

mod client;
mod stand_in;
mod tell;

use std::{io, path::PathBuf};

use keystead_vault::random;
use serde_json::json;

use self::{
    client::Client,
    tell::{Made, Tell},
};
use crate::{
    app::{Keystead, StartError},
    config::{self, Config, Sources},
    management::Metrics,
    store::{BadEmail, Email},
};

/// The server's default.
const USUAL_PORT: u16 = 8420;

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The temporary folder can't be made.
    #[error("the temporary folder could not be made")]
    Folder(#[source] io::Error),
    /// No port is free.
    #[error("no free port was found")]
    Port(#[source] io::Error),
    /// The demo's own settings are wrong, which a test rules out.
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    /// The server did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// An interface did not answer as it should.
    #[error("{step} did not work: {reason}")]
    Step {
        /// Which step.
        step: &'static str,
        /// What came instead.
        reason: String,
    },
}

/// Runs the demo until it is told to stop. What people read goes to standard error, what they
/// paste to standard output; with `json` all that is printed is one object.
///
/// # Errors
///
/// [`DemoError`]; the temporary folder is gone by then.
pub fn run(metrics: &Metrics, json: bool) -> Result<(), DemoError> {
    let folder = Folder::make().map_err(DemoError::Folder)?;
    let server = match start(&folder, USUAL_PORT, metrics) {
        // A server has it, or another demo.
        Err(DemoError::Start(StartError::Listen { .. })) => {
            start(&folder, free_port().map_err(DemoError::Port)?, metrics)?
        }
        started => started?,
    };
    let tell = if json { Tell::Script } else { Tell::Person };
    match server.run(make(&server, tell)) {
        Some(Ok(made)) => {
            tell.how_to_go_on(&made);
            server.serve();
            Ok(())
        }
        Some(Err(error)) => {
            server.stop();
            Err(error)
        }
        None => {
            server.stop();
            Ok(())
        }
    }
}

fn start(folder: &Folder, port: u16, metrics: &Metrics) -> Result<Keystead, DemoError> {
    Ok(Keystead::start(&settings(folder, port)?, metrics)?)
}

/// Defaults, but for a temporary folder, the ports, and a provider on this machine.
fn settings(folder: &Folder, port: u16) -> Result<Config, DemoError> {
    let settings = [
        ("server.data_dir", folder.0.display().to_string()),
        ("server.listen", format!("127.0.0.1:{port}")),
        ("server.public_url", format!("http://localhost:{port}")),
        ("management.listen", "127.0.0.1:0".to_owned()),
        ("server.drain_delay", "0s".to_owned()),
        ("danger.allow_private_upstreams", "true".to_owned()),
    ];
    let flags = settings.map(|(name, value)| (name.to_owned(), value));
    let sources = Sources {
        flags: flags.into(),
        ..Sources::default()
    };
    Ok(config::resolve(&sources)?.config)
}

fn free_port() -> io::Result<u16> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    listener.local_addr().map(|address| address.port())
}

/// Makes everything and calls once.
async fn make(server: &Keystead, tell: Tell) -> Result<Made, DemoError> {
    // A key as OpenAI's look like, known to the stand-in alone.
    let key = format!("sk-proj-demo-{}", hex(&random::<24>()));
    let provider = stand_in::start(key.clone())
        .await
        .map_err(|error| failed("the stand-in", error))?;
    let email = Email::parse("demo@keystead.invalid")
        .map_err(|BadEmail| failed("the demo's account", "its address is not one"))?;
    let founded = server.custody().found("Demo", &email).await;
    let founded = founded.map_err(|error| failed("the demo's account", error))?;
    let client = Client::new(server.public, founded.token.expose());

    let application = json!({"name": "Demo"});
    let application = client
        .post("an application", "/api/v1/applications", &application)
        .await?;
    let stored = json!({"application_id": application["application_id"], "provider": "openai",
        "name": "Demo key", "endpoint": format!("http://{provider}"), "key": key});
    let stored = client.post("a key", "/api/v1/keys", &stored).await?;
    let addon = json!({"application_id": application["application_id"], "handle": "chat",
        "type": "text", "key_id": stored["key_id"]});
    let addon = client.post("an AddOn", "/api/v1/addons", &addon).await?;
    let token = client.token(&application, "demo-user").await?;

    let made = Made::new(
        server.public,
        provider,
        &application,
        &stored,
        &addon,
        token,
    );
    tell.what_was_made(&made);
    client.stream(&made, |word| tell.word(word)).await?;
    Ok(made)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "errors and texts alike are given away here"
)]
fn failed(step: &'static str, reason: impl ToString) -> DemoError {
    DemoError::Step {
        step,
        reason: reason.to_string(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A folder that goes when the demo does.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn make() -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;

        let path = std::env::temp_dir().join(format!("keystead-demo-{}", hex(&random::<8>())));
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "The demo's folder could not be removed");
        }
    }
}
