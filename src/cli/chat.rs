//! `hotline chat FLOW`: talk to a flow by typing. The same call machine and driver as on the line; only the ears, the
//! voice and the agents are the keyboard and the screen. Time stands still while you think; `/silence` lets it pass.

use super::match_cmd::words_that_matter;
use crate::audio::Pcm;
use crate::base::{
    AttemptId, CallId, Digit, Disposition, Grammar, Hypothesis, LegId, LookUpId, Moment, PhoneNumber, Prompt, PromptEnd,
    PromptId, UtteranceId, WallTime,
};
use crate::call::{AgentEvent, Call, CallSettings, Event, HandOverCard, QueueAsk, QueueEvent, Record, ReferOutcome};
use crate::drive::{Driver, Happening, LastResort, MessageLeft, Ports};
use crate::flow::{Flow, LookUp, LookedUp};
use crate::media::{LegCommand, LegEvent, LegStats};
use crate::server::LookUps;
use crate::speech::EarEvent;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{BufRead, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Most happenings handled for one line of input; a flow that goes on for longer is looping.
const STEPS_MAX: usize = 500;

/// What the screen shows and what waits to happen.
#[derive(Default)]
struct Screen {
    lines: Vec<String>,
    waiting: VecDeque<Happening>,
    lookups: Vec<(LookUpId, LookUp)>,
    why: bool,
    flow: Option<Arc<Flow>>,
    over: bool,
}

/// Whether a turn was an answer to an open question, or might have been.
fn of_an_intent(flow: &Flow, meaning: Option<&str>) -> bool {
    !flow.intents.is_empty() && meaning.is_none_or(|name| flow.intents.contains_key(name))
}

#[derive(Clone)]
struct Keyboard(Rc<RefCell<Screen>>);

/// Runs the conversation until the call ends or the input does. Look-ups ask the hosts in `hosts` for real.
///
/// # Errors
/// When the terminal cannot be written.
pub(crate) async fn run(
    flow: Arc<Flow>,
    base_dir: std::path::PathBuf,
    hosts: &[String],
    why: bool,
    input: &mut (dyn BufRead + Send),
    out: &mut dyn Write,
) -> anyhow::Result<bool> {
    let screen = Rc::new(RefCell::new(Screen { why, flow: Some(flow.clone()), ..Screen::default() }));
    let lookups = LookUps::new(hosts)?;
    let wall = WallTime(chrono::Utc::now().timestamp_millis());
    let settings = CallSettings { ears: flow.languages.clone(), base_dir, ..CallSettings::default() };
    let call = Call::new(CallId(1), flow.clone(), settings);
    let mut chat =
        Chat { driver: Driver::new(call, Keyboard(screen.clone())), screen, lookups, now: Moment::ZERO, utterance: 0 };
    writeln!(out, "You are calling {:?}. Type what you say; /key 1 presses a key, /silence waits, /hangup ends.", flow.name)?;
    let (caller, dialled) = (PhoneNumber::new("chat"), PhoneNumber::new("chat"));
    chat.happens(Happening::Call(Event::Arrived { caller, dialled, wall })).await;
    chat.happens(Happening::Call(Event::Answered)).await;
    let mut line = String::new();
    loop {
        chat.show(out)?;
        if chat.screen.borrow().over {
            return Ok(true);
        }
        write!(out, "> ")?;
        out.flush()?;
        line.clear();
        if input.read_line(&mut line)? == 0 {
            chat.happens(Happening::Call(Event::CallerHungUp)).await;
            chat.show(out)?;
            return Ok(true);
        }
        chat.typed(line.trim(), out).await?;
    }
}

struct Chat {
    driver: Driver<Call, Keyboard>,
    screen: Rc<RefCell<Screen>>,
    lookups: LookUps,
    now: Moment,
    utterance: u32,
}

impl Chat {
    async fn typed(&mut self, text: &str, out: &mut dyn Write) -> anyhow::Result<()> {
        match text.split_once(' ').unwrap_or((text, "")) {
            ("", _) | ("/silence", _) => self.wait().await,
            ("/hangup", _) => self.happens(Happening::Call(Event::CallerHungUp)).await,
            ("/key" | "/keys", keys) => {
                for digit in keys.chars().filter_map(Digit::from_char) {
                    let event = LegEvent::Digit { digit, at: self.now };
                    self.happens(Happening::Leg { leg: LegId::Caller, event }).await;
                    self.now = self.now + Duration::from_millis(300);
                }
                self.settle().await;
            }
            (command, _) if command.starts_with('/') => {
                writeln!(out, "{command} is not known; there are /key, /silence and /hangup")?;
            }
            _ => self.say(text).await,
        }
        Ok(())
    }

    async fn say(&mut self, text: &str) {
        self.utterance += 1;
        let utterance = UtteranceId(self.utterance);
        let started = self.now;
        self.now = self.now + Duration::from_millis(1_500);
        let leg = LegId::Caller;
        self.happens(Happening::Leg { leg, event: LegEvent::SpeechStarted { utterance, at: started, over: None } }).await;
        let ended = self.now;
        self.happens(Happening::Leg {
            leg,
            event: LegEvent::SpeechEnded { utterance, started, ended, restless: false, level: None },
        })
        .await;
        let result = Ok(Hypothesis::typed(&text.to_lowercase()));
        self.happens(Happening::Ear(EarEvent::Heard { utterance, result, clip: Arc::default() })).await;
    }

    /// Lets time pass up to the next thing that is due.
    async fn wait(&mut self) {
        if let Some(due) = self.driver.next_timer() {
            self.now = self.now.max(due);
            self.happens(Happening::Tick).await;
        }
    }

    /// After keys: what is due soon (a lone 0, the last digit) happens by itself, as it would on the line.
    async fn settle(&mut self) {
        let soon = self.now + Duration::from_millis(3_500);
        for _ in 0..4 {
            match self.driver.next_timer() {
                Some(due) if due <= soon => self.wait().await,
                _ => return,
            }
        }
    }

    async fn happens(&mut self, happening: Happening) {
        self.driver.handle(self.now, happening);
        for _ in 0..STEPS_MAX {
            let asked = std::mem::take(&mut self.screen.borrow_mut().lookups);
            for (id, request) in asked {
                let result = self.lookups.ask(&request).await;
                if let LookedUp::Outage(why) = &result {
                    self.screen.borrow_mut().lines.push(format!("    (look-up {}: {why})", request.name));
                }
                self.driver.handle(self.now, Happening::Call(Event::LookedUp { id, result }));
            }
            let next = self.screen.borrow_mut().waiting.pop_front();
            match next {
                Some(next) => {
                    self.now = self.now + Duration::from_millis(20);
                    self.driver.handle(self.now, next);
                }
                None if self.screen.borrow().lookups.is_empty() => return,
                None => {}
            }
        }
        self.screen.borrow_mut().lines.push("    (the flow goes on without end; stopped here)".into());
        self.screen.borrow_mut().over = true;
    }

    fn show(&mut self, out: &mut dyn Write) -> std::io::Result<()> {
        for line in std::mem::take(&mut self.screen.borrow_mut().lines) {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }
}

impl Keyboard {
    fn line(&self, line: String) {
        self.0.borrow_mut().lines.push(line);
    }

    fn soon(&self, happening: Happening) {
        self.0.borrow_mut().waiting.push_back(happening);
    }
}

impl Ports for Keyboard {
    fn answer(&mut self) {}
    fn hang_up(&mut self, _: LegId) {}

    fn refer(&mut self, attempt: AttemptId, to: &str, _: &str, _: Duration) {
        self.line(format!("    [your call moves to {to}]"));
        self.soon(Happening::Call(Event::Referred { attempt, outcome: ReferOutcome::Succeeded }));
    }

    fn dial(&mut self, attempt: AttemptId, to: &str, _: &str, _: Duration) {
        self.line(format!("    [{to} rings and answers]"));
        self.soon(Happening::Call(Event::Agent { attempt, event: AgentEvent::Answered }));
        let one = Digit::from_event(1).expect("1 is a key");
        self.soon(Happening::Call(Event::Agent { attempt, event: AgentEvent::Key(one) }));
    }

    // Nobody sits at a desk in a chat.
    fn hold(&mut self, _: AttemptId, _: bool) {}

    fn queue(&mut self, ask: QueueAsk) {
        if let QueueAsk::Enter(ticket) = ask {
            self.line(format!("    [you are in line for {}; an agent is free]", ticket.queue));
            let (to, ring) = (format!("an agent of {}", ticket.queue), Duration::from_secs(20));
            let agent = "agent".to_string();
            self.soon(Happening::Call(Event::Queue(QueueEvent::Offer { offer: 1, agent, desk: false, to, ring })));
        }
    }

    // There is no phone that could refer in a chat.
    fn answer_refer(&mut self, _: AttemptId, _: u16) {}
    fn notify_refer(&mut self, _: AttemptId, _: u16, _: bool) {}

    fn complete(&mut self, attempt: AttemptId, _: AttemptId, _: Duration) {
        self.soon(Happening::Call(Event::Referred { attempt, outcome: ReferOutcome::Succeeded }));
    }

    fn join(&mut self, attempt: AttemptId) {
        self.line("    [you are speaking with a person; the chat ends here]".into());
        self.soon(Happening::Call(Event::Agent { attempt, event: AgentEvent::HungUp }));
    }

    fn comfort(&mut self, _: bool) {}
    fn record(&mut self) {}

    fn leg(&mut self, leg: LegId, command: LegCommand) {
        if let LegCommand::Play { prompt, audio, .. } = command {
            let played_ms = u32::try_from(audio.millis()).unwrap_or(0);
            let event = LegEvent::PromptEnded { prompt, at: Moment::ZERO, played_ms, end: PromptEnd::Finished };
            self.soon(Happening::Leg { leg, event });
        }
    }

    fn expect(&mut self, _: Grammar, _: bool) {}
    fn listen_only(&mut self) {}

    fn render(&mut self, leg: LegId, prompt: &Prompt) {
        let who = match leg {
            LegId::Caller => "hotline",
            LegId::Agent(_) => "    to the agent",
        };
        self.line(format!("{who}: {}", prompt.words()));
        self.soon(Happening::Rendered { leg, prompt: prompt.id, result: Ok(Arc::new(Pcm::default())) });
    }

    fn look_up(&mut self, id: LookUpId, request: LookUp) {
        self.0.borrow_mut().lookups.push((id, request));
    }

    fn keep_clip(&mut self, _: UtteranceId, _: Arc<Pcm>) {}
    fn keep_message(&mut self, _: MessageLeft) {}

    fn note(&mut self, record: Record) {
        if !self.0.borrow().why {
            return;
        }
        // The person at the keyboard typed these words: showing them is the point of `--why`.
        match record {
            Record::Turn(turn) if turn.complete => {
                let matcher =
                    self.0.borrow().flow.clone().filter(|f| turn.by == "voice" && of_an_intent(f, turn.meaning.as_deref()));
                if let Some(flow) = matcher {
                    let heard = turn.heard.reveal();
                    self.line(format!("    ({})", flow.matcher().decide(heard).why));
                    if let Some(words) = words_that_matter(flow.matcher(), heard) {
                        self.line(format!("    ({words})"));
                    }
                }
                self.line(format!(
                    "    (node {}: {} with {:.2}; slots {:?})",
                    turn.node,
                    turn.meaning.as_deref().unwrap_or("not understood"),
                    turn.meaning_confidence.get(),
                    turn.slots.reveal()
                ));
            }
            Record::Decision { what, why, .. } => self.line(format!("    ({what}: {why})")),
            _ => {}
        }
    }

    fn publish(&mut self, card: HandOverCard) {
        if self.0.borrow().why {
            self.line(format!("    (hand-over card: {})", card.summary.reveal()));
        }
    }

    fn log(&mut self, _: Moment, _: &Event, _: bool) {}
    fn prompt_started(&mut self, _: LegId, _: PromptId, _: Moment) {}
    fn leg_closed(&mut self, _: LegId, _: LegStats) {}

    fn trouble(&mut self, why: &str) {
        self.line(format!("    (trouble: {why})"));
    }

    fn last_resort(&self) -> LastResort {
        LastResort::default()
    }

    fn ended(&mut self, disposition: &Disposition) {
        self.line(format!("[the call is over: {}]", disposition.name()));
        self.0.borrow_mut().over = true;
    }
}
