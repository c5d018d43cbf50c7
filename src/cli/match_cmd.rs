//! `hotline match`: what a flow's matcher makes of typed sentences.

use crate::nlu::Matcher;
use crate::nlu::person::asks_for_person;
use std::io::Write;

/// Words that are told.
const WORDS_TOLD: usize = 4;

/// The words that decided, with what each is worth: `by the words parcel +0.52, where +0.11`; `None` where no single one matters.
pub(super) fn words_that_matter(matcher: &Matcher, text: &str) -> Option<String> {
    let weights = matcher.weigh(text);
    let told = weights.iter().take(WORDS_TOLD).filter(|(_, weight)| weight.abs() >= 0.01);
    let told: Vec<String> = told.map(|(word, weight)| format!("{word} {weight:+.2}")).collect();
    (!told.is_empty()).then(|| format!("by the words {}", told.join(", ")))
}

/// Prints the decision for each text, one JSON line each with `json`. A request for a person is named beside it, since it
/// goes before every intent in a call.
///
/// # Errors
/// When `out` cannot be written.
pub(crate) fn print_matches(matcher: &Matcher, texts: &[String], json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    for text in texts {
        let decided = matcher.decide(text);
        let person = asks_for_person(text, &[]).map(|p| p.phrase);
        if json {
            let line = serde_json::json!({
                "text": text,
                "intent": decided.intent,
                "confidence": decided.confidence,
                "ranked": decided.ranked.iter().map(|(intent, c)| serde_json::json!({ "intent": intent, "confidence": c })).collect::<Vec<_>>(),
                "person": person,
                "why": decided.why,
                "words": matcher.weigh(text).iter().take(WORDS_TOLD).map(|(word, weight)| serde_json::json!({ "word": word, "weight": weight })).collect::<Vec<_>>(),
            });
            writeln!(out, "{line}")?;
            continue;
        }
        writeln!(out, "{text}")?;
        if let Some(phrase) = person {
            writeln!(out, "  asks for a person ({phrase:?})")?;
        }
        writeln!(out, "  {} {:.2}", decided.intent.as_deref().unwrap_or("not understood"), decided.confidence.get())?;
        for (intent, confidence) in decided.ranked.iter().skip(usize::from(decided.intent.is_some())).take(3) {
            writeln!(out, "    or {intent} {:.2}", confidence.get())?;
        }
        writeln!(out, "  because {}", decided.why)?;
        if let Some(words) = words_that_matter(matcher, text) {
            writeln!(out, "  {words}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_json_line_per_text() {
        let pairs = [
            ("hours", "when are you open"),
            ("hours", "opening hours"),
            ("price", "how much is it"),
            ("price", "what does it cost"),
        ];
        let pairs: Vec<(String, String)> = pairs.iter().map(|(i, t)| ((*i).to_string(), (*t).to_string())).collect();
        let matcher = Matcher::train_labelled(&pairs).expect("a matcher");
        let texts = ["when are you open".to_string(), "let me talk to a person".to_string()];
        let mut out = Vec::new();
        print_matches(&matcher, &texts, true, &mut out).expect("written");
        let lines: Vec<serde_json::Value> =
            String::from_utf8_lossy(&out).lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
        assert_eq!(lines[0]["intent"], "hours");
        assert!(lines[0]["words"].as_array().is_some_and(|w| !w.is_empty() && w[0]["weight"].is_number()), "{}", lines[0]);
        assert_eq!(lines[1]["person"], "talk to a person");
        out.clear();
        print_matches(&matcher, &texts, false, &mut out).expect("written");
        let text = String::from_utf8_lossy(&out);
        assert!(text.contains("hours 0.99") && text.contains("asks for a person"), "{text}");
    }
}
