//! The audit log: who did what to which object, in an order that can't be changed unseen.
//!
//! Rows are changes of state, sign-ins, denied acts of someone signed in, and openings of keys.
//! What strangers do (a wrong token, a failed sign-in) is counted elsewhere, so that they can't
//! fill the disk; minting a token writes none, its own row says as much.
//!
//! Each row is a leaf of an RFC 6962 Merkle tree; size and root lie in one row under the
//! installation's MAC. [`verify`](crate::store::Store::verify_audit) recomputes all of it. A row
//! holds ids and stable words, nothing that a person typed: no names, addresses or e-mail.

mod action;
mod event;
mod fact;
mod log;
pub mod merkle;
mod note;
mod objects;
mod path;
mod proof;
mod queue;
mod search;
mod verify;

pub(crate) use self::queue::{AuditQueue, spawn_writer};
pub use self::{
    action::{Action, Field},
    event::{Actor, Event, Outcome},
    fact::{Fact, provider_word},
    log::AuditEvent,
    note::{BadNote, TreeHead, Verifier},
    proof::{BadProof, Proof},
    search::{AuditFilter, Found},
    verify::{AuditFault, AuditReport},
};
