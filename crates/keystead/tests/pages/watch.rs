//! That the watch over every script sees what it is there for.

use serde_json::json;

use super::script;
use crate::harness::{Keystead, Store};

/// What holds for pages that run nothing but files of their own server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'; require-trusted-types-for 'script'; \
                      trusted-types 'none'";

/// One page a fault.
#[tokio::test]
async fn each_fault_is_seen() {
    let ks = Keystead::start(Store::Sqlite).await;
    script::run(&ks, "controls.mjs", json!({"policy": POLICY})).await;
}

/// The same through the whole of a run: one that ends well but saw a fault has failed.
#[tokio::test]
async fn a_run_that_saw_a_fault_fails() {
    let ks = Keystead::start(Store::Sqlite).await;
    for (fault, expected) in [("none", None), ("console", Some("console error: provoked"))] {
        let ended = script::attempt(&ks, "fault.mjs", json!({"fault": fault})).await;
        match expected {
            None => assert_eq!(ended, Ok(json!("seen"))),
            Some(text) => {
                let said = ended.expect_err("the run must fail");
                assert!(said.contains(text), "{said}");
            }
        }
    }
}
