//! The management API keeps what its OpenAPI document says, whatever it is sent: schemathesis reads
//! the document and makes up requests, right and wrong ones.

use std::ffi::OsString;
use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{Ask, Keystead, Store, is_long, on_each_store};

on_each_store!(
    every_answer_is_in_the_document,
    no_text_in_a_query_or_a_path_stops_the_store,
);

/// What each answer is held against.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,unsupported_method,\
                      missing_required_header,ignored_auth";

/// What would take the token away that the requests are made with.
const ENDS_ITSELF: [&str; 3] = ["members.update", "members.remove", "api_tokens.revoke"];

async fn every_answer_is_in_the_document(store: Store) {
    let ks = Keystead::start(store).await;
    ks.manage("POST", "/applications", &json!({"name": "Shop"}))
        .await;
    let seconds = if is_long() { 600 } else { 90 };
    let exclude = ENDS_ITSELF.map(|name| format!("--exclude-operation-id={name}"));
    run(&ks, &exclude, seconds).await;
    // The token is good to the end.
    ks.manage("GET", "/organization", &Value::Null).await;
    // Without the phase that looks for ids, these meet made-up ones alone.
    let mut only: Vec<_> = ENDS_ITSELF
        .map(|name| format!("--include-operation-id={name}"))
        .into();
    only.push("--phases=examples,coverage,fuzzing".to_owned());
    run(&ks, &only, seconds / 6).await;
}

/// PostgreSQL keeps no NUL in a text and refuses the statement: what asks for one is a mistake of the
/// caller, not an outage.
async fn no_text_in_a_query_or_a_path_stops_the_store(store: Store) {
    let ks = Keystead::start(store).await;
    let document = ks.manage("GET", "/openapi.json", &Value::Null).await;
    let mut asked = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let named = operation["parameters"].as_array();
            let queries = named
                .into_iter()
                .flatten()
                .filter(|one| one["in"] == "query");
            if method == "get" {
                asked.extend(queries.map(|one| {
                    let name = one["name"].as_str().unwrap();
                    (method.to_uppercase(), format!("{path}?{name}=a%00b"))
                }));
            }
            if path.contains('{') {
                let path = path.replace("{id}", "a%00b").replace("{secret}", "a%00b");
                asked.push((method.to_uppercase(), path));
            }
        }
    }
    assert!(asked.len() > 40, "these can't be all: {asked:?}");
    for (method, path) in asked {
        let ask = Ask::new(&method, format!("/api/v1{path}")).bearer(&ks.api_token);
        let reply = ks.client().send(ask.json(&json!({}))).await;
        let is_refused = (400..500).contains(&reply.status);
        assert!(is_refused, "{method} {path}: {}", reply.text());
    }
}

async fn run(ks: &Keystead, which: &[String], seconds: u32) {
    let folder = ks.place.path().join("schemathesis");
    fs::create_dir_all(&folder).unwrap();
    // In the environment, since arguments are there for everybody to read.
    let config = "headers = { Authorization = \"Bearer ${API_TOKEN}\" }\n";
    fs::write(folder.join("schemathesis.toml"), config).unwrap();
    let python = std::env::var_os("KEYSTEAD_TEST_PYTHON");
    let python: OsString = python.expect("`cargo xtask test` installs it and sets its place");
    let mut command = Command::new(python);
    command
        .args(["-m", "schemathesis.cli", "run"])
        .arg(format!("http://{}/api/v1/openapi.json", ks.public()))
        .args(["--checks", CHECKS])
        .args(["--max-time", &seconds.to_string()])
        .args(["--generation-database", "none", "--no-color"])
        .args(["--suppress-health-check", "all", "--warnings", "off"])
        .args(which)
        .current_dir(&folder)
        .env_clear()
        .env("API_TOKEN", &ks.api_token)
        .env("NO_PROXY", "*")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null());
    // What a short run makes up is the same every time, so that it fails for who broke it and not
    // for whoever comes next; the long one looks for what was not thought of.
    if !is_long() {
        command.args(["--seed", "20"]);
    }
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = output.await.unwrap().unwrap();
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    ks.place.keep("schemathesis.txt", &said);
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
}
