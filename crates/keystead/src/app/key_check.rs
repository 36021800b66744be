//! Asks a provider whether a key works, with the cheapest call it has.

use std::{pin::Pin, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use http_body_util::Full;
use keystead_providers::{Check, CheckAnswer, CheckOutcome, Destination, Provider};
use keystead_vault::ProviderKey;

use crate::{
    manage::{Asked, KeyChecker},
    net::{ConnectError, Connector, fetch::fetch},
};

/// How long a provider may take for one of these calls.
const PATIENCE: Duration = Duration::from_secs(15);

/// Makes the calls that an adapter's table lists, in order, until one tells.
#[derive(Clone, Debug)]
pub struct ProviderCheck {
    connector: Connector,
}

impl ProviderCheck {
    /// Checks keys over `connector`.
    #[must_use]
    pub fn new(connector: Connector) -> Self {
        Self { connector }
    }

    /// What the provider says of a key; `None` when it can't be reached.
    async fn check(
        &self,
        provider: &'static dyn Provider,
        destination: &Destination,
        key: &ProviderKey,
    ) -> Option<CheckOutcome> {
        // No call at all: what can't stand in a header can't be the provider's key.
        let mut outcome = CheckOutcome::Wrong;
        for (step, check) in provider.checks(key, destination).into_iter().enumerate() {
            let request = request(check, destination)?;
            let fetched = fetch(&self.connector, destination, request, PATIENCE)
                .await
                .ok()?;
            let answer = CheckAnswer {
                status: fetched.status,
                headers: &fetched.headers,
                body: &fetched.body,
            };
            outcome = provider.read_check(step, &answer);
            if outcome != CheckOutcome::TryNext {
                break;
            }
        }
        Some(outcome)
    }
}

impl KeyChecker for ProviderCheck {
    fn admit<'a>(
        &'a self,
        destination: &'a Destination,
    ) -> Pin<Box<dyn Future<Output = Result<(), &'static str>> + Send + 'a>> {
        Box::pin(async move {
            match self
                .connector
                .resolve(&destination.host, destination.port)
                .await
            {
                Err(ConnectError::Refused(refused)) => Err(refused.advice()),
                // A name that does not resolve now may later; connecting checks again.
                Ok(_) | Err(_) => Ok(()),
            }
        })
    }

    fn ask<'a>(
        &'a self,
        provider: &'static dyn Provider,
        key: &'a ProviderKey,
        destination: &'a Destination,
    ) -> Pin<Box<dyn Future<Output = Asked> + Send + 'a>> {
        Box::pin(async move {
            match self.check(provider, destination, key).await {
                Some(outcome) => Asked::Said(outcome),
                None => Asked::Unreachable,
            }
        })
    }
}

fn request(check: Check, destination: &Destination) -> Option<Request<Full<Bytes>>> {
    let mut request = Request::new(Full::new(check.body));
    *request.method_mut() = check.method;
    *request.uri_mut() = format!("{}{}", destination.prefix, check.path_and_query)
        .parse()
        .ok()?;
    *request.headers_mut() = check.headers;
    let host = HeaderValue::try_from(destination.authority()).ok()?;
    request.headers_mut().insert(header::HOST, host);
    Some(request)
}
