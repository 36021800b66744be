//! Keys: where they go, and which are not taken.

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use keystead_providers::{ALL, CredentialForm, HostRules, KeyShape, by_name};
use keystead_vault::ProviderKey;

fn key(text: &str) -> ProviderKey {
    ProviderKey::new(text.to_owned().into())
}

#[test]
fn the_key_is_marked_sensitive_and_replaces_what_the_client_sent() {
    for provider in ALL {
        for form in CredentialForm::ALL {
            let mut headers = HeaderMap::new();
            for client in CredentialForm::ALL {
                headers.append(
                    client.header(),
                    HeaderValue::from_static("Bearer kst1_client"),
                );
                headers.append(client.header(), HeaderValue::from_static("kst1_client"));
            }
            headers.insert("accept", HeaderValue::from_static("*/*"));
            provider
                .key_header(&key("canary-3f9a1c"), form)
                .unwrap()
                .set(&mut headers);
            let name = provider.about().name;
            let carrying: Vec<_> = headers
                .values()
                .filter(|value| contains(value, "canary-3f9a1c"))
                .collect();
            assert_eq!(carrying.len(), 1, "{name}");
            assert!(carrying[0].is_sensitive(), "{name}");
            assert!(
                !headers.values().any(|value| contains(value, "kst1_client")),
                "{name}"
            );
            assert_eq!(headers.len(), 2, "{name}");
            assert!(!format!("{headers:?}").contains("canary"), "{name}");
        }
    }
}

#[test]
fn each_provider_gets_its_key_where_it_wants_it() {
    use CredentialForm::{ApiKey, Bearer, DeepLAuthKey, OcpApimSubscriptionKey, XApiKey};
    for (name, sent_in, header, value) in [
        ("openai", Bearer, AUTHORIZATION.as_str(), "Bearer k-1"),
        ("azure-openai", ApiKey, "api-key", "k-1"),
        ("azure-openai", Bearer, "api-key", "k-1"),
        (
            "azure-vision",
            OcpApimSubscriptionKey,
            "ocp-apim-subscription-key",
            "k-1",
        ),
        (
            "deepl",
            DeepLAuthKey,
            AUTHORIZATION.as_str(),
            "DeepL-Auth-Key k-1",
        ),
        ("stability", Bearer, AUTHORIZATION.as_str(), "Bearer k-1"),
        ("anthropic", XApiKey, "x-api-key", "k-1"),
        ("anthropic", Bearer, AUTHORIZATION.as_str(), "Bearer k-1"),
    ] {
        let mut headers = HeaderMap::new();
        by_name(name)
            .unwrap()
            .key_header(&key("k-1"), sent_in)
            .unwrap()
            .set(&mut headers);
        assert_eq!(headers[header], value, "{name}");
    }
}

#[test]
fn a_key_that_no_header_can_carry_is_refused() {
    for provider in ALL {
        let carried = provider.key_header(&key("two\r\nlines"), CredentialForm::Bearer);
        assert!(carried.is_err(), "{}", provider.about().name);
    }
}

#[test]
fn a_check_carries_the_key_once_and_sensitive() {
    for provider in ALL {
        let about = provider.about();
        let destination = "https://host.example".parse().unwrap();
        let checks = provider.checks(&key("canary-3f9a1c"), &destination);
        assert!(!checks.is_empty(), "{}", about.name);
        for check in checks {
            let carrying: Vec<_> = check
                .headers
                .values()
                .filter(|value| contains(value, "canary"))
                .collect();
            assert!(
                carrying.len() == 1 && carrying[0].is_sensitive(),
                "{}",
                about.name
            );
            assert!(check.path_and_query.starts_with('/'), "{}", about.name);
            let path = check.path_and_query.split('?').next().unwrap();
            assert!(
                about.classify(&check.method, path).is_some(),
                "{} {path}",
                about.name
            );
        }
    }
}

#[test]
fn administrators_keys_and_other_providers_keys_are_refused() {
    let long = "A".repeat(93);
    for (provider, pasted, verdict) in [
        ("openai", format!("sk-admin-{long}"), "refused"),
        ("openai", format!("sk-ant-api03-{long}AA"), "refused"),
        ("openai", "ek_6a7b8c9d0e1f2a3b4c5d".to_owned(), "refused"),
        ("openai", format!("sk-proj-{long}"), "fits"),
        ("openai", format!("sk-svcacct-{long}"), "fits"),
        (
            "openai",
            "sk-aaaaaaaaaaaaaaaaaaaaT3BlbkFJaaaaaaaaaaaaaaaaaaaa".to_owned(),
            "unusual",
        ),
        ("openai", "something-else-entirely".to_owned(), "unusual"),
        ("openai", "sk-proj-short".to_owned(), "refused"),
        ("openai", format!("sk-proj-{long} x"), "refused"),
        ("anthropic", format!("sk-ant-admin01-{long}AA"), "refused"),
        ("anthropic", format!("sk-ant-api01-{long}AA"), "refused"),
        ("anthropic", format!("sk-ant-oat01-{long}AA"), "refused"),
        ("anthropic", format!("sk-ant-api03-{long}AA"), "fits"),
        ("anthropic", format!("sk-proj-{long}"), "refused"),
        (
            "deepl",
            "0f8c1b2a-3d4e-5f60-7182-93a4b5c6d7e8".to_owned(),
            "fits",
        ),
        (
            "deepl",
            "0f8c1b2a-3d4e-5f60-7182-93a4b5c6d7e8:fx".to_owned(),
            "fits",
        ),
        (
            "deepl",
            "0f8c1b2a-3d4e-5f60-7182-93a4b5c6d7e8:adm".to_owned(),
            "refused",
        ),
        (
            "deepl",
            "0f8c1b2a3d4e5f60718293a4b5c6d7e8".to_owned(),
            "unusual",
        ),
        (
            "stability",
            "sk-Ab3dEf6hIj9lMn2pQr5tUv8xYz1BcD4fGh7jKl0nOp3rSt6u".to_owned(),
            "fits",
        ),
        ("stability", format!("sk-proj-{long}"), "refused"),
        (
            "azure-openai",
            "0123456789abcdef0123456789abcdef".to_owned(),
            "fits",
        ),
        ("azure-openai", "a1B2".repeat(21), "fits"),
        ("azure-openai", format!("sk-proj-{long}"), "refused"),
        ("azure-openai", format!("eyJ{long}"), "refused"),
        (
            "azure-vision",
            "0123456789abcdef0123456789abcdef".to_owned(),
            "fits",
        ),
    ] {
        let told = match by_name(provider).unwrap().about().key_shape(&pasted) {
            KeyShape::Fits => "fits",
            KeyShape::Unusual(_) => "unusual",
            KeyShape::Refused(_) => "refused",
        };
        assert_eq!(told, verdict, "{provider}: {pasted}");
    }
}

#[test]
fn the_key_and_the_endpoint_choose_the_host() {
    let rules = HostRules::default();
    for (provider, key, endpoint, expected) in [
        ("openai", "k", None, Some("https://api.openai.com")),
        (
            "openai",
            "k",
            Some("https://eu.api.openai.com"),
            Some("https://eu.api.openai.com"),
        ),
        ("openai", "k", Some("https://evil.api.openai.com"), None),
        ("deepl", "k", None, Some("https://api.deepl.com")),
        ("deepl", "k:fx", None, Some("https://api-free.deepl.com")),
        (
            "deepl",
            "k",
            Some("https://api-jp.deepl.com/"),
            Some("https://api-jp.deepl.com"),
        ),
        ("azure-openai", "k", None, None),
        (
            "azure-openai",
            "k",
            Some("https://my-res.openai.azure.com/"),
            Some("https://my-res.openai.azure.com"),
        ),
        ("azure-openai", "k", Some("https://api.openai.com"), None),
        (
            "azure-vision",
            "k",
            Some("https://westeurope.api.cognitive.microsoft.com"),
            Some("https://westeurope.api.cognitive.microsoft.com"),
        ),
        (
            "azure-vision",
            "k",
            Some("https://my.res.cognitiveservices.azure.com"),
            None,
        ),
        ("stability", "k", None, Some("https://api.stability.ai")),
        ("anthropic", "k", None, Some("https://api.anthropic.com")),
    ] {
        let about = by_name(provider).unwrap().about();
        let chosen = about
            .destination(key, endpoint, rules)
            .map(|found| found.to_string());
        assert_eq!(
            chosen.ok().as_deref(),
            expected,
            "{provider} {key} {endpoint:?}"
        );
    }
}

fn contains(value: &HeaderValue, text: &str) -> bool {
    String::from_utf8_lossy(value.as_bytes()).contains(text)
}
