//! Keystead: a proxy that keeps AI provider keys sealed and lets applications call the providers
//! without holding one. ARCHITECTURE.md is the map.

pub mod alerts;
pub mod api;
pub mod app;
pub mod audit;
pub mod backup;
pub mod cli;
pub mod clock;
pub mod config;
pub mod connect;
pub mod consent;
pub mod console;
pub mod custody;
pub mod demo;
pub mod dpop;
pub mod erasure;
pub mod hardening;
pub mod ids;
pub mod kept;
pub mod limits;
pub mod log;
pub mod manage;
pub mod management;
pub mod net;
pub mod oauth;
pub mod oidc;
pub mod people;
pub mod proxy;
pub mod reference;
pub mod root;
pub mod store;
pub mod watch;
pub mod widget;
