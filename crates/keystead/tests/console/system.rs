//! What runs here, for those who look after it.

use keystead::store::Role;

use crate::harness::{Keystead, Store};

#[tokio::test]
async fn the_installation_is_told_and_its_dangers_first() {
    for store in [Store::Sqlite, Store::Postgres] {
        let ks = Keystead::prepare(store).init().await;
        let [mut auditor, mut developer] = ks.sign_in([Role::Auditor, Role::Developer]).await;
        ks.start_again().await;
        let page = auditor.visit("/console/system").await.expect(200);
        let kind = match store {
            Store::Sqlite => "SQLite, for this one process",
            Store::Postgres => "PostgreSQL",
        };
        assert!(
            page.says(kind) && page.says("From a file"),
            "{}",
            page.words()
        );
        assert!(
            page.says("allow_private_upstreams"),
            "a danger that tests run with"
        );
        developer.visit("/console/system").await.expect(403);
    }
}
