//! `cargo xtask dist`: the program as it is handed out. One static file that runs on any Linux of the
//! machine's kind, in an archive with its licence and its sum.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failed::{Failed, Trying as _};
use crate::say::say;
use crate::{apt, invoke, shipped, workspace};

/// What goes beside the program.
const BESIDE: [&str; 4] = ["README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE"];

pub(crate) fn run() -> Result<(), Failed> {
    let machine = std::env::consts::ARCH;
    let triple = format!("{machine}-unknown-linux-musl");
    let compiler = format!("{machine}-linux-musl-gcc");
    install(&triple, &compiler)?;

    say(format!("building for {triple} (profile dist)"));
    let variable = triple.replace('-', "_");
    let program = shipped::Build::new(Some(&triple))?
        .env(&format!("CC_{variable}"), &compiler)
        .run()?;
    let target = workspace::target()?;
    check(&program)?;
    let archive = pack(&target, &program, &triple)?;
    say(format!("{}", archive.display()));
    Ok(())
}

/// musl's own compiler from Debian, Rust's standard library for it from rustup.
fn install(triple: &str, compiler: &str) -> Result<(), Failed> {
    if !invoke::succeeds(Command::new(compiler).arg("--version")) {
        apt::install(&["musl-tools"])?;
    }
    let installed = invoke::output(Command::new("rustup").args(["target", "list", "--installed"]));
    if installed?.lines().any(|line| line == triple) {
        return Ok(());
    }
    say(format!("  by rustup: the standard library for {triple}"));
    invoke::run_quietly(Command::new("rustup").args(["target", "add", triple]))
}

/// It needs nothing of the machine, and it runs.
fn check(program: &Path) -> Result<(), Failed> {
    let needs = invoke::output(Command::new("readelf").arg("--dynamic").arg(program))?;
    if needs.contains("(NEEDED)") {
        return Err(Failed::new(format!("it is not static:\n{needs}")));
    }
    let version = invoke::output(Command::new(program).arg("--version"))?;
    let size = fs::metadata(program).trying(program.display())?.len();
    say(format!("{version}, {} MB", size / 1_000_000));
    Ok(())
}

/// The archive and its sum, in `target/archives`.
fn pack(target: &Path, program: &Path, triple: &str) -> Result<PathBuf, Failed> {
    let version = env!("CARGO_PKG_VERSION");
    let name = format!("keystead-{version}-{triple}");
    let archives = target.join("archives");
    let folder = archives.join(&name);
    fs::create_dir_all(&folder).trying(folder.display())?;
    fs::copy(program, folder.join("keystead")).trying(program.display())?;
    for file in BESIDE {
        fs::copy(workspace::root().join(file), folder.join(file)).trying(file)?;
    }

    // The same files give the same archive, whoever packs them and when.
    let archive = archives.join(format!("{name}.tar.gz"));
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
        .args(["--mtime=@0", "--use-compress-program=gzip -n9"])
        .arg("--directory")
        .arg(&archives)
        .arg("--create")
        .arg("--file")
        .arg(&archive)
        .arg(&name);
    invoke::run_quietly(&mut tar)?;
    let mut sum = Command::new("sha256sum");
    sum.current_dir(&archives).arg(format!("{name}.tar.gz"));
    let line = invoke::output(&mut sum)?;
    let sums = archives.join("SHA256SUMS");
    fs::write(&sums, format!("{line}\n")).trying(sums.display())?;
    Ok(archive)
}
