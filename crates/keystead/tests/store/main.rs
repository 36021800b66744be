//! The store's promises, each kept on SQLite and on PostgreSQL by the same test body.
//!
//! | file | what is promised |
//! |---|---|
//! | `objects` | what is made can be found, changed and ended, by its own tenant alone |
//! | `addons` | an AddOn has a handle of its own, and what it is called and is for can change |
//! | `applications` | two client secrets can be live at once; one for trying out belongs to a main one |
//! | `changes` | what changes is numbered, heard by who listens, and missed by nobody |
//! | `people` | how people sign in: what lets someone in, how often, and for how long |
//! | `sessions` | who is signed in is so until the session ends, and not a request longer |
//! | `lists` | a list shows each row once, in the order asked for, and what is looked for |
//! | `idempotency` | a request that names itself begins once, and is remembered for a day |
//! | `members` | an organization keeps an owner, and what is taken away is gone on the next request |
//! | `keys` | a key opens after it was entered and after it was rotated, and is audited first |
//! | `grants` | what a person lets an application do, and what comes of it, ends when it is to end |
//! | `consents` | what users agree to is kept version by version, and so is that they did |
//! | `own_keys` | a person's own key is theirs, and used where they said so |
//! | `connect_links` | a link by which a key comes is followed by one alone, and confirmed once |
//! | `alerts` | one a finding, and the rules that raise them |
//! | `posture` | what of a set-up is weak is told until it is mended |
//! | `webhooks` | who is to be told of an alert is told until they took it, or a day is over |
//! | `ledger` | an attempt counts once, an object belongs to one subject, an alert is counted |
//! | `sums` | what is added up equals the ledger, however often and by however many it is written |
//! | `questions` | what was used is told as it was added up, whatever is asked about |
//! | `lookups` | sums by one thing, the newest attempts, rows of the log, keys in need: as they are |
//! | `retention` | old attempts leave the ledger, and their sums stay |
//! | `rebuild` | the sums made anew from the ledger are the same |
//! | `leases` | a budget is never leased beyond what is left of it |
//! | `tamper` | what is edited behind Keystead's back is refused, with an alert |
//! | `columns` | there is no column of authority that a MAC does not cover |
//! | `audit` | verification finds what was done to the log and to the rows it speaks of |
//! | `opening` | a store opens under its own root key alone, in one writing process |
//! | `backup` | a store that was restored works as the first did, and lets in nobody whom it should not |
//! | `rekey` | another root key, or another owner's key, opens all that the one before did |
//! | `erasure` | what is erased is gone from every table, and stays so in a store that is restored |
//! | `crash` | a process that is killed loses nothing it has acknowledged |
//! | `processes` | several processes on one PostgreSQL agree, and hear of each other's changes |

#![expect(
    clippy::unwrap_used,
    reason = "a panic in a test is the test's way to fail"
)]

mod addons;
mod alerts;
mod applications;
mod audit;
mod backup;
mod bed;
mod changes;
mod columns;
mod connect_links;
mod consents;
mod crash;
mod erasure;
mod grants;
mod idempotency;
mod keys;
mod leases;
mod ledger;
mod lists;
mod lookups;
mod members;
mod objects;
mod opening;
mod own_keys;
mod people;
mod posture;
mod processes;
mod questions;
mod rebuild;
mod rekey;
mod retention;
mod sessions;
mod sums;
mod tamper;
mod webhooks;

use bed::Bed;

/// Runs each promise of a module against both stores.
macro_rules! on_both_stores {
    ($($promise:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(crate::Bed::sqlite().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(crate::Bed::postgres().await).await;
            })*
        }
    };
}
pub(crate) use on_both_stores;
