//! The pipe from a leg to the ears. The leg never waits for it: frames that find it full are dropped and the utterance is
//! marked; its borders are kept and sent as soon as there is room.

use crate::audio::Frame;
use crate::audio::Tap;
use crate::base::{Moment, UtteranceId};
use std::collections::VecDeque;
use std::sync::mpsc::{SyncSender, TrySendError};

/// Borders that may wait. With more of them waiting the ears have been stuck for seconds, and new utterances are not begun.
const WAITING_MAX: usize = 8;

/// One leg's end of the pipe.
#[derive(Debug)]
pub(super) struct TapFeed {
    to: Option<SyncSender<Tap>>,
    open: Option<Open>,
    /// `Start`, `End` and `Withdrawn` that found the pipe full, oldest first.
    waiting: VecDeque<Tap>,
    /// Every other frame waits for the next one or for the end: waking the ears costs more than anything else here.
    held: Option<Frame>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    utterance: UtteranceId,
    /// No frame was dropped so far.
    complete: bool,
}

impl TapFeed {
    pub(super) fn new(to: Option<SyncSender<Tap>>) -> TapFeed {
        TapFeed { to, open: None, waiting: VecDeque::with_capacity(WAITING_MAX + 2), held: None }
    }

    /// An utterance begins; `at` is the moment of the first of `frames`.
    pub(super) fn start<'a>(&mut self, utterance: UtteranceId, at: Moment, frames: impl Iterator<Item = &'a Frame>) {
        if self.waiting.len() >= WAITING_MAX {
            return;
        }
        self.open = Some(Open { utterance, complete: true });
        self.border(Tap::Start { utterance, at });
        for frame in frames {
            self.send(frame);
        }
    }

    /// 20 ms more of the open utterance; nothing when none is open.
    pub(super) fn frame(&mut self, frame: &Frame) {
        if self.open.is_none() {
            return;
        }
        match self.held.take() {
            None => self.held = Some(*frame),
            Some(held) => {
                self.send(&held);
                self.send(frame);
            }
        }
    }

    fn send(&mut self, frame: &Frame) {
        let Some(open) = self.open.as_mut() else { return };
        let sent = self.waiting.is_empty() && self.to.as_ref().is_some_and(|to| to.try_send(Tap::Frame(*frame)).is_ok());
        open.complete &= sent;
    }

    /// The utterance is over.
    pub(super) fn end(&mut self, utterance: UtteranceId) {
        if let Some(held) = self.held.take() {
            self.send(&held);
        }
        if let Some(open) = self.open.take_if(|o| o.utterance == utterance) {
            self.border(Tap::End { utterance, complete: open.complete });
        }
    }

    /// Nobody wants the utterance any more.
    pub(super) fn withdraw(&mut self, utterance: UtteranceId) {
        self.held = None;
        if self.open.take_if(|o| o.utterance == utterance).is_some() {
            self.border(Tap::Withdrawn { utterance });
        }
    }

    /// The leg ends: whatever is open is withdrawn.
    pub(super) fn close(&mut self) {
        if let Some(open) = self.open {
            self.withdraw(open.utterance);
        }
    }

    /// Called every tick: sends the borders that had to wait.
    pub(super) fn flush(&mut self) {
        while let (Some(border), Some(to)) = (self.waiting.front(), self.to.as_ref()) {
            match to.try_send(*border) {
                Ok(()) => self.waiting.pop_front(),
                Err(TrySendError::Full(_)) => return,
                Err(TrySendError::Disconnected(_)) => {
                    self.to = None;
                    self.waiting.clear();
                    return;
                }
            };
        }
    }

    fn border(&mut self, border: Tap) {
        if self.to.is_some() {
            self.waiting.push_back(border);
            self.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;

    fn line(got: &[Tap]) -> String {
        let words: Vec<String> = got
            .iter()
            .map(|t| match t {
                Tap::Start { utterance, .. } => format!("start {utterance}"),
                Tap::Frame(_) => "frame".into(),
                Tap::End { utterance, complete } => format!("end {utterance} {complete}"),
                Tap::Withdrawn { utterance } => format!("withdrawn {utterance}"),
            })
            .collect();
        words.join(", ")
    }

    #[test]
    fn a_full_pipe_costs_frames_and_never_borders() {
        let (to, from) = sync_channel(3);
        let mut feed = TapFeed::new(Some(to));
        feed.start(UtteranceId(1), Moment::ZERO, [Frame::SILENCE; 4].iter());
        feed.end(UtteranceId(1));
        assert_eq!(line(&from.try_iter().collect::<Vec<_>>()), "start 1, frame, frame");
        feed.flush();
        feed.start(UtteranceId(2), Moment::ZERO, [Frame::SILENCE].iter());
        assert_eq!(line(&from.try_iter().collect::<Vec<_>>()), "end 1 false, start 2, frame");
        feed.withdraw(UtteranceId(7));
        feed.close();
        feed.end(UtteranceId(2));
        assert_eq!(line(&from.try_iter().collect::<Vec<_>>()), "withdrawn 2");
    }

    #[test]
    fn frames_travel_in_pairs_and_the_last_one_is_not_lost() {
        let (to, from) = sync_channel(16);
        let mut feed = TapFeed::new(Some(to));
        let numbered = |feed: &mut TapFeed, n: i16| feed.frame(&Frame { samples: [n; 160] });
        feed.start(UtteranceId(1), Moment::ZERO, [Frame::SILENCE].iter());
        numbered(&mut feed, 1);
        assert_eq!(line(&from.try_iter().collect::<Vec<_>>()), "start 1, frame");
        (2..=5).for_each(|n| numbered(&mut feed, n));
        feed.end(UtteranceId(1));
        let got: Vec<Tap> = from.try_iter().collect();
        let order: Vec<i16> =
            got.iter().filter_map(|t| if let Tap::Frame(f) = t { Some(f.samples[0]) } else { None }).collect();
        assert_eq!((order, line(&got)), (vec![1, 2, 3, 4, 5], "frame, frame, frame, frame, frame, end 1 true".to_string()));
        // What was held of a withdrawn one never reaches the next.
        feed.start(UtteranceId(2), Moment::ZERO, [].iter());
        numbered(&mut feed, 9);
        feed.withdraw(UtteranceId(2));
        feed.start(UtteranceId(3), Moment::ZERO, [].iter());
        feed.end(UtteranceId(3));
        assert_eq!(line(&from.try_iter().collect::<Vec<_>>()), "start 2, withdrawn 2, start 3, end 3 true");
    }

    #[test]
    fn ears_that_are_gone_or_stuck_cost_nothing() {
        let (to, from) = sync_channel(1);
        let mut feed = TapFeed::new(Some(to));
        for i in 0..100 {
            feed.start(UtteranceId(i), Moment::ZERO, [Frame::SILENCE].iter());
            feed.end(UtteranceId(i));
        }
        assert!(feed.waiting.len() <= WAITING_MAX + 2);
        drop(from);
        feed.flush();
        assert!(feed.to.is_none() && feed.waiting.is_empty());
    }
}
