//! The flow as it is written: what every key is called, what it holds, what it is for. The published JSON Schema is made
//! from these types, and the reader accepts exactly their keys. No references are resolved here; see `compile`.

pub(crate) use super::document_forms::*;
use super::slot_kinds::{MoneyOf, NameList, TimeIn};
use schemars::JsonSchema;

/// A hotline script: what callers hear, what they may say or key, and who is there for them.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Document {
    /// Version of the flow language. Always 1.
    pub(crate) hotline: At<u32>,
    /// The flow's name, as records and reports show it.
    pub(crate) name: At<String>,
    /// Languages that the hotline speaks (`en`, `zh`), the usual one first.
    pub(crate) languages: Vec<At<Tag>>,
    /// Other files of the flow's folder, whose intents, nodes, targets and the like belong to this flow, too.
    pub(crate) include: Option<Vec<At<String>>>,
    /// The node where calls begin; the first node unless said otherwise.
    pub(crate) start: Option<At<String>>,
    /// Time zone for opening hours, dates and tests, such as `Europe/Berlin`; UTC unless said otherwise.
    pub(crate) zone: Option<At<String>>,
    /// Whether calls are recorded: `off`, `announce` (the default) or `ask`.
    pub(crate) record: Option<At<Word>>,
    /// After how many days recordings and words are deleted.
    pub(crate) retention_days: Option<Retention>,
    /// How a caller gets a person: from every node, by voice and by key 0.
    pub(crate) person: Option<Person>,
    /// What an emergency sounds like: said at any time, it leads to a person who is called first of all.
    pub(crate) emergency: Option<Emergency>,
    /// When the hotline gives up and calls a person.
    pub(crate) escalate: Option<Escalate>,
    /// Opening hours by name.
    pub(crate) hours: Option<Named<Hours>>,
    /// People and desks that calls can be handed to.
    pub(crate) targets: Option<Named<Target>>,
    /// What callers want, with examples of how they say it.
    pub(crate) intents: Option<Named<Intent>>,
    /// Sentences that mean nothing this hotline can do, so that it knows what it does not know.
    pub(crate) out_of_scope: Option<Words>,
    /// Values that the flow collects, beside those that stand in intents.
    pub(crate) slots: Option<Named<Slot>>,
    /// Questions to other programs, over HTTP.
    pub(crate) lookups: Option<Named<Lookup>>,
    /// The steps of the conversation.
    pub(crate) nodes: Named<Node>,
    /// The hotline's own sentences, where the flow wants others than the built-in ones.
    pub(crate) phrases: Option<Named<Text>>,
    /// Conversations that must come out as written; `hotline check` plays them.
    pub(crate) tests: Option<Vec<Test>>,
}

/// After how many days something is deleted.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Retention {
    /// Recordings and clips; 30 unless said otherwise.
    pub(crate) audio: Option<At<u32>>,
    /// Words and turns; 90 unless said otherwise.
    pub(crate) text: Option<At<u32>>,
}

/// How a caller gets a person.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Person {
    /// Always `0`.
    pub(crate) key: Option<At<Key>>,
    /// The target that is tried first.
    pub(crate) to: Option<At<String>>,
    /// Said before the caller is connected.
    pub(crate) say: Option<Text>,
    /// Ways to ask for a person, beside the built-in ones, by language.
    pub(crate) phrases: Option<Words>,
    /// The target of callers who type on a text telephone (TTY); `to` unless said otherwise.
    pub(crate) text_telephone: Option<At<String>>,
}

/// An emergency: no question is asked any more, and in line its caller is the first.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Emergency {
    /// How callers say it, by language.
    pub(crate) phrases: Words,
    /// Said at once; which number helps in the country, for example.
    pub(crate) say: Option<Text>,
    /// The target that is tried first; `person.to` unless said otherwise. Its hours do not count.
    pub(crate) to: Option<At<String>>,
}

/// When the hotline gives up and calls a person. Numbers count turns.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Escalate {
    /// Misunderstandings.
    pub(crate) misunderstood: Option<Misunderstood>,
    /// The same answer given again.
    pub(crate) same_answer: Option<SameAnswer>,
    /// Silences in a row before the last step; 3 unless said otherwise.
    pub(crate) silence: Option<At<u32>>,
    /// How much each sign counts that a person is needed; when they sum up to 1 the call is transferred.
    pub(crate) weights: Option<Weights>,
    /// How long the hotline may go on without getting anywhere.
    pub(crate) budget: Option<Budget>,
    /// Callers of different value, as a look-up tells. Nothing here keeps anybody from a person.
    pub(crate) value: Option<Value>,
    /// From so many words on what was not understood is a story, which a person hears; 40 unless said otherwise, 0 = never.
    pub(crate) story_words: Option<At<u32>>,
}

/// How long the hotline may go on without getting anywhere: nothing new is known, asked or answered. Then a person takes over.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Budget {
    /// Turns; 6 unless said otherwise, 0 = never.
    pub(crate) turns: Option<At<u32>>,
    /// Seconds; 180 unless said otherwise, 0 = never.
    pub(crate) seconds: Option<At<u32>>,
}

/// Callers of different value.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Value {
    /// A template that gives the tier's name, such as `{{ account.tier }}`; what it gives before it is known is no tier.
    pub(crate) of: At<String>,
    /// Tiers by name. Callers of no tier are served by the flow's own numbers.
    pub(crate) tiers: Named<Tier>,
}

/// What a tier brings.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Tier {
    /// Who waits is served in this order, highest first: 0 to 9; 0 unless said otherwise.
    pub(crate) priority: Option<At<u32>>,
    /// A person takes over as soon as it is known what the caller wants.
    pub(crate) human_first: Option<At<bool>>,
    /// A person takes over after so many turns.
    pub(crate) turns: Option<At<u32>>,
}

/// How much each sign counts that a person is needed, 0 to 1.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Weights {
    /// Each misunderstanding in a row; one by `misunderstood: transfer` unless said otherwise.
    pub(crate) misunderstood: Option<At<String>>,
    /// Each turn in which the caller is angry; 0.5 unless said otherwise.
    pub(crate) upset: Option<At<String>>,
    /// Each time that the caller says we got it wrong; 0.5 unless said otherwise.
    pub(crate) correction: Option<At<String>>,
    /// A long story that was not understood; 1 unless said otherwise.
    pub(crate) story: Option<At<String>>,
    /// Each time that something is said much louder than before; 0.25 unless said otherwise.
    pub(crate) loud: Option<At<String>>,
    /// Each time that something is said over a prompt and not understood; 0.2 unless said otherwise.
    pub(crate) over: Option<At<String>>,
}

/// Misunderstandings.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Misunderstood {
    /// After so many in a row a person is offered; 1 unless said otherwise.
    pub(crate) offer: Option<At<u32>>,
    /// After so many in a row the call is transferred; 2 unless said otherwise.
    pub(crate) transfer: Option<At<u32>>,
    /// After so many in the whole call it is transferred; 4 unless said otherwise.
    pub(crate) total: Option<At<u32>>,
}

/// The same answer given again after a rephrase.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct SameAnswer {
    /// At this giving a person is offered along with it; 2 unless said otherwise.
    pub(crate) offer: Option<At<u32>>,
    /// At what would be this giving the call is transferred instead; 3 unless said otherwise.
    pub(crate) transfer: Option<At<u32>>,
}

/// Opening hours. A day is `closed` or spans such as `9:00-17:00` (several as a list).
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Hours {
    /// Time zone, if it is not the flow's.
    pub(crate) zone: Option<At<String>>,
    /// Every day.
    pub(crate) daily: Option<Spans>,
    /// Monday to Friday.
    #[schemars(rename = "mon-fri")]
    pub(crate) mon_fri: Option<Spans>,
    /// Monday.
    pub(crate) mon: Option<Spans>,
    /// Tuesday.
    pub(crate) tue: Option<Spans>,
    /// Wednesday.
    pub(crate) wed: Option<Spans>,
    /// Thursday.
    pub(crate) thu: Option<Spans>,
    /// Friday.
    pub(crate) fri: Option<Spans>,
    /// Saturday.
    pub(crate) sat: Option<Spans>,
    /// Sunday.
    pub(crate) sun: Option<Spans>,
    /// Days on which nobody is there, such as `2026-12-25`.
    pub(crate) closed: Option<Vec<At<String>>>,
}

/// A person's place.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Target {
    /// SIP address, such as `sip:agents@pbx.example` or `{{ env.AGENT_SIP }}`; or a number that the gateway calls by its trunks:
    /// `trunk:+4930123456` (the first that is up), `trunk:+4930123456@carrier,backup` (these, in this order), `tel:+4930123456`.
    pub(crate) sip: Option<At<String>>,
    /// Instead of an address, a queue of the gateway: whichever of its agents is free takes the call, and meanwhile the caller waits
    /// in line and is told how long it will be.
    pub(crate) queue: Option<At<String>>,
    /// Beside `queue`, a node: it is what the caller is asked when the agent ends the talk, such as how content they are. The call ends as
    /// that node says. Who hangs up first is not held.
    pub(crate) after: Option<At<String>>,
    /// Beside `queue`, nodes: to these the agent may send the caller back, such as to one that takes a payment or says the opening hours. To no other;
    /// without the list, to none. Who asks for a person there is first in line, and first for the same agent.
    pub(crate) back_to: Option<Vec<At<String>>>,
    /// `bridge` (we call the agent and join; the default) or `refer` (the caller's side does).
    pub(crate) method: Option<At<Word>>,
    /// How long it may ring; 20s unless said otherwise.
    pub(crate) ring: Option<At<Wait>>,
    /// What proves that a person took the call: `key` (the agent presses 1; the default) or `answer`.
    pub(crate) accept: Option<At<Word>>,
    /// Who is tried next; a message is taken when there is none.
    pub(crate) next: Option<At<String>>,
    /// What `busy`, `unavailable`, `declined` and `moved` do: `retry`, `next`, `message` or `follow`.
    pub(crate) on: Option<Named<At<Word>>>,
    /// Named opening hours in which somebody is there; always unless said otherwise.
    pub(crate) hours: Option<At<String>>,
    /// Languages spoken there; all unless said otherwise.
    pub(crate) languages: Option<Vec<At<Tag>>>,
}

/// Something callers want.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Intent {
    /// How callers say it; ten or more varied sentences make a good ear.
    pub(crate) examples: Words,
    /// What it is called when keys are offered: "For … press 1".
    pub(crate) label: Option<Text>,
    /// The node that serves it; the node of the same name unless said otherwise.
    pub(crate) go: Option<At<String>>,
    /// Values that callers may say along with it.
    pub(crate) slots: Option<Named<Slot>>,
}

/// A value that is collected. Exactly one of the kinds.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Slot {
    /// Digits: how many (`8`), or from–to (`4-10`).
    pub(crate) digits: Option<At<Range>>,
    /// Beside `digits`, what they must agree with: `luhn`, `gs1` or `mod97`. A number that does not is heard again among what
    /// sounds like it.
    pub(crate) check: Option<At<String>>,
    /// Beside any kind, a regular expression that the whole value must fit, such as `(10|20)[0-9]{6}`; the value as templates see it.
    pub(crate) pattern: Option<At<String>>,
    /// Beside `number` or `money`, the least that is taken.
    pub(crate) min: Option<At<String>>,
    /// Beside `number` or `money`, the most that is taken.
    pub(crate) max: Option<At<String>>,
    /// A number, if `true`.
    pub(crate) number: Option<At<bool>>,
    /// A day, if `true`.
    pub(crate) date: Option<At<bool>>,
    /// Yes or no, if `true`.
    pub(crate) yes_no: Option<At<bool>>,
    /// An amount of money, `12.50 EUR`: the currency that is meant where none is named, or `true`.
    pub(crate) money: Option<At<MoneyOf>>,
    /// A time of day, `15:30`: from when until when it makes sense (`11:00-23:00`), or `true`.
    pub(crate) time: Option<At<TimeIn>>,
    /// A telephone number, if `true`.
    pub(crate) phone: Option<At<bool>>,
    /// Beside `phone`, the code of the country whose numbers are said without one (`"49"`): they come out as `+4917612345678`.
    pub(crate) country: Option<At<String>>,
    /// An e-mail address, spelled out, if `true`.
    pub(crate) email: Option<At<bool>>,
    /// One of these names: a list, or names each with the ways to say it.
    pub(crate) names: Option<NameList>,
}

/// A question to another program. Its answer is JSON and is known by the look-up's name afterwards.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Lookup {
    /// Address to GET. Its host is fixed or from `env`; values are escaped.
    pub(crate) get: Option<At<String>>,
    /// Address to POST to.
    pub(crate) post: Option<At<String>>,
    /// What is posted, as JSON; its texts are templates.
    pub(crate) body: Option<Json>,
    /// Longest wait, all tries together; 2s unless said otherwise, at most 15s.
    pub(crate) timeout: Option<At<Wait>>,
    /// How often it is tried again when the other side cannot be reached, fails or is silent; 0 unless said otherwise, at most 3.
    pub(crate) retries: Option<At<u32>>,
    /// How long an equal question is answered from memory; not at all unless said otherwise.
    pub(crate) cache: Option<At<Wait>>,
    /// Said when the answer takes longer than 1.5 s.
    pub(crate) waiting: Option<Text>,
    /// `false` if the answer holds nothing personal and may be logged.
    pub(crate) sensitive: Option<At<bool>>,
}

/// One step of the conversation. What it holds happens in this order: `forget`, `need`, `confirm`, `set`, `lookup` or `verify`,
/// `wrong_data`, `unclear_process`, `say`, then one of `ask`, `steps`, `run`, `branch`, `transfer`, `message`, `hang_up`, `then`.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Node {
    /// What the node is called when a key that leads to it is offered: "For … press 9".
    pub(crate) label: Option<Text>,
    /// Slots whose values are forgotten first, so that they are asked again.
    pub(crate) forget: Option<Vec<At<String>>>,
    /// Slots that must be known, each with its question; what the caller already said is not asked.
    pub(crate) need: Option<Named<TextOr<Need>>>,
    /// A yes-or-no question about what was collected in `need`; after a no, `need` is asked again (or `no:` is followed).
    pub(crate) confirm: Option<Text>,
    /// Values computed from templates, known by their names afterwards.
    pub(crate) set: Option<Named<At<String>>>,
    /// The look-up that is made.
    pub(crate) lookup: Option<At<String>>,
    /// Asks who is calling: a look-up says whether a number and a secret belong together.
    pub(crate) verify: Option<Verify>,
    /// A task for people: what the records say is not true.
    pub(crate) wrong_data: Option<WrongData>,
    /// A task for operators: nobody has said yet what is to be done in this case.
    pub(crate) unclear_process: Option<At<String>>,
    /// Where to go when the look-up finds nothing (`not_found`) or fails (`outage`).
    pub(crate) on: Option<On>,
    /// What the caller hears.
    pub(crate) say: Option<Text>,
    /// Who answers: `ai_then_human` (`say`, and then a person unless it helped) or `human_first` (a person while one is there; what
    /// `need` asks for is asked before, so that the person knows).
    pub(crate) policy: Option<At<Word>>,
    /// Whether `say` is an answer to the caller's question; found out by itself unless said otherwise.
    pub(crate) answer: Option<At<bool>>,
    /// `false` if the caller's voice does not stop the prompt (a request for a person always does).
    pub(crate) interruptible: Option<At<bool>>,
    /// Neither audio nor digits nor words of this node are kept (PIN, card number).
    pub(crate) sensitive: Option<At<bool>>,
    /// From when until when `say` is true, and whose it is. Outside of it nothing of the node is said: callers get a person instead.
    pub(crate) valid: Option<Valid>,
    /// A question. With `menu`, `digits`, `number`, `date`, `money`, `time`, `phone`, `email`, `name`, `yes`/`no` or
    /// `language` it wants just that; else an intent.
    pub(crate) ask: Option<Text>,
    /// What is said after a misunderstanding, one after the other.
    pub(crate) reprompts: Option<Vec<Text>>,
    /// What is said after silence: which keys to press. Made from the keys unless said otherwise.
    pub(crate) key_prompt: Option<Text>,
    /// How long the caller may be silent; 6s unless said otherwise.
    pub(crate) no_input: Option<At<Wait>>,
    /// Which intents an open question takes; all unless said otherwise.
    pub(crate) intents: Option<Vec<At<String>>>,
    /// Keys of an open question: an intent, a node, or `repeat`. Key 0 always is a person.
    pub(crate) keys: Option<Named<At<String>>>,
    /// A closed question: options by name, each with phrases and a key.
    pub(crate) menu: Option<Named<MenuOption>>,
    /// The slot that a question for digits fills.
    pub(crate) digits: Option<At<String>>,
    /// The slot that a question for a number fills.
    pub(crate) number: Option<At<String>>,
    /// The slot that a question for a day fills.
    pub(crate) date: Option<At<String>>,
    /// The slot that a question for an amount of money fills.
    pub(crate) money: Option<At<String>>,
    /// The slot that a question for a time of day fills.
    pub(crate) time: Option<At<String>>,
    /// The slot that a question for a telephone number fills.
    pub(crate) phone: Option<At<String>>,
    /// The slot that a question for an e-mail address fills.
    pub(crate) email: Option<At<String>>,
    /// The slot that a question for one of its `names` fills.
    pub(crate) name: Option<At<String>>,
    /// Where a yes goes.
    pub(crate) yes: Option<At<String>>,
    /// Where a no goes.
    pub(crate) no: Option<At<String>>,
    /// A question for the language: language tags, each with phrases and a key.
    pub(crate) language: Option<Named<MenuOption>>,
    /// A guided procedure: one step at a time, until the caller says "next". "Repeat", "slower", "back" and "help" work, too.
    pub(crate) steps: Option<Vec<TextOr<GuideStep>>>,
    /// A part of the flow that several nodes share: the call goes on at this node, and `then: return` there leads back to `then` here.
    pub(crate) run: Option<At<String>>,
    /// Ways to go by condition; the first that holds is taken.
    pub(crate) branch: Option<Vec<Arm>>,
    /// The target that the call is handed to; `person` is the flow's `person.to`.
    pub(crate) transfer: Option<At<String>>,
    /// Why it is handed over, for the agent; the node's name unless said otherwise.
    pub(crate) because: Option<At<String>>,
    /// A message is taken; this is said before the tone.
    pub(crate) message: Option<Text>,
    /// Said after the message.
    pub(crate) thanks: Option<Text>,
    /// Longest message; 2m unless said otherwise.
    pub(crate) longest: Option<At<Wait>>,
    /// The call ends with these words (`true` for the built-in good-bye).
    pub(crate) hang_up: Option<Text>,
    /// The node that follows, `person`, or `return` at the end of what `run` began.
    pub(crate) then: Option<At<String>>,
}

/// When an answer is true, and whose it is.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Valid {
    /// The first day, such as `2026-01-01`; from ever unless said otherwise.
    pub(crate) from: Option<At<String>>,
    /// The last day; for ever unless said otherwise.
    pub(crate) until: Option<At<String>>,
    /// Who keeps it true.
    pub(crate) owner: Option<At<String>>,
    /// Which edition of the text this is.
    pub(crate) version: Option<At<String>>,
}

/// The question for a slot: just a text, or more exactly this.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Need {
    /// The question.
    pub(crate) ask: Text,
    /// What is said after a misunderstanding, one after the other.
    pub(crate) reprompts: Option<Vec<Text>>,
    /// What is said after silence: what to key.
    pub(crate) key_prompt: Option<Text>,
    /// How long the caller may be silent; 6s unless said otherwise.
    pub(crate) no_input: Option<At<Wait>>,
}

/// What happens when a look-up does not bring an answer.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct On {
    /// The other side knows nothing of it (404).
    pub(crate) not_found: Option<At<String>>,
    /// No answer, or none that can be used.
    pub(crate) outage: Option<At<String>>,
    /// Of `verify`: the last attempt was wrong; `person` unless said otherwise.
    pub(crate) wrong: Option<At<String>>,
}

/// One option of a closed question.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct MenuOption {
    /// Its key.
    pub(crate) key: Option<At<Key>>,
    /// What callers say for it.
    pub(crate) phrases: Option<Words>,
    /// What it is called when keys are offered; the first phrase unless said otherwise.
    pub(crate) label: Option<Text>,
    /// Where it goes; the node of the same name, or the intent's, unless said otherwise.
    pub(crate) go: Option<At<String>>,
}

/// Who is calling. The number and the secret are slots of `need`.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Verify {
    /// The look-up that is asked: whatever it finds proves the caller, unless it says `verified: false`; 404 is a wrong secret.
    pub(crate) lookup: At<String>,
    /// Slots that only the caller knows. They are neither kept nor told, and forgotten as soon as the look-up has answered.
    pub(crate) secret: Vec<At<String>>,
    /// How often a caller may try in one call; 3 unless said otherwise, at most 5.
    pub(crate) attempts: Option<At<u32>>,
}

/// What in the records is not true. Each is a template.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct WrongData {
    /// Which record, such as `postal address`.
    pub(crate) what: At<String>,
    /// What stands there.
    pub(crate) old: Option<At<String>>,
    /// What the caller says.
    pub(crate) new: Option<At<String>>,
}

/// One step of a guided procedure: just a text, or more exactly this.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct GuideStep {
    /// What is to be done.
    pub(crate) say: Text,
    /// Said when the caller asks for help with it.
    pub(crate) help: Option<Text>,
}

/// One way of a branch: `if` or `percent` and `go`, or `else` alone as the last.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Arm {
    /// A condition, such as `parcel.status == "lost"` or `open("support")`.
    #[schemars(rename = "if")]
    pub(crate) when: Option<At<String>>,
    /// Instead of `if`: of so many callers in a hundred. A caller's number decides, so a caller is always led the same way.
    pub(crate) percent: Option<At<u32>>,
    /// Where to go if it holds.
    pub(crate) go: Option<At<String>>,
    /// Where to go if nothing else held.
    #[schemars(rename = "else")]
    pub(crate) otherwise: Option<At<String>>,
}

/// One conversation that must come out as written.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Test {
    /// What it shows.
    pub(crate) name: Option<At<String>>,
    /// The calendar time of the call in the flow's zone, such as `2026-12-01 10:00`.
    pub(crate) at: Option<At<String>>,
    /// The caller's turns: words, `press 12#`, or `silence`.
    pub(crate) caller: Vec<At<String>>,
    /// What look-ups answer: JSON, `not_found` or `outage`.
    pub(crate) lookup: Option<Named<Json>>,
    /// What the caller must hear, in this order (parts of sentences).
    pub(crate) hears: Option<Vec<At<String>>>,
    /// What the caller must never hear.
    pub(crate) never_hears: Option<Vec<At<String>>>,
    /// How the call must end: a disposition, or the group below.
    pub(crate) ends: Option<NameOr<Ends>>,
}

/// How a call ends: a disposition's name alone, or the target and the reason of a transfer.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Ends {
    /// A disposition's name, such as `answered`.
    pub(crate) disposition: Option<At<String>>,
    /// Handed over to this target.
    pub(crate) transferred: Option<At<String>>,
    /// Why: `asked`, `misunderstood`, …
    pub(crate) because: Option<At<String>>,
}
