//! Fuzzes the usage readers of deepl.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    keystead_fuzz::usage::same_in_pieces("deepl", data);
});
