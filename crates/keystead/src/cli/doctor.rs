//! `keystead doctor`: looks for what is wrong with this installation, changes nothing.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::{Value, json};

use super::{Global, answer::*, failure::Failure, local::Local};
use crate::{
    alerts::Level,
    app::settings::connector_of_the_operator,
    config::{Config, RootKeySource},
    hardening::{self, Measure, Outcome},
    limits::sharing,
    manage::{
        posture::{self, CheckView, Verdict},
        system,
    },
    net::sink::SinkPlace,
    store::{Access, Store, StoreUrl},
};

/// One thing that was looked at.
struct Finding {
    name: &'static str,
    state: State,
    detail: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    Warning,
    Bad,
}

pub(super) async fn run(global: &Global) -> Result<Answer, Failure> {
    let mut findings = Vec::new();
    match global.resolve() {
        Err(error) => findings.push(bad("configuration", error.to_string())),
        Ok(resolved) => {
            let config = resolved.config;
            findings.extend(configuration(&config));
            findings.extend(permissions(&config));
            findings.extend(kept_elsewhere(&config));
            findings.extend(hardened(&config));
            findings.extend(settings(&config));
            findings.extend(shared_limits(&config).await);
            findings.extend(store(&Local { config }).await);
        }
    }
    findings.sort_by_key(|finding| match finding.state {
        State::Bad => 0,
        State::Warning => 1,
        State::Good => 2,
    });
    let is_well = findings.iter().all(|finding| finding.state != State::Bad);
    let shown = |finding: &Finding| {
        json!({
            "name": finding.name,
            "state": finding.state.word(),
            "detail": finding.detail,
        })
    };
    let checks: Vec<Value> = findings.iter().map(shown).collect();
    let text = table(
        &checks,
        &[("state", "state"), ("check", "name"), ("detail", "detail")],
        "",
    );
    let json = json!({ "ok": is_well, "checks": checks });
    Ok(Answer::new(json, text).exit(u8::from(!is_well)))
}

fn configuration(config: &Config) -> Vec<Finding> {
    let mut findings = vec![good("configuration", "valid")];
    findings.extend(
        config
            .warnings
            .iter()
            .map(|text| warning("configuration", text)),
    );
    findings
}

/// Who else on this machine can read what is Keystead's.
fn permissions(config: &Config) -> Vec<Finding> {
    let mut findings = vec![folder(&config.data_dir)];
    let (RootKeySource::File(secret) | RootKeySource::PassphraseFile(secret)) = &config.root_key;
    if !secret.starts_with("/dev") {
        findings.push(closed("root key file", secret, 0o600));
    }
    if let Some(tls) = &config.server.tls {
        findings.push(closed("TLS key file", &tls.key, 0o600));
    }
    if let StoreUrl::Sqlite(file) = &config.store.url {
        findings.push(closed("store file", file, 0o600));
        // Whoever copies the folder of the database must not copy the key with it.
        if secret.parent() == file.parent() {
            let text = "lies in the folder of the store; a copy of the store takes it along";
            findings.push(warning("root key file", text));
        }
    }
    findings
}

/// What has to outlast the machine is not to lie in the folder that is lost with it.
fn kept_elsewhere(config: &Config) -> Vec<Finding> {
    let tombstones = Some(&config.erasure.tombstones);
    let places = [
        ("tombstones", "erasure.tombstones", tombstones),
        (
            "checkpoints",
            "audit.checkpoints",
            config.audit.checkpoints.as_ref(),
        ),
    ];
    let look = |(name, setting, place): (&'static str, _, Option<&SinkPlace>)| match place {
        None => warning(name, format!("none are kept: `{setting}` is off")),
        Some(SinkPlace::File(file)) if file.starts_with(&config.data_dir) => warning(
            name,
            format!("lie in the data folder, which is lost with the machine: set `{setting}`"),
        ),
        Some(SinkPlace::File(file)) => good(name, file.display().to_string()),
        Some(SinkPlace::Address(address)) => good(name, address.to_string()),
    };
    places.into_iter().map(look).collect()
}

/// What a server on this machine can give up: tried here, on a thread that ends.
fn hardened(config: &Config) -> Vec<Finding> {
    let reach = config.reach();
    let tried = std::thread::spawn(move || hardening::harden(&reach));
    let measures = tried.join().unwrap_or_default();
    let finding = |measure: Measure| {
        let text = match &measure.outcome {
            Outcome::Holds => "holds".to_owned(),
            Outcome::Partly => "holds as far as this kernel knows it".to_owned(),
            Outcome::Missing(why) => format!("missing: {why}"),
        };
        let name = match measure.name {
            "private_memory" => "hardening: no core dumps, no reading by others",
            "locked_memory" => "hardening: opened keys out of swap",
            "files" => "hardening: no files but those that are named",
            _ => "hardening: no programs, no looking into others",
        };
        match measure.holds() {
            true => good(name, text),
            false => warning(name, text),
        }
    };
    measures.into_iter().map(finding).collect()
}

/// Whether the Redis of shared limits answers.
async fn shared_limits(config: &Config) -> Option<Finding> {
    let place = config.limits.shared_url.as_ref()?;
    let connector = connector_of_the_operator(config);
    Some(match sharing::look(place, &connector).await {
        Ok(()) => good("shared limits", format!("{place} answers")),
        Err(away) => bad(
            "shared limits",
            format!("{place}: {away}; each process holds its own part of each limit"),
        ),
    })
}

/// What the settings give away.
fn settings(config: &Config) -> impl Iterator<Item = Finding> {
    let checks = system::of_settings(config).into_iter();
    checks.map(|check| finding(&check, ""))
}

async fn store(local: &Local) -> Vec<Finding> {
    let mut findings = Vec::new();
    // One that is older or newer can't be opened, so it is looked at before.
    if let Ok(schema) = Store::schema(&local.config.store.url).await
        && schema.found != schema.known
    {
        findings.push(finding(&posture::migrations(schema), ""));
    }
    let custody = match local.custody(Access::Read).await {
        Ok(custody) => custody,
        Err(failure) => {
            findings.push(bad("store and root key", failure.message));
            return findings;
        }
    };
    findings.push(good("store and root key", "they belong together"));
    match posture::of_store(custody.store()).await {
        Ok(checks) => findings.extend(checks.into_iter().map(|check| finding(&check, ""))),
        Err(error) => findings.push(bad("store", error.to_string())),
    }
    match custody.store().has_accounts().await {
        Ok(true) => {}
        Ok(false) => {
            findings.push(warning(
                "accounts",
                "none yet; `keystead init` makes the first",
            ));
        }
        Err(error) => findings.push(bad("accounts", error.to_string())),
    }
    match custody.store().alerts().await {
        Ok(alerts) => {
            let open = alerts
                .iter()
                .filter(|alert| alert.acknowledged_at.is_none());
            let before = findings.len();
            findings.extend(open.map(|alert| {
                let text = format!("{} in {}: {}", alert.kind, alert.place, alert.object);
                let text = format!("{text}, {} times", alert.count);
                match alert.kind.level() {
                    Level::Critical => bad("alerts", text),
                    Level::Warning | Level::Notice => warning("alerts", text),
                }
            }));
            if findings.len() == before {
                findings.push(good("alerts", "none to look at"));
            }
        }
        Err(error) => findings.push(bad("alerts", error.to_string())),
    }
    findings.extend(posture(custody.store()).await);
    custody.store().close().await;
    findings
}

/// What of each organization's set-up is weaker than it could be.
async fn posture(store: &Store) -> Vec<Finding> {
    let organizations = match store.organizations().await {
        Ok(organizations) => organizations,
        Err(error) => return vec![bad("organizations", error.to_string())],
    };
    let mut findings = Vec::new();
    for organization in organizations {
        let id = organization.id;
        let checks = match posture::of_organization(store, &organization).await {
            Ok(checks) => checks,
            Err(error) => {
                findings.push(bad("organizations", error.to_string()));
                continue;
            }
        };
        // Alerts are told above, once for all.
        for check in checks.into_iter().filter(|check| check.name != "alerts") {
            findings.push(finding(&check, &format!("{id}: ")));
        }
    }
    findings
}

/// A check of the security report, as one here; `of` says of what.
fn finding(check: &CheckView, of: &str) -> Finding {
    // The advice is a sentence, or some.
    let objects = match check.objects.is_empty() {
        true => String::new(),
        false => format!(" ({})", check.objects.join(", ")),
    };
    match check.state {
        Verdict::Good => good(check.name, format!("{of}{}{objects}", check.title)),
        Verdict::Warning => warning(check.name, format!("{of}{}{objects}", check.advice)),
        Verdict::Bad => bad(check.name, format!("{of}{}{objects}", check.advice)),
    }
}

/// What is in it is closed by itself; that others can list it is worth a word.
fn folder(path: &Path) -> Finding {
    let finding = closed("data folder", path, 0o700);
    match path.is_dir() && finding.state == State::Bad {
        true => warning(finding.name, finding.detail),
        false => finding,
    }
}

/// A path that nobody but its owner may use.
fn closed(name: &'static str, path: &Path, wanted: u32) -> Finding {
    let shown = path.display();
    match fs::metadata(path) {
        Err(error) => bad(name, format!("{shown}: {error}")),
        Ok(metadata) => {
            let mode = metadata.permissions().mode() & 0o777;
            match mode & 0o077 {
                0 => good(name, format!("{shown}: mode {mode:04o}")),
                _ => bad(
                    name,
                    format!("{shown}: mode {mode:04o}, run `chmod {wanted:o}` on it"),
                ),
            }
        }
    }
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }
}

fn good(name: &'static str, detail: impl Into<String>) -> Finding {
    Finding {
        name,
        state: State::Good,
        detail: detail.into(),
    }
}

fn warning(name: &'static str, detail: impl Into<String>) -> Finding {
    Finding {
        name,
        state: State::Warning,
        detail: detail.into(),
    }
}

fn bad(name: &'static str, detail: impl Into<String>) -> Finding {
    Finding {
        name,
        state: State::Bad,
        detail: detail.into(),
    }
}
