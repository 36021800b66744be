//! System calls that this program never makes, and that who takes it over would want first (seccomp).

use std::collections::BTreeMap;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

use super::Outcome;

/// Starting programs; looking into or steering other processes; what changes the kernel or the view that
/// processes have of the machine; and rings of calls, which would go around this list.
const GIVEN_UP: [libc::c_long; 36] = [
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_perf_event_open,
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_open_by_handle_at,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_acct,
];

/// The same calls have these numbers as well where programs of the x32 kind may run: the bit, and those that
/// have a number of their own there (arch/x86/entry/syscalls/syscall_64.tbl, Linux 6.12).
#[cfg(target_arch = "x86_64")]
const X32_BIT: libc::c_long = 0x4000_0000;
#[cfg(target_arch = "x86_64")]
const X32_OWN: [libc::c_long; 5] = [520, 521, 539, 540, 545];

pub(super) fn give_up() -> Result<Outcome, seccompiler::Error> {
    let arch = match std::env::consts::ARCH {
        "x86_64" => TargetArch::x86_64,
        "aarch64" => TargetArch::aarch64,
        other => {
            let text = format!("there is no list of calls for {other}");
            return Ok(Outcome::Missing(text));
        }
    };
    let calls = numbers().map(|number| (number, Vec::new()));
    let filter = SeccompFilter::new(
        calls.collect::<BTreeMap<_, _>>(),
        SeccompAction::Allow,
        // An answer that every program expects, in place of an end that nobody could explain.
        SeccompAction::Errno(libc::EPERM.unsigned_abs()),
        arch,
    )?;
    let program: BpfProgram = filter.try_into()?;
    seccompiler::apply_filter(&program)?;
    Ok(Outcome::Holds)
}

#[cfg(target_arch = "x86_64")]
fn numbers() -> impl Iterator<Item = libc::c_long> {
    let x32 = GIVEN_UP.into_iter().chain(X32_OWN);
    GIVEN_UP
        .into_iter()
        .chain(x32.map(|number| number | X32_BIT))
}

#[cfg(not(target_arch = "x86_64"))]
fn numbers() -> impl Iterator<Item = libc::c_long> {
    GIVEN_UP.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, process::Command, thread};

    #[test]
    fn no_program_is_started_any_more() {
        // It binds the thread that asks, and no other.
        let tried = thread::spawn(|| {
            assert!(
                Command::new("true").status().is_ok(),
                "there is such a program"
            );
            let outcome = give_up().unwrap();
            let started = Command::new("true").status();
            // What a server does goes on.
            fs::read("/etc/hosts").unwrap();
            thread::spawn(|| ()).join().unwrap();
            (outcome, started.map_err(|error| error.kind()).is_err())
        });
        let (outcome, is_refused) = tried.join().unwrap();
        assert_eq!((outcome, is_refused), (Outcome::Holds, true));
    }
}
