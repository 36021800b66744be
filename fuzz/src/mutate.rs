//! A fuzzer for stable Rust: no coverage to guide it, so it begins with good seeds and changes
//! them a little. It runs in ordinary tests; what is found in depth, cargo-fuzz finds.

use std::{
    hash::{BuildHasher, RandomState},
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

/// Runs `body` on the seeds and then on changed seeds until `time` is over; returns on how many
/// inputs. A body that panics fails the test with the input in hex.
pub fn mutate_for(time: Duration, seeds: &[Vec<u8>], body: impl Fn(&[u8])) -> u64 {
    let end = Instant::now() + time;
    let mut dice = Dice(RandomState::new().hash_one("a new seed each run") | 1);
    let mut runs = 0;
    let run = |input: &[u8]| {
        if catch_unwind(AssertUnwindSafe(|| body(input))).is_err() {
            let hex: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
            panic!("the body above failed on these bytes: {hex}");
        }
    };
    seeds.iter().for_each(|seed| run(seed));
    while Instant::now() < end {
        for _ in 0..100 {
            run(&mutate(seeds, &mut dice));
            runs += 1;
        }
    }
    runs
}

fn mutate(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut input = seeds[dice.below(seeds.len())].clone();
    for _ in 0..=dice.below(4) {
        let at = dice.below(input.len() + 1);
        let until = at + dice.below(input.len() - at + 1);
        match dice.below(8) {
            0 => input.truncate(at),
            1 => drop(input.drain(at..until)),
            2 => input.insert(at, dice.byte()),
            3 => input.extend_from_within(at..until),
            4 => {
                let other = &seeds[dice.below(seeds.len())];
                input.truncate(at);
                input.extend_from_slice(&other[at.min(other.len())..]);
            }
            5 => {
                let edges = [0, 1, 0x7f, 0x80, 0xff, b'_', b'\n', b'"'];
                let edge = edges[dice.below(edges.len())];
                input[at..until].fill(edge);
            }
            6 => input
                .iter_mut()
                .skip(at)
                .take(1)
                .for_each(|byte| *byte = dice.byte()),
            _ => input
                .iter_mut()
                .skip(at)
                .take(1)
                .for_each(|byte| *byte ^= 1 << dice.below(8)),
        }
    }
    input
}

/// Xorshift: repeatable is not wanted here, only quick and without a dependency.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 11) as usize % bound
    }

    fn byte(&mut self) -> u8 {
        (self.next() >> 56) as u8
    }
}
