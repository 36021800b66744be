//! What hardening adds to a system call.
//!
//! `cargo bench --bench hardening` prints one JSON object: nanoseconds of the plainest system call
//! before the process is hardened and after it, medians over rounds, and which measures hold. A call
//! through the proxy makes four or five of them.

#![expect(clippy::print_stdout, reason = "what it prints is its result")]

use std::{hint::black_box, os::unix::process::parent_id, time::Instant};

use keystead::hardening::{Reach, harden};
use serde_json::json;

const ROUNDS: usize = 21;
const CALLS: u32 = 200_000;

fn main() {
    let before = measure();
    let measures = harden(&Reach::default());
    let after = measure();
    let holding = measures.iter().filter(|measure| measure.holds());
    let holding: Vec<_> = holding.map(|measure| measure.name).collect();
    println!(
        "{}",
        json!({"before_ns": before, "after_ns": after, "holds": holding})
    );
}

/// Nanoseconds of one `getppid(2)`, which does nothing but enter the kernel.
fn measure() -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            for _ in 0..CALLS {
                black_box(parent_id());
            }
            began.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    (rounds[ROUNDS / 2] * 10.0).round() / 10.0
}
