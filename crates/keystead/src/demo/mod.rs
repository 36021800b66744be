//! `keystead demo`: the main job on embedded defaults, with no account and no network.
//!
//! Stand-ins play the providers on loopback; everything is made through the same interfaces that an
//! operator uses, called once, and shown on the page of a sample host application. The folder is temporary
//! and goes at the end.

mod client;
mod host;
mod owner;
mod stand_in;
mod tell;

use std::{io, path::PathBuf};

use keystead_vault::random;
use serde_json::{Value, json};

use self::{
    client::Client,
    host::Host,
    owner::Owner,
    stand_in::StandIn,
    tell::{Made, Places, Tell},
};
use crate::{
    app::{Keystead, StartError},
    config::{self, Config, Sources},
    management::Metrics,
    widget::Loading,
};

/// The server's default.
const USUAL_PORT: u16 = 8420;
/// How many others are tried.
const OTHER_PORTS: usize = 5;

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
    let (server, config) = start_anywhere(&folder, metrics)?;
    let tell = if json { Tell::Script } else { Tell::Person };
    match server.run(make(&server, &config, tell)) {
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

/// Starts on the usual port, or on another if a server has that one, or another demo. A port that was
/// free can be somebody else's a moment later.
fn start_anywhere(folder: &Folder, metrics: &Metrics) -> Result<(Keystead, Config), DemoError> {
    let mut port = USUAL_PORT;
    for _ in 0..OTHER_PORTS {
        match start(folder, port, metrics) {
            Err(DemoError::Start(StartError::Listen { .. })) => {
                port = free_port().map_err(DemoError::Port)?;
            }
            started => return started,
        }
    }
    start(folder, port, metrics)
}

fn start(folder: &Folder, port: u16, metrics: &Metrics) -> Result<(Keystead, Config), DemoError> {
    let config = settings(folder, port)?;
    Ok((Keystead::start(&config, metrics)?, config))
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
async fn make(server: &Keystead, config: &Config, tell: Tell) -> Result<Made, DemoError> {
    let (owner, api_token) = Owner::make(server).await?;
    let providers = stand_in::start().await;
    let providers = providers.map_err(|error| failed("the stand-ins", error))?;
    let (listener, page) = host::place().await.map_err(DemoError::Port)?;
    let page = format!("http://localhost:{}", page.port());
    let client = Client::new(server.public, &api_token);

    let application = json!({"name": "Northwind Letters", "origins": [page]});
    let application = client
        .post("an application", "/api/v1/applications", &application)
        .await?;
    let add = async |provider: &str, name: &str, stand_in: &StandIn| {
        let endpoint = format!("http://{}", stand_in.at);
        let key = json!({"application_id": application["application_id"], "provider": provider,
            "name": name, "endpoint": endpoint, "key": stand_in.key});
        client.post("a key", "/api/v1/keys", &key).await
    };
    let openai = add("openai", "Demo key", &providers.openai).await?;
    let deepl = add("deepl", "Translations", &providers.deepl).await?;
    let install = async |handle: &str, kind: &str, key: &Value| {
        let addon = json!({"application_id": application["application_id"], "handle": handle,
            "type": kind, "key_id": key["key_id"]});
        client.post("an AddOn", "/api/v1/addons", &addon).await
    };
    let chat = install("chat", "text", &openai).await?;
    install("translate", "translation", &deepl).await?;
    install("picture", "image", &openai).await?;
    install("describe", "alt-text", &openai).await?;

    owner.end_api_token().await?;

    let token = client.token(&application, "demo-user", 3_600).await?;
    let at = Places {
        server: server.public,
        provider: providers.openai.at,
        page,
    };
    let made = Made::new(at, &application, &openai, &chat, &token, &owner);
    let host = Host {
        client: Client::of_a_host(server.public),
        loading: Loading::from(&config.server.public_url),
        keystead: config.server.public_url.to_string(),
        application,
        owner,
    };
    host::start(listener, host);
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

fn random_hex<const N: usize>() -> String {
    let bytes = random::<N>();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A folder that goes when the demo does.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn make() -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;

        let path = std::env::temp_dir().join(format!("keystead-demo-{}", random_hex::<8>()));
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
