//! What people of other roles see of the pages.

use keystead::store::Role;
use serde_json::json;

use super::furnished::furnish;
use super::list::list;
use super::script;
use crate::harness::{Keystead, Store};

/// Pages that are there to change something, which an auditor is not shown.
const FOR_CHANGES: &[&str] = &[
    "application-new",
    "application-new-wrong",
    "application-secret-new",
    "application-secret-revoke",
    "application-addresses-edit",
    "application-sign-in-edit",
    "application-consent-new",
    "application-consent-preview",
    "application-danger",
    "application-delete",
    "provider-choice",
    "provider-add",
    "provider-add-wrong",
    "key-rotate",
    "key-limits",
    "key-delete",
    "addon-install",
    "addon-install-for-key",
    "addon-edit",
    "addon-limits",
    "addon-remove",
    "addon-try",
    "decoys",
    "alert-rules",
    "organization-delete",
    "end-users",
    "invitation-new",
    "invitation-new-wrong",
    "member",
    "member-remove",
];

/// What every member did, who they are, and how the server is: not for a developer to read. Nor is the
/// organization a developer's to delete.
const OF_OTHERS: &[&str] = &[
    "security",
    "decoys",
    "alert-rules",
    "audit",
    "audit-export",
    "organization-delete",
    "members",
    "invitations",
    "invitation-new",
    "invitation-new-wrong",
    "member",
    "member-remove",
    "system",
];

#[tokio::test]
async fn an_auditor_sees_everything_and_no_button_that_changes() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let [auditor, developer] = ks.sign_in([Role::Auditor, Role::Developer]).await;
    ks.start_again().await;
    let ids = furnish(&ks).await;
    let roles = json!({"auditor": auditor.session(), "developer": developer.session()});
    let facts = json!({"pages": list()["pages"], "ids": ids, "roles": roles});
    let refused = script::run(&ks, "roles.mjs", facts).await;
    assert_eq!(
        refused,
        json!({"auditor": FOR_CHANGES, "developer": OF_OTHERS})
    );
}
