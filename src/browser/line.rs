//! The WebRTC library, and nothing else of it anywhere: `webrtc` 0.21 (ICE, DTLS-SRTP, the answer). Another one has to bring [`answer`] and a
//! [`Line`] of its own.

use super::offer::{Chosen, Offer};
use super::{Line, LineEvent, PageError};
use crate::base::Codec;
use crate::rtp::{Header, PacketView, write_packet};
use rtc::ice::mdns::MulticastDnsMode;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_OPUS, MIME_TYPE_PCMA, MIME_TYPE_PCMU};
use rtc::rtp::Packet;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
    RTCPeerConnectionState, RTCSessionDescription, Registry, SettingEngineBuilder, configure_rtcp_reports,
};

/// Packets of the page that wait to be carried; more are lost.
const PACKETS_MAX: usize = 64;
/// One address of ours is gathered at once; this is for a system that hangs.
const GATHER_MAX: Duration = Duration::from_secs(2);
/// Pairs of addresses are tried so often. The library's 200 ms are heard: the agent's first words wait for them.
const CHECK_EVERY: Duration = Duration::from_millis(20);
/// And so many times, which is as long as the connection may take.
const CHECKS_MAX: u16 = 400;

/// A page's line by the library.
pub(super) struct PageLine {
    peer: Box<dyn PeerConnection>,
    out: Arc<TrackLocalStaticRTP>,
    /// Of the stream that we send.
    ssrc: u32,
    packets: mpsc::Receiver<Packet>,
    phase: watch::Receiver<Phase>,
    told: Phase,
}

/// Where a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Connecting,
    Up,
    Down,
}

/// Answers an offer in one codec, from one address of ours.
pub(super) async fn answer(offer: &Offer, chosen: Chosen, here: SocketAddr) -> Result<(PageLine, String), PageError> {
    let codec = codec_of(chosen.codec);
    let mut engine = MediaEngine::default();
    let parameters = RTCRtpCodecParameters { rtp_codec: codec.clone(), payload_type: chosen.number };
    engine.register_codec(parameters, RtpCodecKind::Audio).map_err(refused)?;
    let settings = SettingEngineBuilder::new()
        // The page's addresses are not looked for (`offer::read`), so neither are names of them.
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .with_ice_connection_attempts(Some(CHECK_EVERY), Some(CHECKS_MAX))
        .with_include_loopback_candidate(here.ip().is_loopback())
        .build();
    let ((packets_in, packets), (tell, phase)) = (mpsc::channel(PACKETS_MAX), watch::channel(Phase::Connecting));
    let gathered = Arc::new(Notify::new());
    let handler = Handler { packets: packets_in, phase: tell, gathered: gathered.clone(), track: AtomicBool::new(false) };
    let peer = PeerConnectionBuilder::new()
        .with_media_engine(engine)
        .with_setting_engine(settings)
        .with_interceptor_registry(configure_rtcp_reports(Registry::new()))
        .with_handler(Arc::new(handler))
        .with_udp_addrs(vec![here])
        .build()
        .await
        .map_err(|error| PageError::NoPort(error.to_string()))?;
    let ssrc = rand::random();
    let coding = RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() };
    let coding = RTCRtpEncodingParameters { rtp_coding_parameters: coding, codec, ..Default::default() };
    let name = || "hotline".to_string();
    let track = MediaStreamTrack::new(name(), "caller".into(), name(), RtpCodecKind::Audio, vec![coding]);
    let out = Arc::new(TrackLocalStaticRTP::new(track));
    let line = PageLine { peer: Box::new(peer), out, ssrc, packets, phase, told: Phase::Connecting };
    match line.negotiate(&offer.text, &gathered).await {
        Ok(answer) => Ok((line, answer)),
        Err(error) => {
            line.close().await;
            Err(error)
        }
    }
}

impl PageLine {
    async fn negotiate(&self, offer: &str, gathered: &Notify) -> Result<String, PageError> {
        let offer = RTCSessionDescription::offer(offer.to_string()).map_err(refused)?;
        self.peer.set_remote_description(offer).await.map_err(refused)?;
        self.peer.add_track(self.out.clone()).await.map_err(refused)?;
        let answer = self.peer.create_answer(None).await.map_err(refused)?;
        self.peer.set_local_description(answer).await.map_err(refused)?;
        // With all of our addresses in it there is nothing to tell later (no trickle).
        if tokio::time::timeout(GATHER_MAX, gathered.notified()).await.is_err() {
            // No other port would do better.
            return Err(PageError::Refused("no address was found".into()));
        }
        let answer = self.peer.local_description().await;
        answer.map(|answer| answer.sdp).ok_or_else(|| PageError::Refused("there is no answer".into()))
    }
}

impl Line for PageLine {
    async fn next(&mut self, into: &mut [u8]) -> LineEvent {
        loop {
            let phase = *self.phase.borrow_and_update();
            if phase != self.told {
                self.told = phase;
                return if phase == Phase::Up { LineEvent::Up } else { LineEvent::Down };
            }
            tokio::select! {
                changed = self.phase.changed() => if changed.is_err() {
                    self.told = Phase::Down;
                    return LineEvent::Down;
                },
                Some(packet) = self.packets.recv() => {
                    let header = &packet.header;
                    let header = Header {
                        marker: header.marker,
                        payload_type: header.payload_type,
                        sequence: header.sequence_number,
                        timestamp: header.timestamp,
                        ssrc: header.ssrc,
                    };
                    // Too long for a packet of sound: lost.
                    if let Some(len) = write_packet(&header, &packet.payload, into) {
                        return LineEvent::Packet(len);
                    }
                }
            }
        }
    }

    async fn send(&mut self, packet: &[u8]) {
        let Some(PacketView { header, payload }) = PacketView::parse(packet) else { return };
        let mut packet = Packet { payload: payload.to_vec().into(), ..Packet::default() };
        packet.header.version = 2;
        packet.header.marker = header.marker;
        packet.header.payload_type = header.payload_type;
        packet.header.sequence_number = header.sequence;
        packet.header.timestamp = header.timestamp;
        packet.header.ssrc = self.ssrc;
        // It fails once the connection is over, which `next` tells.
        let _ = self.out.write_rtp(packet).await;
    }

    async fn close(self) {
        let _ = self.peer.close().await;
    }
}

/// What the library calls, in its own tasks.
struct Handler {
    packets: mpsc::Sender<Packet>,
    phase: watch::Sender<Phase>,
    gathered: Arc<Notify>,
    /// The one stream of the page is there.
    track: AtomicBool,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.notify_one();
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        match state {
            RTCPeerConnectionState::Connected => drop(self.phase.send(Phase::Up)),
            RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed => drop(self.phase.send(Phase::Down)),
            // It may come back; whoever stays silent is noticed by `carry`.
            _ => {}
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        if self.track.swap(true, Ordering::Relaxed) {
            return;
        }
        let packets = self.packets.clone();
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                // When nobody carries them any more, the end comes with the connection's.
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    let _ = packets.try_send(packet);
                }
            }
        });
    }
}

fn codec_of(codec: Codec) -> RTCRtpCodec {
    let (mime, channels, format) = match codec {
        Codec::Pcma => (MIME_TYPE_PCMA, 1, ""),
        // RFC 7587 §7: always two channels in the name; ours has one, and is 20 ms long.
        Codec::Opus => (MIME_TYPE_OPUS, 2, "minptime=20;useinbandfec=1"),
        Codec::Pcmu | Codec::G722 => (MIME_TYPE_PCMU, 1, ""),
    };
    RTCRtpCodec {
        mime_type: mime.to_string(),
        clock_rate: codec.clock(),
        channels,
        sdp_fmtp_line: format.to_string(),
        rtcp_feedback: Vec::new(),
    }
}

fn refused(error: impl std::fmt::Display) -> PageError {
    PageError::Refused(error.to_string())
}
