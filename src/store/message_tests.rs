//! The words of messages in the records: they come later than the message, and go with the other words.

use super::places::{Place, on_each_database};
use super::tests::{BEGAN, CALL, began, ended, turn};
use super::*;
use crate::base::{Confidence, Engine, Moment, Pii, UtteranceId, WallTime};
use crate::call::{MESSAGE, Record, UtteranceRecord};
use std::collections::BTreeMap;

const DAY_MS: i64 = super::retention::DAY_MS;

fn said(utterance: u32, at_ms: u64, text: &str, meaning: &str) -> Record {
    Record::Utterance(UtteranceRecord {
        text: Pii::new(text.into()),
        confidence: Confidence::new(0.5),
        engine: Some(Engine::Pocketsphinx),
        meaning: Some(meaning.into()),
        ..UtteranceRecord::new(UtteranceId(utterance), Moment::from_millis(at_ms))
    })
}

/// A call that asks for somebody, leaves two messages, and says one thing more; the words of the messages are not known yet.
async fn a_call_with_two_messages(place: &Place) -> Store {
    let store = place.open().await;
    let message = || Record::Message { speech_ms: 4_000, because: "voice.mail".into() };
    for (at_ms, record) in [
        (1_000, began()),
        (1_500, said(1, 1_500, "leave a message", "message")),
        (9_000, message()),
        (19_000, message()),
        (21_000, said(4, 21_000, "good bye", "bye")),
        (22_000, ended()),
    ] {
        store.write(CALL, Moment::from_millis(at_ms), &record).await.expect("written");
    }
    store
}

async fn messages(store: &Store) -> Vec<(Option<String>, Option<String>)> {
    let story = store.call(CALL).await.expect("read").expect("there");
    story.messages.into_iter().map(|m| (m.words.map(Pii::into_inner), m.lacking)).collect()
}

async fn each_message_has_its_own_words_or_the_reason_why_it_has_none(place: Place) {
    let store = a_call_with_two_messages(&place).await;
    assert_eq!(messages(&store).await, [(None, None), (None, None)], "what an intent is called makes no message");
    let none = UtteranceRecord {
        rejected: Some("the recogniser died".into()),
        meaning: Some(MESSAGE.into()),
        ..UtteranceRecord::new(UtteranceId(3), Moment::from_millis(14_000))
    };
    // Whatever comes first.
    for record in [Record::Utterance(none), said(2, 4_000, "call me back", MESSAGE)] {
        store.write(CALL, Moment::from_millis(30_000), &record).await.expect("written");
    }
    let known = [(Some("call me back".to_string()), None), (Some(String::new()), Some("the recogniser died".to_string()))];
    assert_eq!(messages(&store).await, known);
    let listed = store.messages(10).await.expect("read");
    let listed: Vec<_> = listed.into_iter().map(|m| (m.call, m.flow, m.message.words.map(Pii::into_inner))).collect();
    assert_eq!(listed, known.map(|(words, _)| (CALL, "parcel".to_string(), words)));
    assert!(store.messages(0).await.expect("read").is_empty());
    // Whoever learns from what was not understood hears the utterance of that turn, and no message.
    let missed = Record::Turn(match turn(0, "blah", false) {
        Record::Turn(turn) => crate::call::TurnRecord { meaning: None, at: Moment::from_millis(20_000), ..turn },
        _ => unreachable!("a turn"),
    });
    store.write(CALL, Moment::from_millis(20_000), &missed).await.expect("written");
    for utterance in [1, 2, 3] {
        let clip = store.clip_path(CALL, BEGAN, UtteranceId(utterance));
        std::fs::create_dir_all(clip.parent().expect("a folder")).expect("made");
        std::fs::write(clip, b"x").expect("written");
    }
    let missed = store.misses(BEGAN).await.expect("read");
    assert_eq!(missed[0].clip, Some(store.clip_path(CALL, BEGAN, UtteranceId(1))));
}

async fn the_words_of_a_message_go_with_the_others_also_if_they_come_late(place: Place) {
    let store = a_call_with_two_messages(&place).await;
    store.write(CALL, Moment::from_millis(30_000), &said(2, 4_000, "call me back", MESSAGE)).await.expect("written");
    let rules = RetentionRules {
        by_flow: BTreeMap::new(),
        otherwise: Retention { audio_days: None, text_days: Some(1) },
        audit_days: None,
    };
    store.enforce_retention(WallTime(BEGAN.0 + 2 * DAY_MS), &rules).await.expect("enforced");
    store.write(CALL, Moment::from_millis(40_000), &said(3, 14_000, "it is urgent", MESSAGE)).await.expect("written");
    assert_eq!(messages(&store).await, [(None, None), (None, None)]);
    let story = store.call(CALL).await.expect("read").expect("there");
    assert!(story.utterances.iter().any(|said| said.utterance == UtteranceId(3)), "that somebody heard it stays");
    // A call that was deleted meanwhile does not come back.
    assert!(store.delete(CALL, BEGAN).await.expect("deleted"));
    store.write(CALL, Moment::from_millis(50_000), &said(3, 14_000, "it is urgent", MESSAGE)).await.expect("dropped");
    assert!(store.call(CALL).await.expect("read").is_none());
}

on_each_database![
    each_message_has_its_own_words_or_the_reason_why_it_has_none,
    the_words_of_a_message_go_with_the_others_also_if_they_come_late,
];
