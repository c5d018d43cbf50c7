//! Conversation scripts (`tests/calls/*.call`): text that an operator can read and write.
//!
//! ```text
//! # what this shows
//! flow: parcel                          (or an own flow below a line `---`)
//! with: record: announce => record: ask   the flow's text, changed
//! at: 2026-11-23 10:00                  calendar time, UTC
//! caller: +49301234567                  who calls; `anonymous` = unknown
//! ears: en zh                           languages that are understood by voice; `none`
//! lookup parcel: {"status": "on its way"}      or: not found, outage; `lookup parcel after 3s: …`
//! agent support: answers after 3s, presses 1 after 2s, hangs up after 60s
//! agent support: answers after 1s, breaks after 20s      the agent's line dies
//! line: 1s place 3 120-240; 60s place 2 60-120; 90s free     what comes of a line; also: withdrawn, nobody, full, closed, too long
//! line: 200ms place 7 600-900 call back   a call-back may be had instead (key 2)
//! call back: not allowed; yes             what the queues say to its numbers; also: full, twice, not kept
//! person: answers after 3s                nobody calls: somebody is called back; also: busy, no answer, fails 503
//! place: 300s in line                     the caller's last call was cut off, five minutes after they got in line; also: 300s talking
//! agent support: busy; no answer; mailbox; unavailable; declines; moved to sip:x@y; refer ok; refer fails 603; refer unheard
//! > where is my parcel                  the caller speaks when the hotline is silent
//! > [over] let me talk to a person      over the hotline's words (half a second after they began; `[over 2s]`)
//! > [sure 0.2] …  [rejected] …  [spotted] …  [ears crashed|busy|slow] …  [noise]  [restless]  [loud -20dB]  [long 9s] …
//! > key 1    > keys 12345678#    > silence    > wait 3s    > message 4s    > hold    > resume
//! > hangup   > lost   > fax    > beep   > types    > trouble the disk is full
//! < on its way                          the caller hears this after the line above (part of a sentence)
//! <! press                              the caller does not hear this after the line above
//! <agent parcel                         some agent hears this
//! ! decision misunderstood              also: no decision X, attempt support bridge 486, record, no record, paused, dial,
//!                                       no dial, emergency (told to the line), refer, message, task TEXT, consent yes, card TEXT, nowhere TEXT, turns N, comfort
//! = transferred support because asked   also: answered, silent, lost, machine fax, abandoned, abandoned wanting a person, message because X
//! ```

use super::plan::{AgentPlan, CallBackPlan, CallerStep, LineNews, Speech, When, World};
use crate::acd::{Interval, Unserved};
use crate::base::{CallingMachine, Confidence, Digit, EarFailure, Hypothesis, Language, PhoneNumber, WallTime};
use crate::flow::LookedUp;
use std::time::Duration;

/// A conversation script, read.
#[derive(Debug, Clone)]
pub struct Script {
    /// Name of a flow file, or `None` when the script brings its own.
    pub flow: Option<String>,
    /// The script's own flow (YAML).
    pub own_flow: Option<String>,
    /// Replacements in the flow's text: `with: OLD => NEW`.
    pub changes: Vec<(String, String)>,
    /// The world and the caller's steps.
    pub world: World,
    /// What must be true afterwards.
    pub wants: Vec<Want>,
}

/// Something that must be true afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// Line of the script, from 1.
    pub line: usize,
    /// After how many of the caller's steps it stands.
    pub step: usize,
    /// What.
    pub what: What,
}

/// What must be true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The caller hears it.
    Hears(String),
    /// The caller does not hear it.
    HearsNot(String),
    /// An agent hears it.
    AgentHears(String),
    /// How the call ends.
    Ends(String),
    /// A record or a command exists (or does not).
    Fact(String),
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// One sentence per line that could not be read, with its number.
    pub fn parse(text: &str) -> Result<Script, Vec<String>> {
        let (head, own_flow) = match text.split_once("\n---\n") {
            Some((head, flow)) => (head, Some(flow.to_string())),
            None => (text, None),
        };
        let mut script = Script { flow: None, own_flow, changes: Vec::new(), world: World::default(), wants: Vec::new() };
        let mut errors = Vec::new();
        for (number, line) in head.lines().enumerate().map(|(n, l)| (n + 1, l.trim())) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Err(error) = script.line(number, line) {
                errors.push(format!("line {number}: {error}"));
            }
        }
        if errors.is_empty() { Ok(script) } else { Err(errors) }
    }

    /// The flow's text: the script's own, or the named one as `read` gives it, with the script's changes. `None` when there is
    /// none, or when a change does not apply.
    pub fn flow_text(&self, read: impl Fn(&str) -> Option<String>) -> Option<String> {
        let own = self.own_flow.clone();
        let text = own.or_else(|| self.flow.as_deref().and_then(read))?;
        self.changes.iter().try_fold(text, |text, (old, new)| text.contains(old.as_str()).then(|| text.replace(old, new)))
    }

    fn line(&mut self, number: usize, line: &str) -> Result<(), String> {
        let step = self.world.caller_steps.len();
        let mut want = |what| {
            self.wants.push(Want { line: number, step, what });
            Ok(())
        };
        if let Some(rest) = line.strip_prefix('>') {
            self.world.caller_steps.push(caller_step(rest.trim())?);
            return Ok(());
        }
        if let Some(rest) = line.strip_prefix("<agent ") {
            return want(What::AgentHears(rest.trim().to_string()));
        }
        if let Some(rest) = line.strip_prefix("<!") {
            return want(What::HearsNot(rest.trim().to_string()));
        }
        if let Some(rest) = line.strip_prefix('<') {
            return want(What::Hears(rest.trim().to_string()));
        }
        if let Some(rest) = line.strip_prefix('=') {
            return want(What::Ends(rest.trim().to_string()));
        }
        if let Some(rest) = line.strip_prefix('!') {
            return want(What::Fact(rest.trim().to_string()));
        }
        let (key, value) = line.split_once(':').ok_or("expected `key: value`, or a line that begins with > < ! or =")?;
        self.setting(key.trim(), value.trim())
    }

    fn setting(&mut self, key: &str, value: &str) -> Result<(), String> {
        let world = &mut self.world;
        let words: Vec<&str> = key.split_whitespace().collect();
        match words.as_slice() {
            ["flow"] => self.flow = Some(value.to_string()),
            ["with"] => {
                let (old, new) = value.split_once("=>").ok_or("write `with: OLD => NEW`")?;
                self.changes.push((old.trim().to_string(), new.trim().to_string()));
            }
            ["at"] => world.wall = wall(value)?,
            ["caller"] => world.caller = PhoneNumber::new(value),
            ["ears"] if value == "none" => world.ears = Vec::new(),
            ["ears"] => world.ears = value.split_whitespace().filter_map(Language::parse).collect(),
            ["voice"] if value == "none" => world.mute = true,
            ["lookup", name] => {
                world.lookups.insert((*name).to_string(), (Duration::from_millis(100), looked_up(value)?));
            }
            ["lookup", name, "after", time] => {
                world.lookups.insert((*name).to_string(), (duration(time)?, looked_up(value)?));
            }
            ["agent", name] => {
                let plans = value.split(';').map(|p| agent_plan(p.trim())).collect::<Result<Vec<_>, _>>()?;
                world.agents.insert((*name).to_string(), plans);
            }
            ["call", "back"] => {
                world.call_back = value.split(';').map(|plan| call_back_plan(plan.trim())).collect::<Result<_, _>>()?;
            }
            ["person"] => world.person = Some(agent_plan(value)?),
            ["place"] => {
                let words: Vec<&str> = value.split_whitespace().collect();
                world.place = Some(match words.as_slice() {
                    [time, "in", "line"] => (duration(time)?, false),
                    [time, "talking"] => (duration(time)?, true),
                    _ => return Err("write `place: 300s in line` or `place: 300s talking`".into()),
                });
            }
            ["line"] => world.line = value.split(';').map(|news| line_news(news.trim())).collect::<Result<_, _>>()?,
            _ => {
                return Err(format!(
                    "`{key}` is not known; use flow, at, caller, ears, voice, line, call back, person, place, lookup NAME or agent NAME"
                ));
            }
        }
        Ok(())
    }
}

fn wall(text: &str) -> Result<WallTime, String> {
    let day = text.trim_end_matches('Z').replace('T', " ");
    let parsed = chrono::NaiveDateTime::parse_from_str(&day, "%Y-%m-%d %H:%M");
    let at = parsed.map_err(|_| format!("`{text}` is no time; write 2026-11-23 10:00"))?;
    Ok(WallTime(at.and_utc().timestamp_millis()))
}

fn looked_up(text: &str) -> Result<LookedUp, String> {
    match text {
        "not found" => Ok(LookedUp::NotFound),
        "outage" => Ok(LookedUp::Outage("out of order in this script".into())),
        json => serde_json::from_str(json).map(LookedUp::Found).map_err(|e| format!("look-up answer is no JSON: {e}")),
    }
}

/// Reads `3s`, `1.5s`, `300ms`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let error = || format!("`{text}` is no time; write 3s, 1.5s or 300ms");
    if let Some(ms) = text.strip_suffix("ms") {
        return ms.trim().parse().map(Duration::from_millis).map_err(|_| error());
    }
    let seconds: f64 = text.strip_suffix('s').unwrap_or(text).trim().parse().map_err(|_| error())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| error())
}

fn agent_plan(text: &str) -> Result<AgentPlan, String> {
    let refuses = |status, contact| Ok(AgentPlan::Refuses { after: Duration::from_millis(300), status, contact });
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["busy"] => refuses(486, None),
        ["unavailable"] => refuses(480, None),
        ["declines"] => refuses(603, None),
        ["fails", status] => refuses(status.parse().map_err(|_| format!("`{status}` is no SIP status"))?, None),
        ["moved", "to", contact] => refuses(302, Some((*contact).to_string())),
        ["no", "answer"] => Ok(AgentPlan::Rings),
        ["refer", "ok"] => Ok(AgentPlan::Refer(Some(Ok(())))),
        ["refer", "unheard"] => Ok(AgentPlan::Refer(None)),
        ["refer", "fails", status] => {
            let status = status.parse().map_err(|_| format!("`{status}` is no SIP status"))?;
            Ok(AgentPlan::Refer(Some(Err(status))))
        }
        ["mailbox"] => {
            Ok(AgentPlan::Answers { after: Duration::from_secs(4), presses_after: None, hangs_up_after: None, breaks: false })
        }
        ["answers", ..] => answering(text),
        _ => Err(format!("an agent cannot `{text}`")),
    }
}

/// `answers after 3s, presses 1 after 2s, hangs up after 60s`; presses after 2 s unless it says `never presses`.
fn answering(text: &str) -> Result<AgentPlan, String> {
    let (mut after, mut presses, mut hangs_up) = (Duration::from_secs(2), Some(Duration::from_secs(2)), None);
    let mut breaks = false;
    for part in text.split(',').map(str::trim) {
        if let Some(time) = part.strip_prefix("answers after ") {
            after = duration(time)?;
        } else if let Some(time) = part.strip_prefix("presses 1 after ") {
            presses = Some(duration(time)?);
        } else if let Some(time) = part.strip_prefix("hangs up after ") {
            hangs_up = Some(duration(time)?);
        } else if let Some(time) = part.strip_prefix("breaks after ") {
            (hangs_up, breaks) = (Some(duration(time)?), true);
        } else if part == "never presses" {
            presses = None;
        } else if part != "answers" {
            return Err(format!("an agent cannot `{part}`"));
        }
    }
    Ok(AgentPlan::Answers { after, presses_after: presses, hangs_up_after: hangs_up, breaks })
}

fn call_back_plan(text: &str) -> Result<CallBackPlan, String> {
    match text {
        "yes" => Ok(CallBackPlan::Yes),
        "not allowed" => Ok(CallBackPlan::NotAllowed),
        "full" => Ok(CallBackPlan::Full),
        "twice" => Ok(CallBackPlan::Twice),
        "not kept" => Ok(CallBackPlan::NotKept),
        _ => Err(format!("the queues cannot say `{text}` to a call-back")),
    }
}

/// `1s place 3 120-240`, `90s free`, `5s withdrawn`, `2s nobody`, `full`, `too long` or `closed`.
fn line_news(text: &str) -> Result<(Duration, LineNews), String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (time, what) = words.split_first().ok_or("an empty piece of news")?;
    let news = match what {
        ["free"] => LineNews::Free,
        ["withdrawn"] => LineNews::Withdrawn,
        ["nobody"] => LineNews::Unserved(Unserved::Nobody),
        ["full"] => LineNews::Unserved(Unserved::Full),
        ["closed"] => LineNews::Unserved(Unserved::Closed),
        ["too", "long"] => LineNews::Unserved(Unserved::TooLong),
        ["place", position, rest @ ..] => {
            let number = |text: &str| text.parse::<u32>().map_err(|_| format!("`{text}` is no number"));
            let wait = rest.first().filter(|word| **word != "call").and_then(|seconds| seconds.split_once('-'));
            let wait = wait.map(|(from, to)| Ok::<_, String>(Interval { from: number(from)?, to: number(to)? })).transpose()?;
            let call_back = matches!(rest, [.., "call", "back"]);
            LineNews::Place(number(position)? as usize, wait, call_back)
        }
        _ => return Err(format!("a line cannot bring `{text}`")),
    };
    Ok((duration(time)?, news))
}

fn caller_step(text: &str) -> Result<CallerStep, String> {
    let (marks, rest) = split_marks(text)?;
    let mut when = When::Quiet;
    for mark in &marks {
        if let Some(time) = mark.strip_prefix("over") {
            let time = time.trim();
            when = When::Over(if time.is_empty() { Duration::from_millis(500) } else { duration(time)? });
        }
    }
    let words: Vec<&str> = rest.split_whitespace().collect();
    match words.as_slice() {
        ["silence"] => Ok(CallerStep::Silence),
        ["hangup"] => Ok(CallerStep::HangsUp),
        ["lost"] => Ok(CallerStep::IsLost),
        ["fax"] => Ok(CallerStep::IsMachine(CallingMachine::Fax)),
        ["types"] => Ok(CallerStep::IsMachine(CallingMachine::TextTelephone)),
        ["beep"] => Ok(CallerStep::IsMachine(CallingMachine::AnsweringMachine)),
        ["hold"] => Ok(CallerStep::Holds(true)),
        ["resume"] => Ok(CallerStep::Holds(false)),
        ["wait", time] => Ok(CallerStep::Waits(duration(time)?)),
        ["message", time] => Ok(CallerStep::LeavesMessage(duration(time)?)),
        ["trouble", ..] => Ok(CallerStep::Trouble(words[1..].join(" "))),
        ["key" | "keys", keys] => {
            let keys: Option<Vec<Digit>> = keys.chars().map(Digit::from_char).collect();
            keys.map(|k| CallerStep::Presses(k, when)).ok_or_else(|| format!("`{rest}`: keys are 0-9 * #"))
        }
        _ => speech(&marks, rest, when).map(CallerStep::Speaks),
    }
}

fn speech(marks: &[String], words: &str, when: When) -> Result<Speech, String> {
    let mut speech = Speech { when, ..Speech::clear(words) };
    for mark in marks {
        match mark.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["over", ..] => {}
            ["sure", value] => {
                let value: f32 = value.parse().map_err(|_| format!("`{value}` is no confidence from 0 to 1"))?;
                speech.heard = speech.heard.map(|h| Hypothesis { confidence: Confidence::new(value), ..h });
            }
            ["rejected"] => {
                let rejected = Some("phone loop".to_string());
                speech.heard = speech.heard.map(|h| Hypothesis { rejected, confidence: Confidence::new(0.0), ..h });
            }
            ["noise"] => {
                speech.heard = Ok(Hypothesis { rejected: Some("no speech".into()), ..Hypothesis::typed("") });
                speech.length = Duration::from_millis(150);
            }
            ["spotted"] => speech.spotted = true,
            ["restless"] => speech.restless = true,
            ["loud", level] => {
                let level =
                    level.trim_end_matches("dB").parse().map_err(|_| format!("write `[loud -20dB]`, not `[{mark}]`"))?;
                speech.level = Some(level);
            }
            ["long", time] => speech.length = duration(time)?,
            ["ears", "crashed"] => speech.heard = Err(EarFailure::Crashed),
            ["ears", "busy"] => speech.heard = Err(EarFailure::Busy),
            ["ears", "slow"] => speech.heard = Err(EarFailure::TooSlow),
            _ => return Err(format!("`[{mark}]` is not known")),
        }
    }
    if words.is_empty() && speech.heard.as_ref().is_ok_and(|h| h.rejected.is_none()) {
        return Err("say what the caller says or does".into());
    }
    Ok(speech)
}

/// `[over 2s] [sure 0.3] words` into the marks and the words.
fn split_marks(text: &str) -> Result<(Vec<String>, &str), String> {
    let mut marks = Vec::new();
    let mut rest = text.trim();
    while let Some(inner) = rest.strip_prefix('[') {
        let (mark, after) = inner.split_once(']').ok_or("a `[` without `]`")?;
        marks.push(mark.trim().to_string());
        rest = after.trim();
    }
    Ok((marks, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_read_and_bad_lines_are_named() {
        let script =
            Script::parse("flow: parcel\nagent support: busy; answers after 1s\n> [over 2s] hello\n< on its way\n= answered\n");
        let script = script.expect("a good script");
        assert_eq!(script.world.caller_steps.len(), 1);
        assert_eq!(script.wants[0], Want { line: 4, step: 1, what: What::Hears("on its way".into()) });
        let errors = Script::parse("nonsense\n> key x\nagent a: dances\n").expect_err("three bad lines");
        assert_eq!(errors.len(), 3, "{errors:?}");
    }
}
