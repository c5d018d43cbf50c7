//! What an agent hears on the phone before the caller: what is wanted and why it needs a person, and as much else as fits into about five
//! seconds, because the caller waits meanwhile. The card has everything (`story`).

use super::card::CardStep;
use super::machine::Call;
use super::story::{intent_words, reason, spaced, spelled};
use crate::base::Language;
use crate::call::dialogue::words_of;
use crate::flow::{Flow, Phrase};
use crate::nlu::Slots;

/// How long it may be, as [`spoken_ms`] reckons: it may take half a second more.
const LONGEST_MS: u32 = 4_900;
/// Values that are spoken at most.
const VALUES: usize = 3;
/// Longest answer that is repeated, in characters.
const TOLD_MAX: usize = 90;
/// Longest reason of a flow's own that is spoken, in characters.
const REASON_MAX_EN: usize = 32;
const REASON_MAX_ZH: usize = 6;

/// Why a person, in the fewest words, behind what the caller wants. The same words as in [`super::REASONS`].
const SHORT: &[(&str, &str, &str)] = &[
    ("asked", "they asked for a person", "要求人工"),
    ("misunderstood", "they were not understood", "没有听懂"),
    ("same_answer", "the same answer did not help", "重复无效"),
    ("not_helped", "the answer did not help", "未能解决"),
    ("human_first", "a person answers this", "人工受理"),
    ("no_progress", "it was getting nowhere", "没有进展"),
    ("tier", "a person comes first for them", "优先客户"),
    ("upset", "they are upset", "情绪激动"),
    ("story", "it is a longer story", "情况复杂"),
    ("corrected", "the system got it wrong", "理解有误"),
    ("expired", "the answer has expired", "答案过期"),
    ("text_telephone", "they type on a text telephone", "文字电话"),
    ("emergency", "they speak of an emergency", "紧急情况"),
    ("silent", "they fell silent", "没有说话"),
    ("loud", "they raised their voice", "声音很大"),
    ("talked_over", "they kept talking", "多次打断"),
    ("agent_lost", "a colleague's line broke", "通话中断"),
    ("returned", "a colleague did not answer", "同事未接"),
    ("sent_on", "a colleague sent them on", "同事转来"),
    ("parked", "a colleague parked them", "同事驻留"),
    ("no_engine", "no ears for this language", "语言不识"),
    ("script_loop", "the script did not end", "流程未完"),
    ("loop", "the script did not end", "流程未完"),
    ("missing_value", "the script lacked a value", "缺少信息"),
];

impl Call {
    /// What the agent hears.
    pub(crate) fn briefing(&self) -> String {
        let more: Vec<String> = self.besides().into_iter().map(|(_, words)| words).collect();
        brief(&self.flow, self.agent_language(), self.story.intent.as_deref(), &self.story.because, &more)
    }

    /// What there is to say besides what is wanted and why a person, by itself and in the order of importance.
    pub(crate) fn besides(&self) -> Vec<(Phrase, String)> {
        let language = self.agent_language();
        let mut all = Vec::new();
        let mut say = |what: Phrase, values: &[(&str, &str)]| {
            all.push((what, words_of(&self.flow.phrase_with(what, language, values))));
        };
        let given = self.given();
        if given.verified {
            say(Phrase::AgentVerified, &[]);
        }
        if let Some(CardStep { procedure, step, of }) = &given.step {
            let (step, of) = (step.to_string(), of.to_string());
            say(Phrase::AgentStep, &[("procedure", &spaced(procedure)), ("number", &step), ("count", &of)]);
        }
        for (name, value) in given.slots.iter().take(VALUES) {
            say(Phrase::AgentSlot, &[("name", &spaced(name)), ("value", &spelled(value))]);
        }
        if !self.story.told.is_empty() {
            say(Phrase::AgentTold, &[("answer", &shortened(&self.story.told, TOLD_MAX))]);
        }
        all
    }

    /// What the script was given. Who is called back gave it in an earlier call, of which the card tells; the script may have been given more
    /// since, after a talk.
    pub(crate) fn given(&self) -> Given {
        let now = self.cursor.as_ref().map(|cursor| Given {
            verified: cursor.proved(),
            step: cursor.guided().map(|(procedure, step, of)| CardStep { procedure, step, of }),
            slots: self.story.public(&cursor.slots()),
        });
        let now = now.unwrap_or_default();
        let Some(called) = &self.called_back else { return now };
        let card = &called.back.wish.card;
        let mut slots = card.slots.reveal().clone();
        slots.extend(now.slots);
        Given { verified: card.verified || now.verified, step: now.step.or_else(|| card.step.clone()), slots }
    }
}

/// What the caller has given to the script, as far as agents may know it.
#[derive(Default)]
pub(crate) struct Given {
    /// They have proved who they are.
    pub(crate) verified: bool,
    /// Where they are in a guided procedure.
    pub(crate) step: Option<CardStep>,
    /// Values, without those of sensitive questions.
    pub(crate) slots: Slots,
}

/// The spoken briefing of somebody who wants this, for this reason; `more` is what else there is to say, the most important first. What
/// does not fit is left out from the end of `more`, after the words around it; what is wanted and why a person stay.
pub fn brief(flow: &Flow, language: Language, intent: Option<&str>, because: &str, more: &[String]) -> String {
    let phrase = |what, name, value: &str| words_of(&flow.phrase_with(what, language, &[(name, value)]));
    let why_at_length = phrase(Phrase::AgentBecause, "reason", &reason(because, language));
    let why = sentence(&short(because, language), language);
    let mut ways = vec![(None, why_at_length.clone()), (None, why.clone())];
    if let Some(intent) = intent {
        let (words, label) = (intent_words(flow, intent, language), flow.intent_label(intent, language));
        let wants = phrase(Phrase::AgentIntent, "intent", &words);
        let label = sentence(&label, language);
        ways = vec![
            (Some(wants.clone()), why_at_length),
            (Some(wants), why.clone()),
            (Some(sentence(&words, language)), why.clone()),
            (Some(label.clone()), why.clone()),
            (Some(cut(&label, &why, language)), why),
        ];
    }
    let said = |(wants, why): &(Option<String>, String), more: &[String]| {
        let parts: Vec<&str> = wants.iter().chain(more).chain([why]).map(String::as_str).collect();
        parts.join(if language == Language::ZH { "" } else { " " })
    };
    let all = (0..=more.len()).rev().flat_map(|n| ways.iter().map(move |way| (way, &more[..n])));
    let fits = all.map(|(way, more)| said(way, more)).find(|words| spoken_ms(words, language) <= LONGEST_MS);
    fits.unwrap_or_else(|| said(&ways[ways.len() - 1], &[]))
}

/// How long it takes to say something, in milliseconds, to about half a second (two thirds at most, of 221). Fitted on the voices that the gateway has: 13 briefings
/// by flite's `slt` (3.3 to 6.0 s; 16 characters a second and a third of a second a stop), 25 by espeak-ng's `cmn` at the gateway's pace of
/// 155 (1.7 to 5.3 s; 0.41 s a character, 0.4 s a stop). Another voice may be slower or faster.
pub fn spoken_ms(text: &str, language: Language) -> u32 {
    let is_stop = |c: char| matches!(c, '.' | ',' | ':' | ';' | '?' | '!' | '。' | '，' | '：' | '；' | '？' | '！' | '、');
    let english = language != Language::ZH;
    let stop = if english { 350 } else { 400 };
    let each = |c: char| -> u32 {
        match () {
            () if is_stop(c) => stop,
            () if c.is_ascii_digit() || (!c.is_ascii() && c.is_alphanumeric()) => 410,
            // Letters of another language are spelled.
            () if c.is_ascii_uppercase() && !english => 410,
            () if c.is_whitespace() && !english => 0,
            () => 63,
        }
    };
    text.trim_end_matches(|c: char| is_stop(c) || c.is_whitespace()).chars().map(each).sum()
}

/// Why a person, in the fewest words.
fn short(because: &str, language: Language) -> String {
    let zh = language == Language::ZH;
    let known = SHORT.iter().find(|(word, ..)| *word == because);
    let max = if zh { REASON_MAX_ZH } else { REASON_MAX_EN };
    known.map_or_else(|| shortened(&spaced(because), max), |(_, en, chinese)| (if zh { *chinese } else { *en }).to_string())
}

/// With a capital and one stop.
fn sentence(words: &str, language: Language) -> String {
    let bare = words.trim().trim_end_matches(['.', '?', '!', '。', '？', '！']);
    let mut letters = bare.chars();
    let capital: String = letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
    format!("{capital}{}", if language == Language::ZH { "。" } else { "." })
}

/// As much of what is wanted as goes before this reason.
fn cut(wants: &str, why: &str, language: Language) -> String {
    let mut words = wants.to_string();
    while spoken_ms(&format!("{words} {why}"), language) > LONGEST_MS && words.chars().count() > 2 {
        let shorter: String = words.chars().take(words.chars().count() - 2).collect();
        let whole = shorter.rfind(' ').map(|at| shorter[..at].to_string());
        words = sentence(&whole.unwrap_or(shorter), language);
    }
    words
}

/// At most `max` characters, cut between words.
pub(super) fn shortened(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_string();
    }
    let cut: String = text.chars().take(max).collect();
    match cut.rfind(' ') {
        Some(at) if at > max / 2 => cut[..at].to_string(),
        _ => cut,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acd::Ticket;
    use crate::base::{AttemptId, CallId, LegId, Moment, PhoneNumber, WallTime};
    use crate::call::{AgentEvent, CallBack, CallBackWish, CallSettings, Command, Event, HandOverCard, QueueEvent, REASONS};
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::time::Duration;

    const FLOW: &str = "hotline: 1\nname: line\nlanguages: [en, zh]\nperson: { to: desk }\n\
        targets: { desk: { sip: \"sip:desk@desk.example\" }, line: { queue: line, accept: answer } }\nintents:\n  \
        hours: { examples: { en: [when are you open, opening hours], zh: [你们几点开门, 营业时间] } }\n  \
        long:\n    label: { en: a parcel that came to a neighbour and was sent back again by the neighbour, zh: 邻居代收之后又被邻居退回去的那一个包裹 }\n    \
        examples: { en: [my parcel went to a neighbour who sent it back to you], zh: [我的包裹被邻居代收之后又退回去了] }\n\
        nodes:\n  welcome: { ask: { en: \"What is it about?\", zh: \"什么事？\" }, keys: { \"1\": hours, \"2\": long } }\n  \
        hours: { say: { en: \"Nine.\", zh: \"九点。\" }, then: welcome }\n  long: { say: { en: \"Well.\", zh: \"好。\" }, then: welcome }\n";

    fn flow() -> Arc<Flow> {
        let loaded = Flow::load(FLOW, "flow.yaml", &BTreeMap::new());
        let loaded = loaded.unwrap_or_else(|found| panic!("{}", found.iter().map(|f| format!("{f}\n")).collect::<String>()));
        loaded.flow
    }

    #[test]
    fn every_reason_has_a_short_form() {
        let words = |table: &[(&'static str, &str, &str)]| table.iter().map(|(word, ..)| *word).collect::<Vec<_>>();
        assert_eq!(words(SHORT), words(REASONS));
    }

    #[test]
    fn what_is_wanted_and_why_stay_and_the_rest_goes_from_the_end() {
        let flow = flow();
        let more = ["Identity verified.", "order: 1 2 3 4.", "The caller was told: We open at nine and close at six."]
            .map(String::from);
        let said = |more: &[String]| brief(&flow, Language::EN, Some("hours"), "asked", more);
        assert_eq!(said(&[]), "The caller wants: when are you open. They asked for a person.");
        assert_eq!(said(&more), "When are you open. Identity verified. They asked for a person.");
        assert_eq!(brief(&flow, Language::EN, None, "asked", &[]), "Handed over because: the caller asked for a person.");
        assert_eq!(brief(&flow, Language::ZH, Some("hours"), "asked", &more), "你们几点开门。要求人工。");
    }

    #[test]
    fn no_briefing_is_longer_whatever_the_flow_says() {
        let flow = flow();
        let more = ["Identity verified.".to_string(), "order: 1 2 3 4 5 6 7 8.".to_string()];
        let own = "this_is_a_reason_of_the_flow_s_own_which_nobody_should_have_to_listen_to";
        for language in [Language::EN, Language::ZH] {
            for because in REASONS.iter().map(|(word, ..)| *word).chain([own]) {
                for intent in [None, Some("hours"), Some("long")] {
                    let words = brief(&flow, language, intent, because, &more);
                    assert!(spoken_ms(&words, language) <= LONGEST_MS, "{} ms: {words}", spoken_ms(&words, language));
                    let why =
                        [reason(because, language), short(because, language), sentence(&short(because, language), language)];
                    assert!(why.iter().any(|why| words.contains(why.as_str())), "why is missing: {words}");
                    let wanted =
                        intent.map(|_| if language == Language::ZH { ["你们", "邻居"] } else { ["hen are you", " parcel"] });
                    assert!(wanted.is_none_or(|begin| begin.iter().any(|b| words.contains(b))), "what is missing: {words}");
                }
            }
        }
    }

    #[test]
    fn who_is_called_back_and_goes_to_the_script_after_the_talk_has_given_it_already() {
        let slots = BTreeMap::from([("order".to_string(), "1234".to_string())]);
        let card = HandOverCard { flow: "line".into(), slots: slots.clone().into(), ..crate::store::tests::card() };
        let mut call = Call::new(CallId(2), flow(), CallSettings::default());
        let mut out = Vec::new();
        call.handle(Moment::from_millis(0), &called_back(card), &mut out);
        let now = crate::call::machine::Now { at: Moment::from_millis(9_000), out: &mut out };
        assert!(call.go_to(&now, "welcome").is_some());
        assert_eq!(call.cursor.map(|cursor| cursor.slots()), Some(slots), "nothing of it is asked again");
    }

    fn called_back(card: HandOverCard) -> Event {
        let ticket = Ticket { queue: "line".into(), ..Ticket::default() };
        let wish = CallBackWish { number: PhoneNumber::new("+4930123456"), ticket, card };
        let (wall, ring) = (WallTime(1_795_428_600_000), Duration::from_secs(20));
        Event::CallsBack(Box::new(CallBack { wish, asked: wall, wall, ring, trunks: Vec::new() }))
    }

    /// A call-back with this card, whose agent has picked up: what their phone says to them first.
    fn told_of_call_back(card: HandOverCard) -> String {
        let ring = Duration::from_secs(20);
        let mut call = Call::new(CallId(2), flow(), CallSettings::default());
        let offer = QueueEvent::Offer { offer: 1, agent: "anna".into(), desk: false, to: "sip:anna@x".into(), ring };
        let answered = Event::Agent { attempt: AttemptId(0), event: AgentEvent::Answered };
        let mut out = Vec::new();
        for (ms, event) in [(0, called_back(card)), (50, Event::Queue(offer)), (100, answered)] {
            call.handle(Moment::from_millis(ms), &event, &mut out);
        }
        let words = |c: &Command| match c {
            Command::Play { leg: LegId::Agent(_), prompt } => Some(prompt.words()),
            _ => None,
        };
        out.iter().find_map(words).unwrap_or_else(|| panic!("the agent is told nothing: {out:#?}"))
    }

    #[test]
    fn who_is_called_back_has_given_what_the_card_says() {
        let slots = BTreeMap::from([("order".to_string(), "1234".to_string())]);
        let asked = HandOverCard { flow: "line".into(), intent: None, turns: Vec::new(), ..crate::store::tests::card() };
        let told = told_of_call_back;
        let alone = told(asked.clone());
        assert!(alone.starts_with("Handed over because: the caller asked for a person."), "{alone}");
        let card = HandOverCard { slots: slots.clone().into(), ..asked.clone() };
        let said = told(card.clone());
        assert!(said.contains("order: 1 2 3 4."), "{said}");
        assert!(told(HandOverCard { verified: true, ..asked.clone() }).contains("Identity verified."));
        let step = Some(CardStep { procedure: "set_up".into(), step: 2, of: 4 });
        assert!(told(HandOverCard { step: step.clone(), ..asked }).contains("They are at step 2 of 4: set up."));
        // With all of it nobody listens for longer: what fits least goes first.
        let (intent, slots) = (Some("long".to_string()), BTreeMap::from([("order".into(), "123456789012345678".into())]));
        let said = told(HandOverCard { verified: true, step, intent, slots: slots.into(), ..card });
        let next = words_of(&flow().phrase_with(Phrase::AgentCallsBack, Language::EN, &[]));
        let briefing = said.strip_suffix(next.as_str()).unwrap_or_else(|| panic!("{said}"));
        assert!(spoken_ms(briefing, Language::EN) <= LONGEST_MS && !briefing.contains("1 2 3"), "{said}");
    }

    #[test]
    fn long_answers_are_cut_between_words() {
        assert_eq!(shortened("one two three four", 12), "one two");
        assert_eq!(shortened("short", 12), "short");
    }
}
