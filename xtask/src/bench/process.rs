//! A server that is measured: started on its own core, watched from outside, ended by its number.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::failed::{Failed, Trying as _};

/// Where load and stand-in run.
pub(super) const LOAD_CORE: &str = "0";

/// Where the proxy under test runs, alone.
pub(super) const PROXY_CORE: &str = "1";

/// A running program that ends with this value, or with the task however that ends.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    pub(super) started: Instant,
}

impl Process {
    /// Starts a program on a core; its standard error goes to a file.
    pub(super) fn start(command: &Command, core: &str, log: &Path) -> Result<Self, Failed> {
        let log = File::create(log).trying(log.display())?;
        let mut pinned = Command::new("setpriv");
        pinned.args(["--pdeathsig=TERM", "taskset", "--cpu-list", core]);
        pinned.arg(command.get_program()).args(command.get_args());
        pinned
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        let started = Instant::now();
        let child = pinned.spawn().trying("setpriv")?;
        Ok(Self { child, started })
    }

    /// What it prints on standard output.
    pub(super) fn stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// Its number.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Fails if it ended by itself.
    pub(super) fn check(&mut self, what: &str) -> Result<(), Failed> {
        match self.child.try_wait().trying(what)? {
            Some(status) => Err(Failed::new(format!("{what} ended by itself: {status}"))),
            None => Ok(()),
        }
    }

    /// CPU time used so far by the program and all it started.
    pub(super) fn cpu(&self) -> Result<Cpu, Failed> {
        let mut cpu = Cpu::default();
        for pid in self.family() {
            cpu.ticks += ticks(pid)?;
            let folder = format!("/proc/{pid}/task");
            for task in fs::read_dir(&folder)
                .trying(&folder)?
                .filter_map(Result::ok)
            {
                // A thread may end between being listed and being read.
                let Ok(text) = fs::read_to_string(task.path().join("schedstat")) else {
                    continue;
                };
                let Some(run) = text.split(' ').next().and_then(|text| text.parse().ok()) else {
                    continue;
                };
                let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
                let thread = Thread {
                    name: name.trim().to_owned(),
                    run,
                };
                cpu.threads
                    .insert((pid, task.file_name().into_encoded_bytes()), thread);
            }
        }
        Ok(cpu)
    }

    /// Memory of the program and all it started, in bytes.
    pub(super) fn memory(&self) -> Result<u64, Failed> {
        self.family().into_iter().map(memory).sum()
    }

    /// The program's number and those of its children, nginx's worker above all.
    fn family(&self) -> Vec<u32> {
        let mut family = vec![self.child.id()];
        let mut next = 0;
        while let Some(&pid) = family.get(next) {
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
            let children = children.unwrap_or_default();
            family.extend(
                children
                    .split_whitespace()
                    .filter_map(|pid| pid.parse::<u32>().ok()),
            );
            next += 1;
        }
        family
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let patience = Duration::from_secs(10);
        let asked = Instant::now();
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        while matches!(self.child.try_wait(), Ok(None)) {
            if asked.elapsed() > patience {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// CPU time as the kernel accounts for it.
#[derive(Debug, Default)]
pub(super) struct Cpu {
    /// Each living thread, by process and number.
    threads: BTreeMap<(u32, Vec<u8>), Thread>,
    /// Hundredths of a second of the whole process, ended threads included.
    ticks: u64,
}

/// One thread's name and the nanoseconds it ran.
#[derive(Debug)]
struct Thread {
    name: String,
    run: u64,
}

impl Cpu {
    /// What was used between an earlier reading and this one.
    ///
    /// The threads' own counts are exact but forget threads that ended; where the coarser count
    /// of the process says clearly more, it is believed.
    pub(super) fn since(&self, earlier: &Self) -> Duration {
        let exact = self.by_thread_since(earlier).values().sum::<Duration>();
        let coarse = Duration::from_millis(10 * (self.ticks - earlier.ticks));
        if coarse > exact + exact / 50 + Duration::from_millis(40) {
            coarse
        } else {
            exact
        }
    }

    /// The same by the threads' names; `proxy-0` and `proxy-1` are one.
    pub(super) fn by_thread_since(&self, earlier: &Self) -> BTreeMap<String, Duration> {
        let mut by_name: BTreeMap<String, Duration> = BTreeMap::new();
        for (number, Thread { name, run }) in &self.threads {
            let before = earlier.threads.get(number).map_or(0, |thread| thread.run);
            let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
            *by_name.entry(name.to_owned()).or_default() +=
                Duration::from_nanos(run.saturating_sub(before));
        }
        by_name
    }
}

/// What a process has in memory, shared pages counted in part; or whole, where it keeps that to
/// itself and to root. What grows with a stream is not shared, so either will do.
fn memory(pid: u32) -> Result<u64, Failed> {
    let parts = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"));
    let (text, field) = match parts {
        Ok(text) => (text, "Pss:"),
        Err(_) => {
            let path = format!("/proc/{pid}/status");
            (fs::read_to_string(&path).trying(&path)?, "VmRSS:")
        }
    };
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes
        .map(|kilobytes| kilobytes * 1_024)
        .ok_or_else(|| Failed::new(format!("the kernel tells no memory of process {pid}")))
}

/// User and system time of a process, in hundredths of a second (USER_HZ).
fn ticks(pid: u32) -> Result<u64, Failed> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).trying(&path)?;
    Ok(read_ticks(&text))
}

/// Fields 14 and 15; the name before them is in parentheses and may hold anything.
fn read_ticks(stat: &str) -> u64 {
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    after_name
        .split(' ')
        .skip(11)
        .take(2)
        .filter_map(|text| text.parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_read_whatever_the_program_is_called() {
        let stat = "42 (a) S (b) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 1 0 9 1 1";

        assert_eq!(read_ticks(stat), 200);
    }

    #[test]
    fn a_thread_that_ended_is_made_up_for_by_the_coarse_count() {
        let reading = |threads: &[(&str, u64)], ticks| Cpu {
            threads: threads
                .iter()
                .map(|(name, run)| {
                    let thread = Thread {
                        name: (*name).to_owned(),
                        run: *run,
                    };
                    ((1, name.as_bytes().to_vec()), thread)
                })
                .collect(),
            ticks,
        };
        let earlier = reading(&[("proxy-0", 1_000_000_000), ("proxy-1", 0)], 100);

        let steady = reading(&[("proxy-0", 1_500_000_000), ("proxy-1", 7_000_000)], 151);
        assert_eq!(steady.since(&earlier), Duration::from_nanos(507_000_000));

        let by_thread = steady.by_thread_since(&earlier);
        assert_eq!(
            by_thread,
            [("proxy".to_owned(), Duration::from_nanos(507_000_000))].into()
        );

        let one_ended = reading(&[("proxy-0", 1_500_000_000)], 250);
        assert_eq!(one_ended.since(&earlier), Duration::from_millis(1_500));
    }
}
