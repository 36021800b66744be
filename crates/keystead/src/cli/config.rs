//! `keystead config check|show|example`.

use clap::Subcommand;
use serde_json::json;

use super::{Global, answer::Answer, failure::Failure};
use crate::config;

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Say everything that is wrong with the settings
    Check,
    /// Print the settings that hold, secrets masked
    Show {
        /// Say where each value was written
        #[arg(long)]
        origin: bool,
    },
    /// Print an annotated settings file with every default
    Example,
}

impl ConfigCommand {
    pub(super) fn run(self, global: &Global) -> Result<Answer, Failure> {
        match self {
            Self::Check => check(global),
            Self::Show { origin } => {
                let resolved = global.resolve()?;
                let json = config::to_json(&resolved.config, &resolved.settings);
                Ok(Answer::new(
                    json,
                    config::render(&resolved.settings, origin),
                ))
            }
            Self::Example => {
                let text = config::example();
                Ok(Answer::new(json!({ "toml": text }), text))
            }
        }
    }
}

fn check(global: &Global) -> Result<Answer, Failure> {
    let error = match global.resolve() {
        Ok(resolved) => {
            let warnings = &resolved.config.warnings;
            let lines: String = warnings
                .iter()
                .map(|text| format!("warning: {text}\n"))
                .collect();
            let json = json!({ "ok": true, "problems": [], "warnings": warnings });
            return Ok(Answer::new(
                json,
                format!("{lines}The configuration is valid"),
            ));
        }
        Err(error) if global.json => error,
        Err(error) => return Err(error.into()),
    };
    let one = |problem: &config::Problem| {
        json!({
            "name": problem.name,
            "origin": problem.origin.to_string(),
            "message": problem.message,
        })
    };
    let problems: Vec<_> = error.problems.iter().map(one).collect();
    let json = json!({ "ok": false, "problems": problems, "warnings": [] });
    Ok(Answer::new(json, "").exit(78))
}
