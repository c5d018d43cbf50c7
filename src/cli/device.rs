//! Microphone and loudspeaker for `hotline call --mic` (cargo feature `device`): the sound card's rate is brought to 8 kHz
//! and back by straight interpolation, which is all that a telephone line needs.

use crate::audio::Frame;
use std::sync::mpsc::{Receiver, SyncSender};

/// What the phone's line takes: frames from the microphone, and where frames for the loudspeaker go.
pub(crate) type Ends = (Receiver<Frame>, SyncSender<Frame>);

#[cfg(not(feature = "device"))]
mod card {
    use super::Ends;

    /// Never made: this program was built without sound cards.
    pub(crate) enum Device {}

    /// # Errors
    /// Always: the remedy is another build.
    pub(crate) fn open() -> anyhow::Result<Device> {
        anyhow::bail!("--mic needs a build with sound cards: cargo build --features device (Debian package libasound2-dev)")
    }

    impl Device {
        pub(crate) fn ends(&self) -> anyhow::Result<Ends> {
            match *self {}
        }
    }
}

#[cfg(feature = "device")]
mod card {
    use super::Ends;
    use crate::audio::{FRAME_SAMPLES, Frame, LINE_RATE};
    use anyhow::Context;
    use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
    use std::collections::VecDeque;
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
    use std::sync::{Mutex, PoisonError};

    /// Frames waiting in each direction at most: 400 ms; older ones are dropped.
    const WAITING: usize = 20;

    /// Open streams; dropping them closes the devices.
    pub(crate) struct Device {
        ends: Mutex<Option<Ends>>,
        _input: cpal::Stream,
        _output: cpal::Stream,
    }

    /// Opens the default microphone and loudspeaker.
    ///
    /// # Errors
    /// When there is none, or it is taken.
    pub(crate) fn open() -> anyhow::Result<Device> {
        let host = cpal::default_host();
        let (to_line, from_microphone) = sync_channel(WAITING);
        let (to_speaker, from_line) = sync_channel(WAITING);
        let input = microphone(&host, to_line)?;
        let output = loudspeaker(&host, from_line)?;
        input.play().context("the microphone does not start")?;
        output.play().context("the loudspeaker does not start")?;
        Ok(Device { ends: Mutex::new(Some((from_microphone, to_speaker))), _input: input, _output: output })
    }

    impl Device {
        /// The two ends for the line; they can be taken once.
        pub(crate) fn ends(&self) -> anyhow::Result<Ends> {
            self.ends.lock().unwrap_or_else(PoisonError::into_inner).take().context("the sound card is in use by another call")
        }
    }

    fn microphone(host: &cpal::Host, to: SyncSender<Frame>) -> anyhow::Result<cpal::Stream> {
        let device = host.default_input_device().context("there is no microphone")?;
        let config = device.default_input_config().context("the microphone gives no format")?.config();
        let (channels, step) = (usize::from(config.channels), f64::from(config.sample_rate) / f64::from(LINE_RATE));
        let mut waiting: VecDeque<i16> = VecDeque::with_capacity(FRAME_SAMPLES * 4);
        let mut position = 0.0f64;
        let take = move |data: &[f32], _: &cpal::InputCallbackInfo| {
            let frames = data.len() / channels.max(1);
            while position < frames as f64 {
                let sample = data[position as usize * channels];
                waiting.push_back((sample.clamp(-1.0, 1.0) * 32_767.0) as i16);
                position += step;
            }
            position -= frames as f64;
            while waiting.len() >= FRAME_SAMPLES {
                let mut frame = Frame::SILENCE;
                for (to, from) in frame.samples.iter_mut().zip(waiting.drain(..FRAME_SAMPLES)) {
                    *to = from;
                }
                let _ = to.try_send(frame);
            }
        };
        device
            .build_input_stream(config, take, |e| eprintln!("microphone: {e}"), None)
            .context("the microphone cannot be opened")
    }

    fn loudspeaker(host: &cpal::Host, from: Receiver<Frame>) -> anyhow::Result<cpal::Stream> {
        let device = host.default_output_device().context("there is no loudspeaker")?;
        let config = device.default_output_config().context("the loudspeaker gives no format")?.config();
        let (channels, step) = (usize::from(config.channels), f64::from(LINE_RATE) / f64::from(config.sample_rate));
        let mut waiting: VecDeque<i16> = VecDeque::with_capacity(FRAME_SAMPLES * WAITING);
        let mut position = 0.0f64;
        let give = move |data: &mut [f32], _: &cpal::OutputCallbackInfo| {
            while let Ok(frame) = from.try_recv() {
                waiting.extend(frame.samples);
            }
            for out in data.chunks_mut(channels.max(1)) {
                let sample = waiting.front().copied().unwrap_or(0);
                out.fill(f32::from(sample) / 32_768.0);
                position += step;
                while position >= 1.0 {
                    position -= 1.0;
                    waiting.pop_front();
                }
            }
        };
        device
            .build_output_stream(config, give, |e| eprintln!("loudspeaker: {e}"), None)
            .context("the loudspeaker cannot be opened")
    }
}

pub(crate) use card::{Device, open};
