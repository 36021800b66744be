//! Fuzzes requests for neutral tasks.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    keystead_fuzz::task::becomes_what_it_means(data);
});
