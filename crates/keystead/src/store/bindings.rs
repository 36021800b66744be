//! Objects that a provider keeps for later fetching, and the end user each belongs to.

use aws_lc_rs::digest::{SHA256, digest};
use keystead_vault::{Canonical, SubjectHash};
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::{AuthorityRow, Columns, Store, StoreError, Unfit, Units, UsageRow, row};
use crate::{
    clock::Timestamp,
    ids::{AddOnId, ApplicationId, KeyId, OrganizationId},
};

/// Who caused an object at a provider: whoever else names its id is told that there is none.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The tenant.
    pub organization: OrganizationId,
    /// The application it was caused through.
    pub application: ApplicationId,
    /// The AddOn it was caused through.
    pub addon: AddOnId,
    /// The key in whose account at the provider it lies.
    pub key: KeyId,
    /// The end user who caused it.
    pub subject: SubjectHash,
    /// What it is: a stable word of the provider's adapter.
    pub kind: &'static str,
    /// The provider's id of it.
    pub object: String,
    /// When the provider forgets it.
    pub expires_at: Timestamp,
}

/// What is to be done with the usage of an object.
#[derive(Debug)]
pub(super) enum Settlement {
    /// It is booked.
    Book,
    /// It stands on another call already, and costs nothing here.
    Free,
    /// It is booked in place of what was estimated of another attempt, whose page this is.
    InPlaceOf(Vec<u8>),
}

/// A binding as the store keeps it: the id is hashed, for nobody needs to read it back.
struct Row {
    organization: OrganizationId,
    application: ApplicationId,
    addon: AddOnId,
    key: KeyId,
    object: [u8; 32],
    subject: SubjectHash,
    expires_at: Timestamp,
}

impl Row {
    fn of(binding: &Binding) -> Self {
        Self {
            organization: binding.organization,
            application: binding.application,
            addon: binding.addon,
            key: binding.key,
            object: hashed(binding.kind, &binding.object),
            subject: binding.subject,
            expires_at: binding.expires_at,
        }
    }
}

fn hashed(kind: &str, object: &str) -> [u8; 32] {
    let named = Canonical::new("keystead/binding/v1")
        .text(kind)
        .text(object);
    let hash = digest(&SHA256, named.as_bytes());
    hash.as_ref().try_into().expect("SHA-256 gives 32 bytes")
}

impl AuthorityRow for Row {
    const TABLE: &'static str = "bindings";
    const COLUMNS: &'static str =
        "organization_id, application_id, addon_id, key_id, object, subject, expires_at";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            organization: columns.parsed()?,
            application: columns.parsed()?,
            addon: columns.parsed()?,
            key: columns.parsed()?,
            object: columns.hash()?,
            subject: SubjectHash::from_bytes(columns.hash()?),
            expires_at: columns.time()?,
        })
    }

    /// A binding never changes.
    fn row_version(&self) -> i64 {
        1
    }

    fn covered(&self) -> Canonical {
        row::covered(
            Self::TABLE,
            &self.organization,
            &self.application,
            self.row_version(),
        )
        .text(&self.addon.to_string())
        .text(&self.key.to_string())
        .bytes(&self.object)
        .bytes(self.subject.as_bytes())
        .number(self.expires_at.as_micros())
    }
}

impl Store {
    /// Binds objects to whoever caused them; durable when it returns, so before the byte that
    /// carries the id leaves. An object that is bound already stays whose it is.
    pub async fn bind(&self, bindings: &[Binding]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for binding in bindings {
            let row = Row::of(binding);
            sqlx::query(
                "INSERT INTO bindings (organization_id, application_id, addon_id, key_id, object,
                     subject, expires_at, mac)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                 ON CONFLICT (application_id, addon_id, key_id, object) DO NOTHING",
            )
            .bind(row.organization.to_string())
            .bind(row.application.to_string())
            .bind(row.addon.to_string())
            .bind(row.key.to_string())
            .bind(row.object.to_vec())
            .bind(row.subject.as_bytes().to_vec())
            .bind(row.expires_at.as_micros())
            .bind(self.tag(&row)?)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Whether an object belongs to this subject, by way of this application, AddOn and key.
    /// Unknown, another's and expired are alike. `wanted.expires_at` does not matter.
    pub async fn bound(&self, wanted: &Binding) -> Result<bool, StoreError> {
        let wanted = Row::of(wanted);
        let row = sqlx::query(row::select::<Row>(
            "WHERE organization_id = $1 AND application_id = $2 AND addon_id = $3 AND key_id = $4
                 AND object = $5",
        ))
        .bind(wanted.organization.to_string())
        .bind(wanted.application.to_string())
        .bind(wanted.addon.to_string())
        .bind(wanted.key.to_string())
        .bind(wanted.object.to_vec())
        .fetch_optional(&self.0.read)
        .await?;
        let Some(row) = row else { return Ok(false) };
        let found: Row = self.checked(&row)?;
        Ok(found.subject == wanted.subject && self.0.clock.now() < found.expires_at)
    }

    /// What is to be done with what an attempt used, or is estimated to have used, of an object
    /// whose usage may be told at several calls.
    ///
    /// The first call that tells it settles it. What was estimated before, when the object was
    /// made, is kept with it until then, as the page of that one attempt.
    pub(super) async fn settle(
        &self,
        row: &UsageRow,
        connection: &mut AnyConnection,
    ) -> Result<Settlement, StoreError> {
        let (Some(object), Some(key)) = (&row.settles, row.key) else {
            return Ok(Settlement::Book);
        };
        if row.units == Units::default() {
            return Ok(Settlement::Book);
        }
        let request = row.request.to_string();
        let told_by = (!row.is_estimated).then_some(request.as_str());
        let of_object = "WHERE organization_id = $2 AND application_id = $3 AND addon_id = $4
                             AND key_id = $5 AND object = $6";
        let found = sqlx::query(AssertSqlSafe(format!(
            "UPDATE bindings SET settled_by = coalesce(settled_by, $1) {of_object}
             RETURNING settled_by, estimate"
        )))
        .bind(told_by)
        .bind(row.organization.to_string())
        .bind(row.application.to_string())
        .bind(row.addon.to_string())
        .bind(key.to_string())
        .bind(hashed(object.kind, &object.id).to_vec())
        .fetch_optional(&mut *connection)
        .await?;
        let Some(found) = found else {
            return Ok(Settlement::Book);
        };
        let settled_by: Option<String> = found.try_get(0)?;
        if settled_by.is_some_and(|by| told_by != Some(by.as_str())) {
            return Ok(Settlement::Free);
        }
        let estimated: Option<Vec<u8>> = found.try_get(1)?;
        if row.is_estimated || estimated.is_some() {
            let keep = format!("UPDATE bindings SET estimate = $1 {of_object}");
            sqlx::query(AssertSqlSafe(keep))
                .bind(row.is_estimated.then(|| row.page()))
                .bind(row.organization.to_string())
                .bind(row.application.to_string())
                .bind(row.addon.to_string())
                .bind(key.to_string())
                .bind(hashed(object.kind, &object.id).to_vec())
                .execute(connection)
                .await?;
        }
        Ok(match estimated {
            Some(page) if !row.is_estimated => Settlement::InPlaceOf(page),
            _ => Settlement::Book,
        })
    }

    /// Deletes bindings whose objects the provider has forgotten. Returns how many.
    pub async fn delete_expired_bindings(&self) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let gone = sqlx::query("DELETE FROM bindings WHERE expires_at <= $1")
            .bind(self.0.clock.now().as_micros())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(gone.rows_affected())
    }
}
