//! The data plane: the life of a request.
//!
//! ```text
//!   client                                                            provider
//!     │  parse ─> authenticate ─> route ─> receive ─> decide              ▲
//!     └─> Call     Caller          Route    Facts      Permit             │
//!                                                        │                │
//!                          admit ─────> open ──> prepare ┴──> send ───────┘
//!                          Admission    OpenedKey               │
//!     ◀────────────────────────────── meter ◀── Answer ─────────┘
//! ```
//!
//! [`carry`] is the table of contents: one line a stage, in order. Each stage returns a value that
//! proves it ran and the next one takes it by type; there is no other way to an opened key. What
//! `/run` adds to them for neutral tasks is in [`run`].
//!
//! Each core runs one [`Thread`] with its own connections; what they share is in the [`Plane`].
//! On a warm path nothing here asks the store.

mod admit;
mod attempt;
mod authenticate;
mod body;
mod budget;
mod call;
mod control;
mod cors;
mod credential;
mod decide;
mod gate;
mod hosts;
mod ledger;
mod listen;
mod live;
mod mask;
mod meter;
mod news;
mod open;
mod plane;
mod prepare;
mod proof;
mod recheck;
mod refusal;
mod reply;
mod retry;
mod run;
mod send;
mod serve;
mod session;
mod unwind;

use std::rc::Rc;

use http::request::Parts;
use hyper::body::Incoming;

pub use self::{
    control::Control,
    hosts::Hosts,
    listen::{Listening, Phase, Seats, bind, listen},
    plane::{Places, Plane, Settings},
    refusal::{Refusal, reference as refusals},
};

use self::{
    admit::admit,
    authenticate::{Lane, authenticate},
    body::receive,
    call::Call,
    decide::{decide, route},
    meter::meter,
    open::open,
    plane::{Client, Thread},
    recheck::Basis,
    reply::{Reply, Setting},
    send::send,
};

/// Carries one call from the client to the provider and its answer back.
async fn carry(
    thread: &Rc<Thread>,
    lane: &Lane,
    client: Client,
    head: Box<Parts>,
    incoming: Incoming,
    setting: &Setting,
) -> Result<Reply, Refusal> {
    let (plane, came) = (&thread.plane, setting.came());

    let call = Call::parse(head, client, &plane.settings.hosts)?;
    let caller = authenticate(plane, lane, &call, came.at).await?;
    setting.is_known(&caller);
    let route = route(&caller, &call, came.at)?;
    let live = thread
        .live
        .enter(caller.session().clone(), plane.settings.body_idle_timeout_s);
    let received = receive(plane, incoming, &call, &route, &live).await?;
    let known = plane.control.knows(&route, &received.facts).await?;
    let permit = Rc::new(decide(route, &received.facts, known, setting.request_id())?);
    setting.is_permitted(&permit);
    let admission = admit(plane, lane, client.address, &permit, &received).await?;
    let key = open(plane, &permit).await?;
    let ready = plane.clock.moment();
    admission
        .metrics
        .added
        .observe(ready.instant - came.instant);
    let basis = Basis {
        call: &call,
        facts: &received.facts,
        generation: caller.generation(),
        at: came.at,
    };
    let answer = send(thread, &admission, basis, &key, received.body, &live, ready).await?;
    meter(plane, permit, key, &received.facts, answer, live).await
}
