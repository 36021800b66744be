//! `cargo xtask bench --parts`: where the instructions of a call go, part by part.
//!
//! Keystead as it is shipped, with line tables beside it, runs under valgrind's callgrind, which
//! counts every instruction and every call; [`charge`] says who pays for it, so the parts add up to
//! the whole. Instructions are not time, but they are the same on a busy machine as on a quiet one.

mod callgrind;
mod charge;
mod functions;
mod origin;
mod rooms;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::measure::{all, connections};
use super::subject::Keystead;
use super::{Folder, StandIn, machine, record, request};
use crate::failed::{Failed, Trying as _};
use crate::say::say;
use crate::{apt, invoke, shipped, workspace};
use callgrind::{Function, Profile};
use charge::precise;
use origin::Origins;
use rooms::{LEFT_OVER, ROOMS};

const CONNECTIONS: usize = 64;
/// On each connection, before those that are counted: caches are warm then.
const WARM: usize = 10;
/// On each connection.
const CALLS: u32 = 60;

/// Counts, and writes the table into `bench/RESULTS.md`; the dearest functions beside the build.
pub(super) fn run(json: bool) -> Result<(), Failed> {
    if !invoke::succeeds(Command::new("valgrind").arg("--version")) {
        apt::install(&["valgrind"])?;
    }
    say("building Keystead as it is shipped, with line tables");
    let target = workspace::target()?.join(shipped::PARTS);
    let program = shipped::Build::new(None)?
        .within(shipped::PARTS)
        .with_line_tables()
        .run()?;

    let folder = Folder::make()?;
    let stand_in = StandIn::start(&folder.0)?;
    let keystead = Keystead::set_up(&program, &folder.0, stand_in.port, 1)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.trying("a runtime")?;
    let mut counted = Vec::new();
    for (name, is_limited) in [("plain", false), ("limited", true)] {
        say(match is_limited {
            false => "counting plain calls",
            true => "counting calls with five budgets and every other limit",
        });
        let dump = runtime.block_on(count(&keystead, &folder.0, is_limited))?;
        let (by_room, functions) = told(&dump, &program, &folder.0)?;
        let list = target.join(format!("{name}.md"));
        fs::write(&list, functions).trying(list.display())?;
        say(format!("the dearest functions: {}", list.display()));
        counted.push(by_room);
    }
    drop(stand_in);

    let table = table(&counted[0], &counted[1]);
    say(&table);
    if json {
        crate::say::print(serde_json::json!({ "plain": counted[0], "limited": counted[1] }));
    }
    let (date, commit) = (machine::date()?, machine::commit());
    record::put_parts(&format!("{table}\nMeasured on {date}, commit {commit}.\n"))
}

/// Makes the calls; gives back callgrind's file.
async fn count(keystead: &Keystead, folder: &Path, is_limited: bool) -> Result<PathBuf, Failed> {
    let out = folder.join("callgrind.out");
    let file = format!("--callgrind-out-file={}", out.display());
    let options = ["--dump-instr=yes", "--dump-line=no", "--compress-pos=no"];
    let valgrind = ["valgrind", "--tool=callgrind", &file];
    let mut running = keystead.start_under(folder, &[&valgrind[..], &options].concat())?;
    running
        .await_first_answer("Keystead under valgrind")
        .await?;
    let request = match is_limited {
        false => running.request(request::JSON),
        true => running.limited_request(request::JSON),
    };
    let pid = running.process()?.id().to_string();
    let mut open = connections(running.port, CONNECTIONS).await?;
    for connection in &mut open {
        for _ in 0..WARM {
            connection.call(&request).await?;
        }
    }
    invoke::run_quietly(Command::new("callgrind_control").args(["--zero", &pid]))?;
    let each = open.into_iter().map(|mut connection| {
        let request = request.clone();
        tokio::spawn(async move {
            for _ in 0..CALLS {
                connection.call(&request).await?;
            }
            Ok(())
        })
    });
    all(each.collect()).await?;
    invoke::run_quietly(Command::new("callgrind_control").args(["--dump", &pid]))?;
    drop(running);
    Ok(folder.join("callgrind.out.1"))
}

/// Instructions a call by room, and the dearest functions.
fn told(
    dump: &Path,
    program: &Path,
    folder: &Path,
) -> Result<(BTreeMap<&'static str, f64>, String), Failed> {
    let text = fs::read_to_string(dump).trying(dump.display())?;
    fs::remove_file(dump).trying(dump.display())?;
    let profile = Profile::parse(&text);
    let is_known = |function: &Function| Path::new(&function.object) == program;
    let addresses = profile.functions.iter().filter(|one| is_known(one));
    let addresses: BTreeSet<u64> = addresses
        .flat_map(|function| {
            let calls = function.calls.iter().map(|call| call.at);
            function.costs.iter().map(|(at, _)| *at).chain(calls)
        })
        .collect();
    let origins = Origins::of(program, &addresses, folder)?;
    let bill = charge::charge(&profile, &origins, is_known);
    let calls = precise(u64::from(CALLS) * CONNECTIONS as u64);
    let mut by_room: BTreeMap<&str, f64> = BTreeMap::new();
    for (payer, cost) in &bill.charged {
        *by_room.entry(payer.room).or_default() += cost / calls;
    }
    let left_over: f64 = bill.left_over.values().sum();
    by_room.insert(LEFT_OVER, left_over / calls);
    let functions = functions::list(&profile, &origins, &bill, is_known, calls);
    Ok((by_room, functions))
}

fn table(plain: &BTreeMap<&str, f64>, limited: &BTreeMap<&str, f64>) -> String {
    let rooms = ROOMS.iter().map(|(room, _)| *room).chain([LEFT_OVER]);
    let of = |counts: &BTreeMap<&str, f64>, room| counts.get(room).copied().unwrap_or(0.0);
    let whole = |counts: &BTreeMap<&str, f64>| counts.values().sum::<f64>();
    let mut table = String::from(
        "| part | instructions a call | share | with five budgets and every other limit |\n\
         |---|---|---|---|\n",
    );
    for room in rooms {
        let (one, two) = (of(plain, room), of(limited, room));
        let share = 100.0 * one / whole(plain);
        table += &format!("| {room} | {one:.0} | {share:.1} % | {two:.0} |\n");
    }
    let (one, two) = (whole(plain), whole(limited));
    table + &format!("| **all** | **{one:.0}** | | **{two:.0}** |\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_add_up_to_the_whole() {
        let plain = BTreeMap::from([("the token", 100.0), ("budgets", 20.0), (LEFT_OVER, 5.0)]);
        let limited = BTreeMap::from([("the token", 110.0), ("budgets", 90.0)]);

        let table = table(&plain, &limited);

        assert!(
            table.contains("| the token | 100 | 80.0 % | 110 |"),
            "{table}"
        );
        assert!(table.contains("| left over | 5 | 4.0 % | 0 |"), "{table}");
        // What takes nothing is said to take nothing.
        assert!(table.contains("| TLS | 0 | 0.0 % | 0 |"), "{table}");
        assert!(
            table.contains("| **all** | **125** | | **200** |"),
            "{table}"
        );
    }
}
