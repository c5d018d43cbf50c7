//! Recordings: one thread that turns pairs of frames into two-channel WAV files (left what we say, right what we hear). The
//! audio thread only ever drops pairs into a bounded pipe; a slow or full disk costs the recording and nothing else.

use super::face::LegKey;
use crate::audio::{Frame, StereoWav};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Notes that may wait: 0.8 s of 50 recordings.
const NOTES_MAX: usize = 2_048;
/// Failures that may wait to be told.
const FAILURES_MAX: usize = 256;
/// How often the thread looks: it need not wake for every pair.
const LOOK: Duration = Duration::from_millis(40);
/// The header is brought up to date this often, so that a crash leaves a file that can be played.
const CHECKPOINT_FRAMES: u64 = 150;
/// Ticks that were never delivered become silence, up to this many at once (a minute).
const GAP_MAX: u64 = 3_000;

/// What the audio thread says. Nearly all notes are pairs, and a box would be an allocation per frame.
#[allow(clippy::large_enum_variant)]
enum Note {
    Begin { leg: LegKey, path: PathBuf },
    Pair { leg: LegKey, tick: u64, said: Frame, heard: Frame },
    End { leg: LegKey },
}

/// The audio thread's end.
pub(super) struct Recorder {
    notes: SyncSender<Note>,
    failures: Receiver<(LegKey, String)>,
    /// Ends that found the pipe full.
    ends: Vec<LegKey>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Starts the thread.
    pub(super) fn start() -> io::Result<Recorder> {
        let (notes, from) = sync_channel(NOTES_MAX);
        let (to, failures) = sync_channel(FAILURES_MAX);
        let thread = thread::Builder::new().name("recorder-0".into()).spawn(move || work(&from, &to))?;
        Ok(Recorder { notes, failures, ends: Vec::new(), thread: Some(thread) })
    }

    /// Begins (or begins anew) the recording of a leg; false when the thread cannot keep up.
    pub(super) fn begin(&mut self, leg: LegKey, path: PathBuf) -> bool {
        self.notes.try_send(Note::Begin { leg, path }).is_ok()
    }

    /// 20 ms of both sides. `tick` counts on with every tick, so that what is dropped here becomes silence there.
    pub(super) fn pair(&self, leg: LegKey, tick: u64, said: Frame, heard: Frame) {
        // Full: the thread sees the gap in the ticks.
        let _ = self.notes.try_send(Note::Pair { leg, tick, said, heard });
    }

    /// Ends the recording of a leg.
    pub(super) fn end(&mut self, leg: LegKey) {
        self.ends.push(leg);
        self.flush();
    }

    /// Called every tick: sends the ends that had to wait.
    pub(super) fn flush(&mut self) {
        while let Some(leg) = self.ends.last() {
            match self.notes.try_send(Note::End { leg: *leg }) {
                Ok(()) | Err(TrySendError::Disconnected(_)) => self.ends.pop(),
                Err(TrySendError::Full(_)) => return,
            };
        }
    }

    /// Whether ends still wait.
    pub(super) fn idle(&self) -> bool {
        self.ends.is_empty()
    }

    /// Recordings that failed since the last call.
    pub(super) fn failures(&self) -> impl Iterator<Item = (LegKey, String)> {
        self.failures.try_iter()
    }

    /// Finishes every file and the thread.
    pub(super) fn stop(mut self) {
        let thread = self.thread.take();
        drop(self);
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

/// One open file.
struct Recording {
    wav: StereoWav<BufWriter<File>>,
    path: PathBuf,
    /// The tick that comes next; `None` before the first pair.
    next: Option<u64>,
    frames: u64,
    /// Ticks that never came.
    missed: u64,
}

fn work(notes: &Receiver<Note>, failures: &SyncSender<(LegKey, String)>) {
    let mut open: HashMap<LegKey, Recording> = HashMap::new();
    loop {
        // Wait for something, then let more come together.
        let first = match notes.recv_timeout(Duration::from_secs(1)) {
            Ok(note) => Some(note),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        for note in first.into_iter().chain(notes.try_iter()) {
            if let Err((leg, sentence)) = take(&mut open, note) {
                open.remove(&leg);
                // The sentence goes to the call's owner and names a file, nobody's words.
                tracing::warn!(leg = leg.0, "{sentence}");
                let _ = failures.try_send((leg, sentence));
            }
        }
        thread::sleep(LOOK);
    }
    for (leg, recording) in open {
        if let Err((_, sentence)) = recording.finish(leg) {
            tracing::warn!(leg = leg.0, "{sentence}");
        }
    }
}

fn take(open: &mut HashMap<LegKey, Recording>, note: Note) -> Result<(), (LegKey, String)> {
    match note {
        Note::Begin { leg, path } => {
            let ended = open.remove(&leg).map_or(Ok(()), |r| r.finish(leg));
            let recording = Recording::create(&path).map_err(|e| (leg, failed(&path, &e)))?;
            open.insert(leg, recording);
            ended
        }
        Note::Pair { leg, tick, said, heard } => {
            let Some(recording) = open.get_mut(&leg) else { return Ok(()) };
            recording.pair(tick, &said, &heard).map_err(|e| (leg, failed(&recording.path, &e)))
        }
        Note::End { leg } => open.remove(&leg).map_or(Ok(()), |r| r.finish(leg)),
    }
}

impl Recording {
    fn create(path: &Path) -> io::Result<Recording> {
        if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let mut wav = StereoWav::new(BufWriter::with_capacity(16 * 1024, File::create(path)?)).map_err(io::Error::other)?;
        // A disk that is full shows itself now and not minutes later.
        wav.checkpoint().map_err(io::Error::other)?;
        Ok(Recording { wav, path: path.to_path_buf(), next: None, frames: 0, missed: 0 })
    }

    fn pair(&mut self, tick: u64, said: &Frame, heard: &Frame) -> io::Result<()> {
        let gap = tick.saturating_sub(self.next.unwrap_or(tick)).min(GAP_MAX);
        self.missed += gap;
        for _ in 0..gap {
            self.write(&Frame::SILENCE, &Frame::SILENCE)?;
        }
        self.next = Some(tick + 1);
        self.write(said, heard)
    }

    fn write(&mut self, said: &Frame, heard: &Frame) -> io::Result<()> {
        self.wav.push(said, heard).map_err(io::Error::other)?;
        self.frames += 1;
        if self.frames.is_multiple_of(CHECKPOINT_FRAMES) {
            self.wav.checkpoint().map_err(io::Error::other)?;
        }
        Ok(())
    }

    fn finish(self, leg: LegKey) -> Result<(), (LegKey, String)> {
        if self.missed > 0 {
            tracing::warn!(leg = leg.0, missed_ms = self.missed * 20, "the disk was too slow; silence stands in the recording");
        }
        let path = self.path;
        self.wav.finish().map_err(|e| (leg, failed(&path, &io::Error::other(e))))
    }
}

fn failed(path: &Path, error: &io::Error) -> String {
    format!("the recording {} stopped: {error}; the call goes on without it, make room or correct the folder", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(value: i16) -> Frame {
        Frame { samples: [value; 160] }
    }

    #[test]
    fn both_sides_are_kept_apart_and_gaps_become_silence() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("calls/one.wav");
        let mut recorder = Recorder::start().expect("a thread");
        assert!(recorder.begin(LegKey(1), path.clone()));
        for tick in [10, 11, 13] {
            recorder.pair(LegKey(1), tick, frame(100), frame(-100));
        }
        recorder.pair(LegKey(2), 13, frame(1), frame(1));
        recorder.end(LegKey(1));
        recorder.stop();
        let mut wav = hound::WavReader::open(&path).expect("a wav");
        assert_eq!((wav.spec().channels, wav.spec().sample_rate, wav.duration()), (2, 8_000, 640));
        let samples: Vec<i16> = wav.samples().map(|s| s.expect("a sample")).collect();
        let (left, right): (Vec<i16>, Vec<i16>) = samples.chunks(2).map(|c| (c[0], c[1])).unzip();
        assert!(left[..320].iter().all(|s| *s == 100) && right[..320].iter().all(|s| *s == -100));
        assert!(left[320..480].iter().chain(&right[320..480]).all(|s| *s == 0));
        assert!(left[480..].iter().all(|s| *s == 100));
    }

    #[test]
    fn a_full_disk_and_a_wrong_folder_are_told_once_in_a_sentence() {
        let mut recorder = Recorder::start().expect("a thread");
        assert!(recorder.begin(LegKey(1), PathBuf::from("/dev/full")));
        assert!(recorder.begin(LegKey(2), PathBuf::from("/dev/null/there/x.wav")));
        for tick in 0..400 {
            recorder.pair(LegKey(1), tick, frame(1), frame(1));
        }
        let mut told: Vec<_> = (0..2).filter_map(|_| recorder.failures.recv_timeout(Duration::from_secs(20)).ok()).collect();
        told.sort();
        assert_eq!(told.iter().map(|t| t.0).collect::<Vec<_>>(), [LegKey(1), LegKey(2)]);
        assert!(told[0].1.contains("/dev/full") && told[0].1.contains("No space left"), "{}", told[0].1);
        recorder.end(LegKey(1));
        assert_eq!(recorder.failures().count(), 0);
        recorder.stop();
    }
}
