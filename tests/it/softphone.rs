//! The phone in the desk's page, without a page: a WebRTC peer of this process picks up as the page does, over the console's API. The caller is
//! `hotline call`, the other agent has a phone on the table.

use crate::console::Browser;
use crate::consult::tenths;
use crate::desk::{Desk, House, heard, phase, presence, seconds_of, state, tone};
use crate::silence::never_left_in_silence;
use hotline::audio::{Decoder, Encoder};
use hotline::base::Codec;
use rtc::media_stream::MediaStreamTrack;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use serde_json::{Value, json};
use std::f64::consts::TAU;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
    RTCPeerConnectionState, RTCSessionDescription,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// Which law of G.711, with its number.
#[derive(Clone, Copy)]
pub(crate) struct Law(Codec, u8);

pub(crate) const MU: Law = Law(Codec::Pcmu, 0);
const A: Law = Law(Codec::Pcma, 8);

/// A page's phone: says a tone from the moment that it is up, and keeps what it hears.
pub(crate) struct Page {
    peer: Box<dyn PeerConnection>,
    heard: watch::Receiver<Vec<f64>>,
    /// The same as it came.
    payloads: watch::Receiver<Vec<u8>>,
    /// Said again and again in place of a tone, payload for payload.
    pub(crate) says: Option<Vec<u8>>,
    up: watch::Receiver<bool>,
    /// False = not a packet any more, as when a tab is killed.
    talks: Arc<AtomicBool>,
    offer: String,
    ssrc: u32,
    out: Arc<TrackLocalStaticRTP>,
}

struct Told {
    law: Law,
    heard: Arc<watch::Sender<Vec<f64>>>,
    payloads: Arc<watch::Sender<Vec<u8>>>,
    up: watch::Sender<bool>,
    gathered: Arc<Notify>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Told {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.notify_one();
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        if state == RTCPeerConnectionState::Connected {
            self.up.send_replace(true);
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let (heard, payloads, law) = (self.heard.clone(), self.payloads.clone(), self.law);
        tokio::spawn(async move {
            let mut decoder = Decoder::new(law.0);
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event
                    && packet.header.payload_type == law.1
                {
                    let mut samples = vec![0; packet.payload.len()];
                    decoder.decode(packet.header.timestamp, &packet.payload, 0, &mut samples);
                    heard.send_modify(|heard| heard.extend(samples.into_iter().map(f64::from)));
                    payloads.send_modify(|all| all.extend_from_slice(&packet.payload));
                }
            }
        });
    }
}

impl Page {
    pub(crate) async fn new(law: Law) -> Page {
        let codec =
            RTCRtpCodec { mime_type: format!("audio/{}", law.0.name()), clock_rate: 8_000, channels: 1, ..Default::default() };
        let mut engine = MediaEngine::default();
        let parameters = RTCRtpCodecParameters { rtp_codec: codec.clone(), payload_type: law.1 };
        engine.register_codec(parameters, RtpCodecKind::Audio).expect("a codec");
        let ((hears, heard), (tell, up)) = (watch::channel(Vec::new()), watch::channel(false));
        let (takes, payloads) = watch::channel(Vec::new());
        let gathered = Arc::new(Notify::new());
        let told = Told { law, heard: Arc::new(hears), payloads: Arc::new(takes), up: tell, gathered: gathered.clone() };
        let peer = PeerConnectionBuilder::new()
            .with_media_engine(engine)
            .with_handler(Arc::new(told))
            .with_udp_addrs(vec!["127.0.0.1:0"])
            .build()
            .await
            .expect("a peer");
        let ssrc = rand::random();
        let coding = RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() };
        let coding = RTCRtpEncodingParameters { rtp_coding_parameters: coding, codec, ..Default::default() };
        let name = || "page".to_string();
        let track = MediaStreamTrack::new(name(), name(), name(), RtpCodecKind::Audio, vec![coding]);
        let out = Arc::new(TrackLocalStaticRTP::new(track));
        peer.add_track(out.clone()).await.expect("a track");
        let offer = peer.create_offer(None).await.expect("an offer");
        peer.set_local_description(offer).await.expect("ours");
        gathered.notified().await;
        let offer = peer.local_description().await.expect("ours").sdp;
        let talks = Arc::new(AtomicBool::new(true));
        Page { peer: Box::new(peer), heard, payloads, says: None, up, talks, offer, ssrc, out }
    }

    /// Takes the answer, waits until audio can flow, and says a tone from then on.
    async fn talk(&mut self, answer: String, law: Law, hertz: f64) {
        self.peer.set_remote_description(RTCSessionDescription::answer(answer).expect("an answer")).await.expect("it fits");
        tokio::time::timeout(PATIENCE, self.up.wait_for(|up| *up)).await.expect("in time").expect("told");
        let (out, talks, ssrc, says) = (self.out.clone(), self.talks.clone(), self.ssrc, self.says.clone());
        tokio::spawn(async move {
            let mut every = tokio::time::interval(Duration::from_millis(20));
            let (mut encoder, mut n) = (Encoder::new(law.0), 0_u32);
            while talks.load(Ordering::Relaxed) {
                every.tick().await;
                let sample = |i| (8_000.0 * (TAU * hertz * f64::from(n * 160 + i) / 8_000.0).sin()) as i16;
                let payload: Vec<u8> = match &says {
                    Some(says) => says.iter().cycle().skip(n as usize * 160 % says.len()).take(160).copied().collect(),
                    None => {
                        let (samples, mut payload) = ((0..160).map(sample).collect::<Vec<i16>>(), vec![0; 160]);
                        encoder.encode(&samples, &mut payload);
                        payload
                    }
                };
                let mut packet = rtc::rtp::Packet { payload: payload.into(), ..Default::default() };
                packet.header.version = 2;
                packet.header.payload_type = law.1;
                packet.header.sequence_number = n as u16;
                packet.header.timestamp = n * 160;
                packet.header.ssrc = ssrc;
                if out.write_rtp(packet).await.is_err() {
                    return;
                }
                n += 1;
            }
        });
    }

    /// All that it has heard so far, 8 000 samples a second.
    pub(crate) fn heard<T>(&self, of: impl FnOnce(&[f64]) -> T) -> T {
        of(&self.heard.borrow())
    }

    /// Until what came, payload after payload, is so.
    pub(crate) async fn gets(&mut self, what: &str, is: impl Fn(&[u8]) -> bool) {
        let so = tokio::time::timeout(PATIENCE, self.payloads.wait_for(|all| is(all))).await.is_ok_and(|all| all.is_ok());
        assert!(so, "{what}: {} bytes came", self.payloads.borrow().len());
    }

    fn seconds_of(&self, hertz: f64) -> f64 {
        seconds_of(&self.heard.borrow(), 8_000.0, hertz)
    }

    /// Until this tone was heard for so long.
    pub(crate) async fn hears(&mut self, hertz: f64, seconds: f64) {
        let enough = self.heard.wait_for(|heard| seconds_of(heard, 8_000.0, hertz) >= seconds);
        let enough = tokio::time::timeout(PATIENCE, enough).await.is_ok_and(|heard| heard.is_ok());
        assert!(enough, "the page heard {hertz} Hz for {} s only", self.seconds_of(hertz));
    }
}

/// Status, `Location` and body of a POST of an offer.
async fn post(browser: &Browser, path: &str, kind: &str, offer: &str) -> (u16, String, String) {
    let request = browser.client.post(format!("{}/api/v1{path}", browser.base)).header("cookie", &browser.cookie);
    let answer = request.header("content-type", kind).body(offer.to_string()).send().await.expect("an answer");
    let status = answer.status().as_u16();
    let location = answer.headers().get("location").map(|at| at.to_str().expect("a text").to_string()).unwrap_or_default();
    (status, location.replace("/api/v1", ""), answer.text().await.expect("a text"))
}

/// Picks up the call that rings, and gives where the connection is.
pub(crate) async fn pick_up(browser: &Browser, page: &mut Page, law: Law, desk: &Value, hertz: f64) -> String {
    let call = desk["call"]["id"].as_str().expect("a call");
    let clicked = Instant::now();
    let (status, at, answer) = post(browser, &format!("/desk/phone/{call}"), "application/sdp", &page.offer).await;
    assert_eq!(status, 201, "{answer}");
    assert!(answer.contains(&format!("RTP/SAVPF {}\r\n", law.1)), "one codec, the page's number: {answer}");
    let answered = clicked.elapsed();
    page.talk(answer, law, hertz).await;
    println!("click to answer {} ms, to audio {} ms", answered.as_millis(), clicked.elapsed().as_millis());
    at
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_answers_in_the_page_and_both_hear_each_other() {
    let mut house = House::with(Some("browser"));
    let (mut anna, mut bob) = house.desks().await;
    let mut tab = Desk::open(&anna).await;
    presence(&mut anna, "available").await;
    let low = tone(house.folder.path(), 500.0).to_string_lossy().into_owned();
    let caller = house.caller("caller", &["--wait", "4000", "--over", "100", "--play", &low, "--wait", "60000"]);
    let desk = tab.until("the offer", |desk| phase(desk) == "offered").await;
    assert_eq!(desk["agent"]["phone"], "browser");
    let call = desk["call"]["id"].as_str().expect("a call").to_string();
    // What is not the offered agent's, no audio or no session description is refused, and the phone goes on ringing.
    let (path, sdp) = (format!("/desk/phone/{call}"), "application/sdp");
    let mut page = Page::new(MU).await;
    let video = page.offer.replace("m=audio", "m=video");
    let long = format!("{}a={}\r\n", page.offer, "x".repeat(20_000));
    for (who, path, kind, offer, expected) in [
        (&bob, path.as_str(), sdp, page.offer.as_str(), 404),
        (&anna, &format!("/desk/phone/{}", "0".repeat(32)), sdp, &page.offer, 404),
        (&anna, "/desk/phone/nonsense", sdp, &page.offer, 404),
        (&anna, &path, "application/json", &page.offer, 415),
        (&anna, &path, sdp, &video, 422),
        (&anna, &path, sdp, "v=0", 422),
        (&anna, &path, sdp, &long, 413),
    ] {
        assert_eq!(post(who, path, kind, offer).await.0, expected, "{path} {kind} {:.20}", offer);
    }
    let at = pick_up(&anna, &mut page, MU, &desk, 1_000.0).await;
    assert_eq!(post(&anna, &path, sdp, &page.offer).await.0, 409, "another tab");
    let joined = Instant::now();
    tab.until("the conversation", |desk| phase(desk) == "talking").await;
    println!("from audio to the conversation on the desk: {} ms", joined.elapsed().as_millis());
    page.hears(500.0, 2.0).await;
    // Held, and back.
    for (on, wanted) in [(true, "held"), (false, "talking")] {
        assert_eq!(anna.ask("POST", "/desk/hold", Some(json!({ "on": on }))).await.0, 200);
        tab.until(wanted, |desk| phase(desk) == wanted).await;
    }
    // A key for the caller's line; nobody else may press one, or hang up.
    assert_eq!(anna.ask("POST", &format!("{at}/key"), Some(json!({ "key": "5" }))).await.0, 204);
    assert_eq!(bob.ask("POST", &format!("{at}/key"), Some(json!({ "key": "5" }))).await.0, 404);
    assert_eq!(anna.ask("POST", &format!("{at}/key"), Some(json!({ "key": "x" }))).await.0, 422);
    assert_eq!(bob.ask("DELETE", &at, None).await.0, 404);
    // The page hangs up.
    let ended = Instant::now();
    assert_eq!(anna.ask("DELETE", &at, None).await.0, 204);
    tab.until("the wrap-up", |desk| state(desk) == "wrapup").await;
    println!("from the page's hang-up to the wrap-up: {} ms", ended.elapsed().as_millis());
    let lines = caller.ended();
    assert!(ended.elapsed() < Duration::from_secs(1), "told within a second: {:?}", ended.elapsed());
    assert!(lines.iter().any(|line| line["event"] == "ended"), "{lines:?}");
    assert_eq!(anna.ask("DELETE", &at, None).await.0, 404, "it is over");
    let recording = house.folder.path().join("caller.wav");
    let to_caller = heard(&recording, 1_000.0);
    println!("the page heard the caller for {} s, the caller the page for {to_caller} s", page.seconds_of(500.0));
    assert!(to_caller > 1.0, "{to_caller}");
    never_left_in_silence("in line, with a page", &tenths(&recording));
    let rows = house.gateway.ended_calls(1);
    assert_eq!(rows[0]["disposition"].as_str().or(rows[0]["ended"].as_str()), Some("transferred"), "{rows:#?}");
    page.peer.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_dies_loses_no_caller_and_a_caller_who_hangs_up_is_told_to_the_page() {
    let mut house = House::with(Some("browser"));
    let (mut anna, mut bob) = house.desks().await;
    let (mut left, mut right) = (Desk::open(&anna).await, Desk::open(&bob).await);
    presence(&mut anna, "available").await;
    let caller = house.caller("caller", &["--wait", "60000"]);
    let desk = left.until("the offer", |desk| phase(desk) == "offered").await;
    let mut page = Page::new(A).await;
    pick_up(&anna, &mut page, A, &desk, 1_000.0).await;
    left.until("the conversation", |desk| phase(desk) == "talking").await;
    // The tab is killed: not a packet any more, and no word.
    let bobs = house.phone("bob", house.bob, &["--wait", "60000"]);
    presence(&mut bob, "available").await;
    page.talks.store(false, Ordering::Relaxed);
    let died = Instant::now();
    let desk = right.until("the caller at Bob's", |desk| phase(desk) == "talking").await;
    println!("from the last packet to the conversation with somebody else: {} ms", died.elapsed().as_millis());
    assert_eq!(desk["call"]["card"]["caller"], "4930123456");
    assert!(!caller.tells("ended"));
    // She comes back; Bob sends the caller on to her, and now it is the caller who hangs up.
    presence(&mut anna, "available").await;
    assert_eq!(bob.ask("POST", "/desk/transfer", Some(json!({ "agent": "anna" }))).await.0, 200);
    let desk = left.until("the second offer", |desk| phase(desk) == "offered").await;
    let mut again = Page::new(MU).await;
    let at = pick_up(&anna, &mut again, MU, &desk, 700.0).await;
    left.until("the second conversation", |desk| phase(desk) == "talking").await;
    // A page that is loaded anew says so: the caller keeps the line and is rung for again.
    let gone = Instant::now();
    assert_eq!(anna.ask("DELETE", &format!("{at}?gone=true"), None).await.0, 204);
    left.until("away", |desk| state(desk) == "away").await;
    println!("from the page's going to the agent's being away: {} ms", gone.elapsed().as_millis());
    assert_eq!(bob.ask("POST", "/desk/wrapup", Some(json!({ "done": true }))).await.0, 200);
    drop(bobs);
    presence(&mut bob, "offline").await;
    presence(&mut anna, "available").await;
    let desk = left.until("the third offer", |desk| phase(desk) == "offered").await;
    let mut third = Page::new(MU).await;
    pick_up(&anna, &mut third, MU, &desk, 700.0).await;
    left.until("the third conversation", |desk| phase(desk) == "talking").await;
    let hung_up = Instant::now();
    drop(caller);
    left.until("the wrap-up", |desk| state(desk) == "wrapup").await;
    println!("from the end of the caller's phone to the page's wrap-up: {} ms", hung_up.elapsed().as_millis());
    let rows = house.gateway.ended_calls(1);
    let id = rows[0]["id"].as_str().expect("an id").to_string();
    let config = house.gateway.config.to_string_lossy().into_owned();
    let (_, story) = crate::gateway::hotline(&["calls", "show", &id, "--config", &config]);
    assert!(story.matches("agent_lost").count() == 2 && story.contains("agent_transfer"), "{story}");
}
