//! From the YAML tree to the document: every mistake of form is reported with its line, and reading goes on.

use super::document::*;
use super::finding::{Report, did_you_mean};
use super::yaml::{Entry, Value, Yaml};
use schemars::JsonSchema;
use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

/// Reads the document; `None` only if it is no group of keys at all.
pub(crate) fn read(yaml: &Yaml, report: &mut Report) -> Option<Document> {
    Reader { report, known: HashMap::new() }.document(yaml)
}

pub(super) struct Reader<'r> {
    report: &'r mut Report,
    /// The keys of each document type, as its schema has them.
    known: HashMap<TypeId, Arc<[String]>>,
}

/// The entries of one group. Keys were compared with the schema of its type.
struct Fields<'y> {
    line: u32,
    entries: &'y [Entry],
    known: Arc<[String]>,
}

impl<'y> Fields<'y> {
    fn get(&self, key: &str) -> Option<&'y Entry> {
        debug_assert!(self.known.iter().any(|k| k == key), "`{key}` is read but not in the schema");
        self.entries.iter().find(|e| e.key == key)
    }
}

/// The keys that a type's schema lists.
pub(super) fn keys_of<T: JsonSchema>() -> Vec<String> {
    let schema = schemars::schema_for!(T);
    let properties = schema.get("properties").and_then(|p| p.as_object());
    properties.map(|p| p.keys().cloned().collect()).unwrap_or_default()
}

type Read<'r, T> = fn(&mut Reader<'r>, &Yaml) -> Option<T>;

impl<'r> Reader<'r> {
    pub(super) fn error(&mut self, line: u32, rule: &str, message: String, remedy: &str) {
        self.report.error(line, rule, message, remedy);
    }

    fn fields<'y, T: JsonSchema + 'static>(&mut self, yaml: &'y Yaml, what: &str) -> Option<Fields<'y>> {
        let Value::Map(entries) = &yaml.value else {
            let message = format!("{what} is a group of keys, but here is {}", yaml.kind());
            self.error(yaml.line, "wrong-kind", message, "write `key: value` lines, indented below it");
            return None;
        };
        let known = self.known.entry(TypeId::of::<T>()).or_insert_with(|| keys_of::<T>().into()).clone();
        for entry in entries {
            if !known.contains(&entry.key) {
                let names: Vec<&str> = known.iter().map(String::as_str).collect();
                let remedy = did_you_mean(&entry.key, &names, "keys");
                self.error(entry.line, "unknown-key", format!("{what} has no key `{}`", entry.key), &remedy);
            }
        }
        Some(Fields { line: yaml.line, entries, known })
    }

    fn opt<T>(&mut self, fields: &Fields<'_>, key: &str, read: Read<'r, T>) -> Option<T> {
        let entry = fields.get(key)?;
        read(self, &entry.value)
    }

    fn must<T>(&mut self, fields: &Fields<'_>, key: &str, what: &str, read: Read<'r, T>) -> Option<T> {
        if fields.get(key).is_none() {
            self.error(fields.line, "missing-key", format!("{what} needs the key `{key}`"), &format!("add `{key}: …`"));
        }
        self.opt(fields, key, read)
    }

    fn list<T>(&mut self, fields: &Fields<'_>, key: &str, read: Read<'r, T>) -> Option<Vec<T>> {
        let entry = fields.get(key)?;
        match &entry.value.value {
            Value::List(items) => Some(items.iter().filter_map(|y| read(self, y)).collect()),
            Value::Nothing => Some(Vec::new()),
            _ => Some(read(self, &entry.value).into_iter().collect()),
        }
    }

    fn named<T>(&mut self, fields: &Fields<'_>, key: &str, read: Read<'r, T>) -> Option<Named<T>> {
        let entry = fields.get(key)?;
        match &entry.value.value {
            Value::Nothing => Some(Named(Vec::new())),
            Value::Map(entries) => {
                let mut out = Vec::new();
                for e in entries {
                    if let Some(value) = read(self, &e.value) {
                        out.push((At { value: e.key.clone(), line: e.line }, value));
                    }
                }
                Some(Named(out))
            }
            _ => {
                let message = format!("`{key}` is a group of names, but here is {}", entry.value.kind());
                self.error(entry.value.line, "wrong-kind", message, "write `name: …` lines, indented below it");
                None
            }
        }
    }

    fn document(&mut self, yaml: &Yaml) -> Option<Document> {
        let f = self.fields::<Document>(yaml, "a flow")?;
        let hotline = self.must(&f, "hotline", "a flow", Self::count).unwrap_or(At { value: 1, line: f.line });
        let name = self.must(&f, "name", "a flow", Self::text);
        Some(Document {
            hotline,
            name: name.unwrap_or(At { value: "flow".to_string(), line: f.line }),
            languages: self.list(&f, "languages", Self::tag).unwrap_or_default(),
            include: self.list(&f, "include", Self::text),
            start: self.opt(&f, "start", Self::text),
            zone: self.opt(&f, "zone", Self::text),
            record: self.opt(&f, "record", Self::word),
            retention_days: self.opt(&f, "retention_days", Self::retention),
            person: self.opt(&f, "person", Self::person),
            emergency: self.opt(&f, "emergency", Self::emergency),
            escalate: self.opt(&f, "escalate", Self::escalate),
            hours: self.named(&f, "hours", Self::hours),
            targets: self.named(&f, "targets", Self::target),
            intents: self.named(&f, "intents", Self::intent),
            out_of_scope: self.opt(&f, "out_of_scope", Self::words),
            slots: self.named(&f, "slots", Self::slot),
            lookups: self.named(&f, "lookups", Self::lookup),
            nodes: self.must_named(&f, "nodes", Self::node),
            phrases: self.named(&f, "phrases", Self::speech),
            tests: self.list(&f, "tests", Self::test),
        })
    }

    fn must_named<T>(&mut self, fields: &Fields<'_>, key: &str, read: Read<'r, T>) -> Named<T> {
        if fields.get(key).is_none() {
            self.error(fields.line, "missing-key", format!("a flow needs the key `{key}`"), &format!("add `{key}:`"));
        }
        self.named(fields, key, read).unwrap_or(Named(Vec::new()))
    }

    fn retention(&mut self, yaml: &Yaml) -> Option<Retention> {
        let f = self.fields::<Retention>(yaml, "`retention_days`")?;
        Some(Retention { audio: self.opt(&f, "audio", Self::count), text: self.opt(&f, "text", Self::count) })
    }

    fn person(&mut self, yaml: &Yaml) -> Option<Person> {
        let f = self.fields::<Person>(yaml, "`person`")?;
        Some(Person {
            key: self.opt(&f, "key", Self::key),
            to: self.opt(&f, "to", Self::text),
            say: self.opt(&f, "say", Self::speech),
            phrases: self.opt(&f, "phrases", Self::words),
            text_telephone: self.opt(&f, "text_telephone", Self::text),
        })
    }

    fn emergency(&mut self, yaml: &Yaml) -> Option<Emergency> {
        let f = self.fields::<Emergency>(yaml, "`emergency`")?;
        let (say, to) = (self.opt(&f, "say", Self::speech), self.opt(&f, "to", Self::text));
        Some(Emergency { phrases: self.must(&f, "phrases", "`emergency`", Self::words)?, say, to })
    }

    fn escalate(&mut self, yaml: &Yaml) -> Option<Escalate> {
        let f = self.fields::<Escalate>(yaml, "`escalate`")?;
        Some(Escalate {
            misunderstood: self.opt(&f, "misunderstood", Self::misunderstood),
            same_answer: self.opt(&f, "same_answer", Self::same_answer),
            silence: self.opt(&f, "silence", Self::count),
            weights: self.opt(&f, "weights", Self::weights),
            budget: self.opt(&f, "budget", Self::budget),
            value: self.opt(&f, "value", Self::value),
            story_words: self.opt(&f, "story_words", Self::count),
        })
    }

    fn budget(&mut self, yaml: &Yaml) -> Option<Budget> {
        let f = self.fields::<Budget>(yaml, "`budget`")?;
        Some(Budget { turns: self.opt(&f, "turns", Self::count), seconds: self.opt(&f, "seconds", Self::count) })
    }

    fn value(&mut self, yaml: &Yaml) -> Option<super::document::Value> {
        let f = self.fields::<super::document::Value>(yaml, "`value`")?;
        let of = self.must(&f, "of", "`value`", Self::text)?;
        let tiers = self.named(&f, "tiers", Self::tier).unwrap_or(Named(Vec::new()));
        Some(super::document::Value { of, tiers })
    }

    fn tier(&mut self, yaml: &Yaml) -> Option<Tier> {
        let f = self.fields::<Tier>(yaml, "a tier")?;
        Some(Tier {
            priority: self.opt(&f, "priority", Self::count),
            human_first: self.opt(&f, "human_first", Self::truth),
            turns: self.opt(&f, "turns", Self::count),
        })
    }

    fn weights(&mut self, yaml: &Yaml) -> Option<Weights> {
        let f = self.fields::<Weights>(yaml, "`weights`")?;
        Some(Weights {
            misunderstood: self.opt(&f, "misunderstood", Self::text),
            upset: self.opt(&f, "upset", Self::text),
            correction: self.opt(&f, "correction", Self::text),
            story: self.opt(&f, "story", Self::text),
            loud: self.opt(&f, "loud", Self::text),
            over: self.opt(&f, "over", Self::text),
        })
    }

    fn misunderstood(&mut self, yaml: &Yaml) -> Option<Misunderstood> {
        let f = self.fields::<Misunderstood>(yaml, "`misunderstood`")?;
        Some(Misunderstood {
            offer: self.opt(&f, "offer", Self::count),
            transfer: self.opt(&f, "transfer", Self::count),
            total: self.opt(&f, "total", Self::count),
        })
    }

    fn same_answer(&mut self, yaml: &Yaml) -> Option<SameAnswer> {
        let f = self.fields::<SameAnswer>(yaml, "`same_answer`")?;
        Some(SameAnswer { offer: self.opt(&f, "offer", Self::count), transfer: self.opt(&f, "transfer", Self::count) })
    }

    fn hours(&mut self, yaml: &Yaml) -> Option<Hours> {
        let f = self.fields::<Hours>(yaml, "opening hours")?;
        Some(Hours {
            zone: self.opt(&f, "zone", Self::text),
            daily: self.opt(&f, "daily", Self::spans),
            mon_fri: self.opt(&f, "mon-fri", Self::spans),
            mon: self.opt(&f, "mon", Self::spans),
            tue: self.opt(&f, "tue", Self::spans),
            wed: self.opt(&f, "wed", Self::spans),
            thu: self.opt(&f, "thu", Self::spans),
            fri: self.opt(&f, "fri", Self::spans),
            sat: self.opt(&f, "sat", Self::spans),
            sun: self.opt(&f, "sun", Self::spans),
            closed: self.list(&f, "closed", Self::text),
        })
    }

    fn target(&mut self, yaml: &Yaml) -> Option<Target> {
        let f = self.fields::<Target>(yaml, "a target")?;
        let sip = self.opt(&f, "sip", Self::text);
        let queue = self.opt(&f, "queue", Self::text);
        Some(Target {
            sip,
            queue,
            method: self.opt(&f, "method", Self::word),
            ring: self.opt(&f, "ring", Self::wait),
            accept: self.opt(&f, "accept", Self::word),
            after: self.opt(&f, "after", Self::text),
            back_to: self.list(&f, "back_to", Self::text),
            next: self.opt(&f, "next", Self::text),
            on: self.named(&f, "on", Self::word),
            hours: self.opt(&f, "hours", Self::text),
            languages: self.list(&f, "languages", Self::tag),
        })
    }

    fn intent(&mut self, yaml: &Yaml) -> Option<Intent> {
        let f = self.fields::<Intent>(yaml, "an intent")?;
        let examples = self.must(&f, "examples", "an intent", Self::words);
        Some(Intent {
            examples: examples.unwrap_or(Words { line: f.line, by_language: Vec::new() }),
            label: self.opt(&f, "label", Self::speech),
            go: self.opt(&f, "go", Self::text),
            slots: self.named(&f, "slots", Self::slot),
        })
    }

    fn slot(&mut self, yaml: &Yaml) -> Option<Slot> {
        let f = self.fields::<Slot>(yaml, "a slot")?;
        Some(Slot {
            digits: self.opt(&f, "digits", Self::range),
            check: self.opt(&f, "check", Self::text),
            pattern: self.opt(&f, "pattern", Self::text),
            min: self.opt(&f, "min", Self::text),
            max: self.opt(&f, "max", Self::text),
            number: self.opt(&f, "number", Self::truth),
            date: self.opt(&f, "date", Self::truth),
            yes_no: self.opt(&f, "yes_no", Self::truth),
            money: self.opt(&f, "money", Self::money),
            time: self.opt(&f, "time", Self::time),
            phone: self.opt(&f, "phone", Self::truth),
            country: self.opt(&f, "country", Self::text),
            email: self.opt(&f, "email", Self::truth),
            names: self.opt(&f, "names", Self::names),
        })
    }

    fn lookup(&mut self, yaml: &Yaml) -> Option<Lookup> {
        let f = self.fields::<Lookup>(yaml, "a look-up")?;
        Some(Lookup {
            get: self.opt(&f, "get", Self::text),
            post: self.opt(&f, "post", Self::text),
            body: self.opt(&f, "body", Self::json),
            timeout: self.opt(&f, "timeout", Self::wait),
            retries: self.opt(&f, "retries", Self::count),
            cache: self.opt(&f, "cache", Self::wait),
            waiting: self.opt(&f, "waiting", Self::speech),
            sensitive: self.opt(&f, "sensitive", Self::truth),
        })
    }

    fn node(&mut self, yaml: &Yaml) -> Option<Node> {
        let f = self.fields::<Node>(yaml, "a node")?;
        Some(Node {
            label: self.opt(&f, "label", Self::speech),
            forget: self.list(&f, "forget", Self::text),
            need: self.named(&f, "need", Self::need),
            confirm: self.opt(&f, "confirm", Self::speech),
            set: self.named(&f, "set", Self::text),
            lookup: self.opt(&f, "lookup", Self::text),
            verify: self.opt(&f, "verify", Self::verify),
            wrong_data: self.opt(&f, "wrong_data", Self::wrong_data),
            unclear_process: self.opt(&f, "unclear_process", Self::text),
            on: self.opt(&f, "on", Self::on),
            say: self.opt(&f, "say", Self::speech),
            policy: self.opt(&f, "policy", Self::word),
            answer: self.opt(&f, "answer", Self::truth),
            interruptible: self.opt(&f, "interruptible", Self::truth),
            sensitive: self.opt(&f, "sensitive", Self::truth),
            valid: self.opt(&f, "valid", Self::valid),
            ask: self.opt(&f, "ask", Self::speech),
            reprompts: self.list(&f, "reprompts", Self::speech),
            key_prompt: self.opt(&f, "key_prompt", Self::speech),
            no_input: self.opt(&f, "no_input", Self::wait),
            intents: self.list(&f, "intents", Self::text),
            keys: self.named(&f, "keys", Self::text),
            menu: self.named(&f, "menu", Self::option),
            digits: self.opt(&f, "digits", Self::text),
            number: self.opt(&f, "number", Self::text),
            date: self.opt(&f, "date", Self::text),
            money: self.opt(&f, "money", Self::text),
            time: self.opt(&f, "time", Self::text),
            phone: self.opt(&f, "phone", Self::text),
            email: self.opt(&f, "email", Self::text),
            name: self.opt(&f, "name", Self::text),
            yes: self.opt(&f, "yes", Self::text),
            no: self.opt(&f, "no", Self::text),
            language: self.named(&f, "language", Self::option),
            steps: self.list(&f, "steps", Self::step),
            run: self.opt(&f, "run", Self::text),
            branch: self.list(&f, "branch", Self::arm),
            transfer: self.opt(&f, "transfer", Self::text),
            because: self.opt(&f, "because", Self::text),
            message: self.opt(&f, "message", Self::speech),
            thanks: self.opt(&f, "thanks", Self::speech),
            longest: self.opt(&f, "longest", Self::wait),
            hang_up: self.opt(&f, "hang_up", Self::speech),
            then: self.opt(&f, "then", Self::text),
        })
    }

    fn need(&mut self, yaml: &Yaml) -> Option<TextOr<Need>> {
        let is_group = matches!(&yaml.value, Value::Map(e) if e.iter().any(|e| e.key.len() != 2));
        if !is_group {
            return Some(TextOr(Need { ask: self.speech(yaml)?, reprompts: None, key_prompt: None, no_input: None }));
        }
        let f = self.fields::<Need>(yaml, "a question for a slot")?;
        Some(TextOr(Need {
            ask: self.must(&f, "ask", "a question for a slot", Self::speech)?,
            reprompts: self.list(&f, "reprompts", Self::speech),
            key_prompt: self.opt(&f, "key_prompt", Self::speech),
            no_input: self.opt(&f, "no_input", Self::wait),
        }))
    }

    fn on(&mut self, yaml: &Yaml) -> Option<On> {
        let f = self.fields::<On>(yaml, "`on`")?;
        Some(On {
            not_found: self.opt(&f, "not_found", Self::text),
            outage: self.opt(&f, "outage", Self::text),
            wrong: self.opt(&f, "wrong", Self::text),
        })
    }

    fn verify(&mut self, yaml: &Yaml) -> Option<Verify> {
        let f = self.fields::<Verify>(yaml, "`verify`")?;
        Some(Verify {
            lookup: self.must(&f, "lookup", "`verify`", Self::text)?,
            secret: {
                self.must(&f, "secret", "`verify`", |_, _| Some(()));
                self.list(&f, "secret", Self::text).unwrap_or_default()
            },
            attempts: self.opt(&f, "attempts", Self::count),
        })
    }

    fn wrong_data(&mut self, yaml: &Yaml) -> Option<WrongData> {
        let f = self.fields::<WrongData>(yaml, "`wrong_data`")?;
        Some(WrongData {
            what: self.must(&f, "what", "`wrong_data`", Self::text)?,
            old: self.opt(&f, "old", Self::text),
            new: self.opt(&f, "new", Self::text),
        })
    }

    fn step(&mut self, yaml: &Yaml) -> Option<TextOr<GuideStep>> {
        let is_group = matches!(&yaml.value, Value::Map(e) if e.iter().any(|e| matches!(e.key.as_str(), "say" | "help")));
        if !is_group {
            return Some(TextOr(GuideStep { say: self.speech(yaml)?, help: None }));
        }
        let f = self.fields::<GuideStep>(yaml, "a step")?;
        Some(TextOr(GuideStep { say: self.must(&f, "say", "a step", Self::speech)?, help: self.opt(&f, "help", Self::speech) }))
    }

    fn valid(&mut self, yaml: &Yaml) -> Option<Valid> {
        let f = self.fields::<Valid>(yaml, "`valid`")?;
        Some(Valid {
            from: self.opt(&f, "from", Self::text),
            until: self.opt(&f, "until", Self::text),
            owner: self.opt(&f, "owner", Self::text),
            version: self.opt(&f, "version", Self::text),
        })
    }

    fn option(&mut self, yaml: &Yaml) -> Option<MenuOption> {
        let f = self.fields::<MenuOption>(yaml, "an option")?;
        Some(MenuOption {
            key: self.opt(&f, "key", Self::key),
            phrases: self.opt(&f, "phrases", Self::words),
            label: self.opt(&f, "label", Self::speech),
            go: self.opt(&f, "go", Self::text),
        })
    }

    fn arm(&mut self, yaml: &Yaml) -> Option<Arm> {
        let f = self.fields::<Arm>(yaml, "one way of a branch")?;
        Some(Arm {
            when: self.opt(&f, "if", Self::text),
            percent: self.opt(&f, "percent", Self::count),
            go: self.opt(&f, "go", Self::text),
            otherwise: self.opt(&f, "else", Self::text),
        })
    }

    fn test(&mut self, yaml: &Yaml) -> Option<Test> {
        let f = self.fields::<Test>(yaml, "a test")?;
        Some(Test {
            name: self.opt(&f, "name", Self::text),
            at: self.opt(&f, "at", Self::text),
            caller: self.list(&f, "caller", Self::text).unwrap_or_default(),
            lookup: self.named(&f, "lookup", Self::json),
            hears: self.list(&f, "hears", Self::text),
            never_hears: self.list(&f, "never_hears", Self::text),
            ends: self.opt(&f, "ends", Self::ends),
        })
    }

    fn ends(&mut self, yaml: &Yaml) -> Option<NameOr<Ends>> {
        if let Some(name) = yaml.as_text() {
            let disposition = Some(At { value: name.to_string(), line: yaml.line });
            return Some(NameOr(Ends { disposition, transferred: None, because: None }));
        }
        let f = self.fields::<Ends>(yaml, "`ends`")?;
        Some(NameOr(Ends {
            disposition: self.opt(&f, "disposition", Self::text),
            transferred: self.opt(&f, "transferred", Self::text),
            because: self.opt(&f, "because", Self::text),
        }))
    }
}
