//! Errors of our own in the shape that each provider's SDK parses.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use crate::CredentialForm;

/// The shape of a provider's error bodies.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Envelope {
    /// `{"error":{"message","type","param","code"}}`.
    #[serde(rename = "openai")]
    OpenAi,
    /// As OpenAI's, which is what its clients parse.
    #[serde(rename = "azure-openai")]
    AzureOpenAi,
    /// `{"error":{"code","message"}}`.
    AzureVision,
    /// `{"message"}`.
    #[serde(rename = "deepl")]
    DeepL,
    /// `{"id","name","errors":[]}`.
    Stability,
    /// `{"type":"error","error":{"type","message"},"request_id"}`.
    Anthropic,
}

/// An error of the gateway's, before it has a provider's shape.
#[derive(Clone, Copy, Debug)]
pub struct GatewayError<'a> {
    /// The status it is sent with.
    pub status: StatusCode,
    /// The stable word, e.g. `limit_exceeded`.
    pub code: &'a str,
    /// For a person; holds nothing of the request.
    pub message: &'a str,
    /// `req_…`.
    pub request_id: &'a str,
}

impl Envelope {
    /// The envelope that a credential's form suggests, for refusals from before any provider is
    /// known.
    pub fn of(form: CredentialForm) -> Self {
        match form {
            CredentialForm::Bearer => Self::OpenAi,
            CredentialForm::DeepLAuthKey => Self::DeepL,
            CredentialForm::XApiKey => Self::Anthropic,
            CredentialForm::ApiKey => Self::AzureOpenAi,
            CredentialForm::OcpApimSubscriptionKey => Self::AzureVision,
        }
    }

    /// The error as a body.
    pub fn render(self, error: &GatewayError<'_>) -> Bytes {
        Bytes::from(self.value(error).to_string())
    }

    /// The content type of [`render`](Self::render).
    pub fn content_type(self) -> &'static str {
        "application/json"
    }

    /// What a missing or unknown token is answered with.
    pub fn unauthenticated_status(self) -> StatusCode {
        match self {
            Self::DeepL => StatusCode::FORBIDDEN,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// The error as one server-sent event, for a stream that has begun. Empty where the provider
    /// knows no such streams: there the connection's end is the only sign.
    pub fn sse_error(self, error: &GatewayError<'_>) -> Bytes {
        let data = self.value(error);
        match self {
            Self::OpenAi | Self::AzureOpenAi => Bytes::from(format!("data: {data}\n\n")),
            Self::Anthropic => Bytes::from(format!("event: error\ndata: {data}\n\n")),
            Self::AzureVision | Self::DeepL | Self::Stability => Bytes::new(),
        }
    }

    fn value(self, error: &GatewayError<'_>) -> Value {
        let GatewayError {
            status,
            code,
            message,
            request_id,
        } = *error;
        match self {
            Self::OpenAi | Self::AzureOpenAi => json!({"error": {
                "message": message, "type": openai_type(status), "param": null, "code": code,
            }}),
            Self::AzureVision => json!({"error": {"code": code, "message": message}}),
            Self::DeepL => json!({"message": message, "code": code}),
            Self::Stability => json!({"id": request_id, "name": code, "errors": [message]}),
            Self::Anthropic => json!({
                "type": "error",
                "error": {"type": anthropic_type(status), "message": message},
                "request_id": request_id,
            }),
        }
    }
}

fn openai_type(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

/// Anthropic's own words by status (platform.claude.com, docs/en/api/errors).
fn anthropic_type(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 | 503 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_envelope_is_what_its_sdk_parses() {
        let error = GatewayError {
            status: StatusCode::UNAUTHORIZED,
            code: "unauthenticated",
            message: "token is missing, \"malformed\" or revoked",
            request_id: "req_1",
        };
        let read = |envelope: Envelope| -> Value {
            serde_json::from_slice(&envelope.render(&error)).unwrap()
        };
        assert_eq!(read(Envelope::OpenAi)["error"]["code"], "unauthenticated");
        assert_eq!(
            read(Envelope::AzureVision)["error"]["message"],
            error.message
        );
        assert_eq!(read(Envelope::DeepL)["message"], error.message);
        assert_eq!(read(Envelope::Stability)["errors"][0], error.message);
        assert_eq!(
            read(Envelope::Anthropic)["error"]["type"],
            "authentication_error"
        );
        assert_eq!(
            Envelope::DeepL.unauthenticated_status(),
            StatusCode::FORBIDDEN
        );
        let frame = Envelope::Anthropic.sse_error(&error);
        assert!(frame.starts_with(b"event: error\ndata: {") && frame.ends_with(b"}\n\n"));
    }
}
