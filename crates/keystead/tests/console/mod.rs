//! The pages of the console over HTTP, as a browser without scripts sees them.

mod addons;
mod api_tokens;
mod applications;
mod audit_log;
mod figures;
mod home;
mod keys;
mod members;
mod organization;
mod roles;
mod system;
mod trials;
