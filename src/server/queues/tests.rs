//! Registered phones that come and go, and queues that begin anew.

use super::*;
use crate::acd::QueueSetup;
use crate::base::Pii;
use crate::sip::REGISTERED;
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
