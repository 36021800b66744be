//! `keystead audit verify` finds what was done to the log behind its back.

use std::cell::Cell;

use serde_json::{Value, json};

use super::{log, run};
use crate::harness::database::connect;
use crate::harness::{Keystead, Scene, Store, on_each_store};

on_each_store!(
    a_healthy_log_is_verified_beside_the_server,
    a_log_that_was_edited_fails_verification,
);

async fn a_healthy_log_is_verified_beside_the_server(store: Store) {
    let scene = Scene::on(store).await;
    scene.client().send(scene.chat()).await.expect(200);
    let rows = log(&scene.ks).await;

    let first = verify(&scene.ks, 0).await;
    let again = verify(&scene.ks, 0).await;

    assert_eq!(first["ok"], true, "{first}");
    assert_eq!(first["faults"], json!([]));
    assert_eq!(first, again, "reading adds nothing to the log");
    let size = first["size"].as_u64().unwrap();
    assert_eq!(Some(size), rows.last().and_then(|row| row["seq"].as_u64()));

    // While others write without a pause, it is as whole.
    let path = format!("/keys/{}", scene.key.id);
    let is_verified = Cell::new(false);
    let work = async {
        let mut acts = 0;
        while !is_verified.get() {
            for verb in ["disable", "enable"] {
                let path = format!("{path}/{verb}");
                scene.ks.manage("POST", &path, &json!({})).await;
                acts += 1;
            }
        }
        acts
    };
    let verified = async {
        let during = verify(&scene.ks, 0).await;
        is_verified.set(true);
        during
    };
    let (during, acts) = tokio::join!(verified, work);
    assert_eq!(during["ok"], true, "{during}");
    let after = verify(&scene.ks, 0).await;
    assert_eq!(after["size"], size + acts);
    assert_ne!(after["root"], first["root"]);
}

async fn a_log_that_was_edited_fails_verification(store: Store) {
    let scene = Scene::on(store).await;
    scene.client().send(scene.chat()).await.expect(200);
    let mut database = connect(&scene.ks.store_url).await;
    let size = verify(&scene.ks, 0).await["size"].as_u64().unwrap();
    let (last, next) = (size, size + 1);
    let copied = "id, at, organization_id, actor, action, object, object_version, outcome, detail, \
                  canonical, leaf_hash, mac";
    for (what, statements, faults) in [
        (
            "another action",
            vec!["UPDATE audit_events SET action = 'key.enabled' WHERE seq = 3".to_owned()],
            vec![("audit_events", "3", "altered")],
        ),
        (
            "another actor",
            vec!["UPDATE audit_events SET actor = 'operator' WHERE seq = 6".to_owned()],
            vec![("audit_events", "6", "altered")],
        ),
        (
            "another time",
            vec!["UPDATE audit_events SET at = at - 1 WHERE seq = 4".to_owned()],
            vec![("audit_events", "4", "altered")],
        ),
        (
            "a row deleted",
            vec!["DELETE FROM audit_events WHERE seq = 5".to_owned()],
            vec![
                ("audit_events", "5", "missing"),
                ("audit_head", "1", "other_root"),
            ],
        ),
        (
            "two rows exchanged",
            [("5", "-5"), ("6", "5"), ("-5", "6")]
                .map(|(from, to)| format!("UPDATE audit_events SET seq = {to} WHERE seq = {from}"))
                .to_vec(),
            vec![
                ("audit_events", "5", "altered"),
                ("audit_events", "6", "altered"),
            ],
        ),
        (
            "the end cut off",
            vec![format!("DELETE FROM audit_events WHERE seq = {last}")],
            vec![("audit_head", "1", "rows_missing")],
        ),
        (
            "all of it gone",
            vec!["DELETE FROM audit_events".to_owned()],
            vec![("audit_head", "1", "rows_missing")],
        ),
        (
            "the end cut off, and the head with it",
            vec![
                format!("DELETE FROM audit_events WHERE seq = {last}"),
                "UPDATE audit_head SET size = size - 1".to_owned(),
            ],
            vec![("audit_head", "1", "altered")],
        ),
        (
            "a row added at the end",
            vec![format!(
                "INSERT INTO audit_events (seq, {copied}) SELECT {next}, {} FROM audit_events \
                 WHERE seq = 3",
                copied.replacen("id", "'evt_00000000000070008000000000000000'", 1),
            )],
            vec![("audit_events", &*next.to_string(), "added")],
        ),
        (
            "a row far away, and no head to say where the end is",
            vec![
                "UPDATE audit_head SET size = size + 1".to_owned(),
                format!(
                    "INSERT INTO audit_events (seq, {copied}) SELECT 1152921504606846976, {} FROM \
                     audit_events WHERE seq = 3",
                    copied.replacen("id", "'evt_00000000000070008000000000000000'", 1),
                ),
            ],
            vec![
                ("audit_head", "1", "altered"),
                (
                    "audit_events",
                    &*format!("{next}-1152921504606846975"),
                    "missing",
                ),
            ],
        ),
        (
            "the head gone",
            vec!["DELETE FROM audit_head".to_owned()],
            vec![("audit_head", "1", "altered")],
        ),
    ] {
        for table in ["audit_events", "audit_head"] {
            let keep = format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}");
            run(&mut database, &keep).await;
        }
        for statement in statements {
            run(&mut database, &statement).await;
        }

        let found = verify(&scene.ks, 1).await;

        assert_eq!(found["ok"], false, "{what}: {found}");
        for (table, row, fault) in faults {
            let fault = json!({"table": table, "row": row, "fault": fault});
            let all = found["faults"].as_array().unwrap();
            assert!(all.contains(&fault), "{what}: {fault} in {found}");
        }
        let said = scene
            .ks
            .local_command(&["audit", "verify"])
            .run()
            .await
            .expect(1);
        assert!(
            said.stdout.contains("not what Keystead wrote"),
            "{what}: {}",
            said.stdout
        );
        for table in ["audit_events", "audit_head"] {
            run(&mut database, &format!("DELETE FROM {table}")).await;
            let back = format!("INSERT INTO {table} SELECT * FROM kept_{table}");
            run(&mut database, &back).await;
            run(&mut database, &format!("DROP TABLE kept_{table}")).await;
        }
        assert_eq!(
            verify(&scene.ks, 0).await["size"],
            size,
            "{what}, put right again"
        );
    }
}

/// What `keystead audit verify` prints, and ends with.
pub(super) async fn verify(ks: &Keystead, code: i32) -> Value {
    let said = ks.local_command(&["audit", "verify", "--json"]).run().await;
    serde_json::from_str(&said.expect(code).stdout).unwrap()
}
