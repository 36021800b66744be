//! The way from the data plane to the store: a message to the control runtime.
//!
//! A cold look-up, an opening, a binding: each runs over there, so that neither a slow query nor
//! an unsealing holds up the streams of a core.

use std::{future::Future, sync::Arc, time::Duration};

use keystead_providers::{BoundId, Facts};
use tokio::runtime::Handle;

use super::{
    decide::{Permit, Route},
    refusal::Refusal,
    session::{Origins, Session, SessionName},
};
use crate::{
    audit::Actor,
    clock::Timestamp,
    custody::{self, Custody, CustodyError},
    ids::ClientId,
    limits::{Counter, Counters, LEASE},
    store::{Authority, Binding, Key, Lookup, ProcessId, Store, StoreError},
};

/// How long a call waits for the store; what it asked for goes on, and may help the next one.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the store from a data-plane thread.
#[derive(Clone, Debug)]
pub struct Control {
    runtime: Handle,
    store: Store,
    custody: Custody,
    process: ProcessId,
}

impl Control {
    /// Runs its questions on `runtime`.
    #[must_use]
    pub fn new(runtime: Handle, store: Store, custody: Custody) -> Self {
        Self {
            runtime,
            store,
            custody,
            process: ProcessId::random(),
        }
    }

    /// Who is behind a token at an address; `None` alike for whatever is unknown.
    ///
    /// # Errors
    ///
    /// [`Refusal::StoreUnavailable`], or [`Refusal::Integrity`] for a row that was edited.
    pub async fn authority(&self, name: SessionName) -> Result<Option<Authority>, Refusal> {
        let store = self.store.clone();
        let found = self.ask(async move {
            store
                .authority(&name.token, &name.client_id, &name.handle)
                .await
        });
        Ok(match found.await?? {
            Lookup::Found(authority) => Some(*authority),
            Lookup::Unknown => None,
        })
    }

    /// The origins of an application, unless it is unknown.
    ///
    /// # Errors
    ///
    /// As [`authority`](Self::authority).
    pub(super) async fn origins(&self, client_id: ClientId) -> Result<Option<Origins>, Refusal> {
        let store = self.store.clone();
        let found = self.ask(async move { store.application_by_client_id(&client_id).await });
        let found = found.await??;
        Ok(found.map(|application| Origins {
            application: application.id,
            organization: application.organization,
            listed: application.origins.into(),
        }))
    }

    /// Unseals a key, after its opening is on the audit record.
    ///
    /// # Errors
    ///
    /// [`Refusal::Integrity`] when the record was altered, [`Refusal::StoreUnavailable`] when the
    /// opening could not be recorded.
    pub async fn open_key(&self, key: &Key) -> Result<custody::OpenedKey, Refusal> {
        let (custody, tenant, id) = (self.custody.clone(), key.owner.tenant(), key.id);
        let opened =
            self.ask(async move { custody.open_key(Actor::Keystead, tenant, id, "call").await });
        opened.await?.map_err(Refusal::from)
    }

    /// Whether everything that the call fetches was caused by this application, AddOn, key and
    /// subject.
    ///
    /// # Errors
    ///
    /// [`Refusal::StoreUnavailable`].
    pub async fn knows(&self, route: &Route, facts: &Facts) -> Result<bool, Refusal> {
        let objects: Vec<_> = route.objects(facts).cloned().collect();
        if objects.is_empty() {
            return Ok(true);
        }
        let (store, session) = (self.store.clone(), route.session().clone());
        let known = self.ask(async move {
            for object in objects {
                let wanted = binding(&session, object.kind, object.id, Timestamp::default());
                if !store.bound(&wanted).await? {
                    return Ok::<_, StoreError>(false);
                }
            }
            Ok(true)
        });
        Ok(known.await??)
    }

    /// Makes ids belong to the subject that caused them; durable when it returns.
    pub fn bind(
        &self,
        permit: &Permit,
        ids: Vec<BoundId>,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), Refusal>> + Send + 'static {
        let (store, session) = (self.store.clone(), permit.session().clone());
        let bound = self.ask(async move {
            let bindings: Vec<_> = ids
                .into_iter()
                .map(|id| binding(&session, id.object.kind, id.object.id, now + id.retention))
                .collect();
            store.bind(&bindings).await
        });
        async move { Ok(bound.await??) }
    }

    /// Leases `need` more of a budget of `limit` at `now`, if there is more. The counter has it as soon as
    /// the store says so, whether or not anybody still waits: what no counter had would be lost to all.
    ///
    /// # Errors
    ///
    /// [`Refusal::StoreUnavailable`].
    pub async fn lease(
        &self,
        counter: &Arc<Counter>,
        limit: i64,
        need: i64,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let (store, process, counter) = (self.store.clone(), self.process, counter.clone());
        let leased = self.ask(async move {
            let past = counter.past();
            let leased = store.lease_budget(process, &counter.name, limit, need, now + LEASE);
            counter.leased(leased.await?, limit, past, now);
            Ok::<_, StoreError>(())
        });
        Ok(leased.await??)
    }

    /// Keeps this process's leases alive, and gives back what it does not need of them. Called
    /// every five seconds.
    pub async fn tend_leases(&self, counters: &Counters) -> Result<(), StoreError> {
        let now = self.store.clock().now();
        let until = now + LEASE;
        if counters.holds(now) {
            let idle = counters.idle();
            self.store.renew_leases(self.process, until).await?;
            counters.renewed(now);
            if !idle.is_empty() {
                self.store.shrink_leases(self.process, &idle).await?;
            }
        } else {
            // They were over before they could be renewed: others may have what was in them.
            let held = counters.lost();
            self.store
                .replace_leases(self.process, &held, until)
                .await?;
            counters.renewed(now);
        }
        self.store.delete_old_leases(self.process).await
    }

    /// Gives back everything, at the end.
    pub async fn end_leases(&self) -> Result<(), StoreError> {
        self.store
            .replace_leases(self.process, &[], Timestamp::default())
            .await
    }

    /// This process, as the store knows it.
    #[must_use]
    pub fn process(&self) -> ProcessId {
        self.process
    }

    /// Runs something over there without waiting for it.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }

    /// The store, for work that is spawned.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    fn ask<T: Send + 'static>(
        &self,
        question: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = Result<T, Refusal>> + Send + 'static {
        let answer = self.runtime.spawn(question);
        async move {
            match tokio::time::timeout(PATIENCE, answer).await {
                Ok(answered) => answered.map_err(|_| Refusal::Internal),
                Err(_) => Err(Refusal::StoreUnavailable),
            }
        }
    }
}

fn binding(
    session: &Session,
    kind: &'static str,
    object: String,
    expires_at: Timestamp,
) -> Binding {
    Binding {
        organization: session.application.organization,
        application: session.application.id,
        addon: session.addon.id,
        key: session
            .key
            .as_ref()
            .map(|key| key.row.id)
            .expect("route lets no call pass whose AddOn has no key"),
        subject: session.token.subject,
        kind,
        object,
        expires_at,
    }
}

impl From<StoreError> for Refusal {
    /// The cause goes to the log, once, here.
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Tampered { .. }) {
            tracing::error!(%error, "A stored row failed its integrity check");
            return Self::Integrity;
        }
        tracing::error!(%error, "The data store could not be asked");
        Self::StoreUnavailable
    }
}

impl From<CustodyError> for Refusal {
    fn from(error: CustodyError) -> Self {
        match error {
            CustodyError::Store(error) => error.into(),
            error => {
                tracing::error!(%error, "A stored key could not be opened");
                Self::StoreUnavailable
            }
        }
    }
}
