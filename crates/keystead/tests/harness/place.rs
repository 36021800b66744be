//! The folder of one test: what its server writes, and what was planted in it.
//!
//! The leak scan of `cargo xtask test` reads `canaries` (a line `KIND<TAB>value` for everything
//! that must turn up nowhere) and `leak-allow` (the files that may hold it all the same).

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

/// A folder that is named after its test. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Place(Arc<Files>);

#[derive(Debug)]
struct Files {
    path: PathBuf,
    canaries: Mutex<File>,
    allowed: Mutex<File>,
}

impl Place {
    /// A new folder for the test that runs on this thread.
    pub(crate) fn of_this_test() -> Self {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("unnamed").replace("::", ".");
        let path = (1..)
            .map(|n| {
                if n == 1 {
                    name.clone()
                } else {
                    format!("{name}-{n}")
                }
            })
            .map(|name| run_folder().join(name))
            .find(|path| fs::create_dir_all(run_folder()).is_ok() && fs::create_dir(path).is_ok())
            .expect("there is always another number");
        let open = |name| File::create(path.join(name)).expect("the run's folder can be written");
        let (canaries, allowed) = (Mutex::new(open("canaries")), Mutex::new(open("leak-allow")));
        Self(Arc::new(Files {
            path,
            canaries,
            allowed,
        }))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0.path
    }

    /// Notes a value that nothing in this run may hold, and gives it back.
    pub(crate) fn plant(&self, kind: &str, value: impl Into<String>) -> String {
        let value = value.into();
        writeln!(self.0.canaries.lock(), "{kind}\t{value}").unwrap();
        value
    }

    /// Names a file of this folder that may hold planted values.
    pub(crate) fn allow(&self, name: &str) -> PathBuf {
        writeln!(self.0.allowed.lock(), "{name}").unwrap();
        self.path().join(name)
    }

    /// Adds to a file of this folder, so that it is searched with the others.
    pub(crate) fn keep(&self, name: &str, bytes: &[u8]) {
        let path = self.path().join(name);
        let file = OpenOptions::new().append(true).create(true).open(path);
        file.and_then(|mut file| file.write_all(bytes)).unwrap();
    }

    /// What a file of this folder holds.
    pub(crate) fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// The run's folder: `cargo xtask test` names one; a plain `cargo test` gets one of its own.
fn run_folder() -> PathBuf {
    match std::env::var_os("KEYSTEAD_TEST_RUN") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("run-{}", std::process::id())),
    }
}
