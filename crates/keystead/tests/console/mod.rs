//! The pages of the console over HTTP, as a browser without scripts sees them.

mod applications;
mod audit_log;
mod figures;
mod organization;
mod roles;
