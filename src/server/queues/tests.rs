//! Registered phones that come and go, and queues that begin anew.

use super::*;
use crate::acd::QueueSetup;
use crate::base::{Moment, Pii};
use crate::call::HandOverCard;
use crate::sip::REGISTERED;
use crate::store::tests::began;
use crate::store::{KeptLine, Store};
use std::collections::BTreeMap;

fn heard(inbox: &mut mpsc::Receiver<Inbox>) -> Vec<String> {
    let mut all = Vec::new();
    while let Ok(Inbox::Happening(Happening::Call(call::Event::Queue(news)))) = inbox.try_recv() {
        all.push(format!("{news:?}").split([' ', '(']).next().unwrap_or_default().to_string());
    }
    all
}

async fn keeper(people: People, folder: &std::path::Path) -> Keeper {
    let store = crate::store::Store::open(folder).await.expect("a store");
    let (writer, _task) = crate::store::StoreWriter::start(store);
    let epoch = Instant::now();
    Keeper {
        acd: Acd::new(people.setup.clone(), now_since(epoch)).expect("a set-up"),
        epoch,
        people: Arc::new(Mutex::new(Arc::new(people))),
        calls: HashMap::new(),
        kept: Kept::new(Places::default(), writer.clone()),
        call_backs: CallBacks::new(mpsc::unbounded_channel().0, writer),
        parked_gone: Vec::new(),
        phones: BTreeSet::new(),
        tell: watch::channel(Arc::default()).0,
        day: None,
        dirty: false,
        shown: epoch,
    }
}

fn agent(name: &str, phone: &str, returns: Option<Duration>) -> (AgentSetup, String) {
    let skills = BTreeMap::from([("support".to_string(), 1)]);
    (AgentSetup { name: name.into(), skills, languages: BTreeSet::new(), returns }, phone.into())
}

#[tokio::test]
async fn whose_phone_is_not_registered_is_away_until_it_comes() {
    let folder = tempfile::tempdir().expect("a folder");
    let agents = vec![
        agent("anna", REGISTERS, None),
        agent("bob", REGISTERS, Some(Duration::from_secs(60))),
        agent("carl", PHONE, None),
    ];
    let login = |login: &str| PhoneLogin { login: login.into(), password: Pii::new("secret".into()) };
    let logins = BTreeMap::from([("anna".to_string(), login("a1")), ("bob".to_string(), login("bob"))]);
    let people = People { logins, ..People::new(vec![QueueSetup::named("support")], agents) };
    let mut keeper = keeper(people, folder.path()).await;
    keeper.phones_settle();
    let is = |keeper: &Keeper, agent: &str| match keeper.acd.agent_view(now_since(keeper.epoch).at, agent).map(|a| a.presence) {
        Some(Presence::Away(why)) => why,
        other => format!("{other:?}"),
    };
    let goes = |keeper: &mut Keeper, agent: &str, presence| {
        keeper.handle(Some(Message::Desk(Event::Presence { agent: agent.into(), presence })));
    };
    let phone = |keeper: &mut Keeper, login: &str, there| keeper.handle(Some(Message::Phone(login.into(), there)));
    assert_eq!(is(&keeper, "bob"), NO_PHONE, "there from the start, but without a phone");
    for agent in ["anna", "carl"] {
        goes(&mut keeper, agent, Presence::Available);
    }
    assert_eq!((is(&keeper, "anna").as_str(), is(&keeper, "carl").as_str()), (NO_PHONE, "Some(Available)"));
    goes(&mut keeper, "carl", Presence::Offline);
    phone(&mut keeper, "a1", true);
    assert_eq!((is(&keeper, "anna").as_str(), is(&keeper, "bob").as_str()), ("Some(Available)", NO_PHONE));
    let (waits, mut inbox) = mpsc::channel(10);
    let ticket = Box::new(Ticket { queue: "support".into(), ..Ticket::default() });
    keeper.handle(Some(Message::Call(CallId(1), QueueAsk::Enter(ticket), waits)));
    let offered = match inbox.try_recv() {
        Ok(Inbox::Happening(Happening::Call(call::Event::Queue(QueueEvent::Offer { to, .. })))) => to,
        _ => "no offer".into(),
    };
    assert_eq!(offered, format!("{REGISTERED}a1"));
    // It goes while it rings: the caller keeps the place, and is offered again when it is back.
    phone(&mut keeper, "a1", false);
    assert_eq!((is(&keeper, "anna").as_str(), heard(&mut inbox)[0].as_str()), (NO_PHONE, "Withdrawn"));
    phone(&mut keeper, "a1", true);
    assert_eq!(heard(&mut inbox).last().map(String::as_str), Some("Offer"));
    // Other reasons are the agent's own.
    goes(&mut keeper, "anna", Presence::Away("lunch".into()));
    phone(&mut keeper, "a1", false);
    phone(&mut keeper, "a1", true);
    assert_eq!(is(&keeper, "anna"), "lunch");
}

#[tokio::test]
async fn who_talks_goes_on_talking_when_the_queues_begin_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let agents = vec![agent("anna", "sip:anna@x", None), agent("bob", "sip:bob@x", None)];
    let mut keeper = keeper(People::new(vec![QueueSetup::named("support")], agents), folder.path()).await;
    let ((talks, mut first), (waits, mut second)) = (mpsc::channel(10), mpsc::channel(10));
    let (here, there) = (CallId(1), CallId(2));
    let ticket = || Box::new(Ticket { queue: "support".into(), ..Ticket::default() });
    keeper.step(Event::Presence { agent: "anna".into(), presence: Presence::Available });
    keeper.handle(Some(Message::Call(here, QueueAsk::Enter(ticket()), talks.clone())));
    keeper.handle(Some(Message::Call(here, QueueAsk::Accepted("anna".into()), talks.clone())));
    keeper.handle(Some(Message::Call(here, QueueAsk::Joined, talks.clone())));
    keeper.step(Event::Presence { agent: "bob".into(), presence: Presence::Available });
    let asks = QueueAsk::Consult { queue: "support".into(), agent: Some("bob".into()) };
    keeper.handle(Some(Message::Call(here, asks, talks.clone())));
    keeper.handle(Some(Message::Call(here, QueueAsk::Consulted, talks.clone())));
    keeper.handle(Some(Message::Call(there, QueueAsk::Enter(ticket()), waits.clone())));
    keeper.show();
    assert_eq!((heard(&mut first).first().map(String::as_str), heard(&mut second)), (Some("Offer"), vec!["Place".to_string()]));
    keeper.begin_anew();
    assert_eq!((heard(&mut first), heard(&mut second)), (vec![], vec!["Unserved".to_string()]));
    assert_eq!(keeper.state_of("anna"), Some(AgentState::Talking(here)));
    assert_eq!(keeper.state_of("bob"), Some(AgentState::Talking(here)), "a colleague who is asked stays asked");
    // A third caller is not offered to who talks; and the talk comes to its end as usual.
    keeper.handle(Some(Message::Call(CallId(3), QueueAsk::Enter(ticket()), waits)));
    assert_eq!(heard(&mut second), ["Place"]);
    keeper.handle(Some(Message::Call(here, QueueAsk::Finished(Talk::default()), talks)));
    assert_eq!(keeper.state_of("anna"), Some(AgentState::WrapUp));
}

#[tokio::test]
async fn a_click_of_a_colleague_that_crosses_the_hand_over_ends_no_call() {
    let folder = tempfile::tempdir().expect("a folder");
    let agents = vec![agent("anna", "sip:anna@x", None), agent("bob", "sip:bob@x", None)];
    let mut keeper = keeper(People::new(vec![QueueSetup::named("support")], agents), folder.path()).await;
    let (inbox, mut heard) = mpsc::channel(30);
    let call = CallId(1);
    let ticket = Box::new(Ticket { queue: "support".into(), ..Ticket::default() });
    keeper.step(Event::Presence { agent: "anna".into(), presence: Presence::Available });
    let asks = QueueAsk::Consult { queue: "support".into(), agent: Some("bob".into()) };
    let steps = [QueueAsk::Enter(ticket), QueueAsk::Accepted("anna".into()), QueueAsk::Joined, asks, QueueAsk::Consulted];
    for step in steps {
        keeper.handle(Some(Message::Call(call, step, inbox.clone())));
        keeper.step(Event::Presence { agent: "bob".into(), presence: Presence::Available });
    }
    let mut wishes = |keeper: &mut Keeper, ask| {
        keeper.handle(Some(Message::Wish("bob".into(), ask)));
        let mut last = None;
        while let Ok(Inbox::Happening(Happening::Call(event))) = heard.try_recv() {
            if let call::Event::Desk(ask) = event {
                last = Some(ask);
            }
        }
        last
    };
    // Who was asked goes, by whichever button.
    for ask in [DeskAsk::GoBack, DeskAsk::HangUp] {
        assert_eq!(wishes(&mut keeper, ask), Some(DeskAsk::Leave));
    }
    assert_eq!(wishes(&mut keeper, DeskAsk::Park), None);
    // Anna was faster: what leaving is for the page goes back to nobody, and the call knows that.
    keeper.handle(Some(Message::Call(call, QueueAsk::HandedOver(Talk::default()), inbox)));
    assert_eq!(wishes(&mut keeper, DeskAsk::GoBack), Some(DeskAsk::GoBack));
}

/// A call in the store, so that its rows have something to belong to.
async fn comes(store: &Store, call: CallId) {
    store.write(call, Moment::ZERO, &began()).await.expect("written");
}

fn enters(keeper: &mut Keeper, call: CallId, caller: u64) -> mpsc::Receiver<Inbox> {
    let (inbox, heard) = mpsc::channel(30);
    let ticket = Box::new(Ticket { queue: "support".into(), caller, ..Ticket::default() });
    keeper.handle(Some(Message::Call(call, QueueAsk::Enter(ticket), inbox)));
    heard
}

fn asks(keeper: &mut Keeper, call: CallId, ask: QueueAsk) {
    let inbox = keeper.calls.get(&call).cloned().unwrap_or_else(|| mpsc::channel(1).0);
    keeper.handle(Some(Message::Call(call, ask, inbox)));
}

fn line(keeper: &Keeper) -> Vec<u128> {
    keeper.acd.waiting_views(now_since(keeper.epoch).at).iter().map(|waiting| waiting.call.0).collect()
}

/// The gateway dies, and another one begins with its store.
async fn restarted(keeper: Keeper, store: &Store, folder: &std::path::Path) -> Keeper {
    let (writer, people) = (keeper.kept.writer(), keeper.people.lock().expect("no panic").clone());
    writer.flush().await;
    drop(keeper);
    store.end_interrupted().await.expect("ended");
    let remembered = Remembered::read(store, wall_now()).await.expect("read");
    let mut again = self::keeper((*people).clone(), folder).await;
    again.remember(remembered, &[]);
    again.step(Event::Presence { agent: "anna".into(), presence: Presence::Away("break".into()) });
    again
}

#[tokio::test]
async fn who_was_in_line_when_the_gateway_died_has_the_place_and_who_hung_up_has_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path()).await.expect("a store");
    let people = People::new(vec![QueueSetup::named("support")], vec![agent("anna", "sip:anna@x", None)]);
    let mut first = keeper(people, folder.path()).await;
    first.step(Event::Presence { agent: "anna".into(), presence: Presence::Away("break".into()) });
    for call in 1..=3 {
        comes(&store, CallId(call)).await;
        // The store knows milliseconds, and two of the same are nobody's order.
        tokio::time::sleep(Duration::from_millis(10)).await;
        let _heard = enters(&mut first, CallId(call), u64::try_from(call).expect("small"));
    }
    asks(&mut first, CallId(2), QueueAsk::Leave(Left::HungUp));
    first.handle(Some(Message::Gone(CallId(2))));
    let mut second = restarted(first, &store, folder.path()).await;
    // Somebody new, then those who were there, in the wrong order.
    let callers = [(10, 9), (12, 2), (13, 3), (11, 1)];
    for (call, caller) in callers {
        comes(&store, CallId(call)).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        let _heard = enters(&mut second, CallId(call), caller);
    }
    assert_eq!(line(&second), [11, 13, 10, 12]);
    // The place is theirs once.
    let _heard = enters(&mut second, CallId(14), 1);
    assert_eq!(line(&second), [11, 13, 10, 12, 14]);
    // And again, should this gateway die, too: now those wait who came to it.
    let third = restarted(second, &store, folder.path()).await;
    let kept: Vec<u128> = third.kept.places.calls();
    assert_eq!(kept, [11, 13, 10, 12], "call 14 was in no record");
}

#[tokio::test]
async fn who_had_an_agent_goes_to_the_head_of_the_line_and_to_the_same_agent_and_waits_are_known() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path()).await.expect("a store");
    let agents = vec![agent("anna", "sip:anna@x", None), agent("bob", "sip:bob@x", None)];
    let mut first = keeper(People::new(vec![QueueSetup::named("support")], agents), folder.path()).await;
    first.step(Event::Presence { agent: "anna".into(), presence: Presence::Available });
    for call in 1..=2 {
        comes(&store, CallId(call)).await;
    }
    let _talks = enters(&mut first, CallId(1), 1);
    asks(&mut first, CallId(1), QueueAsk::Accepted("anna".into()));
    asks(&mut first, CallId(1), QueueAsk::Joined);
    let _waits = enters(&mut first, CallId(2), 2);
    first.handle(Some(Message::Stop));
    // The drain is over.
    first.handle(Some(Message::WriteDown(oneshot::channel().0)));
    let mut second = restarted(first, &store, folder.path()).await;
    for (call, caller) in [(12, 2), (11, 1)] {
        comes(&store, CallId(call)).await;
        let _heard = enters(&mut second, CallId(call), caller);
    }
    assert_eq!(line(&second), [11, 12]);
    let day = second.acd.queue_views(now_since(second.epoch).at)[0].day;
    assert_eq!((day.came, day.served), (4, 1), "the day goes on");
    second.step(Event::Presence { agent: "bob".into(), presence: Presence::Available });
    second.step(Event::Presence { agent: "bob".into(), presence: Presence::Offline });
    asks(&mut second, CallId(11), QueueAsk::Leave(Left::HungUp));
    asks(&mut second, CallId(12), QueueAsk::Leave(Left::HungUp));
    second.step(Event::Presence { agent: "bob".into(), presence: Presence::Available });
    second.step(Event::Presence { agent: "anna".into(), presence: Presence::Available });
    let _heard = enters(&mut second, CallId(15), 1);
    assert_eq!(second.state_of("anna"), Some(AgentState::Offered(CallId(15))), "bob has been idle for longer");
}

#[tokio::test]
async fn a_place_is_told_to_one_call_of_the_same_number_and_flow_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path()).await.expect("a store");
    let people = People::new(vec![QueueSetup::named("support")], vec![agent("anna", "sip:anna@x", None)]);
    let mut first = keeper(people, folder.path()).await;
    first.step(Event::Presence { agent: "anna".into(), presence: Presence::Away("break".into()) });
    let (call, number) = (CallId(1), "+493012345678");
    comes(&store, call).await;
    let card = crate::store::tests::card();
    store.put_card(&HandOverCard { call, ..card.clone() }, wall_now().plus(Duration::from_secs(60))).await.expect("kept");
    let _heard = enters(&mut first, call, call::same_caller(number));
    let second = restarted(first, &store, folder.path()).await;
    let places = &second.kept.places;
    let claim = |by: u128, number: &str, flow: &str| places.claim(CallId(by), number, flow, wall_now());
    assert_eq!(claim(2, "anonymous", &card.flow), None);
    assert_eq!(claim(2, "+493012345679", &card.flow), None);
    assert_eq!(claim(2, number, "another"), None);
    let place = claim(2, number, &card.flow).expect("theirs");
    assert_eq!((place.queue.as_str(), place.talked, place.card.reference.as_str()), ("support", false, ""));
    assert_eq!(place.card.turns, card.turns);
    assert_eq!(claim(3, number, &card.flow), None, "another phone of the same house");
    let mut second = second;
    second.handle(Some(Message::Gone(CallId(2))));
    assert!(second.kept.places.claim(CallId(4), number, &card.flow, wall_now()).is_some(), "they hung up before it was theirs");
    second.handle(Some(Message::Forgotten([call].into())));
    second.handle(Some(Message::Gone(CallId(4))));
    assert_eq!(second.kept.places.claim(CallId(5), number, &card.flow, wall_now()), None, "it was deleted");
}

#[tokio::test]
async fn a_line_that_broke_keeps_the_place_for_a_quarter_of_an_hour() {
    let folder = tempfile::tempdir().expect("a folder");
    let people = People::new(vec![QueueSetup::named("support")], vec![agent("anna", "sip:anna@x", None)]);
    let mut keeper = keeper(people, folder.path()).await;
    keeper.step(Event::Presence { agent: "anna".into(), presence: Presence::Away("break".into()) });
    let _first = enters(&mut keeper, CallId(1), 1);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let _second = enters(&mut keeper, CallId(2), 2);
    asks(&mut keeper, CallId(1), QueueAsk::CallerLost(Box::new(crate::store::tests::card())));
    asks(&mut keeper, CallId(1), QueueAsk::Leave(Left::Over));
    keeper.handle(Some(Message::Gone(CallId(1))));
    assert_eq!(line(&keeper), [2]);
    let _again = enters(&mut keeper, CallId(3), 1);
    assert_eq!(line(&keeper), [3, 2]);
}

/// Nobody takes calls, anna and bob are logged in.
async fn waiting_room(folder: &std::path::Path) -> (Store, Keeper) {
    let store = Store::open(folder).await.expect("a store");
    let agents = vec![agent("anna", "sip:anna@x", None), agent("bob", "sip:bob@x", None)];
    let mut keeper = keeper(People::new(vec![QueueSetup::named("support")], agents), folder).await;
    keeper.step(Event::Presence { agent: "anna".into(), presence: Presence::Away("break".into()) });
    (store, keeper)
}

fn talks(keeper: &mut Keeper, call: CallId) {
    asks(keeper, call, QueueAsk::Accepted("anna".into()));
    asks(keeper, call, QueueAsk::Joined);
}

#[tokio::test]
async fn who_could_not_be_served_has_the_place_still_also_after_another_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut first) = waiting_room(folder.path()).await;
    comes(&store, CallId(1)).await;
    let _waits = enters(&mut first, CallId(1), 1);
    let mut second = restarted(first, &store, folder.path()).await;
    for call in [11, 12, 13] {
        comes(&store, CallId(call)).await;
    }
    let _late = enters(&mut second, CallId(12), 2);
    let _again = enters(&mut second, CallId(11), 1);
    assert_eq!(line(&second), [11, 12]);
    second.step(Event::Leave { call: CallId(11), why: Left::Over });
    second.carry_out(Command::Unserved { call: CallId(11), why: Unserved::TooLong });
    // Another phone of theirs does not take it from the call that goes on.
    let _other = enters(&mut second, CallId(13), 1);
    assert_eq!(line(&second), [12, 13]);
    second.handle(Some(Message::Gone(CallId(11))));
    let mut third = restarted(second, &store, folder.path()).await;
    assert_eq!(third.kept.places.calls().len(), 3, "{:?}", third.kept.places.calls());
    let _last = enters(&mut third, CallId(21), 1);
    let _late = enters(&mut third, CallId(22), 2);
    assert_eq!(line(&third), [21, 22]);
}

#[tokio::test]
async fn who_wanted_something_else_meanwhile_has_waited_for_so_long_and_is_not_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut first) = waiting_room(folder.path()).await;
    comes(&store, CallId(1)).await;
    comes(&store, CallId(2)).await;
    let _waits = enters(&mut first, CallId(2), 2);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let _talks = enters(&mut first, CallId(1), 1);
    talks(&mut first, CallId(1));
    let mut second = restarted(first, &store, folder.path()).await;
    for (call, caller) in [(19, 9), (12, 2), (11, 1)] {
        let _heard = enters(&mut second, CallId(call), caller);
    }
    assert_eq!(line(&second), [11, 12, 19], "who had an agent is first");
    asks(&mut second, CallId(11), QueueAsk::Leave(Left::Elsewhere));
    let _again = enters(&mut second, CallId(11), 1);
    assert_eq!(line(&second), [12, 11, 19], "after who came before, before who came later");
    // What they have waited in this call counts once.
    let hour = Duration::from_secs(3_600);
    let mut ticket = Ticket { queue: "support".into(), caller: 1, waited: hour, ..Ticket::default() };
    second.comes_in(CallId(11), &mut ticket);
    assert_eq!((ticket.waited, ticket.kept), (hour, Some(Duration::ZERO)));
    second.handle(Some(Message::Gone(CallId(11))));
    let _next = enters(&mut second, CallId(31), 1);
    assert_eq!(line(&second), [12, 19, 31], "it was theirs once");
}

#[tokio::test]
async fn a_place_goes_with_its_call_wherever_it_is_and_a_talk_takes_nobody_elses() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut first) = waiting_room(folder.path()).await;
    // Two of the same house.
    for call in [1, 2] {
        comes(&store, CallId(call)).await;
        let _waits = enters(&mut first, CallId(call), 7);
    }
    let mut second = restarted(first, &store, folder.path()).await;
    comes(&store, CallId(11)).await;
    let _again = enters(&mut second, CallId(11), 7);
    talks(&mut second, CallId(11));
    assert_eq!(second.kept.places.calls().len(), 1, "the other one has theirs");
    asks(&mut second, CallId(11), QueueAsk::Finished(Talk::default()));
    let _other = enters(&mut second, CallId(12), 7);
    second.handle(Some(Message::Forgotten([CallId(1), CallId(2)].into())));
    second.carry_out(Command::Unserved { call: CallId(12), why: Unserved::TooLong });
    assert!(!second.kept.places.any(), "it was deleted while somebody had it");
}

#[tokio::test]
async fn a_line_that_breaks_in_a_talk_leads_back_to_an_agent_with_what_was_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut keeper) = waiting_room(folder.path()).await;
    let (number, card) = ("+493012345678", crate::store::tests::card());
    comes(&store, CallId(1)).await;
    let _talks = enters(&mut keeper, CallId(1), call::same_caller(number));
    talks(&mut keeper, CallId(1));
    asks(&mut keeper, CallId(1), QueueAsk::CallerLost(Box::new(card.clone())));
    asks(&mut keeper, CallId(1), QueueAsk::Finished(Talk::default()));
    keeper.handle(Some(Message::Gone(CallId(1))));
    let place = keeper.kept.places.claim(CallId(2), number, &card.flow, wall_now()).expect("theirs");
    assert!(place.talked && place.card.turns == card.turns, "{place:?}");
    keeper.kept.writer().flush().await;
    assert_eq!(store.cut_off_lines(wall_now(), wall_now()).await.expect("read").len(), 1, "also after a restart");
    // Who puts the phone down has none.
    let _talks = enters(&mut keeper, CallId(3), 3);
    talks(&mut keeper, CallId(3));
    asks(&mut keeper, CallId(3), QueueAsk::Finished(Talk::default()));
    keeper.handle(Some(Message::Gone(CallId(3))));
    assert_eq!(keeper.kept.places.calls(), [1]);
}

#[tokio::test]
async fn who_was_abusive_is_so_after_a_restart_and_meets_the_same_agent_no_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut first) = waiting_room(folder.path()).await;
    for call in [1, 2] {
        comes(&store, CallId(call)).await;
        let _heard = enters(&mut first, CallId(call), u64::try_from(call).expect("small"));
        talks(&mut first, CallId(call));
        let strain = crate::acd::Strain { abusive: call == 1, ..Default::default() };
        asks(&mut first, CallId(call), QueueAsk::HandedOver(Talk { strain, lost: false }));
    }
    first.kept.writer().flush().await;
    let known: Vec<u64> = store.last_agents(wall_now()).await.expect("read").iter().map(|last| last.caller).collect();
    assert_eq!(known, [2]);
    let second = restarted(first, &store, folder.path()).await;
    let abusive = |place: &KeptLine| place.line.abusive;
    assert_eq!(second.kept.places.all().iter().map(abusive).collect::<Vec<_>>(), [true, false]);
}

#[tokio::test]
async fn what_was_learned_outlives_a_failure_of_the_machine_and_is_written_down_at_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut keeper) = waiting_room(folder.path()).await;
    comes(&store, CallId(1)).await;
    let _talks = enters(&mut keeper, CallId(1), 1);
    talks(&mut keeper, CallId(1));
    asks(&mut keeper, CallId(1), QueueAsk::Finished(Talk::default()));
    let served = |keeper: &Keeper| keeper.acd.queue_views(now_since(keeper.epoch).at)[0].day.served;
    assert_eq!(served(&keeper), 1);
    keeper.show();
    keeper.begin_anew();
    assert_eq!(served(&keeper), 1);
    keeper.handle(Some(Message::WriteDown(oneshot::channel().0)));
    assert_eq!(served(&restarted(keeper, &store, folder.path()).await), 1);
}

#[tokio::test]
async fn who_had_an_agent_is_first_also_when_the_gateway_dies_again_before_the_next_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut first) = waiting_room(folder.path()).await;
    comes(&store, CallId(1)).await;
    let _talks = enters(&mut first, CallId(1), 1);
    talks(&mut first, CallId(1));
    let mut second = restarted(first, &store, folder.path()).await;
    comes(&store, CallId(11)).await;
    let _waits = enters(&mut second, CallId(11), 1);
    let third = restarted(second, &store, folder.path()).await;
    let kept: Vec<(CallId, bool)> = third.kept.places.all().iter().map(|kept| (kept.line.call, kept.line.talking)).collect();
    assert_eq!(kept, [(CallId(11), true)]);
}

#[tokio::test]
async fn who_calls_again_before_the_silence_was_noticed_and_who_is_called_back_have_one_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut first) = waiting_room(folder.path()).await;
    let lost = || QueueAsk::CallerLost(Box::new(crate::store::tests::card()));
    for (call, caller) in [(1, 7), (2, 7), (3, 9)] {
        comes(&store, CallId(call)).await;
        let _waits = enters(&mut first, CallId(call), caller);
    }
    asks(&mut first, CallId(1), lost());
    asks(&mut first, CallId(1), QueueAsk::Leave(Left::Over));
    assert!(!first.kept.places.any(), "they are in line already");
    asks(&mut first, CallId(3), lost());
    asks(&mut first, CallId(3), QueueAsk::Leave(Left::Over));
    assert_eq!(first.kept.places.calls(), [3]);
    // Caller 9 waits to be called back in that line, too.
    first.kept.writer().flush().await;
    let remembered = Remembered::read(&store, wall_now()).await.expect("read");
    let ticket = Ticket { queue: "support".into(), caller: 9, ..Ticket::default() };
    let wish =
        call::CallBackWish { number: crate::base::PhoneNumber::new("+4930123456"), ticket, card: crate::store::tests::card() };
    let row = crate::store::CallBackRow {
        id: CallId(50),
        call: CallId(3),
        queue: "support".into(),
        flow: "line".into(),
        asked: wall_now(),
        since: wall_now(),
        not_before: wall_now(),
        tries: 0,
        state: "waiting".into(),
        outcome: None,
        closed: None,
        number: Some(wish.number.clone()),
        wish: Some(wish),
    };
    let people = (**first.people.lock().expect("no panic")).clone();
    let mut second = keeper(people, folder.path()).await;
    second.remember(remembered, &[row]);
    assert_eq!(second.kept.places.calls(), [2], "of them who waited when the gateway died");
}

#[tokio::test]
async fn abuse_is_known_however_the_talk_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut keeper) = waiting_room(folder.path()).await;
    comes(&store, CallId(1)).await;
    let _talks = enters(&mut keeper, CallId(1), 1);
    talks(&mut keeper, CallId(1));
    asks(&mut keeper, CallId(1), QueueAsk::Abusive);
    asks(&mut keeper, CallId(1), QueueAsk::CallerLost(Box::new(crate::store::tests::card())));
    assert!(keeper.kept.places.all().iter().all(|kept| kept.line.abusive && kept.line.talking));
    keeper.kept.writer().flush().await;
    assert_eq!(store.last_agents(wall_now()).await.expect("read"), []);
}
