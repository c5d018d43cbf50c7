//! The matcher on a small flow as an operator would write it, and on public question sets where the checkout has them.

use super::evaluate::{EvalReport, Judged, evaluate};
use super::matcher::{Example, Matcher, NluError};
use crate::base::{Confidence, Language};
use std::path::Path;

/// `intent: example | example | …`
const PARCEL: &str = "
parcel.where: where is my parcel | has my package been sent | i am still waiting for my delivery | track my parcel | when will my parcel arrive | my order has not come yet | i want to know where my shipment is | is my parcel on its way | what is the status of my delivery | my package is late
opening.hours: when are you open | are you open on sunday | what time do you close | what are your opening hours | how late are you open today | do you open on saturdays | are you closed on public holidays | when do you open in the morning | until what time can i come in | business hours please
complaint: i want to make a complaint | i am very unhappy with your service | the driver was rude to me | this is unacceptable | i would like to complain | your courier threw my parcel over the fence | i am not satisfied | i have a complaint about the driver | this is the third time this has gone wrong | i am really angry about this
price: how much does it cost to send a parcel | what are your prices | what do you charge for ten kilos | how much is shipping to france | is it expensive to send a letter | what is the price for express delivery | how much is postage | can you give me a quote | what would it cost to ship a box | are there cheaper options
damaged: my parcel arrived damaged | the box was crushed | everything inside is broken | the package was torn open | the contents were smashed | my delivery got wet | the item was in pieces | there is a dent in the box | it came broken | the glass is shattered
redelivery: i was not at home when you came | can you deliver it again | i missed the delivery | please deliver tomorrow instead | i found a card from the driver | can i choose another delivery day | arrange a new delivery | nobody was home | bring it back on friday | reschedule my delivery
address: i want to change the delivery address | the address is wrong | i moved house | send it to a different address | can you deliver to my office instead | update my address | i gave you the old address | the street number is incorrect | deliver it to my neighbour | correct the postcode
pickup: can you collect a parcel from my house | i need a pick up | when will the courier collect it | book a collection | can someone pick up a package | i want to schedule a pickup | do you collect from home | collect a box from my office | the driver did not come to collect | arrange a collection for monday
refund: i want my money back | can i get a refund | when will i be refunded | i was charged twice | please refund the postage | i want compensation | how do i claim for a lost parcel | you owe me money | reimburse me | the refund has not arrived
shop: where is the nearest branch | where can i drop off a parcel | is there a parcel shop near me | what is the address of your shop | which locker is closest | where do i find your office | is there a depot in town | where can i hand in my package | find a drop off point | do you have a branch downtown
customs: do i have to pay customs | my parcel is stuck in customs | what papers do i need for a parcel to america | is there import duty | how do i fill in the customs form | i got a tax bill for my parcel | customs clearance | do i pay tax on a gift from abroad | what is the duty on shoes | why does customs hold my parcel
forbidden: can i send a battery | am i allowed to post alcohol | what is not allowed in a parcel | can i ship perfume | is it forbidden to send food | may i put money in a letter | which items are prohibited | can i send a knife | do you take dangerous goods | can i post medicine
";

/// Wordings that stand in no example.
const PARAPHRASES: &[(&str, &str)] = &[
    ("parcel.where", "can you tell me where my package has got to"),
    ("parcel.where", "i've been waiting a week for my order and nothing has turned up"),
    ("parcel.where", "any news on my shipment"),
    ("parcel.where", "where's my stuff"),
    ("parcel.where", "could you check on a delivery for me"),
    ("parcel.where", "tracking"),
    ("parcel.where", "has it been dispatched already"),
    ("opening.hours", "what are your hours"),
    ("opening.hours", "are you guys open tomorrow"),
    ("opening.hours", "what time do you shut on friday"),
    ("opening.hours", "opening times"),
    ("complaint", "i've got a complaint to make"),
    ("complaint", "your driver was extremely unfriendly and rude"),
    ("complaint", "i am so disappointed with you people"),
    ("price", "how much would you charge for a small packet to spain"),
    ("price", "what does it cost to post a letter"),
    ("price", "price list"),
    ("damaged", "the parcel i got today was completely smashed"),
    ("damaged", "my order turned up broken"),
    ("redelivery", "i wasn't in when the driver came round"),
    ("redelivery", "could you bring my parcel another day"),
    ("address", "i need to change my address"),
    ("address", "we have moved can you send it to our new house"),
    ("pickup", "could a driver come and pick up a parcel here"),
    ("pickup", "i'd like to book a pickup"),
    ("refund", "i'd like a refund please"),
    ("refund", "give me my money back"),
    ("shop", "where is your closest shop"),
    ("shop", "where do i drop off my package"),
    ("customs", "how much customs duty do i have to pay"),
    ("customs", "my package is being held at customs"),
    ("forbidden", "is it allowed to send wine"),
    ("forbidden", "can i post batteries"),
];

/// What other callers, rooms and radios say.
const UNRELATED: &[&str] = &[
    "what's the weather going to be like",
    "do you want to come over for dinner",
    "my cat has been sick all night",
    "play me a song by the beatles",
    "how old is the brooklyn bridge",
    "and so my fellow americans ask not what your country can do for you",
    "turn on the lamp",
    "go forward ten meters",
    "he was not an ill disposed young man",
    "my voice is my passport verify me",
    "seven of clubs",
    "i'd like an iced coffee with two sugars",
    "what is two plus two",
    "the president met the prime minister this afternoon",
    "green ideas sleep furiously",
    "hello hello",
    "yes",
    "no",
    "thank you very much",
    "shut the window would you",
    "i had the strangest dream",
    "is the pope catholic",
    "what's your name",
    "book me a table for four at eight",
    "la la la",
    "my neighbour's dog keeps barking",
    "who won the world cup",
    "how do i cook rice",
    "i love you",
    "can you recommend a good dentist",
];

fn examples(flow: &str, language: Language) -> Vec<Example> {
    let lines = flow.lines().filter_map(|l| l.split_once(": "));
    lines
        .flat_map(|(intent, list)| {
            list.split(" | ").map(move |text| Example { intent: intent.into(), text: text.into(), language })
        })
        .collect()
}

fn parcel() -> Matcher {
    Matcher::train(&examples(PARCEL, Language::EN), &[]).expect("a matcher")
}

/// Prints what went wrong and gives the share that went right.
fn share_right(matcher: &Matcher, cases: impl Iterator<Item = (Option<&'static str>, String)>) -> f64 {
    let (mut right, mut all) = (0, 0);
    for (meant, text) in cases {
        let decided = matcher.decide(&text);
        all += 1;
        if decided.intent.as_deref() == meant {
            right += 1;
        } else {
            println!("{text:?} is {meant:?}, not {:?}: {}", decided.intent, decided.why);
        }
    }
    println!("{right} of {all}");
    f64::from(right) / f64::from(all)
}

#[test]
fn paraphrases_reach_their_intent() {
    let share = share_right(&parcel(), PARAPHRASES.iter().map(|(i, t)| (Some(*i), (*t).to_string())));
    assert!(share >= 0.85, "{share}");
}

#[test]
fn unrelated_speech_is_rejected() {
    let share = share_right(&parcel(), UNRELATED.iter().map(|t| (None, (*t).to_string())));
    assert!(share >= 0.9, "{share}");
}

#[test]
fn words_that_stand_in_every_sentence_mean_nothing() {
    let mut examples = examples(PARCEL, Language::EN);
    examples.push(Example { intent: "mine".into(), text: "it is mine".into(), language: Language::EN });
    let matcher = Matcher::train(&examples, &[]).expect("a matcher");
    for text in ["your", "you have it", "the my your", "uh-huh um and so"] {
        assert_eq!(matcher.decide(text).intent, None, "{text}: {}", matcher.decide(text).why);
    }
    // Unless a flow says so itself.
    assert_eq!(matcher.decide("it is mine").intent.as_deref(), Some("mine"));
}

#[test]
fn every_example_means_its_intent() {
    let matcher = parcel();
    for e in examples(PARCEL, Language::EN) {
        assert_eq!(matcher.decide(&e.text).intent, Some(e.intent), "{}", e.text);
    }
}

#[test]
fn a_recogniser_that_drops_and_adds_words_is_forgiven() {
    let matcher = parcel();
    let noisy = examples(PARCEL, Language::EN).into_iter().enumerate().filter_map(|(i, e)| {
        let mut words: Vec<&str> = e.text.split(' ').collect();
        if words.len() < 5 {
            return None;
        }
        // One word lost, one misheard as a short common one: about 30 % errors.
        words.remove(i % words.len());
        let at = (i * 7) % words.len();
        words[at] = ["the", "in", "and", "uh", "need"][i % 5];
        let meant = PARCEL.lines().filter_map(|l| l.split_once(": ")).map(|l| l.0).find(|n| *n == e.intent);
        Some((meant, words.join(" ")))
    });
    let share = share_right(&matcher, noisy);
    assert!(share >= 0.85, "{share}");
}

#[test]
fn readings_of_one_utterance_speak_together() {
    let matcher = parcel();
    let reading = |t: &str, c: f32| (t.to_string(), Confidence::new(c));
    let one = matcher.decide("when is the past all");
    let many = matcher.decide_nbest(&[
        reading("when is the past all", 0.4),
        reading("where is my parcel", 0.35),
        reading("wears my parcel", 0.2),
    ]);
    assert_eq!(many.intent.as_deref(), Some("parcel.where"), "{many:?}");
    assert!(one.intent.is_none() && many.confidence > one.confidence, "{one:?} {many:?}");
    assert_eq!(matcher.decide_nbest(&[]).intent, None);
    assert_eq!(matcher.decide_nbest(&[reading("", 0.0)]).confidence, Confidence::new(0.0));
    let alone = matcher.decide_nbest(&[reading("track my parcel", 1.0)]);
    assert!((alone.confidence.get() - matcher.decide("track my parcel").confidence.get()).abs() < 1e-6);
}

#[test]
fn same_examples_same_matcher() {
    let (a, b) = (parcel(), parcel());
    for (_, text) in PARAPHRASES {
        assert_eq!(a.decide(text), b.decide(text));
    }
}

#[test]
fn bad_examples_are_errors_with_a_remedy() {
    let example = |text: &str| Example { intent: "a".into(), text: text.into(), language: Language::EN };
    assert_eq!(Matcher::train(&[], &[]).unwrap_err(), NluError::NoExamples);
    let error = Matcher::train(&[example("?!")], &[]).unwrap_err();
    assert!(error.to_string().contains("holds no word"), "{error}");
    let many: Vec<Example> = (0..501).map(|i| Example { intent: i.to_string(), ..example("hello") }).collect();
    assert!(matches!(Matcher::train(&many, &[]), Err(NluError::TooMany { what: "intents", count: 501, most: 500 })));
}

#[test]
fn the_smallest_flow_works() {
    let one = [Example { intent: "hours".into(), text: "when are you open".into(), language: Language::EN }];
    let matcher = Matcher::train(&one, &[]).expect("a matcher");
    assert_eq!(matcher.decide("when are you open").intent.as_deref(), Some("hours"));
    assert_eq!(matcher.decide("play some jazz").intent, None);
    assert_eq!(matcher.decide("").intent, None);
    assert!(matcher.decide("").why.contains("no words"));
}

#[test]
fn a_flows_own_background_is_rejected() {
    let own = ["is my letter for the queen".to_string(), "do you know the queen".to_string()];
    let matcher = Matcher::train(&examples(PARCEL, Language::EN), &own).expect("a matcher");
    assert_eq!(matcher.decide("do you know the queen").intent, None);
}

const PARCEL_ZH: &str = "
parcel.where: 我的包裹在哪里 | 我的快递到哪了 | 帮我查一下快递 | 包裹什么时候到 | 我的货还没收到 | 查物流 | 快递怎么还没到 | 我想查包裹 | 我的订单发货了吗 | 查询运单
opening.hours: 你们几点开门 | 营业时间是什么时候 | 周末上班吗 | 几点下班 | 星期天开门吗 | 节假日营业吗 | 你们今天开到几点 | 早上几点上班 | 晚上几点关门 | 中午休息吗
complaint: 我要投诉 | 你们服务太差了 | 快递员态度很恶劣 | 我很不满意 | 我对你们的服务不满 | 司机骂人 | 你们太不负责任了 | 我要举报快递员 | 这已经是第三次了 | 我非常生气
price: 寄到北京多少钱 | 运费怎么算 | 邮费是多少 | 寄十公斤要多少钱 | 价格是多少 | 国际快递贵不贵 | 有没有便宜一点的 | 寄文件收费多少 | 加急要加多少钱 | 你们怎么收费
damaged: 包裹破了 | 东西摔坏了 | 收到的箱子被压扁了 | 里面的杯子碎了 | 货物损坏 | 包装烂了 | 东西湿了 | 屏幕裂了 | 收到的时候已经坏了 | 箱子有个洞
address: 我要改地址 | 地址写错了 | 换个收货地址 | 我搬家了 | 送到另一个地址 | 修改收件地址 | 门牌号不对 | 改送到公司 | 邮编写错了 | 能不能改地址
";

#[test]
fn chinese_is_understood() {
    let matcher = Matcher::train(&examples(PARCEL_ZH, Language::ZH), &[]).expect("a matcher");
    let cases = [
        (Some("parcel.where"), "我想知道我的快递现在到哪里了"),
        (Some("parcel.where"), "包裹怎么还没有到"),
        (Some("parcel.where"), "查快递"),
        (Some("opening.hours"), "请问你们营业时间是几点到几点"),
        (Some("opening.hours"), "星期六上班吗"),
        (Some("complaint"), "我想投诉你们的快递员"),
        (Some("complaint"), "你们的态度太差了"),
        (Some("price"), "寄到上海要多少钱"),
        (Some("price"), "运费多少"),
        (Some("damaged"), "我收到的包裹坏了"),
        (Some("damaged"), "杯子碎了"),
        (Some("address"), "地址填错了想改一下"),
        (None, "明天会下雨吗"),
        (None, "放一首歌听听"),
        (None, "我奶奶身体很好"),
        (None, "谁发明了电灯"),
        (None, "what is the weather"),
    ];
    let share = share_right(&matcher, cases.iter().map(|(i, t)| (*i, (*t).to_string())));
    assert!(share >= 0.85, "{share}");
}

#[test]
fn labelled_pairs_are_trained_and_judged() {
    let pair = |i: &str, t: &str| (i.to_string(), t.to_string());
    let train: Vec<_> = examples(PARCEL, Language::EN)
        .into_iter()
        .map(|e| (e.intent, e.text))
        .chain([pair("oos", "sing me a lullaby")])
        .collect();
    let report = evaluate(&train, &[pair("price", "what is the price"), pair("oos", "sing me a song")]).expect("a report");
    assert_eq!((report.in_scope, report.out_of_scope), (1, 1));
    assert_eq!((report.accuracy_in_scope, report.recall_out_of_scope), (1.0, 1.0), "{report:?}");
}

/// Real questions of real people; goals in the words: right and accepted, and out-of-scope ones rejected.
#[test]
fn public_question_sets() {
    for (name, accuracy, recall) in [("clinc150", 0.90, 0.60), ("banking77", 0.87, 0.0)] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/eval/intents").join(name);
        let (Some(train), Some(test)) = (pairs(&folder.join("train.tsv")), pairs(&folder.join("dev.tsv"))) else {
            println!("SKIPPED: no {name} beside this checkout");
            continue;
        };
        let matcher = Matcher::train_labelled(&train).expect("a matcher");
        let judged: Vec<Judged> = test.iter().map(|(i, t)| Judged { meant: i.clone(), decided: matcher.decide(t) }).collect();
        let report = EvalReport::of(&judged);
        let (a, r) = (report.accuracy_in_scope, report.recall_out_of_scope);
        println!(
            "{name}: {a:.3} in scope, {r:.3} out of scope, AUROC {:.3}, calibration error {:.3}",
            report.auroc, report.calibration_error
        );
        assert!(a >= accuracy && r >= recall, "{name}: {a} {r}");
    }
}

fn pairs(path: &Path) -> Option<Vec<(String, String)>> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.lines().filter_map(|l| l.split_once('\t')).map(|(i, t)| (i.to_string(), t.to_string())).collect())
}

/// A shelf in memory.
#[derive(Default)]
struct Kept(std::cell::RefCell<std::collections::BTreeMap<String, Vec<u8>>>);

impl crate::nlu::Shelf for Kept {
    fn find(&self, name: &str) -> Option<Vec<u8>> {
        self.0.borrow().get(name).cloned()
    }
    fn keep(&self, name: &str, file: &[u8]) {
        self.0.borrow_mut().insert(name.to_string(), file.to_vec());
    }
}

#[test]
fn what_was_trained_once_is_taken_from_its_file() {
    // Enough texts for the nets, of few words, so that it is quick.
    let text = |n: usize| format!("{} {} {}", ["where", "when", "why"][n % 3], ["parcel", "order", "bill"][n / 3 % 3], n / 9);
    let examples: Vec<Example> = (0..3_200)
        .map(|n| Example { intent: ["where", "when", "why"][n % 3].into(), text: text(n), language: Language::EN })
        .collect();
    let shelf = Kept::default();
    let first = Matcher::train_kept(&examples, &[], &shelf).expect("trained");
    let (name, file) = shelf.0.borrow().iter().next().map(|(n, f)| (n.clone(), f.clone())).expect("kept");
    let began = std::time::Instant::now();
    let again = Matcher::train_kept(&examples, &[], &shelf).expect("read");
    println!("{} bytes, read in {:?}", file.len(), began.elapsed());
    for text in ["where is my parcel 7", "why this bill", "hello"] {
        assert_eq!(format!("{:?}", first.decide(text)), format!("{:?}", again.decide(text)));
    }
    // Another name for other texts; what is damaged is trained again, and kept again as it was.
    let _ = Matcher::train_kept(&examples[1..], &[], &shelf).expect("trained");
    assert_eq!(shelf.0.borrow().len(), 2);
    for damage in [0, 9, 60, file.len() / 2, file.len() - 1] {
        let mut damaged = file.clone();
        damaged[damage] ^= 1;
        assert!(super::file::read(&damaged, &name, 3).is_none(), "byte {damage}");
    }
    for length in [0, 8, 40, file.len() / 3, file.len() - 1] {
        assert!(super::file::read(&file[..length], &name, 3).is_none(), "cut at {length}");
    }
    assert!(super::file::read(&file, &name, 4).is_none() && super::file::read(&file, &name[1..], 3).is_none());
    assert!(super::file::read(&file, &name, 3).is_some());
}
