//! `cargo xtask bench --pages`: how long each page of the console takes, when the store holds a
//! million attempts and a thousand keys. `crates/keystead/benches/pages.rs` fills and asks; here it
//! is run, and its answers become a table.

use serde_json::{Value, json};

use super::{Folder, machine, record, usage::SETTINGS};
use crate::failed::{Failed, Trying as _};
use crate::say::say;
use crate::test::postgres::{self, Postgres};
use crate::{invoke, workspace};

const ATTEMPTS: u64 = 1_000_000;
const KEYS: u64 = 1_000;
/// 95 of a hundred are to come within this, in milliseconds.
const MOST: f64 = 200.0;

/// Measures both stores; the table goes into `bench/RESULTS.md`.
pub(super) fn run(json: bool) -> Result<(), Failed> {
    postgres::install()?;
    let bench = [
        "bench",
        "--locked",
        "--package",
        "keystead",
        "--bench",
        "pages",
    ];
    say("building what draws the pages");
    invoke::run(workspace::cargo().args(bench).arg("--no-run"))?;

    let folder = Folder::make()?;
    let ask = |url: &str| -> Result<Value, Failed> {
        say(format!("filling {url} with {ATTEMPTS} attempts"));
        let mut command = workspace::cargo();
        command.args(bench).args(["--", url]);
        command.args([ATTEMPTS, KEYS].map(|number| number.to_string()));
        let told = invoke::output(&mut command)?;
        serde_json::from_str(&told).trying("the measurement's answer")
    };
    let sqlite = ask(&format!("sqlite:{}/db/keystead.db", folder.0.display()))?;
    let server = Postgres::start(&folder.0, SETTINGS)?;
    let postgres = ask(&server.database(postgres::EMPTY))?;
    drop(server);

    let told =
        json!({ "attempts": ATTEMPTS, "keys": KEYS, "sqlite": sqlite, "postgres": postgres });
    let table = table(&told);
    say(&table);
    if json {
        crate::say::print(&told);
    }
    let (date, commit) = (machine::date()?, machine::commit());
    record::put_pages(&format!("{table}\nMeasured on {date}, commit {commit}.\n"))
}

fn table(told: &Value) -> String {
    let stores = [&told["sqlite"]["pages"], &told["postgres"]["pages"]];
    let mut rows = vec![
        "| page | SQLite, p50 | p95 | PostgreSQL, p50 | p95 | bar, p95 |".to_owned(),
        "|---|---|---|---|---|---|".to_owned(),
    ];
    for name in stores[0]
        .as_object()
        .into_iter()
        .flat_map(|pages| pages.keys())
    {
        let time = |store: &Value, field: &str| store[name][field].as_f64().unwrap_or(f64::NAN);
        let [sqlite, postgres] = stores.map(|store| (time(store, "p50_ms"), time(store, "p95_ms")));
        let bar = match sqlite.1 <= MOST && postgres.1 <= MOST {
            true => format!("≤ {MOST} ms"),
            false => format!("≤ {MOST} ms **missed**"),
        };
        rows.push(format!(
            "| {name} | {} ms | {} ms | {} ms | {} ms | {bar} |",
            sqlite.0, sqlite.1, postgres.0, postgres.1
        ));
    }
    rows.push(String::new());
    rows.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_late_is_marked() {
        let store = |p95: f64| json!({"pages": {"usage": {"p50_ms": 9.5, "p95_ms": p95}}});
        let of = |p95| table(&json!({"sqlite": store(20.0), "postgres": store(p95)}));

        assert!(of(200.0).contains("| usage | 9.5 ms | 20 ms | 9.5 ms | 200 ms | ≤ 200 ms |"));
        assert!(of(200.1).contains("≤ 200 ms **missed** |"));
    }
}
