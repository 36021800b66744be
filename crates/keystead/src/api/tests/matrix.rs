//! Every route for every role, every scope, and another tenant, made from the document and the
//! table of permissions. A route that is new fails here until it says what it takes.

use utoipa::openapi::path::Operation;

use super::*;
use crate::manage::permission::Action;

/// What each operation lets its caller do; nothing for what anyone may.
fn action(operation: &str) -> Option<Action> {
    Some(match operation {
        "applications.list"
        | "applications.show"
        | "applications.belongings"
        | "client_secrets.list"
        | "consent_texts.list" => Action::SeeApplications,
        "applications.create"
        | "applications.update"
        | "applications.disable"
        | "applications.enable"
        | "consent_texts.write" => Action::EditApplications,
        "applications.remove" => Action::DeleteApplications,
        "client_secrets.create" | "client_secrets.revoke" => Action::EditClientSecrets,
        "keys.list" | "keys.show" => Action::SeeKeys,
        "keys.add" | "keys.update" | "keys.check" | "keys.disable" | "keys.enable" => {
            Action::EditKeys
        }
        "keys.rotate" | "keys.remove" => Action::ReplaceKeys,
        "addons.list" | "addons.show" => Action::SeeAddOns,
        "addons.install" | "addons.update" | "addons.disable" | "addons.enable"
        | "addons.remove" => Action::EditAddOns,
        "organization.show" => Action::SeeOrganization,
        "organization.update" => Action::EditOrganization,
        "subjects.export" => Action::ExportSubjects,
        "subjects.erase" => Action::EraseSubjects,
        "account.export" => Action::ExportAccount,
        "account.erase" => Action::EraseAccount,
        "organization.belongings" => Action::SeeOrganization,
        "organization.delete" => Action::DeleteOrganization,
        "organization.rotate_key" => Action::RotateOrganizationKey,
        "account.rotate_key" => Action::RotateAccountKey,
        "members.list" | "members.show" | "invitations.list" => Action::SeeMembers,
        "members.update" | "members.remove" | "invitations.create" | "invitations.withdraw" => {
            Action::EditMembers
        }
        "api_tokens.list" => Action::SeeApiTokens,
        "api_tokens.create" | "api_tokens.revoke" => Action::EditApiTokens,
        "sessions.list" => Action::SeeSessions,
        "sessions.end" | "sessions.end_others" => Action::EndSessions,
        "limits.check" => Action::SeeLimits,
        "usage.list" | "usage.of_subject" | "usage.refused" | "requests.list" => Action::SeeUsage,
        "webhooks.list" | "webhooks.deliveries" => Action::SeeAlerts,
        "webhooks.create" | "webhooks.remove" => Action::EditWebhooks,
        "decoys.list" | "decoys.create" | "decoys.remove" => Action::EditDecoys,
        "alerts.list" => Action::SeeAlerts,
        "alerts.acknowledge" => Action::EditAlerts,
        "audit.list" => Action::SeeAudit,
        "audit.export" => Action::ExportAudit,
        "system.show" | "security.report" => Action::SeeSystem,
        "openapi" => return None,
        other => panic!("who may do `{other}`?"),
    })
}

/// Whether the answer is another than 403.
fn is_open(operation: &str, role: Role, scope: ApiScope) -> bool {
    let may = |action: Action| action.is_open_to(role, &[scope]);
    // The token is another member's: who sees it must be able to change members; who does not is
    // told that there is none.
    let others =
        operation != "api_tokens.revoke" || !may(Action::SeeMembers) || may(Action::EditMembers);
    action(operation).is_some_and(may) && others
}

/// One of everything that a path can name.
struct Furniture {
    app: String,
    key: String,
    addon: String,
    secret: String,
    member: String,
    api_token: String,
    invitation: String,
    session: String,
    alert: String,
    webhook: String,
    decoy: String,
}

impl Furniture {
    async fn new(bed: &Bed, organization: OrganizationId, owner: &str) -> Self {
        let (app, key, addon) = bed.furnish(owner).await;
        let secrets = format!("/applications/{app}/client-secrets");
        let (_, secrets) = bed.get(owner, &secrets).await;
        let spare = bed
            .member(organization, Role::Developer, ApiScope::All)
            .await;
        let (_, own) = bed.get(&spare, "/api-tokens").await;
        let own = &own["data"][0];
        let invited = json!({"email": "invited@example.org", "role": "developer"});
        let (_, invitation) = bed.post(owner, "/invitations", invited).await;
        // There may be few of them, and each attempt furnishes anew.
        let (_, others) = bed.get(owner, "/webhooks").await;
        for other in others["data"].as_array().into_iter().flatten() {
            let path = format!("/webhooks/{}", text(other, "webhook_id"));
            bed.call(owner, Method::DELETE, &path, Value::Null).await;
        }
        let hooked = json!({"url": "https://hooks.example/"});
        let (_, webhook) = bed.post(owner, "/webhooks", hooked).await;
        let planted = json!({"name": "wiki", "form": "openai"});
        let (_, decoy) = bed.post(owner, "/decoys", planted).await;
        Self {
            decoy: text(&decoy, "decoy_id"),
            webhook: text(&webhook, "webhook_id"),
            invitation: text(&invitation, "invitation_id"),
            session: bed.session(organization, &text(own, "account_id")).await,
            alert: bed.alert(organization).await,
            app,
            key,
            addon,
            secret: text(&secrets["data"][0], "secret_id"),
            member: text(own, "account_id"),
            api_token: text(own, "api_token_id"),
        }
    }

    /// The path of an operation, with these ids in it.
    fn path(&self, template: &str) -> String {
        let id = match template.split('/').nth(1) {
            Some("applications") => &self.app,
            Some("keys") => &self.key,
            Some("addons") => &self.addon,
            Some("members") => &self.member,
            Some("api-tokens") => &self.api_token,
            Some("invitations") => &self.invitation,
            Some("sessions") => &self.session,
            Some("alerts") => &self.alert,
            Some("webhooks") => &self.webhook,
            Some("decoys") => &self.decoy,
            _ => "",
        };
        template
            .replace("{id}", id)
            .replace("{secret}", &self.secret)
    }

    /// A body that is right.
    fn body(&self, operation: &str) -> Value {
        let (app, key) = (&self.app, &self.key);
        match operation {
            "applications.create" | "applications.update" | "keys.update" => json!({"name": "n"}),
            "keys.add" => {
                json!({"application_id": app, "provider": "openai", "name": "n", "key": KEY})
            }
            "keys.rotate" => json!({ "key": KEY }),
            "addons.install" => {
                json!({"application_id": app, "handle": "other", "type": "any", "key_id": key})
            }
            "consent_texts.write" => json!({"texts": {"en": "Yes?"}}),
            "addons.update" => json!({"strict": true}),
            "organization.update" => json!({"limits": {}}),
            "members.update" => json!({"role": "auditor"}),
            "webhooks.create" => json!({"url": "https://hooks.example/"}),
            "decoys.create" => json!({"name": "wiki", "form": "openai"}),
            "invitations.create" => json!({"email": "n@example.org", "role": "auditor"}),
            "api_tokens.create" => json!({"name": "n", "scopes": ["read"]}),
            "limits.check" => json!({"addon_id": self.addon}),
            "subjects.export" | "subjects.erase" => json!({"application_id": app, "uid": "u"}),
            // Not what is asked for: it is to be there for the others.
            "account.erase" | "organization.delete" => json!({"confirm": "no"}),
            "usage.of_subject" => json!({"application_id": app, "uid": "u"}),
            _ => Value::Null,
        }
    }
}

/// Every operation that is not open to all: method, path, name, whether it takes a body.
fn operations() -> Vec<(Method, String, String, bool)> {
    let mut operations = Vec::new();
    for (path, item) in document().paths.paths {
        let mut add = |method: Method, operation: Option<Operation>| {
            let Some(operation) = operation else { return };
            let name = operation.operation_id.expect("each has its name");
            if action(&name).is_some() {
                let takes_body = operation.request_body.is_some();
                operations.push((method, path.clone(), name, takes_body));
            }
        };
        add(Method::GET, item.get);
        add(Method::POST, item.post);
        add(Method::PATCH, item.patch);
        // Last, so that what goes is there for the others.
        add(Method::DELETE, item.delete);
    }
    operations.sort_by_key(|(method, ..)| *method == Method::DELETE);
    operations
}

#[tokio::test]
async fn every_route_asks_for_its_role_and_scope() {
    let bed = Bed::new().await;
    let (organization, owner) = bed.organization().await;
    let mut tokens = Vec::new();
    for role in Role::ALL {
        for scope in ApiScope::ALL {
            tokens.push((role, scope, bed.member(organization, role, scope).await));
        }
    }
    let (mut tried, mut denied) = (0, 0);
    for (role, scope, token) in tokens.iter().rev() {
        let there = Furniture::new(&bed, organization, &owner).await;
        for (method, path, name, takes_body) in operations() {
            let body = there.body(&name);
            assert_eq!(takes_body, !body.is_null(), "a body for `{name}`");
            let may = is_open(&name, *role, *scope);
            let (status, value) = bed.call(token, method, &there.path(&path), body).await;
            let what = format!("{} with {scope}: {name}: {status} {value}", role.word());
            assert_eq!(status == StatusCode::FORBIDDEN, !may, "{what}");
            assert!(status != StatusCode::UNAUTHORIZED, "{what}");
            assert!(!status.is_server_error(), "{what}");
            tried += 1;
            denied += usize::from(!may);
        }
    }
    assert!(tried > 1_000, "{tried}");
    let page = bed
        .manage
        .store()
        .audit_events(organization, 0, 10_000)
        .await;
    let is_denial = |event: &&crate::audit::AuditEvent| event.action == "access.denied";
    assert_eq!(
        page.unwrap().iter().filter(is_denial).count(),
        denied,
        "each denial is on record"
    );
}

#[tokio::test]
async fn another_tenants_objects_do_not_exist() {
    let bed = Bed::new().await;
    let (organization, ours) = bed.organization().await;
    let there = Furniture::new(&bed, organization, &ours).await;
    let (_, theirs) = bed.organization().await;
    for (method, path, name, _) in operations() {
        let (place, body) = (there.path(&path), there.body(&name));
        let names_ours = path.contains('{') || body.to_string().contains("_id\"");
        let (status, value) = bed.call(&theirs, method, &place, body).await;
        let what = format!("{name}: {status} {value}");
        match names_ours {
            true => assert_eq!(status, 404, "{what}"),
            false => assert!(!value.to_string().contains(&there.app), "{what}"),
        }
    }
    for kind in ["applications", "keys", "addons", "members"] {
        let path = there.path(&format!("/{kind}/{{id}}"));
        assert_eq!(bed.get(&ours, &path).await.0, 200, "untouched: {path}");
    }
}
