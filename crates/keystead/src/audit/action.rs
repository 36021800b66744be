//! What the log can say that was done, and what it may say besides: two tables. A row with another word
//! can't be made; `docs/reference/audit-events.md` is these tables.

macro_rules! actions {
    ($($name:ident = $word:literal, [$($field:ident),*], $meaning:literal;)*) => {
        /// What was done.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Action {
            $(#[doc = $meaning] $name,)*
        }

        impl Action {
            /// All of them, by their words.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The stable word.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// What it means, for people.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning),* }
            }

            /// What a row of it may say besides.
            pub const fn fields(self) -> &'static [Field] {
                match self { $(Self::$name => &[$(Field::$field),*]),* }
            }
        }
    };
}

macro_rules! fields {
    ($($name:ident = $word:literal, $meaning:literal;)*) => {
        /// A fact that a row may hold besides who did what to which object.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Field {
            $(#[doc = $meaning] $name,)*
        }

        impl Field {
            /// All of them, by their words.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name in a row's detail.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// What it is, for people.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning),* }
            }
        }
    };
}

actions! {
    AccessDenied = "access.denied", [],
        "an act was refused to somebody signed in; the object is the act";
    AccountCreated = "account.created", [],
        "an account was made";
    AccountDeleted = "account.deleted", [],
        "an account was erased";
    AccountKeyRotated = "account.key_rotated", [GroupKeys, Records, Vaults],
        "an account has another key over its own";
    AccountRewrapped = "account.rewrapped", [],
        "its key was wrapped by another root key";
    AccountSignedOut = "account.signed_out", [Sessions],
        "sessions of an account were ended at once";
    AddOnDisabled = "addon.disabled", [],
        "an AddOn was disabled";
    AddOnEnabled = "addon.enabled", [],
        "an AddOn was enabled";
    AddOnInstalled = "addon.installed", [Application],
        "an AddOn was installed";
    AddOnRemoved = "addon.removed", [Application],
        "an AddOn was removed";
    AddOnUpdated = "addon.updated", [],
        "an AddOn was changed";
    AlertAcknowledged = "alert.acknowledged", [Kind],
        "somebody looked at an alert";
    AlertFroze = "alert.froze", [Alert, Kind],
        "an alert's rule froze the object";
    AlertRaised = "alert.raised", [Kind, Place],
        "an alert was opened";
    ApiTokenCreated = "api_token.created", [Account],
        "an API token was made";
    ApiTokenDeleted = "api_token.deleted", [Account],
        "an API token was erased with its account or organization";
    ApiTokenEnabled = "api_token.enabled", [],
        "an API token that a restore suspended is good again";
    ApiTokenRevoked = "api_token.revoked", [],
        "an API token was revoked";
    ApiTokenSuspended = "api_token.suspended", [],
        "a restore suspended an API token";
    ApplicationCreated = "application.created", [],
        "an application was made";
    ApplicationDeleted = "application.deleted", [DevelopmentOf],
        "an application was deleted";
    ApplicationDisabled = "application.disabled", [],
        "an application was disabled";
    ApplicationEnabled = "application.enabled", [],
        "an application was enabled";
    ApplicationRewrapped = "application.rewrapped", [],
        "its pepper was wrapped by another key";
    ApplicationUpdated = "application.updated", [],
        "an application was changed";
    AuditExported = "audit.exported", [],
        "somebody took this log away";
    ClientSecretCreated = "client_secret.created", [Application],
        "a client secret was made";
    ClientSecretDeleted = "client_secret.deleted", [Application],
        "a client secret went with its application";
    ClientSecretEnabled = "client_secret.enabled", [],
        "a client secret that a restore suspended is good again";
    ClientSecretRevoked = "client_secret.revoked", [],
        "a client secret was revoked";
    ClientSecretSuspended = "client_secret.suspended", [],
        "a restore suspended a client secret";
    ConnectLinkEnded = "connect_link.ended", [Application],
        "a link for a person's own key ended without one";
    ConsentDeleted = "consent.deleted", [Account, Application, Reason],
        "a consent was erased";
    ConsentGiven = "consent.given", [Application, Version],
        "somebody agreed to a text";
    ConsentTextDeleted = "consent_text.deleted", [Application],
        "a consent text went with its application";
    ConsentTextWritten = "consent_text.written", [Application, Version],
        "a consent text has a new version";
    DecoyPlanted = "decoy.planted", [],
        "a decoy was made";
    DecoyRemoved = "decoy.removed", [Application],
        "a decoy was removed";
    ErasureBegun = "erasure.begun", [Kind],
        "an erasure was asked for; its tombstone is kept";
    ErasureDone = "erasure.done", [Kind],
        "an erasure is over";
    FamilyRevoked = "family.revoked", [Application, Reason],
        "all that came of one authorization was ended";
    GrantDeleted = "grant.deleted", [Application],
        "a grant was erased";
    GrantEnabled = "grant.enabled", [],
        "a grant that a restore suspended is good again";
    GrantGiven = "grant.given", [Application],
        "somebody let an application act for them";
    GrantSuspended = "grant.suspended", [],
        "a restore suspended a grant";
    GrantWithdrawn = "grant.withdrawn", [Application],
        "somebody took a grant back";
    IdentityAdded = "identity.added", [Account],
        "an identity of an OpenID provider was added to an account";
    IdentityRemoved = "identity.removed", [Account],
        "an identity was removed from an account";
    InvitationAccepted = "invitation.accepted", [],
        "somebody who has an account joined by an invitation";
    KeyCreated = "key.created", [Application, Provider, Vault],
        "a provider's key was sealed and kept";
    KeyDeleted = "key.deleted", [Application, Vault],
        "a key was deleted";
    KeyDisabled = "key.disabled", [Vault],
        "a key was disabled";
    KeyEnabled = "key.enabled", [Vault],
        "a key was enabled";
    KeyLimited = "key.limited", [Vault],
        "the limits of a key were changed";
    KeyOpened = "key.opened", [Reason, Vault, Version],
        "a key is about to be opened";
    KeyRotated = "key.rotated", [Vault, Version],
        "a key has a new version";
    KeyUpdated = "key.updated", [Vault],
        "a key was given another name or address ranges";
    KeyGrantChanged = "key_grant.changed", [Application, Provider],
        "what an application may do with somebody's own key was changed";
    KeyGrantDeleted = "key_grant.deleted", [Application],
        "the grant of an own key was erased";
    KeyGrantEnabled = "key_grant.enabled", [],
        "the grant of an own key that a restore suspended is good again";
    KeyGrantGiven = "key_grant.given", [Application, Provider],
        "somebody let an application use their own key";
    KeyGrantPaused = "key_grant.paused", [Application, Provider],
        "somebody paused the use of their own key";
    KeyGrantResumed = "key_grant.resumed", [Application, Provider],
        "somebody let it go on";
    KeyGrantSuspended = "key_grant.suspended", [],
        "a restore suspended the grant of an own key";
    KeyGrantWithdrawn = "key_grant.withdrawn", [Application, Provider],
        "somebody took the grant of their own key back";
    LinkCreated = "link.created", [Role],
        "a link that works once was made: set-up, recovery or an invitation";
    LinkRevoked = "link.revoked", [Role],
        "such a link was taken back";
    LinkRewrapped = "link.rewrapped", [],
        "its address was sealed by another key";
    LinkUsed = "link.used", [Role],
        "such a link was used";
    MemberAdded = "member.added", [Role],
        "an account joined an organization";
    MemberRemoved = "member.removed", [],
        "an account left an organization";
    MemberRoleChanged = "member.role_changed", [From, To],
        "a member has another role";
    OrganizationCreated = "organization.created", [],
        "an organization was made";
    OrganizationDeleted = "organization.deleted", [],
        "an organization was erased";
    OrganizationKeyRotated = "organization.key_rotated", [GroupKeys, Records, Vaults],
        "an organization has another key over its own";
    OrganizationKeyRotationBegun = "organization.key_rotation_begun", [],
        "an organization is to have another key over its own";
    OrganizationKeyRotationContinued = "organization.key_rotation_continued", [GroupKeys],
        "the next key of an organization wraps some more of its own";
    OrganizationRewrapped = "organization.rewrapped", [],
        "its key was wrapped by another root key";
    OrganizationUpdated = "organization.updated", [AlertRules, RequireSecondFactor],
        "an organization was changed";
    PasskeyAdded = "passkey.added", [Account],
        "a passkey was added to an account";
    PasskeyRemoved = "passkey.removed", [Account],
        "a passkey was removed";
    PasskeyRenamed = "passkey.renamed", [],
        "a passkey was renamed";
    PasskeyRewrapped = "passkey.rewrapped", [],
        "its record was sealed by another key";
    PasskeyUsed = "passkey.used", [],
        "somebody showed a passkey";
    PasswordRehashed = "password.rehashed", [Account],
        "a password is kept by another hash";
    PasswordRemoved = "password.removed", [Account],
        "a password was removed";
    PasswordSet = "password.set", [Account],
        "a password was set";
    RecoveryCodeUsed = "recovery_code.used", [Left],
        "a recovery code was used up";
    RecoveryCodesMade = "recovery_codes.made", [Account],
        "recovery codes were made";
    RecoveryCodesRemoved = "recovery_codes.removed", [Account],
        "recovery codes were removed";
    RestoredEnabled = "restored.enabled", [Count],
        "what a restore suspended was enabled";
    RootKeyChanged = "root_key.changed", [Accounts, Organizations, Vaults],
        "another root key wraps what the old one did";
    SessionCreated = "session.created", [Method],
        "somebody signed in";
    SessionEnded = "session.ended", [],
        "somebody signed out";
    SessionMoved = "session.moved", [],
        "a session is in another organization";
    SessionProved = "session.proved", [Method],
        "somebody showed once more who they are";
    SessionReplaced = "session.replaced", [],
        "a sign-in took a session's place";
    SessionRevoked = "session.revoked", [],
        "a session was ended from elsewhere";
    StoreRestored = "store.restored", [MadeAt, Rows, Suspended, Tombstones],
        "this store was made of a backup";
    TokenMinted = "token.minted", [Application],
        "an access token was made to try an AddOn";
    TokenRevoked = "token.revoked", [Application],
        "an access token was revoked";
    TotpEnrolled = "totp.enrolled", [Account],
        "one-time codes were added to an account";
    TotpRemoved = "totp.removed", [Account],
        "one-time codes were removed";
    TotpRewrapped = "totp.rewrapped", [],
        "their secret was sealed by another key";
    TotpUsed = "totp.used", [],
        "somebody showed a one-time code";
    VaultCreated = "vault.created", [],
        "a vault for a person's own keys was made";
    VaultErased = "vault.erased", [],
        "a vault was erased with its keys";
    VaultKeyRotated = "vault.key_rotated", [],
        "a vault has another key over its own";
    VaultRewrapped = "vault.rewrapped", [],
        "its key was wrapped by another root key";
    WebhookCreated = "webhook.created", [],
        "a webhook was made";
    WebhookRemoved = "webhook.removed", [],
        "a webhook was removed";
    WebhookRewrapped = "webhook.rewrapped", [],
        "its secret was sealed by another key";
}

fields! {
    Account = "account", "the account that it belongs to";
    Accounts = "accounts", "how many accounts";
    Alert = "alert", "the alert, as an id";
    AlertRules = "alert_rules", "`changed`, where the rules of alerts were";
    Application = "application", "the application that it belongs to";
    Count = "count", "how many";
    DevelopmentOf = "development_of", "the application that it was a development application of";
    From = "from", "the role before";
    GroupKeys = "group_keys", "how many keys of groups were wrapped anew";
    Kind = "kind", "the kind, of an alert or an erasure";
    Left = "left", "how many are left";
    MadeAt = "made_at", "when the backup was made, in microseconds since 1970";
    Method = "method", "how somebody showed who they are";
    Organizations = "organizations", "how many organizations";
    Place = "place", "where it was found: a part of Keystead, a table";
    Provider = "provider", "the provider";
    Reason = "reason", "why, as a stable word";
    Records = "records", "how many other records were sealed anew";
    RequireSecondFactor = "require_second_factor", "what holds from now on, where it changed";
    Role = "role", "the role";
    Rows = "rows", "how many rows";
    Sessions = "sessions", "how many sessions";
    Suspended = "suspended", "how many credentials were suspended";
    To = "to", "the role from now on";
    Tombstones = "tombstones", "how many tombstones were replayed";
    Vault = "vault", "the vault, where it is a person's own key";
    Vaults = "vaults", "how many vaults";
    Version = "version", "the version, of a key or a text";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_word_is_there_once_and_in_order() {
        assert!(Action::ALL.is_sorted_by(|one, next| one.word() < next.word()));
        assert!(Field::ALL.is_sorted_by(|one, next| one.word() < next.word()));
        for action in Action::ALL {
            let (object, did) = action.word().split_once('.').expect("an object and an act");
            let is_plain = |text: &str| text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_'));
            assert!(is_plain(object) && is_plain(did), "{}", action.word());
            assert!(action.fields().is_sorted(), "{}", action.word());
        }
        let named: BTreeSet<_> = Action::ALL
            .iter()
            .flat_map(|action| action.fields())
            .collect();
        assert_eq!(named.len(), Field::ALL.len(), "a field that no action has");
    }
}
