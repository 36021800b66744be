//! What of an organization's set-up is weaker than it could be.

use super::{CARE_DAYS, Columns, Organization, Store, StoreError, Unfit};

/// Something that is weaker than it could be.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Weakness {
    /// The provider does not take a key.
    KeyRefused,
    /// A member could sign in with a password alone.
    NoSecondFactor,
    /// An application lists origins that anybody on the way can speak for.
    PlainOrigin,
    /// A key is older than its rotation age.
    KeyOld,
    /// A key was not used for long.
    KeyUnused,
    /// Nobody knows whether a key works.
    KeyUnchecked,
    /// An API token never ends.
    EndlessApiToken,
    /// An AddOn may do whatever is not administrative.
    AnyOperation,
    /// An AddOn opens gated features.
    GatedFeatures,
    /// An AddOn lets every model be called.
    AnyModel,
    /// No budget bounds what an application spends.
    NoBudget,
}

impl Weakness {
    /// All of them, the gravest first.
    pub const ALL: [Self; 11] = [
        Self::KeyRefused,
        Self::NoSecondFactor,
        Self::PlainOrigin,
        Self::KeyOld,
        Self::KeyUnused,
        Self::KeyUnchecked,
        Self::EndlessApiToken,
        Self::AnyOperation,
        Self::GatedFeatures,
        Self::AnyModel,
        Self::NoBudget,
    ];

    /// The objects of an organization that have it: `$1` is the organization, `$2` what the rule
    /// counts from.
    fn question(self) -> &'static str {
        match self {
            Self::KeyRefused => {
                "SELECT id FROM keys WHERE organization_id = $1 AND disabled = 0
                     AND status NOT IN ('valid', 'unchecked') AND $2 = $2"
            }
            Self::NoSecondFactor => {
                "SELECT m.account_id FROM members m
                 WHERE m.organization_id = $1 AND $2 = $2
                     AND EXISTS (SELECT 1 FROM passwords p WHERE p.account_id = m.account_id)
                     AND NOT EXISTS (SELECT 1 FROM totps t WHERE t.account_id = m.account_id)
                     AND NOT EXISTS (SELECT 1 FROM passkeys k WHERE k.account_id = m.account_id)"
            }
            Self::PlainOrigin => {
                "SELECT id FROM applications WHERE organization_id = $1 AND disabled = 0
                     AND origins LIKE '%http://%' AND $2 = $2"
            }
            Self::KeyOld => {
                "SELECT id FROM keys WHERE organization_id = $1 AND disabled = 0
                     AND COALESCE((SELECT v.created_at FROM key_versions v
                         WHERE v.key_id = keys.id AND v.n = keys.version), created_at) < $2"
            }
            Self::KeyUnused => {
                "SELECT id FROM keys WHERE organization_id = $1 AND disabled = 0 AND created_at < $2
                     AND COALESCE((SELECT MAX(day) FROM usage_days u
                         WHERE u.organization_id = $1 AND u.key_id = keys.id), 0)
                         < $2 / 86400000000"
            }
            Self::KeyUnchecked => {
                "SELECT id FROM keys WHERE organization_id = $1 AND disabled = 0
                     AND status = 'unchecked' AND $2 = $2"
            }
            Self::EndlessApiToken => {
                "SELECT id FROM api_tokens WHERE organization_id = $1 AND revoked = 0
                     AND expires_at IS NULL AND $2 = $2"
            }
            Self::AnyOperation => {
                "SELECT id FROM addons WHERE organization_id = $1 AND disabled = 0
                     AND operations = 'all' AND $2 = $2"
            }
            Self::GatedFeatures => {
                "SELECT id FROM addons WHERE organization_id = $1 AND disabled = 0
                     AND allow <> '[]' AND allow <> '' AND $2 = $2"
            }
            Self::AnyModel => {
                "SELECT id FROM addons WHERE organization_id = $1 AND disabled = 0
                     AND models = '[]' AND $2 = $2"
            }
            Self::NoBudget => {
                "SELECT id FROM applications WHERE organization_id = $1 AND disabled = 0
                     AND limits NOT LIKE '%budgets%' AND $2 = $2
                     AND NOT EXISTS (SELECT 1 FROM organizations o
                         WHERE o.id = $1 AND o.limits LIKE '%budgets%')"
            }
        }
    }
}

impl Store {
    /// The objects of an organization that have a weakness, a hundred at most of each.
    pub async fn weaknesses(
        &self,
        organization: &Organization,
    ) -> Result<Vec<(Weakness, Vec<String>)>, StoreError> {
        let now = self.0.clock.now().as_micros();
        let rotation = i64::from(organization.alert_rules.key_rotation_days.get());
        let mut found = Vec::new();
        for weakness in Weakness::ALL {
            let days = match weakness {
                Weakness::KeyOld => rotation,
                _ => CARE_DAYS,
            };
            let rows = sqlx::query(weakness.question())
                .bind(organization.id.to_string())
                .bind(now - days * DAY_US)
                .fetch_all(&self.0.read)
                .await?;
            let id = |row| Columns::of(row).text();
            let objects = rows.iter().take(100).map(id).collect::<Result<_, Unfit>>();
            let objects =
                objects.map_err(|_| self.tampered("organizations", organization.id.to_string()));
            found.push((weakness, objects?));
        }
        Ok(found)
    }
}

const DAY_US: i64 = 86_400_000_000;
