//! Users, sessions and audit as their users see them.

use super::database::Kind;
use super::places::Place;
use super::tests::BEGAN;
use super::*;
use crate::base::{Pii, WallTime};
use sqlx::Row;
use std::collections::BTreeMap;

fn new(name: &str, role: Role) -> NewUser {
    let password = Pii::new("$argon2id$…".to_string());
    NewUser { name: name.into(), display: name.to_uppercase(), role, agent: None, language: None, password }
}

fn later(seconds: i64) -> WallTime {
    WallTime(BEGAN.0 + seconds * 1_000)
}

#[test]
fn names_are_lower_case_words() {
    assert_eq!(user_name(" Anna.Smith@example "), Some("anna.smith@example".into()));
    for wrong in ["", " ", ".anna", "an na", "änna", "a/b", "a'b", &"a".repeat(41)] {
        assert_eq!(user_name(wrong), None, "{wrong}");
    }
}

async fn the_first_administrator_is_made_once(place: Place) {
    let store = place.open().await;
    assert!(!store.has_admin().await.expect("read"));
    assert_eq!(store.add_first_admin(&new("root", Role::Admin), BEGAN).await.expect("written"), Ok(()));
    let again = store.add_first_admin(&new("second", Role::Admin), BEGAN).await.expect("read");
    assert_eq!(again, Err(UserRefusal::SetUpDone));
    assert!(store.has_admin().await.expect("read"));
    assert_eq!(store.users().await.expect("read").len(), 1);
}

async fn names_and_desks_are_taken_once(place: Place) {
    let store = place.open().await;
    let desk = |name: &str| NewUser { agent: Some("anna".into()), ..new(name, Role::Agent) };
    assert_eq!(store.add_user(&desk("anna"), BEGAN).await.expect("written"), Ok(()));
    assert_eq!(store.add_user(&new("anna", Role::Admin), BEGAN).await.expect("read"), Err(UserRefusal::NameTaken));
    assert_eq!(store.add_user(&desk("bea"), BEGAN).await.expect("read"), Err(UserRefusal::AgentTaken));
    assert_eq!(store.add_user(&new("bea", Role::Agent), BEGAN).await.expect("written"), Ok(()));
    assert_eq!(store.add_user(&new("cleo", Role::Agent), BEGAN).await.expect("two without a desk"), Ok(()));
    let change = UserChange { agent: Some(Some("anna".into())), ..UserChange::default() };
    assert_eq!(store.change_user("bea", &change, None).await.expect("read"), Err(UserRefusal::AgentTaken));
    let change = UserChange { language: Some(Some(PageLanguage::Zh)), ..UserChange::default() };
    let anna = store.change_user("anna", &change, None).await.expect("written").expect("there");
    assert_eq!((anna.language, anna.agent.as_deref()), (Some(PageLanguage::Zh), Some("anna")));
    assert_eq!(store.user("anna").await.expect("read"), Some(anna));
}

async fn the_last_administrator_stays(place: Place) {
    let store = place.open().await;
    store.add_user(&new("root", Role::Admin), BEGAN).await.expect("written").expect("made");
    let lesser = UserChange { role: Some(Role::Supervisor), ..UserChange::default() };
    let disabled = UserChange { disabled: Some(true), ..UserChange::default() };
    for change in [&lesser, &disabled] {
        assert_eq!(store.change_user("root", change, None).await.expect("read"), Err(UserRefusal::LastAdmin));
    }
    assert_eq!(store.remove_user("root").await.expect("read"), Err(UserRefusal::LastAdmin));
    store.add_user(&new("other", Role::Admin), BEGAN).await.expect("written").expect("made");
    assert!(store.change_user("root", &disabled, None).await.expect("written").is_ok());
    assert_eq!(store.remove_user("other").await.expect("read"), Err(UserRefusal::LastAdmin), "root is disabled");
    assert_eq!(store.remove_user("root").await.expect("written"), Ok(()));
    assert_eq!(store.remove_user("root").await.expect("read"), Err(UserRefusal::Unknown));
}

async fn a_session_ends_unused_after_an_hour_and_used_after_twelve(place: Place) {
    let store = place.open().await;
    store.add_user(&new("anna", Role::Agent), BEGAN).await.expect("written").expect("made");
    let (idle, busy) = (SessionHash::of("a"), SessionHash::of("b"));
    for hash in [&idle, &busy] {
        assert!(store.begin_session(hash, "anna", BEGAN).await.expect("written"));
    }
    assert_eq!(store.user("anna").await.expect("read").and_then(|u| u.last_login), Some(BEGAN));
    for half_hour in 1..24 {
        assert!(store.session(&busy, later(half_hour * 1_800)).await.expect("read").is_some(), "{half_hour}");
    }
    assert!(store.session(&idle, later(3_600)).await.expect("read").is_none());
    assert!(store.session(&busy, later(12 * 3_600)).await.expect("read").is_none());
    assert!(!store.begin_session(&SessionHash::of("c"), "nobody", BEGAN).await.expect("read"));
    let rules = RetentionRules {
        by_flow: BTreeMap::new(),
        otherwise: Retention { audio_days: None, text_days: None },
        audit_days: None,
    };
    assert_eq!(store.enforce_retention(later(36 * 3_600), &rules).await.expect("enforced").sessions, 2);
}

async fn what_changes_rights_or_password_ends_sessions_at_once(place: Place) {
    let store = place.open().await;
    store.add_user(&new("root", Role::Admin), BEGAN).await.expect("written").expect("made");
    let (here, there) = (SessionHash::of("here"), SessionHash::of("there"));
    let holds = async |hash: &SessionHash| store.session(hash, later(1)).await.expect("read").is_some();
    for (change, ends) in [
        (UserChange { display: Some("Anna".into()), ..UserChange::default() }, false),
        (UserChange { role: Some(Role::Operator), ..UserChange::default() }, true),
        (UserChange { agent: Some(Some("anna".into())), ..UserChange::default() }, true),
        (UserChange { password: Some(Pii::new("other".into())), ..UserChange::default() }, true),
        (UserChange { disabled: Some(true), ..UserChange::default() }, true),
    ] {
        store.remove_user("anna").await.expect("written").ok();
        store.add_user(&new("anna", Role::Agent), BEGAN).await.expect("written").expect("made");
        for hash in [&here, &there] {
            assert!(store.begin_session(hash, "anna", BEGAN).await.expect("written"));
        }
        store.change_user("anna", &change, Some(&here)).await.expect("written").expect("changed");
        assert_eq!(holds(&there).await, !ends, "{change:?}");
        assert_eq!(holds(&here).await, change.disabled.is_none(), "{change:?}");
    }
    assert_eq!(store.password_of("anna").await.expect("read"), None, "disabled");
}

async fn sessions_of_a_user_are_bounded_and_end_together(place: Place) {
    let store = place.open().await;
    store.add_user(&new("anna", Role::Agent), BEGAN).await.expect("written").expect("made");
    let hash = |n: i64| SessionHash::of(&n.to_string());
    for n in 0..25 {
        assert!(store.begin_session(&hash(n), "anna", later(n)).await.expect("written"));
    }
    let mut open = Vec::new();
    for n in 0..25 {
        open.extend(store.session(&hash(n), later(30)).await.expect("read").map(|_| n));
    }
    assert_eq!(open, (5..25).collect::<Vec<i64>>());
    store.end_session(&hash(24)).await.expect("written");
    assert!(store.session(&hash(24), later(30)).await.expect("read").is_none());
    store.end_sessions("anna").await.expect("written");
    assert!(store.session(&hash(23), later(30)).await.expect("read").is_none());
}

async fn what_the_browser_holds_is_not_in_the_database(place: Place) {
    let store = place.open().await;
    store.add_user(&new("anna", Role::Agent), BEGAN).await.expect("written").expect("made");
    store.begin_session(&SessionHash::of("the-cookie-itself"), "anna", BEGAN).await.expect("written");
    let bytes = match place.kind {
        Kind::Sqlite => {
            store.close().await;
            std::fs::read(place.path().join("hotline.sqlite")).expect("the database")
        }
        Kind::Postgres => {
            let sql =
                "SELECT (SELECT string_agg(s::text, ' ') FROM sessions s) || (SELECT string_agg(u::text, ' ') FROM users u)";
            let all: String = sqlx::query(sql).fetch_one(&store.pool).await.expect("read").try_get(0).expect("a text");
            assert!(all.contains("anna"), "{all}");
            all.into_bytes()
        }
    };
    assert!(!bytes.windows(17).any(|w| w == b"the-cookie-itself"));
}

async fn the_audit_is_read_in_pages_and_goes_after_its_days(place: Place) {
    let store = place.open().await;
    for day in 0..4 {
        store.audit(later(day * 86_400), Some("root"), "user_changed", &format!("u{day}")).await.expect("written");
    }
    let long = "x".repeat(1_000);
    store.audit(later(4 * 86_400), None, "login_failed", &long).await.expect("written");
    let first = store.audit_page(None, 2, &AuditFilter::default()).await.expect("read");
    assert_eq!((first.len(), first[0].user.as_deref(), first[0].subject.len()), (2, None, 200));
    let second = store.audit_page(Some(first[1].id), 10, &AuditFilter::default()).await.expect("read");
    assert_eq!(second.iter().map(|r| r.subject.as_str()).collect::<Vec<_>>(), ["u2", "u1", "u0"]);
    let otherwise = Retention { audio_days: None, text_days: None };
    let rules = RetentionRules { by_flow: BTreeMap::new(), otherwise, audit_days: Some(2) };
    assert_eq!(store.enforce_retention(later(5 * 86_400), &rules).await.expect("enforced").audit, 3);
    assert_eq!(store.audit_page(None, 10, &AuditFilter::default()).await.expect("read").len(), 2);
}

async fn the_audit_is_searched_by_what_was_done_and_by_whom(place: Place) {
    let store = place.open().await;
    let rows = [
        (Some("anna"), "login", ""),
        (Some("bob"), "listened", "c1 1"),
        (Some("anna"), "listened", "c2 1"),
        (None, "login_failed", "anna"),
        (None, "login_failed", "bob"),
    ];
    for (user, action, subject) in rows {
        store.audit(later(0), user, action, subject).await.expect("written");
    }
    let find = async |actions: &[&str], user: Option<&str>, before: Option<i64>, limit: u32| {
        let of = AuditFilter { actions: actions.iter().map(|a| a.to_string()).collect(), user: user.map(String::from) };
        let rows = store.audit_page(before, limit, &of).await.expect("read");
        rows.iter().map(|r| format!("{} {}", r.action, r.subject)).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(find(&["listened"], None, None, 9).await, "listened c2 1, listened c1 1");
    assert_eq!(find(&[], Some("anna"), None, 9).await, "login_failed anna, listened c2 1, login ");
    assert_eq!(find(&["login", "login_failed"], Some("anna"), None, 9).await, "login_failed anna, login ");
    assert_eq!(find(&["listened"], None, None, 1).await, "listened c2 1");
    let last = store.audit_page(None, 1, &AuditFilter::default()).await.expect("read")[0].id;
    assert_eq!(find(&["login_failed"], None, Some(last), 9).await, "login_failed anna");
    assert_eq!(find(&["'; DROP TABLE audit; --"], Some("' OR 1=1"), None, 9).await, "");
}

super::places::on_each_database![
    the_first_administrator_is_made_once,
    names_and_desks_are_taken_once,
    the_last_administrator_stays,
    a_session_ends_unused_after_an_hour_and_used_after_twelve,
    what_changes_rights_or_password_ends_sessions_at_once,
    sessions_of_a_user_are_bounded_and_end_together,
    what_the_browser_holds_is_not_in_the_database,
    the_audit_is_read_in_pages_and_goes_after_its_days,
    the_audit_is_searched_by_what_was_done_and_by_whom,
];
