//! What stands around an English request and turns it: what was denied, what is told about, what may follow.

use super::english::{Named, Strength};

/// What may follow staff that the caller wants on the line, unlike "a human resources job" or "an agent near me".
pub(super) fn staff_wanted(words: &[&str], end: usize) -> bool {
    !matches!(
        words.get(end),
        Some(
            &("near"
                | "nearby"
                | "in"
                | "at"
                | "resources"
                | "number"
                | "code"
                | "id"
                | "fee"
                | "commission"
                | "sized"
                | "hair"
                | "job"
                | "position"
                | "rights"
                | "error"
                | "license"
                | "login"
                | "app"
                | "manual"
                | "gift"
                | "discount")
        )
    ) && !matches!(
        words.get(end..end + 2),
        Some(["to", "sign" | "send" | "ship" | "collect" | "deliver" | "be" | "clear" | "pick"] | ["for", "my" | "customs"])
    )
}

/// What may follow "someone" when a person on the line is meant.
pub(super) fn to_talk_with(words: &[&str], end: usize) -> bool {
    match &words[end.min(words.len())..] {
        [] => true,
        ["on" | "at", "the", "phone" | "line" | "other", ..]
        | ["on", "line", ..]
        | ["not", ..]
        | ["there"]
        | ["here"]
        | ["instead", ..] => true,
        ["to", "talk" | "speak" | "chat" | "help" | "answer" | "explain" | "call" | "phone", ..] => true,
        ["who" | "that", "can" | "could" | "knows" | "understands" | "speaks" | "will" | "is", ..] => true,
        ["i", "can" | "could", "talk" | "speak" | "chat", ..] | ["who", "i", ..] => true,
        ["from" | "in" | "at", "your" | "the" | "customer" | "support" | "service" | "sales" | "billing", ..] => {
            words.len() <= end + 4
        }
        _ => false,
    }
}

/// "I don't want to …", "no need to …", "do I have to …"; but "can't I …" and "I don't know, let me …" ask for it.
pub(super) fn denied(words: &[&str], at: usize) -> bool {
    const CARRIES: &[&str] = &[
        "want", "need", "like", "wish", "have", "to", "really", "a", "going", "be", "even", "me", "make", "looking", "trying",
        "asking", "able", "care", "get", "any", "been",
    ];
    let before = &words[..at];
    let carried = before.iter().rev().take(5).take_while(|w| CARRIES.contains(w)).count();
    let rest = &before[..at - carried];
    match rest {
        [.., "can" | "could" | "why", "not"] | [.., "why", _, _, "not"] => false,
        [.., "not" | "without" | "never"] => true,
        [.., "no"] => carried >= 1 && before[at - carried] == "need",
        [.., "do" | "should" | "must", "i" | "we" | "you" | "they"] => {
            words[at - carried..at].iter().any(|w| matches!(*w, "have" | "need")) || rest.ends_with(&["should", "i"])
        }
        _ => false,
    }
}

/// "I was talking to an agent", "they transferred me", "have talked to": what happened, not what is wanted.
pub(super) fn past(words: &[&str], at: usize) -> bool {
    let before = &words[at.saturating_sub(3)..at];
    let verb = words[at];
    if matches!(
        verb,
        "talking"
            | "speaking"
            | "connected"
            | "transferred"
            | "passed"
            | "patched"
            | "switched"
            | "forwarded"
            | "escalated"
            | "redirected"
            | "talked"
            | "spoken"
            | "dealing"
            | "rerouted"
    ) {
        let helped = matches!(
            before.last(),
            Some(
                &("be"
                    | "get"
                    | "getting"
                    | "like"
                    | "mind"
                    | "prefer"
                    | "am"
                    | "want"
                    | "me"
                    | "about"
                    | "by"
                    | "through"
                    | "being")
            )
        );
        let progressive = verb.ends_with("ing") && before.is_empty();
        return !(helped || progressive)
            || before.ends_with(&["am"]) && words.get(at.saturating_sub(2)) == Some(&"i")
            || before.ends_with(&["am", "i"]);
    }
    before.contains(&"did")
        || before.ends_with(&["to"]) && before.contains(&"used")
        || matches!(before.last(), Some(&("they" | "he" | "she" | "you")))
            && !before.contains(&"can")
            && !before.contains(&"could")
            && !before.contains(&"would")
            && !before.contains(&"will")
}

/// The noun phrase is spoken about: "an agent who told me", "the manager said", "someone stole".
pub(super) fn told_about(words: &[&str], n: Named) -> bool {
    const DEEDS: &[&str] = &[
        "told",
        "said",
        "sold",
        "gave",
        "promised",
        "called",
        "delivered",
        "was",
        "were",
        "did",
        "has",
        "had",
        "stole",
        "took",
        "signed",
        "left",
        "came",
        "hung",
        "yesterday",
        "last",
        "ago",
        "earlier",
        "before",
        "already",
        "never",
    ];
    let next = words.get(n.end).copied().unwrap_or("");
    let after = words.get(n.end + 1).copied().unwrap_or("");
    DEEDS.contains(&next)
        || matches!(next, "who" | "that" | "i" | "they") && (DEEDS.contains(&after) || after == "spoke" || after == "talked")
}

/// Plain "someone" is asked for by the caller for the caller: "can I talk to someone", "put me through to somebody".
pub(super) fn first_person(words: &[&str], verb: usize, strength: Strength) -> bool {
    if strength == Strength::Staff {
        return true;
    }
    let before = &words[verb.saturating_sub(5)..verb];
    before.is_empty()
        || before.iter().any(|w| {
            matches!(
                *w,
                "i" | "me"
                    | "we"
                    | "us"
                    | "let"
                    | "possible"
                    | "way"
                    | "want"
                    | "need"
                    | "like"
                    | "how"
                    | "have"
                    | "yes"
                    | "no"
                    | "can"
                    | "could"
                    | "someone"
                    | "to"
            )
        })
        || matches!(words.get(verb + 1), Some(&("me" | "us")))
}
