//! Fuzzes the reader of multipart bodies.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    keystead_fuzz::body::same_parts_in_pieces(data);
});
