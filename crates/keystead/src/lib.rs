//! The workspace is laid; the crate follows.
