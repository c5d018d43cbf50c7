//! The console's page: the files of `console/dist`, built into the program by `build.rs`.

use crate::base::hex;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Path below `dist` and content.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/console_files.rs"));

/// What a page of ours may do: nothing that comes from elsewhere. Styles in attributes are what the page's widgets write.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' ws: wss:; \
                      media-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'";

/// Files whose names hold a hash of their content.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// Others may be kept, but are asked for each time whether they have changed.
const ASK: &str = "no-cache";

struct File {
    content: &'static [u8],
    kind: &'static str,
    tag: HeaderValue,
    keep: &'static str,
}

static BY_PATH: LazyLock<BTreeMap<&'static str, File>> = LazyLock::new(|| {
    let file = |&(path, content): &(&'static str, &'static [u8])| {
        let tag = format!("\"{}\"", &hex(&Sha256::digest(content))[..32]);
        let tag = HeaderValue::try_from(tag).expect("hexadecimal digits can stand in a header");
        let keep = if path.starts_with("assets/") { FOREVER } else { ASK };
        (path, File { content, kind: kind(path), tag, keep })
    };
    FILES.iter().map(file).collect()
});

/// What is no other route: a file of the page, or, for browsers that look for a page, the page itself, which knows its
/// own paths.
pub(super) async fn show(request: Request) -> Response {
    let (method, uri, headers) = (request.method(), request.uri(), request.headers());
    if !matches!(*method, Method::GET | Method::HEAD) {
        return super::guard::nothing_here().await;
    }
    match find(uri, headers) {
        Some(file) => answer(file, headers),
        None => super::guard::nothing_here().await,
    }
}

fn find(uri: &Uri, headers: &HeaderMap) -> Option<&'static File> {
    let path = uri.path().trim_start_matches('/');
    if let Some(file) = BY_PATH.get(path) {
        return Some(file);
    }
    // A file that is missing must not look like a page: browsers would keep it for a script.
    let ours = ["api", "cards", "health", "metrics", "assets"].iter().any(|o| path.split('/').next() == Some(o));
    let page = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).is_some_and(|v| v.contains("text/html"));
    (path.is_empty() || page && !ours).then(|| BY_PATH.get("index.html")).flatten()
}

fn answer(file: &'static File, headers: &HeaderMap) -> Response {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok());
    let same = known
        .is_some_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/").as_bytes() == file.tag.as_bytes()));
    let mut response = match same {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => ([(header::CONTENT_TYPE, file.kind)], Bytes::from_static(file.content)).into_response(),
    };
    response.headers_mut().extend([
        (header::ETAG, file.tag.clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static(file.keep)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    ]);
    response
}

/// The content type by the name.
fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wav" => "audio/wav",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
