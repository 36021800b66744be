//! The program: everything it does is a command of [`keystead::cli`].

use std::process::ExitCode;

/// A call takes some two dozen pieces of memory, a few of them larger than what glibc keeps at hand for a
/// thread, and hundreds of calls run at once.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    keystead::cli::run(std::env::args_os())
}
