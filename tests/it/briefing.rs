//! What agents hear on the phone before the caller, in the gateway's own voices and from the flows that we publish: about five seconds.

use hotline::base::{Language, PromptPart};
use hotline::call::{REASONS, brief, spoken_ms};
use hotline::flow::Flow;
use hotline::speech::{RenderKey, Voices, VoicesConfig};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// Longer nobody listens before the caller is there.
const LONGEST_MS: u64 = 5_500;

fn flows() -> Vec<Arc<Flow>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    let env = [("PARCEL_API", "http://127.0.0.1:8081"), ("AGENT_SIP", "sip:agent@127.0.0.1:5090")];
    let env: BTreeMap<String, String> = env.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())).collect();
    let entries = std::fs::read_dir(&folder).expect("flows is there").flatten().map(|entry| entry.path());
    let yaml = entries.filter(|path| path.extension().is_some_and(|e| e == "yaml"));
    yaml.map(|path| {
        let text = std::fs::read_to_string(&path).expect("a flow can be read");
        let mut read = |name: &str| std::fs::read_to_string(folder.join(name)).map_err(|e| e.to_string());
        let whole = hotline::flow::bundle(&text, "flow.yaml", &mut read).unwrap_or_else(|f| panic!("{f:?}"));
        Flow::load(&whole, "flow.yaml", &env).unwrap_or_else(|f| panic!("{}: {} mistakes", path.display(), f.len())).flow
    })
    .collect()
}

/// Every intent for the reason that is the commonest and the one that is said longest, with and without more to say; every reason alone.
fn briefings(flow: &Flow, language: Language) -> BTreeSet<String> {
    let more = match language {
        Language::ZH => ["身份已核实。".to_string(), "包裹号：1 2 3 4 5 6 7 8。".to_string()],
        _ => ["Identity verified.".to_string(), "parcel: 1 2 3 4 5 6 7 8.".to_string()],
    };
    let mut all = BTreeSet::new();
    for (because, ..) in REASONS {
        all.insert(brief(flow, language, None, because, &[]));
        all.insert(brief(flow, language, flow.intents.keys().next().map(String::as_str), because, &more));
    }
    for intent in flow.intents.keys() {
        for (because, more) in [("asked", &more[..0]), ("asked", &more[..]), ("same_answer", &more[..0])] {
            all.insert(brief(flow, language, Some(intent), because, more));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_briefing_of_the_published_flows_takes_longer_than_five_and_a_half_seconds() {
    let flite = cfg!(feature = "flite");
    let voices = Voices::start(VoicesConfig::new(env!("CARGO_BIN_EXE_hotline").into())).expect("voices");
    let espeak = std::process::Command::new("espeak-ng").arg("--version").output().is_ok();
    let mut played: BTreeMap<Language, usize> = BTreeMap::new();
    for language in [Language::EN, Language::ZH] {
        if !espeak && (language == Language::ZH || !flite) {
            eprintln!("skipped: nothing here speaks {language}");
            continue;
        }
        let of = flows().into_iter().filter(|flow| flow.languages.contains(&language));
        let all: BTreeSet<String> = of.flat_map(|flow| briefings(&flow, language)).collect();
        let (mut longest, mut too_little) = ((0, String::new()), 0);
        for words in &all {
            let key = RenderKey { parts: vec![PromptPart::Text(words.clone())], language };
            let took = voices.render(key).await.expect("spoken").millis();
            assert!(took <= LONGEST_MS, "{took} ms, reckoned {} ms: {words}", spoken_ms(words, language));
            too_little = too_little.max(took.saturating_sub(u64::from(spoken_ms(words, language))));
            longest = longest.max((took, words.clone()));
        }
        println!(
            "{language}: {} briefings, the longest {} ms: {}; reckoned too short by {too_little} ms at most",
            all.len(),
            longest.0,
            longest.1
        );
        played.insert(language, all.len());
    }
    assert!(!flite || played[&Language::EN] > 30, "{played:?}");
    assert!(!espeak || played[&Language::ZH] > 30, "{played:?}");
}
