//! What goes over the pipe between the pool and a worker: a message is two lengths (little-endian `u32`), a JSON header and
//! raw bytes (samples, 16 bit little-endian). Used on both ends, so that they cannot disagree.

use crate::base::{Grammar, Hypothesis, Language};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};

/// Longest header: a flow with very many examples is a few megabytes.
const HEADER_MAX: usize = 16 << 20;

/// Most payload bytes: four minutes of prompt at 16 kHz.
const PAYLOAD_MAX: usize = 16 << 20;

/// From the pool to a worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ToWorker {
    /// An utterance begins.
    Start {
        /// Names the grammar.
        key: u64,
        /// The grammar itself, the first time that this worker sees it.
        grammar: Option<Grammar>,
        /// Drop all grammars seen so far.
        forget: bool,
        /// What the call's earlier utterances taught about its line.
        line: Option<Vec<f32>>,
    },
    /// Samples of it (the payload).
    Audio,
    /// It is over; answer.
    End {
        /// Milliseconds within which an engine that can stop in the middle has to; one that cannot goes on.
        within_ms: u32,
    },
    /// Nobody wants it any more; answered by `Idle`.
    Abandon,
    /// Speak this (a voice worker).
    Say {
        /// The words.
        text: String,
        /// Their language.
        language: Language,
    },
}

/// From a worker to the pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FromWorker {
    /// Loaded and warm; the first message.
    Ready {
        /// What it understands or speaks.
        languages: Vec<Language>,
        /// Of what it understands only short answers and requests for a person.
        short: Vec<Language>,
    },
    /// Words so far.
    Partial {
        /// A whole answer.
        complete: bool,
        /// A person was asked for, in these words.
        person: Option<String>,
    },
    /// The result, once per `End`.
    Result {
        /// What was heard.
        hypothesis: Hypothesis,
        /// For the next `Start` of this call.
        line: Option<Vec<f32>>,
    },
    /// No result within the time of `End`; the worker is free again.
    Late,
    /// Whatever came before belongs to the abandoned utterance.
    Idle,
    /// Speech at 8 kHz (the payload).
    Sound,
    /// It could not be done; one sentence.
    Failed(String),
}

/// Writes one message.
///
/// # Errors
/// When the other end is gone or does not read in time.
pub(crate) fn write(to: &mut impl Write, message: &impl Serialize, payload: &[u8]) -> io::Result<()> {
    let header = serde_json::to_vec(message).map_err(io::Error::other)?;
    let length = |n: usize| u32::try_from(n).map_err(io::Error::other);
    let mut out = Vec::with_capacity(8 + header.len() + payload.len());
    out.extend_from_slice(&length(header.len())?.to_le_bytes());
    out.extend_from_slice(&length(payload.len())?.to_le_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(payload);
    to.write_all(&out)?;
    to.flush()
}

/// Reads one message. `None` at the end of the stream.
///
/// # Errors
/// When the stream breaks inside a message, or a length or a header is impossible.
pub(crate) fn read<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<(T, Vec<u8>)>> {
    let mut lengths = [0; 8];
    let first = from.read(&mut lengths[..1])?;
    if first == 0 {
        return Ok(None);
    }
    from.read_exact(&mut lengths[1..])?;
    let (header, payload) = parse_lengths(lengths)?;
    let mut body = vec![0; header + payload];
    from.read_exact(&mut body)?;
    let rest = body.split_off(header);
    let message = serde_json::from_slice(&body).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
    Ok(Some((message, rest)))
}

fn parse_lengths(bytes: [u8; 8]) -> io::Result<(usize, usize)> {
    let [a, b, c, d, e, f, g, h] = bytes;
    let (header, payload) = (u32::from_le_bytes([a, b, c, d]) as usize, u32::from_le_bytes([e, f, g, h]) as usize);
    if header > HEADER_MAX || payload > PAYLOAD_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a message of impossible length"));
    }
    Ok((header, payload))
}

/// Samples as bytes.
pub(crate) fn to_bytes(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|s| s.to_le_bytes()).collect()
}

/// Bytes as samples; an odd last byte is dropped.
pub(crate) fn to_samples(bytes: &[u8]) -> Vec<i16> {
    bytes.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_as_they_went_in() {
        let mut pipe = Vec::new();
        let say = ToWorker::Say { text: "你好".into(), language: Language::ZH };
        write(&mut pipe, &say, &[]).expect("written");
        write(&mut pipe, &ToWorker::Audio, &to_bytes(&[1, -2])).expect("written");
        let mut from = pipe.as_slice();
        assert_eq!(read::<ToWorker>(&mut from).expect("read"), Some((say, vec![])));
        let (message, bytes) = read::<ToWorker>(&mut from).expect("read").expect("one more");
        assert_eq!((message, to_samples(&bytes)), (ToWorker::Audio, vec![1, -2]));
        assert_eq!(read::<ToWorker>(&mut from).expect("end"), None);
    }

    #[test]
    fn rubbish_is_an_error() {
        for bytes in [&[255u8; 20][..], &[1, 0, 0, 0, 0, 0, 0, 0, b'x'], &[9, 0, 0], &[5, 0, 0, 0, 0, 0, 0, 0, 1]] {
            assert!(read::<ToWorker>(&mut &bytes[..]).is_err());
        }
    }
}
