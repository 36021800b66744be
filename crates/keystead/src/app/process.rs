//! What the process asks of the kernel to do its work.

use std::io;

use rustix::{
    fs::{Mode, OFlags, open},
    io::fcntl_dupfd_cloexec,
    process::{Resource, Rlimit, getrlimit, setrlimit},
};

/// Descriptors that are not client or provider connections.
const OTHER: u64 = 256;

/// Makes room for `connections` clients, with a provider connection each.
///
/// The kernel grows the descriptor table of a process with several threads only after an RCU grace
/// period, 11 to 15 ms each, and it does so inside `accept`: measured, that was the whole of the
/// late first byte in a burst of new connections. Grown once here, before there is a second
/// thread, it costs nothing.
///
/// # Errors
///
/// The system's limit is lower than what is wanted and can't be raised; the text says how many
/// there are.
pub fn make_room_for_connections(connections: u32) -> io::Result<()> {
    let wanted = u64::from(connections) * 2 + OTHER;
    let limit = getrlimit(Resource::Nofile);
    let possible = limit.maximum.unwrap_or(u64::MAX).min(wanted);
    if limit.current.is_some_and(|current| current < possible) {
        setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(possible),
                maximum: limit.maximum,
            },
        )?;
    }
    let most = getrlimit(Resource::Nofile)
        .current
        .unwrap_or(wanted)
        .min(wanted);
    let any = open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    // A descriptor with the highest number makes the table that long; it stays so afterwards.
    let highest = i32::try_from(most.saturating_sub(1)).unwrap_or(i32::MAX);
    drop(fcntl_dupfd_cloexec(&any, highest)?);
    if most < wanted {
        tracing::warn!(
            limit = most,
            "The limit on open files is lower than `server.max_connections` needs"
        );
    }
    Ok(())
}
