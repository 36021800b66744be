//! Paths: what is open, what is not, and that no spelling changes that.

use http::Method;
use keystead_providers::{ALL, Access, Route, by_name};
use proptest::prelude::*;

fn open(provider: &str, method: &Method, path: &str) -> Option<(&'static str, Access)> {
    let about = by_name(provider).expect(provider).about();
    let found = about.classify(method, path)?;
    Some((found.operation.name, found.operation.access))
}

/// The route's path with something in the place of captures and of the rest.
fn example(route: &Route) -> Vec<String> {
    let path = route.path().replace('{', "x").replace('}', "1");
    match path.strip_suffix("/**") {
        Some(head) => vec![
            head.to_owned(),
            format!("{head}/a"),
            format!("{head}/a/b_1/c"),
        ],
        None => vec![path],
    }
}

fn methods(route: &Route) -> Vec<Method> {
    let all = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::HEAD,
    ];
    route.method().map_or(all.to_vec(), |own| vec![own.clone()])
}

#[test]
fn what_administers_bills_trains_or_mints_is_refused() {
    for (provider, path) in [
        ("openai", "/v1/organization/api_keys"),
        ("openai", "/v1/organization/admin_api_keys"),
        ("openai", "/v1/organization/costs"),
        ("openai", "/v1/organization/projects/p/api_keys"),
        ("openai", "/v1/projects/p/users"),
        ("openai", "/v1/fine_tuning/jobs"),
        ("openai", "/v1/evals/e/runs"),
        ("openai", "/v1/realtime/client_secrets"),
        ("openai", "/v1/realtime/translations/client_secrets"),
        ("openai", "/v1/realtime/sessions"),
        ("openai", "/v1/realtime/transcription_sessions"),
        ("openai", "/v1/chatkit/sessions"),
        ("openai", "/v1/audio/voices"),
        ("openai", "/v1/audio/voice_consents"),
        ("openai", "/v1/webhook_endpoints"),
        ("openai", "/v1/safety/alerts"),
        ("openai", "/v1/vaults/v/credentials"),
        ("openai", "/v1/agents/a"),
        ("openai", "/dashboard/billing/usage"),
        ("openai", "/v1/me"),
        ("azure-openai", "/openai/v1/fine_tuning/jobs"),
        ("azure-openai", "/openai/fine_tuning/jobs"),
        ("azure-openai", "/openai/v1/evals"),
        ("azure-openai", "/openai/v1/realtime/client_secrets"),
        ("azure-openai", "/openai/realtime/sessions"),
        ("azure-openai", "/openai/deployments"),
        ("azure-openai", "/openai/deployments/d"),
        (
            "azure-openai",
            "/openai/deployments/d/extensions/chat/completions",
        ),
        ("azure-openai", "/anthropic/v1/organizations/me"),
        ("azure-openai", "/v1/chat/completions"),
        ("azure-openai", "/vision/v3.2/analyze"),
        ("azure-vision", "/face/v1.0/detect"),
        ("azure-vision", "/customvision/v3.3/Training/projects"),
        ("azure-vision", "/computervision/models/m:train"),
        ("azure-vision", "/computervision/datasets/d"),
        ("azure-vision", "/openai/v1/chat/completions"),
        ("azure-vision", "/formrecognizer/documentModels"),
        ("azure-vision", "/text/analytics/v3.1/languages"),
        ("deepl", "/v2/admin/developer-keys"),
        ("deepl", "/v3/voice/realtime"),
        ("deepl", "/v1/jobs/voice/translate"),
        ("stability", "/v1/user/account"),
        ("anthropic", "/v1/organizations/api_keys"),
        ("anthropic", "/v1/organizations/usage_report/messages"),
        ("anthropic", "/v1/user_profiles/p"),
        ("anthropic", "/v1/oauth/token"),
        ("anthropic", "/v1/tunnels/t/reveal_token"),
        ("anthropic", "/v1/vaults/v/credentials"),
        ("anthropic", "/v1/sessions"),
    ] {
        for method in [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ] {
            assert_eq!(
                open(provider, &method, path),
                None,
                "{provider}: {method} {path}"
            );
        }
    }
    assert_eq!(
        open("openai", &Method::DELETE, "/v1/models/gpt-6-luna"),
        None
    );
}

#[test]
fn what_sdks_call_is_open() {
    use Access::{Default, OptIn};
    let (get, post) = (Method::GET, Method::POST);
    for (provider, method, path, expected) in [
        (
            "openai",
            &post,
            "/v1/chat/completions",
            ("chat.completions", Default),
        ),
        ("openai", &post, "/v1/responses", ("responses", Default)),
        (
            "openai",
            &get,
            "/v1/responses/resp_1/input_items",
            ("responses.stored", Default),
        ),
        ("openai", &get, "/v1/responses", ("realtime", OptIn)),
        (
            "openai",
            &get,
            "/v1/models/ft:gpt-4o:org::id",
            ("models", Default),
        ),
        ("openai", &get, "/v1/files", ("lists", OptIn)),
        (
            "azure-openai",
            &post,
            "/openai/v1/responses",
            ("responses", Default),
        ),
        (
            "azure-openai",
            &post,
            "/openai/deployments/my-gpt/chat/completions",
            ("chat.completions", Default),
        ),
        ("azure-openai", &get, "/openai/models", ("models", Default)),
        (
            "azure-openai",
            &post,
            "/anthropic/v1/messages",
            ("messages", Default),
        ),
        (
            "azure-vision",
            &post,
            "/computervision/imageanalysis:analyze",
            ("analyze", Default),
        ),
        (
            "azure-vision",
            &get,
            "/vision/v3.2/read/analyzeResults/49a36324-fc4b",
            ("v3.read", Default),
        ),
        ("deepl", &post, "/v2/translate", ("translate", Default)),
        (
            "deepl",
            &post,
            "/v2/document/04DE5AD9/result",
            ("documents.result", Default),
        ),
        (
            "deepl",
            &post,
            "/v3/glossaries",
            ("glossaries.write", OptIn),
        ),
        (
            "stability",
            &post,
            "/v2beta/stable-image/generate/core",
            ("generate.core", Default),
        ),
        ("stability", &get, "/v1/user/balance", ("balance", OptIn)),
        ("anthropic", &post, "/v1/messages", ("messages", Default)),
        (
            "anthropic",
            &post,
            "/v1/messages/count_tokens",
            ("messages.count_tokens", Default),
        ),
        (
            "anthropic",
            &post,
            "/v1/messages/batches",
            ("batches.create", OptIn),
        ),
    ] {
        assert_eq!(
            open(provider, method, path),
            Some(expected),
            "{provider}: {method} {path}"
        );
    }
    let azure = by_name("azure-openai").unwrap().about();
    let found = azure
        .classify(&post, "/openai/deployments/my-gpt/embeddings")
        .unwrap();
    assert_eq!(found.model(), Some("my-gpt"));
}

#[test]
fn every_listed_route_leads_to_its_operation_and_no_denied_one_is_open() {
    for provider in ALL {
        let about = provider.about();
        for operation in &about.operations {
            for route in &operation.routes {
                for (method, path) in methods(route)
                    .iter()
                    .flat_map(|m| example(route).into_iter().map(move |p| (m.clone(), p)))
                {
                    let found = about.classify(&method, &path);
                    let name = found.as_ref().map(|found| found.operation.name);
                    match operation.access {
                        Access::Denied => {
                            assert_eq!(name, None, "{}: {method} {path}", about.name);
                            assert!(about.denied(&method, &path).is_some(), "{path}");
                        }
                        _ => assert!(name.is_some(), "{}: {method} {path}", about.name),
                    }
                }
            }
        }
    }
}

#[test]
fn an_object_in_the_path_is_named_for_its_binding() {
    for provider in ALL {
        for operation in &provider.about().operations {
            let Some(kind) = operation.fetches_path else {
                continue;
            };
            for route in &operation.routes {
                let names = route.path().contains(&format!("{{{kind}}}"));
                assert!(
                    names,
                    "{}: {} lacks {{{kind}}}",
                    operation.name,
                    route.path()
                );
            }
            let bound = ALL.iter().flat_map(|other| &other.about().operations);
            let mut bound = bound.flat_map(|operation| &operation.binds);
            assert!(
                bound.any(|binding| binding.kind == kind),
                "nothing binds a {kind}"
            );
        }
    }
}

proptest! {
    /// Spellings that a lenient server might read as the path they were made from.
    #[test]
    fn no_denied_path_is_reachable_by_odd_spelling(pick in any::<prop::sample::Index>(), how in 0..12_usize, at in any::<prop::sample::Index>()) {
        let denied: Vec<_> = ALL.iter().flat_map(|provider| {
            let about = provider.about();
            about.denied_routes().flat_map(move |route| {
                let paths = example(route).into_iter();
                paths.flat_map(move |path| methods(route).into_iter().map(move |m| (about, m, path.clone())))
            })
        }).collect();
        let (about, method, path) = pick.get(&denied);
        let spelled = misspell(path, how, at.index(path.len()));
        let found = about.classify(method, &spelled);
        prop_assert!(found.is_none(), "{}: {} opens {:?}", about.name, spelled, found.map(|f| f.operation.name));
    }
}

fn misspell(path: &str, how: usize, at: usize) -> String {
    let (head, tail) = path.split_at(at);
    let escaped = |byte: u8| format!("%{byte:02x}");
    match how {
        0 => path.to_ascii_uppercase(),
        1 => format!("{path}/"),
        2 => path.replace('/', "//"),
        3 => format!("{head}{}{}", escaped(tail.as_bytes()[0]), &tail[1..]),
        4 => format!("/v1/models/..{path}"),
        5 => format!("{path}/."),
        6 => format!("{path};x"),
        7 => format!("{path}?x"),
        8 => format!("{path}%00"),
        9 => path.replace('/', "\\"),
        10 => path.replace('/', "%2f"),
        _ => format!("{path} "),
    }
}
