//! Conversation scripts (`tests/calls/*.call`) on a simulated clock, and random calls that must always end well.

use hotline::flow::Flow;
use hotline::sim::{Script, Transcript, shortcomings, simulate};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Plays every script; `CALL=part-of-a-name` plays those and prints their stories.
#[test]
fn every_conversation_script_comes_out_as_written() {
    let only = std::env::var("CALL").ok();
    let mut flows = Flows::default();
    let mut failures = Vec::new();
    let mut played = 0;
    for path in scripts() {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().to_string();
        if only.as_ref().is_some_and(|part| !name.contains(part.as_str())) {
            continue;
        }
        played += 1;
        let text = std::fs::read_to_string(&path).expect("a script can be read");
        let (transcript, wrong) = play(&mut flows, &text);
        if only.is_some() {
            println!("== {name}\n{}", transcript.story());
        }
        if !wrong.is_empty() {
            failures.push(format!("== {name}\n{}\n-- what happened:\n{}", wrong.join("\n"), transcript.story()));
        }
    }
    assert!(failures.is_empty(), "{} of {played} scripts failed\n{}", failures.len(), failures.join("\n"));
    assert!(only.is_some() || played >= 25, "only {played} scripts were found");
}

/// What `hotline check` does with the flows that we publish.
#[test]
fn the_example_flows_pass_their_own_tests() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    let mut wrong = String::new();
    let mut played = 0;
    for entry in std::fs::read_dir(folder).expect("flows is there").flatten() {
        if entry.path().extension().is_none_or(|e| e != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(entry.path()).expect("a flow can be read");
        let folder = entry.path().parent().map(Path::to_path_buf).unwrap_or_default();
        let mut read = |name: &str| std::fs::read_to_string(folder.join(name)).map_err(|e| e.to_string());
        let whole = hotline::flow::bundle(&text, "flow.yaml", &mut read).unwrap_or_else(|f| panic!("{f:?}"));
        let flow = load(&whole);
        for outcome in hotline::trial::run_tests(&flow) {
            played += 1;
            if !outcome.passed() {
                let name = format!("{}:{} {}", entry.path().display(), outcome.line, outcome.name);
                wrong.push_str(&format!("== {name}\n{}\n{}\n", outcome.wrong.join("\n"), outcome.story));
            }
        }
    }
    assert!(wrong.is_empty() && played > 0, "{wrong}");
}

/// Who knows what comes may tell a secret before it is asked for: the recording must have paused by then.
#[test]
fn recording_pauses_before_a_secret_can_be_told() {
    use hotline::call::{Command, Event, RecordAction};
    use hotline::sim::Line;
    let text = "> [over 1s] four seven two nine\n> hangup\n---\nhotline: 1\nname: pin\nlanguages: [en]\nstart: first\n\
        record: announce\nperson: { to: desk }\ntargets: { desk: { sip: \"sip:desk@desk.example\" } }\nslots:\n  pin: { digits: 4 }\n\
        nodes:\n  first:\n    say: Welcome, this is an automatic system. I will ask you for your secret number.\n    then: pin\n  pin:\n    \
        sensitive: true\n    need: { pin: Your secret number? }\n    then: bye\n  bye:\n    hang_up: Thank you.\n";
    for over in ["[over 200ms]", "[over 3s]"] {
        let script = text.replace("[over 1s]", over);
        let (transcript, wrong) = play(&mut Flows::default(), &script);
        assert!(wrong.is_empty(), "{over}: {wrong:?}\n{}", transcript.story());
        let at = |wanted: &dyn Fn(&Line) -> bool| transcript.lines.iter().position(|(_, line)| wanted(line));
        let started = at(&|line| matches!(line, Line::Wanted(Command::Record(RecordAction::Start))));
        let paused = at(&|line| matches!(line, Line::Wanted(Command::Record(RecordAction::Pause))));
        let heard = at(&|line| matches!(line, Line::Happened(Event::SpeechEnded { .. })));
        let story = transcript.story();
        assert!(paused.is_some() && (paused < heard || started > heard), "{over}: {started:?} {paused:?} {heard:?}\n{story}");
    }
}

fn play(flows: &mut Flows, text: &str) -> (Transcript, Vec<String>) {
    let script = match Script::parse(text) {
        Ok(script) => script,
        Err(errors) => return (Transcript::default(), errors),
    };
    let flow = flows.of(&script);
    let transcript = simulate(flow, script.world.clone());
    let wrong = shortcomings(&script, &transcript);
    (transcript, wrong)
}

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/calls");
    let all = std::fs::read_dir(folder).expect("tests/calls is there").filter_map(|entry| Some(entry.ok()?.path()));
    let mut scripts: Vec<PathBuf> = all.filter(|p| p.extension().is_some_and(|e| e == "call")).collect();
    scripts.sort();
    scripts
}

/// Flows by their text: training an understanding takes time, so each is loaded once.
#[derive(Default)]
struct Flows(BTreeMap<String, Arc<Flow>>);

impl Flows {
    fn of(&mut self, script: &Script) -> Arc<Flow> {
        let text = script.flow_text(|name| {
            let root = Path::new(env!("CARGO_MANIFEST_DIR"));
            ["tests/calls", "flows"]
                .iter()
                .find_map(|f| std::fs::read_to_string(root.join(f).join(format!("{name}.yaml"))).ok())
        });
        let text = text.expect("the script's flow is there");
        let load = || load(&text);
        self.0.entry(text.clone()).or_insert_with(load).clone()
    }
}

fn load(text: &str) -> Arc<Flow> {
    let env = [("PARCEL_API", "http://127.0.0.1:8081"), ("AGENT_SIP", "sip:agent@127.0.0.1:5090")];
    let env: BTreeMap<String, String> = env.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())).collect();
    let found = |findings: Vec<hotline::flow::Finding>| findings.iter().map(|f| format!("{f}\n")).collect::<String>();
    Flow::load(text, "script.yaml", &env).unwrap_or_else(|f| panic!("{}", found(f))).flow
}

mod anything {
    //! Whatever happens, in whatever order: no panic, one end, in bounded time.

    use super::{Path, load};
    use hotline::base::*;
    use hotline::call::{AgentEvent, Call, CallSettings, Command, Event, KeptPlace, Record, ReferOutcome};
    use hotline::flow::{Flow, LookedUp};
    use proptest::prelude::*;
    use std::sync::{Arc, OnceLock};
    use std::time::Duration;

    fn shop() -> Arc<Flow> {
        static SHOP: OnceLock<Arc<Flow>> = OnceLock::new();
        let read = || std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/calls/shop.yaml"));
        SHOP.get_or_init(|| load(&read().expect("shop.yaml is there"))).clone()
    }

    /// Events of every kind; ids small enough to hit something that exists.
    fn event() -> impl Strategy<Value = Event> {
        let words = prop::sample::select(vec![
            "when are you open",
            "where is my parcel one two three four five six seven eight",
            "where is my parcel",
            "one two three four five six seven eight",
            "your driver was rude",
            "unblock my card",
            "book a table",
            "leave a message",
            "yes",
            "no thank you",
            "say that again",
            "mumble jumble",
            "",
        ]);
        let heard = (words, 0.0f32..1.0, prop::bool::weighted(0.2)).prop_map(|(text, sure, rejected)| {
            let mut heard = Hypothesis::typed(text);
            heard.confidence = Confidence::new(sure);
            heard.rejected = rejected.then(|| "phone loop".to_string());
            Ok(heard)
        });
        let failure =
            prop::sample::select(vec![EarFailure::Busy, EarFailure::TooSlow, EarFailure::Crashed, EarFailure::NoEngine]);
        let result = prop_oneof![4 => heard, 1 => failure.prop_map(Err)];
        let end = prop::sample::select(vec![PromptEnd::Finished, PromptEnd::BargedIn, PromptEnd::Keyed, PromptEnd::Failed]);
        let prompts = (0u32..40, end, 0u32..3).prop_map(|(n, end, leg)| Event::PromptEnded {
            leg: if leg == 0 { LegId::Agent(AttemptId(n % 4)) } else { LegId::Caller },
            prompt: PromptId(n),
            played_ms: 100,
            end,
        });
        let agent = prop_oneof![
            Just(AgentEvent::Ringing),
            Just(AgentEvent::Answered),
            Just(AgentEvent::Key(Digit::from_event(1).expect("a key"))),
            prop::sample::select(vec![302u16, 408, 480, 486, 503, 603])
                .prop_map(|status| AgentEvent::Failed { status, contact: Some("sip:backup@desk.example".into()) }),
            Just(AgentEvent::HungUp),
            any::<bool>().prop_map(|allowed| AgentEvent::Refers { to: "sip:next@desk.example".into(), allowed }),
        ];
        let refer = prop::sample::select(vec![
            ReferOutcome::Accepted,
            ReferOutcome::Progress(180),
            ReferOutcome::Succeeded,
            ReferOutcome::Failed(603),
        ]);
        let looked_up = prop_oneof![
            Just(LookedUp::Found(serde_json::json!({ "status": "on its way" }))),
            Just(LookedUp::Found(serde_json::json!(null))),
            Just(LookedUp::NotFound),
            Just(LookedUp::Outage("no".into())),
        ];
        prop_oneof![
            1 => Just(Event::Answered),
            12 => prompts,
            4 => (0u32..20).prop_map(|u| Event::SpeechStarted { utterance: UtteranceId(u), over: None }),
            3 => (0u32..20, 50u32..5_000).prop_map(|(u, length_ms)| Event::SpeechEnded { utterance: UtteranceId(u), length_ms, restless: u % 2 == 0, level: (u % 3 == 0).then_some(-40 + 5 * (u % 7) as i8) }),
            8 => (0u32..20, result).prop_map(|(u, result)| Event::Heard { utterance: UtteranceId(u), result }),
            4 => (1u8..16).prop_map(|d| Event::Key(Digit::from_event(d).expect("a key"))),
            2 => (0u32..4, looked_up).prop_map(|(id, result)| Event::LookedUp { id: LookUpId(id), result }),
            2 => (0u32..4, refer).prop_map(|(a, outcome)| Event::Referred { attempt: AttemptId(a), outcome }),
            4 => (0u32..4, agent).prop_map(|(a, event)| Event::Agent { attempt: AttemptId(a), event }),
            1 => (0u32..9_000).prop_map(|speech_ms| Event::MessageEnded { speech_ms }),
            1 => any::<bool>().prop_map(Event::Held),
            1 => Just(Event::TakenOver { leg: LegId::Caller }),
            1 => Just(Event::Trouble("the disk is full".into())),
            1 => any::<bool>().prop_map(|talked| Event::HasPlace(Box::new(place(talked)))),
            1 => Just(Event::Arrived { caller: PhoneNumber::new("1"), dialled: PhoneNumber::new("2"), wall: WallTime(0) }),
            6 => Just(Event::Tick),
        ]
    }

    /// Where a caller was in line when an earlier call was cut off.
    fn place(talked: bool) -> KeptPlace {
        let turn = serde_json::json!({ "caller": "where is it", "intent": null, "answer": "On its way.", "sensitive": false });
        let card = serde_json::json!({
            "reference": "", "call": CallId(6), "flow": "shop", "caller": "1", "dialled": "2", "language": "en", "since": 0, "seconds": 40,
            "intent": null, "slots": {}, "turns": [turn], "because": "asked", "summary": "The caller was cut off."
        });
        let (queue, card) = ("support".to_string(), serde_json::from_value(card).expect("a card"));
        KeptPlace { queue, ago: Duration::from_secs(300), talked, abusive: false, card }
    }

    /// A call with its clock.
    struct Run {
        call: Call,
        now: Moment,
        commands: Vec<Command>,
        /// Prompts to the caller that have not ended.
        playing: Vec<PromptId>,
    }

    impl Run {
        fn new() -> Run {
            let settings = CallSettings { longest: Duration::from_secs(7_200), ..CallSettings::default() };
            let call = Call::new(CallId(1), shop(), settings);
            let mut run = Run { call, now: Moment::ZERO, commands: Vec::new(), playing: Vec::new() };
            run.happen(&Event::Arrived {
                caller: PhoneNumber::new("+493012345"),
                dialled: PhoneNumber::new("100"),
                wall: WallTime(1_795_428_000_000),
            });
            run
        }

        fn happen(&mut self, event: &Event) -> usize {
            let from = self.commands.len();
            self.call.handle(self.now, event, &mut self.commands);
            for command in &self.commands[from..] {
                if let Command::Play { leg: LegId::Caller, prompt } = command {
                    self.playing.push(prompt.id);
                }
            }
            from
        }

        /// Lets only time pass until the call is over; prompts end by themselves when `audible`.
        fn wait_for_the_end(&mut self, audible: bool) {
            for _ in 0..2_000 {
                if self.call.is_over() {
                    return;
                }
                if audible && let Some(prompt) = self.playing.pop() {
                    self.now = self.now + Duration::from_secs(2);
                    let end = PromptEnd::Finished;
                    self.happen(&Event::PromptEnded { leg: LegId::Caller, prompt, played_ms: 2_000, end });
                    continue;
                }
                let (at, _) = self.call.next_timer().expect("a call that is not over waits for something");
                self.now = self.now.max(at);
                self.happen(&Event::Tick);
            }
            panic!("the call does not end: {}", self.call.phase());
        }

        fn ends(&self) -> (usize, usize) {
            let ended = self.commands.iter().filter(|c| matches!(c, Command::Ended(_))).count();
            let is_end = |c: &Command| matches!(c, Command::Note(r) if matches!(**r, Record::Ended { .. }));
            (ended, self.commands.iter().filter(|c| is_end(c)).count())
        }
    }

    /// What stands for a person: on the way to one, or the message in place of one.
    fn towards_a_person(command: &Command) -> bool {
        match command {
            Command::Dial { .. } | Command::Refer { .. } | Command::TakeMessage { .. } => true,
            Command::Note(record) => matches!(&**record, Record::Decision { what, .. } if what == "message"),
            _ => false,
        }
    }

    /// Everything that plays ends at once, until the question waits for an answer.
    fn at_the_question() -> Run {
        let mut run = Run::new();
        run.happen(&Event::Answered);
        while let Some(prompt) = run.playing.pop() {
            let end = PromptEnd::Finished;
            run.happen(&Event::PromptEnded { leg: LegId::Caller, prompt, played_ms: 1, end });
        }
        assert_eq!(run.call.phase(), "asking");
        run
    }

    /// The caller has pressed 0 and speaks with an agent.
    fn with_an_agent() -> Run {
        let mut run = at_the_question();
        run.happen(&Event::Key(Digit::from_event(0).expect("a key")));
        for event in [AgentEvent::Answered, AgentEvent::Key(Digit::from_event(1).expect("a key"))] {
            run.happen(&of_agent(0, event));
        }
        while let Some(prompt) = run.playing.pop() {
            let end = PromptEnd::Finished;
            run.happen(&Event::PromptEnded { leg: LegId::Caller, prompt, played_ms: 1, end });
        }
        assert_eq!(run.call.phase(), "with_agent");
        run
    }

    fn of_agent(attempt: u32, event: AgentEvent) -> Event {
        Event::Agent { attempt: AttemptId(attempt), event }
    }

    fn sends_on(allowed: bool) -> Event {
        of_agent(0, AgentEvent::Refers { to: "sip:next@desk.example;x=y?Replaces=z".into(), allowed })
    }

    /// The commands of one event that concern signalling, in words.
    fn signalling(run: &mut Run, event: &Event) -> String {
        let from = run.happen(event);
        let words = run.commands[from..].iter().filter_map(|command| match command {
            Command::AnswerRefer { status, .. } => Some(format!("answer:{status}")),
            Command::NotifyRefer { status, last, .. } => Some(format!("notify:{status}{}", if *last { ":last" } else { "" })),
            Command::Dial { attempt, .. } => Some(format!("dial:{}", attempt.0)),
            Command::Join { attempt } => Some(format!("join:{}", attempt.0)),
            Command::HangUp { leg } => Some(format!("hang-up:{leg:?}")),
            Command::Comfort(on) => Some(format!("comfort:{on}")),
            Command::Ended(disposition) => Some(disposition.name().to_string()),
            _ => None,
        });
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn an_agent_sends_the_caller_on() {
        let mut run = with_an_agent();
        assert_eq!(signalling(&mut run, &sends_on(false)), "answer:403");
        assert_eq!(signalling(&mut run, &sends_on(true)), "answer:202 dial:1");
        assert_eq!(signalling(&mut run, &sends_on(true)), "answer:491");
        assert_eq!(signalling(&mut run, &of_agent(1, AgentEvent::Ringing)), "notify:180");
        assert_eq!(
            signalling(&mut run, &of_agent(1, AgentEvent::Answered)),
            "join:1 notify:200:last hang-up:Agent(AttemptId(0))"
        );
        assert_eq!(signalling(&mut run, &of_agent(0, AgentEvent::HungUp)), "", "the first has left: nothing new");
        assert_eq!(
            signalling(&mut run, &of_agent(1, AgentEvent::HungUp)),
            "hang-up:Agent(AttemptId(1)) hang-up:Caller transferred"
        );
    }

    #[test]
    fn nobody_takes_the_caller_whom_an_agent_sends_on() {
        let mut run = with_an_agent();
        signalling(&mut run, &sends_on(true));
        let busy = |attempt| of_agent(attempt, AgentEvent::Failed { status: 486, contact: None });
        assert_eq!(signalling(&mut run, &busy(1)), "notify:486:last", "back to the agent");
        assert_eq!(run.call.phase(), "with_agent");
        // The second time the agent hangs up at once, as after a blind transfer.
        assert_eq!(signalling(&mut run, &sends_on(true)), "answer:202 dial:2");
        assert_eq!(signalling(&mut run, &of_agent(0, AgentEvent::HungUp)), "comfort:true");
        assert!(signalling(&mut run, &busy(2)).contains("dial:3"), "the caller is not left alone");
        assert_eq!(run.call.phase(), "transferring");
        // And nothing is ever waited for without end.
        let mut run = with_an_agent();
        signalling(&mut run, &sends_on(true));
        let (at, name) = run.call.next_timer().expect("a timer");
        assert_eq!(name, hotline::call::TimerName::Ring);
        run.now = at;
        assert_eq!(signalling(&mut run, &Event::Tick), "hang-up:Agent(AttemptId(1)) notify:408:last");
    }

    fn heard(utterance: u32, text: &str) -> Event {
        Event::Heard { utterance: UtteranceId(utterance), result: Ok(Hypothesis::typed(text)) }
    }

    fn started(utterance: u32) -> Event {
        Event::SpeechStarted { utterance: UtteranceId(utterance), over: None }
    }

    #[test]
    fn a_false_start_is_passed_over_when_the_caller_speaks_on() {
        let mut run = at_the_question();
        run.happen(&started(0));
        run.happen(&started(1));
        let from = run.happen(&heard(0, "um"));
        assert!(!run.commands[from..].iter().any(|c| matches!(c, Command::Play { .. })), "talked into the caller's sentence");
        let from = run.happen(&heard(1, "when are you open"));
        let answers = |c: &Command| matches!(c, Command::Play { prompt, .. } if prompt.words().contains("eight to six"));
        assert!(run.commands[from..].iter().any(answers));
    }

    #[test]
    fn a_late_result_counts_only_when_it_asks_for_a_person() {
        let mut run = at_the_question();
        run.happen(&started(0));
        run.happen(&Event::Key(Digit::from_event(1).expect("a key")));
        let from = run.happen(&heard(0, "where is my parcel"));
        assert!(!run.commands[from..].iter().any(|c| matches!(c, Command::Play { .. })), "a decided turn was decided again");
        let from = run.happen(&heard(0, "let me talk to a person"));
        assert!(run.commands[from..].iter().any(|c| matches!(c, Command::Dial { .. })));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_call_ends_exactly_once(events in prop::collection::vec((event(), 0u64..4_000), 0..120), audible: bool) {
            let mut run = Run::new();
            for (event, after) in &events {
                run.now = run.now + Duration::from_millis(*after);
                run.happen(event);
            }
            run.wait_for_the_end(audible);
            prop_assert!(run.now < Moment::from_millis(9_000_000), "{:?}", run.now);
            prop_assert_eq!(run.ends(), (1, 1));
            prop_assert!(matches!(run.commands.last(), Some(Command::Ended(_))), "nothing follows the end");
            run.happen(&Event::Key(Digit::from_event(0).expect("a key")));
            prop_assert_eq!(run.ends(), (1, 1));
        }

        #[test]
        fn a_wish_for_a_person_is_never_answered_by_a_question(
            events in prop::collection::vec((event(), 0u64..4_000), 0..60),
            way in 0u8..3,
        ) {
            let mut run = Run::new();
            run.happen(&Event::Answered);
            for (event, after) in &events {
                run.now = run.now + Duration::from_millis(*after);
                run.happen(event);
            }
            let phase = run.call.phase();
            prop_assume!(!matches!(phase, "answering" | "transferring" | "with_agent" | "message" | "leaving" | "over"));
            let utterance = UtteranceId(99);
            let wish = match way {
                0 => Event::PersonHeard { utterance, phrase: "agent".into() },
                1 => Event::Heard { utterance, result: Ok(Hypothesis::typed("let me talk to a person")) },
                _ if phase == "asking" => Event::PersonHeard { utterance, phrase: "agent".into() },
                _ => Event::Key(Digit::from_event(0).expect("a key")),
            };
            let from = run.happen(&wish);
            let after = run.commands[from..].to_vec();
            prop_assert!(after.iter().any(towards_a_person), "{after:?}");
            for command in &after {
                prop_assert!(!matches!(command, Command::Listen { .. }), "listens again: {command:?}");
                if let Command::Play { prompt, .. } = command {
                    prop_assert!(!prompt.words().contains('?'), "asked {:?}", prompt.words());
                }
            }
        }
    }
}
