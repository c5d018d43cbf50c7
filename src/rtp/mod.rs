//! The wire of audio: packets, jitter buffer, sequencing, telephone-event digits, RTCP. It never decodes a sample, reads
//! no clock and allocates nothing once a call runs. Start reading at `packet`, then `jitter`.

mod events;
mod jitter;
mod packet;
mod reception;
mod rtcp;
mod sequencer;
mod slots;

pub use events::{EventPacket, KeyReceiver, KeySender, KeyStep};
pub use jitter::{Jitter, Popped};
pub use packet::{HEADER_BYTES, Header, PacketView, write_packet};
pub use reception::{Reception, ReceptionStats};
pub use rtcp::{ReportBlock, Rtcp, RtcpPackets, SenderInfo, is_rtcp, write_bye, write_report};
pub use sequencer::Sequencer;

/// Samples (= timestamp units) of one 20-ms tick at the 8 kHz RTP clock of G.711 (RFC 3551 §4.5.14).
pub const TICK_SAMPLES: u32 = 160;

/// Largest payload that is taken: 60 ms of G.711.
pub const PAYLOAD_BYTES_MAX: usize = 480;
