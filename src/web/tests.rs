//! Over real HTTP on loopback.

use super::*;
use crate::base::{Moment, WallTime};
use crate::call::HandOverCard;
use crate::store::tests::{BEGAN, began, card};
use std::net::SocketAddr;

const CARD_KEYS: [&str; 2] = ["the old key, which is long enough to be one", "the new key, which is long enough to be one"];

struct Served {
    at: SocketAddr,
    store: Store,
    state: WebState,
    client: reqwest::Client,
    _dir: tempfile::TempDir,
}

async fn serve() -> Served {
    let dir = tempfile::tempdir().expect("a folder");
    let store = Store::open(dir.path()).await.expect("a store");
    let state =
        WebState::new(store.clone(), install_metrics().expect("metrics"), Some(Pii::new("t0ken".into())), Ways::default());
    state.sign_cards(CARD_KEYS.map(|key| Pii::new(key.to_string())).to_vec());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    let service = router(state.clone()).into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    Served { at, store, state, client: reqwest::Client::builder().no_proxy().build().expect("a client"), _dir: dir }
}

impl Served {
    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> (u16, String, reqwest::header::HeaderMap) {
        let mut request = self.client.get(format!("http://{}{path}", self.at));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        (status, response.text().await.expect("a text"), headers)
    }
}

const FAR_AHEAD: WallTime = WallTime(32_503_680_000_000);

#[tokio::test]
async fn a_card_is_read_by_its_reference_and_by_nothing_else() {
    let web = serve().await;
    web.store.write(card().call, Moment::ZERO, &began()).await.expect("written");
    web.store.put_card(&card(), FAR_AHEAD).await.expect("put");
    let (status, text, headers) = web.get(&format!("/cards/{}", card().reference), &[]).await;
    assert_eq!(status, 200, "{text}");
    let body: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(body["caller"], "+4930123456");
    assert_eq!(body["since"], "2026-11-23T10:00:00+00:00");
    assert_eq!(body["turns"][0]["caller"], "where is it");
    assert_eq!((&body["spoke_with"], &body["call_back"]), (&serde_json::json!([]), &serde_json::Value::Null));
    // As a program that reads cards does it: one of the signatures is that of the bytes that came.
    use hmac::Mac;
    let made = CARD_KEYS.map(|key| {
        let mac = <hmac::Hmac<sha2::Sha256> as Mac>::new_from_slice(key.as_bytes()).expect("a key").chain_update(&text);
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    });
    let expected = format!("v1={}, v1={}", made[0], made[1]);
    assert_eq!(headers["hotline-signature"].to_str().expect("a text"), expected);
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    let (_, wrong, _) = web.get("/cards/ffffffffffffffffffffffffffffffff", &[]).await;
    for path in ["/cards/0123", "/cards/%25%25", "/cards/", "/cards", "/cards/0123456789abcdef0123456789abcdeg"] {
        let (status, text, _) = web.get(path, &[]).await;
        assert_eq!(status, 404, "{path}");
        assert!(text == wrong || text.contains("nothing here"), "{path} {text}");
    }
}

#[tokio::test]
async fn a_card_is_given_from_memory_while_the_records_cannot_be_read() {
    let web = serve().await;
    let goes_on = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let call_back = crate::call::CardCallBack { number: crate::base::PhoneNumber::new("+493055"), asked: BEGAN };
    let card = HandOverCard { spoke_with: vec!["anna".into()], call_back: Some(call_back), ..card() };
    let (path, known, running) = (format!("/cards/{}", card.reference), Arc::new(card), goes_on.clone());
    web.state.know_cards(move |reference| {
        let goes_on = running.load(std::sync::atomic::Ordering::Relaxed);
        (reference == known.reference).then(|| CardAtHand { card: known.clone(), goes_on })
    });
    let is_whole = |(status, text, headers): (u16, String, reqwest::header::HeaderMap)| {
        let body: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!((status, &body["caller"]), (200, &"+4930123456".into()), "{text}");
        assert_eq!(body["spoke_with"], serde_json::json!(["anna"]));
        assert_eq!(body["call_back"], serde_json::json!({ "number": "+493055", "asked": "2026-11-23T10:00:00+00:00" }));
        assert!(headers.contains_key("hotline-signature"));
    };
    is_whole(web.get(&path, &[]).await);
    // Records that can be read and do not have it have the last word once the call is over.
    goes_on.store(false, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(web.get(&path, &[]).await.0, 404);
    web.store.close().await;
    is_whole(web.get(&path, &[]).await);
    assert_eq!(web.get("/cards/ffffffffffffffffffffffffffffffff", &[]).await.0, 503, "nobody knows whether there is one");
}

#[tokio::test]
async fn an_expired_card_is_gone() {
    let web = serve().await;
    web.store.put_card(&card(), BEGAN.plus(std::time::Duration::from_secs(1))).await.expect("put");
    let long_ago = WallTime(1_000);
    web.store.put_card(&card(), long_ago).await.expect("put");
    assert_eq!(web.get(&format!("/cards/{}", card().reference), &[]).await.0, 404);
}

#[tokio::test]
async fn health_tells_whether_the_records_can_be_read() {
    let web = serve().await;
    assert_eq!(web.get("/health", &[]).await.0, 200);
    web.store.close().await;
    let (status, text, _) = web.get("/health", &[]).await;
    assert_eq!((status, text.contains("cannot be read")), (503, true));
}

#[tokio::test]
async fn figures_are_for_this_machine_or_for_the_token() {
    let web = serve().await;
    ::metrics::counter!("hotline_web_test_total").increment(1);
    let (status, text, _) = web.get("/metrics", &[]).await;
    assert_eq!(status, 200);
    assert!(text.contains("hotline_web_test_total 1"), "{text}");
    let proxied = ("x-forwarded-for", "203.0.113.9");
    assert_eq!(web.get("/metrics", &[proxied]).await.0, 403);
    assert_eq!(web.get("/metrics", &[proxied, ("authorization", "Bearer wrong")]).await.0, 403);
    assert_eq!(web.get("/metrics", &[proxied, ("authorization", "Bearer t0ken")]).await.0, 200);
}

#[tokio::test]
async fn only_get_is_understood_and_too_many_requests_are_told_so() {
    let web = serve().await;
    let response = web.client.post(format!("http://{}/health", web.at)).body("x").send().await.expect("an answer");
    assert_eq!(response.status().as_u16(), 405);
    assert_eq!(response.headers()["cache-control"], "no-store");
    let mut refused = 0;
    for _ in 0..1_000 {
        refused += usize::from(web.get("/nowhere", &[]).await.0 == 429);
    }
    assert!(refused > 0, "a burst of 1000 is more than a source may make");
}
