//! The driver alone: order of prompts, cuts, messages, and the rescue after a panic.

mod messages;

use super::*;
use crate::audio::Pcm;
use crate::base::*;
use crate::call::{HandOverCard, KeptPlace, QueueAsk, Record, Secrets, UtteranceRecord};
use crate::flow::LookUp;
use crate::media::LegStats;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Writes down what it is asked to do, one line each; and whether each thing that was heard is withheld from the log.
#[derive(Default, Clone)]
struct Diary(Rc<RefCell<Vec<String>>>, Rc<RefCell<Vec<bool>>>);

impl Diary {
    fn add(&self, line: String) {
        self.0.borrow_mut().push(line);
    }

    fn withheld(&self) -> Vec<bool> {
        self.1.borrow().clone()
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.borrow_mut())
    }
}

impl Ports for Diary {
    fn answer(&mut self) {
        self.add("answer".into());
    }
    fn hang_up(&mut self, leg: LegId) {
        self.add(format!("hang up {leg:?}"));
    }
    fn refer(&mut self, _: AttemptId, to: &str, _: &str, _: Duration) {
        self.add(format!("refer {to}"));
    }
    fn dial(&mut self, _: AttemptId, to: &str, _: &str, _: Duration) {
        self.add(format!("dial {to}"));
    }
    fn hold(&mut self, attempt: AttemptId, on: bool) {
        self.add(format!("hold {attempt:?} {on}"));
    }
    fn queue(&mut self, ask: QueueAsk) {
        self.add(format!("queue {ask:?}"));
    }
    fn answer_refer(&mut self, _: AttemptId, status: u16) {
        self.add(format!("answer refer {status}"));
    }
    fn notify_refer(&mut self, _: AttemptId, status: u16, last: bool) {
        self.add(format!("notify refer {status} {last}"));
    }
    fn complete(&mut self, _: AttemptId, agent: AttemptId, _: Duration) {
        self.add(format!("complete {agent:?}"));
    }
    fn join(&mut self, _: AttemptId) {
        self.add("join".into());
    }
    fn comfort(&mut self, on: bool) {
        self.add(format!("comfort {on}"));
    }
    fn record(&mut self) {
        self.add("record".into());
    }
    fn leg(&mut self, _: LegId, command: LegCommand) {
        self.add(match command {
            LegCommand::Play { prompt, .. } => format!("play {prompt}"),
            LegCommand::Listen(rule) => format!("listen {}", rule.is_some()),
            LegCommand::StopPlaying => "stop".into(),
            other => format!("{other:?}"),
        });
    }
    fn expect(&mut self, grammar: Grammar, _aside: bool) {
        self.add(format!("expect {}", grammar.expect.name()));
    }
    fn expect_of_agent(&mut self, attempt: AttemptId, grammar: Option<Grammar>) -> bool {
        self.add(format!("agent {attempt} expect {}", grammar.map_or("nothing", |grammar| grammar.expect.name())));
        true
    }
    fn listen_only(&mut self) {
        self.add("listen only".into());
    }
    fn render(&mut self, _: LegId, prompt: &Prompt) {
        self.add(format!("render {}", prompt.id));
    }
    fn look_up(&mut self, _: LookUpId, _: LookUp) {}
    fn keep_clip(&mut self, utterance: UtteranceId, _: Arc<Pcm>) {
        self.add(format!("clip {utterance}"));
    }
    fn keep_message(&mut self, message: MessageLeft) {
        self.add(format!("message {} {:?}", message.utterance, message.secrets));
    }
    fn note(&mut self, _: Record) {}
    fn publish(&mut self, _: HandOverCard) {}
    fn log(&mut self, _: Moment, event: &Event, withheld: bool) {
        if matches!(event, Event::Heard { .. } | Event::AgentHeard { .. }) {
            self.1.borrow_mut().push(withheld);
        }
    }
    fn prompt_started(&mut self, _: LegId, _: PromptId, _: Moment) {}
    fn leg_closed(&mut self, _: LegId, _: LegStats) {}
    fn trouble(&mut self, why: &str) {
        self.add(format!("trouble: {why}"));
    }
    fn last_resort(&self) -> LastResort {
        LastResort { targets: vec!["sip:a@x".into(), "sip:b@x".into()], language: Language::EN }
    }
    fn ended(&mut self, disposition: &Disposition) {
        self.add(format!("ended {}", disposition.name()));
    }
}

/// Does what the test wrote down for each event; panics on `Held(true)`.
struct Script(Vec<(Event, Vec<Command>)>, Rc<RefCell<Vec<Event>>>);

impl Machine for Script {
    fn handle(&mut self, _: Moment, event: &Event, out: &mut Vec<Command>) {
        self.1.borrow_mut().push(event.clone());
        assert!(!matches!(event, Event::Held(true)), "a bug");
        if let Some(at) = self.0.iter().position(|(e, _)| e == event) {
            out.extend(self.0.remove(at).1);
        }
    }
    fn next_timer(&self) -> Option<Moment> {
        None
    }
}

fn prompt(id: u32, barge_in: BargeIn) -> Command {
    let parts = vec![PromptPart::Text("x".into())];
    Command::Play { leg: LegId::Caller, prompt: Prompt { id: PromptId(id), parts, language: Language::EN, barge_in } }
}

type Setup = (Driver<Script, Diary>, Diary, Rc<RefCell<Vec<Event>>>);

fn setup(script: Vec<(Event, Vec<Command>)>) -> Setup {
    let diary = Diary::default();
    let seen = Rc::new(RefCell::new(Vec::new()));
    (Driver::new(Script(script, seen.clone()), diary.clone()), diary, seen)
}

fn rendered(id: u32) -> Happening {
    Happening::Rendered { leg: LegId::Caller, prompt: PromptId(id), result: Ok(Arc::new(Pcm::default())) }
}

const T1: Moment = Moment::from_millis(1_000);
const T2: Moment = Moment::from_millis(2_000);

#[test]
fn prompts_keep_their_order_though_the_second_is_ready_first() {
    let (mut driver, diary, _) = setup(vec![(Event::Answered, vec![prompt(1, BargeIn::Speech), prompt(2, BargeIn::Speech)])]);
    driver.handle(T1, Happening::Call(Event::Answered));
    driver.handle(T1, rendered(2));
    assert_eq!(diary.take(), ["render 1", "render 2"]);
    driver.handle(T1, rendered(1));
    assert_eq!(diary.take(), ["play 1", "play 2"]);
}

#[test]
fn what_waits_behind_a_cut_prompt_does_not_start_but_what_comes_after_does() {
    let ended =
        |id, played_ms| Event::PromptEnded { leg: LegId::Caller, prompt: PromptId(id), played_ms, end: PromptEnd::BargedIn };
    let (mut driver, diary, seen) = setup(vec![
        (Event::Answered, vec![prompt(1, BargeIn::Speech), prompt(2, BargeIn::Speech)]),
        (ended(1, 40), vec![prompt(3, BargeIn::Speech)]),
    ]);
    driver.handle(T1, Happening::Call(Event::Answered));
    driver.handle(T1, rendered(1));
    let event = LegEvent::PromptEnded { prompt: PromptId(1), at: T2, played_ms: 40, end: PromptEnd::BargedIn };
    driver.handle(T2, Happening::Leg { leg: LegId::Caller, event });
    driver.handle(T2, rendered(2));
    driver.handle(T2, rendered(3));
    assert_eq!(diary.take(), ["render 1", "render 2", "play 1", "render 3", "play 3"]);
    assert_eq!(*seen.borrow(), [Event::Answered, ended(1, 40), ended(2, 0)]);
}

#[test]
fn a_prompt_that_cannot_be_made_ends_instead_of_blocking() {
    let (mut driver, diary, seen) = setup(vec![(Event::Answered, vec![prompt(1, BargeIn::Speech)])]);
    driver.handle(T1, Happening::Call(Event::Answered));
    let result = Err("no voice for xx".to_string());
    driver.handle(T1, Happening::Rendered { leg: LegId::Caller, prompt: PromptId(1), result });
    assert_eq!(diary.take(), ["render 1", "trouble: no voice for xx"]);
    let end = PromptEnd::Failed;
    assert_eq!(seen.borrow()[1], Event::PromptEnded { leg: LegId::Caller, prompt: PromptId(1), played_ms: 0, end });
}

/// What is heard may itself begin or pause the recording: its own sound belongs to the time before.
#[test]
fn a_clip_is_kept_as_it_was_recorded_when_it_was_said() {
    let one = Digit::from_char('1').expect("a key");
    let noted = |u, command: Command| {
        let utterance = UtteranceId(u);
        let event = Event::Heard { utterance, result: Err(EarFailure::Busy) };
        (event, vec![Command::Note(Box::new(said(utterance))), command])
    };
    let script = vec![
        noted(1, Command::Record(RecordAction::Start)),
        noted(2, Command::Record(RecordAction::Pause)),
        (Event::Key(one), vec![]),
    ];
    let (mut driver, diary, _) = setup(script);
    let heard = |u| EarEvent::Heard { utterance: UtteranceId(u), result: Err(EarFailure::Busy), clip: Arc::default() };
    for utterance in [1, 2] {
        driver.handle(T2, Happening::Ear(heard(utterance)));
    }
    // The yes to being recorded is not kept; what led to a secret question is.
    assert_eq!(diary.take(), ["record", "RecordPaused(true)", "clip 2"]);
}

fn said(utterance: UtteranceId) -> Record {
    Record::Utterance(UtteranceRecord::new(utterance, T1))
}

#[test]
fn what_is_said_in_the_talk_is_withheld_from_the_log_where_the_caller_had_told_a_secret() {
    let grammar =
        || Grammar { language: Language::EN, expect: Expect::Digits { min: 4, max: 4, check: None }, person: Arc::new([]) };
    let listen = |sensitive, aside| vec![Command::Listen { grammar: grammar(), sensitive, aside }];
    let one = Digit::from_char('1').expect("a key");
    // Asked for now, or in the call that was cut off.
    for (now, earlier) in [(false, false), (true, false), (false, true)] {
        let (secret, logged) = (now || earlier, [now || earlier; 2]);
        let script = vec![(Event::Answered, listen(now, false)), (Event::Key(one), listen(false, true))];
        let (mut driver, diary, _) = setup(script);
        let card = HandOverCard { secrets: earlier, ..crate::store::tests::card() };
        let place = KeptPlace { queue: "support".into(), ago: Duration::ZERO, talked: false, abusive: false, card };
        driver.handle(T1, Happening::Call(Event::HasPlace(Box::new(place))));
        driver.handle(T1, Happening::Call(Event::Answered));
        driver.handle(T1, Happening::Call(Event::Key(one)));
        let event = LegEvent::SpeechStarted { utterance: UtteranceId(1), at: T2, over: None };
        driver.handle(T2, Happening::Leg { leg: LegId::Caller, event });
        let heard = || EarEvent::Heard { utterance: UtteranceId(1), result: Err(EarFailure::Busy), clip: Arc::default() };
        driver.handle(T2, Happening::Ear(heard()));
        driver.handle(T2, Happening::AgentEar { attempt: AttemptId(0), event: heard() });
        assert_eq!(diary.withheld(), logged, "a secret was told: {secret}");
    }
}

#[test]
fn clips_are_kept_while_the_call_is_recorded_but_not_of_sensitive_questions() {
    let grammar =
        Grammar { language: Language::EN, expect: Expect::Digits { min: 4, max: 4, check: None }, person: Arc::new([]) };
    let on = Command::Record(RecordAction::Start);
    let one = Digit::from_char('1').expect("a key");
    // Each but the last is written down as an utterance.
    let noted = |u| {
        let utterance = UtteranceId(u);
        (Event::Heard { utterance, result: Err(EarFailure::Busy) }, vec![Command::Note(Box::new(said(utterance)))])
    };
    let mut script = vec![
        (Event::Answered, vec![Command::Listen { grammar, sensitive: true, aside: false }, on]),
        (Event::Key(one), vec![Command::Record(RecordAction::Pause)]),
    ];
    script.extend((0..4).map(noted));
    let (mut driver, diary, _) = setup(script);
    driver.handle(
        T1,
        Happening::Ear(EarEvent::Heard { utterance: UtteranceId(0), result: Err(EarFailure::Busy), clip: Arc::default() }),
    );
    driver.handle(T1, Happening::Call(Event::Answered));
    let utterance = UtteranceId(1);
    let event = LegEvent::SpeechStarted { utterance, at: T1, over: None };
    driver.handle(T1, Happening::Leg { leg: LegId::Caller, event });
    let heard = |u| EarEvent::Heard { utterance: UtteranceId(u), result: Err(EarFailure::Busy), clip: Arc::default() };
    driver.handle(T2, Happening::Ear(heard(1)));
    driver.handle(T2, Happening::Ear(heard(2)));
    driver.handle(T2, Happening::Ear(heard(4)));
    driver.handle(T2, Happening::Call(Event::Key(one)));
    driver.handle(T2, Happening::Ear(heard(3)));
    // 0 came before the recording, 1 answers the sensitive question, 3 comes while the recording pauses, and 4 is no utterance of the records.
    assert_eq!(diary.take(), ["expect digits", "listen true", "record", "clip 2", "RecordPaused(true)"]);
}

#[test]
fn a_panic_apologises_once_and_reaches_a_person() {
    let (mut driver, diary, _) = setup(vec![]);
    driver.handle(T1, Happening::Call(Event::Held(true)));
    let lines = diary.take();
    assert!(lines[0].starts_with("trouble: the call machine panicked: a bug"), "{lines:?}");
    assert!(
        lines[1].starts_with("queue Leave") && lines[2].starts_with("queue Finished"),
        "no agent is left waiting: {lines:?}"
    );
    assert_eq!(lines[3..], ["listen false", "stop", "render 1073741824", "comfort true", "dial sip:a@x"]);
    let attempt = AttemptId(1 << 30);
    let busy = AgentEvent::Failed { status: 486, contact: None };
    driver.handle(T1, Happening::Call(Event::Agent { attempt, event: busy }));
    assert_eq!(diary.take(), ["dial sip:b@x"]);
    let attempt = attempt.next();
    driver.handle(T2, Happening::Call(Event::Agent { attempt, event: AgentEvent::Answered }));
    assert_eq!(diary.take(), ["comfort false", "listen false", "Comfort(None)", "join"]);
    driver.handle(T2, Happening::Call(Event::CallerHungUp));
    let lines = diary.take();
    assert_eq!(lines.last().map(String::as_str), Some("ended failed"));
    assert!(driver.is_over());
}

#[test]
fn agents_are_heard_with_their_own_ears_and_numbered_apart_from_the_caller() {
    let grammar =
        Grammar { language: Language::EN, expect: Expect::Digits { min: 4, max: 4, check: None }, person: Arc::new([]) };
    let attempt = AttemptId(3);
    let one = Digit::from_char('1').expect("a key");
    let (mut driver, diary, seen) = setup(vec![
        (Event::Answered, vec![Command::ListenToAgent { attempt, grammar: Some(grammar) }]),
        (Event::Key(one), vec![Command::ListenToAgent { attempt, grammar: None }]),
    ]);
    driver.handle(T1, Happening::Call(Event::Answered));
    let clip = Arc::default();
    let event = EarEvent::Heard { utterance: UtteranceId(0), result: Ok(Hypothesis::typed("good morning")), clip };
    for _ in 0..2 {
        driver.handle(T1, Happening::AgentEar { attempt, event: event.clone() });
    }
    driver.handle(T2, Happening::Call(Event::Key(one)));
    // No clip of it is kept.
    assert_eq!(diary.take(), ["agent 3 expect digits", "listen true", "agent 3 expect nothing", "listen false"]);
    let numbers: Vec<u32> = seen
        .borrow()
        .iter()
        .filter_map(|event| if let Event::AgentHeard { utterance, .. } = event { Some(utterance.0) } else { None })
        .collect();
    assert_eq!(numbers, [UtteranceId::AGENTS, UtteranceId::AGENTS + 1]);
}
