//! Listening: connections in bounded number, over TLS where there is a certificate, each with a time-out for slow requests;
//! axum's own server knows neither.

use super::access::Encrypted;
use super::tls::Tls;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Connections at one time; more wait in the system's queue. Sockets of tabs are counted by the hub instead.
const CONNECTIONS_MAX: usize = 1_024;

/// Longest wait for a request's head, also of a connection that is kept open.
const HEAD_MAX: Duration = Duration::from_secs(20);

/// Longest handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// Most bytes of a request's head.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// Serves until it is dropped; the connections end with it. Handlers find the asker's address in `ConnectInfo<SocketAddr>`.
pub async fn serve(listener: TcpListener, router: Router, tls: Option<Tls>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let place = places.clone().acquire_owned().await.expect("nobody closes this semaphore");
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // The one whose connection failed is gone already; out of descriptors means to wait for some.
                if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::ENOBUFS)) {
                    tracing::warn!(%error, "the web side cannot accept connections now");
                    // Otherwise this loop would take a whole core until somebody hangs up.
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                continue;
            }
        };
        // What is over is let go of.
        while connections.try_join_next().is_some() {}
        let (router, tls) = (router.clone(), tls.clone());
        connections.spawn(async move {
            connection(stream, from, router, tls).await;
            drop(place);
        });
    }
}

async fn connection(stream: TcpStream, from: SocketAddr, router: Router, tls: Option<Tls>) {
    let _ = stream.set_nodelay(true);
    match tls {
        None => http(stream, from, router, Encrypted(false)).await,
        Some(tls) => {
            let handshake = tokio::time::timeout(HANDSHAKE_MAX, tls.acceptor().accept(stream)).await;
            if let Ok(Ok(stream)) = handshake {
                http(stream, from, router, Encrypted(true)).await;
            }
        }
    }
}

async fn http(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    from: SocketAddr,
    router: Router,
    encrypted: Encrypted,
) {
    let service = tower_service(router, from, encrypted);
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // Broken connections are everyday life of a server; what matters is logged by the handlers.
    let _ = served.await;
}

/// The router, told of each request whence it comes.
fn tower_service(
    router: Router,
    from: SocketAddr,
    encrypted: Encrypted,
) -> impl hyper::service::Service<
    hyper::Request<Incoming>,
    Response = axum::response::Response,
    Error = std::convert::Infallible,
    Future: Send,
> {
    hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(from));
        request.extensions_mut().insert(encrypted);
        let service = TowerToHyperService::new(router.clone());
        hyper::service::Service::call(&service, request)
    })
}
