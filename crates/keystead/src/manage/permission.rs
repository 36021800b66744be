//! Who may do what: one table for the REST API, the console and the commands.

use crate::store::{ApiScope, Role};

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        /// Something that an act lets its caller do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[$doc])* $name,)*
        }

        impl Action {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The stable word for the audit log.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }
        }

        /// Actions as types: an act that takes [`May<EditKeys>`](super::May) says so in its
        /// signature, and can't run without.
        pub mod right {
            use super::{Action, Right};

            $(
                $(#[$doc])*
                #[derive(Debug, Clone, Copy)]
                pub struct $name;

                impl Right for $name {
                    const ACTION: Action = Action::$name;
                }
            )*
        }
    };
}

actions! {
    /// List and show applications and their client secrets (never the secrets themselves).
    SeeApplications = "applications.see";
    /// Make, change, disable applications.
    EditApplications = "applications.edit";
    /// Say whence an application's calls may come.
    EditAddresses = "addresses.edit";
    /// Delete an application with everything that belongs to it.
    DeleteApplications = "applications.delete";
    /// Make and revoke client secrets.
    EditClientSecrets = "client_secrets.edit";
    /// List and show keys (never the keys themselves).
    SeeKeys = "keys.see";
    /// Add, check, change, disable keys.
    EditKeys = "keys.edit";
    /// Rotate and delete keys.
    ReplaceKeys = "keys.replace";
    /// List and show AddOns.
    SeeAddOns = "addons.see";
    /// Install, change, disable, remove AddOns.
    EditAddOns = "addons.edit";
    /// Call AddOns from the console, with a token for oneself.
    TryAddOns = "addons.try";
    /// See the organization and the rules that hold for it.
    SeeOrganization = "organization.see";
    /// Change the rules that hold for the organization.
    EditOrganization = "organization.edit";
    /// Give the organization another key.
    RotateOrganizationKey = "organization.rotate_key";
    /// Give one's own account another key.
    RotateAccountKey = "account.rotate_key";
    /// Take away what is known about an end user.
    ExportSubjects = "subjects.export";
    /// Erase an end user.
    EraseSubjects = "subjects.erase";
    /// Take away what is known about one's own account.
    ExportAccount = "account.export";
    /// Erase one's own account.
    EraseAccount = "account.erase";
    /// Delete the organization with everything that belongs to it.
    DeleteOrganization = "organization.delete";
    /// List members, with their e-mail addresses.
    SeeMembers = "members.see";
    /// Invite and remove members and change their roles.
    EditMembers = "members.edit";
    /// Make, change and remove owners.
    EditOwners = "owners.edit";
    /// List API tokens (never the tokens themselves).
    SeeApiTokens = "api_tokens.see";
    /// Make and revoke API tokens of one's own.
    EditApiTokens = "api_tokens.edit";
    /// List the sessions of one's own account.
    SeeSessions = "sessions.see";
    /// End sessions of one's own account.
    EndSessions = "sessions.end";
    /// See which limits hold for calls, and what is left of them.
    SeeLimits = "limits.see";
    /// See the usage ledger.
    SeeUsage = "usage.see";
    /// See alerts.
    SeeAlerts = "alerts.see";
    /// Acknowledge alerts.
    EditAlerts = "alerts.edit";
    /// List, plant and remove decoys.
    EditDecoys = "decoys.edit";
    /// Make and remove webhooks.
    EditWebhooks = "webhooks.edit";
    /// See the audit log.
    SeeAudit = "audit.see";
    /// Take the audit log away as a file.
    ExportAudit = "audit.export";
    /// See how this installation is: version, store, root key, backups, alerts.
    SeeSystem = "system.see";
}

/// An [`Action`] as a type.
pub trait Right: Send + Sync + 'static {
    /// Which one.
    const ACTION: Action;
}

struct Rule {
    action: Action,
    /// `… may not {words}`.
    words: &'static str,
    roles: &'static [Role],
    /// Scopes of an API token that include it; `all` always does.
    scopes: &'static [ApiScope],
    /// Whether a person must have proved within the last minutes who they are.
    fresh: bool,
}

const EVERYONE: &[Role] = &[Role::Owner, Role::Admin, Role::Developer, Role::Auditor];
const BUILDERS: &[Role] = &[Role::Owner, Role::Admin, Role::Developer];
/// What can't be undone and ends everything is for those who answer for everything.
const OWNERS: &[Role] = &[Role::Owner];
/// What holds for everybody is not for one developer to change.
const LEADERS: &[Role] = &[Role::Owner, Role::Admin];
/// The audit log shows what every member did, so developers do not read it.
const OVERSEERS: &[Role] = &[Role::Owner, Role::Admin, Role::Auditor];

#[rustfmt::skip]
const TABLE: &[Rule] = &[
    Rule { action: Action::SeeApplications,     roles: EVERYONE,  scopes: &[ApiScope::Read, ApiScope::Applications],     fresh: false, words: "see applications" },
    Rule { action: Action::EditApplications,    roles: BUILDERS,  scopes: &[ApiScope::Applications],                     fresh: false, words: "change applications" },
    Rule { action: Action::EditAddresses,       roles: BUILDERS,  scopes: &[ApiScope::Applications],                     fresh: true,  words: "change the addresses that an application's calls may come from" },
    Rule { action: Action::DeleteApplications,  roles: BUILDERS,  scopes: &[],                                           fresh: true,  words: "delete applications" },
    Rule { action: Action::EditClientSecrets,   roles: BUILDERS,  scopes: &[ApiScope::Applications],                     fresh: true,  words: "change client secrets" },
    Rule { action: Action::SeeKeys,             roles: EVERYONE,  scopes: &[ApiScope::Read, ApiScope::Keys],             fresh: false, words: "see keys" },
    Rule { action: Action::EditKeys,            roles: BUILDERS,  scopes: &[ApiScope::Keys],                             fresh: false, words: "change keys" },
    Rule { action: Action::ReplaceKeys,         roles: BUILDERS,  scopes: &[ApiScope::Keys],                             fresh: true,  words: "rotate or delete keys" },
    Rule { action: Action::SeeAddOns,           roles: EVERYONE,  scopes: &[ApiScope::Read, ApiScope::AddOns],           fresh: false, words: "see AddOns" },
    Rule { action: Action::EditAddOns,          roles: BUILDERS,  scopes: &[ApiScope::AddOns],                           fresh: false, words: "change AddOns" },
    Rule { action: Action::TryAddOns,           roles: BUILDERS,  scopes: &[],                                           fresh: false, words: "try AddOns" },
    Rule { action: Action::SeeOrganization,     roles: EVERYONE,  scopes: &[ApiScope::Read],                             fresh: false, words: "see the organization" },
    Rule { action: Action::EditOrganization,    roles: LEADERS,   scopes: &[],                                           fresh: false, words: "change the organization" },
    Rule { action: Action::RotateOrganizationKey, roles: OWNERS, scopes: &[],                                          fresh: true,  words: "give the organization another key" },
    Rule { action: Action::RotateAccountKey,    roles: EVERYONE,  scopes: &[],                                           fresh: true,  words: "give the account another key" },
    Rule { action: Action::ExportSubjects,      roles: BUILDERS,  scopes: &[ApiScope::Applications],                     fresh: false, words: "take away what is known about end users" },
    Rule { action: Action::EraseSubjects,       roles: BUILDERS,  scopes: &[ApiScope::Applications],                     fresh: true,  words: "erase end users" },
    Rule { action: Action::ExportAccount,       roles: EVERYONE,  scopes: &[],                                           fresh: true,  words: "take away what is known about the account" },
    Rule { action: Action::EraseAccount,        roles: EVERYONE,  scopes: &[],                                           fresh: true,  words: "erase the account" },
    Rule { action: Action::DeleteOrganization,  roles: OWNERS,    scopes: &[],                                           fresh: true,  words: "delete the organization" },
    Rule { action: Action::SeeMembers,          roles: OVERSEERS, scopes: &[ApiScope::Read],                             fresh: false, words: "see members" },
    Rule { action: Action::EditMembers,         roles: LEADERS,   scopes: &[],                                           fresh: true,  words: "change members" },
    Rule { action: Action::EditOwners,         roles: OWNERS,    scopes: &[],                                          fresh: true,  words: "make, change or remove owners" },
    Rule { action: Action::SeeApiTokens,       roles: EVERYONE,  scopes: &[ApiScope::Read],                            fresh: false, words: "see API tokens" },
    Rule { action: Action::EditApiTokens,       roles: EVERYONE,  scopes: &[],                                           fresh: true,  words: "make or revoke API tokens" },
    Rule { action: Action::SeeSessions,         roles: EVERYONE,  scopes: &[ApiScope::Read],                             fresh: false, words: "see sessions" },
    Rule { action: Action::EndSessions,         roles: EVERYONE,  scopes: &[],                                           fresh: false, words: "end sessions" },
    Rule { action: Action::SeeLimits,           roles: EVERYONE,  scopes: &[ApiScope::Read, ApiScope::Usage],            fresh: false, words: "see limits" },
    Rule { action: Action::SeeUsage,            roles: EVERYONE,  scopes: &[ApiScope::Read, ApiScope::Usage],            fresh: false, words: "see usage" },
    Rule { action: Action::SeeAlerts,           roles: EVERYONE,  scopes: &[ApiScope::Read, ApiScope::Audit],            fresh: false, words: "see alerts" },
    Rule { action: Action::EditAlerts,          roles: LEADERS,   scopes: &[],                                           fresh: false, words: "acknowledge alerts" },
    Rule { action: Action::EditWebhooks,        roles: LEADERS,   scopes: &[],                                           fresh: true,  words: "change webhooks" },
    Rule { action: Action::EditDecoys,          roles: LEADERS,   scopes: &[],                                           fresh: true,  words: "see or change decoys" },
    Rule { action: Action::SeeAudit,            roles: OVERSEERS, scopes: &[ApiScope::Read, ApiScope::Audit],            fresh: false, words: "see the audit log" },
    Rule { action: Action::ExportAudit,         roles: OVERSEERS, scopes: &[ApiScope::Read, ApiScope::Audit],            fresh: true,  words: "export the audit log" },
    Rule { action: Action::SeeSystem,           roles: OVERSEERS, scopes: &[ApiScope::Read],                             fresh: false, words: "see how the installation is" },
];

impl Action {
    /// Whether someone of this role, with an API token of these scopes, may do it.
    pub fn is_open_to(self, role: Role, scopes: &[ApiScope]) -> bool {
        let rule = self.rule();
        let in_scope = |scope: &ApiScope| *scope == ApiScope::All || rule.scopes.contains(scope);
        rule.roles.contains(&role) && scopes.iter().any(in_scope)
    }

    /// Whether a person must have proved within the last minutes who they are.
    pub fn wants_fresh(self) -> bool {
        self.rule().fresh
    }

    /// What it is, after "may not".
    pub fn words(self) -> &'static str {
        self.rule().words
    }

    fn rule(self) -> &'static Rule {
        TABLE
            .iter()
            .find(|rule| rule.action == self)
            .expect("a test finds every action in it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_what_was_agreed() {
        let letters = |action: Action| -> String {
            let letter = |role: Role| match action.is_open_to(role, &[ApiScope::All]) {
                true => role.word().chars().next().unwrap_or('?'),
                false => '-',
            };
            let mark = action.wants_fresh().then_some('!');
            Role::ALL.into_iter().map(letter).chain(mark).collect()
        };
        // Owner, admin, developer, auditor ("a" twice); `!` where a person must be fresh.
        for (action, expected) in [
            (Action::SeeApplications, "oada"),
            (Action::EditApplications, "oad-"),
            (Action::EditAddresses, "oad-!"),
            (Action::DeleteApplications, "oad-!"),
            (Action::EditClientSecrets, "oad-!"),
            (Action::SeeKeys, "oada"),
            (Action::EditKeys, "oad-"),
            (Action::ReplaceKeys, "oad-!"),
            (Action::SeeAddOns, "oada"),
            (Action::EditAddOns, "oad-"),
            (Action::TryAddOns, "oad-"),
            (Action::SeeOrganization, "oada"),
            (Action::EditOrganization, "oa--"),
            (Action::RotateOrganizationKey, "o---!"),
            (Action::RotateAccountKey, "oada!"),
            (Action::ExportSubjects, "oad-"),
            (Action::EraseSubjects, "oad-!"),
            (Action::ExportAccount, "oada!"),
            (Action::EraseAccount, "oada!"),
            (Action::DeleteOrganization, "o---!"),
            (Action::SeeMembers, "oa-a"),
            (Action::EditMembers, "oa--!"),
            (Action::EditOwners, "o---!"),
            (Action::SeeApiTokens, "oada"),
            (Action::EditApiTokens, "oada!"),
            (Action::SeeSessions, "oada"),
            (Action::EndSessions, "oada"),
            (Action::SeeLimits, "oada"),
            (Action::SeeUsage, "oada"),
            (Action::SeeAlerts, "oada"),
            (Action::EditAlerts, "oa--"),
            (Action::EditWebhooks, "oa--!"),
            (Action::EditDecoys, "oa--!"),
            (Action::SeeAudit, "oa-a"),
            (Action::ExportAudit, "oa-a!"),
            (Action::SeeSystem, "oa-a"),
        ] {
            assert_eq!(letters(action), expected, "{action:?}");
            assert!(
                !action.is_open_to(Role::Owner, &[]),
                "no scope, no right: {action:?}"
            );
        }
    }

    #[test]
    fn a_scope_only_narrows() {
        assert!(Action::SeeKeys.is_open_to(Role::Developer, &[ApiScope::Read]));
        assert!(!Action::EditKeys.is_open_to(Role::Owner, &[ApiScope::Read]));
        assert!(!Action::EditKeys.is_open_to(Role::Auditor, &[ApiScope::Keys]));
        assert!(!Action::SeeAudit.is_open_to(Role::Owner, &[ApiScope::Keys, ApiScope::Usage]));
    }

    #[test]
    fn every_action_has_its_rule() {
        for action in Action::ALL {
            assert!(
                !action.words().is_empty() && action.name().contains('.'),
                "{action:?}"
            );
        }
        assert_eq!(Action::ALL.len(), TABLE.len());
    }
}
