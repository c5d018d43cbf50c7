//! The API's description as OpenAPI 3.1, made from the table of routes and the types that go in and out.

use super::WebState;
use super::access::Access;
use super::routes::{BASE, Route, table};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// The handler.
pub(super) async fn show(State(state): State<WebState>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], state.console.description.clone()).into_response()
}

/// The whole description.
pub(super) fn describe() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut types = settings.into_generator();
    let mut paths: Map<String, Value> = Map::new();
    for route in table() {
        let operation = operation(&route, &mut types);
        let path = paths.entry(format!("{BASE}{}", route.path)).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = operation;
    }
    let mut schemas = types.take_definitions(true);
    schemas.insert("Problem".to_string(), problem());
    json!({
        "openapi": "3.1.0",
        "info": { "title": "hotline", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "session": { "type": "apiKey", "in": "cookie", "name": "hotline_session" } },
        },
    })
}

fn operation(route: &Route, types: &mut SchemaGenerator) -> Value {
    let json_of = |schema: Schema| json!({ "application/json": { "schema": schema } });
    let mut good = json!({ "description": route.status.canonical_reason().unwrap_or("done") });
    if let Some(gives) = route.gives {
        good["content"] = json_of(gives(types));
    }
    let problem = json!({
        "description": "What went wrong",
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    });
    let mut operation = json!({
        "summary": route.does,
        "operationId": id(route),
        "x-least": least(route.access),
        "responses": { route.status.as_str(): good, "default": problem },
    });
    if let Some(takes) = route.takes {
        operation["requestBody"] = json!({ "required": true, "content": json_of(takes(types)) });
    }
    let parameters: Vec<Value> = in_path(route.path).chain(in_query(route, types)).collect();
    if !parameters.is_empty() {
        operation["parameters"] = Value::from(parameters);
    }
    if route.access != Access::Public {
        operation["security"] = json!([{ "session": [] }]);
    }
    // Has no meaning for programs that make code of it, and none for people either.
    if route.status == StatusCode::SWITCHING_PROTOCOLS {
        operation["description"] = "Upgrade: websocket. Text frames {seq, type, data}; a ping every 15 s.".into();
    }
    operation
}

/// The least that a route asks, for readers.
fn least(access: Access) -> &'static str {
    match access {
        Access::Public => "nothing",
        Access::Session => "session",
        Access::Role(role) => role.as_str(),
        Access::Desk => "desk",
    }
}

/// `patch_users_name` for `PATCH /users/{name}`.
fn id(route: &Route) -> String {
    let path = route.path.replace(['/', '.'], "_").replace(['{', '}'], "");
    format!("{}{path}", route.method.as_str().to_ascii_lowercase())
}

fn in_path(path: &'static str) -> impl Iterator<Item = Value> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    names.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
}

fn in_query(route: &Route, types: &mut SchemaGenerator) -> Vec<Value> {
    let Some(asks) = route.asks else { return Vec::new() };
    let schema = asks(types).to_value();
    let fields = schema["properties"].as_object().cloned().unwrap_or_default();
    fields.into_iter().map(|(name, schema)| json!({ "name": name, "in": "query", "schema": schema })).collect()
}

fn problem() -> Value {
    let text = || json!({ "type": "string" });
    json!({
        "type": "object",
        "description": "RFC 9457. `detail` is one sentence, `code` one word for programs.",
        "properties": { "type": text(), "title": text(), "status": { "type": "integer" }, "detail": text(), "code": text() },
        "required": ["type", "title", "status", "detail", "code"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described_and_every_type_is_there() {
        let text = describe().to_string();
        let all: Value = serde_json::from_str(&text).expect("JSON");
        for route in table() {
            let method = route.method.as_str().to_ascii_lowercase();
            let operation = &all["paths"][format!("{BASE}{}", route.path)][&method];
            assert!(operation["summary"].is_string(), "{method} {}", route.path);
            assert!(operation["responses"][route.status.as_str()].is_object(), "{method} {}", route.path);
            assert_eq!(operation["requestBody"].is_object(), route.takes.is_some(), "{method} {}", route.path);
        }
        let mut references = 0;
        for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            references += 1;
            assert!(all.pointer(reference).is_some(), "{reference} leads nowhere");
        }
        assert!(references > 10, "{references}");
        assert_eq!(all["components"]["schemas"]["Role"]["oneOf"].as_array().map(Vec::len), Some(4), "{text}");
        let delete = &all["paths"]["/api/v1/session"]["delete"]["parameters"][0];
        assert_eq!((&delete["name"], &delete["in"]), (&json!("everywhere"), &json!("query")));
    }
}
