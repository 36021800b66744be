//! Where settings come from, as plain values; the only place that reads the process environment.

use std::{collections::BTreeMap, io, path::PathBuf};

use super::{ConfigError, Origin};

/// The settings given on the command line.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--config FILE`.
    pub config: Option<PathBuf>,
    /// Setting by name: `--data-dir DIR` and each `--set NAME=VALUE`.
    pub settings: BTreeMap<String, String>,
}

/// Everything that [`resolve`](super::resolve) looks at. Tests fill it by hand.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file, if there is one.
    pub file: Option<ConfigFile>,
    /// The process environment; only names with `KEYSTEAD_` and `__` in them are settings.
    pub environment: BTreeMap<String, String>,
    /// Settings given on the command line, by name.
    pub flags: BTreeMap<String, String>,
    /// How a file that a setting names is read.
    pub files: Files,
}

/// A configuration file and what it says.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    /// Its path, for messages.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

/// How files that settings name are read: those with secrets, and tables of prices.
#[derive(Debug, Clone, Default)]
pub enum Files {
    /// From the disk.
    #[default]
    Disk,
    /// From these texts by path, for tests.
    Fixed(BTreeMap<PathBuf, String>),
}

impl Sources {
    /// The folder used when none is named: `$XDG_DATA_HOME/keystead` or `~/.local/share/keystead`.
    ///
    /// One fixed place, not the current folder: a start in another folder must not find an empty
    /// store and make a second root key.
    pub fn default_data_dir(&self) -> Option<PathBuf> {
        let set = |name: &str| self.environment.get(name).filter(|value| !value.is_empty());
        set("XDG_DATA_HOME")
            .map(PathBuf::from)
            .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".local/share")))
            .map(|base| base.join("keystead"))
    }
}

impl Files {
    pub(super) fn read(&self, path: &str) -> io::Result<String> {
        match self {
            Self::Disk => std::fs::read_to_string(path),
            Self::Fixed(texts) => {
                let text = texts.get(&PathBuf::from(path)).cloned();
                text.ok_or_else(|| io::ErrorKind::NotFound.into())
            }
        }
    }
}

/// The name of the file that is read from the data folder when `--config` is not given.
pub const FILE_NAME: &str = "keystead.toml";

/// Gathers the sources of this process: its environment, the flags, and the file that `--config`
/// names or else `keystead.toml` in the data folder, if it exists.
///
/// # Errors
///
/// [`ConfigError`] when the named file can't be read.
pub fn gather(flags: Flags) -> Result<Sources, ConfigError> {
    let mut sources = Sources {
        environment: process_environment(),
        flags: flags.settings,
        ..Sources::default()
    };
    let named = flags.config.is_some();
    let Some(path) = flags
        .config
        .or_else(|| Some(likely_data_dir(&sources)?.join(FILE_NAME)))
    else {
        return Ok(sources);
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => sources.file = Some(ConfigFile { path, text }),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !named => {}
        Err(error) => {
            let message = format!("could not read the file: {error}");
            return Err(ConfigError::single(
                "",
                Origin::File { path, line: None },
                message,
            ));
        }
    }
    Ok(sources)
}

/// The process environment as text. Bytes that are not UTF-8 are replaced: no setting needs them.
pub fn process_environment() -> BTreeMap<String, String> {
    let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
    std::env::vars_os()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

/// The data folder as far as it is known before the file is read.
fn likely_data_dir(sources: &Sources) -> Option<PathBuf> {
    let flag = sources.flags.get("server.data_dir");
    let variable = sources.environment.get("KEYSTEAD_SERVER__DATA_DIR");
    flag.or(variable)
        .map(PathBuf::from)
        .or_else(|| sources.default_data_dir())
}
