//! A process that is killed at any moment loses nothing it has acknowledged, and leaves nothing
//! that keeps the next one from starting, the very first start included.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use keystead::{
    custody::Custody,
    root::RootKeySource,
    store::{Access, Store, StoreUrl},
};
use keystead_vault::{random, token_hash};

use crate::bed::{Bed, canary};

#[tokio::test]
async fn killed_on_sqlite() {
    let bed = Bed::sqlite().await;
    for first_start in 0..3 {
        let folder = bed.folder.join(format!("start-{first_start}"));
        let url = StoreUrl::Sqlite(folder.join("db/keystead.db"));
        kill_again_and_again(&bed, &folder, url).await;
    }
}

#[tokio::test]
async fn killed_on_postgres() {
    let bed = Bed::postgres().await;
    for first_start in 0..3 {
        let folder = bed.folder.join(format!("start-{first_start}"));
        let url = bed.another_unmigrated().await;
        kill_again_and_again(&bed, &folder, url).await;
    }
}

/// Runs `keystead init` on a store that is not there yet, kills it at some moment, and again, until
/// a few have told their token; then looks for what they told.
async fn kill_again_and_again(bed: &Bed, folder: &Path, url: StoreUrl) {
    fs::create_dir_all(folder).unwrap();
    let mut told = Vec::new();
    let mut tries = 0;
    while told.len() < 3 {
        tries += 1;
        assert!(tries < 60, "nothing is ever acknowledged");
        let [moment] = random::<1>();
        // Later and later, so that slow machines get there too.
        let life = Duration::from_micros(u64::from(moment) * 300 * tries);
        told.extend(init_and_kill(
            folder,
            &url,
            &format!("a{tries}@example.org"),
            life,
        ));
    }

    let store = Store::open(&url, Access::Write, bed.clock.clone())
        .await
        .unwrap();
    let root = RootKeySource::File(folder.join("root.key"));
    let custody = Custody::open(store, &root).await.unwrap();
    for token in &told {
        canary("api_token", token.clone(), bed);
        let (_, hash) = token_hash(token).unwrap();
        let caller = custody.store().api_caller(&hash).await.unwrap();
        assert!(caller.is_some(), "a token that was told is gone");
    }
    assert_eq!(custody.store().verify_audit().await.unwrap().faults, []);
    custody.store().close().await;
}

/// The token that `keystead init` told before it was killed, if it got that far.
fn init_and_kill(folder: &Path, url: &StoreUrl, email: &str, life: Duration) -> Option<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keystead"));
    command
        .args(["init", "--json", "--admin-email", email, "--data-dir"])
        .arg(folder);
    if let StoreUrl::Postgres(address) = url {
        command.env("KEYSTEAD_STORE__URL", address);
    }
    let mut process = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    sleep(life);
    process.kill().unwrap();
    let output = process.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let told: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    // Killed, or done; anything else is a start that the one before spoilt.
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() || output.status.code().is_none(),
        "{complaint}"
    );
    Some(told?["api_token"].as_str()?.to_owned())
}
