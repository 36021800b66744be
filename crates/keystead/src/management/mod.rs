//! The management listener: is the process alive, is it ready, and how is it doing.
//!
//! It has no authentication, so nothing here names a person, a key, a tenant or a token; it binds
//! to loopback unless configured otherwise. `/healthz` looks at nothing and stays 200 while the
//! process drains (an orchestrator that kills a draining process cuts its streams); `/readyz` is
//! what a load balancer asks.

pub mod histogram;
pub mod metrics;
pub mod readiness;

use std::{fmt, sync::Arc};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};

pub use self::{
    metrics::{CallMetrics, Metrics, Running},
    readiness::Readiness,
};

/// What the management routes show.
#[derive(Clone)]
pub struct Management {
    /// What `/metrics` prints.
    pub metrics: Metrics,
    /// What `/readyz` asks.
    pub readiness: Readiness,
    /// Whether a `Host` is one that this listener answers to.
    pub knows_host: Arc<dyn Fn(&str) -> bool + Send + Sync>,
}

impl fmt::Debug for Management {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Management")
            .field("readiness", &self.readiness)
            .finish_non_exhaustive()
    }
}

/// The three routes.
pub fn router(management: Management) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .layer(middleware::from_fn_with_state(
            management.clone(),
            check_host,
        ))
        .with_state(management)
}

async fn ready(State(management): State<Management>) -> Response {
    let report = management.readiness.report().await;
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(report)).into_response()
}

async fn metrics(State(management): State<Management>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], management.metrics.render()).into_response()
}

/// A page that rebinds its own name to this listener must not read it.
async fn check_host(
    State(management): State<Management>,
    request: Request,
    next: Next,
) -> Response {
    let named = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = request
        .uri()
        .authority()
        .map(|authority| authority.as_str())
        .or(named);
    if !host.is_some_and(|host| (management.knows_host)(host)) {
        return (StatusCode::MISDIRECTED_REQUEST, "unknown host\n").into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use tower::ServiceExt as _;

    use super::*;

    async fn get(management: &Management, path: &str, host: &str) -> (StatusCode, String) {
        let request = Request::get(path)
            .header(header::HOST, host)
            .body(Body::empty())
            .unwrap();
        let response = router(management.clone()).oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    fn management(readiness: Readiness) -> Management {
        let knows_host = Arc::new(|host: &str| host.starts_with("localhost"));
        Management {
            metrics: Metrics::new(),
            readiness,
            knows_host,
        }
    }

    #[tokio::test]
    async fn readiness_turns_off_while_health_stays() {
        let readiness = Readiness::new().check("store", || async { Ok(()) });
        let management = management(readiness.clone());
        let (status, body) = get(&management, "/readyz", "localhost:8421").await;
        assert_eq!(status, 200);
        assert_eq!(
            body,
            r#"{"ready":true,"checks":[{"name":"running","ok":true},{"name":"store","ok":true}]}"#
        );

        readiness.drain();
        let (status, body) = get(&management, "/readyz", "localhost:8421").await;
        assert_eq!(status, 503);
        assert!(
            body.contains(r#"{"name":"running","ok":false,"reason":"draining"}"#),
            "{body}"
        );
        assert_eq!(get(&management, "/healthz", "localhost").await.0, 200);
    }

    #[tokio::test]
    async fn an_unknown_host_is_misdirected() {
        let management = management(Readiness::new());
        for path in ["/healthz", "/readyz", "/metrics"] {
            assert_eq!(
                get(&management, path, "rebound.example").await.0,
                421,
                "{path}"
            );
        }
    }

    #[tokio::test]
    async fn metrics_are_open_metrics_text() {
        let management = management(Readiness::new());
        management.metrics.refused("rate_limited");
        let (status, body) = get(&management, "/metrics", "localhost").await;
        assert_eq!(status, 200);
        assert!(
            body.contains("keystead_refusals_total{code=\"rate_limited\"} 1\n"),
            "{body}"
        );
        assert!(body.ends_with("# EOF\n"));
    }
}
