//! Sequence numbers, timestamps and marker of what we send.

use super::TICK_SAMPLES;
use super::packet::{Header, write_packet};

/// The outgoing side of one stream. The timestamp runs with the ticks whether or not a packet leaves, so that it stays true
/// over hold, prompt changes and digits (RFC 3550 §5.1); the sequence number runs with the packets.
#[derive(Debug, Clone)]
pub struct Sequencer {
    ssrc: u32,
    /// Of the next packet.
    sequence: u16,
    /// Of the current tick.
    timestamp: u32,
    /// Ticks of the RTP clock in a sample: 1, or 6 for Opus.
    scale: u32,
    /// There was a tick without sound: the next audio packet begins a talk-spurt (RFC 3551 §4.1).
    paused: bool,
    /// Whether there was sound in the current tick.
    spoke: bool,
    packets: u64,
    octets: u64,
}

impl Sequencer {
    /// All three are random per stream (RFC 3550 §5.1) and come from outside.
    pub fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Sequencer {
        Sequencer { ssrc, sequence, timestamp, scale: 1, paused: true, spoke: false, packets: 0, octets: 0 }
    }

    /// From now on timestamps count a clock of `scale` times 8 kHz.
    pub fn set_scale(&mut self, scale: u32) {
        self.scale = scale.max(1);
    }

    /// Writes an audio packet whose first sample lies so many samples before this tick's; its length, or `None` when `out` is
    /// too small.
    pub fn audio(&mut self, payload_type: u8, samples_ago: u32, payload: &[u8], out: &mut [u8]) -> Option<usize> {
        let timestamp = self.timestamp.wrapping_sub(samples_ago.wrapping_mul(self.scale));
        let len = self.write(self.paused, payload_type, timestamp, payload, out)?;
        self.spoke = true;
        self.paused = false;
        Some(len)
    }

    /// This tick's sound waits for a packet of more than 20 ms.
    pub fn gathered(&mut self) {
        self.spoke = true;
    }

    /// Writes a packet that stands for silence (comfort noise): the audio after it begins a talk-spurt.
    pub fn noise(&mut self, payload_type: u8, payload: &[u8], out: &mut [u8]) -> Option<usize> {
        self.write(false, payload_type, self.timestamp, payload, out)
    }

    /// Writes a packet of a telephone-event that began at `timestamp`.
    pub fn event(&mut self, marker: bool, payload_type: u8, timestamp: u32, payload: &[u8], out: &mut [u8]) -> Option<usize> {
        let len = self.write(marker, payload_type, timestamp, payload, out)?;
        // Digits stand in for audio; the audio after them is no new talk-spurt.
        self.spoke = true;
        self.paused = false;
        Some(len)
    }

    /// Ends the current 20-ms tick.
    pub fn next_tick(&mut self) {
        self.paused |= !self.spoke;
        self.spoke = false;
        self.timestamp = self.timestamp.wrapping_add(TICK_SAMPLES * self.scale);
    }

    /// So many ticks could not be served (the machine was busy): time went on, packets did not.
    pub fn skip_ticks(&mut self, ticks: u32) {
        self.timestamp = self.timestamp.wrapping_add(ticks.wrapping_mul(TICK_SAMPLES * self.scale));
        self.paused |= ticks > 0;
    }

    /// The timestamp of the current tick.
    pub fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// The stream's name.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Packets written so far.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Payload bytes written so far.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    fn write(&mut self, marker: bool, payload_type: u8, timestamp: u32, payload: &[u8], out: &mut [u8]) -> Option<usize> {
        let header = Header { marker, payload_type, sequence: self.sequence, timestamp, ssrc: self.ssrc };
        let len = write_packet(&header, payload, out)?;
        self.sequence = self.sequence.wrapping_add(1);
        self.packets += 1;
        self.octets += payload.len() as u64;
        Some(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::PacketView;

    #[test]
    fn the_timestamp_runs_on_while_we_are_silent_and_the_marker_tells_the_return() {
        let mut s = Sequencer::new(1, 65_534, u32::MAX - 200);
        let mut buffer = [0; 200];
        let mut seen = Vec::new();
        for tick in 0..6 {
            if !(2..4).contains(&tick) {
                let len = s.audio(0, 0, &[0; 160], &mut buffer).expect("it fits");
                let h = PacketView::parse(&buffer[..len]).expect("ours").header;
                seen.push((h.sequence, h.timestamp, h.marker));
            }
            s.next_tick();
        }
        let start = u32::MAX - 200;
        let ts = |n: u32| start.wrapping_add(n * 160);
        assert_eq!(seen, [(65_534, ts(0), true), (65_535, ts(1), false), (0, ts(4), true), (1, ts(5), false)]);
        s.skip_ticks(3);
        let len = s.audio(0, 0, &[0; 160], &mut buffer).expect("it fits");
        let h = PacketView::parse(&buffer[..len]).expect("ours").header;
        assert_eq!((h.sequence, h.timestamp, h.marker), (2, ts(9), true));
        assert_eq!((s.packets(), s.octets()), (5, 800));
    }
}
