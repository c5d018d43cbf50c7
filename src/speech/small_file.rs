//! The small Whisper of the hotline domain that hotline brings along (trained by `models/train`): its file holds only the weights
//! that are used, and is filled up in memory to what whisper.cpp loads (`whisper_model_load`): a vocabulary of 51 864 places with
//! the special tokens where the library expects them, mel filters and positions.

use super::answers::Token;
use serde::Deserialize;
use std::collections::HashMap;

/// How such a file begins.
pub(crate) const MAGIC: &[u8] = b"HLEARS01";

/// Places of whisper.cpp's English vocabulary.
const PLACES: usize = 51_864;

/// Where the library expects the first tokens of a file: end, start, speech ("no times"), nobody ("no speech"). Behind them come
/// "unknown" and the words, each at the place of its own number.
const SPECIAL_PLACES: [Token; 4] = [50_256, 50_257, 50_362, 50_361];
const SPECIALS: usize = 5;

/// Steps of the encoder, and of the decoder (what the model does not use of them is nothing).
const AUDIO_CONTEXT: usize = 1_500;
const TEXT_CONTEXT: usize = 448;

const MELS: usize = 80;
const BINS: usize = 201;

/// Largest head, and largest number of weights, of a file that is no accident.
const HEAD_MAX: usize = 1 << 20;
const WEIGHTS_MAX: usize = 1 << 24;

/// What stands at the head of the file.
#[derive(Debug, Deserialize)]
struct Head {
    shape: Shape,
    tokens: Vec<String>,
    spellings: HashMap<String, String>,
    tensors: Vec<(String, Vec<usize>)>,
}

#[derive(Debug, Deserialize)]
struct Shape {
    width: usize,
    heads: usize,
    encoder: usize,
    decoder: usize,
    longest: usize,
}

/// The words of a small model. A token is a word's number in its file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Words {
    numbers: HashMap<String, Token>,
    texts: Vec<String>,
    /// How a phrase in Chinese is spoken, in the model's words (pinyin).
    spellings: HashMap<String, String>,
    /// And what spellings are in Chinese.
    written: HashMap<Vec<Token>, String>,
    /// Most words of a text.
    pub(crate) longest: usize,
}

impl Words {
    /// Behind the words of a text.
    pub(crate) const END: Token = 0;
    /// What every text begins with.
    pub(crate) const START: Token = 1;
    /// Somebody speaks; the words follow.
    pub(crate) const SPEECH: Token = 2;
    /// Nobody speaks, or nothing that this model knows.
    pub(crate) const NOBODY: Token = 3;
    /// A stretch of words that are none of ours.
    pub(crate) const UNKNOWN: Token = 4;

    /// Where a token stands in the library's vocabulary.
    pub(crate) fn place(token: Token) -> Token {
        usize::try_from(token).ok().and_then(|t| SPECIAL_PLACES.get(t).copied()).unwrap_or(token)
    }

    /// How many tokens there are.
    pub(crate) fn count(&self) -> usize {
        self.texts.len()
    }

    /// The tokens of a phrase (lower case, words separated by blanks, or Chinese); `None` when a word is not known.
    pub(crate) fn tokens(&self, phrase: &str) -> Option<Vec<Token>> {
        let spoken = self.spellings.get(phrase).map_or(phrase, String::as_str);
        let tokens: Option<Vec<Token>> = spoken.split_whitespace().map(|w| self.numbers.get(w).copied()).collect();
        tokens.filter(|t| !t.is_empty() && t.len() <= self.longest)
    }

    /// The words of tokens: in Chinese where they are the spelling of something in Chinese.
    pub(crate) fn text(&self, tokens: &[Token]) -> String {
        let chinese: Option<String> = match self.written.get(tokens) {
            Some(whole) => Some(whole.clone()),
            None => tokens.iter().map(|t| self.written.get(&[*t][..]).map(String::as_str)).collect(),
        };
        if let Some(chinese) = chinese.filter(|_| !tokens.is_empty()) {
            return chinese;
        }
        let word = |t: &Token| usize::try_from(*t).ok().and_then(|t| self.texts.get(t)).map_or("", String::as_str);
        tokens.iter().map(word).collect::<Vec<_>>().join(" ")
    }
}

/// Fills a file up to a ggml model.
///
/// # Errors
/// One sentence when it is no such file, or cut off.
pub(crate) fn expand(file: &[u8]) -> Result<(Vec<u8>, Words), String> {
    let cut = || "the file of the small model is cut off".to_string();
    let rest = file.strip_prefix(MAGIC).ok_or("this is no file of a small model")?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > HEAD_MAX || length > rest.len() {
        return Err(cut());
    }
    let (head, weights) = rest.split_at(length);
    let head: Head = serde_json::from_slice(head).map_err(|e| format!("the head of the small model cannot be read: {e}"))?;
    let width = head.shape.width;
    let sane = (1..=4_096).contains(&width)
        && head.shape.heads > 0
        && width.is_multiple_of(head.shape.heads)
        && head.tokens.len() > SPECIALS
        && head.tokens.len() < 50_000
        && (3..=TEXT_CONTEXT).contains(&head.shape.longest);
    let total: usize = head.tensors.iter().map(|(_, dims)| dims.iter().product::<usize>()).fold(0, usize::saturating_add);
    if !sane || total > WEIGHTS_MAX || weights.len() != total * 2 {
        return Err(cut());
    }
    let mut tensors = HashMap::new();
    let mut at = 0;
    for (name, dims) in &head.tensors {
        let size = dims.iter().product::<usize>() * 2;
        tensors.insert(name.as_str(), (dims.as_slice(), &weights[at..at + size]));
        at += size;
    }
    let missing = |name: &str| format!("the small model lacks {name}");
    let mut out = Ggml::begin(&head.shape);
    out.vocabulary(&head.tokens);
    out.positions(width);
    for (name, (dims, values)) in &tensors {
        if ["emb", "unused", "decoder.positional_embedding"].contains(name) {
            continue;
        }
        out.tensor(name, dims, values);
    }
    let table = |name: &str, rows: usize| {
        let found = tensors.get(name).map(|(_, values)| *values).filter(|v| v.len() == rows * width * 2);
        found.ok_or_else(|| missing(name))
    };
    let mut places = table("decoder.positional_embedding", head.shape.longest)?.to_vec();
    places.resize(TEXT_CONTEXT * width * 2, 0);
    out.tensor("decoder.positional_embedding", &[TEXT_CONTEXT, width], &places);
    let (words, unused) = (table("emb", head.tokens.len())?, table("unused", 1)?);
    let mut rows = unused.repeat(PLACES);
    for (i, row) in words.chunks_exact(width * 2).enumerate() {
        let place = SPECIAL_PLACES.get(i).map_or(i, |p| usize::try_from(*p).unwrap_or(i));
        rows[place * width * 2..(place + 1) * width * 2].copy_from_slice(row);
    }
    out.tensor("decoder.token_embedding.weight", &[PLACES, width], &rows);
    let numbered = head.tokens.iter().enumerate().skip(SPECIALS);
    let numbers: HashMap<String, Token> = numbered.filter_map(|(i, t)| Some((t.clone(), Token::try_from(i).ok()?))).collect();
    let spelt = |spelling: &str| spelling.split_whitespace().map(|w| numbers.get(w).copied()).collect::<Option<Vec<_>>>();
    let written = head.spellings.iter().filter_map(|(phrase, spelling)| Some((spelt(spelling)?, phrase.clone()))).collect();
    let longest = head.shape.longest - 3;
    Ok((out.0, Words { numbers, texts: head.tokens, spellings: head.spellings, written, longest }))
}

/// A ggml file in memory.
struct Ggml(Vec<u8>);

impl Ggml {
    fn begin(shape: &Shape) -> Ggml {
        let mut out = Ggml(b"lmgg".to_vec());
        let Shape { width, heads, encoder, decoder, .. } = *shape;
        for n in [PLACES, AUDIO_CONTEXT, width, heads, encoder, TEXT_CONTEXT, width, heads, decoder, MELS, 1, MELS, BINS] {
            out.number(n);
        }
        for value in filters() {
            out.0.extend(value.to_le_bytes());
        }
        out
    }

    fn number(&mut self, n: usize) {
        self.0.extend(u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes());
    }

    fn vocabulary(&mut self, tokens: &[String]) {
        // The library looks the last three up by their text and throws where they are missing.
        let words = tokens.iter().map(|t| format!(" {t}")).chain([" ", " -", " '"].map(String::from));
        self.number(tokens.len() + 3);
        for word in words {
            self.number(word.len());
            self.0.extend(word.as_bytes());
        }
    }

    /// The encoder's positions (Whisper's sinusoids).
    fn positions(&mut self, width: usize) {
        let half = width / 2;
        self.head("encoder.positional_embedding", &[AUDIO_CONTEXT, width], false);
        for at in 0..AUDIO_CONTEXT {
            for i in 0..width {
                let rate = (-(10_000f64.ln()) / (half.max(2) - 1) as f64 * (i % half.max(1)) as f64).exp();
                let angle = at as f64 * rate;
                let value = if i < half { angle.sin() } else { angle.cos() };
                self.0.extend((value as f32).to_le_bytes());
            }
        }
    }

    /// Name, kind and sizes; the library writes the fastest dimension first.
    fn head(&mut self, name: &str, dims: &[usize], half: bool) {
        self.number(dims.len());
        self.number(name.len());
        self.number(usize::from(half));
        dims.iter().rev().for_each(|d| self.number(*d));
        self.0.extend(name.as_bytes());
    }

    /// A tensor of 16-bit floats. Vectors and positions are kept as 32-bit floats, as the library wants them.
    fn tensor(&mut self, name: &str, dims: &[usize], values: &[u8]) {
        let convolution = name.starts_with("encoder.conv") && dims.len() == 1;
        let half = dims.len() > 1 && !name.contains("positional");
        let shaped: Vec<usize> = if convolution { vec![dims[0], 1] } else { dims.to_vec() };
        self.head(name, &shaped, half);
        if half {
            self.0.extend(values);
        } else {
            let floats = values.chunks_exact(2).map(|b| single(u16::from_le_bytes([b[0], b[1]])));
            self.0.extend(floats.flat_map(f32::to_le_bytes));
        }
    }
}

/// A 16-bit float (IEEE 754 binary16) as a 32-bit one. Weights are finite.
fn single(half: u16) -> f32 {
    let sign = if half >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(half >> 10 & 31), f32::from(half & 1_023) / 1_024.0);
    match exponent {
        0 => sign * fraction * 2f32.powi(-14),
        e => sign * (1.0 + fraction) * 2f32.powi(e - 15),
    }
}

/// Whisper's mel filters: 80 triangles over the bins of a 400-point transform at 16 kHz, equally wide on Slaney's scale (linear
/// below 1 kHz, logarithmic above), each with the same area.
fn filters() -> Vec<f32> {
    let (step, knee, log_step) = (200.0 / 3.0, 1_000.0, 6.4f64.ln() / 27.0);
    let to_hertz = |mel: f64| if mel < knee / step { mel * step } else { knee * (log_step * (mel - knee / step)).exp() };
    let most = knee / step + (8_000.0f64 / knee).ln() / log_step;
    let edges: Vec<f64> = (0..MELS + 2).map(|i| to_hertz(most * i as f64 / (MELS + 1) as f64)).collect();
    let mut out = Vec::with_capacity(MELS * BINS);
    for edge in edges.windows(3) {
        for bin in 0..BINS {
            let hertz = bin as f64 * 8_000.0 / (BINS - 1) as f64;
            let (rise, fall) = ((hertz - edge[0]) / (edge[1] - edge[0]), (edge[2] - hertz) / (edge[2] - edge[1]));
            out.push((rise.min(fall).max(0.0) * 2.0 / (edge[2] - edge[0])) as f32);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_whispers() {
        let filters = filters();
        // The first values of the filters in OpenAI's mel_filters.npz.
        assert!((filters[1] - 0.024_862_59).abs() < 1e-7 && filters[0] == 0.0);
        for band in filters.chunks(BINS) {
            let area: f32 = band.iter().sum::<f32>() * 40.0;
            assert!((0.5..1.6).contains(&area), "{area}");
        }
    }

    #[test]
    fn half_floats() {
        for (bits, value) in [(0x3C00, 1.0), (0xC000, -2.0), (0x0001, 5.960_464_5e-8), (0x3555, 0.333_251_95), (0, 0.0)] {
            assert_eq!(single(bits), value);
        }
    }

    #[test]
    fn a_broken_file_is_a_sentence() {
        for file in [&b"lmgg"[..], b"HLEARS01", b"HLEARS01\xff\xff\xff\xff", b"HLEARS01\x02\0\0\0{}"] {
            assert!(expand(file).is_err());
        }
    }
}
