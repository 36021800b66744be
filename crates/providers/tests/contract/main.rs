//! What every adapter promises, checked for all of [`keystead_providers::ALL`].

mod addresses;
mod answers;
mod data;
mod errors;
mod fixtures;
mod keys;
mod paths;
mod prices;
mod reservations;
mod tasks;
