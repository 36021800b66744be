//! What may be asked of an AddOn, for the pages that show it: `GET /run/{client_id}/{handle}`.
//! Nothing is sent to the provider and nothing is counted.

use std::borrow::Cow;

use http::{HeaderValue, Response, header};
use keystead_providers::TaskKind;
use serde::Serialize;

use crate::{
    limits::Scope,
    proxy::{
        authenticate::Caller,
        plane::Plane,
        refusal::seconds,
        reply::{Reply, ReplyBody},
        session::{Session, SessionKey},
    },
};

#[derive(Debug, Serialize)]
struct Description<'a> {
    handle: &'a str,
    r#type: &'static str,
    provider: &'static str,
    /// What it does.
    tasks: Vec<&'static str>,
    /// Those that may be named; any where there are none.
    models: Cow<'a, [String]>,
    key_source: &'static str,
    limits: Vec<Limit>,
}

/// A limit of the caller's own, by the sums of this process.
#[derive(Debug, Serialize)]
struct Limit {
    scope: &'static str,
    what: &'static str,
    limit: u64,
    remaining: u64,
    /// Seconds until all of it is there again.
    reset_s: u64,
}

/// Describes the caller's AddOn.
pub(super) fn describe(plane: &Plane, caller: &Caller, key: &SessionKey) -> Reply {
    let session = caller.session();
    let addon = &session.addon;
    let about = key.provider.about();
    let tasks = about.tasks.kinds().filter(|task| task.fits(addon.kind));
    let description = Description {
        handle: addon.handle.as_str(),
        r#type: addon.kind.as_str(),
        provider: about.name,
        tasks: tasks.map(TaskKind::word).collect(),
        models: session.models(),
        key_source: session.source.word(),
        limits: limits(plane, session),
    };
    let body = serde_json::to_vec(&description).expect("texts and numbers are JSON");
    let mut answer = Response::new(ReplyBody::Whole(body.into()));
    let kind = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    Reply::gateway(answer)
}

fn limits(plane: &Plane, session: &Session) -> Vec<Limit> {
    let own = &session.limits.own;
    let charges = own.calls.iter().map(|charge| (charge, "requests"));
    let tokens = own.tokens.iter().map(|charge| (charge, "tokens"));
    let limits = charges.chain(tokens).filter_map(|(charge, what)| {
        let scope = match charge.bucket.scope() {
            Scope::Token => "token",
            Scope::Subject => "user",
            _ => return None,
        };
        let left = plane.limiter.left(charge)?;
        Some(Limit {
            scope,
            what,
            limit: left.limit,
            remaining: left.remaining,
            reset_s: seconds(left.reset),
        })
    });
    limits.collect()
}
