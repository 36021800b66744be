//! What every page has around it: title, navigation, who is signed in.

use super::{Person, assets};
use crate::manage::permission::Action;

/// What the layout shows.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) title: String,
    pub(super) organization: String,
    pub(super) role: &'static str,
    pub(super) csrf: String,
    pub(super) done: Option<&'static str>,
    /// The other organizations of this person: id and name.
    pub(super) elsewhere: Vec<(String, String)>,
    place: Place,
    groups: Vec<Group>,
}

/// Where in the navigation a page is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    Overview,
    Applications,
    Providers,
    AddOns,
    Usage,
    Requests,
    Alerts,
    Security,
    Audit,
    Members,
    ApiTokens,
    System,
    Organization,
    Privacy,
    Account,
    MyKeys,
}

/// Links under one heading.
#[derive(Debug)]
pub(super) struct Group {
    /// What it is to those who can't see it; an organization may have any name.
    pub(super) label: &'static str,
    /// What stands above it.
    pub(super) heading: Option<String>,
    pub(super) links: Vec<Link>,
}

#[derive(Debug)]
pub(super) struct Link {
    pub(super) href: &'static str,
    pub(super) label: &'static str,
    pub(super) current: bool,
    /// How much there is to look at.
    pub(super) badge: Option<u64>,
}

struct Entry(Place, &'static str, &'static str, Action);

const WORK: &[Entry] = &[
    Entry(
        Place::Overview,
        "/console",
        "Overview",
        Action::SeeApplications,
    ),
    Entry(
        Place::Applications,
        "/console/applications",
        "Applications",
        Action::SeeApplications,
    ),
    Entry(
        Place::Providers,
        "/console/providers",
        "Providers & keys",
        Action::SeeKeys,
    ),
    Entry(
        Place::AddOns,
        "/console/addons",
        "AddOns",
        Action::SeeAddOns,
    ),
    Entry(Place::Usage, "/console/usage", "Usage", Action::SeeUsage),
    Entry(
        Place::Requests,
        "/console/requests",
        "Requests",
        Action::SeeUsage,
    ),
];
const TRUST: &[Entry] = &[
    Entry(
        Place::Alerts,
        "/console/alerts",
        "Alerts",
        Action::SeeAlerts,
    ),
    Entry(
        Place::Security,
        "/console/security",
        "Security report",
        Action::SeeSystem,
    ),
    Entry(Place::Audit, "/console/audit", "Audit", Action::SeeAudit),
];
const ORGANIZATION: &[Entry] = &[
    Entry(
        Place::Members,
        "/console/members",
        "Members",
        Action::SeeMembers,
    ),
    Entry(
        Place::ApiTokens,
        "/console/api-tokens",
        "API tokens",
        Action::EditApiTokens,
    ),
    Entry(
        Place::Organization,
        "/console/organization",
        "Settings",
        Action::SeeOrganization,
    ),
    Entry(
        Place::Privacy,
        "/console/privacy",
        "End users' data",
        Action::ExportSubjects,
    ),
    Entry(
        Place::System,
        "/console/system",
        "System",
        Action::SeeSystem,
    ),
];

impl Frame {
    /// The frame of a page at `place`; links that this person may not follow are left out.
    pub(super) fn new(person: &Person, place: Place, title: impl Into<String>) -> Self {
        let group = |label: &'static str, heading: Option<&str>, entries: &[Entry]| {
            let allowed = |entry: &&Entry| person.is_allowed(entry.3);
            let links = entries.iter().filter(allowed).map(|entry| Link {
                href: entry.1,
                label: entry.2,
                current: entry.0 == place,
                badge: Some(person.alerts).filter(|open| entry.0 == Place::Alerts && *open > 0),
            });
            Group {
                label,
                heading: heading.map(ToOwned::to_owned),
                links: links.collect(),
            }
        };
        let organization = person.signed_in.organization.name.as_str();
        let mut groups = vec![
            group("Main", None, WORK),
            group("Trust", Some("Trust"), TRUST),
            group("Organization", Some(organization), ORGANIZATION),
        ];
        groups.retain(|group| !group.links.is_empty());
        // What is nobody's but theirs, whatever their role.
        groups.push(Group {
            label: "Your own",
            heading: Some("Your own".to_owned()),
            links: vec![Link {
                href: "/connect/keys",
                label: "My keys",
                current: place == Place::MyKeys,
                badge: None,
            }],
        });
        Self {
            title: title.into(),
            organization: organization.to_owned(),
            role: person.role_title(),
            csrf: person.csrf.clone(),
            done: person.done,
            elsewhere: person
                .elsewhere
                .iter()
                .map(|one| (one.id.to_string(), one.name.clone()))
                .collect(),
            place,
            groups,
        }
    }

    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    pub(super) fn is_account(&self) -> bool {
        self.place == Place::Account
    }

    pub(super) fn style(&self) -> &'static str {
        &assets::STYLE
    }

    pub(super) fn script(&self) -> &'static str {
        &assets::SCRIPT
    }

    pub(super) fn passkey_script(&self) -> &'static str {
        &assets::PASSKEY
    }

    pub(super) fn icon(&self) -> &'static str {
        &assets::ICON
    }
}

/// What pages of one column have around them: sign-in, set-up, refusals.
#[derive(Debug)]
pub(super) struct Solo {
    pub(super) title: &'static str,
    place: String,
}

impl Solo {
    /// For a page that says no, whatever address it was reached at.
    pub(super) fn nowhere(title: &'static str) -> Self {
        Self {
            title,
            place: String::new(),
        }
    }

    /// `place` is the address that this console is to be reached at.
    pub(super) fn new(title: &'static str, place: &impl ToString) -> Self {
        Self {
            title,
            place: place.to_string(),
        }
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) fn style(&self) -> &'static str {
        &assets::STYLE
    }

    pub(super) fn script(&self) -> &'static str {
        &assets::SCRIPT
    }

    pub(super) fn passkey_script(&self) -> &'static str {
        &assets::PASSKEY
    }

    pub(super) fn link_script(&self) -> &'static str {
        &assets::LINK
    }

    pub(super) fn icon(&self) -> &'static str {
        &assets::ICON
    }
}
