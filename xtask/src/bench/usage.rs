//! `cargo xtask bench --usage`: how long each store takes to say what was used, when it holds ten
//! million attempts. `crates/keystead/benches/usage.rs` fills and asks; here it is run, and its
//! answers become a table.

use serde_json::{Value, json};

use super::{Folder, machine, record};
use crate::failed::{Failed, Trying as _};
use crate::say::say;
use crate::test::postgres::{self, Postgres};
use crate::{invoke, workspace};

const ATTEMPTS: u64 = 10_000_000;
/// A month by day is not to take longer, in milliseconds.
const MOST: f64 = 200.0;

/// As a server is set up that keeps what it was told, without logs of every statement.
pub(super) const SETTINGS: &str = "\
listen_addresses = '127.0.0.1'
shared_buffers = 256MB
max_wal_size = 4GB
";

/// Measures both stores; the table goes into `bench/RESULTS.md`.
pub(super) fn run(json: bool) -> Result<(), Failed> {
    postgres::install()?;
    let bench = [
        "bench",
        "--locked",
        "--package",
        "keystead",
        "--bench",
        "usage",
    ];
    say("building what fills the stores");
    invoke::run(workspace::cargo().args(bench).arg("--no-run"))?;

    let folder = Folder::make()?;
    let ask = |url: &str| -> Result<Value, Failed> {
        say(format!(
            "filling {url} with {ATTEMPTS} attempts: some minutes"
        ));
        let mut command = workspace::cargo();
        command.args(bench).args(["--", url, &ATTEMPTS.to_string()]);
        let told = invoke::output(&mut command)?;
        serde_json::from_str(&told).trying("the measurement's answer")
    };
    let sqlite = ask(&format!("sqlite:{}/db/keystead.db", folder.0.display()))?;
    let server = Postgres::start(&folder.0, SETTINGS)?;
    let postgres = ask(&server.database(postgres::EMPTY))?;
    drop(server);

    let told = json!({ "attempts": ATTEMPTS, "sqlite": sqlite, "postgres": postgres });
    let table = table(&told);
    say(&table);
    if json {
        crate::say::print(&told);
    }
    let (date, commit) = (machine::date()?, machine::commit());
    record::put_usage(&format!("{table}\nMeasured on {date}, commit {commit}.\n"))
}

fn table(told: &Value) -> String {
    let stores = [&told["sqlite"], &told["postgres"]];
    let mut rows = vec![
        "| | rows | SQLite | PostgreSQL | bar |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
    ];
    let questions = stores[0]["questions"].as_object();
    for (name, of_sqlite) in questions.into_iter().flatten() {
        let times = stores.map(|store| store["questions"][name]["ms"].as_f64().unwrap_or(f64::NAN));
        let bar = match name.contains("month") {
            true if times.iter().all(|time| *time <= MOST) => format!("≤ {MOST} ms"),
            true => format!("≤ {MOST} ms **missed**"),
            false => String::new(),
        };
        let [sqlite, postgres] = times;
        let count = &of_sqlite["rows"];
        rows.push(format!(
            "| {name} | {count} | {sqlite} ms | {postgres} ms | {bar} |"
        ));
    }
    for (field, text, unit) in [
        ("filled_s", "filling", "s"),
        (
            "cpu_us_of_row",
            "CPU to write an attempt, 5,000 end users",
            "µs",
        ),
        (
            "cpu_us_of_row_one_user",
            "CPU to write an attempt, one end user",
            "µs",
        ),
    ] {
        let [sqlite, postgres] = stores.map(|store| store[field].as_f64().unwrap_or(f64::NAN));
        rows.push(format!(
            "| {text} | | {sqlite} {unit} | {postgres} {unit} | |"
        ));
    }
    rows.push(String::new());
    rows.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_that_was_missed_is_marked() {
        let store = |ms: f64| {
            json!({"questions": {"all, a month by day": {"rows": 9, "ms": ms}},
                "filled_s": 1.0, "cpu_us_of_row": 2.5, "cpu_us_of_row_one_user": 1.5})
        };
        let of = |ms| table(&json!({"sqlite": store(3.0), "postgres": store(ms)}));

        assert!(of(200.0).contains("| all, a month by day | 9 | 3 ms | 200 ms | ≤ 200 ms |"));
        assert!(of(200.1).contains("≤ 200 ms **missed** |"));
        assert!(of(1.0).contains("| filling | | 1 s | 1 s | |"));
    }
}
