//! Stage 2: authenticate. [`Call`] in, [`Caller`] out.

use std::{
    cell::{Cell, RefCell},
    net::IpAddr,
    rc::Rc,
    sync::Arc,
};

use keystead_providers::CredentialForm;
use keystead_vault::{TokenHash, TokenKind, token_hash};
use zeroize::Zeroizing;

use super::{
    call::Call,
    credential::Credential,
    plane::Plane,
    proof::prove,
    refusal::Refusal,
    session::{Session, SessionName},
};
use crate::{
    clock::Timestamp,
    ids::ApplicationId,
    limits::{Charge, Place, Rule, Scope, Wants, address_id},
    store::{Authority, is_within},
};

/// Proof that a live token, made for this very address, came with the call. Only
/// [`authenticate`] makes one.
#[derive(Debug)]
pub(super) struct Caller {
    session: Arc<Session>,
    form: CredentialForm,
    generation: u64,
}

impl Caller {
    /// A caller for the tests of policy, which begin after this stage.
    #[cfg(test)]
    pub(super) fn of(session: Arc<Session>, form: CredentialForm) -> Self {
        Self::again(session, form, 0)
    }

    /// The same caller, as it is known by now.
    pub(super) fn again(session: Arc<Session>, form: CredentialForm, generation: u64) -> Self {
        Self {
            session,
            form,
            generation,
        }
    }

    /// What the token stands for.
    #[must_use]
    pub(super) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// The header that the credential came in.
    #[must_use]
    pub(super) fn form(&self) -> CredentialForm {
        self.form
    }

    /// The count of changes for which this is true.
    #[must_use]
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }
}

/// What one connection remembers of its last call, so that the next one with the same token need
/// not be hashed again. Checked against the generation of changes every time.
#[derive(Default)]
pub(super) struct Lane {
    last: RefCell<Option<Memo>>,
    address: RefCell<Option<(IpAddr, Rc<[Charge]>)>>,
    noted: Cell<Option<(ApplicationId, IpAddr)>>,
}

struct Memo {
    token: Zeroizing<String>,
    session: Arc<Session>,
    generation: u64,
}

/// Finds out who calls.
///
/// # Errors
///
/// [`Refusal::Unauthenticated`] alike for an unknown token, an unknown client and an unknown
/// handle; [`Refusal::NotProven`] for a token without the key that it is bound to; a refusal for a store
/// that can't be asked.
pub(super) async fn authenticate(
    plane: &Plane,
    lane: &Lane,
    call: &Call,
    now: Timestamp,
) -> Result<Caller, Refusal> {
    let credential = call.credential()?.ok_or(Refusal::Unauthenticated)?;
    let found = find(plane, lane, call, &credential, now).await;
    if let Err(Refusal::Unauthenticated) = found {
        // Whatever it is: a decoy must not be told from any other wrong credential.
        plane.wrong.note(credential.token());
    }
    found
}

async fn find(
    plane: &Plane,
    lane: &Lane,
    call: &Call,
    credential: &Credential<'_>,
    now: Timestamp,
) -> Result<Caller, Refusal> {
    plane.check_freshness(now)?;
    let generation = plane.catch_up();
    let session = match lane.recall(call, credential.token(), generation, now) {
        Some(session) => session,
        None => {
            let (TokenKind::Access, token) =
                token_hash(credential.token()).ok_or(Refusal::Unauthenticated)?
            else {
                return Err(Refusal::Unauthenticated);
            };
            let session = match plane.sessions.find(&token, call, now) {
                Some(session) => session,
                None => Box::pin(look_up(plane, lane, call, token, now)).await?,
            };
            lane.remember(credential.token(), &session, generation);
            session
        }
    };
    session.limits.own.calls.iter().for_each(Charge::fetch);
    prove(plane, call, credential, &session, now)?;
    lane.note_range(plane, &session, call.client.address);
    Ok(Caller::again(session, credential.form, generation))
}

/// The caller of a call under way, as it is known by now.
///
/// # Errors
///
/// As [`authenticate`].
pub(super) async fn find_again(
    plane: &Plane,
    call: &Call,
    now: Timestamp,
) -> Result<Arc<Session>, Refusal> {
    let credential = call.credential()?.ok_or(Refusal::Unauthenticated)?;
    let (_, token) = token_hash(credential.token()).ok_or(Refusal::Unauthenticated)?;
    match plane.sessions.find(&token, call, now) {
        Some(session) => Ok(session),
        // The call was charged already, and its token is no guess.
        None => ask(plane, name_of(call, token)?, now).await,
    }
}

/// Asks the store for a stranger. Guesses are charged to the address they come from, since each is
/// a query; what is no guess is charged later, as every call is.
async fn look_up(
    plane: &Plane,
    lane: &Lane,
    call: &Call,
    token: TokenHash,
    now: Timestamp,
) -> Result<Arc<Session>, Refusal> {
    let name = name_of(call, token)?;
    let charges = lane.address_charges(plane, call.client.address);
    let wants = Wants {
        charges: &[&charges],
        running: &[],
    };
    let taken = plane.limiter.admit(wants).await?;
    let session = ask(plane, name, now).await?;
    plane.limiter.give_back(&[&charges], &taken);
    Ok(session)
}

/// What the store is asked for; an address that names no handle needs no question.
fn name_of(call: &Call, token: TokenHash) -> Result<SessionName, Refusal> {
    let handle = call.handle().parse();
    Ok(SessionName {
        token,
        client_id: call.client_id,
        handle: handle.map_err(|_| Refusal::Unauthenticated)?,
    })
}

/// Asks the store.
async fn ask(plane: &Plane, name: SessionName, now: Timestamp) -> Result<Arc<Session>, Refusal> {
    loop {
        let generation = plane.catch_up();
        let found = plane.control.authority(name.clone()).await?;
        let outcome = if found.is_some() { "found" } else { "unknown" };
        plane.metrics.token_lookup(outcome);
        let authority = found.filter(is_in_scope).ok_or(Refusal::Unauthenticated)?;
        let session = Arc::new(Session::new(authority, &plane.session_parts())?);
        if !session.is_alive(now) {
            return Err(Refusal::Unauthenticated);
        }
        // A change came in between: what was read may be older than it. Read again.
        let is_current = || plane.news.generation() == generation;
        if plane.sessions.remember(name.token, &session, is_current) {
            return Ok(session);
        }
    }
}

/// A token may be for some of its application's AddOns only, and so may what it rests on.
fn is_in_scope(authority: &Authority) -> bool {
    let addon = std::slice::from_ref(&authority.addon.handle);
    let is_granted = authority
        .grant
        .as_ref()
        .is_none_or(|grant| grant.covers(addon));
    is_granted && is_within(addon, &authority.token.scope)
}

impl Lane {
    /// What every call from the client's address is charged.
    pub(super) fn address_charges(&self, plane: &Plane, client: IpAddr) -> Rc<[Charge]> {
        let mut known = self.address.borrow_mut();
        match known.as_ref() {
            Some((address, charges)) if *address == client => charges.clone(),
            _ => {
                let place = Place::of(Scope::Address, address_id(client));
                let bucket = plane.limiter.bucket(place);
                let charge = |rule: &Rule| Charge {
                    bucket: bucket.clone(),
                    rule: *rule,
                    cost: 1,
                };
                let charges: Rc<[Charge]> = plane.address_rules.iter().map(charge).collect();
                *known = Some((client, charges.clone()));
                charges
            }
        }
    }

    /// Notes whence the application was called, unless this connection's last call did.
    fn note_range(&self, plane: &Plane, session: &Session, client: IpAddr) {
        let application = &session.application;
        let name = Some((application.id, client));
        if self.noted.get() == name || session.token.is_console {
            return;
        }
        self.noted.set(name);
        plane
            .ranges
            .note(application.organization, application.id, client);
    }

    fn recall(
        &self,
        call: &Call,
        token: &str,
        generation: u64,
        now: Timestamp,
    ) -> Option<Arc<Session>> {
        let last = self.last.borrow();
        let memo = last.as_ref().filter(|memo| memo.generation == generation)?;
        let session = &memo.session;
        let is_same = constant_time_eq(memo.token.as_bytes(), token.as_bytes())
            && session.is_at(call)
            && session.is_alive(now);
        is_same.then(|| session.clone())
    }

    fn remember(&self, token: &str, session: &Arc<Session>, generation: u64) {
        let mut last = self.last.borrow_mut();
        let session = session.clone();
        match last.as_mut() {
            // Tokens are all of one length, so this takes the place of the one before, whole.
            Some(memo) => {
                memo.token.clear();
                memo.token.push_str(token);
                (memo.session, memo.generation) = (session, generation);
            }
            None => {
                *last = Some(Memo {
                    token: Zeroizing::new(token.to_owned()),
                    session,
                    generation,
                });
            }
        }
    }
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lane(..)")
    }
}

fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}
