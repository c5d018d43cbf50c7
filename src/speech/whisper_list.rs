//! A list of phrases for a large Whisper model: nothing else can be written (a filter on the logits of each token; the library's own
//! grammars end the process). How likely the phrase is counts as it was before the filter, so that other words are told apart.

use crate::base::Language;
use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::sync::{Mutex, PoisonError};
use whisper_rs::{FullParams, WhisperContext, WhisperSysContext, WhisperSysState, WhisperTokenId, whisper_rs_sys};

/// Most phrases of one list.
const PHRASES_MOST: usize = 500;

/// What may follow what: a tree of tokens.
#[derive(Debug, Default)]
struct Node {
    next: BTreeMap<WhisperTokenId, usize>,
    /// The phrase that ends here, by its place on the list.
    ends: Option<usize>,
}

/// A list, and what the filter saw.
#[derive(Debug)]
pub(crate) struct Listed {
    nodes: Vec<Node>,
    end: WhisperTokenId,
    vocabulary: usize,
    /// For each token that was written: how likely each that was allowed stood beside all others.
    seen: Mutex<Vec<Vec<(WhisperTokenId, f32)>>>,
}

impl Listed {
    /// The list in a model's tokens; phrases in lower case. `None` when nothing of it can be written.
    pub(crate) fn new(context: &WhisperContext, phrases: &[String], language: Language) -> Option<Listed> {
        let mut nodes = vec![Node::default()];
        for (nth, phrase) in phrases.iter().take(PHRASES_MOST).enumerate() {
            for style in styles(phrase, language) {
                let Some(tokens) = tokens(context, &style) else { continue };
                let mut at = 0;
                for token in tokens {
                    let fresh = nodes.len();
                    let next = *nodes[at].next.entry(token).or_insert(fresh);
                    if next == fresh {
                        nodes.push(Node::default());
                    }
                    at = next;
                }
                nodes[at].ends.get_or_insert(nth);
            }
        }
        let vocabulary = usize::try_from(context.n_vocab()).ok()?;
        (nodes.len() > 1).then(|| Listed { nodes, end: context.token_eot(), vocabulary, seen: Mutex::default() })
    }

    /// Filters a pass with these parameters; must outlive it.
    pub(crate) fn filters(&self, params: &mut FullParams) {
        unsafe extern "C" fn only_listed(
            _context: *mut WhisperSysContext,
            _state: *mut WhisperSysState,
            tokens: *const whisper_rs_sys::whisper_token_data,
            count: c_int,
            logits: *mut f32,
            list: *mut c_void,
        ) {
            // SAFETY: the pointer is of the `Listed` below, which outlives the pass, and is only read.
            let Some(list) = (unsafe { list.cast::<Listed>().as_ref() }) else { return };
            let count = usize::try_from(count).unwrap_or(0);
            if logits.is_null() || count > 0 && tokens.is_null() {
                return;
            }
            // SAFETY: the library hands over `count` tokens and a logit for each place of its vocabulary.
            let logits = unsafe { std::slice::from_raw_parts_mut(logits, list.vocabulary) };
            let written = (0..count).map(|i| unsafe { (*tokens.add(i)).id });
            list.filter(written, count, logits);
        }
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clear();
        // SAFETY: the callback has the library's signature and does not unwind: it neither indexes nor allocates without bound.
        unsafe {
            params.set_filter_logits_callback(Some(only_listed));
            params.set_filter_logits_callback_user_data(std::ptr::from_ref(self).cast_mut().cast());
        }
    }

    /// The tokens that may come next; `None` as the token's place = the end.
    fn allowed(&self, written: impl Iterator<Item = WhisperTokenId>) -> Vec<WhisperTokenId> {
        let mut at = Some(0);
        for token in written {
            at = at.and_then(|at| self.nodes.get(at)).and_then(|node| node.next.get(&token).copied());
        }
        let Some(node) = at.and_then(|at| self.nodes.get(at)) else { return vec![self.end] };
        node.next.keys().copied().chain(node.ends.map(|_| self.end)).collect()
    }

    fn filter(&self, written: impl Iterator<Item = WhisperTokenId>, count: usize, logits: &mut [f32]) {
        let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let all = top + logits.iter().map(|l| (l - top).exp()).sum::<f32>().ln();
        let place = |token: WhisperTokenId| usize::try_from(token).ok().filter(|p| *p < self.vocabulary);
        let kept: Vec<(WhisperTokenId, f32)> = self
            .allowed(written)
            .into_iter()
            .filter_map(|token| Some((token, *logits.get(place(token)?)?)))
            // What the library itself rules out before (an end where nothing stands) stays so.
            .filter(|(_, logit)| logit.is_finite())
            .collect();
        logits.fill(f32::NEG_INFINITY);
        if kept.is_empty() {
            // Something has to be possible: the library compares probabilities.
            if let Some(end) = place(self.end).and_then(|p| logits.get_mut(p)) {
                *end = 0.0;
            }
        }
        for (token, logit) in &kept {
            if let Some(slot) = place(*token).and_then(|p| logits.get_mut(p)) {
                *slot = *logit;
            }
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.truncate(count);
        seen.push(kept.into_iter().map(|(token, logit)| (token, logit - all)).collect());
    }

    /// Which phrase was written, and the mean log likelihood of its tokens and its end among everything that could have been.
    pub(crate) fn found(&self, tokens: &[WhisperTokenId]) -> Option<(usize, f32)> {
        let tokens: Vec<_> = tokens.iter().copied().filter(|t| *t != self.end).collect();
        let mut at = 0;
        for token in &tokens {
            at = *self.nodes.get(at)?.next.get(token)?;
        }
        let phrase = self.nodes.get(at)?.ends?;
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let each = tokens
            .iter()
            .chain([&self.end])
            .zip(seen.iter())
            .map(|(token, kept)| kept.iter().find(|(t, _)| t == token).map_or(f32::NEG_INFINITY, |(_, log)| *log));
        let (sum, n) = each.fold((0.0, 0.0f32), |(sum, n), log| (sum + log, n + 1.0));
        Some((phrase, sum / n.max(1.0)))
    }
}

/// The tokens of a text; a token is at least a byte.
pub(crate) fn tokens(context: &WhisperContext, text: &str) -> Option<Vec<WhisperTokenId>> {
    // The binding takes a negative answer ("more than fit") for a length, so room for all of them has to be there.
    context.tokenize(text, text.len() + 8).ok().filter(|t| !t.is_empty())
}

/// How a model may write a phrase: it learnt from subtitles.
fn styles(phrase: &str, language: Language) -> Vec<String> {
    if language == Language::ZH {
        return vec![phrase.to_string(), format!("{phrase}。")];
    }
    let mut letters = phrase.chars();
    let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    [phrase, &capital].into_iter().flat_map(|p| ["", ".", "?", "!"].map(|end| format!(" {p}{end}"))).collect()
}
