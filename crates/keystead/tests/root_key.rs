//! Without its root key the store says nothing, and no new one is ever made in its place; two
//! processes never write one SQLite store.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::harness::{Keystead, Scene, Store, on_each_store, planted};

on_each_store!(a_missing_root_key_is_named, a_wrong_root_key_is_named);

async fn a_missing_root_key_is_named(store: Store) {
    let scene = Scene::on(store).await;
    scene.ks.kill();
    let file = scene.ks.data_dir().join("root.key");
    let aside = scene.ks.data_dir().join("root.key.aside");
    scene.ks.place.allow("data/root.key.aside");
    fs::rename(&file, &aside).unwrap();

    let said = scene.ks.local_command(&["serve", "--json"]).run().await;

    assert_eq!(said.failure(78)["code"], "root_key_missing");
    assert!(!file.exists(), "a new root key was made");
    fs::rename(&aside, &file).unwrap();
    scene.ks.start_again().await;
    scene.client().send(scene.chat()).await.expect(200);
}

async fn a_wrong_root_key_is_named(store: Store) {
    let scene = Scene::on(store).await;
    scene.ks.kill();
    let file = scene.ks.data_dir().join("root.key");
    let right = fs::read(&file).unwrap();
    fs::write(&file, planted::hex(64)).unwrap();

    for command in [&["serve", "--json"][..], &["audit", "verify", "--json"]] {
        let said = scene.ks.local_command(command).run().await;
        assert_eq!(said.failure(78)["code"], "root_key_mismatch", "{command:?}");
    }
    fs::write(&file, "nonsense").unwrap();
    let said = scene.ks.local_command(&["serve", "--json"]).run().await;
    assert_eq!(said.failure(78)["code"], "root_key_malformed");

    fs::write(&file, right).unwrap();
    scene.ks.start_again().await;
    scene.client().send(scene.chat()).await.expect(200);
}

#[tokio::test]
async fn a_root_key_that_others_can_read_is_refused() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let file = ks.data_dir().join("root.key");
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    for mode in [0o640, 0o604, 0o660, 0o777] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let said = ks.local_command(&["serve", "--json"]).run().await;
        assert_eq!(said.failure(78)["code"], "root_key_permissions", "{mode:o}");
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    ks.start_again().await;
}

/// The folder of the database holds no key, so that copying it copies none.
#[tokio::test]
async fn the_root_key_lies_beside_the_store_not_in_it() {
    let ks = Keystead::start(Store::Sqlite).await;
    let names: Vec<_> = fs::read_dir(ks.data_dir().join("db"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        names
            .iter()
            .all(|name| !name.contains("key") || name.starts_with("keystead.")),
        "{names:?}"
    );
    assert!(ks.data_dir().join("root.key").exists());
}

#[tokio::test]
async fn a_passphrase_takes_the_place_of_a_file() {
    let (prepared, passphrase, file) = Keystead::prepare(Store::Sqlite).with_passphrase();
    let ks = prepared.start().await;
    assert!(!ks.data_dir().join("root.key").exists());
    let scene = Scene::within(ks, "openai").await;
    scene.client().send(scene.chat()).await.expect(200);

    scene.ks.kill();
    fs::write(&file, "another passphrase, long enough").unwrap();
    let said = scene.ks.local_command(&["serve", "--json"]).run().await;
    assert_eq!(said.failure(78)["code"], "root_key_mismatch");

    fs::write(&file, &passphrase).unwrap();
    scene.ks.start_again().await;
    scene.client().send(scene.chat()).await.expect(200);
}

#[tokio::test]
async fn a_second_writer_on_one_sqlite_store_is_refused_by_name() {
    let ks = Keystead::start(Store::Sqlite).await;
    let email = ks
        .place
        .plant("email", format!("late-{}@mail.example", planted::hex(16)));
    for command in [
        &["serve", "--json"][..],
        &["init", "--admin-email", &email, "--json"],
        &["db", "migrate", "--json"],
    ] {
        let refused = ks.local_command(command).run().await.failure(1);
        assert_eq!(refused["code"], "store_locked", "{command:?}");
        let pid = ks.pid().to_string();
        let message = refused["message"].as_str().unwrap();
        assert!(message.contains(&pid), "{command:?} names {pid}: {message}");
    }
    // Those that only read run beside it.
    ks.local_command(&["db", "status"]).run().await.expect(0);
    ks.local_command(&["audit", "verify"]).run().await.expect(0);
}

/// A process that was killed holds no lock.
#[tokio::test]
async fn a_killed_process_leaves_no_lock_behind() {
    let ks = Keystead::start(Store::Sqlite).await;
    ks.kill();
    ks.local_command(&["db", "migrate"]).run().await.expect(0);
    ks.start_again().await;
}
