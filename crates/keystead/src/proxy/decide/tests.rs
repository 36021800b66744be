//! Policy as a table: what is changed about an ordinary call, and what comes of it.

use std::sync::Arc;

use http::{Request, header};
use keystead_providers::{AddOnType, CredentialForm, Facts, Gated, HostRules};
use keystead_vault::{SubjectHash, TokenHash};

use super::{decide, route};
use crate::{
    clock::{Clock, Timestamp},
    ids::{
        AddOnId, ApplicationId, ClientId, KeyGrantId, KeyId, OrganizationId, RequestId, TokenId,
        VaultId,
    },
    limits::{Defaults, Limiter, RowLimits, Stock},
    net::pool::Upstreams,
    proxy::{
        authenticate::Caller,
        call::Call,
        hosts::Hosts,
        plane::{Client, Places},
        session::{Rows, Session, SessionParts},
    },
    store::{
        AccessToken, AddOn, Application, Authority, GrantTerms, Key, KeyGrant, KeyOwner, KeySource,
        KeyStatus, Operations, OwnAuthority,
    },
};

/// An ordinary call, to be changed one thing at a time.
struct Case {
    authority: Authority,
    places: Places,
    method: &'static str,
    path: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    client: [u8; 4],
    facts: Facts,
    known: bool,
}

fn ordinary() -> Case {
    let clock = Clock::standing_at(Timestamp::from_micros(1_000_000));
    let (organization, application) = (OrganizationId::new(&clock), ApplicationId::new(&clock));
    let (key, now) = (KeyId::new(&clock), clock.now());
    let provider = keystead_providers::by_name("openai").unwrap().about();
    let destination = provider
        .destination("sk-proj-", None, HostRules::default())
        .unwrap();
    let authority = Authority {
        token: AccessToken {
            id: TokenId::new(&clock),
            organization,
            application,
            hash: TokenHash::from_bytes([1; 32]),
            secret: None,
            family: None,
            key: None,
            is_console: true,
            subject: SubjectHash::from_bytes([2; 32]),
            scope: Vec::new(),
            expires_at: now,
            revoked: false,
            created_at: now,
            row_version: 1,
        },
        application: Application {
            id: application,
            organization,
            name: "Shop".to_owned(),
            client_id: ClientId::generate(),
            development_of: None,
            public: false,
            origins: vec!["https://shop.example".to_owned()],
            redirect_uris: Vec::new(),
            addresses: Vec::new(),
            disabled: false,
            pepper_record: Vec::new(),
            created_at: now,
            limits: RowLimits::default(),
            issuer: None,
            require_dpop: false,
            row_version: 1,
        },
        addon: AddOn {
            id: AddOnId::new(&clock),
            organization,
            application,
            handle: "chat".parse().unwrap(),
            kind: AddOnType::Any,
            key: Some(key),
            key_source: KeySource::Application,
            provider: None,
            models: Vec::new(),
            operations: Operations::Default,
            allow: Vec::new(),
            strict: false,
            disabled: false,
            created_at: now,
            limits: RowLimits::default(),
            row_version: 1,
        },
        key: Some(Key {
            id: key,
            owner: KeyOwner::Application {
                organization,
                application,
            },
            provider: "openai".to_owned(),
            name: "Main".to_owned(),
            destination,
            explicit_endpoint: false,
            last4: "abcd".to_owned(),
            disabled: false,
            version: 1,
            max_version: 1,
            created_at: now,
            limits: RowLimits::default(),
            row_version: 1,
            status: KeyStatus::Valid,
            checked_at: None,
        }),
        own: None,
        grant: None,
        organization_limits: RowLimits::default(),
    };
    Case {
        authority,
        places: Places::default(),
        method: "POST",
        path: "/v1/chat/completions",
        headers: Vec::new(),
        client: [203, 0, 113, 7],
        facts: Facts {
            model: Some("gpt-6-luna".into()),
            ..Facts::default()
        },
        known: true,
    }
}

const CONSOLE: &str = "https://console.example";

/// The code of the refusal, or `permitted`.
fn outcome(case: Case) -> &'static str {
    let (limiter, upstreams) = (Limiter::default(), Upstreams::default());
    let defaults = Defaults::none();
    let (stock, rows) = (Stock::new(1, Arc::default()), Rows::default());
    let parts = SessionParts {
        rows: &rows,
        held: &stock,
        proofs: &stock,
        console_origin: CONSOLE,
        limiter: &limiter,
        upstreams: &upstreams,
        defaults: &defaults,
        places: &case.places,
    };
    let client_id = case.authority.application.client_id;
    let session = Arc::new(Session::new(case.authority, &parts).unwrap());
    let mut request = Request::builder()
        .method(case.method)
        .uri(format!("/proxy/{client_id}/chat{}", case.path))
        .header(header::HOST, "localhost");
    for (name, value) in case.headers {
        request = request.header(name, value);
    }
    let client = Client {
        address: case.client.into(),
        is_private: true,
    };
    let head = request.body(()).unwrap().into_parts().0;
    let call = Call::parse(Box::new(head), client, &Hosts::default()).unwrap();
    let caller = Caller::of(session, CredentialForm::Bearer);
    let id = RequestId::of(Timestamp::default(), 1, 2);
    let decided =
        route(&caller, &call, NOW).and_then(|route| decide(route, &case.facts, case.known, id));
    match decided {
        Ok(_) => "permitted",
        Err(refusal) => refusal.code(),
    }
}

/// Gives the caller a key of their own, and the AddOn the wish for it.
fn own(case: &mut Case, change: fn(&mut OwnAuthority)) {
    let clock = Clock::standing_at(NOW);
    let authority = &mut case.authority;
    authority.addon.key_source = KeySource::User;
    let vault = VaultId::new(&clock);
    let mut key = authority.key.clone().unwrap();
    key.owner = KeyOwner::Vault(vault);
    let mut own = OwnAuthority {
        grant: KeyGrant {
            id: KeyGrantId::new(&clock),
            organization: authority.application.organization,
            application: authority.application.id,
            subject: authority.token.subject,
            provider: key.provider.clone(),
            vault,
            key: key.id,
            terms: GrantTerms::default(),
            paused: false,
            withdrawn: false,
            suspended: false,
            created_at: NOW,
            given_at: NOW,
            row_version: 1,
        },
        key: Some(key),
    };
    change(&mut own);
    authority.own = Some(own);
}

const NOW: Timestamp = Timestamp::from_micros(1_000_000);

#[test]
fn policy_says_yes_to_the_ordinary_and_no_to_each_thing_that_is_off() {
    type Change = fn(&mut Case);
    let gated = || Gated {
        feature: "store",
        field: "store".to_owned(),
    };
    let table: &[(&str, Change, &str)] = &[
        ("nothing changed", |_| {}, "permitted"),
        (
            "application off",
            |c| c.authority.application.disabled = true,
            "application_disabled",
        ),
        (
            "AddOn off",
            |c| c.authority.addon.disabled = true,
            "addon_disabled",
        ),
        (
            "key off",
            |c| c.authority.key.as_mut().unwrap().disabled = true,
            "key_disabled",
        ),
        ("key deleted", |c| c.authority.key = None, "key_disabled"),
        (
            "user's key",
            |c| c.authority.addon.key_source = KeySource::User,
            "user_key_missing",
        ),
        ("own key", |c| own(c, |_| {}), "permitted"),
        (
            "own key, paused",
            |c| own(c, |own| own.grant.paused = true),
            "user_key_paused",
        ),
        (
            "own key, suspended by a restore",
            |c| {
                own(c, |own| {
                    own.grant.withdrawn = true;
                    own.grant.suspended = true;
                });
                c.authority.addon.key_source = KeySource::UserThenApplication;
            },
            "user_key_paused",
        ),
        (
            "own key, off",
            |c| own(c, |own| own.key.as_mut().unwrap().disabled = true),
            "user_key_paused",
        ),
        (
            "own key, deleted, and the application's is not used in its place",
            |c| {
                own(c, |own| own.key = None);
                c.authority.addon.key_source = KeySource::UserThenApplication;
            },
            "user_key_missing",
        ),
        (
            "own key, over this very moment, nor is it here",
            |c| {
                own(c, |own| own.grant.terms.ends_at = Some(NOW));
                c.authority.addon.key_source = KeySource::UserThenApplication;
            },
            "user_key_ended",
        ),
        (
            "own key, for another model",
            |c| own(c, |own| own.grant.terms.models = vec!["gpt-5".to_owned()]),
            "user_key_model",
        ),
        (
            "no own key where the application's does as well",
            |c| c.authority.addon.key_source = KeySource::UserThenApplication,
            "permitted",
        ),
        (
            "the application's key is off, which is nothing to an own one",
            |c| {
                own(c, |_| {});
                c.authority.key.as_mut().unwrap().disabled = true;
            },
            "permitted",
        ),
        (
            "listed origin",
            |c| c.headers.push(("origin", "https://shop.example")),
            "permitted",
        ),
        (
            "other origin",
            |c| c.headers.push(("origin", "https://x.example")),
            "origin_not_allowed",
        ),
        (
            "the console's page, with a token that a host's backend minted",
            |c| {
                c.authority.token.is_console = false;
                c.headers.push(("origin", CONSOLE));
            },
            "origin_not_allowed",
        ),
        (
            "the console's page, with a token that it minted",
            |c| c.headers.push(("origin", CONSOLE)),
            "permitted",
        ),
        (
            "null origin",
            |c| c.headers.push(("origin", "null")),
            "origin_not_allowed",
        ),
        (
            "address outside",
            |c| c.authority.application.addresses = vec!["10.0.0.0/8".parse().unwrap()],
            "address_not_allowed",
        ),
        (
            "address inside",
            |c| c.authority.application.addresses = vec!["203.0.113.0/24".parse().unwrap()],
            "permitted",
        ),
        ("unknown path", |c| c.path = "/v1/nothing", "not_found"),
        (
            "denied path",
            |c| c.path = "/v1/fine_tuning/jobs",
            "operation_not_allowed",
        ),
        ("other method", |c| c.method = "DELETE", "not_found"),
        (
            "opt-in operation",
            |c| c.path = "/v1/files",
            "operation_not_allowed",
        ),
        (
            "opted in",
            |c| {
                c.path = "/v1/files";
                c.authority.addon.operations = Operations::All;
                c.authority.addon.allow = vec!["files".to_owned()];
            },
            "permitted",
        ),
        (
            "not of this type",
            |c| c.authority.addon.kind = AddOnType::Image,
            "operation_not_allowed",
        ),
        (
            "not named",
            |c| c.authority.addon.operations = Operations::Named(vec!["embeddings".to_owned()]),
            "operation_not_allowed",
        ),
        (
            "listed model",
            |c| c.authority.addon.models = vec!["gpt-6-luna".to_owned()],
            "permitted",
        ),
        (
            "other model",
            |c| c.authority.addon.models = vec!["x".to_owned()],
            "model_not_allowed",
        ),
        (
            "no model named where models are listed",
            |c| {
                c.authority.addon.models = vec!["x".to_owned()];
                c.facts.model = None;
            },
            "model_not_allowed",
        ),
        (
            "unknown tool",
            |c| c.facts.unknown_tools.push("new".to_owned()),
            "unknown_tool",
        ),
        (
            "unknown field",
            |c| c.facts.unknown_fields.push("new".to_owned()),
            "permitted",
        ),
        (
            "unknown field on a strict AddOn",
            |c| {
                c.facts.unknown_fields.push("new".to_owned());
                c.authority.addon.strict = true;
            },
            "unknown_field",
        ),
        (
            "somebody else's object",
            |c| c.known = false,
            "object_unknown",
        ),
        (
            "base address configured since",
            |c| {
                let other = "https://eu.api.openai.com".parse().unwrap();
                c.places.base_urls.insert("openai", other);
            },
            "destination_changed",
        ),
        (
            "entered for a host that is no longer trusted",
            |c| {
                let key = c.authority.key.as_mut().unwrap();
                key.destination = "http://127.0.0.1:9".parse().unwrap();
                key.explicit_endpoint = true;
            },
            "destination_changed",
        ),
    ];
    for (name, change, expected) in table {
        let mut case = ordinary();
        change(&mut case);
        assert_eq!(outcome(case), *expected, "{name}");
    }
    let mut case = ordinary();
    case.facts.gated.push(gated());
    assert_eq!(outcome(case), "feature_not_allowed");
    let mut case = ordinary();
    case.facts.gated.push(gated());
    case.authority.addon.allow.push("store".to_owned());
    assert_eq!(outcome(case), "permitted");
}
