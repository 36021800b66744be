//! What is taken for a call, and what is refused.

use http::Request;
use proptest::prelude::*;

use super::*;

const CLIENT_HERE: Client = Client {
    address: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
    is_private: true,
};
const CLIENT: &str = "cl_0123456789abcdef0123456789abcdef";

fn parse(target: &str, headers: &[(&str, &str)]) -> Result<Call, Refusal> {
    let mut request = Request::post(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    Call::parse(Box::new(parts), CLIENT_HERE, &Hosts::new(["keys.example"]))
}

fn path_of(rest: &str) -> Result<String, &'static str> {
    let target = format!("/proxy/{CLIENT}/chat{rest}");
    parse(&target, &[("host", "keys.example")])
        .map(|call| call.path().to_owned())
        .map_err(|refusal| refusal.code())
}

#[test]
fn the_address_names_application_addon_and_the_providers_own_path() {
    let call = parse(
        &format!("/proxy/{CLIENT}/my-chat/v1/chat/completions?x=1"),
        &[("host", "keys.example:8420")],
    )
    .unwrap();
    assert_eq!(call.client_id.to_string(), CLIENT);
    assert_eq!(call.handle(), "my-chat");
    assert_eq!(
        (call.path(), call.query()),
        ("/v1/chat/completions", Some("x=1"))
    );
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    for rest in [
        "/v1/../organization",
        "/v1/%2e%2e/organization",
        "/v1/.%2E/x",
        "/v1/./x",
        "/v1//x",
        "//v1/x",
        "/v1%2fx",
        "/v1%2Fx",
        "/v1%5cx",
        "/v1\\x",
        "/v1/%252e",
        "/v1/%00",
        "/v1/%0d",
        "/v1/%ff",
        "/v1/%zz",
        "/v1/a%20b",
        "/v1/<x>",
    ] {
        // hyper's own parser refuses some of them before we see them; then there is no URI.
        let Ok(target) = format!("/proxy/{CLIENT}/chat{rest}").parse::<Uri>() else {
            continue;
        };
        let refused = parse(&target.to_string(), &[("host", "localhost")]);
        assert!(
            refused.is_err_and(|refusal| refusal.code() == "malformed_request"),
            "{rest}"
        );
    }
}

#[test]
fn encoded_but_harmless_characters_are_decoded_once() {
    let colon = path_of("/computervision/imageanalysis%3Aanalyze");
    assert_eq!(
        colon,
        Ok("/computervision/imageanalysis:analyze".to_owned())
    );
    assert_eq!(path_of("/v1/models/"), Ok("/v1/models/".to_owned()));
}

#[test]
fn only_known_hosts_are_answered() {
    let target = format!("/proxy/{CLIENT}/chat/v1/models");
    for host in [
        "localhost",
        "LOCALHOST:1",
        "127.0.0.1:8420",
        "[::1]:8420",
        "keys.example",
    ] {
        assert!(parse(&target, &[("host", host)]).is_ok(), "{host}");
    }
    for host in [
        "evil.example",
        "keys.example.evil.example",
        "localhost.evil.example",
        "",
    ] {
        let refused = parse(&target, &[("host", host)]);
        assert!(
            refused.is_err_and(|r| matches!(r, Refusal::Misdirected)),
            "{host}"
        );
    }
    let userinfo = parse(&target, &[("host", "x@localhost")]);
    assert!(userinfo.is_err_and(|refusal| refusal.code() == "malformed_request"));
    let none = parse(&target, &[]);
    assert!(none.is_err_and(|refusal| refusal.code() == "malformed_request"));
    let absolute = format!("http://localhost{target}");
    let absolute = parse(&absolute, &[("host", "localhost")]);
    assert!(absolute.is_err_and(|refusal| refusal.code() == "malformed_request"));
}

#[test]
fn credentials_in_the_address_are_refused() {
    for query in [
        "key=x",
        "a=b&api_key=x",
        "API-KEY=x",
        "access%5Ftoken=x",
        "auth_key=x",
    ] {
        assert_eq!(
            path_of(&format!("/v1/models?{query}")),
            Err("credential_in_query")
        );
    }
    assert!(path_of("/v1/models?limit=1&after=key").is_ok());
}

#[test]
fn unlisted_methods_and_encodings_are_refused() {
    for method in ["TRACE", "CONNECT", "OPTIONS", "HEAD", "PROPFIND"] {
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.method = method.parse().unwrap();
        let refused = Call::parse(Box::new(parts), CLIENT_HERE, &Hosts::new(["x"]));
        assert!(
            matches!(refused, Err(Refusal::MethodNotAllowed)),
            "{method}"
        );
    }
    let target = format!("/proxy/{CLIENT}/chat/v1/models");
    for (name, value) in [("content-encoding", "gzip"), ("upgrade", "websocket")] {
        assert!(
            parse(&target, &[("host", "localhost"), (name, value)]).is_err(),
            "{name}"
        );
    }
}

proptest! {
    /// Whatever passes is in normal form: no escapes, no dot or empty segments inside.
    #[test]
    fn a_path_that_passes_is_normal(rest in "(/|%2e|%2F|\\.|a|%61|:|%|@){0,12}") {
        if let Ok(path) = path_of(&format!("/{rest}")) {
            prop_assert!(path.starts_with('/') && !path.contains('%') && !path.contains("//"));
            prop_assert!(path.split('/').all(|segment| segment != "." && segment != ".."));
            // Read again it is the same path.
            prop_assert_eq!(path_of(&path), Ok(path));
        }
    }
}
