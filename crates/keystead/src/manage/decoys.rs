//! Decoys: what is planted so that its use shows a leak.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    List, Manage, May, Object as _, Problem, ShownOnce, fields::Fields,
    permission::right::EditDecoys, time::Moment,
};
use crate::{
    ids::{ApplicationId, DecoyId},
    store::{Decoy, NewDecoy},
};

/// A decoy to be planted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DecoyCreate)]
pub struct Create {
    /// Where it will lie, for you to know when it is used.
    pub name: String,
    /// What it looks like: `access_token`, or a provider's name for a key of theirs.
    pub form: String,
    /// The application that it lies beside; none if left out.
    pub application_id: Option<String>,
}

/// A decoy.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DecoyView {
    /// Its id, which an alert names.
    pub decoy_id: DecoyId,
    /// Where it lies.
    pub name: String,
    /// What it looks like.
    pub form: String,
    /// The application that it lies beside.
    pub application_id: Option<ApplicationId>,
    /// When it was made.
    pub created_at: Moment,
}

/// A decoy that was just made.
#[derive(Debug, Serialize, ToSchema)]
pub struct MadeDecoy {
    /// What is known of it.
    #[serde(flatten)]
    pub about: DecoyView,
    /// The decoy. It is shown this once.
    pub decoy: ShownOnce,
}

/// The organization's decoys.
pub async fn list(manage: &Manage, caller: &May<EditDecoys>) -> Result<List<DecoyView>, Problem> {
    let found = manage.store().decoys(caller.organization).await?;
    let data = found.into_iter().map(DecoyView::from).collect();
    Ok(List::part(data, false, None))
}

/// Makes one, to be planted.
pub async fn create(
    manage: &Manage,
    caller: &May<EditDecoys>,
    wanted: Create,
) -> Result<MadeDecoy, Problem> {
    let mut fields = Fields::default();
    let name = fields.title("name", &wanted.name);
    if !Decoy::forms().any(|form| form == wanted.form) {
        fields.wrong("form", "must be `access_token` or the name of a provider");
    }
    fields.finish()?;
    let new = NewDecoy {
        organization: caller.organization,
        application: ApplicationId::named_if_any(wanted.application_id.as_deref())?,
        name,
        form: wanted.form,
    };
    let (decoy, text) = manage.store().plant_decoy(caller.actor, new).await?;
    Ok(MadeDecoy {
        about: decoy.into(),
        decoy: text.into(),
    })
}

/// Forgets one: it is a wrong credential like any other from now on.
pub async fn remove(manage: &Manage, caller: &May<EditDecoys>, id: DecoyId) -> Result<(), Problem> {
    let store = manage.store();
    let removed = store.remove_decoy(caller.actor, caller.organization, id);
    Ok(removed.await?)
}

impl From<Decoy> for DecoyView {
    fn from(decoy: Decoy) -> Self {
        Self {
            decoy_id: decoy.id,
            name: decoy.name,
            form: decoy.form,
            application_id: decoy.application,
            created_at: Moment(decoy.created_at),
        }
    }
}
