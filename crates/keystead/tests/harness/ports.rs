//! Ports that no other test has: not of this run, and not of one in another terminal.
//!
//! The server binds with SO_REUSEPORT, so two servers on one port would share connections in
//! place of failing. A lock on a file a port keeps them apart; the range lies below the one that
//! the kernel takes outgoing connections' ports from.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};

use keystead_vault::random;

const FIRST: u16 = 10_000;
const LAST: u16 = 30_000;

/// A port for as long as this value lives.
#[derive(Debug)]
pub(crate) struct Port {
    number: u16,
    _lock: File,
}

impl Port {
    pub(crate) fn take() -> Self {
        let locks = std::env::temp_dir().join("keystead-test-ports");
        std::fs::create_dir_all(&locks).expect("the temporary folder can be written");
        loop {
            let number = FIRST + u16::from_be_bytes(random()) % (LAST - FIRST);
            let lock = File::create(locks.join(number.to_string())).expect("a lock file");
            let is_free = || TcpListener::bind((Ipv4Addr::UNSPECIFIED, number)).is_ok();
            if lock.try_lock().is_ok() && is_free() {
                return Self {
                    number,
                    _lock: lock,
                };
            }
        }
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}
