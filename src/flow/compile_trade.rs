//! From the document to the flow: look-ups over HTTP, and the flow's own tests.

use super::action::LookedUp;
use super::compile::Compiler;
use super::compile::PLACEHOLDER;
use super::document::{self as doc, At};
use super::finding::did_you_mean;
use super::model::*;
use crate::base::{Digit, WallTime};
use chrono::TimeZone;
use std::collections::BTreeMap;
use std::time::Duration;

/// Longest a caller may be kept waiting for a look-up.
const LOOKUP_MAX: Duration = Duration::from_secs(15);

impl Compiler<'_, '_> {
    pub(super) fn lookups(&mut self) -> BTreeMap<String, Lookup> {
        let document = self.document;
        let mut all = BTreeMap::new();
        for (name, lookup) in document.lookups.iter().flat_map(|l| &l.0) {
            let (method, url) = match (&lookup.get, &lookup.post) {
                (Some(url), None) => ("GET", url),
                (None, Some(url)) => ("POST", url),
                _ => {
                    let message = format!("the look-up `{}` needs one address", name.value);
                    self.error(name.line, "lookup", message, "write either `get: …` or `post: …`");
                    continue;
                }
            };
            if let Some(body) = lookup.body.as_ref() {
                if method == "GET" {
                    self.error(body.1, "lookup", "a GET has no body", "use `post:`, or put the values into the address");
                }
                self.body(&body.0, body.1);
            }
            let made = Lookup {
                line: name.line,
                method,
                host: self.host(url),
                url: url.value.clone(),
                body: lookup.body.as_ref().map(|b| b.0.clone()),
                retries: self.retries(lookup.retries.as_ref()),
                timeout: self.wait(lookup.timeout.as_ref(), Duration::from_secs(2), Duration::from_millis(100), LOOKUP_MAX),
                cache: self.wait(lookup.cache.as_ref(), Duration::ZERO, Duration::ZERO, Duration::from_secs(86_400)),
                waiting: self.some_speech(lookup.waiting.as_ref()),
                sensitive: lookup.sensitive.as_ref().is_none_or(|s| s.value),
            };
            all.insert(name.value.clone(), made);
        }
        all
    }

    pub(super) fn body(&mut self, value: &serde_json::Value, line: u32) {
        match value {
            serde_json::Value::String(template) => self.template(template, line, &[]),
            serde_json::Value::Array(items) => items.iter().for_each(|v| self.body(v, line)),
            serde_json::Value::Object(map) => map.values().for_each(|v| self.body(v, line)),
            _ => {}
        }
    }

    /// The host that an address calls: it must be the same whatever the caller says.
    pub(super) fn host(&mut self, url: &At<String>) -> Option<String> {
        self.template(&url.value, url.line, &[]);
        let host_with = |value: &str| {
            let mut scope = self.env_scope();
            scope.extend(self.names.iter().map(|n| (n.clone(), value.into())));
            self.templates.address(&url.value, &scope)
        };
        // Values may look into look-ups' answers (`a.b`), which placeholders cannot follow: the part up to the path decides.
        let start = url.value.find("://").map_or(0, |i| i + 3);
        let head_end = url.value[start..].find('/').map_or(url.value.len(), |i| start + i);
        let head = &url.value[..head_end];
        let only_env = self.templates.names(head).is_ok_and(|names| names.iter().all(|n| n.starts_with("env.")));
        let address = host_with("0").or_else(|_| self.templates.address(head, &self.env_scope()));
        let address = address.unwrap_or_default();
        if address.contains(PLACEHOLDER) {
            return None;
        }
        let parsed = url::Url::parse(&address).ok().filter(|u| matches!(u.scheme(), "http" | "https"));
        let host = parsed.as_ref().and_then(|u| u.host_str().map(|h| (h.to_string(), u.port_or_known_default().unwrap_or(0))));
        match host {
            Some((host, port)) if only_env => Some(format!("{host}:{port}")),
            Some(_) => {
                let message = "the host of this address depends on what the caller says";
                self.error(url.line, "lookup-host", message, "write the host plainly, or take it from `env`");
                None
            }
            None => {
                let message = format!("`{}` is not an HTTP address", url.value);
                self.error(url.line, "lookup-host", message, "begin with `http://`, `https://` or `{{ env.… }}`");
                None
            }
        }
    }

    pub(super) fn tests(&mut self) -> Vec<FlowTest> {
        let document = self.document;
        document.tests.iter().flatten().map(|test| self.test(test)).collect()
    }

    fn retries(&mut self, retries: Option<&At<u32>>) -> u8 {
        if let Some(at) = retries.filter(|r| r.value > 3) {
            self.error(at.line, "retries", format!("{} tries more are too many: the caller waits", at.value), "write 0 to 3");
        }
        retries.map_or(0, |r| r.value.min(3) as u8)
    }

    pub(super) fn test(&mut self, test: &doc::Test) -> FlowTest {
        let first = test.name.iter().chain(&test.caller).map(|a| a.line).min().unwrap_or(self.document.name.line);
        let lookups = test.lookup.iter().flat_map(|l| &l.0).map(|(name, json)| {
            let known: Vec<&str> =
                self.document.lookups.iter().flat_map(|l| l.0.iter().map(|(n, _)| n.value.as_str())).collect();
            if !known.contains(&name.value.as_str()) {
                let remedy = did_you_mean(&name.value, &known, "look-ups");
                self.report.error(name.line, "unknown-lookup", format!("there is no look-up `{}`", name.value), remedy);
            }
            let answer = match json.0.as_str() {
                Some("not_found") => LookedUp::NotFound,
                Some("outage") => LookedUp::Outage("out of order in this test".to_string()),
                _ => LookedUp::Found(json.0.clone()),
            };
            (name.value.clone(), answer)
        });
        let lookups = lookups.collect();
        let texts = |list: &Option<Vec<At<String>>>| list.iter().flatten().map(|t| t.value.clone()).collect();
        let ends = test.ends.as_ref().map(|e| self.test_end(&e.0));
        let (file, line) = self.report.place(first);
        FlowTest {
            name: test.name.as_ref().map_or_else(|| format!("test in line {line}"), |n| n.value.clone()),
            file,
            line,
            caller: test.caller.iter().map(|t| self.caller_turn(t)).collect(),
            at: test.at.as_ref().and_then(|t| self.wall_time(t)),
            lookups,
            hears: texts(&test.hears),
            never_hears: texts(&test.never_hears),
            ends,
        }
    }

    pub(super) fn test_end(&mut self, ends: &doc::Ends) -> TestEnd {
        const NAMES: [&str; 10] = [
            "answered",
            "transferred",
            "message_taken",
            "call_back",
            "silent",
            "abandoned",
            "lost",
            "machine",
            "rejected",
            "failed",
        ];
        if let Some(name) = ends.disposition.as_ref().filter(|d| !NAMES.contains(&d.value.as_str())) {
            let remedy = did_you_mean(&name.value, &NAMES, "dispositions");
            self.error(name.line, "wrong-value", format!("a call never ends as `{}`", name.value), remedy);
        }
        let value = |at: &Option<At<String>>| at.as_ref().map(|a| a.value.clone());
        let transferred = ends.transferred.as_ref().map(|_| "transferred".to_string());
        TestEnd {
            disposition: value(&ends.disposition).or(transferred),
            to: value(&ends.transferred),
            because: value(&ends.because),
        }
    }

    pub(super) fn caller_turn(&mut self, turn: &At<String>) -> CallerTurn {
        if turn.value == "silence" {
            return CallerTurn::Silence;
        }
        let Some(keys) = turn.value.strip_prefix("press ") else { return CallerTurn::Says(turn.value.clone()) };
        let pressed: Option<Vec<Digit>> = keys.chars().filter(|c| !c.is_whitespace()).map(Digit::from_char).collect();
        match pressed.filter(|keys| !keys.is_empty()) {
            Some(keys) => CallerTurn::Presses(keys),
            None => {
                let message = format!("`{keys}` are no telephone keys");
                self.error(turn.line, "wrong-value", message, "write them like `press 12345678#`");
                CallerTurn::Silence
            }
        }
    }

    pub(super) fn wall_time(&mut self, at: &At<String>) -> Option<WallTime> {
        let parsed = chrono::NaiveDateTime::parse_from_str(&at.value, "%Y-%m-%d %H:%M").ok();
        let local = parsed.and_then(|t| self.zone.from_local_datetime(&t).earliest());
        if local.is_none() {
            let message = format!("`{}` is not a time of the calendar", at.value);
            self.error(at.line, "wrong-value", message, "write it like `2026-12-01 10:00`");
        }
        local.map(|t| WallTime(t.timestamp_millis()))
    }
}
