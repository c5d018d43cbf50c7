//! The face of the audio plane: what one leg is told and what it tells. Small enums; sound travels as `Arc<Pcm>` (prompts)
//! or through a bounded channel of `Copy` frames (`Tap`), never through these.

use crate::audio::Pcm;
pub use crate::base::Codec;
use crate::base::{BargeIn, CallingMachine, Digit, Moment, PromptEnd, PromptId, UtteranceId};
use crate::listen::EndpointRule;
use crate::rtp::{KeyEvents, Numbers, SrtpKeys};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// A leg of the plane; never reused while the process lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegKey(pub u64);

/// What signalling negotiated for a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Negotiated {
    /// Where to send; the plane latches onto the source of the first good packet (symmetric RTP) until the next `Remote`.
    pub remote: SocketAddr,
    /// Codec in both directions.
    pub codec: Codec,
    /// Its payload types.
    pub payload: Numbers,
    /// telephone-event, if agreed (RFC 4733).
    pub dtmf: Option<KeyEvents>,
    /// Length of the packets that the far end wants, milliseconds.
    pub packet_ms: u8,
    /// Comfort noise may stand for our silence (RFC 3389, payload type 13).
    pub noise: bool,
    /// RTCP goes through the port of RTP (RFC 5761).
    pub rtcp_mux: bool,
    /// Keys, when audio is encrypted.
    pub srtp: Option<SrtpKeys>,
    /// Whether we may send (not while the far end said `sendonly`/`inactive`).
    pub send: bool,
    /// Whether they will send; false = hold, and no RTP time-out runs.
    pub receive: bool,
}

#[cfg(test)]
impl Negotiated {
    /// 20-ms packets of a codec with a payload type of its own, both ways, with telephone-event 101.
    pub(crate) fn new(remote: SocketAddr, codec: Codec) -> Negotiated {
        Negotiated {
            remote,
            codec,
            payload: Numbers::both(codec.static_payload_type().unwrap_or(96)),
            dtmf: Some(KeyEvents::at_8000(101)),
            packet_ms: 20,
            noise: false,
            rtcp_mux: false,
            srtp: None,
            send: true,
            receive: true,
        }
    }
}

/// What a leg is told.
#[derive(Debug, Clone)]
pub enum LegCommand {
    /// The far end's address, codec, direction: after the first negotiation and after every re-INVITE.
    Remote(Negotiated),
    /// Queue a prompt.
    Play {
        /// Reported back.
        prompt: PromptId,
        /// The sound, whole.
        audio: Arc<Pcm>,
        /// What the voice does to it.
        barge_in: BargeIn,
    },
    /// Stop and drop all queued prompts; each is reported `PromptEnd::Stopped`.
    StopPlaying,
    /// Play this in a loop whenever no prompt plays (comfort audio); `None` = silence frames.
    Comfort(Option<Arc<Pcm>>),
    /// Detect speech and end it by this rule; `None` = do not listen.
    Listen(Option<EndpointRule>),
    /// The recogniser has a complete answer: end this utterance after the rule's short quiet instead of the long one.
    Complete(UtteranceId),
    /// Exchange audio with another leg of the same plane; `None` = no longer.
    Bridge(Option<LegKey>),
    /// This leg and two others of the same plane hear each other: each hears the mix of the other two. When one of them closes, or is bridged
    /// elsewhere, the two that are left go on.
    ThreeWay([LegKey; 2]),
    /// Send a key (RFC 4733, three end packets).
    SendDigit(Digit),
    /// Begin the two-channel recording of what this leg hears (right) and says (left) into this WAV file.
    RecordTo(PathBuf),
    /// Write silence in place of sound, or sound again.
    RecordPaused(bool),
    /// Free everything. The recording is finished.
    Close,
}

/// What a leg tells. `at` is when it happened on the wire.
#[derive(Debug, Clone, PartialEq)]
pub enum LegEvent {
    /// The first packet of a prompt left.
    PromptStarted {
        /// Which.
        prompt: PromptId,
        /// When.
        at: Moment,
    },
    /// A prompt is over.
    PromptEnded {
        /// Which.
        prompt: PromptId,
        /// When.
        at: Moment,
        /// How much was sent.
        played_ms: u32,
        /// How.
        end: PromptEnd,
    },
    /// Speech began (after the start hysteresis); `at` is the onset itself.
    SpeechStarted {
        /// Which.
        utterance: UtteranceId,
        /// Onset.
        at: Moment,
        /// The prompt it was spoken over, whether or not that stopped.
        over: Option<PromptId>,
    },
    /// The endpoint. `ended` is the last speech, not the moment of decision.
    SpeechEnded {
        /// Which.
        utterance: UtteranceId,
        /// Onset.
        started: Moment,
        /// Last speech.
        ended: Moment,
        /// Things happened in the background before it: perhaps this was one of them.
        restless: bool,
        /// How loud its voiced frames were, dBFS; `None` = not measured.
        level: Option<i8>,
    },
    /// What had begun was no voice: music, a tone. Nothing of it is left; a prompt that it cut stays cut.
    SpeechDismissed {
        /// Which.
        utterance: UtteranceId,
    },
    /// No person is at the other end, as far as its sound tells.
    Machine(CallingMachine),
    /// A key, once per press.
    Digit {
        /// Which.
        digit: Digit,
        /// Its first packet.
        at: Moment,
    },
    /// No RTP for the configured time while none was excused (hold, comfort noise).
    NoRtp,
    /// The recording cannot go on (disk); one sentence. Audio goes on.
    RecordingFailed(String),
    /// Final numbers, last event after `Close`.
    Closed(LegStats),
}

/// Numbers of one leg at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LegStats {
    /// What was spoken last; `None` when nothing was agreed.
    pub codec: Option<Codec>,
    /// Audio was encrypted.
    pub encrypted: bool,
    /// RTP packets received and used.
    pub packets_in: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Packets that came too late to be played.
    pub late: u64,
    /// Packets too late, doubled, malformed, not authentic or from strangers.
    pub discarded: u64,
    /// RTP packets sent.
    pub packets_out: u64,
    /// Interarrival jitter (RFC 3550 §6.4.1), microseconds.
    pub jitter_us: u32,
    /// The delay that the jitter buffer aimed at, milliseconds.
    pub buffer_ms: u32,
    /// From here to there and back (RFC 3550 §6.4.1), milliseconds; `None` when the far end never reported.
    pub round_trip_ms: Option<u32>,
    /// Mean opinion of what we heard by the E-model (ITU-T G.107), times 100; `None` when we heard nothing.
    pub mos_x100: Option<u16>,
    /// Packets of ours that the far end missed, by its own report.
    pub far_lost: Option<u32>,
    /// Interarrival jitter at the far end, microseconds.
    pub far_jitter_us: Option<u32>,
    /// Mean opinion of what the far end hears, times 100: as it says itself, else by its loss and jitter.
    pub far_mos_x100: Option<u16>,
    /// Audio went one way only for five seconds or more.
    pub one_way: Option<OneWay>,
}

/// Which way audio went alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OneWay {
    /// We sent, and nothing came.
    NothingIn,
    /// They sent, and we could not.
    NothingOut,
}
