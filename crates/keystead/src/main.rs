//! The workspace is laid; the crate follows.
fn main() {}
