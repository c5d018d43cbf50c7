//! Tables of what callers say. Add a line when somebody was not understood.

use super::examples::{MORE_REQUESTS, NOT_REQUESTS, REQUESTS};
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
    "is it possible to be connected to a human",
    "i would rather deal with a person",
    "stop this and put a person on the line",
    "i can't do this with a machine get me someone",
    "let's skip this i want an agent",
    "hand me over to somebody please",
    "pass me on to a colleague",
    "pass me to a human agent",
    "could i be put through to the support team",
    "please put me in touch with a representative",
    "i demand to talk to a real person",
    "customer support please",
    "customer service representative",
    "somebody from billing please i want to speak to them",
    "i need a person to explain this to me",
    "will you just give me a human",
    "don't make me repeat myself give me an agent",
    "switch me to a human",
    "reroute me to an operator",
    "escalate this to a supervisor",
    "i'd like an advisor please",
    "can i get an adviser on the phone",
    "speak to a customer advisor",
    "talk to a consultant",
    "may i speak with one of your staff",
    "get a staff member on the line",
    "i want to talk to your service desk",
    "connect me with the help desk",
    "operator now",
    "agent now please",
    "human human human",
    "a person please not a computer",
    "i don't want to talk to a computer",
    "i do not want a bot",
    "no more robots",
    "are you a robot i want a human",
    "is there a live person available",
    "any agent will do",
    "next available agent please",
    "i will wait for an agent",
    "put me in the queue for an agent",
    "someone needs to call me back about this",
    "have an agent ring me",
    "i want to be called back by a person",
    "please have somebody phone me",
    "我想跟人说话",
    "给我找个人来",
    "我要跟真人讲",
    "有没有活人啊",
    "我不想跟机器人说",
    "别让机器人跟我说了",
    "换个人来跟我说",
    "叫你们客服来",
    "让客服接电话",
    "能接一下人工吗",
    "接通人工坐席",
    "人工坐席谢谢",
    "麻烦接一下客服",
    "我要找你们领导",
    "找你们主管",
    "请主管接电话",
    "转接人工客服可以吗",
    "唔该转人工",
    "我要搵客服",
    "俺要人工",
    "给俺转人工呗",
    "找个人工的",
    "人工人工人工",
    "来个真人行不行",
    "让真人给我回电话",
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
    assert!(percent(&known) >= 95.0 && percent(&others) >= 86.0 && percent(&talk) <= 5.0 && percent(&clean) <= 2.0);
}
