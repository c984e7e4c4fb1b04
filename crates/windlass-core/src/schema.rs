//! Tools from types, with schemas every client takes.

use std::sync::Arc;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

use crate::mcp::{JsonObject, Tool, ToolAnnotations};

/// A tool whose arguments are `A` and whose structured answer is `B`.
pub fn tool<A: JsonSchema, B: JsonSchema>(
    name: &'static str,
    title: &str,
    description: String,
    annotations: ToolAnnotations,
) -> Tool {
    Tool::new(name, description, schema::<A>())
        .with_title(title)
        .with_raw_output_schema(schema::<B>())
        .with_annotations(annotations)
}

/// The schema of `T`: no `$ref`, no `null` beside a type, no `format`: several clients refuse a whole catalogue for one of these.
pub fn schema<T: JsonSchema>() -> Arc<JsonObject> {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = Value::from(settings.into_generator().into_root_schema_for::<T>());
    simplify(&mut schema);
    let mut object = match schema {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    };
    object.remove("title");
    object.remove("description");
    // A type without fields has none of its own, and some clients insist on it.
    object.entry("properties").or_insert_with(|| Value::Object(JsonObject::new()));
    Arc::new(object)
}

fn simplify(value: &mut Value) {
    match value {
        Value::Object(object) => {
            // Under `properties` keys are names of our own, not keywords.
            let keyword = |object: &JsonObject| object.contains_key("type");
            if keyword(object) {
                object.remove("format");
                object.remove("default");
                if let Some(Value::Array(types)) = object.get_mut("type") {
                    types.retain(|one| one != "null");
                    if let [one] = types.as_slice() {
                        let one = one.clone();
                        object.insert("type".into(), one);
                    }
                }
            }
            // Documented variants of an enum come as `oneOf` constants.
            if let Some(Value::Array(variants)) = object.get("oneOf")
                && let Some(constants) =
                    variants.iter().map(|one| one.get("const").cloned()).collect::<Option<Vec<_>>>()
            {
                object.remove("oneOf");
                object.insert("type".into(), "string".into());
                object.insert("enum".into(), constants.into());
            }
            object.values_mut().for_each(simplify);
        }
        Value::Array(values) => values.iter_mut().for_each(simplify),
        _ => {}
    }
}
