//! The wire of audio: packets, jitter buffer, sequencing, telephone-event digits, RTCP. It never decodes a sample, reads
//! no clock and allocates nothing once a call runs. Start reading at `packet`, then `jitter`.

mod events;
mod jitter;
mod packet;
mod payload;
mod quality;
mod reception;
mod rtcp;
mod sequencer;
mod slots;
mod srtp;

pub use events::{EventPacket, KeyReceiver, KeySender, KeyStep};
pub use jitter::{Jitter, Popped};
pub use packet::{HEADER_BYTES, Header, PacketView, write_packet};
pub use payload::{ClockScale, KeyEvents, Numbers, payload_samples};
pub use quality::{mos, r_factor};
pub use reception::{Reception, ReceptionStats};
pub use rtcp::{
    ReportBlock, Rtcp, RtcpPackets, SenderInfo, UNKNOWN, VoipMetrics, append_voip_metrics, is_rtcp, write_bye, write_report,
};
pub use sequencer::Sequencer;
pub use slots::Piece;
pub use srtp::{MasterKey, SRTCP_EXTRA_MAX, SRTP_EXTRA_MAX, SrtpKeys, SrtpReceiver, SrtpSender, Suite};

/// Samples of one 20-ms tick at 8 kHz, which is also the RTP clock of every codec here but Opus (RFC 3551 §4.5). The jitter
/// buffer counts in it; [`ClockScale`] brings other clocks to it.
pub const TICK_SAMPLES: u32 = 160;

/// Largest payload that is taken: 60 ms of G.711 or G.722, and more than Opus needs for the bit rate we ask for.
pub const PAYLOAD_BYTES_MAX: usize = 480;

/// Payload type of comfort noise (RFC 3551 §6, RFC 3389).
pub const COMFORT_NOISE: u8 = 13;

/// The most that the jitter buffer aims at, milliseconds.
pub const BUFFER_MS_MAX: u16 = 120;

/// Longest packet that is taken, in samples: 120 ms (RFC 6716 §2.1.4).
pub const PACKET_SAMPLES_MAX: u16 = 960;
