//! From the 20 ms that are said in a tick to packets of the length that the far end asks for.

use crate::audio::{Encoder, FRAME_SAMPLES, Frame};
use crate::base::Codec;
use crate::rtp::{PAYLOAD_BYTES_MAX, Sequencer};

/// Most samples that wait: a packet of 60 ms less one sample, and a frame.
const WAITING_MAX: usize = 480 + FRAME_SAMPLES;

/// Gathers and encodes. Allocates when it is made and never afterwards.
pub(super) struct Sending {
    encoder: Encoder,
    /// Samples in a packet.
    length: usize,
    waiting: [i16; WAITING_MAX],
    filled: usize,
}

impl Sending {
    /// `packet_ms` is brought to one of 10, 20, 30, 40 and 60 ms, downwards; Opus has no packet of 30 ms (RFC 6716 §2.1.4).
    pub(super) fn new(codec: Codec, packet_ms: u8) -> Sending {
        let ms = match packet_ms {
            0..=19 => 10,
            20..=29 => 20,
            30..=39 if codec == Codec::Opus => 20,
            30..=39 => 30,
            40..=59 => 40,
            60.. => 60,
        };
        Sending { encoder: Encoder::new(codec), length: ms * 8, waiting: [0; WAITING_MAX], filled: 0 }
    }

    /// Takes this tick's frame; what waited too long because nobody asked for it is forgotten.
    pub(super) fn add(&mut self, frame: &Frame) {
        if self.filled + FRAME_SAMPLES > WAITING_MAX {
            self.filled = 0;
        }
        self.waiting[self.filled..self.filled + FRAME_SAMPLES].copy_from_slice(&frame.samples);
        self.filled += FRAME_SAMPLES;
    }

    /// What waits is not to be sent: there was a pause, or a key.
    pub(super) fn forget(&mut self) {
        self.filled = 0;
    }

    /// Writes the next packet that is full; `None` when none is. Call it until then: two packets of 10 ms make a tick.
    pub(super) fn packet(&mut self, sequencer: &mut Sequencer, payload_type: u8, out: &mut [u8]) -> Option<usize> {
        if self.filled < self.length {
            sequencer.gathered();
            return None;
        }
        let mut payload = [0; PAYLOAD_BYTES_MAX];
        let len = self.encoder.encode(&self.waiting[..self.length], &mut payload);
        // The last sample that waits is this tick's last.
        let ago = self.filled.saturating_sub(FRAME_SAMPLES);
        let later = FRAME_SAMPLES.saturating_sub(self.filled);
        let samples_ago = u32::try_from(ago).unwrap_or(0).wrapping_sub(u32::try_from(later).unwrap_or(0));
        self.waiting.copy_within(self.length..self.filled, 0);
        self.filled -= self.length;
        if len == 0 {
            return None;
        }
        sequencer.audio(payload_type, samples_ago, &payload[..len], out)
    }
}
