//! Chinese requests: phrases that are requests wherever they stand, phrases that are requests only when they are all
//! that is said, and what takes either back.

use super::PersonRule;
use crate::nlu::normalise::{is_han, narrow};
use crate::nlu::pinyin::Homophones;
use std::sync::LazyLock;

/// For recognition grammars and spotters.
pub(super) const PHRASES: &[&str] = &[
    "人工",
    "转人工",
    "人工服务",
    "人工客服",
    "真人",
    "客服",
    "转客服",
    "找客服",
    "我要人工",
    "我要转人工",
    "请转人工",
    "接线员",
    "找人",
    "找个人",
    "找经理",
];

/// Requests wherever they stand.
const ASKED: &[&str] = &[
    "转人工",
    "接人工",
    "要人工",
    "找人工",
    "叫人工",
    "用人工",
    "按人工",
    "到人工",
    "来人工",
    "有人工吗",
    "有没有人工",
    "人工服务",
    "人工客服",
    "人工坐席",
    "人工座席",
    "人工接听",
    "人工台",
    "人工通道",
    "人工电话",
    "真人客服",
    "真人服务",
    "跟真人",
    "和真人",
    "与真人",
    "找真人",
    "要真人",
    "转真人",
    "接真人",
    "是真人吗",
    "有真人",
    "真人说",
    "真人接",
    "个真人",
    "个活人",
    "找活人",
    "跟活人",
    "和活人",
    "有活人",
    "转客服",
    "找客服",
    "接客服",
    "要客服",
    "叫客服",
    "联系客服",
    "跟客服说",
    "和客服说",
    "跟客服讲",
    "到客服",
    "找接线员",
    "接接线员",
    "转接线员",
    "要接线员",
    "找话务员",
    "接话务员",
    "找你们经理",
    "找经理",
    "叫经理",
    "找你们主管",
    "找主管",
    "叫主管",
    "找领导",
    "找你们领导",
    "找负责人",
    "找你们老板",
    "找工作人员",
    "转工作人员",
    "帮我转接",
    "请转接",
    "给我转接",
    "转接一下",
    "找个人说",
    "找个人跟",
    "找个人和",
    "找个人来接",
    "找个人接",
    "找人说",
    "找人谈",
    "找人聊",
    "找人接电话",
    "找人讲",
    "跟人说话",
    "和人说话",
    "跟人讲话",
    "跟人聊",
    "跟人谈",
    "和人谈",
    "和人聊",
    "想跟人说",
    "想和人说",
    "叫个人来",
    "叫个人接",
    "叫人来接",
    "叫人接",
    "换个人来",
    "换人接",
    "换人来",
    "有人能跟我说",
    "有人能帮我吗",
    "有人可以帮我吗",
    "能帮我转一下人",
    "有没有真人",
    "来听电话",
    "让人工",
    "接通人工",
    "叫你们领导",
    "叫你们的领导",
    "你们的人说",
    "客服人员",
    "客服专员",
    "客服小姐",
    "人工帮",
    "找个人来",
    "有没有活人",
    "换个人来跟我说",
    "换人来跟我说",
    "叫你们客服",
    "让客服接",
    "让客服来",
    "让客服给我",
    "让客服跟我",
    "让客服联系我",
    "让真人",
    "让你们客服",
    "请主管",
    "请经理",
    "请你们主管",
    "请领导",
    "让主管来",
    "让主管接",
    "让经理来",
    "让经理接",
    "让领导来",
    "让领导接",
    "搵客服",
    "搵人工",
    "搵真人",
    "要人工帮",
    "整个人工",
    "给个人工",
];

/// Requests when, politeness aside, nothing else is said.
const ALONE: &[&str] = &[
    "人工",
    "客服",
    "真人",
    "活人",
    "找人",
    "找个人",
    "有人吗",
    "有人在吗",
    "有没有人",
    "有没有人在",
    "经理",
    "主管",
    "接线员",
    "话务员",
    "转接",
    "换人",
    "换个人",
    "叫人",
    "叫个人",
    "总机",
    "前台",
    "客服电话",
    "工作人员",
    "坐席",
    "座席",
    "专员",
    "找人来",
    "转人",
    "说人话",
];

/// Refusing the machine.
const REFUSED: &[&str] = &[
    "不要机器",
    "不想跟机器",
    "不想和机器",
    "不跟机器",
    "不和机器",
    "别跟我机器",
    "不要跟机器",
    "不要和机器",
    "别让机器",
    "讨厌机器人",
    "不想听机器",
    "不要自动语音",
    "不想听录音",
    "不要语音机器",
    "不要智能客服",
    "不是机器人",
    "别用机器",
];

/// Before a phrase these take it back.
const NOT: &[&str] = &["不要", "不想", "不用", "不需要", "不必", "别", "没", "没有", "不"];

/// After a phrase these make it mean something else, or speak about somebody instead of to them.
const AFTER: &[&str] = &[
    "智能",
    "费",
    "成本",
    // 有专人工作: somebody is at work.
    "作",
    "降雨",
    "草",
    "合成",
    "费用",
    "秀",
    "大小",
    "照片",
    "头",
    "说的",
    "说过",
    "告诉",
    "态度",
    "答应",
    "昨天",
    "上次",
    "已经",
    "给我打",
    "之前",
    "跟我说",
    "和我说",
    "说我",
    "说包裹",
    "讲的",
    "骗",
    "多少钱",
    "呼吸",
];

/// Politeness and hesitation around a request, longest first.
const AROUND: &[&str] = &[
    "不好意思",
    "麻烦你",
    "麻烦您",
    "可不可以",
    "能不能",
    "可以吗",
    "谢谢你",
    "谢谢您",
    "你好",
    "您好",
    "谢谢",
    "麻烦",
    "需要",
    "可以",
    "一下",
    "马上",
    "现在",
    "赶紧",
    "赶快",
    "给我",
    "帮我",
    "那个",
    "这个",
    "我想",
    "我要",
    "就要",
    "还是",
    "直接",
    "请问",
    "我",
    "要",
    "想",
    "请",
    "转",
    "找",
    "接",
    "到",
    "个",
    "吧",
    "啊",
    "呀",
    "喂",
    "快",
    "嗯",
    "呃",
    "额",
    "就",
    "行",
    "呢",
    "好",
    "的",
    "了",
    "吗",
    "能",
    "帮",
    "给",
    "你们",
    "你",
    "您",
    "是",
    "对",
    "说",
    "叫",
    "服务",
    "位",
    "一",
];

/// Looks for a request in a text that holds Chinese: as it is written, then as it sounds (转仁工 is 转人工).
pub(super) fn request(text: &str) -> Option<(String, PersonRule)> {
    let text = plain(text);
    written(&text).or_else(|| {
        let heard = HOMOPHONES.hear(&text);
        if heard == text { None } else { written(&heard) }
    })
}

static HOMOPHONES: LazyLock<Homophones> = LazyLock::new(|| Homophones::learn(PHRASES.iter().copied()));

fn written(text: &str) -> Option<(String, PersonRule)> {
    if let Some(phrase) = REFUSED.iter().find(|p| text.contains(**p)) {
        return Some(((*phrase).to_string(), PersonRule::NotAMachine));
    }
    for phrase in ASKED {
        for (at, _) in text.match_indices(phrase) {
            let before = &text[..at];
            let after = &text[at + phrase.len()..];
            if !NOT.iter().any(|n| before.ends_with(n)) && !AFTER.iter().any(|a| after.starts_with(a)) {
                return Some(((*phrase).to_string(), PersonRule::Asked));
            }
        }
    }
    ALONE.iter().find(|phrase| nothing_else(text, phrase)).map(|phrase| ((*phrase).to_string(), PersonRule::Alone))
}

/// Only Chinese characters, in the simplified forms that the tables use.
pub(super) fn plain(text: &str) -> String {
    const SIMPLE: &[(char, char)] = &[
        ('轉', '转'),
        ('員', '员'),
        ('務', '务'),
        ('個', '个'),
        ('請', '请'),
        ('說', '说'),
        ('話', '话'),
        ('線', '线'),
        ('給', '给'),
        ('經', '经'),
        ('聯', '联'),
        ('係', '系'),
        ('機', '机'),
        ('幫', '帮'),
        ('間', '间'),
        ('動', '动'),
        ('電', '电'),
        ('麼', '么'),
        ('們', '们'),
        ('沒', '没'),
        ('嗎', '吗'),
        ('錄', '录'),
        ('導', '导'),
        ('負', '负'),
        ('責', '责'),
        ('領', '领'),
        ('討', '讨'),
        ('厭', '厌'),
        ('謝', '谢'),
        ('煩', '烦'),
        ('現', '现'),
        ('對', '对'),
        ('講', '讲'),
        ('專', '专'),
        ('總', '总'),
        ('臺', '台'),
    ];
    text.chars()
        .take(500)
        .map(narrow)
        .filter(|c| is_han(*c))
        .map(|c| SIMPLE.iter().find(|(old, _)| *old == c).map_or(c, |(_, new)| *new))
        .collect()
}

/// Whether only politeness stands around the phrase (repeated or not).
fn nothing_else(text: &str, phrase: &str) -> bool {
    if !text.contains(phrase) {
        return false;
    }
    let mut rest = text;
    while !rest.is_empty() {
        let Some(known) = std::iter::once(&phrase).chain(AROUND).find(|p| rest.starts_with(**p)) else { return false };
        rest = &rest[known.len()..];
    }
    true
}
