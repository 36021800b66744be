//! The memory of a running server, to be searched for what should be gone from it.
//!
//! A server forbids everybody to read its memory, before it has read anything secret. These are
//! handles from earlier still: the configuration comes by a named pipe, at which the new process
//! waits, and until then it is as open to its parent as any child.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};

/// The memory of one process, as long as that lives.
#[derive(Debug)]
pub(crate) struct Memory {
    maps: File,
    bytes: File,
}

impl Memory {
    /// How often `wanted` lies in it.
    pub(crate) fn count(&self, wanted: &[u8]) -> usize {
        let regions = self.regions();
        regions
            .map(|(from, to)| self.count_within(wanted, from, to))
            .sum()
    }

    /// Where it can be written: what the program was told lies nowhere else.
    fn regions(&self) -> impl Iterator<Item = (u64, u64)> {
        let (mut maps, mut text) = (&self.maps, String::new());
        maps.rewind().unwrap();
        maps.read_to_string(&mut text).unwrap();
        let region = |line: &str| {
            let (place, rest) = line.split_once(' ')?;
            let (from, to) = place.split_once('-')?;
            let number = |digits| u64::from_str_radix(digits, 16).ok();
            rest.starts_with("rw")
                .then_some((number(from)?, number(to)?))
        };
        let found: Vec<_> = text.lines().filter_map(region).collect();
        assert!(!found.is_empty(), "a process has memory: {text}");
        found.into_iter()
    }

    fn count_within(&self, wanted: &[u8], from: u64, to: u64) -> usize {
        const PIECE: usize = 1 << 20;
        let (mut buffer, mut kept, mut at, mut count) = (vec![0; PIECE], 0, from, 0);
        while at < to {
            let room = usize::try_from(to - at).map_or(PIECE, |left| left.min(PIECE - kept));
            // A region that has gone since it was listed holds nothing.
            let Ok(read @ 1..) = self.bytes.read_at(&mut buffer[kept..kept + room], at) else {
                break;
            };
            let filled = kept + read;
            count += memchr::memmem::find_iter(&buffer[..filled], wanted).count();
            // What could be the beginning of another one.
            kept = (wanted.len() - 1).min(filled);
            buffer.copy_within(filled - kept..filled, 0);
            at += read as u64;
        }
        count
    }
}

/// A named pipe for the configuration of a process that is about to start.
#[derive(Debug)]
pub(super) struct Gate<'a>(&'a Path);

impl<'a> Gate<'a> {
    pub(super) fn make(path: &'a Path) -> Self {
        // One that was left by an earlier start of this server goes.
        drop(std::fs::remove_file(path));
        let mode = Mode::RUSR | Mode::WUSR;
        mknodat(CWD, path, FileType::Fifo, mode, 0).expect("the test's folder can be written");
        Self(path)
    }

    /// Waits until the process asks for its configuration, takes hold of its memory, and lets it go
    /// on with `text`.
    pub(super) fn open(self, pid: u32, text: &str) -> Memory {
        let began = Instant::now();
        let mut pipe = loop {
            let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
            let pipe = OpenOptions::new()
                .write(true)
                .custom_flags(nonblocking)
                .open(self.0);
            // Refused as long as nobody reads.
            if let Ok(pipe) = pipe {
                break pipe;
            }
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "the server asks for nothing"
            );
            std::thread::sleep(Duration::from_millis(1));
        };
        let of_process = |name| {
            File::open(format!("/proc/{pid}/{name}")).expect("a child can be read by its parent")
        };
        let memory = Memory {
            maps: of_process("maps"),
            bytes: of_process("mem"),
        };
        pipe.write_all(text.as_bytes()).expect("it is being read");
        memory
    }
}
