//! What becomes of each table's rows when they come back from a backup. The list is by hand on purpose:
//! whoever adds a table decides it, and a test fails until they have.

/// What a restore does to a table's rows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Afterwards {
    /// They are as they were.
    Kept,
    /// They are gone: what they let somebody do has ended, or they were of the processes of that day.
    Ended,
    /// They are refused until somebody enables them again.
    Suspended,
    /// Those that are on their way have ended, with what came of them so far.
    Closed,
}

use Afterwards::{Closed, Ended, Kept, Suspended};

/// Every table.
pub(super) const TABLES: &[(&str, Afterwards)] = &[
    ("accounts", Kept),
    ("addons", Kept),
    ("address_ranges", Kept),
    ("alerts", Kept),
    ("api_tokens", Suspended),
    ("applications", Kept),
    ("audit_events", Kept),
    ("audit_head", Kept),
    ("authorization_codes", Ended),
    ("bindings", Kept),
    ("budget_leases", Ended),
    ("budgets", Kept),
    ("change_seq", Kept),
    ("changes", Ended),
    ("client_secrets", Suspended),
    ("connect_links", Closed),
    ("consent_texts", Kept),
    ("consents", Kept),
    ("decoys", Kept),
    ("deliveries", Ended),
    ("grants", Suspended),
    ("idempotency", Ended),
    ("identities", Kept),
    ("installation", Kept),
    ("key_grants", Suspended),
    ("key_slots", Kept),
    ("key_versions", Kept),
    ("keys", Kept),
    // Of the store that was lost: of this one there is none yet.
    ("last_backup", Ended),
    ("links", Ended),
    ("members", Kept),
    ("organizations", Kept),
    ("passkeys", Kept),
    ("passwords", Kept),
    ("recovery_codes", Kept),
    ("refresh_tokens", Ended),
    ("refusals", Kept),
    ("sessions", Ended),
    ("system_keys", Kept),
    ("token_families", Ended),
    ("tokens", Ended),
    ("totps", Kept),
    ("usage_days", Kept),
    ("usage_hours", Kept),
    ("usage_ledger", Kept),
    ("usage_pages", Kept),
    ("usage_shares", Kept),
    ("usage_subjects", Kept),
    ("used_tickets", Ended),
    ("vaults", Kept),
    ("version_slots", Kept),
    ("watch_marks", Kept),
    ("webhooks", Kept),
];

/// The tables whose rows end, those first that refer to others.
pub(super) fn ended<'t>(
    tables: impl DoubleEndedIterator<Item = &'t str>,
) -> impl Iterator<Item = &'t str> {
    tables.rev().filter(|name| TABLES.contains(&(name, Ended)))
}

/// Whether what ended in a table let somebody do something; the others were of the processes of that day.
pub(super) fn is_of_people(table: &str) -> bool {
    const OF_PROCESSES: [&str; 6] = [
        "budget_leases",
        "changes",
        "deliveries",
        "idempotency",
        "last_backup",
        "used_tickets",
    ];
    !OF_PROCESSES.contains(&table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        store::{Access, Store, StoreUrl},
    };

    #[tokio::test]
    async fn every_table_has_its_afterwards() {
        let name = format!("keystead-afterwards-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let url = StoreUrl::Sqlite(folder.join("keystead.db"));
        let store = Store::open(&url, Access::Write, Clock::system())
            .await
            .unwrap();
        let mut snapshot = store.snapshot().await.unwrap();
        let tables = store.tables(&mut snapshot).await.unwrap();
        let mut there: Vec<_> = tables.iter().map(|table| table.name.as_str()).collect();
        there.sort_unstable();
        let listed: Vec<_> = TABLES.iter().map(|(name, _)| *name).collect();
        assert_eq!(there, listed, "the tables, in alphabetical order");
        snapshot.rollback().await.unwrap();
        store.close().await;
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
