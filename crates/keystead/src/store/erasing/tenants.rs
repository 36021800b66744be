//! Erasure of an application, and of an organization with all that belongs to it.

use sqlx::AssertSqlSafe;

use super::Erased;
use crate::{
    audit::{Action, Actor, Event, Field},
    ids::{ApplicationId, OrganizationId},
    store::{Changing, Store, StoreError, deletion},
};

impl Store {
    pub(super) async fn erase_application(
        &self,
        changing: &mut Changing,
        actor: Actor,
        organization: OrganizationId,
        application: ApplicationId,
        erased: &mut Erased,
    ) -> Result<(), StoreError> {
        // Development applications first: they refer to the main one.
        let all = sqlx::query_scalar::<_, String>(
            "SELECT id FROM applications WHERE organization_id = $1 AND (id = $2 OR development_of = $2)
             ORDER BY CASE WHEN id = $2 THEN 1 ELSE 0 END, id",
        )
        .bind(organization.to_string())
        .bind(application.to_string())
        .fetch_all(changing.connection())
        .await?;
        for id in &all {
            let (event, gone) = deletion::delete(changing, actor, organization, id).await?;
            let event = match *id == application.to_string() {
                true => event,
                false => event.with(Field::DevelopmentOf, &application),
            };
            changing.audit(event).await?;
            erased.application(&gone);
            self.forget_application(changing, id).await?;
        }
        Ok(())
    }

    pub(super) async fn erase_organization(
        &self,
        changing: &mut Changing,
        actor: Actor,
        organization: OrganizationId,
        erased: &mut Erased,
    ) -> Result<(), StoreError> {
        let tenant = organization.to_string();
        let applications = sqlx::query_scalar::<_, String>(
            "SELECT id FROM applications WHERE organization_id = $1
             ORDER BY CASE WHEN development_of IS NULL THEN 1 ELSE 0 END, id",
        )
        .bind(&tenant)
        .fetch_all(changing.connection())
        .await?;
        for id in &applications {
            let (event, gone) = deletion::delete(changing, actor, organization, id).await?;
            changing.audit(event).await?;
            erased.application(&gone);
        }
        for (table, action) in [
            ("api_tokens", Action::ApiTokenDeleted),
            ("keys", Action::KeyDeleted),
            ("webhooks", Action::WebhookRemoved),
            ("decoys", Action::DecoyRemoved),
        ] {
            let delete = format!("DELETE FROM {table} WHERE organization_id = $1 RETURNING id");
            let gone = sqlx::query_scalar::<_, String>(AssertSqlSafe(delete))
                .bind(&tenant)
                .fetch_all(changing.connection())
                .await?;
            for id in &gone {
                changing.cut(id);
                let event = Event::new(actor, action, id);
                changing.audit(event.within(organization).gone()).await?;
            }
            match table {
                "api_tokens" => erased.api_tokens += gone.len() as u64,
                "keys" => erased.keys += gone.len() as u64,
                _ => {}
            }
        }
        let accounts = sqlx::query_scalar::<_, String>(
            "DELETE FROM members WHERE organization_id = $1 RETURNING account_id",
        )
        .bind(&tenant)
        .fetch_all(changing.connection())
        .await?;
        for account in accounts {
            changing.cut(&account);
            let event = Event::new(actor, Action::MemberRemoved, &format!("{tenant}/{account}"));
            changing.audit(event.within(organization).gone()).await?;
            erased.memberships += 1;
        }
        let sessions = sqlx::query_scalar::<_, String>(
            "DELETE FROM sessions WHERE organization_id = $1 RETURNING id",
        )
        .bind(&tenant)
        .fetch_all(changing.connection())
        .await?;
        for session in sessions {
            changing.cut(&session);
            erased.sessions += 1;
        }
        // What is left is nobody's authority: books, counts, links. The log stays.
        let mut tables = self.tables(changing.connection()).await?;
        tables.reverse();
        for table in tables {
            let has_tenant = table.column_names().any(|name| name == "organization_id");
            if has_tenant && table.name != "audit_events" {
                let delete = format!("DELETE FROM \"{}\" WHERE organization_id = $1", table.name);
                sqlx::query(AssertSqlSafe(delete))
                    .bind(&tenant)
                    .execute(changing.connection())
                    .await?;
            }
        }
        let gone = sqlx::query("DELETE FROM organizations WHERE id = $1")
            .bind(&tenant)
            .execute(changing.connection())
            .await?;
        if gone.rows_affected() > 0 {
            changing.cut(&organization);
            let event = Event::new(actor, Action::OrganizationDeleted, &organization);
            changing.audit(event.within(organization).gone()).await?;
        }
        Ok(())
    }

    /// An application's end users are nobody any more: without its pepper no hash can be made again,
    /// and their sums go. What was used stays in the books, by day and model.
    async fn forget_application(
        &self,
        changing: &mut Changing,
        application: &str,
    ) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM usage_subjects WHERE application_id = $1")
            .bind(application.to_owned())
            .execute(changing.connection())
            .await?;
        Ok(())
    }
}
