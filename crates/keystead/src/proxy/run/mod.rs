//! Neutral tasks: `/run/{client_id}/{handle}`, one request and one kind of answer whichever provider
//! does it.
//!
//! A task becomes the call that a client of the provider's would have made, and that call goes
//! through the same stages as any other: [`carry`] below is the proxy's own, with three lines more.
//! What a task adds before it is in [`ask`], what it makes of the answer in [`answer`] and
//! [`stream`]. What differs by provider is data of the adapters ([`keystead_providers::Tasks`]).

mod answer;
mod ask;
mod description;
mod events;
mod stream;

use std::rc::Rc;

use http::{Method, request::Parts};
use hyper::body::Incoming;

pub(super) use self::{answer::refused, stream::TaskStream};

use self::{answer::Answering, ask::receive_task, description::describe};
use super::{
    admit::admit,
    authenticate::{Lane, authenticate},
    body::receive_written,
    call::Call,
    decide::{decide, route, usable_key},
    meter::meter,
    open::open,
    plane::{Client, Thread},
    recheck::Basis,
    refusal::Refusal,
    reply::{Reply, Setting},
    send::send,
};

/// Carries one task from the client to the provider and its answer back.
pub(super) async fn carry(
    thread: &Rc<Thread>,
    lane: &Lane,
    client: Client,
    head: Box<Parts>,
    incoming: Incoming,
    setting: &Setting,
) -> Result<Reply, Refusal> {
    let (plane, came) = (&thread.plane, setting.came());

    let asked = Call::parse_task(head, client, &plane.settings.hosts)?;
    let caller = authenticate(plane, lane, &asked, came.at).await?;
    setting.is_known(&caller);
    let key = usable_key(&caller, &asked, came.at)?;
    if asked.parts.method == Method::GET {
        return Ok(describe(plane, &caller, key));
    }
    let live = thread
        .live
        .enter(caller.session().clone(), plane.settings.body_idle_timeout_s);
    let task = receive_task(plane, incoming, &caller, key, asked, &live).await?;

    let route = route(&caller, &task.call, plane.clock.now())?;
    let received = receive_written(plane, task.body, &task.call, &route)?;
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
        call: &task.call,
        facts: &received.facts,
        generation: caller.generation(),
        at: came.at,
    };
    let answer = send(thread, &admission, basis, &key, received.body, &live, ready).await?;

    let answering = Answering::of(task.choice, &permit, &received.facts, &answer, &live);
    let reply = meter(plane, permit, key, &received.facts, answer, live).await?;
    answering.finish(plane, reply, setting.request_id()).await
}
