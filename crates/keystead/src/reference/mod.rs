//! Reference pages that are made from the code: error codes, settings, commands, prices,
//! metrics, rows of the audit log.
//!
//! A test writes each page anew and fails if that changed it, so the pages can't be wrong for
//! longer than a test run. Another part of the program adds its codes in [`errors`].

mod audit_events;
mod metrics;
mod prices;
mod privacy;

use std::fmt::Write as _;

pub use self::{
    audit_events::audit_events, metrics::metrics, prices::prices, privacy::what_is_stored,
};

use crate::{api, cli, config, manage, oauth, proxy};

/// One error code as the reference lists it.
#[derive(Debug)]
pub struct Entry {
    /// The stable word.
    pub code: &'static str,
    /// The HTTP status that goes with it.
    pub status: u16,
    /// What happened and what to do.
    pub meaning: String,
}

/// `docs/reference/errors.md`.
pub fn errors() -> String {
    let mut page = String::from(
        "# Error codes\n\n\
         Made from the code by a test. Codes are stable words; texts may change.\n",
    );
    section(
        &mut page,
        "Proxy",
        "In the envelope of the provider, with `x-keystead-source: gateway` and the code in \
         `x-keystead-error`. DeepL's clients get 403 for `unauthenticated`.",
        proxy::refusals(),
    );
    section(
        &mut page,
        "Management API",
        "`application/problem+json` (RFC 9457), in the member `code`.",
        manage::problem::reference(),
    );
    section(
        &mut page,
        "OAuth endpoints",
        "RFC 6749, in the member `error`.",
        oauth::refusal::reference(),
    );
    page
}

/// `docs/reference/openapi.json`.
pub fn api_document() -> String {
    let document = api::document().to_pretty_json();
    document.expect("a document is JSON") + "\n"
}

/// `docs/reference/configuration.md`.
pub fn settings() -> String {
    format!(
        "# Settings\n\n\
         Made from the code by a test; `keystead config example` prints the same.\n\n\
         ```toml\n{}```\n",
        config::example()
    )
}

/// `docs/reference/cli.md`.
pub fn commands() -> String {
    format!(
        "# Commands\n\nMade from the code by a test; `keystead COMMAND --help` prints the same.\n\n{}",
        cli::reference()
    )
}

fn section(page: &mut String, title: &str, text: &str, mut entries: Vec<Entry>) {
    entries.sort_by_key(|entry| (entry.status, entry.code));
    _ = write!(
        page,
        "\n## {title}\n\n{text}\n\n| status | code | meaning |\n|---|---|---|\n"
    );
    for Entry {
        code,
        status,
        meaning,
    } in entries
    {
        _ = writeln!(
            page,
            "| {status} | `{code}` | {} |",
            meaning.replace('|', "\\|")
        );
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::{
        clock::Clock,
        store::{Access, Store, StoreUrl, Table},
    };

    #[tokio::test]
    async fn the_reference_pages_are_what_the_code_says() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
        fs::create_dir_all(&folder).unwrap();
        let stored = what_is_stored(&schema().await);
        let stored = stored.unwrap_or_else(|lacking| {
            panic!("migrations/columns.toml:\n{}", lacking.join("\n"));
        });
        let mut rewritten = Vec::new();
        let pages = [
            ("errors.md", errors()),
            ("configuration.md", settings()),
            ("cli.md", commands()),
            ("openapi.json", api_document()),
            ("prices.md", prices()),
            ("metrics.md", metrics()),
            ("audit-events.md", audit_events()),
            ("../privacy/what-is-stored.md", stored),
        ];
        for (name, page) in pages {
            let path = folder.join(name);
            if fs::read_to_string(&path).ok().as_ref() != Some(&page) {
                fs::write(&path, page).unwrap();
                rewritten.push(name);
            }
        }
        assert!(
            rewritten.is_empty(),
            "{rewritten:?} were out of date and are now rewritten: commit"
        );
    }

    /// The tables that a store has, with their columns.
    async fn schema() -> Vec<(String, Vec<String>)> {
        let name = format!("keystead-stored-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let url = StoreUrl::Sqlite(folder.join("keystead.db"));
        let store = Store::open(&url, Access::Write, Clock::system())
            .await
            .unwrap();
        let mut snapshot = store.snapshot().await.unwrap();
        let tables = store.tables(&mut snapshot).await.unwrap();
        snapshot.rollback().await.unwrap();
        store.close().await;
        fs::remove_dir_all(&folder).unwrap();
        let columns = |table: &Table| table.column_names().map(str::to_owned).collect();
        tables
            .iter()
            .map(|table| (table.name.clone(), columns(table)))
            .collect()
    }
}
