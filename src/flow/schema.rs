//! The JSON Schema of the flow language, for editors: made from the document types, so it holds exactly the keys that the
//! reader accepts.

use super::document::Document;

/// The schema of a flow file (JSON Schema 2020-12).
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Document).to_value();
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".to_string(), "hotline flow".into());
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::finding::Report;
    use crate::flow::yaml;
    use serde_json::Value;

    /// As much of JSON Schema as our schema uses: refs, anyOf, types, properties, items, required, names.
    fn accepts(root: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = root.pointer(reference.trim_start_matches('#')).ok_or(format!("no {reference}"))?;
            return accepts(root, target, value, at);
        }
        if let Some(ways) = schema.get("anyOf").and_then(Value::as_array) {
            let errors: Vec<String> = ways.iter().filter_map(|w| accepts(root, w, value, at).err()).collect();
            return if errors.len() < ways.len() { Ok(()) } else { Err(format!("{at}: none of {errors:?}")) };
        }
        let name = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(n) if n.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let fits = |t: &Value| t == name || (t == "number" && name == "integer");
        let typed = schema.get("type").is_none_or(|t| t.as_array().map_or_else(|| fits(t), |all| all.iter().any(fits)));
        if !typed {
            return Err(format!("{at}: {name} where {} is wanted", schema["type"]));
        }
        if let (Some(pattern), Some(text)) = (schema.get("pattern").and_then(Value::as_str), value.as_str())
            && !regex::Regex::new(pattern).expect("a pattern").is_match(text)
        {
            return Err(format!("{at}: {text:?} does not match {pattern}"));
        }
        if let (Some(items), Some(all)) = (schema.get("items"), value.as_array()) {
            for (i, item) in all.iter().enumerate() {
                accepts(root, items, item, &format!("{at}/{i}"))?;
            }
        }
        let Some(entries) = value.as_object() else { return Ok(()) };
        for wanted in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            let key = wanted.as_str().unwrap_or_default();
            if !entries.contains_key(key) {
                return Err(format!("{at}: {key} is missing"));
            }
        }
        for (key, entry) in entries {
            let place = format!("{at}/{key}");
            if let Some(names) = schema.get("propertyNames") {
                accepts(root, names, &Value::from(key.as_str()), &place)?;
            }
            match (schema.get("properties").and_then(|p| p.get(key)), schema.get("additionalProperties")) {
                (Some(inner), _) => accepts(root, inner, entry, &place)?,
                (None, Some(Value::Bool(false))) => return Err(format!("{place}: unknown key")),
                (None, Some(inner)) => accepts(root, inner, entry, &place)?,
                (None, None) => {}
            }
        }
        Ok(())
    }

    fn json(text: &str) -> Value {
        yaml::parse(text, &mut Report::new("t")).expect("YAML")[0].to_json()
    }

    #[test]
    fn the_examples_fit_the_schema() {
        let schema = schema();
        for text in [include_str!("../../flows/parcel.yaml"), include_str!("../../flows/parcel-zh.yaml")] {
            accepts(&schema, &schema, &json(text), "").expect("the example fits");
        }
        let wrong = json("hotline: 1\nname: x\nlanguages: [en]\nnodes: { a: { sya: hello } }\n");
        assert!(accepts(&schema, &schema, &wrong, "").expect_err("a typing mistake").contains("sya"));
        let wrong = json("hotline: 1\nname: x\nlanguages: [english]\nnodes: { a: { say: hello } }\n");
        assert!(accepts(&schema, &schema, &wrong, "").expect_err("no tag").contains("languages"));
    }

    /// The reader compares keys with the schema of each type and asserts (in debug builds) that every key it reads stands
    /// there. Here: every key that stands in the schema is read, so none is accepted and then ignored.
    #[test]
    fn every_key_of_the_schema_is_read() {
        let source = include_str!("read.rs");
        let schema = schema();
        let root = [("flow".to_string(), schema.clone())];
        let types = schema["$defs"].as_object().expect("types").clone();
        for (name, inner) in types.into_iter().chain(root) {
            for key in inner.get("properties").and_then(Value::as_object).into_iter().flat_map(|p| p.keys()) {
                assert!(source.contains(&format!("\"{key}\"")), "{name}.{key} is in the schema but never read");
            }
        }
    }

    #[test]
    fn every_key_is_explained() {
        let schema = schema();
        let types = schema["$defs"].as_object().expect("types").values().chain([&schema]);
        for inner in types {
            for (key, property) in inner.get("properties").and_then(Value::as_object).into_iter().flatten() {
                assert!(property.get("description").is_some(), "{key} has no description");
            }
        }
    }
}
