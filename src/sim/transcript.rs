//! What happened in a simulated call, to be looked at and to be checked.

use crate::base::{Disposition, LegId, Moment};
use crate::call::{Command, Event, HandOverCard, Record, TimerName};

/// What happened in a simulated call.
#[derive(Debug, Default)]
pub struct Transcript {
    /// Everything in order.
    pub lines: Vec<(Moment, Line)>,
    /// What must never happen and did; one sentence each.
    pub violations: Vec<String>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// Words were heard on a leg, as far as they were played. `step` counts the caller's steps begun before they started.
    Said {
        /// Whose ear.
        leg: LegId,
        /// What was heard.
        words: String,
        /// How many steps the caller had begun when it started.
        step: usize,
    },
    /// Something happened to the call.
    Happened(Event),
    /// A timer came.
    Timer(TimerName),
    /// The call wanted something.
    Wanted(Command),
}

impl Transcript {
    pub(super) fn push(&mut self, at: Moment, line: Line) {
        self.lines.push((at, line));
    }

    pub(super) fn said(&mut self, at: Moment, leg: LegId, words: String, step: usize) {
        if !words.trim().is_empty() {
            self.push(at, Line::Said { leg, words, step });
        }
    }

    pub(super) fn command(&mut self, at: Moment, command: &Command) {
        if self.disposition().is_some() {
            self.violations.push(format!("a command after the end: {command:?}"));
        }
        self.push(at, Line::Wanted(command.clone()));
    }

    /// All commands in order.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        self.lines.iter().filter_map(|(_, line)| if let Line::Wanted(command) = line { Some(command) } else { None })
    }

    /// All records in order.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.commands().filter_map(|c| if let Command::Note(record) = c { Some(&**record) } else { None })
    }

    /// The hand-over card as it was published last.
    pub fn card(&self) -> Option<&HandOverCard> {
        self.commands().filter_map(|c| if let Command::Publish(card) = c { Some(&**card) } else { None }).last()
    }

    /// How the call ended.
    pub fn disposition(&self) -> Option<&Disposition> {
        self.commands().find_map(|c| if let Command::Ended(disposition) = c { Some(disposition) } else { None })
    }

    /// What the caller heard, with the step that it belongs to.
    pub fn heard_by_caller(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines.iter().filter_map(|(_, line)| match line {
            Line::Said { leg: LegId::Caller, words, step } => Some((*step, words.as_str())),
            _ => None,
        })
    }

    /// What agents heard.
    pub fn heard_by_agents(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter_map(|(_, line)| match line {
            Line::Said { leg: LegId::Agent(_), words, .. } => Some(words.as_str()),
            _ => None,
        })
    }

    /// The story in lines that people read; for a failed test.
    pub fn story(&self) -> String {
        let mut out = String::new();
        for (at, line) in &self.lines {
            let text = match line {
                Line::Said { leg: LegId::Caller, words, .. } => format!("< {words}"),
                Line::Said { words, .. } => format!("<agent {words}"),
                Line::Happened(Event::Heard { result: Ok(h), .. }) => format!("> {:?} ({:.2})", h.text, h.confidence.get()),
                Line::Happened(Event::Tick | Event::PromptEnded { .. }) => continue,
                Line::Happened(event) => format!("  event {event:?}"),
                Line::Timer(name) => format!("  timer {name:?}"),
                Line::Wanted(command) => match shown(command) {
                    Some(text) => text,
                    None => continue,
                },
            };
            out.push_str(&format!("{:>8.2} {text}\n", at.millis() as f64 / 1_000.0));
        }
        for violation in &self.violations {
            out.push_str(&format!("         VIOLATION {violation}\n"));
        }
        out
    }
}

/// A command in the story; what is played stands there as heard.
fn shown(command: &Command) -> Option<String> {
    Some(match command {
        Command::Note(record) => match &**record {
            Record::Decision { what, why, .. } => format!("  ! {what}: {why}"),
            Record::Attempt { target, method, outcome, .. } => format!("  ! attempt {target} {method} {outcome}"),
            Record::Turn(turn) if turn.complete => format!("  turn {} {} -> {:?}", turn.turn, turn.by, turn.meaning),
            _ => return None,
        },
        Command::Play { .. } | Command::Listen { .. } | Command::Publish(_) => return None,
        Command::Ended(disposition) => format!("  = {disposition:?}"),
        other => format!("  {other:?}"),
    })
}
