//! Tables of what callers say. Add a line when somebody was not understood.

use super::examples::{MORE_REQUESTS, REQUESTS};
use super::talk::NOT_REQUESTS;
use super::*;

#[test]
fn every_honest_request_is_heard() {
    let all = || REQUESTS.iter().chain(MORE_REQUESTS).chain(LATER_REQUESTS);
    let missed: Vec<&&str> = all().filter(|t| asks_for_person(t, &[]).is_none()).collect();
    assert!(all().count() >= 400, "{}", all().count());
    assert!(missed.is_empty(), "{} of {} not heard: {missed:#?}", missed.len(), all().count());
}

/// Written after the rules and what was learned, without looking at what they make of it.
const LATER_REQUESTS: &[&str] = &[
    "i need to get through to somebody",
    "just connect me already",
    "would you mind connecting me to an agent",
    "i'd appreciate it if i could talk to somebody",
    "i have a complaint and want to speak to a manager",
    "my problem is complicated i need a human",
    "this is urgent let me talk to somebody now",
    "it's an emergency get me a person",
    "you don't get it give me a real human",
    "forget it just transfer me",
    "never mind get me an agent",
    "sorry can i just talk to someone",
    "hi i was hoping to speak to somebody",
    "i was wondering if i could talk to an agent",
    "i am calling to speak with an agent",
    "i'm trying to reach a person",
    "i'm trying to get hold of someone",
    "is someone there who can help me",
    "is a real person available",
    "when can i talk to a real person",
    "how long until i can talk to a person",
    "what number do i press for an agent",
    "which button is for the operator",
    "press zero for operator",
    "go to operator",
    "agent option please",
    "talk to the technical team",
    "technical support agent",
    "speak to accounts please",
    "put me through to the manager",
    "your colleague please",
    "let me speak to your colleague",
    "can your colleague help me instead",
    "another person please",
    "someone else please",
    "a different agent please",
    "can i have someone who speaks english",
    "i want somebody who understands me",
    "i'm not satisfied i want to speak to a human",
    "this bot is useless give me a person",
    "stupid machine let me talk to a human",
    "you are a robot right i want a person",
    "不好意思我想找一下人工",
    "我这个问题比较复杂帮我转人工",
    "你听不懂给我转人工",
    "算了转人工吧",
    "直接人工",
    "人工呢人工在哪",
    "怎么转人工啊",
    "按几是人工",
    "有没有人能帮我一下",
    "能不能找个懂的人",
    "我要和你们的工作人员说",
    "找个真正的人",
    "我要跟客服人员通话",
    "请帮我联系一下客服",
    "我要投诉找你们经理",
    "让你们经理跟我说",
    "要个活人接电话",
];

#[test]
fn talk_about_persons_is_no_request() {
    let wrong: Vec<_> = NOT_REQUESTS.iter().filter_map(|t| asks_for_person(t, &[]).map(|r| (t, r))).collect();
    assert!(NOT_REQUESTS.len() >= 70);
    assert!(wrong.is_empty(), "{} wrongly heard: {wrong:#?}", wrong.len());
}

/// As recognisers write what sounds like 人工, 客服, 真人 and 接线员.
const SOUNDING: &[&str] = &[
    "人公",
    "仁工",
    "任公",
    "转人公",
    "转仁工",
    "专人公",
    "我要转人公",
    "请转任工",
    "我要人公服务",
    "帮我转仁工客服",
    "客父",
    "课服",
    "找客父",
    "我要找客夫",
    "转客富",
    "人工客付",
    "我要人功",
    "珍人",
    "接线园",
    "麻烦转人弓谢谢",
];

/// Other words that sound the same, or nearly, and talk of persons with characters misheard.
const SOUNDING_NOT: &[&str] = &[
    "我克服了困难",
    "要克服这个问题",
    "有专人工作吗",
    "请专人送货",
    "每个人工作都很忙",
    "一个人工作很累",
    "我是一个人共三件",
    "客户电话是多少",
    "课本付款了吗",
    "认真工作",
    "你们的人公平一点",
    "这个人公开投诉了",
    "任何人共用一个账号",
    "刻服装的章",
    "转人民币",
    "可否转账",
    "不要转人公",
    "人公智能是什么",
    "客父昨天告诉我今天到",
    "你们客父态度很差",
    "人公费多少钱",
    "帮我找包裹",
    "针线盒在里面",
    "真人民币",
    "接线的工人来了",
    "衣服可付款",
    "我的包裹客户没有收到",
    "转运中心在哪里",
    "砖人工费多少钱",
    "他负责刻符号",
];

#[test]
fn requests_in_mandarin_are_heard_by_their_sound() {
    let asks = |text: &&&str| asks_for_person(text, &[]).is_some();
    let missed: Vec<&&str> = SOUNDING.iter().filter(|t| !asks(t)).collect();
    let wrong: Vec<&&str> = SOUNDING_NOT.iter().filter(|t| asks(t)).collect();
    println!(
        "by sound: {} of {} missed {missed:?}; {} of {} wrongly heard {wrong:?}",
        missed.len(),
        SOUNDING.len(),
        wrong.len(),
        SOUNDING_NOT.len()
    );
    assert!(missed.is_empty() && wrong.is_empty());
}

#[test]
fn spotter_phrases_are_requests() {
    for language in [Language::EN, Language::ZH] {
        for phrase in phrases(language) {
            assert!(asks_for_person(phrase, &[]).is_some(), "{phrase}");
        }
    }
}

#[test]
fn a_flow_adds_its_own_phrases() {
    let extra = ["dispatch".to_string(), "值班室".to_string()];
    assert_eq!(asks_for_person("give me Dispatch!", &extra).map(|r| r.rule), Some(PersonRule::FlowPhrase));
    assert_eq!(asks_for_person("接值班室", &extra).map(|r| r.phrase), Some("值班室".to_string()));
    assert_eq!(asks_for_person("dispatched", &extra), None);
    assert_eq!(asks_for_person("anything", &[String::new()]), None);
}

#[test]
fn says_which_words_asked() {
    let heard = asks_for_person("Well, could you put me through to a real person, please?", &[]).expect("a request");
    assert_eq!((heard.phrase.as_str(), heard.rule), ("put me through to a real person", PersonRule::Asked));
}

/// How many of the texts, with errors in this share of the words and five seeds, ask for a person: how many, of how many, which.
fn asking(texts: &[&str], rate: f64) -> (usize, usize, Vec<String>) {
    let vocabulary = || REQUESTS.iter().chain(MORE_REQUESTS).chain(LATER_REQUESTS).chain(NOT_REQUESTS).copied();
    let (mut of, mut ask) = (0, Vec::new());
    for seed in 1..=5 {
        let mut errors = crate::nlu::Mishearing::new(vocabulary(), rate, seed);
        for text in texts {
            let said = errors.hear(text);
            of += 1;
            if asks_for_person(&said, &[]).or_else(|| seems_to_ask(&said)).is_some() {
                ask.push(format!("{text} -> {said}"));
            }
        }
    }
    (ask.len(), of, ask)
}

#[test]
fn requests_are_heard_through_word_errors() {
    let all: Vec<&str> = REQUESTS.iter().chain(MORE_REQUESTS).chain(LATER_REQUESTS).copied().collect();
    let percent = |(n, of, _): &(usize, usize, Vec<String>)| 100.0 * *n as f64 / *of as f64;
    let (known, others) = (asking(&all, 0.15), asking(LATER_REQUESTS, 0.15));
    let talk = asking(NOT_REQUESTS, 0.15);
    println!(
        "requests with 15 % word errors: {:.1} % of {}; {:.1} % of {} that were not learned; talk of persons: {:.1} % of {} taken for one",
        percent(&known),
        known.1,
        percent(&others),
        others.1,
        percent(&talk),
        talk.1
    );
    let clean = asking(NOT_REQUESTS, 0.0);
    println!("talk of persons without errors: {:.1} % of {}", percent(&clean), clean.1);
    assert!(percent(&known) >= 95.0 && percent(&others) >= 88.0 && percent(&talk) <= 5.0 && percent(&clean) <= 2.0);
}

#[test]
fn phrases_of_an_emergency_are_heard_but_not_where_they_are_denied() {
    let phrases = ["heart attack", "emergency", "着火", "紧急情况"].map(String::from);
    let says = |text: &str| says_one_of(text, &phrases);
    assert_eq!(says("My husband has a heart attack!").as_deref(), Some("heart attack"));
    for text in ["he can't breathe, heart attack", "she is not responding heart attack", "no it is a heart attack"] {
        assert_eq!(says(text).as_deref(), Some("heart attack"), "{text}");
    }
    assert_eq!(says("it's an emergency").as_deref(), Some("emergency"));
    assert_eq!(says("我家着火了").as_deref(), Some("着火"));
    assert_eq!(says("not an emergency yesterday but it is an emergency now").as_deref(), Some("emergency"));
    for text in [
        "it is not really an emergency",
        "this is not an emergency",
        "it isn't an emergency",
        "no emergency",
        "heart",
        "emergencys",
        "这不是紧急情况",
        "where is my parcel",
    ] {
        assert_eq!(says(text), None, "{text}");
    }
}
