//! Memory: where keys stand for a while.

use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
};

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};

use super::Outcome;

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

/// Whether pages can be kept out of swap, and the limit raised as far as it goes.
pub(super) fn may_lock() -> io::Result<Outcome> {
    let limit = getrlimit(Resource::Memlock);
    setrlimit(
        Resource::Memlock,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    )?;
    let probe = [0_u8; 1];
    foreign::lock(probe.as_ptr().addr(), probe.len())?;
    Ok(Outcome::Holds)
}

/// Keeps the pages that a value lies in out of swap, as far as the limit for that goes (`LimitMEMLOCK` of a
/// unit, `ulimit -l`). They stay so: the next key that comes to lie there is kept out of it as well.
///
/// What the value points to lies elsewhere.
pub fn lock<T: ?Sized>(value: &T) {
    let length = size_of_val(value);
    // Each locked page may split an area of memory in two, and the kernel counts those.
    if length == 0 || LOCKED.fetch_add(1, Ordering::Relaxed) >= MOST {
        return;
    }
    _ = foreign::lock(std::ptr::from_ref(value).addr(), length);
}

static LOCKED: AtomicUsize = AtomicUsize::new(0);
const MOST: usize = 16_384;

/// Gives memory that nobody uses back to the kernel.
///
/// glibc keeps what was freed in the midst of its heap, so that after a burst a process would stay as
/// large as it was at its height; and what was freed may still hold what was written there, while
/// pages that went back are gone. It takes some milliseconds, so it is for quiet moments. Another
/// libc than glibc is left to its own habits.
pub fn give_back_memory() {
    #[cfg(target_env = "gnu")]
    foreign::trim();
}

#[expect(
    unsafe_code,
    reason = "there is no safe way to ask; these are the only foreign calls of the program"
)]
mod foreign {
    use std::{ffi::c_int, io, ptr};

    #[cfg(target_env = "gnu")]
    unsafe extern "C" {
        /// `malloc_trim(3)`: `pad` bytes may stay at the top of the heap.
        fn malloc_trim(pad: usize) -> c_int;
    }

    #[cfg(target_env = "gnu")]
    pub(super) fn trim() {
        // SAFETY: it takes no pointer and is thread-safe (MT-Safe in its manual page); memory that is
        // in use stays where it is.
        unsafe { malloc_trim(0) };
    }

    /// `mlock(2)`.
    pub(super) fn lock(address: usize, length: usize) -> io::Result<()> {
        let address = ptr::without_provenance_mut(address);
        // SAFETY: the address is a number to the kernel, which neither reads nor writes what lies there;
        // one that is not mapped is an error.
        unsafe { rustix::mm::mlock(address, length) }?;
        Ok(())
    }
}
