//! Fuzzes the reader of JSON bodies.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    keystead_fuzz::body::agrees_with_the_model(data);
});
