//! Tables of what callers say. Add a line when somebody was not understood.

use super::*;

const REQUESTS: &[&str] = &[
    // single words and little more
    "agent", "operator", "representative", "human", "person", "agent please", "operator please", "a human please", "human human human",
    "agent agent", "real person", "a real person please", "live agent", "live person", "customer service", "customer support",
    "customer service representative", "customer care", "an actual human being", "human being", "supervisor", "manager",
    "i said agent", "no agent", "um operator please", "somebody", "someone please", "rep", "hello agent", "agents", "a person",
    "yes a human", "a live human", "human agent", "service agent", "help desk", "a gent", "custom service", "costumer service please",
    "the operator", "representative now", "people", "receptionist", "reception please", "advisor", "live operator thank you",
    // talk and speak
    "let me talk to a person", "i want to talk to a person", "can i talk to someone", "can i speak to someone please",
    "i'd like to speak to customer support", "i would like to speak with a representative", "could i please speak to a human being",
    "speak to an agent", "talk to a human", "talk to somebody", "speak to somebody", "i need to speak to someone",
    "i need to talk to an agent right now", "let me speak to your manager", "may i speak with a supervisor", "speak agent",
    "talk to agent", "speak to representative", "want to speak to human", "i wanna talk to a real person",
    "i just want to talk to someone who can help me", "i really need to talk to somebody about my parcel",
    "can i speak with somebody in customer service", "is it possible to speak to a person", "how do i speak to a real person",
    "how can i talk to an operator", "i'd rather speak to a human", "i would prefer to talk to a person", "i wish to speak to an advisor",
    "i have to talk to someone", "why can't i talk to a person", "i can't talk to a machine let me talk to a person",
    "could you let me talk to a live person", "do you have someone i can talk to", "i want to talk to one of your colleagues",
    "i am asking to speak with a manager", "please may i talk to a member of staff", "i would like to talk to someone else",
    "i want to chat with a live agent", "can i talk to a different person", "who can i talk to", "who can i speak to",
    "who do i speak with", "i want someone to talk to", "let me talk to a man", "i'd like to speak to a lady",
    "i don't know i want to talk to a person", "i don't understand let me speak to someone", "to speak to an agent",
    "sorry i want to speak to somebody", "speak with an agent about my order", "i demand to speak to a manager",
    // transfer, connect, put through
    "transfer me to an agent", "transfer me", "connect me to an operator", "connect me with a human", "put me through to someone",
    "put me through to the support team", "please connect me to customer service", "transfer my call to a representative",
    "can you transfer me to a real person", "could you put me through to somebody", "patch me through to an operator",
    "i want to be transferred to an agent", "can i be connected to a person", "hand me over to a human", "switch me to an agent",
    "pass me on to a colleague", "get me through to someone", "escalate me to a manager", "put me through to your complaints department",
    "can you forward me to a supervisor", "i'd like to be put through to a person", "connect me please",
    // want, need, get
    "i want a human", "i need a human", "i want an agent", "i need an operator", "get me a person", "get me an agent", "give me an operator",
    "give me a human", "i want a real person", "i need a real human being", "can i have an agent", "could i have an operator please",
    "can i get a person", "can i get a representative", "get a human on the line", "i'd like an agent please", "i want a person",
    "i need somebody to help me", "i want someone to help me", "i need someone on the phone", "give me somebody who can help",
    "i would like a person not a machine", "i need to reach an agent", "how do i reach a human", "i need to get hold of someone",
    "can i get hold of a person", "get me your manager", "i want your supervisor", "find me a human", "call an operator",
    "just give me a person", "i want a bloody human", "i want to contact customer service", "i need help from a human",
    // is anybody there
    "is anybody there", "is anyone there", "is there a human", "is there anybody there", "is there a person i can speak to",
    "is there someone i can talk to", "are there any agents available", "any agents available", "is there a manager available",
    "is there a real person there", "anybody there",
    // no machine
    "i don't want to talk to a machine", "i do not want to speak to a robot", "i hate talking to machines", "stop talking to me robot get me a person",
    "i don't want to talk to a computer", "i hate this machine", "no robots please", "i refuse to talk to a machine", "i'm sick of talking to a robot",
    // Chinese
    "人工", "转人工", "人工服务", "我要人工", "我要转人工", "请转人工", "请帮我转人工服务", "人工客服", "真人", "我要真人", "我想跟真人说话", "客服",
    "找客服", "我要找客服", "转客服", "帮我转客服", "麻烦转一下人工", "能不能转人工", "我想和人说话", "找人", "我要找人", "找个人", "找个人跟我说", "接线员",
    "我找你们经理", "叫你们经理", "有人吗", "有没有人", "给我找个活人", "有活人吗", "我不想跟机器人说话", "不要机器人", "转人工客服谢谢", "喂，人工", "轉人工",
    "我要跟客服说", "请转接", "帮我转接一下", "人工人工人工", "可以转人工吗", "直接转人工吧", "我需要人工服务", "怎么转人工", "客服人员在吗", "换个人", "你好，我想找人工客服。",
];

const NOT_REQUESTS: &[&str] = &[
    "my agent told me it would be here", "which agent sold this", "the person who delivered it", "is the parcel for another person",
    "the person who delivered it was rude", "an agent told me to call back", "i talked to an agent yesterday", "i spoke to someone last week",
    "i was talking to an agent and got cut off", "your representative promised me a refund", "can another person pick it up",
    "do i need an agent to send a parcel", "i don't want to talk to an agent", "i do not need a human", "someone stole my parcel",
    "somebody else signed for it", "i need someone to be at home", "do i need a person to sign for it", "the customer service was terrible",
    "your customer service is awful", "i want to send it to a person in germany", "give it to the person next door",
    "my travel agent booked it", "i work for a real estate agent", "the operator of the crane", "human resources",
    "did the driver talk to someone", "did your driver speak to my neighbour", "where is the nearest agent", "is there an agent near me",
    "the manager of the shop was nice", "i am a manager", "are you a robot", "am i talking to a real person", "he has a human face",
    "where is my parcel", "what are your opening hours", "the washing machine is broken", "i sent a coffee machine", "yes", "no", "repeat that",
    "i want to speak english", "can i speak spanish", "talk to me about prices", "transfer money to my account", "put it in the box",
    "connect the printer", "how many people work there", "it was left with somebody", "is somebody at the office on sunday",
    "i have an agent in china", "people keep telling me different things", "can my neighbour talk to the driver",
    "i never spoke to anyone", "is this person allowed to collect it", "the agent said it was sent", "an operator hung up on me",
    "without talking to anyone the driver left", "i got transferred to an agent before", "can someone tell me the price of a stamp",
    "我的包裹在哪里", "昨天客服告诉我今天到", "客服人员昨天说会退款", "是不是给别人了", "可以让别人代收吗", "收件人换个人可以吗", "不要转人工", "不用人工",
    "人工智能是什么", "人工费多少钱", "你们客服态度很差", "找个人代收可以吗", "有没有人签收", "家里有人吗", "快递员是谁", "本人签收", "几点上班", "我要一个转接头",
];

#[test]
fn every_honest_request_is_heard() {
    let missed: Vec<&&str> = REQUESTS.iter().filter(|t| asks_for_person(t, &[]).is_none()).collect();
    assert!(REQUESTS.len() >= 200, "{}", REQUESTS.len());
    assert!(missed.is_empty(), "{} of {} not heard: {missed:#?}", missed.len(), REQUESTS.len());
}

#[test]
fn talk_about_persons_is_no_request() {
    let wrong: Vec<_> = NOT_REQUESTS
        .iter()
        .filter_map(|t| asks_for_person(t, &[]).map(|r| (t, r)))
        .collect();
    assert!(NOT_REQUESTS.len() >= 70);
    assert!(wrong.is_empty(), "{} wrongly heard: {wrong:#?}", wrong.len());
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
