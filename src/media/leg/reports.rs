//! A leg's reports: what it tells and hears over RTCP, and its numbers.

use super::Leg;
use crate::base::Moment;
use crate::media::control::ntp;
use crate::media::face::{Codec, LegStats, OneWay};
use crate::rtp::{
    BUFFER_MS_MAX, ReportBlock, SRTCP_EXTRA_MAX, SenderInfo, VoipMetrics, append_voip_metrics, write_bye, write_report,
};
use std::net::SocketAddr;

/// Room for an RTCP packet that we send.
pub const RTCP_BYTES: usize = 192 + SRTCP_EXTRA_MAX;
/// Packets of five seconds.
const ONE_WAY_PACKETS: u64 = 250;
/// The name in our reports (RFC 3550 §6.5.1): the same for every leg, it tells nothing about anybody.
const CNAME: &str = "hotline";

impl Leg {
    /// Takes a datagram from the RTCP port (or RTCP from the RTP port, RFC 5761). Only the far end's machine is listened to.
    pub fn receive_rtcp(&mut self, now: Moment, datagram: &[u8], from: SocketAddr) {
        let Some(peer) = self.peer.filter(|p| p.target().ip() == from.ip()) else { return };
        let (ssrc, first, codec) = (self.sequencer.ssrc(), self.first_sequence, peer.agreed.codec);
        if self.secure.on() {
            let Some(opened) = self.secure.open_rtcp(datagram) else { return };
            self.control.receive(now, opened.bytes(), ssrc, first, codec);
        } else {
            self.control.receive(now, datagram, ssrc, first, codec);
        }
        if from != peer.target() {
            self.rtcp_from = Some(from);
        }
    }

    /// Numbers so far.
    pub fn stats(&self) -> LegStats {
        let s = self.jitter.stats();
        let codec = self.peer.map(|p| p.agreed.codec);
        let (mos, far_mos) = match codec {
            Some(codec) => {
                let mos = self.control.mos_x100(codec, self.unplayed(), self.buffer_ms());
                ((s.received > 0).then_some(mos), self.control.far_mos_x100(codec))
            }
            None => (None, None),
        };
        let deaf = self.peer.is_some_and(|p| p.agreed.send) && s.received >= ONE_WAY_PACKETS && self.sequencer.packets() == 0;
        let far = self.control.far();
        LegStats {
            codec,
            encrypted: self.secure.on(),
            packets_in: s.received,
            lost: s.lost,
            late: s.late,
            discarded: self.discarded,
            packets_out: self.sequencer.packets(),
            jitter_us: s.jitter_us,
            buffer_ms: self.buffer_ms(),
            round_trip_ms: self.control.round_trip_ms(),
            mos_x100: mos,
            far_lost: far.map(|f| f.lost),
            far_jitter_us: far.map(|f| f.jitter_us),
            far_mos_x100: far_mos,
            one_way: self.one_way.or(deaf.then_some(OneWay::NothingOut)),
        }
    }

    /// The delay that the jitter buffer aims at.
    fn buffer_ms(&self) -> u32 {
        self.jitter.target() / 8
    }

    /// Share of the far end's packets that were never played: lost on the way, or too late.
    fn unplayed(&self) -> f64 {
        let s = self.jitter.stats();
        (s.lost + s.late) as f64 / (s.received + s.lost).max(1) as f64
    }

    /// Where RTCP goes: where it comes from, else the port above the one where we send (RFC 3550 §11), or that same one
    /// (RFC 5761).
    pub fn rtcp_target(&self) -> Option<SocketAddr> {
        let peer = self.peer?;
        let mut to = peer.target();
        if peer.agreed.rtcp_mux {
            return Some(to);
        }
        if let Some(from) = self.rtcp_from.filter(|f| f.ip() == to.ip()) {
            return Some(from);
        }
        to.set_port(to.port().checked_add(1)?);
        Some(to)
    }

    /// RTCP leaves through the socket of RTP.
    pub fn rtcp_mux(&self) -> bool {
        self.peer.is_some_and(|p| p.agreed.rtcp_mux)
    }

    /// Writes an RTCP report (RFC 3550 §6.4) with an extended one (RFC 3611) when something was heard; due every five
    /// seconds. `None` while there is nothing to report.
    pub fn report(&mut self, now: Moment, out: &mut [u8]) -> Option<usize> {
        let low = |n: u64| u32::try_from(n & 0xffff_ffff).unwrap_or(0);
        let sender = (self.sequencer.packets() > 0).then(|| SenderInfo {
            ntp: ntp(now),
            timestamp: self.sequencer.timestamp(),
            packets: low(self.sequencer.packets()),
            octets: low(self.sequencer.octets()),
        });
        let scale = self.peer.map_or(1, |p| p.agreed.codec.scale());
        let (last_sr, delay) = self.control.last_sr(now);
        let reception = self.jitter.reception();
        let about = reception.ssrc().map(|ssrc| ReportBlock {
            ssrc,
            fraction_lost: reception.fraction_lost(),
            lost: low(reception.stats().lost),
            highest: reception.extended_highest(),
            // In ticks of the stream's own clock (RFC 3550 §6.4.1).
            jitter: reception.jitter().saturating_mul(scale),
            last_sr,
            delay,
        });
        if sender.is_none() && about.is_none() {
            return None;
        }
        let ssrc = self.sequencer.ssrc();
        let len = write_report(ssrc, sender.as_ref(), about.as_ref(), CNAME, out)?;
        let len = match about {
            Some(about) => append_voip_metrics(ssrc, &self.metrics(about.ssrc), out, len)?,
            None => len,
        };
        self.secure.protect_rtcp(out, len)
    }

    /// What we heard, for the far end.
    fn metrics(&self, ssrc: u32) -> VoipMetrics {
        let s = self.jitter.stats();
        let of_all = |n: u64| u8::try_from(n * 256 / (s.received + s.lost).max(1)).unwrap_or(u8::MAX);
        let codec = self.peer.map_or(Codec::Pcmu, |p| p.agreed.codec);
        let buffer_ms = u16::try_from(self.buffer_ms()).unwrap_or(BUFFER_MS_MAX);
        VoipMetrics {
            ssrc,
            loss: of_all(s.lost),
            discarded: of_all(s.late),
            round_trip_ms: self.control.round_trip_ms().and_then(|ms| u16::try_from(ms).ok()).unwrap_or(0),
            // Both are within 0–100 and 100–450.
            r_factor: self.control.rating(codec, self.unplayed(), self.buffer_ms()).round() as u8,
            mos_x10: u8::try_from(self.control.mos_x100(codec, self.unplayed(), self.buffer_ms()) / 10).unwrap_or(45),
            buffer_ms,
            buffer_ms_max: BUFFER_MS_MAX,
        }
    }

    /// Writes the RTCP goodbye (RFC 3550 §6.6); `None` when we never sent.
    pub fn bye(&mut self, out: &mut [u8]) -> Option<usize> {
        if self.sequencer.packets() == 0 {
            return None;
        }
        let len = write_bye(self.sequencer.ssrc(), out)?;
        self.secure.protect_rtcp(out, len)
    }
}
