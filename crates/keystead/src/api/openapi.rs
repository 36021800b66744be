//! What all routes have in common in the OpenAPI document: who may call, and every way to say no.
//!
//! A route says what it takes and what it answers when all is well. The rest follows from that, so
//! no route can forget it.

use std::sync::LazyLock;

use axum::{body::Bytes, response::IntoResponse};
use http::header;
use utoipa::{
    PartialSchema as _, ToSchema,
    openapi::{
        Components, Content, InfoBuilder, LicenseBuilder, ObjectBuilder, OpenApi, Ref, RefOr,
        Required, Response, ResponseBuilder, Server, Type,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn},
        security::{
            ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
        },
    },
};

use super::answer::ProblemBody;

/// The document itself
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "openapi",
    tag = "This document",
    security(()),
    responses((status = 200, description = "Done", body = Object))
)]
pub(super) async fn show() -> impl IntoResponse {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| {
        let document = super::document().to_json();
        document.expect("a document is JSON").into()
    });
    let json = (header::CONTENT_TYPE, "application/json");
    ([json], DOCUMENT.clone())
}

/// The document of these routes.
pub(super) fn finished(mut document: OpenApi) -> OpenApi {
    document.info = InfoBuilder::new()
        .title("Keystead management API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").build()))
        .build();
    document.servers = Some(vec![Server::new("/api/v1")]);
    let components = document.components.get_or_insert_with(Components::new);
    components
        .schemas
        .insert("Problem".to_owned(), ProblemBody::schema());
    let mut parts = Vec::new();
    ProblemBody::schemas(&mut parts);
    components.schemas.extend(parts);
    for (_, name, text) in REFUSALS {
        let response = RefOr::T(problem(text));
        components.responses.insert(name.to_owned(), response);
    }
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("an API token, `ksa1_…`"))
        .build();
    components.add_security_scheme(SCHEME, SecurityScheme::Http(token));
    let session = ApiKeyValue::with_description(
        "__Host-keystead",
        "the session of a page of the console; the cookie is called `keystead` where the console has \
         no TLS",
    );
    let session = SecurityScheme::ApiKey(ApiKey::Cookie(session));
    components.add_security_scheme(SESSION, session);
    let csrf = ApiKeyValue::with_description(
        super::caller::CSRF,
        "what the forms of that session carry in their field `csrf`",
    );
    components.add_security_scheme(SESSION_CSRF, SecurityScheme::ApiKey(ApiKey::Header(csrf)));
    let nothing = || [""; 0];
    document.security = Some(vec![
        SecurityRequirement::new(SCHEME, nothing()),
        SecurityRequirement::new(SESSION, nothing()).add(SESSION_CSRF, nothing()),
    ]);

    for item in document.paths.paths.values_mut() {
        if let Some(operation) = &mut item.post {
            let parameters = operation.parameters.get_or_insert_default();
            parameters.push(RefOr::T(idempotency_key()));
        }
        let operations = [
            (&mut item.get, false),
            (&mut item.post, true),
            (&mut item.patch, true),
            (&mut item.delete, true),
        ];
        for (operation, changes) in operations {
            if let Some(operation) = operation {
                add_refusals(operation, changes);
            }
        }
    }
    document
}

/// Every way in which this operation can say no.
fn add_refusals(operation: &mut Operation, changes: bool) {
    let has_body = operation.request_body.is_some();
    let parameters = operation.parameters.as_deref().unwrap_or_default();
    let has = |place: &ParameterIn| {
        let mut all = parameters.iter();
        all.any(|one| matches!(one, RefOr::T(one) if one.parameter_in == *place))
    };
    let (has_query, can_be_named) = (has(&ParameterIn::Query), has(&ParameterIn::Header));
    let names_something = has_body || has_query || has(&ParameterIn::Path);
    let is_open = operation.security.is_some();
    for (refused, holds) in REFUSALS.iter().zip([
        has_body || has_query || can_be_named,
        !is_open,
        true,
        names_something,
        changes,
        has_body || can_be_named,
        has_body,
        has_body || has_query || can_be_named,
        !is_open,
    ]) {
        let (status, name, _) = refused;
        let response = RefOr::Ref(Ref::from_response_name(*name));
        if holds {
            let responses = &mut operation.responses.responses;
            responses.insert((*status).to_owned(), response);
        }
    }
}

fn idempotency_key() -> Parameter {
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(255))
        .pattern(Some("^[!-~]+$"));
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Names the request: sent again with the same body within a day, it is not done again",
        ))
        .schema(Some(text.build()))
        .build()
}

fn problem(text: &str) -> Response {
    let body = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new()
        .description(text)
        .content("application/problem+json", body)
        .build()
}

/// Status, name and meaning, in the order in which `add_refusals` says which hold.
const REFUSALS: [(&str, &str, &str); 9] = [
    ("400", "Malformed", "What was sent can't be read"),
    (
        "401",
        "Unauthenticated",
        "The API token is missing, unknown, expired or revoked",
    ),
    (
        "403",
        "Forbidden",
        "The role or the API token does not include it, or it can't be done from this address",
    ),
    ("404", "NotFound", "No such object in the organization"),
    (
        "409",
        "Conflict",
        "The object as it is now does not allow it",
    ),
    ("413", "TooLarge", "The body is too large"),
    ("415", "NotJson", "The body is not declared as JSON"),
    ("422", "Invalid", "Some fields can't be used"),
    (
        "503",
        "Unavailable",
        "The Data Store is away, or an object failed its integrity check",
    ),
];
const SCHEME: &str = "api_token";
/// Both of these together are the other way to call.
const SESSION: &str = "console_session";
const SESSION_CSRF: &str = "console_csrf";
const ABOUT: &str = "Applications, keys, AddOns, members, limits, usage and audit of one organization: \
    the one of the API token. No answer holds a provider's key. Lists come a page at a time; errors \
    are `application/problem+json` (RFC 9457) with a stable `code`.";
