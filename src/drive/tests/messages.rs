//! Messages: what is kept of them whatever the ears, the caller or the call do meanwhile.

use super::*;

/// A caller who has told a secret and speaks a message since T1, after the tone; what the machine does then.
fn speaking_a_message(mut script: Vec<(Event, Vec<Command>)>) -> Setup {
    let max = Duration::from_secs(60);
    let mut secrets = Secrets::default();
    secrets.keep("4711", &[]);
    script.insert(0, (Event::Answered, vec![Command::TakeMessage { max, secrets }]));
    let mut setup = setup(script);
    setup.0.handle(T1, Happening::Call(Event::Answered));
    let event = LegEvent::PromptEnded { prompt: PromptId(u32::MAX), at: T1, played_ms: 300, end: PromptEnd::Finished };
    setup.0.handle(T1, Happening::Leg { leg: LegId::Caller, event });
    let started = LegEvent::SpeechStarted { utterance: UtteranceId(1), at: T1, over: None };
    setup.0.handle(T1, Happening::Leg { leg: LegId::Caller, event: started });
    setup
}

#[test]
fn what_was_no_voice_is_no_turn_and_no_message() {
    let (mut driver, _, seen) = setup(vec![]);
    let utterance = UtteranceId(4);
    driver.handle(T1, Happening::Leg { leg: LegId::Caller, event: LegEvent::SpeechStarted { utterance, at: T1, over: None } });
    driver.handle(T2, Happening::Leg { leg: LegId::Caller, event: LegEvent::SpeechDismissed { utterance } });
    let told = format!("{:?}", seen.borrow());
    assert!(told.contains("length_ms: 0") && told.contains("no voice"), "{told}");
    // While a message is waited for, the time for its first word goes on.
    let (mut driver, _, _) = speaking_a_message(vec![]);
    let before = driver.next_timer();
    driver.handle(T2, Happening::Leg { leg: LegId::Caller, event: LegEvent::SpeechDismissed { utterance: UtteranceId(1) } });
    assert!(driver.next_timer() < before, "{before:?}");
}

#[test]
fn a_message_is_taken_after_the_tone_and_ends_with_the_key() {
    let (mut driver, diary, seen) = speaking_a_message(vec![]);
    let digit = LegEvent::Digit { digit: Digit::from_char('#').expect("a key"), at: T2 };
    driver.handle(T2, Happening::Leg { leg: LegId::Caller, event: digit });
    let ended = LegEvent::SpeechEnded { utterance: UtteranceId(1), started: T1, ended: T2, restless: false, level: None };
    driver.handle(T2, Happening::Leg { leg: LegId::Caller, event: ended });
    let heard = EarEvent::Heard { utterance: UtteranceId(1), result: Err(EarFailure::NoEngine), clip: Arc::default() };
    driver.handle(T2, Happening::Ear(heard));
    let lines = [
        "listen false",
        "play 4294967295",
        "listen only",
        "listen true",
        "listen true",
        "listen false",
        "message 1 Secrets(1)",
    ];
    assert_eq!(diary.take(), lines);
    assert_eq!(seen.borrow()[1..], [Event::MessageEnded { speech_ms: 1_000 }]);
}

#[test]
fn a_caller_who_hangs_up_while_speaking_has_left_a_message() {
    let (mut driver, diary, seen) = speaking_a_message(vec![]);
    driver.handle(T2, Happening::Call(Event::CallerHungUp));
    assert!(!seen.borrow().contains(&Event::CallerHungUp), "the sound is waited for first");
    let ended = LegEvent::SpeechEnded { utterance: UtteranceId(1), started: T1, ended: T2, restless: false, level: None };
    driver.handle(T2, Happening::Leg { leg: LegId::Caller, event: ended });
    let heard = EarEvent::Heard { utterance: UtteranceId(1), result: Err(EarFailure::NoEngine), clip: Arc::default() };
    driver.handle(T2, Happening::Ear(heard));
    assert!(diary.take().contains(&"message 1 Secrets(1)".to_string()));
    assert_eq!(seen.borrow()[1..], [Event::MessageEnded { speech_ms: 1_000 }, Event::CallerHungUp]);
}

#[test]
fn the_wait_for_a_message_is_bounded() {
    let (mut driver, _, seen) = setup(vec![(
        Event::Answered,
        vec![Command::TakeMessage { max: Duration::from_secs(60), secrets: Secrets::default() }],
    )]);
    driver.handle(T1, Happening::Call(Event::Answered));
    let event = LegEvent::PromptEnded { prompt: PromptId(u32::MAX), at: T1, played_ms: 300, end: PromptEnd::Finished };
    driver.handle(T1, Happening::Leg { leg: LegId::Caller, event });
    let started = LegEvent::SpeechStarted { utterance: UtteranceId(1), at: T1, over: None };
    driver.handle(T1, Happening::Leg { leg: LegId::Caller, event: started });
    driver.handle(T2, Happening::Call(Event::CallerHungUp));
    driver.handle(T2 + Duration::from_secs(2), Happening::Tick);
    assert!(seen.borrow().contains(&Event::CallerHungUp));
}

#[test]
fn nobody_speaks_after_the_tone() {
    let (mut driver, _, seen) = setup(vec![(
        Event::Answered,
        vec![Command::TakeMessage { max: Duration::from_secs(60), secrets: Secrets::default() }],
    )]);
    driver.handle(T1, Happening::Call(Event::Answered));
    let due = driver.next_timer().expect("the tone is bounded");
    driver.handle(due, Happening::Tick);
    assert!(seen.borrow().contains(&Event::MessageEnded { speech_ms: 0 }));
}

/// The caller has said it all.
fn said_it_all(driver: &mut Driver<impl Machine, Diary>) {
    let ended = LegEvent::SpeechEnded { utterance: UtteranceId(1), started: T1, ended: T2, restless: false, level: None };
    driver.handle(T2, Happening::Leg { leg: LegId::Caller, event: ended });
}

fn sound(result: Result<Hypothesis, EarFailure>) -> Happening {
    Happening::Ear(EarEvent::Heard { utterance: UtteranceId(1), result, clip: Arc::default() })
}

const KEPT: &str = "message 1 Secrets(1)";

#[test]
fn a_message_is_kept_whatever_its_engine_does_and_its_words_mean_nothing_to_the_flow() {
    let words = Ok(Hypothesis::typed("an agent please"));
    for result in [words, Err(EarFailure::Crashed), Err(EarFailure::TooSlow), Err(EarFailure::Busy), Err(EarFailure::NoEngine)]
    {
        let (mut driver, diary, seen) = speaking_a_message(vec![]);
        said_it_all(&mut driver);
        assert_eq!(seen.borrow()[1..], [Event::MessageEnded { speech_ms: 1_000 }], "the call waits for nothing");
        driver.handle(T2, sound(result.clone()));
        assert_eq!(diary.take().last().map(String::as_str), Some(KEPT), "{result:?}");
        assert_eq!(seen.borrow().len(), 2, "{result:?}");
    }
}

#[test]
fn who_hangs_up_before_the_sound_has_come_leaves_it_all_the_same() {
    let (mut driver, diary, seen) = speaking_a_message(vec![]);
    said_it_all(&mut driver);
    driver.handle(T2, Happening::Call(Event::CallerHungUp));
    driver.handle(T2, Happening::Call(Event::CallerLost));
    assert!(!seen.borrow().contains(&Event::CallerHungUp), "the sound is waited for first");
    driver.handle(T2, sound(Err(EarFailure::TooSlow)));
    assert_eq!(diary.take().last().map(String::as_str), Some(KEPT));
    assert_eq!(seen.borrow()[2..], [Event::CallerHungUp]);
}

#[test]
fn a_call_that_ends_with_its_message_is_over_once_the_sound_has_come_or_was_waited_for() {
    for comes in [true, false] {
        let ends = vec![Command::Ended(Disposition::MessageTaken { because: "voice.mail".into() })];
        let script = vec![(Event::MessageEnded { speech_ms: 1_000 }, ends)];
        let (mut driver, diary, seen) = speaking_a_message(script);
        said_it_all(&mut driver);
        assert!(!driver.is_over());
        driver.handle(T2, Happening::Call(Event::CallerHungUp));
        assert_eq!(seen.borrow().len(), 2, "nothing happens to the call any more");
        diary.take();
        match comes {
            true => driver.handle(T2, sound(Err(EarFailure::Crashed))),
            false => {
                let due = driver.next_timer().expect("bounded");
                assert!(due <= T2 + Duration::from_secs(2), "{due:?}");
                driver.handle(due, Happening::Tick);
            }
        }
        assert!(driver.is_over());
        let kept: &[&str] = if comes { &[KEPT] } else { &[] };
        assert_eq!(diary.take(), [kept, &["ended message_taken"]].concat());
    }
}

#[test]
fn an_ear_that_never_answers_keeps_nobody() {
    let (mut driver, diary, seen) = speaking_a_message(vec![]);
    said_it_all(&mut driver);
    driver.handle(T2, Happening::Call(Event::CallerHungUp));
    driver.handle(T2 + Duration::from_secs(2), Happening::Tick);
    assert!(seen.borrow().contains(&Event::CallerHungUp));
    // What comes later is kept as long as there is somebody to keep it.
    driver.handle(T2 + Duration::from_secs(2), sound(Ok(Hypothesis::no_voice())));
    assert!(diary.take().contains(&KEPT.to_string()));
}
