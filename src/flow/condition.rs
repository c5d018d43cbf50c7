//! Conditions of branches: CEL expressions over the same names that templates see.

use super::template::Scope;
use cel::{Context, Program, Value};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A compiled condition.
pub(crate) struct Condition {
    pub(crate) text: String,
    program: Program,
}

impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Condition({})", self.text)
    }
}

impl Condition {
    /// Compiles; the error is one sentence.
    pub(crate) fn compile(text: &str) -> Result<Condition, String> {
        if text.len() > 1_000 {
            return Err("longer than 1000 characters".to_string());
        }
        // The parser belongs to others; a panic in it must not take the operator's check down.
        let compiled = catch_unwind(AssertUnwindSafe(|| Program::compile(text)));
        match compiled {
            Ok(Ok(program)) => Ok(Condition { text: text.to_string(), program }),
            Ok(Err(e)) => Err(e.to_string().lines().next().unwrap_or("it cannot be read").to_string()),
            Err(_) => Err("it cannot be read".to_string()),
        }
    }

    /// Variables that it looks at.
    pub(crate) fn names(&self) -> Vec<String> {
        self.program.references().variables().iter().map(|v| (*v).to_string()).collect()
    }

    /// Functions that it calls, operators left out.
    pub(crate) fn functions(&self) -> Vec<String> {
        let plain = |f: &&&str| f.starts_with(|c: char| c.is_ascii_alphabetic());
        let mut names: Vec<_> = self.program.references().functions().iter().filter(plain).map(|f| (*f).to_string()).collect();
        names.sort();
        names
    }

    /// Opening hours that it names as `open("…")`.
    pub(crate) fn opened(&self) -> Vec<String> {
        let calls = self.text.split("open(").skip(1);
        let quoted = calls.filter_map(|rest| rest.trim_start().strip_prefix(['"', '\'']));
        quoted.filter_map(|rest| rest.split(['"', '\'']).next()).map(str::to_string).collect()
    }

    /// Whether it holds. What cannot be computed (a value that is not known) does not hold; the reason is for the record.
    pub(crate) fn holds(&self, scope: &Scope) -> Result<bool, String> {
        let run = || {
            let mut context = Context::default();
            for (name, value) in scope {
                context.add_variable_from_value(name.as_str(), cel::to_value(value).unwrap_or(Value::Null));
            }
            let hours = scope.get("hours").cloned().unwrap_or_default();
            let open = move |name: Arc<String>| hours.get(name.as_str()).and_then(serde_json::Value::as_bool).unwrap_or(false);
            // Refused only if the name were taken; then the condition reports it by itself.
            let _ = context.add_function("open", open);
            self.program.execute(&context)
        };
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(Value::Bool(holds))) => Ok(holds),
            Ok(Ok(_)) => Err(format!("`{}` is neither true nor false", self.text)),
            Ok(Err(e)) => Err(format!("`{}`: {e}", self.text)),
            Err(_) => Err(format!("`{}` cannot be computed", self.text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str) -> Result<bool, String> {
        let scope = serde_json::json!({
            "number": "12", "count": 3, "parcel": { "status": "lost" }, "hours": { "support": true }, "empty": null
        });
        Condition::compile(text).and_then(|c| c.holds(&serde_json::from_value(scope).expect("an object")))
    }

    #[test]
    fn conditions() {
        assert_eq!(holds(r#"parcel.status == "lost" && number != """#), Ok(true));
        assert_eq!(holds(r#"open("support") && hours.support && !open("desk")"#), Ok(true));
        assert_eq!(holds("count > 2"), Ok(true));
        assert_eq!(holds("empty == null"), Ok(true));
        assert!(holds("parcel.colour == 1").is_err());
        assert!(holds("number").is_err());
        assert!(holds("a &&").is_err());
        assert!(holds(&"(".repeat(900)).is_err());
        let c = Condition::compile(r#"open("x") && size(number) > 2 && parcel.a == 1"#).expect("a condition");
        assert_eq!(c.functions(), ["open", "size"]);
    }
}
