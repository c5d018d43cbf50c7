//! Templates in what is spoken and in addresses: minijinja with the hotline's own filters. Only `{{ … }}` and `{% if %}` are
//! allowed, so that rendering always ends soon.

use super::spoken;
use crate::base::Language;
use chrono::{Datelike, NaiveDate};
use minijinja::value::{Serde, Value};
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior};
use regex::Regex;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::OnceLock;

/// Names and their values while a template is rendered or a condition is computed.
pub(crate) type Scope = BTreeMap<String, serde_json::Value>;

/// Longest rendered text; longer ones are cut (nobody listens for that long).
const RENDERED_MAX: usize = 4_000;

/// Filters that templates may use: ours, and minijinja's harmless ones.
const FILTERS: &[&str] = &[
    "spell",
    "digits",
    "day",
    "money",
    "amount",
    "time",
    "phone",
    "email",
    "default",
    "d",
    "lower",
    "upper",
    "title",
    "trim",
    "replace",
    "round",
    "int",
    "float",
    "abs",
    "first",
    "last",
    "length",
    "join",
    "capitalize",
];

/// Longest template, in characters: a prompt is spoken in seconds.
const TEMPLATE_MAX: usize = 10_000;
/// Longest text that a template makes, and longest in between.
const TEXT_MAX: usize = 20_000;

/// Two engines: words for the ear, and addresses whose values are escaped.
#[derive(Debug)]
pub(crate) struct Templates {
    speech: Environment<'static>,
    address: Environment<'static>,
}

impl Templates {
    pub(crate) fn new() -> Templates {
        let mut speech = Environment::new();
        speech.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        speech.remove_global("range");
        speech.add_filter("replace", replaced);
        speech.add_filter("join", joined);
        speech.add_filter("spell", spell);
        speech.add_filter("digits", |v: Value| v.to_string().chars().filter(char::is_ascii_digit).collect::<String>());
        speech.add_filter("day", day);
        speech.add_filter("money", spoken::money);
        speech.add_filter("amount", |v: Value| v.to_string().split(' ').next().unwrap_or_default().to_string());
        speech.add_filter("time", spoken::time);
        speech.add_filter("phone", spoken::phone);
        speech.add_filter("email", spoken::email);
        let mut address = speech.clone();
        address.set_formatter(write_escaped);
        Templates { speech, address }
    }

    /// Renders words; line ends become blanks. The error is one sentence.
    pub(crate) fn words(&self, template: &str, scope: &Scope) -> Result<String, String> {
        if !template.contains("{{") && !template.contains("{%") {
            return Ok(one_line(template));
        }
        let text = self.speech.render_str(template, Value::from(Serde(scope))).map_err(|e| sentence(&e))?;
        if text.len() > TEXT_MAX {
            return Err(format!("it makes a text of {} bytes", text.len()));
        }
        Ok(one_line(&text))
    }

    /// Renders an address. Everything but the template itself and `env` is percent-escaped, so that no value can change
    /// the host or the path.
    pub(crate) fn address(&self, template: &str, scope: &Scope) -> Result<String, String> {
        let mut values: BTreeMap<&str, Value> = scope.iter().map(|(k, v)| (k.as_str(), Value::from(Serde(v)))).collect();
        if let Some(serde_json::Value::Object(env)) = scope.get("env") {
            let trusted = env.iter().map(|(k, v)| (k.as_str(), v.as_str().unwrap_or_default().to_string()));
            let trusted: BTreeMap<&str, Value> = trusted.map(|(k, v)| (k, Value::from_safe_string(v))).collect();
            values.insert("env", Value::from_pairs(trusted));
        }
        let text = self.address.render_str(template, Value::from_pairs(values)).map_err(|e| sentence(&e))?;
        Ok(text.trim().chars().take(2_000).collect())
    }

    /// What a template looks at: `name` or `name.part`, or what is wrong with it.
    pub(crate) fn names(&self, template: &str) -> Result<Vec<String>, String> {
        if template.chars().count() > TEMPLATE_MAX {
            return Err(format!("it has more than {TEMPLATE_MAX} characters"));
        }
        static BLOCK: OnceLock<Regex> = OnceLock::new();
        static FILTER: OnceLock<Regex> = OnceLock::new();
        static PLACE: OnceLock<Regex> = OnceLock::new();
        let regex =
            |cell: &'static OnceLock<Regex>, text: &str| cell.get_or_init(|| Regex::new(text).expect("a valid pattern"));
        for found in regex(&BLOCK, r"\{%[-+]?\s*(\w*)").captures_iter(template) {
            if !matches!(&found[1], "if" | "elif" | "else" | "endif") {
                return Err(format!("`{{% {} %}}` is not allowed, only `{{% if %}}`", &found[1]));
            }
        }
        for place in regex(&PLACE, r"\{[{%](.*?)[%}]\}").captures_iter(template) {
            let unquoted = without_quotes(&place[1]);
            for found in regex(&FILTER, r"\|\s*(\w+)").captures_iter(&unquoted) {
                if !FILTERS.contains(&&found[1]) {
                    return Err(format!("there is no filter `{}`; there are {}", &found[1], FILTERS[..8].join(", ")));
                }
            }
        }
        let compiled = self.speech.template_from_str(template).map_err(|e| sentence(&e))?;
        let mut names: Vec<String> = compiled.undeclared_variables(true).into_iter().collect();
        names.sort();
        Ok(names)
    }
}

fn one_line(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.len() <= RENDERED_MAX { text } else { text.chars().take(RENDERED_MAX).collect() }
}

fn without_quotes(text: &str) -> String {
    let mut quote = None;
    let keep = |c: char| match (quote, c) {
        (None, '"' | '\'') => {
            quote = Some(c);
            false
        }
        (Some(q), c) if q == c => {
            quote = None;
            false
        }
        (Some(_), _) => false,
        (None, _) => true,
    };
    text.chars()
        .filter({
            let mut keep = keep;
            move |c| keep(*c)
        })
        .collect()
}

/// Like the usual filter, but never makes more than anybody would say: a text of a million letters, each replaced by a million, would take
/// the gateway down.
fn replaced(text: &str, from: &str, to: &str) -> Result<String, Error> {
    let grown = text.len() + text.matches(from).count().saturating_mul(to.len());
    if grown > TEXT_MAX {
        return Err(Error::new(ErrorKind::InvalidOperation, format!("replace would make a text of up to {grown} bytes")));
    }
    Ok(text.replace(from, to))
}

/// The same for lists.
fn joined(list: Value, between: Option<&str>) -> Result<String, Error> {
    let mut out = String::new();
    for (i, item) in list.try_iter()?.enumerate() {
        if i > 0 {
            out.push_str(between.unwrap_or_default());
        }
        out.push_str(&item.to_string());
        if out.len() > TEXT_MAX {
            return Err(Error::new(ErrorKind::InvalidOperation, format!("join makes a text of more than {TEXT_MAX} bytes")));
        }
    }
    Ok(out)
}

fn sentence(e: &Error) -> String {
    match e.detail() {
        Some(detail) => format!("{}: {detail}", e.kind()),
        None => e.kind().to_string(),
    }
}

fn write_escaped(out: &mut Output, _: &mut State, value: &Value) -> Result<(), Error> {
    if value.is_undefined() {
        return Err(Error::new(ErrorKind::UndefinedError, "a value of the address is not known"));
    }
    let text = value.to_string();
    if value.is_safe() {
        return out.write_str(&text).map_err(Error::from);
    }
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~');
        if plain { out.write_char(char::from(byte)) } else { write!(out, "%{byte:02X}") }.map_err(Error::from)?;
    }
    Ok(())
}

pub(super) fn language_of(state: &State<'_, '_>) -> Language {
    state.lookup("language").and_then(|v| Language::parse(&v.to_string())).unwrap_or_default()
}

const DIGITS_EN: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
const DIGITS_ZH: [&str; 10] = ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"];

/// `1234` as single digits, so that no voice reads a parcel number as twelve million.
fn spell(state: &mut State<'_, '_>, value: Value) -> String {
    let chinese = language_of(state) == Language::ZH;
    let words = value
        .to_string()
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| match c.to_digit(10) {
            Some(d) if chinese => DIGITS_ZH[d as usize].to_string(),
            Some(d) => DIGITS_EN[d as usize].to_string(),
            None => c.to_string(),
        })
        .collect::<Vec<_>>();
    words.join(" ")
}

const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const WEEKDAYS_ZH: [&str; 7] = ["一", "二", "三", "四", "五", "六", "日"];
const ORDINALS: [&str; 31] = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
    "twenty first",
    "twenty second",
    "twenty third",
    "twenty fourth",
    "twenty fifth",
    "twenty sixth",
    "twenty seventh",
    "twenty eighth",
    "twenty ninth",
    "thirtieth",
    "thirty first",
];

/// `2026-12-01` as a spoken day; today and tomorrow are called so.
fn day(state: &mut State<'_, '_>, value: Value) -> Result<String, Error> {
    let date_of = |v: &Value| v.to_string().get(..10).and_then(|t| NaiveDate::parse_from_str(t, "%Y-%m-%d").ok());
    let Some(date) = date_of(&value) else {
        return Err(Error::new(ErrorKind::InvalidOperation, "`day` wants a date like 2026-12-01"));
    };
    let today = state.lookup("today").as_ref().and_then(date_of);
    let ahead = today.map(|t| (date - t).num_days());
    let weekday = date.weekday().num_days_from_monday() as usize;
    Ok(match (language_of(state) == Language::ZH, ahead) {
        (true, Some(0)) => "今天".to_string(),
        (true, Some(1)) => "明天".to_string(),
        (true, _) => format!("{}月{}日星期{}", date.month(), date.day(), WEEKDAYS_ZH[weekday]),
        (false, Some(0)) => "today".to_string(),
        (false, Some(1)) => "tomorrow".to_string(),
        (false, _) => {
            format!("{}, the {} of {}", WEEKDAYS[weekday], ORDINALS[date.day0() as usize], MONTHS[date.month0() as usize])
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        let json = serde_json::json!({
            "language": "en", "today": "2026-11-30", "number": "12345678", "odd": "../x?y=1",
            "env": { "API": "http://127.0.0.1:8080/v1" }, "parcel": { "eta": "2026-12-08", "fee": 4.5 }
        });
        serde_json::from_value(json).expect("an object")
    }

    fn say(template: &str) -> String {
        Templates::new().words(template, &scope()).unwrap_or_else(|e| format!("error: {e}"))
    }

    #[test]
    fn filters_speak() {
        assert_eq!(say("No {{ number[:3] | spell }}."), "No one two three.");
        assert_eq!(say("{{ parcel.eta | day }}"), "Tuesday, the eighth of December");
        assert_eq!(say("{{ '2026-12-01' | day }}"), "tomorrow");
        assert_eq!(say("{{ parcel.fee | money }}"), "4 euros and 50 cents");
        assert_eq!(say("{{ 1 | money(currency='USD') }}"), "1 dollar");
        assert!(say("{{ parcel.colour }}").starts_with("error: undefined"));
        let mut zh = scope();
        zh.insert("language".into(), "zh".into());
        let t = Templates::new();
        assert_eq!(
            t.words("{{ parcel.eta | day }} {{ 12 | spell }} {{ 4.5 | money }}", &zh).expect("words"),
            "12月8日星期二 一 二 4点50欧元"
        );
    }

    #[test]
    fn values_cannot_change_an_address() {
        let address = Templates::new().address("{{ env.API }}/parcels/{{ odd }}", &scope()).expect("an address");
        assert_eq!(address, "http://127.0.0.1:8080/v1/parcels/%2E%2E%2Fx%3Fy%3D1");
    }

    #[test]
    fn names_and_forbidden_things() {
        let t = Templates::new();
        assert_eq!(
            t.names("{{ number | spell }} {{ parcel.eta | day }}{% if env.X %}a{% endif %}").expect("names"),
            ["env.X", "number", "parcel.eta"]
        );
        assert!(t.names("{% for i in x %}{% endfor %}").expect_err("loop").contains("not allowed"));
        assert!(t.names("{{ number | spel }}").expect_err("filter").contains("no filter `spel`"));
        assert!(t.names("{{ number ").is_err());
        assert_eq!(t.names("{{ x | replace('|', ' ') }}").expect("names"), ["x"]);
    }

    #[test]
    fn hostile_templates_are_errors() {
        let t = Templates::new();
        let scope = serde_json::from_value(serde_json::json!({ "list": [1, 2, 3], "a": "x" })).expect("an object");
        for bomb in [
            "{{ ('x' * 100000) | replace('x', 'y' * 100000) }}",
            "{{ list | join('x' * 100000) }}",
            "{{ 'x' * 999999999 }}",
            "{{ 'x' * 100000 }}",
            "{{ 9 ** 9 ** 9 ** 9 }}",
            "{{ [1, 2] * 100000000 }}",
            "{{ a[::0] }}",
            "{{ a.b.c.d }}",
        ] {
            assert!(t.words(bomb, &scope).is_err(), "{bomb}: {:?}", t.words(bomb, &scope).map(|w| w.len()));
        }
        assert!(t.names(&"{{ 'x' * 100000 }}".repeat(1_000)).expect_err("long").contains("10000 characters"));
        assert_eq!(t.words("{{ list | join(', ') }} {{ a | replace('x', 'yy') }}", &scope).as_deref(), Ok("1, 2, 3 yy"));
    }
}
