//! English requests: a noun phrase that names a person of ours, and how it is asked for.

use super::PersonRule;
use super::english_around::{denied, first_person, past, staff_wanted, to_talk_with, told_about};
use super::english_words::{ADJECTIVES, ANYBODY, DESKS, DETERMINERS, FILLERS, GLUE, LIVING, STAFF};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Strength {
    Staff,
    Anybody,
}

/// What callers call the hotline when they do not want it.
const MACHINES: &[&str] = &[
    "machine",
    "machines",
    "robot",
    "robots",
    "computer",
    "computers",
    "bot",
    "bots",
    "automated",
    "recording",
    "recordings",
    "chatbot",
    "automation",
    "ai",
];

/// A noun phrase: one past its last word, and what it names.
#[derive(Clone, Copy)]
pub(super) struct Named {
    pub(super) end: usize,
    pub(super) strength: Strength,
}

/// Looks for a request in normalised words.
pub(super) fn request(said: &[String]) -> Option<(String, PersonRule)> {
    let words: Vec<&str> = said.iter().map(String::as_str).filter(|w| !FILLERS.contains(w)).collect();
    let phrase = |from: usize, to: usize| words[from..to.min(words.len())].join(" ");
    if let Some((from, to)) = alone(&words) {
        return Some((phrase(from, to), PersonRule::Alone));
    }
    for at in 0..words.len() {
        let asked = contact(&words, at).or_else(|| wish(&words, at)).or_else(|| presence(&words, at));
        if let Some(to) = asked.or_else(|| offer(&words, at)).or_else(|| for_me(&words, at)) {
            return Some((phrase(at, to), PersonRule::Asked));
        }
        if let Some(to) = refusal(&words, at) {
            return Some((phrase(at, to), PersonRule::NotAMachine));
        }
    }
    None
}

/// The noun phrase that begins here.
fn named(words: &[&str], from: usize) -> Option<Named> {
    let mut at = from;
    while at < words.len() && DETERMINERS.contains(&words[at]) && !ANYBODY.contains(&words[at]) {
        at += 1;
    }
    let mut found: Option<Named> = None;
    let mut living = false;
    while let Some(&word) = words.get(at) {
        let desk =
            words.get(at + 1).filter(|second| DESKS.iter().any(|(first, seconds)| *first == word && seconds.contains(*second)));
        if desk.is_some() {
            at += 2;
            found = Some(Named { end: at, strength: Strength::Staff });
            continue;
        }
        if STAFF.contains(&word) {
            found = Some(Named { end: at + 1, strength: Strength::Staff });
        } else if ANYBODY.contains(&word) {
            let strength = if living { Strength::Staff } else { Strength::Anybody };
            let best = found.filter(|f| f.strength == Strength::Staff).map_or(strength, |f| f.strength);
            found = Some(Named { end: at + 1, strength: best });
        } else if !(ADJECTIVES.contains(&word) || living && word == "and") {
            break;
        }
        living |= LIVING.contains(&word);
        at += 1;
    }
    // "someone else", "somebody there".
    found.map(|f| if words.get(f.end) == Some(&"else") { Named { end: f.end + 1, ..f } } else { f })
}

/// The utterance is hardly more than the noun phrase.
fn alone(words: &[&str]) -> Option<(usize, usize)> {
    const WHOLE: &[&str] = &[
        "transfer me",
        "transfer the call",
        "transfer my call",
        "connect me",
        "put me through",
        "patch me through",
        "a live one",
        "speak to",
        "talk to",
        "i want to talk",
        "i want to speak",
        "let me talk",
        "let me speak",
        "real one",
        "no robot",
        "no robots",
        "no machine",
        "no machines",
        "no computer",
        "no more robots",
        "stop robot",
        "not a robot",
        "not a machine",
    ];
    // Said alone these ask for somebody; "team" or "voice" alone do not.
    const ENOUGH: &[&str] =
        &["person", "people", "someone", "somebody", "anyone", "anybody", "reception", "switchboard", "boss", "colleague"];
    let joined = words.join(" ");
    let bare = joined.trim_start_matches("can you ").trim_start_matches("could you ").trim_start_matches("i said ");
    if WHOLE[..5].contains(&bare) || WHOLE[6..].contains(&bare) {
        return Some((0, words.len()));
    }
    // "a person not a computer".
    let words = match words {
        [wanted @ .., "not", "a" | "an" | "your" | "this", machine] if !wanted.is_empty() && MACHINES.contains(machine) => {
            wanted
        }
        whole => whole,
    };
    let mut span: Option<(usize, usize)> = None;
    let mut at = 0;
    while at < words.len() {
        if let Some(n) = named(words, at) {
            // "call someone" is an order to us, not a wish for us.
            if n.strength == Strength::Anybody && matches!(words[at], "call" | "phone") {
                return None;
            }
            if n.strength == Strength::Anybody && !ENOUGH.contains(&words[n.end - 1]) && words[n.end - 1] != "else" {
                return None;
            }
            span = Some((span.map_or(at, |s| s.0), n.end));
            at = n.end;
        } else if GLUE.contains(&words[at]) {
            at += 1;
        } else {
            return None;
        }
    }
    span
}

/// "talk to …", "transfer me to …", "put me through to …".
fn contact(words: &[&str], at: usize) -> Option<usize> {
    const TALK: &[&str] =
        &["speak", "talk", "chat", "speaking", "talking", "discuss", "word", "touch", "talked", "spoken", "deal", "dealing"];
    const MOVE: &[&str] = &[
        "connect",
        "connecting",
        "connected",
        "transferring",
        "putting",
        "patching",
        "transfer",
        "transferred",
        "put",
        "patch",
        "patched",
        "switch",
        "switched",
        "pass",
        "passed",
        "forward",
        "forwarded",
        "hand",
        "escalate",
        "escalated",
        "redirect",
        "redirected",
        "reroute",
        "rerouted",
        "route",
        "send",
        "take",
        "direct",
        "refer",
        "link",
        "hook",
        "let",
    ];
    const BETWEEN: &[&str] = &[
        "me", "us", "my", "the", "this", "call", "through", "over", "in", "touch", "back", "up", "straight", "onto", "here",
        "to", "with", "by", "on", "along", "it", "about",
    ];
    let verb = words[at];
    let talk = TALK.contains(&verb);
    if !talk && !MOVE.contains(&verb) {
        return None;
    }
    // "I deal with people all day".
    let wished = |w: &&str| matches!(*w, "want" | "would" | "rather" | "like" | "prefer" | "let");
    if verb.starts_with("deal") && !words[..at].iter().any(wished) || denied(words, at) || past(words, at) {
        return None;
    }
    let mut next = at + 1;
    while next < words.len() && next < at + 6 && BETWEEN.contains(&words[next]) && !begins_named(words, next) {
        next += 1;
    }
    let joined = next > at + 1 && matches!(words[next - 1], "to" | "with" | "through" | "by" | "onto");
    // Things are sent, passed and taken too: these verbs need the caller as their object.
    let of_caller =
        talk || words[at + 1..next].iter().any(|w| matches!(*w, "me" | "us" | "call" | "through")) || verb.ends_with("ed");
    let n = named(words, next);
    let of_caller =
        of_caller || matches!(verb, "connect" | "transfer" | "escalate") && n.is_some_and(|n| n.strength == Strength::Staff);
    if let Some(n) = n
        && of_caller
        && (joined || n.strength == Strength::Staff)
        && !told_about(words, n)
    {
        return first_person(words, at, n.strength).then_some(n.end);
    }
    // "put me through to billing".
    const OFFICES: &[&str] = &["billing", "sales", "complaints", "claims", "returns", "management", "support", "accounts"];
    if joined && of_caller && next + 1 == words.len() && OFFICES.contains(&words[next]) {
        return Some(next + 1);
    }
    // "your complaints department", "the returns team".
    let desk = (next..words.len().min(next + 5)).find(|i| matches!(words[*i], "department" | "team" | "desk"));
    if joined
        && of_caller
        && let Some(desk) = desk
    {
        return Some(desk + 1);
    }
    // "who can I talk to": somebody to talk to is what is missing.
    let ends = next == words.len() && joined && talk && !matches!(words.get(at + 1), Some(&"about"));
    let asks_who = words.first() == Some(&"who")
        || words[..at].windows(2).any(|w| {
            matches!(
                w,
                [
                    "someone" | "somebody" | "anyone" | "anybody" | "person" | "people" | "human" | "one",
                    "i" | "to" | "who" | "that"
                ]
            )
        });
    (ends && asks_who).then_some(next)
}

fn begins_named(words: &[&str], at: usize) -> bool {
    matches!(words[at], "the" | "this") && named(words, at).is_some()
}

/// "I need a human", "get me an operator", "can I have a person".
fn wish(words: &[&str], at: usize) -> Option<usize> {
    const VERBS: &[&str] = &[
        "want", "need", "give", "get", "have", "prefer", "like", "reach", "find", "contact", "see", "call", "demand",
        "require", "bring", "fetch", "getting", "reaching", "phone", "request", "wanted", "use", "put",
    ];
    let verb = words[at];
    if !VERBS.contains(&verb) || denied(words, at) {
        return None;
    }
    let before = |n: usize| at.checked_sub(n).map_or("", |i| words[i]);
    let plain = match verb {
        // "can I have", "may I have", "I would like to have"; not "I have an agent".
        "have" => {
            matches!(before(1), "i" | "we") && matches!(before(2), "can" | "could" | "may") || matches!(before(1), "to" | "me")
        }
        "put" => words[at..].iter().any(|w| matches!(*w, "line" | "phone")),
        "like" => before(1) == "would" || before(2) == "would",
        // "do I need an agent for that": a question about rules.
        "need" | "want" => {
            !(matches!(before(1), "i" | "you" | "we" | "they") && matches!(before(2), "do" | "if" | "would" | "will"))
        }
        // "can somebody call an agent for me".
        "call" | "phone"
            if matches!(before(1), "somebody" | "someone" | "anybody" | "anyone" | "you" | "please")
                && matches!(before(2), "" | "can" | "could" | "would" | "will" | "you") =>
        {
            true
        }
        // "I call my agent", "when I use an agent".
        "call" | "phone" | "use" | "see" => matches!(before(1), "to" | "me" | "" | "can" | "i"),
        _ => true,
    };
    if !plain || matches!(before(1), "they" | "he" | "she") || before(1) == "not" && before(2) != "can" {
        return None;
    }
    let mut next = at + 1;
    while next < words.len()
        && next < at + 6
        && matches!(
            words[next],
            "me" | "us"
                | "to"
                | "hold"
                | "of"
                | "a"
                | "through"
                | "in"
                | "touch"
                | "with"
                | "on"
                | "have"
                | "help"
                | "from"
                | "some"
                | "assistance"
        )
    {
        if words[next] == "a" && words.get(next + 1) != Some(&"hold") {
            break;
        }
        next += 1;
    }
    let n = named(words, next)?;
    if told_about(words, n) {
        return None;
    }
    match n.strength {
        Strength::Staff => staff_wanted(words, n.end).then_some(n.end),
        // "call someone" is a wish of its own, "use a woman's voice" too.
        Strength::Anybody => (!matches!(verb, "call" | "phone" | "use" | "see") && to_talk_with(words, n.end)).then_some(n.end),
    }
}

/// "can a human help me", "could somebody call me".
fn offer(words: &[&str], at: usize) -> Option<usize> {
    if !matches!(words[at], "can" | "could" | "will" | "would" | "may") {
        return None;
    }
    let n = named(words, at + 1)?;
    let fits = match words.get(n.end..).unwrap_or(&[]) {
        ["call" | "phone" | "ring", "me" | "us", ..] | ["talk" | "speak", "to" | "with", "me" | "us", ..] => true,
        ["help" | "assist", ..] if n.strength == Strength::Staff => true,
        ["help" | "assist", "me" | "us"]
        | ["help" | "assist", "me" | "us", "instead" | "now"]
        | ["take" | "answer", "my" | "this" | "the", "call", ..] => true,
        _ => false,
    };
    fits.then_some(n.end + 1)
}

/// "any agent will do", "I will wait for an agent", "someone needs to call me back", "have somebody phone me", "be called back by a person".
fn for_me(words: &[&str], at: usize) -> Option<usize> {
    const CALLS: [&str; 5] = ["call", "phone", "ring", "contact", "telephone"];
    let rest = |from: usize| words.get(from..).unwrap_or(&[]);
    let of_us = |from: usize| named(words, from).filter(|n| !told_about(words, *n));
    let calls = |from: usize| match rest(from) {
        [verb, "me" | "us", ..] if CALLS.contains(verb) => Some(from + 2),
        ["get", "back" | "in", "to" | "touch", ..] => Some(from + 3),
        _ => None,
    };
    const KEYS: [&str; 9] = ["press", "button", "number", "key", "option", "extension", "dial", "digit", "menu"];
    match rest(at) {
        // "just connect me already", "forget it, transfer me".
        ["connect" | "transfer", "me"] | ["connect" | "transfer", "me", "already" | "now" | "over" | "through"]
            if !denied(words, at) && !past(words, at) =>
        {
            Some(words.len())
        }
        // "what number do I press for an agent", "go to operator".
        ["for", ..] if words[..at].iter().any(|w| KEYS.contains(w)) => {
            of_us(at + 1).filter(|n| n.strength == Strength::Staff && n.end == words.len()).map(|n| n.end)
        }
        ["go", "to", ..] if at == 0 => {
            of_us(at + 2).filter(|n| n.strength == Strength::Staff && n.end == words.len()).map(|n| n.end)
        }
        ["any", ..] => of_us(at).filter(|n| rest(n.end).starts_with(&["will", "do"])).map(|n| n.end + 2),
        ["wait" | "hold" | "queue", "for", ..] if !past(words, at) && !denied(words, at) => {
            let n = of_us(at + 2).filter(|n| n.strength == Strength::Staff)?;
            (n.end == words.len()).then_some(n.end)
        }
        ["called" | "phoned" | "contacted", "back", "by", ..] if at > 0 && matches!(words[at - 1], "be" | "get" | "being") => {
            of_us(at + 3).map(|n| n.end)
        }
        ["have" | "let" | "make", ..] if !denied(words, at) => {
            let n = of_us(at + 1)?;
            calls(n.end)
        }
        _ => {
            // Not in the middle of a noun phrase.
            let begins = at == 0 || named(words, at - 1).is_none_or(|n| n.end <= at);
            let n = of_us(at).filter(|_| begins)?;
            match rest(n.end) {
                ["needs" | "has" | "must" | "should", "to", ..] => calls(n.end + 2),
                ["must" | "should", ..] => calls(n.end + 1),
                // "somebody from billing, I want to speak to them".
                ["from", _, "i", "want" | "need", "to", "speak" | "talk", ..] if at == 0 => Some(n.end + 6),
                _ => None,
            }
        }
    }
}

/// "is anybody there", "is there a human", "are there any agents available".
fn presence(words: &[&str], at: usize) -> Option<usize> {
    let asked = matches!(words[at], "is" | "are" | "any" | "anybody" | "anyone")
        && (at == 0 || !matches!(words[at - 1], "that" | "where" | "what" | "who" | "there" | "when"));
    if !asked {
        return None;
    }
    let from = match words.get(at + 1) {
        Some(&"there") => at + 2,
        _ if matches!(words[at], "any" | "anybody" | "anyone") => at,
        _ => at + 1,
    };
    let n = named(words, from)?;
    let there = from == at + 2;
    let rest = &words[n.end.min(words.len())..];
    let available = matches!(
        rest,
        ["there"]
            | ["available", ..]
            | ["free", ..]
            | ["listening", ..]
            | ["around"]
            | ["here"]
            | ["there", "who" | "that" | "to" | "i", ..]
            | ["who" | "that", "can" | "could", ..]
            | ["i", "can" | "could", "talk" | "speak", ..]
            | ["to", "talk" | "speak", ..]
            | ["on", "the", "line" | "phone", ..]
            | ["on", "this", ..]
    );
    let unnamed = matches!(words[from], "the" | "this" | "that" | "your") && !there;
    (!unnamed && (available || there && rest.is_empty())).then_some(n.end + usize::from(!rest.is_empty()))
}

/// "I don't want to talk to a machine", "I hate this robot".
fn refusal(words: &[&str], at: usize) -> Option<usize> {
    let machine = |from: usize| (from..words.len().min(from + 4)).find(|i| MACHINES.contains(&words[*i])).map(|i| i + 1);
    let talking = |from: usize| {
        (from..words.len().min(from + 5))
            .find(|i| matches!(words[*i], "talk" | "talking" | "speak" | "speaking" | "deal" | "dealing"))
            .and_then(|i| matches!(words.get(i + 1), Some(&("to" | "with"))).then_some(i + 2))
    };
    match words[at] {
        "not" | "stop" | "hate" | "without" | "refuse" | "than" | "of" if talking(at + 1).is_some() => {
            // "sick of", "tired of", "instead of"; not "kind of talking to".
            let fits = words[at] != "of" || matches!(words[at.saturating_sub(1)], "sick" | "tired" | "instead" | "enough");
            talking(at + 1).filter(|_| fits).and_then(machine)
        }
        // "I do not want a bot"; a computer may be what is for sale.
        "not" if matches!(words.get(at + 1), Some(&("want" | "need" | "like"))) => {
            let from = at + 2 + usize::from(matches!(words.get(at + 2), Some(&("a" | "an" | "any" | "your" | "this"))));
            let bot = matches!(words.get(from), Some(&("bot" | "bots" | "robot" | "robots" | "chatbot" | "recording")));
            (bot && from + 1 == words.len()).then_some(from + 1)
        }
        "hate" if matches!(words.get(at + 1), Some(w) if MACHINES.contains(w) || matches!(*w, "this" | "these" | "your" | "the" | "you")) => {
            machine(at + 1)
        }
        _ => None,
    }
}
