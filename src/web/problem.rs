//! What went wrong, as RFC 9457 `application/problem+json`: one sentence for a tired person, one word for the page.

use axum::body::Bytes;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::time::Duration;

/// An answer that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: Cow<'static, str>,
    /// When it may be tried again.
    retry_after: Option<Duration>,
}

/// What a handler of the API gives.
pub(super) type Answer<T> = Result<T, Problem>;

impl Problem {
    /// `code` is one word for the page's own language, `detail` one sentence.
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem { status, code, detail: detail.into(), retry_after: None }
    }

    /// The same, with `Retry-After`.
    #[must_use]
    pub(super) fn retry_after(self, wait: Duration) -> Problem {
        Problem { retry_after: Some(wait), ..self }
    }

    /// The records failed: much to the log, little to the asker.
    pub(super) fn records(error: &crate::store::StoreError) -> Problem {
        tracing::error!(%error, "the console cannot use the records");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "records", "The records cannot be used now. Try again in a moment.")
    }

    pub(super) fn not_found() -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here.")
    }

    pub(super) fn no_session() -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, "no_session", "You are not logged in, or your session has ended.")
    }

    pub(super) fn not_allowed() -> Problem {
        Problem::new(StatusCode::FORBIDDEN, "not_allowed", "Your account may not do this.")
    }

    /// 422: understood, but cannot be.
    pub(super) fn invalid(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
    }
}

impl From<crate::store::StoreError> for Problem {
    fn from(error: crate::store::StoreError) -> Problem {
        Problem::records(&error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "code": self.code,
        });
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        let mut response = (self.status, kind, Bytes::from(body.to_string())).into_response();
        if let Some(wait) = self.retry_after {
            // Rounded up: whoever comes at the end of the time is not refused again.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}

/// A JSON body; what is wrong with one is told as a problem.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Body<T>, Problem> {
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(body)) => Ok(Body(body)),
            // The reason is not repeated: it may quote a password.
            Err(JsonRejection::JsonDataError(_)) => Err(Problem::invalid("A field is missing, unknown or of the wrong kind.")),
            Err(error) => Err(Problem::new(error.status(), "unreadable", "The request could not be read as JSON.")),
        }
    }
}

/// What stands in the path of an address; what is wrong with it is told as a problem.
pub(super) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Named<T>, Problem> {
        let named = Path::<T>::from_request_parts(parts, state).await;
        named.map(|Path(named)| Named(named)).map_err(|_| Problem::not_found())
    }
}

/// The query of an address; what is wrong with it is told as a problem.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Asked<T>, Problem> {
        let asked = Query::<T>::from_request_parts(parts, state).await;
        asked
            .map(|Query(asked)| Asked(asked))
            .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "unreadable", "The part of the address after ? cannot be read."))
    }
}
