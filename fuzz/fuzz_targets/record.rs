//! Fuzzes the record parser and all of opening behind it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = keystead_fuzz::record::opens(data);
});
