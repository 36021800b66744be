//! The pages of the console over HTTP, as a browser without scripts sees them.

mod addons;
mod api_tokens;
mod applications;
mod audit_log;
mod elsewhere;
mod figures;
mod home;
mod invitations;
mod keys;
mod members;
mod odd;
mod organization;
mod roles;
mod system;
mod trials;
