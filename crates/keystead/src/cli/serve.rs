//! `keystead serve` and `keystead demo`: the commands that stay.

use std::io::{self, Write as _};

use serde_json::{Value, json};

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
    let server = Keystead::start(config, &metrics)?;
    let has_accounts = server
        .handle()
        .block_on(server.custody().store().has_accounts())?;
    if global.json {
        let ready = ready(config, &server, is_new, has_accounts);
        let mut out = io::stdout().lock();
        // Whoever waits for the line reads it now or never.
        _ = writeln!(out, "{ready}").and_then(|()| out.flush());
    } else {
        announce(config, &server, is_new, has_accounts);
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
    process::keep_memory_private().map_err(|error| {
        Failure::new(format!(
            "this process's memory can't be kept private: {error}"
        ))
    })?;
    process::make_room_for_connections(connections)
        .map_err(|error| Failure::new(format!("no room for {connections} connections: {error}")))?;
    Ok(metrics)
}

/// For the script that started it: where the server is, once it answers.
fn ready(config: &Config, server: &Keystead, is_new: bool, has_accounts: bool) -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "public_url": config.server.public_url.to_string(),
        "listen": server.public.to_string(),
        "management_listen": server.management.to_string(),
        "store": config.store.url.to_string(),
        "root_key_made": is_new,
        "has_accounts": has_accounts,
        "warnings": config.warnings,
    })
}

/// A few lines for the person who started it; everything after this is the log.
fn announce(config: &Config, server: &Keystead, is_new: bool, has_accounts: bool) {
    let store = match &config.store.url {
        StoreUrl::Sqlite(path) => format!("sqlite at {}", path.display()),
        StoreUrl::Postgres(_) => "postgres".to_owned(),
    };
    let root_key = root_key(config, is_new);
    let account = if has_accounts {
        String::new()
    } else {
        "account      none yet: stop this, run `keystead init --admin-email ADDRESS`, start again\n"
            .to_owned()
    };
    let warnings: String = config
        .warnings
        .iter()
        .map(|warning| format!("warning      {warning}\n"))
        .collect();
    let text = format!(
        "keystead {}\nstore        {store}\nroot key     {root_key}\npublic       {} on {}\n\
         management   http://{}   /healthz /readyz /metrics\n{account}{warnings}",
        env!("CARGO_PKG_VERSION"),
        config.server.public_url,
        server.public,
        server.management,
    );
    // Nobody may be listening; the server serves all the same.
    _ = io::stderr().lock().write_all(text.as_bytes());
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Store(error) => error.into(),
            StartError::Custody(error) => error.into(),
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
