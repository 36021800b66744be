//! Fuzzes the usage readers of anthropic.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    keystead_fuzz::usage::same_in_pieces("anthropic", data);
});
