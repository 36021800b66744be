//! The store that a server works on.

use sqlx::any::install_default_drivers;
use sqlx::{AnyConnection, Connection as _, Executor as _};

use super::place::Place;
use super::planted;

/// Which store a test runs on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Store {
    Sqlite,
    Postgres,
}

impl Store {
    /// The address of a new, empty store.
    pub(super) async fn make(self, place: &Place) -> String {
        match self {
            Self::Sqlite => format!("sqlite:{}/data/db/keystead.db", place.path().display()),
            Self::Postgres => make_database().await,
        }
    }
}

/// A connection behind Keystead's back.
pub(crate) async fn connect(url: &str) -> AnyConnection {
    install_default_drivers();
    // sqlx wants the two slashes that a file's path does not have.
    let url = match url.strip_prefix("sqlite:") {
        Some(path) => format!("sqlite://{path}"),
        None => url.to_owned(),
    };
    AnyConnection::connect(&url)
        .await
        .expect("the store can be opened")
}

/// The address of the run's PostgreSQL.
pub(super) fn server() -> String {
    let server = std::env::var_os("KEYSTEAD_TEST_POSTGRES");
    let server = server.expect("`cargo xtask test` starts PostgreSQL and says where it is");
    server.into_string().expect("an address is text")
}

async fn make_database() -> String {
    let server = server();
    let name = format!("test_{}", planted::hex(16));
    let mut connection = connect(&server).await;
    let make = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    connection
        .execute(make)
        .await
        .expect("the role may create databases");
    let (server, _) = server
        .rsplit_once('/')
        .expect("an address ends in a database's name");
    format!("{server}/{name}")
}

/// Makes a test on each store of functions that take a [`Store`].
macro_rules! on_each_store {
    ($($promise:ident),+ $(,)?) => {$(
        mod $promise {
            #[tokio::test]
            async fn sqlite() {
                super::$promise($crate::harness::Store::Sqlite).await;
            }

            #[tokio::test]
            async fn postgres() {
                super::$promise($crate::harness::Store::Postgres).await;
            }
        }
    )+};
}
pub(crate) use on_each_store;
