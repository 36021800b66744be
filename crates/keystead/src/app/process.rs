//! What the process asks of the kernel, and of the allocator.

use std::io;

use rustix::{
    fs::{Mode, OFlags, open},
    io::fcntl_dupfd_cloexec,
    process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit},
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

/// Keys in plaintext pass through this process: no core dump may hold them, and no other process
/// of the same user may read its memory.
///
/// # Errors
///
/// The kernel refuses.
pub fn keep_memory_private() -> io::Result<()> {
    setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Gives memory that nobody uses back to the kernel.
///
/// glibc keeps what was freed in the midst of its heap, so that after a burst a process would stay as
/// large as it was at its height; and what was freed may still hold what was written there, while
/// pages that went back are gone. It takes some milliseconds, so it is for quiet moments. Another
/// libc than glibc is left to its own habits.
pub fn give_back_memory() {
    #[cfg(target_env = "gnu")]
    glibc::trim();
}

#[cfg(target_env = "gnu")]
#[expect(
    unsafe_code,
    reason = "there is no safe way to ask; it is the only foreign call of the program"
)]
mod glibc {
    use std::ffi::c_int;

    unsafe extern "C" {
        /// `malloc_trim(3)`: `pad` bytes may stay at the top of the heap.
        fn malloc_trim(pad: usize) -> c_int;
    }

    pub(super) fn trim() {
        // SAFETY: it takes no pointer and is thread-safe (MT-Safe in its manual page); memory that is
        // in use stays where it is.
        unsafe { malloc_trim(0) };
    }
}
