//! The program as it is shipped: profile `dist`, with an allocator of its own, laid out by what its calls
//! were seen to do.
//!
//! `cargo xtask guide` builds it with counters in it, puts it through what `bench` measures, and
//! leaves the counts in `bench/profiles`, one file a target and compiler. They are committed, so a build
//! needs neither the counting nor LLVM's tools, and is the same for everybody. What changed since
//! they were made is compiled as it would be without them; so is everything by a compiler of another
//! version, which builds are told.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::failed::{Failed, Trying as _};
use crate::say::say;
use crate::{apt, bench, invoke, workspace};

/// Where cargo reads flags of the compiler, and what stands between two.
const ENCODED: &str = "CARGO_ENCODED_RUSTFLAGS";
const BETWEEN: &str = "\u{1f}";

/// The folder of the build whose instructions `bench --parts` counts, within the target folder.
pub(crate) const PARTS: &str = "parts";

/// A build that is about to be made.
pub(crate) struct Build {
    triple: String,
    cargo: Command,
    /// Those of the compiler, after the ones that the person has set.
    flags: Vec<String>,
    target: PathBuf,
    /// The counts that it lacks.
    missing: Option<PathBuf>,
}

impl Build {
    /// For a target; for that of this machine where none is named.
    pub(crate) fn new(triple: Option<&str>) -> Result<Self, Failed> {
        let compiler = Compiler::ask()?;
        let triple = triple.unwrap_or(&compiler.host).to_owned();
        let target = workspace::target()?;
        let profile = compiler.profile(&triple);
        let is_there = profile.is_file();
        let uses = is_there.then(|| format!("-Cprofile-use={}", profile.display()));
        Ok(Self {
            cargo: cargo(&triple),
            flags: Vec::from_iter(uses),
            triple,
            target,
            missing: (!is_there).then_some(profile),
        })
    }

    /// With line tables. By flags and not by settings of the profile: those have a part in the names of
    /// functions, and by their names functions find their counts.
    pub(crate) fn with_line_tables(mut self) -> Self {
        let flags = ["-Cdebuginfo=line-tables-only", "-Cstrip=none"];
        self.flags.extend(flags.map(str::to_owned));
        self
    }

    /// Into a folder of its own within the target folder.
    pub(crate) fn within(mut self, folder: &str) -> Self {
        self.target.push(folder);
        self.cargo.arg("--target-dir").arg(&self.target);
        self
    }

    /// With a variable of the environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.cargo.env(name, value);
        self
    }

    /// Where it will lie.
    pub(crate) fn program(&self) -> PathBuf {
        self.target.join(&self.triple).join("dist/keystead")
    }

    /// Makes it.
    pub(crate) fn run(mut self) -> Result<PathBuf, Failed> {
        if let Some(missing) = &self.missing {
            say(format!(
                "there is no {}, so it will be slower than it could be (`cargo xtask guide` makes it)",
                missing.display()
            ));
        }
        // Cargo passes over what is no text, too.
        let set = |name: &str| env::var_os(name).and_then(|value| value.into_string().ok());
        let plain = set("RUSTFLAGS").unwrap_or_default();
        let flags = joined(set(ENCODED).as_deref(), &plain, &self.flags);
        invoke::run(self.cargo.env(ENCODED, flags))?;
        Ok(self.program())
    }
}

/// Makes the counts anew.
pub(crate) fn guide() -> Result<(), Failed> {
    let compiler = Compiler::ask()?;
    let merge = format!("llvm-profdata-{}", compiler.llvm);
    if !invoke::succeeds(Command::new(&merge).arg("--version")) {
        apt::install(&[&format!("llvm-{}", compiler.llvm)])?;
    }
    say("building Keystead with counters in it");
    let build = Build::counting(&compiler)?;
    let program = build.run()?;

    say("putting it through what is measured");
    let counts = bench::exercise(&program)?;
    let profile = compiler.profile(&compiler.host);
    let folder = profile.parent().expect("a profile lies in a folder");
    fs::create_dir_all(folder).trying(folder.display())?;
    let mut merging = Command::new(&merge);
    // Without those that never ran: the file is committed.
    merging
        .args(["merge", "--sparse", "--output"])
        .arg(&profile);
    invoke::run_quietly(merging.args(counts.files()?))?;
    // What was built by older counts: cargo looks at the file's name alone.
    let target = workspace::target()?;
    for folder in [target.join(PARTS), target] {
        let built = folder.join(&compiler.host).join("dist");
        if built.exists() {
            fs::remove_dir_all(&built).trying(built.display())?;
        }
    }
    let size = fs::metadata(&profile).trying(profile.display())?.len();
    say(format!("{}, {} kB", profile.display(), size / 1_000));
    Ok(())
}

impl Build {
    fn counting(compiler: &Compiler) -> Result<Self, Failed> {
        let target = workspace::target()?;
        let build = Self {
            triple: compiler.host.clone(),
            cargo: cargo(&compiler.host),
            flags: vec!["-Cprofile-generate".to_owned()],
            target,
            missing: None,
        };
        Ok(build.within("counting"))
    }
}

/// The command that builds it.
fn cargo(triple: &str) -> Command {
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--locked", "--profile", "dist", "--target", triple]);
    cargo.args(["--package", "keystead", "--features", "jemalloc"]);
    cargo
}

/// Flags as cargo reads them where one may have a blank in it, as the path of a profile may. Where such
/// are set, cargo looks at no others.
fn joined(encoded: Option<&str>, plain: &str, flags: &[String]) -> String {
    let mut all: Vec<_> = match encoded {
        Some(encoded) => encoded.split(BETWEEN).collect(),
        None => plain.split_whitespace().collect(),
    };
    all.retain(|one| !one.is_empty());
    all.extend(flags.iter().map(String::as_str));
    all.join(BETWEEN)
}

/// What `rustc` says of itself.
struct Compiler {
    release: String,
    host: String,
    /// The first number of its LLVM's version.
    llvm: String,
}

impl Compiler {
    fn ask() -> Result<Self, Failed> {
        let text = invoke::output(Command::new("rustc").arg("-vV"))?;
        let of = |name: &str| {
            let found = text.lines().find_map(|line| line.strip_prefix(name));
            let found = found.map(|rest| rest.trim_start_matches([':', ' ']).to_owned());
            found.ok_or_else(|| Failed::new(format!("rustc does not say its {name}:\n{text}")))
        };
        let llvm = of("LLVM version")?;
        Ok(Self {
            release: of("release")?,
            host: of("host")?,
            llvm: llvm.split('.').next().unwrap_or(&llvm).to_owned(),
        })
    }

    fn profile(&self, triple: &str) -> PathBuf {
        let name = format!("{triple}-rustc-{}.profdata", self.release);
        workspace::root().join("bench/profiles").join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_added_to_those_that_are_set_and_may_have_blanks() {
        let profile = "-Cprofile-use=/a b/c";
        for (what, encoded, plain, all) in [
            ("none", None, "", vec![profile]),
            (
                "plain",
                None,
                " -g  -Copt-level=1 ",
                vec!["-g", "-Copt-level=1", profile],
            ),
            (
                "encoded",
                Some("-g\u{1f}--cfg=a b"),
                "",
                vec!["-g", "--cfg=a b", profile],
            ),
            ("both", Some("-g"), "-v", vec!["-g", profile]),
            ("encoded, and none", Some(""), "-v", vec![profile]),
        ] {
            let told = joined(encoded, plain, &[profile.to_owned()]);
            assert_eq!(told.split('\u{1f}').collect::<Vec<_>>(), all, "{what}");
        }
    }
}
