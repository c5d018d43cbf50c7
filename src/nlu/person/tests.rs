//! Tables of what callers say. Add a line when somebody was not understood.

use super::examples::{NOT_REQUESTS, REQUESTS};
use super::*;

/// Written after the rules, to see whether they carry over to other wordings; those that were missed then are heard now.
const MORE_REQUESTS: &[&str] = &[
    "could somebody please talk to me",
    "get me out of this menu i want a person",
    "hey can you hook me up with an agent",
    "i'd like to have a word with somebody",
    "can i have a word with a manager",
    "i want to talk with someone from your team",
    "please let me speak with someone in charge",
    "i want to speak to whoever is in charge",
    "connect to agent",
    "agent agent agent please",
    "speak with agent please",
    "talk to customer care executive",
    "i want to talk to the customer care executive",
    "can someone call me",
    "can you get someone to call me back",
    "let me talk to your boss",
    "live chat with a person",
    "i want to speak to a real live person",
    "want human",
    "need agent",
    "need to talk to human",
    "would you please transfer me to a person",
    "transfer to agent",
    "transfer to representative",
    "i am tired of this robot give me a human",
    "you are not understanding me i want to talk to somebody",
    "this is not helping get me a human being",
    "no i want to talk to a person",
    "can i please just speak to somebody",
    "let me through to an agent",
    "are there any humans there",
    "anyone there i need to speak to someone",
    "can i speak to the manager",
    "can i talk to the supervisor please",
    "i would like to get in touch with customer service",
    "i want to discuss this with a human",
    "can a human help me",
    "could a person call me",
    "is there any way to talk to a person",
    "what do i have to do to talk to a person",
    "how do i get a human",
    "how do i get through to an agent",
    "just let me talk to someone for god's sake",
    "may i have a representative",
    "may i talk to somebody",
    "it would be great to talk to a person",
    "i think i should talk to a person",
    "i'd better speak to someone",
    "you know what let me talk to a person",
    "give me the operator",
    "operator operator",
    "zero operator",
    "representative representative",
    "talk to a rep",
    "talk to person",
    "let me talk to person",
    "speak to person",
    "person please",
    "i want to speak with a person about my bill",
    "can i speak to an actual person",
    "i can not hear you can i speak to a person",
    "agent i need an agent",
    "real human",
    "i need human assistance",
    "human help please",
    "human support",
    "live support",
    "live help",
    "live representative",
    "let me talk with the operator",
    "i need a customer service agent",
    "customer service please i want customer service",
    "i'd like customer service",
    "call center please",
    "talk to your colleague",
    "can you connect me",
    "can you put me through",
    "i wish to talk to an adviser",
    "let me speak with an expert",
    "specialist",
    "i want to speak to billing",
    "talk to sales",
    "i'd like to talk to the sales team",
    "put me through to billing",
    "我要和真人讲话",
    "我想找人工客服处理一下",
    "给我转接人工",
    "能找个人来听电话吗",
    "让人工接电话",
    "接通人工",
    "人工呢",
    "有没有真人",
    "我要投诉，转人工",
    "叫你们领导来",
    "我不要跟机器讲话",
    "我要找一个真人",
    "请帮我接客服人员",
    "请人工客服接听",
    "说人话",
    "我要跟你们的人说话",
    "i really want to speak with a live human please",
    "would it be possible to be connected to someone",
    "i'd love to talk to a person",
    "please give me a human representative",
    "can you transfer me over to somebody",
    "i've had enough i want to talk to a manager",
    "let me speak with customer services",
    "speak to the operator",
    "talk to a service representative",
    "i need to be transferred to a representative",
    "could i get some help from a real person",
    "i want to talk with a human agent about my package",
    "get somebody on the phone",
    "get me someone on the line",
    "i want to speak to an english speaking agent",
    "i am not talking to a machine",
    "i don't wanna talk to a bot",
    "is there anybody i can talk to",
    "do you have a human i can talk to",
    "could i speak to one of your agents",
    "pass me to a person",
    "i want a human to answer me",
    "i'd like some human assistance",
    "i want to speak directly to someone",
    "hello is anyone there",
    "connect me with your supervisor",
    "bring me a manager",
    "put a human on the line",
    "put someone on the phone",
    "put me on with an agent",
    "can you please get me a live agent",
];

#[test]
fn every_honest_request_is_heard() {
    let missed: Vec<&&str> = REQUESTS.iter().chain(MORE_REQUESTS).filter(|t| asks_for_person(t, &[]).is_none()).collect();
    assert!(REQUESTS.len() >= 200, "{}", REQUESTS.len());
    assert!(missed.is_empty(), "{} of {} not heard: {missed:#?}", missed.len(), REQUESTS.len() + MORE_REQUESTS.len());
}

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
    let vocabulary = || REQUESTS.iter().chain(MORE_REQUESTS).chain(NOT_REQUESTS).copied();
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
    let all: Vec<&str> = REQUESTS.iter().chain(MORE_REQUESTS).copied().collect();
    let percent = |(n, of, _): &(usize, usize, Vec<String>)| 100.0 * *n as f64 / *of as f64;
    let (known, others) = (asking(&all, 0.15), asking(MORE_REQUESTS, 0.15));
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
    assert!(percent(&known) >= 93.0 && percent(&others) >= 90.0 && percent(&talk) <= 5.0 && percent(&clean) <= 2.0);
}
