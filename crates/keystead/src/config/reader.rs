//! Reads one setting after the other from the layers and remembers what it was asked for.
//!
//! What nobody asked for is unknown. What did not parse is a problem; reading goes on with the
//! default, so that all problems come out together.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
};

use super::{
    ConfigError, Problem, Sources, toml_file,
    toml_file::Entry,
    value::{Raw, Value, Written},
};

/// Where the value of a setting was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: the built-in default holds.
    Default,
    /// In the configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// Its line, counted from 1, when it is known.
        line: Option<usize>,
    },
    /// In the environment variable of this name.
    Environment(String),
    /// On the command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File {
                path,
                line: Some(line),
            } => write!(f, "{}:{line}", path.display()),
            Self::File { path, line: None } => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag => f.write_str("command line"),
        }
    }
}

/// One setting: what it is called, what it means, and what it is now.
#[derive(Debug, Clone)]
pub struct Setting {
    /// As in the file, e.g. `server.listen`.
    pub name: String,
    /// What it does, in one or two sentences.
    pub text: &'static str,
    /// The default as documented; empty when there is none.
    pub default: String,
    /// The value that holds; `********` for a secret.
    pub value: String,
    /// Where that value was written.
    pub origin: Origin,
    /// Whether the value may hold a password.
    pub secret: bool,
    pub(super) written: Written,
}

impl Setting {
    /// Its name in the environment, e.g. `KEYSTEAD_SERVER__LISTEN`.
    pub fn variable(&self) -> String {
        variable(&self.name)
    }
}

/// A default: as documented and as it holds here (`DATA_DIR/root.key` and `/var/…/root.key`).
pub(super) struct Fallback {
    documented: String,
    effective: String,
}

impl Fallback {
    pub(super) fn derived(documented: &str, effective: impl fmt::Display) -> Self {
        Self {
            documented: documented.to_owned(),
            effective: effective.to_string(),
        }
    }
}

impl From<&str> for Fallback {
    fn from(text: &str) -> Self {
        Self::derived(text, text)
    }
}

pub(super) struct Reader<'a> {
    sources: &'a Sources,
    file: BTreeMap<String, Entry>,
    /// Settings of the environment, by variable.
    environment: BTreeMap<&'a str, &'a str>,
    used: RefCell<BTreeSet<String>>,
    settings: Vec<Setting>,
    problems: Vec<Problem>,
}

struct Found {
    raw: Raw,
    origin: Origin,
}

impl<'a> Reader<'a> {
    pub(super) fn new(sources: &'a Sources) -> Self {
        let mut problems = Vec::new();
        let file = sources.file.as_ref().map(toml_file::flatten).transpose();
        let file = file.unwrap_or_else(|error| {
            problems.extend(error.problems);
            None
        });
        let is_setting = |name: &str| {
            name.strip_prefix(VARIABLE_PREFIX)
                .is_some_and(|rest| rest.contains("__"))
        };
        let environment = sources
            .environment
            .iter()
            .filter(|(name, _)| is_setting(name));
        Self {
            sources,
            file: file.unwrap_or_default(),
            environment: environment
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect(),
            used: RefCell::default(),
            settings: Vec::new(),
            problems,
        }
    }

    /// Reads a setting that always has a value. Its default must be valid, which a test sees to.
    pub(super) fn read<T: Value>(
        &mut self,
        name: &str,
        default: impl Into<Fallback>,
        text: &'static str,
    ) -> T {
        let default = default.into();
        let found = self.find(name);
        let value = self.parse(name, found.as_ref(), false);
        self.record::<T>(name, &default, text, found, false);
        value.unwrap_or_else(|| {
            T::parse(&default.effective).expect("a test reads every default of every setting")
        })
    }

    /// Reads a setting that may be absent.
    pub(super) fn optional<T: Value>(&mut self, name: &str, text: &'static str) -> Option<T> {
        let found = self.find(name);
        let value = self.parse(name, found.as_ref(), false);
        self.record::<T>(name, &Fallback::from(""), text, found, false);
        value
    }

    /// Reads a setting whose value may hold a password: it may also come from a file of its own,
    /// named by the same setting with `_file` (`_FILE`) at its end, and it is never shown.
    pub(super) fn secret<T: Value>(
        &mut self,
        name: &str,
        default: Option<Fallback>,
        text: &'static str,
    ) -> Option<T> {
        let own = self.find(name);
        let file = self.find(&format!("{name}_file"));
        let found = match (own, file) {
            (Some(own), Some(file)) => {
                let message = format!("is given here and by a file ({}); keep one", file.origin);
                self.problem(name, own.origin.clone(), message);
                Some(own)
            }
            (None, Some(file)) => self.open_secret(name, file),
            (own, None) => own,
        };
        let value = self.parse(name, found.as_ref(), true);
        let shown = default.unwrap_or_else(|| Fallback::from(""));
        let value = value.or_else(|| T::parse(&shown.effective));
        self.record::<T>(name, &shown, text, found, true);
        value
    }

    /// Reads a setting that names a file, and what `parse` makes of the file's text. It says no in
    /// a text that begins with the line.
    pub(super) fn file<T>(
        &mut self,
        name: &str,
        text: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let path: PathBuf = self.optional(name, text)?;
        let path = path.display().to_string();
        let read = match self.sources.files.read(&path) {
            Ok(text) => parse(&text).map_err(|reason| format!("`{path}`, {reason}")),
            Err(error) => Err(format!("could not read `{path}`: {error}")),
        };
        match read {
            Ok(value) => Some(value),
            Err(message) => {
                self.conflict(name, message);
                None
            }
        }
    }

    /// Whether anybody wrote a value for this setting.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Adds a problem that only shows when settings are seen together.
    pub(super) fn conflict(&mut self, name: &str, message: impl Into<String>) {
        let origin = self
            .find(name)
            .map_or(Origin::Default, |found| found.origin);
        self.problem(name, origin, message);
    }

    /// All settings that were read, or every problem there is.
    pub(super) fn finish(mut self) -> Result<Vec<Setting>, ConfigError> {
        self.report_unknown();
        if self.problems.is_empty() {
            return Ok(self.settings);
        }
        Err(ConfigError {
            problems: self.problems,
        })
    }
}

impl Reader<'_> {
    fn find(&self, name: &str) -> Option<Found> {
        let variable = variable(name);
        self.used
            .borrow_mut()
            .extend([name.to_owned(), variable.clone()]);
        if let Some(text) = self.sources.flags.get(name) {
            return Some(Found {
                raw: Raw::Text(text.clone()),
                origin: Origin::Flag,
            });
        }
        if let Some(text) = self.environment.get(variable.as_str()) {
            let raw = Raw::Text((*text).to_owned());
            return Some(Found {
                raw,
                origin: Origin::Environment(variable),
            });
        }
        let entry = self.file.get(name)?;
        Some(Found {
            raw: entry.raw.clone(),
            origin: self.in_file(entry.line),
        })
    }

    fn parse<T: Value>(&mut self, name: &str, found: Option<&Found>, secret: bool) -> Option<T> {
        let found = found?;
        let value = T::from_raw(&found.raw);
        if value.is_none() {
            let written = found.raw.to_text();
            let message = match secret {
                true => format!("expected {}", T::EXPECTED),
                false => format!("`{written}` does not fit: expected {}", T::EXPECTED),
            };
            self.problem(name, found.origin.clone(), message);
        }
        value
    }

    fn open_secret(&mut self, name: &str, file: Found) -> Option<Found> {
        let path = file.raw.to_text();
        match self.sources.files.read(&path) {
            Ok(text) => {
                let text = text.trim_end_matches(['\r', '\n']).to_owned();
                Some(Found {
                    raw: Raw::Text(text),
                    origin: file.origin,
                })
            }
            Err(error) => {
                self.problem(
                    name,
                    file.origin,
                    format!("could not read `{path}`: {error}"),
                );
                None
            }
        }
    }

    fn record<T: Value>(
        &mut self,
        name: &str,
        default: &Fallback,
        text: &'static str,
        found: Option<Found>,
        secret: bool,
    ) {
        let (value, origin) = match found {
            Some(found) if secret => (MASK.to_owned(), found.origin),
            Some(found) => (found.raw.to_text(), found.origin),
            None => (default.effective.clone(), Origin::Default),
        };
        self.settings.push(Setting {
            name: name.to_owned(),
            text,
            default: default.documented.clone(),
            value,
            origin,
            secret,
            written: T::WRITTEN,
        });
    }

    fn report_unknown(&mut self) {
        let used = self.used.take();
        let in_flags = self
            .sources
            .flags
            .keys()
            .map(|name| (name.clone(), Origin::Flag));
        let in_environment = self.environment.keys().map(|name| {
            let setting = name.trim_start_matches(VARIABLE_PREFIX).replace("__", ".");
            (
                setting.to_lowercase(),
                Origin::Environment((*name).to_owned()),
            )
        });
        let in_file = self
            .file
            .iter()
            .map(|(name, entry)| (name.clone(), self.in_file(entry.line)));
        let unknown: Vec<_> = in_flags
            .chain(in_environment)
            .chain(in_file)
            .filter(|(name, origin)| match origin {
                Origin::Environment(variable) => !used.contains(variable),
                _ => !used.contains(name),
            })
            .collect();
        for (name, origin) in unknown {
            let message = match self.nearest(&name) {
                Some(known) => format!("no such setting; did you mean `{known}`?"),
                None => "no such setting; `keystead config example` lists all".to_owned(),
            };
            self.problem(&name, origin, message);
        }
    }

    fn nearest(&self, name: &str) -> Option<String> {
        let distances = self
            .settings
            .iter()
            .map(|known| (distance(&known.name, name), known));
        let (distance, known) = distances.min_by_key(|(distance, _)| *distance)?;
        (distance <= 3).then(|| known.name.clone())
    }

    fn in_file(&self, line: usize) -> Origin {
        let path = self
            .sources
            .file
            .as_ref()
            .map(|file| file.path.clone())
            .unwrap_or_default();
        Origin::File {
            path,
            line: Some(line),
        }
    }

    fn problem(&mut self, name: &str, origin: Origin, message: impl Into<String>) {
        self.problems.push(Problem {
            name: name.to_owned(),
            origin,
            message: message.into(),
        });
    }
}

const VARIABLE_PREFIX: &str = "KEYSTEAD_";
const MASK: &str = "********";

/// `providers.azure-openai.base_url` is `KEYSTEAD_PROVIDERS__AZURE_OPENAI__BASE_URL`.
fn variable(name: &str) -> String {
    let rest = name.to_uppercase().replace('.', "__").replace('-', "_");
    format!("{VARIABLE_PREFIX}{rest}")
}

/// How many characters must be changed, added or dropped to get from one name to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}
