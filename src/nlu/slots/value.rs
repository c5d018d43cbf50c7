//! The kinds of values that have a text of their own: each reads itself from words and from keys, and knows what it looks like.

use super::currency::Currency;
use super::email::{email, find_email_in, is_email};
use super::money::{Money, find_money_in, keyed_money, money};
use super::name::{Named, find_name_in, name};
use super::phone::{find_phone_in, is_phone, keyed_phone, phone};
use super::time::{Span, find_time_in, keyed_time, parse_time, time};
use chrono::{NaiveDateTime, NaiveTime};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Most keys of a telephone number: 15 digits (ITU-T E.164) after `00`.
const PHONE_KEYS_MAX: u8 = 17;

/// What sort of value is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// An amount of money: `12.50 EUR`, or `12.50`.
    Money {
        /// The one that is meant where none is named.
        usual: Option<Currency>,
    },
    /// A time of day: `15:30`.
    Time {
        /// From when until when it makes sense.
        span: Option<Span>,
    },
    /// A telephone number: `01761234567`, or `+491761234567`.
    Phone {
        /// The code of the country in which numbers are dialled without one, digits.
        country: Option<String>,
    },
    /// An e-mail address in lower case.
    Email,
    /// One name of a list, as the list writes it.
    Name(Arc<[Named]>),
}

impl ValueKind {
    /// What flows call it.
    pub fn name(&self) -> &'static str {
        match self {
            ValueKind::Money { .. } => "money",
            ValueKind::Time { .. } => "time",
            ValueKind::Phone { .. } => "phone",
            ValueKind::Email => "email",
            ValueKind::Name(_) => "name",
        }
    }

    /// The value that an answer to a question for it means, as its canonical text. `now` is where the hotline is.
    pub fn read(&self, text: &str, now: NaiveDateTime) -> Option<String> {
        match self {
            ValueKind::Money { usual } => money(text, *usual).map(|m| m.to_string()),
            ValueKind::Time { span } => time(text, now, *span).map(canonical),
            ValueKind::Phone { country } => phone(text, country.as_deref()),
            ValueKind::Email => email(text),
            ValueKind::Name(names) => name(text, names).map(String::from),
        }
    }

    /// The value inside an open sentence, where it is unmistakable.
    pub fn find_in(&self, text: &str, now: NaiveDateTime) -> Option<String> {
        match self {
            ValueKind::Money { usual } => find_money_in(text, *usual).map(|m| m.to_string()),
            ValueKind::Time { span } => find_time_in(text, now, *span).map(canonical),
            ValueKind::Phone { country } => find_phone_in(text, country.as_deref()),
            ValueKind::Email => find_email_in(text),
            ValueKind::Name(names) => find_name_in(text, names).map(String::from),
        }
    }

    /// How many keys a value has at most; `None` = its figures cannot be keyed.
    pub fn keys_max(&self) -> Option<u8> {
        match self {
            ValueKind::Money { .. } => Some(9),
            ValueKind::Time { .. } => Some(4),
            ValueKind::Phone { .. } => Some(PHONE_KEYS_MAX),
            ValueKind::Email | ValueKind::Name(_) => None,
        }
    }

    /// The value that keys mean, figures only.
    pub fn keyed(&self, digits: &str) -> Option<String> {
        match self {
            ValueKind::Money { usual } => keyed_money(digits, *usual).map(|m| m.to_string()),
            ValueKind::Time { span } => keyed_time(digits, *span).map(canonical),
            ValueKind::Phone { country } => keyed_phone(digits, country.as_deref()),
            ValueKind::Email | ValueKind::Name(_) => None,
        }
    }

    /// Whether a text is a value of this kind.
    pub fn fits(&self, value: &str) -> bool {
        match self {
            ValueKind::Money { .. } => Money::parse(value).is_some(),
            ValueKind::Time { span } => parse_time(value).is_some_and(|t| span.is_none_or(|s| s.holds(t))),
            ValueKind::Phone { .. } => is_phone(value),
            ValueKind::Email => is_email(value),
            ValueKind::Name(names) => names.iter().any(|n| n.name == value),
        }
    }
}

fn canonical(time: NaiveTime) -> String {
    time.format("%H:%M").to_string()
}
