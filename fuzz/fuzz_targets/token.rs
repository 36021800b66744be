//! Fuzzes the token parser and its twin on the hot path.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| keystead_fuzz::token::both_readers_agree(data));
