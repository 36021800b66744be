//! What a server gave up at its start, as the kernel tells of the running process.

use std::fs;

use crate::harness::{Scene, Store, on_each_store};

on_each_store!(a_server_gives_up_what_serving_does_not_need);

async fn a_server_gives_up_what_serving_does_not_need(store: Store) {
    let scene = Scene::on(store).await;
    scene.client().send(scene.chat()).await.expect(200);
    let ks = &scene.ks;
    for thread in fs::read_dir(format!("/proc/{}/task", ks.pid())).unwrap() {
        let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        assert_eq!(said(&status, "NoNewPrivs"), "1", "{status}");
        assert_eq!(said(&status, "Seccomp"), "2", "{status}");
        assert_eq!(said(&status, "CoreDumping"), "0", "{status}");
    }
    // The root key and the key that was opened.
    let status = fs::read_to_string(format!("/proc/{}/status", ks.pid())).unwrap();
    let locked = said(&status, "VmLck").split_whitespace().next().unwrap();
    assert!(locked.parse::<u64>().unwrap() >= 4, "{status}");
    for measure in ["private_memory", "locked_memory", "calls"] {
        let series = format!("keystead_hardening{{measure=\"{measure}\"}}");
        assert_eq!(ks.metric(&series), 1.0, "{measure}");
    }
}

fn said<'a>(status: &'a str, name: &str) -> &'a str {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.strip_prefix(':'))
        .unwrap_or_default()
        .trim()
}
