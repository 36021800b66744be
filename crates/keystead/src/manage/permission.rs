//! Who may do what: one table for every route of the management API.

use crate::store::{ApiScope, Role};

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        /// Something that a route lets its caller do.
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

        /// Actions as types: a handler that takes [`May<EditKeys>`](super::May) says so in its
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
    /// Make and revoke client secrets.
    EditClientSecrets = "client_secrets.edit";
    /// List and show keys (never the keys themselves).
    SeeKeys = "keys.see";
    /// Add, check, rotate, disable, delete keys.
    EditKeys = "keys.edit";
    /// List and show AddOns.
    SeeAddOns = "addons.see";
    /// Install, change, disable, remove AddOns.
    EditAddOns = "addons.edit";
    /// See the organization and the rules that hold for it.
    SeeOrganization = "organization.see";
    /// Change the rules that hold for the organization.
    EditOrganization = "organization.edit";
    /// See which limits hold for calls, and what is left of them.
    SeeLimits = "limits.see";
    /// See the usage ledger.
    SeeUsage = "usage.see";
    /// See the audit log.
    SeeAudit = "audit.see";
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
}

const EVERYONE: &[Role] = &[Role::Owner, Role::Admin, Role::Developer, Role::Auditor];
const BUILDERS: &[Role] = &[Role::Owner, Role::Admin, Role::Developer];
/// What holds for everybody is not for one developer to change.
const LEADERS: &[Role] = &[Role::Owner, Role::Admin];
/// The audit log shows what every member did, so developers do not read it.
const OVERSEERS: &[Role] = &[Role::Owner, Role::Admin, Role::Auditor];

#[rustfmt::skip]
const TABLE: &[Rule] = &[
    Rule { action: Action::SeeApplications,   roles: EVERYONE,  scopes: &[ApiScope::Read, ApiScope::Applications], words: "see applications" },
    Rule { action: Action::EditApplications,  roles: BUILDERS,  scopes: &[ApiScope::Applications],                 words: "change applications" },
    Rule { action: Action::EditClientSecrets, roles: BUILDERS,  scopes: &[ApiScope::Applications],                 words: "change client secrets" },
    Rule { action: Action::SeeKeys,           roles: EVERYONE,  scopes: &[ApiScope::Read, ApiScope::Keys],         words: "see keys" },
    Rule { action: Action::EditKeys,          roles: BUILDERS,  scopes: &[ApiScope::Keys],                         words: "change keys" },
    Rule { action: Action::SeeAddOns,         roles: EVERYONE,  scopes: &[ApiScope::Read, ApiScope::AddOns],       words: "see AddOns" },
    Rule { action: Action::EditAddOns,        roles: BUILDERS,  scopes: &[ApiScope::AddOns],                       words: "change AddOns" },
    Rule { action: Action::SeeOrganization,   roles: EVERYONE,  scopes: &[ApiScope::Read],                         words: "see the organization" },
    Rule { action: Action::EditOrganization,  roles: LEADERS,   scopes: &[],                                       words: "change the organization" },
    Rule { action: Action::SeeLimits,         roles: EVERYONE,  scopes: &[ApiScope::Read, ApiScope::Usage],        words: "see limits" },
    Rule { action: Action::SeeUsage,          roles: EVERYONE,  scopes: &[ApiScope::Read, ApiScope::Usage],        words: "see usage" },
    Rule { action: Action::SeeAudit,          roles: OVERSEERS, scopes: &[ApiScope::Read, ApiScope::Audit],        words: "see the audit log" },
];

impl Action {
    /// Whether someone of this role, with an API token of these scopes, may do it.
    pub fn is_open_to(self, role: Role, scopes: &[ApiScope]) -> bool {
        let rule = self.rule();
        let in_scope = |scope: &ApiScope| *scope == ApiScope::All || rule.scopes.contains(scope);
        rule.roles.contains(&role) && scopes.iter().any(in_scope)
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
            Role::ALL.into_iter().map(letter).collect()
        };
        // Owner, admin, developer, auditor ("a" twice).
        for (action, expected) in [
            (Action::SeeApplications, "oada"),
            (Action::EditApplications, "oad-"),
            (Action::EditClientSecrets, "oad-"),
            (Action::SeeKeys, "oada"),
            (Action::EditKeys, "oad-"),
            (Action::SeeAddOns, "oada"),
            (Action::EditAddOns, "oad-"),
            (Action::SeeOrganization, "oada"),
            (Action::EditOrganization, "oa--"),
            (Action::SeeLimits, "oada"),
            (Action::SeeUsage, "oada"),
            (Action::SeeAudit, "oa-a"),
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
