//! The Data Store: SQLite or PostgreSQL behind one set of queries.
//!
//! What it keeps of secrets is sealed before it arrives ([`custody`](crate::custody) does that);
//! what it keeps of authority bears a MAC that is checked at every read. So someone who can write
//! to the database can lose things, but mint and edit nothing.
//!
//! | file | what it answers |
//! |---|---|
//! | `authority` | what the data plane asks: who is behind this token, and what may they do |
//! | `organizations`, `accounts`, `api_tokens` | tenants, people, their API tokens |
//! | `sessions` | who is signed in at the console |
//! | `credentials`, `links` | what accounts sign in with; single-use links |
//! | `applications`, `client_secrets`, `tokens` | host applications and what they present |
//! | `grants`, `codes`, `families` | what people let applications do, and the tokens that come of it |
//! | `consent_texts`, `consents` | what an application's users agree to, and that they did |
//! | `keys`, `key_versions`, `key_facts`, `addons`, `bindings` | provider keys, AddOns, objects kept at a provider |
//! | `vaults`, `key_owner`, `key_grants` | people's own keys, and what applications may do with them |
//! | `key_care` | keys that someone should look at |
//! | `usage`, `leases`, `alerts` | the ledger; what is left of budgets; findings |
//! | `change`, `changes` | a change of authority, and how every process hears of it |
//! | `row`, `mac` | rows into values, and the MAC that both carry |
//! | `url`, `lock`, `migrate`, `installation` | where it is, who may write, its schema, its keys |
//! | `deletion`, `erasing` | the end of applications, people, tenants; what is left says nothing of them |
//! | `exporting` | everything about somebody |
//! | `owner_rotation` | what owners' keys wrap, while an owner gets another key |
//! | `rewrapping` | records that change their wrapping and nothing else |
//! | `catalogue`, `copying`, `restoring`, `suspension` | its tables and rows as they are, for backups; what a restore does to them |
//!
//! Every query of management names its organization: an id of another tenant is an unknown id.

mod accounts;
mod addons;
mod alerts;
mod api_tokens;
mod applications;
mod authority;
mod backups;
mod bindings;
mod catalogue;
mod change;
mod changes;
mod client_secrets;
mod codes;
mod connect_links;
mod connections;
mod consent_age;
mod consent_texts;
mod consents;
mod copying;
mod credentials;
mod decoys;
mod deletion;
mod deliveries;
mod destination;
mod erasing;
mod error;
mod exporting;
mod families;
mod freezing;
mod grants;
mod idempotency;
mod installation;
mod key_care;
mod key_facts;
mod key_grants;
mod key_owner;
mod key_versions;
mod keys;
mod leases;
mod links;
mod lock;
mod mac;
mod members;
mod migrate;
mod organizations;
mod owner_rotation;
mod page;
mod posture;
mod refusals;
mod restoring;
mod rewrapping;
mod row;
mod sessions;
mod suspension;
mod tokens;
mod url;
mod usage;
mod vaults;
mod watch;
mod webhooks;

use std::{
    fmt,
    path::Path,
    sync::{Arc, OnceLock, Weak},
};

use sqlx::{
    Any, AnyConnection, AnyPool, Connection as _, Executor as _, Transaction,
    any::install_default_drivers,
};

use crate::{
    audit::{self, AuditQueue},
    clock::Clock,
};

pub use self::{
    accounts::{Account, BadEmail, Email, Member, Role},
    addons::{AddOn, AddOnChange, KeySource, NewAddOn, Operations},
    alerts::{Alert, AlertFilter},
    api_tokens::{ApiCaller, ApiScope, ApiToken, NewApiToken},
    applications::{Application, ApplicationChange, NewApplication, TrustedIssuer},
    authority::{Authority, Lookup, OwnAuthority},
    backups::LastBackup,
    bindings::Binding,
    changes::{Change, SubjectName, Watch},
    client_secrets::ClientSecret,
    codes::Code,
    connect_links::{ConnectLink, ConnectStep},
    consent_texts::ConsentText,
    consents::{Consent, NewConsent},
    decoys::{Decoy, DecoyHash, NewDecoy},
    deletion::Belongings,
    deliveries::{Delivery, DeliveryState},
    erasing::{Erased, Erasing, Subject},
    error::StoreError,
    families::{Family, NewFamily, RefreshToken},
    grants::{Grant, is_within},
    idempotency::{Begun, NamedRequest},
    key_care::{CARE_DAYS, Care, KeyInNeed},
    key_facts::KeyFacts,
    key_grants::{GrantTerms, KeyGrant, KeyGrantChange, NewKeyGrant},
    key_owner::{KeyOwner, KeyTenant},
    key_versions::KeyVersion,
    keys::{Key, KeyChange, KeyFilter, KeyState, KeyStatus},
    leases::ProcessId,
    links::{Invitation, Link, LinkPurpose, LinkState},
    migrate::Schema,
    organizations::{Organization, OrganizationChange},
    page::{Listed, Order, Page, Place, Placed},
    posture::Weakness,
    refusals::{Refused, RefusedOnDay},
    sessions::{NewSession, Session, SignInMethod, SignedIn},
    suspension::{Suspended, SuspendedKind},
    tokens::{AccessToken, NewToken},
    url::{BadStoreUrl, StoreUrl},
    usage::{
        AttemptEnd, AttemptFilter, AttemptPlace, Batch, Booked, Figures, Rebuilt, Recent,
        SubjectTotal, Sums, Units, UsageBy, UsageDays, UsageFilter, UsageGroup, UsagePlace,
        UsageRow, UsageShare, UsageTotal, is_model_name,
    },
    vaults::{Vault, VaultHolder},
    watch::{KeyAge, Pattern, Prefix, Range},
    webhooks::Webhook,
};
pub(crate) use self::{
    catalogue::{Column, ColumnKind, Table},
    change::Changing,
    copying::{Cell, TableReader},
    credentials::{
        Identity, NewPasskey, Passkey, PasswordCost, PasswordHash, PasswordRow, RecoveryCodes, Totp,
    },
    installation::{Installation, PassphraseParameters, SystemKeyRecord},
    key_versions::Opener,
    restoring::Restoring,
    row::{AuthorityRow, Columns, Unfit, covered, select},
};

use self::{
    alerts::AlertQueue,
    changes::ChangeFeed,
    connections::{
        POSTGRES_MIGRATION, POSTGRES_SESSION, SQLITE_READER, SQLITE_WRITER, pool, prepare_file,
        sqlite_address,
    },
    lock::WriterLock,
};

/// The Data Store. Clones share it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

/// A store for a task of its own, which must not keep it open.
pub(crate) struct WeakStore(Weak<Inner>);

impl WeakStore {
    /// The store, unless it is gone.
    pub(crate) fn upgrade(&self) -> Option<Store> {
        self.0.upgrade().map(Store)
    }
}

struct Inner {
    backend: Backend,
    read: AnyPool,
    /// On SQLite a pool of one; on PostgreSQL the same as `read`. None when opened for reading.
    write: Option<AnyPool>,
    clock: Clock,
    mac: OnceLock<mac::RowMac>,
    feed: ChangeFeed,
    alerts: AlertQueue,
    refused: refusals::Waiting,
    audit: AuditQueue,
    /// Held as long as the store is open.
    _lock: Option<WriterLock>,
}

/// What a process opens the store for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// To write: migrates the schema; on SQLite takes the lock of the one writing process.
    Write,
    /// To read beside a process that writes.
    Read,
}

/// Which database it is. Nothing outside this folder asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Backend {
    Sqlite,
    Postgres,
}

impl Store {
    /// Opens the store; for writing, makes it first where there is none, and migrates it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] when another process writes to the SQLite file,
    /// [`StoreError::NewerSchema`] when a newer Keystead was here.
    pub async fn open(url: &StoreUrl, access: Access, clock: Clock) -> Result<Self, StoreError> {
        Self::open_at(url, access, clock, None).await
    }

    /// As [`open`](Self::open), migrating no further than to `schema`.
    async fn open_at(
        url: &StoreUrl,
        access: Access,
        clock: Clock,
        schema: Option<i64>,
    ) -> Result<Self, StoreError> {
        install_default_drivers();
        let store = match url {
            StoreUrl::Sqlite(path) => Self::open_sqlite(path, access, clock, schema).await?,
            StoreUrl::Postgres(address) => {
                Self::open_postgres(address, access, clock, schema).await?
            }
        };
        if store.writes() && schema.is_none() {
            store.sum_once().await?;
        }
        Ok(store)
    }

    async fn open_sqlite(
        path: &Path,
        access: Access,
        clock: Clock,
        schema: Option<i64>,
    ) -> Result<Self, StoreError> {
        let lock = match access {
            Access::Write => Some(prepare_file(path)?),
            Access::Read if path.exists() => None,
            Access::Read => {
                return Err(StoreError::Absent {
                    path: path.to_owned(),
                });
            }
        };
        let address = sqlite_address(path)?;

        let mut first = AnyConnection::connect(&address).await?;
        let write = match access {
            Access::Write => {
                first.execute(SQLITE_WRITER).await?;
                migrate::up(Backend::Sqlite, &mut first, schema).await?;
                Some(pool(&address, 1, SQLITE_WRITER).await?)
            }
            Access::Read => {
                migrate::check(Backend::Sqlite, &mut first).await?;
                None
            }
        };
        first.close().await?;
        let read = pool(&address, 4, SQLITE_READER).await?;
        Self::assemble(Backend::Sqlite, read, write, clock, lock).await
    }

    async fn open_postgres(
        address: &str,
        access: Access,
        clock: Clock,
        schema: Option<i64>,
    ) -> Result<Self, StoreError> {
        let mut first = AnyConnection::connect(address).await?;
        first.execute(POSTGRES_MIGRATION).await?;
        match access {
            Access::Write => migrate::up(Backend::Postgres, &mut first, schema).await?,
            Access::Read => migrate::check(Backend::Postgres, &mut first).await?,
        }
        first.close().await?;
        let session = format!(
            "{POSTGRES_SESSION}; SET application_name = 'keystead {}'",
            uuid::Uuid::new_v4().simple()
        );
        let read = pool(address, 8, session).await?;
        let write = (access == Access::Write).then(|| read.clone());
        Self::assemble(Backend::Postgres, read, write, clock, None).await
    }

    async fn assemble(
        backend: Backend,
        read: AnyPool,
        write: Option<AnyPool>,
        clock: Clock,
        lock: Option<WriterLock>,
    ) -> Result<Self, StoreError> {
        let asked_at = clock.now();
        let opened_at = changes::seq(&read).await?;
        let (alerts, raised) = AlertQueue::new();
        let (audit, waiting) = AuditQueue::new();
        let store = Self(Arc::new(Inner {
            backend,
            read,
            write,
            feed: ChangeFeed::new(opened_at, asked_at),
            clock,
            mac: OnceLock::new(),
            alerts,
            refused: refusals::Waiting::default(),
            audit,
            _lock: lock,
        }));
        alerts::spawn_writer(&store, raised);
        audit::spawn_writer(&store, waiting);
        Ok(store)
    }

    /// Closes every connection, once those in use have come back, and gives up the lock when the
    /// last clone is gone.
    pub async fn close(&self) {
        if let Some(write) = &self.0.write {
            write.close().await;
        }
        self.0.read.close().await;
    }

    /// The newest schema that this program knows for a store at `url`.
    pub fn newest_schema(url: &StoreUrl) -> i64 {
        migrate::newest_of(match url {
            StoreUrl::Sqlite(_) => Backend::Sqlite,
            StoreUrl::Postgres(_) => Backend::Postgres,
        })
    }

    /// The schema that this store was brought to when it was opened.
    pub fn schema_version(&self) -> i64 {
        migrate::newest_of(self.0.backend)
    }

    /// Which schema lies at `url`, without touching it: `keystead db status`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Absent`] when there is no such file.
    pub async fn schema(url: &StoreUrl) -> Result<Schema, StoreError> {
        install_default_drivers();
        let (backend, address) = match url {
            StoreUrl::Sqlite(path) if !path.exists() => {
                return Err(StoreError::Absent {
                    path: path.to_owned(),
                });
            }
            StoreUrl::Sqlite(path) => (Backend::Sqlite, sqlite_address(path)?),
            StoreUrl::Postgres(address) => (Backend::Postgres, address.clone()),
        };
        let mut connection = AnyConnection::connect(&address).await?;
        let schema = migrate::schema(backend, &mut connection).await;
        connection.close().await?;
        Ok(schema)
    }

    /// Whether it was opened for writing.
    pub fn writes(&self) -> bool {
        self.0.write.is_some()
    }

    /// Asks the database for nothing, to see that it is there.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.0.read.execute("SELECT 1").await?;
        Ok(())
    }

    /// The clock that this store's rows are dated by.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The rows of the audit log that stand for themselves.
    pub(crate) fn audit_queue(&self) -> &AuditQueue {
        &self.0.audit
    }

    /// This store, for a task that must not keep it open.
    pub(crate) fn weak(&self) -> WeakStore {
        WeakStore(Arc::downgrade(&self.0))
    }

    /// Begins a transaction that writes.
    ///
    /// On SQLite it takes the write lock at once: a transaction that reads first and writes later
    /// fails with SQLITE_BUSY_SNAPSHOT, for which no timeout waits.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Any>, StoreError> {
        let write = self.0.write.as_ref().ok_or(StoreError::ReadOnly)?;
        Ok(match self.0.backend {
            Backend::Sqlite => write.begin_with("BEGIN IMMEDIATE").await?,
            Backend::Postgres => write.begin().await?,
        })
    }
}

impl Store {
    /// For reading, in the modules that share these tables.
    pub(crate) fn reader(&self) -> &AnyPool {
        &self.0.read
    }

    /// Begins a transaction that reads: all of it sees the store of one moment, whatever is
    /// written meanwhile.
    pub(crate) async fn snapshot(&self) -> Result<Transaction<'static, Any>, StoreError> {
        Ok(match self.0.backend {
            Backend::Sqlite => self.0.read.begin().await?,
            Backend::Postgres => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                self.0.read.begin_with(begin).await?
            }
        })
    }
}

impl Store {
    /// As [`snapshot`](Self::snapshot), for someone who reads all of it and does other things between.
    pub(crate) async fn snapshot_for_long(&self) -> Result<Transaction<'static, Any>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        if self.0.backend == Backend::Postgres {
            snapshot
                .execute("SET LOCAL idle_in_transaction_session_timeout = 0")
                .await?;
        }
        Ok(snapshot)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({:?})", self.0.backend)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What "done" means: it is on the disk, and the next transaction sees it.
    #[tokio::test]
    async fn sqlite_is_set_to_keep_what_it_acknowledged() {
        let folder = std::env::temp_dir().join(format!("keystead-store-{}", std::process::id()));
        let url = StoreUrl::Sqlite(folder.join("keystead.db"));
        let store = Store::open(&url, Access::Write, Clock::system())
            .await
            .unwrap();
        let write = store.0.write.as_ref().unwrap();
        for (setting, wanted) in [
            ("synchronous", 2),
            ("foreign_keys", 1),
            ("secure_delete", 1),
            ("busy_timeout", 5000),
        ] {
            let question = sqlx::AssertSqlSafe(format!("PRAGMA {setting}"));
            let found: i64 = sqlx::query_scalar(question).fetch_one(write).await.unwrap();
            assert_eq!(found, wanted, "{setting}");
        }
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
            .fetch_one(write)
            .await
            .unwrap();
        assert_eq!(mode, "wal");
        let written = sqlx::query("DELETE FROM tokens")
            .execute(&store.0.read)
            .await;
        assert!(written.is_err(), "readers only read");
        store.close().await;
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
