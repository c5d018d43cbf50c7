//! A flow in several files: one text that holds all of them, as YAML documents one after the other. It is what is hashed, kept and
//! executed again, so a call never depends on a file that has changed since. Findings find back to file and line by [`place`].

use super::finding::{Finding, Report};
use super::yaml::{self, Entry, Value, Yaml};
use std::collections::BTreeSet;

/// What begins an included part; the file's name follows.
const MARK: &str = "--- # include: ";
/// Most included files of one flow.
const FILES_MAX: usize = 50;
/// Deepest chain of files that include files.
const DEPTH_MAX: usize = 8;
/// The keys that an included file may hold.
const SHARED: [&str; 10] =
    ["hours", "include", "intents", "lookups", "nodes", "out_of_scope", "phrases", "slots", "targets", "tests"];

/// The flow's text with every file behind it that it includes, each once, however often it is included. `read` brings a file by its
/// name relative to the flow's folder, or one sentence saying why not.
///
/// # Errors
/// The findings: a file that cannot be read, stands outside of the folder, includes itself, or files that are too many or too deep.
pub fn bundle(text: &str, file: &str, read: &mut dyn FnMut(&str) -> Result<String, String>) -> Result<String, Vec<Finding>> {
    let mut all = Bundle { text: text.to_string(), seen: BTreeSet::new(), findings: Vec::new(), read };
    all.follow(text, file, &mut Vec::new());
    if all.findings.is_empty() { Ok(all.text) } else { Err(all.findings) }
}

struct Bundle<'r> {
    text: String,
    seen: BTreeSet<String>,
    findings: Vec<Finding>,
    read: &'r mut dyn FnMut(&str) -> Result<String, String>,
}

impl Bundle<'_> {
    /// Takes in what `text` includes. `chain` are the files on the way here, the flow itself left out.
    fn follow(&mut self, text: &str, file: &str, chain: &mut Vec<String>) {
        // What is wrong with a text is said when the whole is loaded.
        let Some(tree) = yaml::parse(text, &mut Report::new(file)).and_then(|mut t| t.drain(..).next()) else { return };
        for (line, name) in included(&tree) {
            let mut refuse = |message: String, remedy: &str| {
                let mut report = Report::new(file);
                report.error(line, "include", message, remedy);
                self.findings.extend(report.into_findings());
            };
            if chain.contains(&name) {
                let way = chain.iter().chain([&name]).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(" → ");
                refuse(format!("these files include each other: {way}"), "let one of them do without the other");
                continue;
            }
            if self.seen.contains(&name) {
                continue;
            }
            if name.starts_with('/') || name.contains('\\') || name.split('/').any(|part| part == "..") {
                refuse(format!("`{name}` is outside the flow's folder"), "put it beside the flow file");
                continue;
            }
            if self.seen.len() >= FILES_MAX || chain.len() >= DEPTH_MAX {
                let message = format!("more than {FILES_MAX} files, or files that include files more than {DEPTH_MAX} deep");
                refuse(message, "put what belongs together into one file");
                continue;
            }
            let part = match (self.read)(&name) {
                Ok(part) => part,
                Err(why) => {
                    refuse(format!("`{name}` cannot be read: {why}"), "names are relative to the flow's folder");
                    continue;
                }
            };
            if self.text.len() + part.len() > yaml::BYTES_MAX {
                refuse(format!("with `{name}` the flow is larger than 1 MiB"), "split it into two flows");
                continue;
            }
            if part.lines().any(|l| l.starts_with("---") || l.starts_with("...")) {
                refuse(format!("`{name}` holds more than one document"), "take the lines out that begin with `---` or `...`");
                continue;
            }
            self.seen.insert(name.clone());
            let gap = if self.text.ends_with('\n') { "" } else { "\n" };
            self.text.push_str(&format!("{gap}{MARK}{name}\n{part}"));
            chain.push(name.clone());
            self.follow(&part, &name, chain);
            chain.pop();
        }
    }
}

/// The files that a document includes, with their lines.
fn included(tree: &Yaml) -> Vec<(u32, String)> {
    let Value::Map(entries) = &tree.value else { return Vec::new() };
    let Some(entry) = entries.iter().find(|e| e.key == "include") else { return Vec::new() };
    let items = if let Value::List(items) = &entry.value.value { items.as_slice() } else { std::slice::from_ref(&entry.value) };
    items.iter().filter_map(|item| Some((item.line, item.as_text()?.trim().to_string()))).collect()
}

/// The files of a bundle with their texts, the flow itself first, under the name `file`.
pub fn parts(bundle: &str, file: &str) -> Vec<(String, String)> {
    let mut parts = vec![(file.to_string(), String::new())];
    for line in bundle.split_inclusive('\n') {
        match line.strip_prefix(MARK) {
            Some(name) => parts.push((name.trim().to_string(), String::new())),
            None => parts.last_mut().into_iter().for_each(|(_, text)| text.push_str(line)),
        }
    }
    parts
}

/// The file and line in which a line of a bundle stands. Lines are counted from 1.
pub fn place(bundle: &str, file: &str, line: u32) -> (String, u32) {
    let mut at = (file.to_string(), line);
    for (number, text) in (1u32..).zip(bundle.lines()).take_while(|(number, _)| *number < line) {
        if let Some(name) = text.strip_prefix(MARK) {
            at = (name.trim().to_string(), line - number);
        }
    }
    at
}

/// Puts the documents of a bundle together into one: the named entries of all, each name once.
pub(super) fn merged(mut documents: Vec<Yaml>, report: &mut Report) -> Option<Yaml> {
    let rest = documents.split_off(documents.len().min(1));
    let mut whole = documents.pop()?;
    let Value::Map(entries) = &mut whole.value else { return Some(whole) };
    for part in rest {
        let Value::Map(more) = part.value else {
            if !matches!(part.value, Value::Nothing) {
                let message = format!("an included file is a group of keys, but here is {}", part.kind());
                report.error(part.line, "wrong-kind", message, "write `nodes:`, `intents:` and the like, as in a flow");
            }
            continue;
        };
        for entry in more {
            if SHARED.contains(&entry.key.as_str()) {
                join(entries, entry, report);
            } else {
                let message = format!("`{}` cannot stand in an included file", entry.key);
                report.error(
                    entry.line,
                    "include",
                    message,
                    format!("put it into the flow itself; here may stand {}", SHARED.join(", ")),
                );
            }
        }
    }
    Some(whole)
}

/// Adds a section to the sections that are there.
fn join(entries: &mut Vec<Entry>, new: Entry, report: &mut Report) {
    let Some(old) = entries.iter_mut().find(|e| e.key == new.key) else {
        entries.push(new);
        return;
    };
    // Files that are included may stand alone or in a list.
    let listed =
        |value: Yaml| if new.key == "include" && value.as_text().is_some() { Value::List(vec![value]) } else { value.value };
    old.value.value = listed(old.value.clone());
    match (&mut old.value.value, listed(new.value)) {
        (_, Value::Nothing) => {}
        (old @ Value::Nothing, value) => *old = value,
        (Value::List(old), Value::List(more)) => old.extend(more),
        (Value::Map(old), Value::Map(more)) => {
            for entry in more {
                match old.iter_mut().find(|e| e.key == entry.key) {
                    // Sentences by language: the lists grow.
                    Some(same) if new.key == "out_of_scope" => match (&mut same.value.value, entry.value.value) {
                        (Value::List(old), Value::List(more)) => old.extend(more),
                        _ => report.error(
                            entry.line,
                            "include",
                            "lists can be joined with lists only",
                            "write `- …` lines in both",
                        ),
                    },
                    Some(same) => {
                        let (file, line) = report.place(same.line);
                        let message = format!("`{}` stands in {file}:{line} already", entry.key);
                        report.error(entry.line, "duplicate-key", message, "give one of them another name, or take it out");
                    }
                    None => old.push(entry),
                }
            }
        }
        (_, _) => {
            let message = format!("`{}` is written in another way than in the other files", new.key);
            report.error(
                new.line,
                "include",
                message,
                "write it as a list in all of them, or as a group of keys in all of them",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Flow;
    use std::collections::BTreeMap;

    const SHOP: &str = include_str!("../../tests/calls/shop.yaml");

    fn bundled(text: &str, files: &[(&str, &str)]) -> Result<String, String> {
        let files: BTreeMap<&str, &str> = files.iter().copied().collect();
        let mut read = |name: &str| files.get(name).map(ToString::to_string).ok_or("there is no such file".to_string());
        bundle(text, "shop.yaml", &mut read).map_err(|f| f.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    fn loaded(text: &str) -> Result<Flow, String> {
        let checked = Flow::load(text, "shop.yaml", &BTreeMap::new());
        let flow = checked.map_err(|f| f.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?.flow;
        std::sync::Arc::into_inner(flow).ok_or("shared".to_string())
    }

    #[test]
    fn files_are_joined_and_each_is_read_once() {
        let text = "include: [common/more.yaml, common/people.yaml]\nhotline: 1\nname: small\nlanguages: [en]\nperson: { to: day }\n\
                    targets:\n  day: { sip: 'sip:day@pbx.example', next: night }\n\
                    nodes:\n  welcome: { ask: Automatic welcome. What is it about?, keys: { '1': thanks } }\n";
        let more = "include: common/people.yaml\nintents:\n  thanks: { examples: [thanks a lot, thank you so much, that is kind], go: thanked }\n\
                    nodes:\n  thanked: { say: You are welcome., then: person }\n";
        let people = "targets:\n  night: { sip: 'sip:night@pbx.example' }\n";
        let whole = bundled(text, &[("common/more.yaml", more), ("common/people.yaml", people)]).expect("a bundle");
        let flow = loaded(&whole).expect("a flow");
        assert!(flow.intents.contains_key("thanks") && flow.targets.contains_key("night"));
        assert_eq!(
            parts(&whole, "shop.yaml")[1..],
            [("common/more.yaml".into(), more.into()), ("common/people.yaml".into(), people.into())]
        );
        let line = flow.intent_line("thanks");
        assert_eq!(place(&whole, "shop.yaml", line), ("common/more.yaml".to_string(), 3));
        assert_eq!(place(&whole, "shop.yaml", 3), ("shop.yaml".to_string(), 3));
        // What was kept is what was served, without the files.
        assert_eq!(loaded(&whole).expect("again").hash, flow.hash);
    }

    #[test]
    fn what_is_wrong_with_a_part_is_said_with_its_file_and_line() {
        let text = format!("include: a.yaml\n{SHOP}");
        let errors =
            |part: &str| loaded(&bundled(&text, &[("a.yaml", part)]).expect("a bundle")).map(|_| ()).expect_err("not good");
        let unknown = errors("nodes:\n  x:\n    syy: hallo\n");
        assert!(unknown.contains("a.yaml:3: error: a node has no key `syy`"), "{unknown}");
        let start = SHOP.lines().skip_while(|l| *l != "nodes:").nth(1).map(|l| l.trim().trim_end_matches(':')).expect("a node");
        let twice = errors(&format!("nodes:\n  {start}: {{ say: again, then: person }}\n"));
        assert!(twice.contains("a.yaml:2: error") && twice.contains("stands in shop.yaml:"), "{twice}");
        assert!(errors("languages: [en]\n").contains("cannot stand in an included file"));
        assert!(errors("just words\n").contains("a group of keys"));
        assert!(errors("nodes: [\n").contains("this is no YAML"));
        assert!(errors("nodes: [a]\n").contains("another way"));
        // A text that was loaded without its files.
        assert!(loaded(&text).map(|_| ()).expect_err("not whole").contains("`a.yaml` was not read"));
    }

    #[test]
    fn circles_and_files_elsewhere_are_refused() {
        let first = "include: a.yaml\nhotline: 1\n";
        let circle =
            bundled(first, &[("a.yaml", "include: [b.yaml]\n"), ("b.yaml", "\ninclude: a.yaml\n")]).expect_err("a circle");
        assert!(circle.contains("b.yaml:2: error: these files include each other: `a.yaml` → `b.yaml` → `a.yaml`"), "{circle}");
        assert!(bundled("include: ../x.yaml\n", &[]).expect_err("elsewhere").contains("outside the flow's folder"));
        assert!(bundled("include: /etc/passwd\n", &[]).expect_err("elsewhere").contains("outside the flow's folder"));
        assert!(
            bundled("include: gone.yaml\n", &[])
                .expect_err("gone")
                .contains("`gone.yaml` cannot be read: there is no such file")
        );
        let two = bundled("include: a.yaml\n", &[("a.yaml", "nodes: {}\n---\nnodes: {}\n")]).expect_err("two documents");
        assert!(two.contains("more than one document"), "{two}");
        let big = "#".repeat(yaml::BYTES_MAX);
        assert!(bundled("include: a.yaml\n", &[("a.yaml", &big)]).expect_err("big").contains("larger than 1 MiB"));
        let chain: Vec<(String, String)> =
            (0..60).map(|i| (format!("{i}.yaml"), format!("include: {}.yaml\n", i + 1))).collect();
        let chain: Vec<(&str, &str)> = chain.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
        assert!(bundled("include: 0.yaml\n", &chain).expect_err("deep").contains("8 deep"));
    }
}
