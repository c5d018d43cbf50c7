//! How long callers hear nothing. Whoever waits or is moved hears that the line is alive: never two seconds of silence.

use crate::consult::Heard;

/// The longest silence, in tenths of a second.
pub(crate) fn silence(heard: &[Heard]) -> usize {
    heard.split(|heard| *heard != Heard::Silence).map(<[Heard]>::len).max().unwrap_or(0)
}

/// Who heard this heard something all the time, from the first sound to the last. A recording keeps time: what was not sent is silence,
/// too. For callers whose agents speak for as long as they have them.
pub(crate) fn never_left_in_silence(what: &str, heard: &[Heard]) {
    let loud = |h: &Heard| *h != Heard::Silence;
    let (first, last) = (heard.iter().position(loud), heard.iter().rposition(loud));
    let (first, last) = first.zip(last).unwrap_or_else(|| panic!("{what}: nothing was heard at all"));
    assert!(last - first > 30, "{what}: only {} tenths of a second were heard", last - first);
    let longest = silence(&heard[first..=last]);
    let since = (first..=last).find(|n| longest > 0 && heard[*n..].iter().take(longest).all(|h| !loud(h))).unwrap_or_default();
    println!("{what}: longest silence {longest} of {} tenths of a second", last - first);
    assert!(longest < 20, "{what}: nothing was heard for {longest} tenths of a second from the {since}th on");
}
