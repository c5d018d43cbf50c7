//! The hotline's own sentences: what it says by itself around the flow's nodes. Built in for English and Mandarin; a flow
//! overrides any of them under `phrases:` by its snake-case name.

use crate::base::Language;

macro_rules! phrases {
    ($($(#[$doc:meta])* $name:ident $key:literal [$($var:literal),*] $en:literal $zh:literal;)*) => {
        /// One of the hotline's own sentences.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Phrase {
            $($(#[$doc])* $name,)*
        }

        impl Phrase {
            /// All of them.
            pub const ALL: &[Phrase] = &[$(Phrase::$name),*];

            /// Its name under `phrases:`.
            pub fn key(self) -> &'static str {
                match self { $(Phrase::$name => $key),* }
            }

            /// The values that it may mention in `{{ … }}`.
            pub fn variables(self) -> &'static [&'static str] {
                match self { $(Phrase::$name => &[$($var),*]),* }
            }

            /// The built-in words (a template); `None` for languages that have none.
            pub(crate) fn built_in(self, language: Language) -> Option<&'static str> {
                let (en, zh) = match self { $(Phrase::$name => ($en, $zh)),* };
                match language.as_str() { "en" => Some(en), "zh" => Some(zh), _ => None }
            }
        }
    };
}

phrases! {
    /// Added to the re-prompt after the first misunderstanding, and to an answer that is given again.
    OfferPerson "offer_person" []
        "You can also say agent, or press 0, to speak to a person."
        "您也可以说人工，或按零，由工作人员为您服务。";
    /// First re-prompt of questions that have none of their own; the question follows.
    NotUnderstood "not_understood" [] "Sorry, I did not understand that." "对不起，我没有听明白。";
    /// Further re-prompts of questions that have none of their own; the keys follow.
    StillNotUnderstood "still_not_understood" [] "I am sorry, I still did not understand." "对不起，我还是没有听明白。";
    /// Said when a person was asked for (`person.say` goes first).
    Transferring "transferring" []
        "Of course. I am connecting you now, and you will not need to repeat yourself."
        "好的，马上为您转接，您不需要再重复一遍。";
    /// Said when the hotline gives up on understanding.
    TransferringAfterMisunderstanding "transferring_after_misunderstanding" []
        "I am sorry that I did not understand. I am connecting you to a person now, and you will not need to repeat yourself."
        "很抱歉没有听懂您的话，现在为您转接人工，您不需要再重复一遍。";
    /// Said instead of giving the same answer once more.
    TransferringAfterSameAnswer "transferring_after_same_answer" []
        "I have told you that already, and it does not seem to help. I am connecting you to a person now."
        "这个回答看来没有帮到您，现在为您转接人工。";
    /// Said when the call gets nowhere.
    TransferringAfterNoProgress "transferring_after_no_progress" []
        "I do not seem to get you any further. I am connecting you to a person, who knows what you have told me."
        "看来我没能帮到您，现在为您转接人工，工作人员知道您说过的内容。";
    /// Said when the caller fell silent after having spoken.
    TransferringAfterSilence "transferring_after_silence" []
        "I cannot hear you. I am connecting you to a person now."
        "我听不到您的声音，现在为您转接人工。";
    /// Said when something of ours broke.
    Apology "apology" []
        "I am sorry, something went wrong on our side. I am connecting you to a person."
        "很抱歉，我们的系统出了问题，现在为您转接人工。";
    /// Nobody took the call (all targets tried). A message follows.
    NobodyThere "nobody_there" []
        "I am sorry, all our colleagues are busy, so nobody can take your call right now."
        "很抱歉，工作人员都在忙，现在无法接听您的电话。";
    /// A person was wanted outside of all targets' hours. A message follows.
    OutsideHours "outside_hours" []
        "I am sorry, our office is closed right now, so nobody can take your call."
        "很抱歉，现在不是工作时间，没有工作人员接听。";
    /// While the agent hears the summary.
    AgentIsTold "agent_is_told" []
        "You need not repeat anything, they are told what you said."
        "您不需要重复，您说的情况会告诉工作人员。";
    /// One target failed, the next is tried.
    TryingNext "trying_next" [] "They did not answer. One moment, I am trying somebody else." "暂时无人接听，请稍候，正在为您转接其他人员。";
    /// In line: where the caller stands and how long it will be (`wait` may be empty).
    InLine "in_line" ["position", "wait"]
        "You are number {{ position }} in line.{% if wait %} It will take {{ wait }}.{% endif %}"
        "您排在第{{ position }}位。{% if wait %}预计等待{{ wait }}。{% endif %}";
    /// The same for who is next.
    NextInLine "next_in_line" ["wait"]
        "You are next in line.{% if wait %} It will take {{ wait }}.{% endif %}"
        "下一位就是您。{% if wait %}预计等待{{ wait }}。{% endif %}";
    /// Who was in line, or with an agent, when their call was cut off, and calls again: back in line at once.
    PlaceKept "place_kept" []
        "I am sorry that we were cut off. You are back in line where you were, and need not repeat anything. For something else, press star."
        "很抱歉刚才通话中断了。您的排队位置已恢复，您不需要再重复一遍。如果想办理其他事项，请按星号键。";
    /// After the first of these.
    InsteadOfWaiting "instead_of_waiting" []
        "If you do not want to wait, press 1 to leave a message." "如果不想等待，请按一留言。";
    /// After that, where the queue offers call-backs.
    CallBackOffered "call_back_offered" []
        "Or press 2, and we will call you back: you keep your place." "或者请按二，由我们回电给您，您的位置会保留。";
    /// The number that would be called.
    CallBackNumber "call_back_number" ["number"]
        "We would call you on {{ number }}. If that is right, press 1 or say yes. For another number, press 2."
        "我们将拨打{{ number }}。如果正确，请按一或说是；使用其他号码，请按二。";
    /// Another number, or the caller's own is not known or may not be called.
    CallBackKeyNumber "call_back_key_number" []
        "Please key in the number on which we can call you, with its area code, and end with hash."
        "请输入我们可以拨打的号码，包括区号，以井号键结束。";
    /// No trunk of the queue allows that number.
    CallBackNotAllowed "call_back_not_allowed" [] "I am sorry, we cannot call that number." "很抱歉，我们无法拨打这个号码。";
    /// Too many are to be called back.
    CallBackFull "call_back_full" []
        "I am sorry, we cannot take any more call-backs right now. You keep your place in line."
        "很抱歉，目前无法再安排回电，您的排队位置不变。";
    /// Somebody with that number is to be called back already.
    CallBackTwice "call_back_twice" []
        "We are going to call that number already. You keep your place in line."
        "我们已经安排拨打这个号码，您的排队位置不变。";
    /// The caller did not confirm any number.
    StillInLine "still_in_line" [] "You are still in line, at the same place." "您仍在排队，位置不变。";
    /// The number is confirmed (`wait` may be empty). The call ends.
    CallBackPromised "call_back_promised" ["wait"]
        "Thank you. You keep your place, and we will call you back.{% if wait %} It will take {{ wait }}.{% endif %} You may hang up now. Good-bye."
        "谢谢。您的位置已保留，我们会给您回电。{% if wait %}预计等待{{ wait }}。{% endif %}您现在可以挂机了，再见。";
    /// An agent became free while a call-back was talked about.
    AgentIsFree "agent_is_free" []
        "Somebody is free for you just now. Please stay on the line." "现在有工作人员可以接听，请不要挂机。";
    /// To the person who is called back: who it is, and nothing of what it is about.
    CallBackHello "call_back_hello" ["name"]
        "Hello, this is {{ name }}. You asked us to call you back. Press 1 or say yes to speak to my colleague. If it is not needed any more, press 2."
        "您好，这里是{{ name }}。您要求我们回电。请按一或说是，与工作人员通话；如果不再需要，请按二。";
    /// To the agent: the person is called next.
    AgentCallsBack "agent_calls_back" []
        "They asked to be called back. I am calling them now." "对方要求回电，现在为您拨打。";
    /// The agent's line broke while the two were talking.
    AgentLost "agent_lost" []
        "I am sorry, the connection to my colleague was lost. Please stay on the line, we will connect you to somebody else first."
        "很抱歉，与工作人员的连接中断了。请不要挂机，我们会优先为您接通其他工作人员。";
    /// An agent sends the caller on to a colleague.
    SentOn "sent_on" []
        "I am connecting you to a colleague who knows what you have said." "正在为您转接另一位工作人员，您说过的情况对方都知道。";
    /// An agent parks the caller.
    Parked "parked" []
        "One moment please. My colleague will be back with you, or somebody else who knows what you have said. If you do not want to wait for that, press 0."
        "请稍等，我的同事或其他了解情况的工作人员会继续为您服务。如果不想等待，请按零。";
    /// The same again, from time to time.
    StillParked "still_parked" []
        "You are not forgotten, we are still working on it. Press 0 at any time, and you are first in line."
        "我们没有忘记您，仍在为您处理。您可以随时按零，优先为您接通人工。";
    /// A parked caller pressed 0.
    Unparked "unparked" []
        "You are first in line now. Please stay on the line." "现在优先为您接通，请不要挂机。";
    /// The agent asks for it when the caller is abusive.
    AbuseWarning "abuse_warning" []
        "Please stay polite. Otherwise my colleague may end this call." "请您文明用语，否则工作人员有权结束通话。";
    /// The agent ends the call because of abuse.
    AbuseGoodBye "abuse_good_bye" []
        "This call is ended because of the words that were used. You are welcome to call again. Good-bye."
        "由于不文明用语，本次通话到此结束，欢迎您再次来电。再见。";
    /// The caller spoke of an emergency; a person is called.
    Emergency "emergency" []
        "If somebody is in danger, hang up and dial the emergency number. I am connecting you with a person now."
        "如果有人身危险，请挂断并拨打紧急电话。现在为您转接人工。";
    /// So many wait that nobody else is let in. A message follows.
    LineIsFull "line_is_full" []
        "I am sorry, so many people are waiting that nobody could take your call in good time."
        "很抱歉，目前排队人数过多，无法及时接听您的电话。";
    /// The longest wait of the queue is over. A message follows.
    WaitedTooLong "waited_too_long" []
        "I am sorry that you have waited so long and nobody could take your call."
        "很抱歉让您久等，目前仍没有工作人员能接听。";
    /// An agent was there and then was not; what is done next follows.
    ConnectionFailed "connection_failed" [] "I am sorry, the connection was lost." "很抱歉，连接中断了。";
    /// Before the tone.
    LeaveMessage "leave_message" []
        "Please leave your name and your message after the tone, and press hash when you are done. We will call you back."
        "请在提示音后留下您的姓名和留言，完成后按井号键。我们会给您回电。";
    /// After the message.
    MessageThanks "message_thanks" [] "Thank you. We will call you back. Good-bye." "谢谢，我们会给您回电。再见。";
    /// No word was left after the tone.
    NoMessage "no_message" []
        "I did not hear a message, but we have your number and will call you back. Good-bye."
        "没有听到您的留言，但我们记下了您的号码，会给您回电。再见。";
    /// Before the first recorded frame (`record: announce`).
    RecordingAnnounced "recording_announced" [] "This call is recorded." "本次通话将被录音。";
    /// `record: ask`.
    RecordingQuestion "recording_question" []
        "May we record this call to improve our service? Say yes or press 1, say no or press 2."
        "为了改进服务，可以对本次通话录音吗？可以请说是或按一，不可以请说不或按二。";
    /// The caller does not want to be recorded.
    RecordingRefused "recording_refused" [] "Fine, this call is not recorded." "好的，本次通话不录音。";
    /// First step of the silence ladder.
    AreYouThere "are_you_there" [] "Are you still there?" "您还在吗？";
    /// Before the keys are listed.
    KeysIntro "keys_intro" [] "You can use the keys of your telephone." "您可以使用电话按键。";
    /// One line of a key menu.
    OptionByKey "option_by_key" ["label", "key"] "For {{ label }}, press {{ key }}." "{{ label }}，请按{{ key }}。";
    /// What a key is called that leads to a node without a `label`.
    MoreOptions "more_options" [] "more options" "其他选项";
    /// The last line of every key menu.
    PersonByKey "person_by_key" [] "For a person, press 0." "人工服务，请按零。";
    /// Keys of a yes-or-no question.
    YesNoByKey "yes_no_by_key" [] "Press 1 for yes, or 2 for no." "是请按一，不是请按二。";
    /// Keys of a question for so many digits.
    DigitsByKey "digits_by_key" ["count"] "Please key in the {{ count }} digits." "请输入{{ count }}位数字。";
    /// Keys of a question for digits of open length, or for a number.
    NumberByKey "number_by_key" [] "Please key in the number, then press hash." "请输入号码，按井号键结束。";
    /// Keys of a question for a day.
    DateByKey "date_by_key" []
        "Please key in the day and the month with two digits each, then press hash."
        "请输入两位日期和两位月份，按井号键结束。";
    /// Keys of a question for an amount of money.
    MoneyByKey "money_by_key" []
        "Please key in the amount with two digits for the cents and without a point, then press hash: 1 2 5 0 for twelve fifty."
        "请输入金额，最后两位是角和分，不输小数点，按井号键结束，例如十二块五输入一二五零。";
    /// Keys of a question for a time of day.
    TimeByKey "time_by_key" []
        "Please key in the time with four digits on the 24 hour clock: 1 5 3 0 for half past three in the afternoon."
        "请按二十四小时制输入四位数字的时间，例如下午三点半输入一五三零。";
    /// Keys of a question for a telephone number.
    PhoneByKey "phone_by_key" []
        "Please key in the telephone number, then press hash." "请输入电话号码，按井号键结束。";
    /// What helps with an e-mail address, which has no keys.
    EmailSpelled "email_spelled" []
        "Please spell the address letter by letter, and say at and dot."
        "请逐个字母拼读邮箱地址，小老鼠符号请说艾特，点请说点。";
    /// A caller who never spoke nor keyed is let go.
    SilentGoodBye "silent_good_bye" [] "I cannot hear you. Please call again. Good-bye." "我听不到您的声音，请重新拨打。再见。";
    /// The end of a call.
    GoodBye "good_bye" [] "Thank you for calling. Good-bye." "感谢您的来电，再见。";
    /// An engine failed: keys are offered.
    EarsFailed "ears_failed" []
        "I am having trouble hearing you. Please use the keys of your telephone."
        "我暂时听不清楚，请使用电话按键。";
    /// No engine speaks the caller's language.
    NoEngine "no_engine" []
        "I cannot understand this language by voice. Please use the keys of your telephone."
        "我暂时不能识别这种语言的语音，请使用电话按键。";
    /// A look-up takes long.
    Waiting "waiting" [] "One moment, please." "请稍候。";
    /// After an answer that a person may have to complete (`policy: ai_then_human`).
    DidItHelp "did_it_help" [] "Did that answer your question?" "这样解决您的问题了吗？";
    /// It did not: a person follows.
    TransferringAfterNoHelp "transferring_after_no_help" []
        "Then I am connecting you to a person, who knows what you have heard."
        "那我现在为您转接人工，工作人员知道您听到了什么。";
    /// A number and a secret do not belong together; both are asked for again.
    NotVerified "not_verified" [] "I am sorry, that does not match. Let us try again." "对不起，信息不符，请再试一次。";
    /// Before each step of a guided procedure.
    Step "step" ["number", "count"] "Step {{ number }} of {{ count }}." "第{{ number }}步，共{{ count }}步。";
    /// After the first step.
    StepHow "step_how" []
        "Take your time. Say next when you are ready. You can also say repeat, slower, back or help."
        "不用着急，准备好了请说下一步。您也可以说重复、慢一点、上一步或帮助。";
    /// A procedure is taken up where it was left.
    StepResumed "step_resumed" [] "Let us go on where we were." "我们接着刚才的步骤。";
    /// Help was asked for where the flow has none.
    StepNoHelp "step_no_help" []
        "I have no more help for this step. Say agent or press 0 for a person, or listen to it again."
        "这一步没有更多说明。您可以说人工或按零，也可以再听一遍。";
    /// To the agent: who calls.
    AgentCaller "agent_caller" ["caller"] "Call from {{ caller }}." "来电号码{{ caller }}。";
    /// To the agent: what the caller wants.
    AgentIntent "agent_intent" ["intent"] "The caller wants: {{ intent }}." "来电事由：{{ intent }}。";
    /// To the agent: one value.
    AgentSlot "agent_slot" ["name", "value"] "{{ name }}: {{ value }}." "{{ name }}：{{ value }}。";
    /// To the agent: the caller has proved who they are.
    AgentVerified "agent_verified" [] "Identity verified." "身份已核实。";
    /// To the agent: where the caller is in a guided procedure.
    AgentStep "agent_step" ["procedure", "number", "count"]
        "They are at step {{ number }} of {{ count }}: {{ procedure }}."
        "正在进行{{ procedure }}，第{{ number }}步，共{{ count }}步。";
    /// To the agent: the last answer that the caller was given.
    AgentTold "agent_told" ["answer"] "The caller was told: {{ answer }}" "已告知来电者：{{ answer }}";
    /// To the agent: why the call was handed over.
    AgentBecause "agent_because" ["reason"] "Handed over because: {{ reason }}." "转接原因：{{ reason }}。";
    /// To the agent: the call is recorded.
    AgentRecorded "agent_recorded" [] "This call is recorded." "本次通话将被录音。";
    /// To the agent: prove that you are no mailbox.
    AgentAccept "agent_accept" [] "Press 1 to take the call." "接听请按一。";
}

/// Built-in ways to ask for the last words again.
pub(crate) fn repeat_words(language: Language) -> &'static [&'static str] {
    match language.as_str() {
        "zh" => &["重复", "再说一遍", "请再说一遍", "没听清", "没听清楚"],
        "en" => &["repeat", "repeat that", "repeat please", "please repeat", "say that again", "say it again", "pardon"],
        _ => &[],
    }
}

/// What a key is called when it is spoken.
pub(crate) fn key_word(key: crate::base::Digit, language: Language) -> String {
    match (key.as_char(), language == Language::ZH) {
        ('*', false) => "star".to_string(),
        ('*', true) => "星号键".to_string(),
        ('#', false) => "hash".to_string(),
        ('#', true) => "井号键".to_string(),
        (c, _) => c.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sentence_stands_in_both_languages_under_its_own_name() {
        let mut keys: Vec<_> = Phrase::ALL.iter().map(|p| p.key()).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), Phrase::ALL.len());
        for phrase in Phrase::ALL {
            let (en, zh) = (phrase.built_in(Language::EN).expect("English"), phrase.built_in(Language::ZH).expect("Chinese"));
            assert!(!en.is_empty() && !zh.is_empty());
            for var in phrase.variables() {
                assert!(en.contains(var) && zh.contains(var), "{phrase:?} lacks {var}");
            }
        }
    }
}
