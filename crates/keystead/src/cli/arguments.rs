//! What every command takes.

use std::path::PathBuf;

use clap::Args;

use crate::config::{
    self, ConfigError, Flags, Origin,
    sources::{self, Sources},
};

/// Apart from a command's own options, which else they would stand between.
const GLOBAL: &str = "Options of every command";

/// Flags that stand before or after any command.
#[derive(Debug, Clone, Default, Args)]
pub struct Global {
    /// Print one JSON value instead of text
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub json: bool,
    /// Read settings from this file [default: keystead.toml in the data folder, if it exists]
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder for Keystead's own files [default: ~/.local/share/keystead]
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Set one setting, such as `server.listen=127.0.0.1:9000`; may be repeated
    #[arg(long = "set", global = true, help_heading = GLOBAL, value_name = "NAME=VALUE", value_parser = setting)]
    pub settings: Vec<(String, String)>,
}

impl Global {
    /// The configuration that these flags, the environment and the file make.
    ///
    /// # Errors
    ///
    /// All that is wrong with it.
    pub fn resolve(&self) -> Result<config::Resolved, ConfigError> {
        let resolved = config::resolve(&self.sources()?)?;
        // An argument is in the process list for everybody to read.
        let exposed = |setting: &&config::Setting| setting.secret && setting.origin == Origin::Flag;
        let problem = |setting: &config::Setting| config::Problem {
            name: setting.name.clone(),
            origin: Origin::Flag,
            message: format!(
                "may hold a password; give it in the file or as {0} or {0}_FILE",
                setting.variable()
            ),
        };
        let problems: Vec<_> = resolved
            .settings
            .iter()
            .filter(exposed)
            .map(problem)
            .collect();
        if problems.is_empty() {
            Ok(resolved)
        } else {
            Err(ConfigError { problems })
        }
    }

    fn sources(&self) -> Result<Sources, ConfigError> {
        let mut settings: Vec<_> = self.settings.clone();
        if let Some(folder) = &self.data_dir {
            settings.push((
                "server.data_dir".into(),
                folder.to_string_lossy().into_owned(),
            ));
        }
        let settings = settings.into_iter().collect();
        sources::gather(Flags {
            config: self.config.clone(),
            settings,
        })
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.to_owned()))
}
