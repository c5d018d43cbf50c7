//! What the flow itself would answer, for an agent who reads it aloud or makes something better of it.

use super::model::{Flow, Goto};
use crate::base::{Language, PromptPart, WallTime};
use crate::nlu::Slots;

impl Flow {
    /// What an intent's matter needs: its own slots, then what the node that it leads to asks for.
    pub fn slots_wanted(&self, intent: &str) -> Vec<String> {
        let Some(intent) = self.intents.get(intent) else { return Vec::new() };
        let mut wanted: Vec<String> = intent.slots.keys().cloned().collect();
        if let Goto::Node(node) = intent.go {
            let asked = self.nodes.get(node).into_iter().flat_map(|node| &node.needs).map(|need| need.slot.clone());
            for slot in asked {
                if !wanted.contains(&slot) {
                    wanted.push(slot);
                }
            }
        }
        wanted
    }

    /// The node that an intent leads to, and what is said there, in this language (else the flow's first) and with these values. `None`
    /// where nothing is said there, the answer is not true at this time, or it tells of values that are not known.
    pub fn answer_to(&self, intent: &str, language: Language, slots: &Slots, at: WallTime) -> Option<(String, String)> {
        let Goto::Node(node) = self.intents.get(intent)?.go else { return None };
        let node = self.nodes.get(node)?;
        let today = at.in_zone(self.zone);
        if node.valid.as_ref().is_some_and(|valid| !valid.holds(today.date_naive())) {
            return None;
        }
        let mut scope = self.fixed_scope(language);
        scope.extend(slots.iter().map(|(name, value)| (name.clone(), value.as_str().into())));
        scope.insert("today".to_string(), today.format("%Y-%m-%d").to_string().into());
        let parts = self.render(node.say.as_ref()?.variant(language, 0), &scope, std::path::Path::new("")).ok()?;
        let words = parts.iter().filter_map(|part| match part {
            PromptPart::Text(words) => Some(words.trim()),
            _ => None,
        });
        let text = words.filter(|words| !words.is_empty()).collect::<Vec<_>>().join(" ");
        (!text.is_empty()).then(|| (node.name.clone(), text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn answers_are_those_of_the_script_as_far_as_they_are_known() {
        let text = "hotline: 1
name: t
languages: [en, zh]
zone: UTC
person: { to: a }
targets: { a: { sip: 'sip:a@x' } }
intents:
  hours: { examples: { en: [when are you open], zh: [几点开门] } }
  old: { examples: { en: [summer sale], zh: [夏季促销] } }
  parcel: { examples: { en: [where is my parcel], zh: [包裹在哪] }, slots: { number: { digits: 5 } } }
nodes:
  start: { ask: { en: 'What?', zh: '什么事？' }, keys: { '1': hours, '2': old, '3': parcel } }
  hours: { say: { en: 'From nine to five.', zh: '九点到五点。' }, then: start }
  old: { say: { en: 'It is on.', zh: '有。' }, valid: { until: 2026-08-31 }, then: start }
  parcel: { need: { number: { ask: { en: 'Which?', zh: '单号？' } } }, say: { en: 'Parcel {{ number }} is here.', zh: '{{ number }}到了。' }, then: start }
";
        let flow = Flow::load(text, "t.yaml", &BTreeMap::new()).unwrap_or_else(|wrong| panic!("{wrong:?}")).flow;
        let at = WallTime(1_795_000_000_000);
        let none = Slots::new();
        let known = Slots::from([("number".to_string(), "12345".to_string())]);
        let text = |intent: &str, language, slots: &Slots| flow.answer_to(intent, language, slots, at).map(|(_, text)| text);
        assert_eq!(text("hours", Language::EN, &none).as_deref(), Some("From nine to five."));
        assert_eq!(text("hours", Language::ZH, &none).as_deref(), Some("九点到五点。"));
        assert_eq!(text("parcel", Language::EN, &known).as_deref(), Some("Parcel 12345 is here."));
        assert_eq!(text("parcel", Language::EN, &none), None, "the number is not known");
        assert_eq!(text("old", Language::EN, &none), None, "it is autumn");
        assert_eq!(text("nothing", Language::EN, &none), None);
        assert_eq!(flow.slots_wanted("parcel"), ["number"], "once, though the node asks for it, too");
        assert!(flow.slots_wanted("hours").is_empty() && flow.slots_wanted("nothing").is_empty());
    }
}
