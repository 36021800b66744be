use super::*;

fn azure() -> Destinations {
    Destinations {
        default: None,
        by_suffix: vec![],
        hosts: vec!["*.openai.azure.com", "api.example.com"],
    }
}

#[test]
fn a_destination_is_read_and_written_back() {
    for (text, written) in [
        ("https://API.OpenAI.com", "https://api.openai.com"),
        ("https://api.openai.com./", "https://api.openai.com"),
        (
            "https://api.openai.com:443/a/b/",
            "https://api.openai.com/a/b",
        ),
        ("http://127.0.0.1:9000/v", "http://127.0.0.1:9000/v"),
        ("http://[::1]:9000", "http://[::1]:9000"),
    ] {
        let read: Destination = text.parse().unwrap();
        assert_eq!(read.to_string(), written);
        assert_eq!(written.parse(), Ok(read));
    }
}

#[test]
fn what_has_no_place_in_an_address_is_refused() {
    for bad in [
        "api.openai.com",
        "ftp://api.openai.com",
        "https://user@api.openai.com",
        "https://u:p@api.openai.com",
        "https://api.openai.com/?a=b",
        "https://api.openai.com/#a",
        "https://api.openai.com//x",
        "https://api.openai.com/%41",
        "",
    ] {
        assert!(bad.parse::<Destination>().is_err(), "{bad}");
    }
}

#[test]
fn only_the_providers_own_hosts_are_endpoints() {
    let strict = HostRules::default();
    for (endpoint, fits) in [
        ("https://my-res.openai.azure.com", true),
        ("https://MY-RES.openai.azure.com/", true),
        ("https://api.example.com", true),
        ("http://my-res.openai.azure.com", false),
        ("https://my-res.openai.azure.com:8443", false),
        ("https://my-res.openai.azure.com/x", false),
        ("https://a.b.openai.azure.com", false),
        ("https://-res.openai.azure.com", false),
        ("https://openai.azure.com", false),
        ("https://my-res.openai.azure.com.evil.test", false),
        ("https://evilopenai.azure.com", false),
        ("https://169.254.169.254", false),
        ("https://[::1]", false),
        ("https://2130706433", false),
        ("https://localhost", false),
    ] {
        let chosen = azure().choose("key", Some(endpoint), strict);
        assert_eq!(chosen.is_ok(), fits, "{endpoint}: {chosen:?}");
    }
}

#[test]
fn an_operator_may_open_what_is_closed() {
    let base: Destination = "http://127.0.0.1:9000/fake".parse().unwrap();
    let rules = HostRules {
        base_url: Some(&base),
        any_host: false,
    };
    assert_eq!(azure().choose("key", None, rules), Ok(base.clone()));
    assert_eq!(
        azure().choose("key", Some("http://127.0.0.1:9000/fake"), rules),
        Ok(base.clone())
    );
    assert!(
        azure()
            .choose("key", Some("http://127.0.0.1:9001"), rules)
            .is_err()
    );
    let rules = HostRules {
        base_url: None,
        any_host: true,
    };
    assert!(
        azure()
            .choose("key", Some("http://127.0.0.1:9001"), rules)
            .is_ok()
    );
    assert!(matches!(
        azure().choose("key", None, rules),
        Err(EndpointError::Missing { .. })
    ));
}
