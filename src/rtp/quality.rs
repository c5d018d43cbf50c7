//! How a connection sounds, by numbers: the E-model of ITU-T G.107 with everything at its default that a gateway cannot know,
//! as Cole and Rosenbluth simplified it ("Voice over IP performance monitoring", 2001).

use crate::base::Codec;

/// The rating factor with all defaults, before delay and loss (G.107 §7.2).
const R_DEFAULT: f32 = 93.2;
/// Robustness of G.711 with concealment against random loss (G.113 appendix I, Bpl). G.722 and Opus have no value on the
/// narrow-band scale and are taken for G.711: what they sound like here is 8 kHz with the same concealment.
const ROBUSTNESS: f32 = 25.1;

/// The rating factor, 0–100. `lost`: share of packets that were not played, 0–1, at random; `delay_ms` from mouth to ear.
pub fn r_factor(codec: Codec, lost: f32, delay_ms: f32) -> f32 {
    // Own impairment of the codecs (Ie): none of them has one.
    let equipment = match codec {
        Codec::Pcmu | Codec::Pcma | Codec::G722 | Codec::Opus => 0.0,
    };
    let percent = lost.clamp(0.0, 1.0) * 100.0;
    let loss = equipment + (95.0 - equipment) * percent / (percent + ROBUSTNESS);
    let delay = delay_ms.clamp(0.0, 10_000.0);
    let late = 0.024 * delay + if delay > 177.3 { 0.11 * (delay - 177.3) } else { 0.0 };
    (R_DEFAULT - loss - late).clamp(0.0, 100.0)
}

/// The mean opinion that goes with a rating factor, 1–4.5 (G.107 annex B).
pub fn mos(r: f32) -> f32 {
    let r = r.clamp(0.0, 100.0);
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).clamp(1.0, 4.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_points() {
        // G.107 annex B: R = 93.2 is 4.41, 80 is 4.03, 60 is 3.10, 50 is 2.58.
        for (r, expected) in [(93.2, 4.41), (80.0, 4.03), (60.0, 3.10), (50.0, 2.58), (0.0, 1.0), (100.0, 4.5)] {
            assert!((mos(r) - expected).abs() < 0.01, "{r}: {}", mos(r));
        }
        let at = |lost, delay| mos(r_factor(Codec::Pcmu, lost, delay));
        assert!(at(0.0, 0.0) > 4.4 && at(0.0, 150.0) > 4.3, "{} {}", at(0.0, 0.0), at(0.0, 150.0));
        assert!(at(0.02, 60.0) < at(0.0, 60.0) && at(0.2, 60.0) < 2.7 && at(1.0, 60.0) < 1.5);
        assert!(at(0.0, 400.0) < 3.6 && at(0.0, 400.0) > 2.5, "{}", at(0.0, 400.0));
        assert!(at(f32::NAN.max(0.0), f32::INFINITY) >= 1.0);
    }
}
