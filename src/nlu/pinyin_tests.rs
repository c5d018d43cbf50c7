//! Mandarin as a recogniser without a notion of the flow writes it: some characters replaced by others that sound the same.

use super::background;
use super::matcher::{Example, Matcher};
use super::normalise::is_han;
use super::pinyin::{Homophones, syllable};
use crate::base::{Confidence, Dice, Language};
use std::collections::{BTreeMap, BTreeSet};

const FLOW: &str = include_str!("../../flows/parcel-zh.yaml");

/// Sentences that stand in no example of the flow.
const SAID: &[(&str, &str)] = &[
    ("parcel.where", "请问我的快递现在到哪里了"),
    ("parcel.where", "帮我查快递"),
    ("parcel.where", "我想查一下我的包裹"),
    ("parcel.where", "我的包裹怎么还没到"),
    ("parcel.where", "麻烦查一下物流信息"),
    ("parcel.where", "快递什么时候能送到"),
    ("parcel.another", "我还想查另外一个包裹"),
    ("parcel.another", "帮我再查一个快递"),
    ("parcel.another", "还有另一个单号要查"),
    ("parcel.another", "换另一个单号查一下"),
    ("parcel.another", "我还有一件快递"),
    ("opening.hours", "你们星期天上班吗"),
    ("opening.hours", "请问几点开门"),
    ("opening.hours", "营业时间到几点"),
    ("opening.hours", "周末营业吗"),
    ("opening.hours", "你们今天几点下班"),
    ("price", "寄到上海多少钱"),
    ("price", "请问运费多少钱"),
    ("price", "寄一公斤的包裹怎么收费"),
    ("price", "国际快递的价格是多少"),
    ("price", "加急的运费贵不贵"),
    ("complaint", "我要投诉快递员"),
    ("complaint", "你们的服务态度太差了"),
    ("complaint", "我对快递员很不满意"),
    ("complaint", "我要投诉你们的服务"),
    ("complaint", "送货员态度很差我很生气"),
    ("redeliver", "请明天再送一次"),
    ("redeliver", "我不在家可以改天送吗"),
    ("redeliver", "能不能重新派送一次"),
    ("redeliver", "快递员来的时候我错过了"),
    ("redeliver", "请安排重新送货"),
    ("address.change", "我想改一下收货地址"),
    ("address.change", "我搬家了要换地址"),
    ("address.change", "收货地址填错了"),
    ("address.change", "请帮我修改地址"),
    ("address.change", "可以换一个地址吗"),
    ("parcel.lost", "我的快递丢了怎么办"),
    ("parcel.lost", "显示签收可是我没有收到包裹"),
    ("parcel.lost", "我的包裹不见了"),
    ("parcel.lost", "有人偷了我的包裹"),
    ("parcel.lost", "你们弄丢了我的东西"),
    ("parcel.damaged", "收到的包裹已经破了"),
    ("parcel.damaged", "里面的东西全碎了"),
    ("parcel.damaged", "我的快递被压坏了"),
    ("parcel.damaged", "箱子破了里面的东西湿了"),
    ("parcel.damaged", "包装打开了东西坏了"),
    ("parcel.return", "我想退货怎么办理"),
    ("parcel.return", "请问怎么退货"),
    ("parcel.return", "这个东西我想退回去"),
    ("parcel.return", "退货单在哪里打印"),
    ("parcel.return", "可以上门取退货吗"),
    ("pickup.point", "附近哪里有自提点"),
    ("pickup.point", "最近的网点在哪里"),
    ("pickup.point", "我去哪里取件"),
    ("pickup.point", "附近有没有取件点"),
    ("pickup.point", "快递柜在哪里"),
    ("customs", "我要交多少关税"),
    ("customs", "包裹被海关扣了怎么办"),
    ("customs", "为什么要交关税"),
    ("customs", "报关需要多长时间"),
    ("customs", "海关清关要多久"),
    ("invoice", "请给我开一张发票"),
    ("invoice", "退款什么时候能到账"),
    ("invoice", "你们多收了我的运费"),
    ("invoice", "我的发票有错误"),
    ("invoice", "我想要退款"),
];

/// What this flow does not know; it must not come to sound like it.
const UNRELATED: &[&str] = &[
    "明天会下雨吗",
    "我奶奶身体很好",
    "谁发明了电灯",
    "你喜欢吃什么水果",
    "这部电影非常好看",
    "帮我订两张火车票",
    "附近哪家餐厅好吃",
    "我昨天去爬山了",
    "今天股票涨了没有",
    "怎么做红烧肉",
    "他在那里等了很久",
    "孩子们都在学校上课",
    "我要学习弹钢琴",
    "给我唱一首歌吧",
    "你今年多大了",
    "北京冬天冷不冷",
    "我家的猫生病了",
    "足球比赛几点开始",
    "把灯关掉",
    "太阳从东边升起",
];

/// Frequent characters beside those of the flow and of the sentences, so that most syllables have several.
const FREQUENT: &str = "宝保报抱果过锅茶察插块筷地弟第低物无五务屋流留六刘柳到道倒稻那纳拿理李力立里历离礼想象向像响香单但担丹\
     耗号毫旁换欢环患营应英影鹰业夜叶页野时实识十石事是市室试间见件建简尖肩周州舟洲粥墨末默莫星兴行形型性期七齐其奇起气门们\
     几级及集机鸡极记计系季价家佳加甲架格个各歌哥钱前千签浅欠云运允韵费飞非肥废诉素速宿苏头投偷透服福夫府父复富付义意已以易衣医\
     满慢漫派拍排牌送宋松颂明名命铭改该盖址纸指直值职知支之错措村存搬班般板版丢颠点店电典坏怀淮碎岁随虽湿师诗狮失破坡婆颇\
     退推腿货火活或获取曲区去趣网往王望忘海害孩还关官观管馆惯税水睡谁发法罚票飘漂款宽收手首受守寿";

fn examples() -> Vec<Example> {
    let intents = FLOW.split("\nintents:\n").nth(1).and_then(|rest| rest.split("\nout_of_scope:").next()).expect("intents");
    let mut intent = "";
    let mut out = Vec::new();
    for line in intents.lines() {
        if let Some(text) = line.strip_prefix("      - ") {
            out.push(Example { intent: intent.to_string(), text: text.to_string(), language: Language::ZH });
        } else if let Some(name) = line.strip_prefix("  ").and_then(|l| l.strip_suffix(':')).filter(|n| !n.starts_with(' ')) {
            intent = name;
        }
    }
    out
}

/// The texts with this share of the characters replaced by another that sounds the same, where there is one.
fn misheard<'t>(texts: impl Iterator<Item = &'t str>, share: f64, seed: u64) -> Vec<String> {
    let all: BTreeSet<char> = FLOW
        .chars()
        .chain(SAID.iter().flat_map(|s| s.1.chars()))
        .chain(background::sentences(Language::ZH).iter().flat_map(|s| s.chars()))
        .chain(FREQUENT.chars())
        .filter(|c| is_han(*c))
        .collect();
    let mut alike: BTreeMap<&str, Vec<char>> = BTreeMap::new();
    for c in all {
        alike.entry(syllable(c).expect("a syllable")).or_default().push(c);
    }
    let mut dice = Dice::new(seed);
    let mut other = |c: char| {
        let others: Vec<char> = alike.get(syllable(c)?)?.iter().copied().filter(|o| *o != c).collect();
        (dice.chance() < share).then_some(())?;
        others.get(dice.roll(others.len())).copied()
    };
    texts.map(|text| text.chars().map(|c| other(c).unwrap_or(c)).collect()).collect()
}

#[test]
fn what_sounds_the_same_still_lands() {
    let sounding = Matcher::train(&examples(), &[]).expect("a matcher");
    let spelling = sounding.clone().without_homophones();
    let share = |matcher: &Matcher, errors: f64| {
        let (mut right, mut quiet) = (0, 0);
        for seed in 1..=5 {
            let heard = misheard(SAID.iter().map(|s| s.1), errors, seed);
            for ((meant, said), heard) in SAID.iter().zip(heard) {
                let decided = matcher.decide(&heard);
                right += usize::from(decided.intent.as_deref() == Some(*meant));
                if errors > 0.0 && seed == 1 && decided.intent.as_deref() != Some(*meant) {
                    println!("{said} as {heard}: {:?}", decided.intent);
                }
            }
            let heard = misheard(UNRELATED.iter().copied(), errors, seed);
            for text in &heard {
                let decided = matcher.decide(text);
                if seed == 1 && decided.intent.is_some() {
                    println!("{text} with {errors}: {}", decided.why);
                }
            }
            quiet += heard.iter().filter(|text| matcher.decide(text).intent.is_none()).count();
        }
        (right as f64 / (5 * SAID.len()) as f64, quiet as f64 / (5 * UNRELATED.len()) as f64)
    };
    let [clean, before, after] = [share(&sounding, 0.0), share(&spelling, 0.3), share(&sounding, 0.3)];
    let clean_before = share(&spelling, 0.0);
    println!("{} sentences, right / of {} unrelated ones refused:", SAID.len(), UNRELATED.len());
    println!("as said, by spelling {clean_before:.3?}, by sound {clean:.3?}");
    println!("three characters of ten by one that sounds the same: by spelling {before:.3?}, by sound {after:.3?}");
    assert!(SAID.len() >= 60 && clean.0 >= clean_before.0 && clean.1 >= clean_before.1 - 0.051);
    assert!(after.0 >= before.0 + 0.1 && after.1 >= 0.85);
}

#[test]
fn pieces_are_found_again_by_their_sound() {
    let homophones = Homophones::learn(["我要查快递", "在哪里", "转人工"].into_iter());
    for (heard, meant) in [
        ("茶快地", "查快递"),
        ("我要茶快地", "我要查快递"),
        ("再拉里", "在哪里"),
        ("专人公，please", "转人工，please"),
        ("查快递", "查快递"),
        ("天气", "天气"),
        ("茶", "茶"),
        ("", ""),
    ] {
        assert_eq!(homophones.hear(heard), meant, "{heard}");
    }
    let matcher = Matcher::train(&examples(), &[]).expect("a matcher");
    let word = |text: &str| (text.to_string(), Confidence::new(0.9));
    let heard = matcher.decide_heard(&[word("我的宝"), word("裹丢"), word("了")]);
    assert_eq!(heard.intent.as_deref(), Some("parcel.lost"), "{heard:?}");
}
