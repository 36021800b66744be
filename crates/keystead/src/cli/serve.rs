//! `keystead serve` and `keystead demo`: the commands that stay.

use std::io::{self, Write as _};

use keystead_vault::Token;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    Global,
    answer::Answer,
    failure::Failure,
    local::{Local, root_key},
};
use crate::{
    app::{Keystead, StartError, process},
    config::Config,
    demo::{self, DemoError},
    hardening::{self, Outcome},
    log,
    management::Metrics,
    store::StoreUrl,
};

/// Connections that the demo makes room for.
const DEMO_CONNECTIONS: u32 = 1_024;

/// Serves until the process is told to stop.
pub(super) fn serve(global: &Global) -> Result<Answer, Failure> {
    let local = Local::new(global)?;
    let config = &local.config;
    let metrics = prepare(config, config.server.max_connections.get())?;
    let is_new = local.needs_root_key();
    harden(config, &metrics);
    let server = Keystead::start(config, &metrics)?;
    let link = server.handle().block_on(server.people().set_up_link())?;
    let link = link.map(|token| set_up_address(config, &token));
    let link = link.as_ref().map(|link| link.as_str());
    if global.json {
        let ready = ready(config, &server, is_new, link);
        let mut out = io::stdout().lock();
        // Whoever waits for the line reads it now or never.
        _ = writeln!(out, "{ready}").and_then(|()| out.flush());
    } else {
        announce(config, &server, is_new, link);
    }
    server.serve();
    Ok(Answer::silent())
}

/// Shows the main job. Of the settings only the log's are used; an installation on this machine, or
/// that there can be none, is no concern of the demo.
pub(super) fn demo(global: &Global) -> Result<Answer, Failure> {
    let mut global = global.clone();
    let nowhere = || std::env::temp_dir().join(format!("keystead-demo-{}", std::process::id()));
    global.data_dir.get_or_insert_with(nowhere);
    let local = Local::new(&global)?;
    let metrics = prepare(&local.config, DEMO_CONNECTIONS)?;
    demo::run(&metrics, global.json)?;
    Ok(Answer::silent())
}

/// What must be done before there is a second thread.
fn prepare(config: &Config, connections: u32) -> Result<Metrics, Failure> {
    log::start(&config.log);
    let metrics = Metrics::new();
    log::install_panic_hook(metrics.clone());
    hardening::keep_memory_private().map_err(|error| {
        Failure::new(format!(
            "this process's memory can't be kept private: {error}"
        ))
    })?;
    process::make_room_for_connections(connections)
        .map_err(|error| Failure::new(format!("no room for {connections} connections: {error}")))?;
    Ok(metrics)
}

/// Gives up what serving does not need. What can't be given up is told, and no reason not to serve.
fn harden(config: &Config, metrics: &Metrics) {
    for measure in hardening::harden(&config.reach()) {
        metrics.hardened(measure.name, measure.holds());
        if let Outcome::Missing(why) = &measure.outcome {
            let kind = measure.name;
            tracing::warn!(kind, reason = why, "A measure of hardening is missing");
        }
    }
}

/// For the script that started it: where the server is, once it answers.
fn ready(config: &Config, server: &Keystead, is_new: bool, link: Option<&str>) -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "public_url": config.server.public_url.to_string(),
        "listen": server.public.to_string(),
        "management_listen": server.management.to_string(),
        "store": config.store.url.to_string(),
        "root_key_made": is_new,
        "has_accounts": link.is_none(),
        "set_up": link,
        "warnings": config.warnings,
    })
}

/// The link that makes the first account. The token stands behind the `#`, which browsers send to
/// nobody: no terminator writes it into its log.
fn set_up_address(config: &Config, token: &Token) -> Zeroizing<String> {
    let page = config.server.console_url.join("/setup");
    Zeroizing::new(format!("{page}#{}", token.expose()))
}

/// A few lines for the person who started it; everything after this is the log.
fn announce(config: &Config, server: &Keystead, is_new: bool, link: Option<&str>) {
    let store = match &config.store.url {
        StoreUrl::Sqlite(path) => format!("sqlite at {}", path.display()),
        StoreUrl::Postgres(_) => "postgres".to_owned(),
    };
    let root_key = root_key(config, is_new);
    let account = link.map_or_else(Zeroizing::default, |link| {
        Zeroizing::new(format!(
            "set up       open this once, within 60 minutes:  {link}\n             \
             lost it? every start prints a fresh one until there is an account\n"
        ))
    });
    let warnings: String = config
        .warnings
        .iter()
        .map(|warning| format!("warning      {warning}\n"))
        .collect();
    let text = Zeroizing::new(format!(
        "keystead {}\nstore        {store}\nroot key     {root_key}\npublic       {} on {}\n\
         management   http://{}   /healthz /readyz /metrics\n{account}{warnings}",
        env!("CARGO_PKG_VERSION"),
        config.server.public_url,
        server.public,
        server.management,
        account = *account,
    ));
    // Nobody may be listening; the server serves all the same.
    _ = io::stderr().lock().write_all(text.as_bytes());
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Store(error) => error.into(),
            StartError::Custody(error) => error.into(),
            StartError::People(error) => error.into(),
            error @ (StartError::InitEmail | StartError::InitPassword(_)) => {
                Self::configuration("init", error.to_string())
            }
            error @ StartError::OtherRpId { .. } => Self::configuration("rp_id", error.to_string())
                .hint("set `server.rp_id` back to it, or let everyone remove their passkeys first"),
            error @ StartError::Tls(_) => Self::configuration("tls", error.to_string()),
            error @ StartError::Listen { .. } => Self::new(error.to_string())
                .coded("listen")
                .hint("another process may hold the address"),
            error => Self::caused(&error),
        }
    }
}

impl From<DemoError> for Failure {
    fn from(error: DemoError) -> Self {
        match error {
            DemoError::Start(error) => error.into(),
            error => Self::caused(&error),
        }
    }
}
