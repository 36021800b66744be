//! What the filters and the forms of pages offer: applications, AddOns, providers.

use super::{Console, Person, Refused};
use crate::{
    ids::OrganizationId,
    manage::{Search, applications, breakdown::provider_title, permission::right::SeeApplications},
    store::{Order, Page},
};

/// Something to choose.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    /// What the address says.
    pub(super) id: String,
    /// What people call it.
    pub(super) name: String,
    /// What it belongs to.
    pub(super) of: Option<String>,
}

/// What belongs to an organization, by name.
#[derive(Clone, Debug)]
pub(super) struct Choices {
    pub(super) applications: Vec<Choice>,
    pub(super) addons: Vec<Choice>,
    /// Whether an application exchanges the tokens of an identity provider of its own.
    pub(super) has_issuer: bool,
}

/// More than this nobody chooses from; whoever has more comes from the object's own page.
const MOST: u16 = 100;

impl Choices {
    /// The first of them.
    pub(super) async fn of(
        console: &Console,
        organization: OrganizationId,
    ) -> Result<Self, Refused> {
        let page = Page {
            order: Order::Name,
            ..Page::first(MOST)
        };
        let store = console.store();
        let (applications, addons) = tokio::try_join!(
            store.applications(organization, &page),
            store.addons(organization, None, &page),
        )?;
        let name_of = |id| {
            let mut all = applications.rows.iter();
            let found = all.find(|one| one.id == id);
            found.map(|one| one.name.clone())
        };
        let addons = addons.rows.iter().map(|one| Choice {
            id: one.id.to_string(),
            name: one.handle.to_string(),
            of: name_of(one.application),
        });
        Ok(Self {
            addons: addons.collect(),
            has_issuer: applications.rows.iter().any(|one| one.issuer.is_some()),
            applications: applications
                .rows
                .iter()
                .map(|one| Choice {
                    id: one.id.to_string(),
                    name: one.name.clone(),
                    of: None,
                })
                .collect(),
        })
    }

    /// Every provider that there is an adapter for.
    pub(super) fn providers() -> Vec<Choice> {
        let all = keystead_providers::ALL.iter();
        all.map(|provider| {
            let id = provider.about().name;
            Choice {
                id: id.to_owned(),
                name: provider_title(id).to_owned(),
                of: None,
            }
        })
        .collect()
    }

    /// An AddOn as it is called here; by its id where it is not among the first.
    pub(super) fn addon(&self, id: &impl ToString) -> Choice {
        let id = id.to_string();
        let found = self.addons.iter().find(|one| one.id == id);
        found.cloned().unwrap_or_else(|| Choice {
            name: id.clone(),
            of: None,
            id,
        })
    }
}

/// The organization's applications, by name: the first two hundred.
pub(super) async fn applications(
    console: &Console,
    person: &Person,
) -> Result<Vec<Choice>, Refused> {
    let may = person.may::<SeeApplications>(console).await?;
    let search = Search {
        limit: Some(200),
        sort: Some("name".to_owned()),
        ..Search::default()
    };
    let found = applications::list(console.manage(), &may, &search).await?;
    let choices = found.data.into_iter().map(|one| Choice {
        id: one.application_id.to_string(),
        name: one.name,
        of: None,
    });
    Ok(choices.collect())
}

/// The name of one of them; its id where there are too many to have been fetched.
pub(super) fn name_of(applications: &[Choice], id: &impl ToString) -> String {
    let id = id.to_string();
    let found = applications.iter().find(|one| one.id == id);
    found.map_or(id, |one| one.name.clone())
}
