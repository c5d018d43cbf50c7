//! Trained matchers as files, so that a flow with thousands of examples is trained once and not at each start. A file is named by what it
//! was trained from, and holds the hash of its own content; what does not fit is trained anew.

use super::core::Core;
use super::gate::Gate;
use super::matcher::Example;
use crate::base::hex;
use sha2::{Digest, Sha256};

/// How a file begins.
const MAGIC: &[u8; 8] = b"HLMATCH1";
/// What decides what comes of a training, beside the texts: a program in which any of it differs trains anew, and nobody has to think of it.
const TRAINING: [&str; 11] = [
    env!("CARGO_PKG_VERSION"),
    include_str!("background.rs"),
    include_str!("concepts.rs"),
    include_str!("core.rs"),
    include_str!("features.rs"),
    include_str!("file.rs"),
    include_str!("gate.rs"),
    include_str!("matcher.rs"),
    include_str!("net.rs"),
    include_str!("normalise.rs"),
    include_str!("solver.rs"),
];
/// SHA-256.
const HASH: usize = 32;
/// From so many examples on a matcher is kept: fewer are trained within the second.
pub(super) const KEPT_FROM: usize = 1_000;

/// Where trained matchers are kept.
pub trait Shelf {
    /// The file of this name, if it is there.
    fn find(&self, name: &str) -> Option<Vec<u8>>;
    /// Keeps a file under its name; where that fails it is trained again next time.
    fn keep(&self, name: &str, file: &[u8]);
}

/// Keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoShelf;

impl Shelf for NoShelf {
    fn find(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
    fn keep(&self, _: &str, _: &[u8]) {}
}

/// The name of the file for a matcher that is trained from this: 64 hex digits.
pub(super) fn name_of(examples: &[Example], background: &[String]) -> String {
    let mut sha = Sha256::new();
    sha.update(MAGIC);
    let mut add = |text: &str| {
        sha.update((text.len() as u64).to_le_bytes());
        sha.update(text.as_bytes());
    };
    TRAINING.iter().for_each(|source| add(source));
    for example in examples {
        [example.intent.as_str(), example.language.as_str(), &example.text].into_iter().for_each(&mut add);
    }
    add("");
    background.iter().for_each(|text| add(text));
    hex(&sha.finalize())
}

/// What is trained, as a file.
pub(super) fn write(name: &str, core: &Core, gate: &Gate, accept: f32) -> Vec<u8> {
    let mut out = Writer::default();
    out.bytes(name.as_bytes());
    out.floats(&[accept]);
    gate.write(&mut out);
    core.write(&mut out);
    [MAGIC.as_slice(), &Sha256::digest(&out.0), &out.0].concat()
}

/// Reads what was trained for `classes` intents; `None` for a file that is damaged, of another version or of another name.
pub(super) fn read(file: &[u8], name: &str, classes: usize) -> Option<(Core, Gate, f32)> {
    let (hash, body) = file.strip_prefix(MAGIC)?.split_at_checked(HASH)?;
    if Sha256::digest(body).as_slice() != hash {
        return None;
    }
    let mut from = Reader(body);
    if from.bytes()? != name.as_bytes() {
        return None;
    }
    let accept = *from.floats()?.first()?;
    let gate = Gate::read(&mut from)?;
    let core = Core::read(&mut from, classes)?;
    from.0.is_empty().then_some((core, gate, accept))
}

/// Writes numbers, least significant byte first, each list with its length before it.
#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn count(&mut self, count: usize) {
        self.0.extend_from_slice(&(count as u64).to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn flags(&mut self, flags: &[bool]) {
        self.bytes(&flags.iter().map(|f| u8::from(*f)).collect::<Vec<u8>>());
    }

    pub(super) fn floats(&mut self, list: &[f32]) {
        self.count(list.len());
        list.iter().for_each(|n| self.0.extend_from_slice(&n.to_le_bytes()));
    }

    pub(super) fn words(&mut self, list: &[u64]) {
        self.count(list.len());
        list.iter().for_each(|n| self.0.extend_from_slice(&n.to_le_bytes()));
    }
}

/// Reads them back. Nothing is allocated for more than there is.
pub(super) struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    pub(super) fn count(&mut self) -> Option<usize> {
        let (count, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        usize::try_from(u64::from_le_bytes(*count)).ok()
    }

    fn list<const N: usize, T>(&mut self, of: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
        let count = self.count()?;
        let (list, rest) = self.0.split_at_checked(count.checked_mul(N)?)?;
        self.0 = rest;
        Some(list.as_chunks::<N>().0.iter().map(|n| of(*n)).collect())
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        self.list(|[byte]: [u8; 1]| byte)
    }

    pub(super) fn flags(&mut self) -> Option<Vec<bool>> {
        self.list(|[byte]: [u8; 1]| byte != 0)
    }

    pub(super) fn floats(&mut self) -> Option<Vec<f32>> {
        self.list(f32::from_le_bytes)
    }

    pub(super) fn words(&mut self) -> Option<Vec<u64>> {
        self.list(u64::from_le_bytes)
    }
}
