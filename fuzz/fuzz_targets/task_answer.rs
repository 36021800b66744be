//! Fuzzes the readers of neutral answers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    keystead_fuzz::task::same_in_pieces(data);
});
