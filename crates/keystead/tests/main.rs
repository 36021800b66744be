//! Keystead's promises, each shown on the real program: a real server process, a real SQLite file
//! or PostgreSQL database, real sockets. Only the provider is a stand-in.
//!
//! `cargo xtask test` starts PostgreSQL, installs the official SDKs and, once every test has run,
//! searches all that the servers wrote for what the tests planted; so each test here is a leak
//! test as well. The [`harness`] is what they share; beside it lies one file a promise.

#![expect(
    clippy::unwrap_used,
    reason = "a panic in a test is the test's way to fail"
)]

mod addresses;
mod alerts;
mod audit;
mod backoff;
mod binding;
mod bodies;
mod books;
mod browser;
mod budgets;
mod cancellation;
mod command_line;
mod console;
mod credentials;
mod demo;
mod document;
mod echo;
mod egress;
mod envelopes;
mod fuzzing;
mod hardening;
mod harness;
mod kill;
mod limits;
mod lists;
mod management;
mod memory;
mod oauth;
mod outage;
mod own_keys;
mod pages;
mod policy;
mod privacy;
mod providers;
mod recovery;
mod revocation;
mod root_key;
mod rotation;
mod rules;
mod run;
mod sdks;
mod sharing;
mod sign_in;
mod smuggling;
mod stop;
mod streaming;
mod tampering;
mod tenancy;
mod tls;
mod tokens;
mod usage;
mod widget;
