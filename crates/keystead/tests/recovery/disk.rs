//! A disk that is full while a backup is made: there is no backup then, and nothing that could be taken for
//! one.

use std::fs;

use crate::harness::{Scene, Store, on_each_store};

on_each_store!(
    a_full_disk_leaves_no_backup,
    a_backup_that_was_killed_is_no_backup,
);

/// Runs `keystead backup` in a shell that lets no file grow beyond so many blocks of 512 bytes.
async fn back_up(scene: &Scene, name: &str, before: &str) -> std::process::Output {
    let ks = &scene.ks;
    let config = ks.config().display().to_string();
    let out = ks.place.path().join(name).display().to_string();
    let script = format!("{before} ulimit -f 32; exec \"$0\" backup --out \"$1\" --config \"$2\"");
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", &script, env!("CARGO_BIN_EXE_keystead"), &out, &config])
        .env_clear();
    tokio::task::spawn_blocking(move || shell.output().unwrap())
        .await
        .unwrap()
}

/// The names in the test's folder that begin so.
fn left(scene: &Scene, name: &str) -> Vec<String> {
    let entries = fs::read_dir(scene.ks.place.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|found| found.starts_with(name)).collect()
}

/// The program is told that there is no more room.
async fn a_full_disk_leaves_no_backup(store: Store) {
    let scene = Scene::on(store).await;
    let said = back_up(&scene, "full.backup", "trap '' XFSZ;").await;
    let told = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!(said.status.code(), Some(1), "{told}");
    assert!(told.contains("could not be used"), "{told}");
    assert_eq!(left(&scene, "full.backup"), [""; 0]);
    // With room there is one, under the same name.
    let out = scene.ks.place.path().join("full.backup");
    let out = out.display().to_string();
    let made = scene.ks.local_command(&["backup", "--out", &out, "--json"]);
    made.run().await.json();
}

/// The program is ended in the middle of it: what is left has another name, and is refused by name.
async fn a_backup_that_was_killed_is_no_backup(store: Store) {
    let scene = Scene::on(store).await;
    let whole = scene.ks.place.path().join("whole").display().to_string();
    let made = scene
        .ks
        .local_command(&["backup", "--out", &whole, "--json"]);
    made.run().await.json();
    let said = back_up(&scene, "cut.backup", "").await;
    assert_eq!(said.status.code(), None, "a signal ended it");
    let names = left(&scene, "cut.backup");
    assert!(
        matches!(names.as_slice(), [one] if one.ends_with(".partial")),
        "{names:?}"
    );
    let partial = scene.ks.place.path().join(&names[0]).display().to_string();
    super::tombstones::lost(&scene.ks).await;
    let restore = |file| {
        let restore = ["restore", file, "--without-tombstones", "--json"];
        scene.ks.local_command(&restore).run()
    };
    let refused = restore(&partial).await.failure(1);
    assert_eq!(refused["code"], "backup_damaged");
    restore(&whole).await.json();
}
