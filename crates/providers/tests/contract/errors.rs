//! Error answers: what they mean in traffic, and what they say about a key.

use http::{HeaderMap, StatusCode};
use keystead_providers::{ALL, CheckAnswer, CheckOutcome, Meaning};

use crate::fixtures::errors;

#[test]
fn error_bodies_are_judged_as_documented() {
    for provider in ALL {
        let about = provider.about();
        for error in errors(about) {
            let status = StatusCode::from_u16(error.status).unwrap();
            let meaning = about.judge(status, error.body.as_bytes(), &HeaderMap::new());
            assert_eq!(
                meaning, error.means,
                "{}: {} {}",
                about.name, error.status, error.body
            );
        }
    }
}

#[test]
fn answers_to_key_checks_are_read_as_documented() {
    for provider in ALL {
        for error in errors(provider.about()) {
            let answer = CheckAnswer {
                status: StatusCode::from_u16(error.status).unwrap(),
                headers: &HeaderMap::new(),
                body: error.body.as_bytes(),
            };
            let (outcome, missing) = match provider.read_check(error.step, &answer) {
                CheckOutcome::Valid => ("valid", vec![]),
                CheckOutcome::Wrong => ("wrong", vec![]),
                CheckOutcome::NoPermission { missing } => ("no-permission", missing),
                CheckOutcome::NoCredit => ("no-credit", vec![]),
                CheckOutcome::AddressNotAllowed => ("address-not-allowed", vec![]),
                CheckOutcome::TryNext => ("try-next", vec![]),
                _ => ("unknown", vec![]),
            };
            let about = provider.about().name;
            let told = format!(
                "{about}, step {}: {} {}",
                error.step, error.status, error.body
            );
            assert_eq!(outcome, error.key, "{told}");
            assert_eq!(missing, error.missing, "{told}");
        }
    }
}

#[test]
fn every_provider_knows_a_good_a_wrong_and_an_exhausted_key() {
    for provider in ALL {
        let about = provider.about();
        let told: Vec<_> = errors(about).into_iter().map(|error| error.key).collect();
        let mut needed = vec!["valid", "wrong"];
        if about.name != "azure-openai" {
            needed.push("no-credit");
        }
        for outcome in needed {
            assert!(
                told.iter().any(|key| key == outcome),
                "{}: {outcome}",
                about.name
            );
        }
    }
}

#[test]
fn only_what_did_no_work_is_retried() {
    for provider in ALL {
        let about = provider.about();
        for status in 400..600 {
            let status = StatusCode::from_u16(status).unwrap();
            let meaning = about.judge(status, b"", &HeaderMap::new());
            let may_retry: &[u16] = match about.name {
                "stability" => &[429],
                _ => &[429, 503, 529],
            };
            let retries = meaning == Meaning::Retry;
            assert!(
                !retries || may_retry.contains(&status.as_u16()),
                "{}: {status}",
                about.name
            );
        }
        assert_eq!(
            about.judge(StatusCode::TOO_MANY_REQUESTS, b"", &HeaderMap::new()),
            Meaning::Retry
        );
    }
}

#[test]
fn a_body_that_is_no_json_or_is_encoded_is_judged_by_its_status() {
    let mut encoded = HeaderMap::new();
    encoded.insert("content-encoding", "gzip".parse().unwrap());
    for provider in ALL {
        let about = provider.about();
        for body in [
            &b"\x1f\x8b\x08\0\xff"[..],
            b"",
            b"[1,",
            b"<html>",
            &[b'['; 4_096],
        ] {
            about.judge(StatusCode::UNAUTHORIZED, body, &encoded);
            about.judge(StatusCode::UNAUTHORIZED, body, &HeaderMap::new());
        }
    }
}
