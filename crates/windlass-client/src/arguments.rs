use serde_json::{Map, Number, Value};

use crate::error::ClientError;

/// What a person wrote as arguments of a tool call.
#[derive(Debug, Clone)]
pub enum Arguments {
    /// `key=value` (read by the tool's schema), `key:=JSON`, `key=@FILE`, `key:=@FILE`; `key=@@text` for text that
    /// begins with an at sign.
    Pairs(Vec<String>),
    /// One JSON object.
    Json(String),
}

impl Arguments {
    /// Turns the words into the object the tool gets, with the types its input schema asks for.
    pub fn resolve(&self, schema: &Value) -> Result<Map<String, Value>, ClientError> {
        match self {
            Self::Json(text) => match serde_json::from_str(text) {
                Ok(Value::Object(map)) => Ok(map),
                Ok(_) => {
                    Err(ClientError::usage("the arguments are not a JSON object", r#"write for example {"a": 1}"#))
                }
                Err(error) => Err(ClientError::usage(format!("the arguments are not JSON: {error}"), "")),
            },
            Self::Pairs(pairs) => {
                let mut map = Map::new();
                for pair in pairs {
                    let (key, value) = pair_of(pair, schema)?;
                    insert(&mut map, key, value, schema)?;
                }
                Ok(map)
            }
        }
    }
}

/// A key given twice is a list where the schema wants one, and a mistake everywhere else.
fn insert(map: &mut Map<String, Value>, key: &str, value: Value, schema: &Value) -> Result<(), ClientError> {
    match (map.get_mut(key), value) {
        (Some(Value::Array(items)), Value::Array(more)) if wants(property(schema, key), "array") => items.extend(more),
        (Some(_), _) => return Err(ClientError::usage(format!("`{key}` is given twice"), "")),
        (None, value) => {
            map.insert(key.to_owned(), value);
        }
    }
    Ok(())
}

fn pair_of<'a>(pair: &'a str, schema: &Value) -> Result<(&'a str, Value), ClientError> {
    let shape = || ClientError::usage(format!("`{pair}` is no argument"), "write key=value or key:=JSON");
    let (key, text) = pair.split_once('=').ok_or_else(shape)?;
    let (key, raw) = match key.strip_suffix(':') {
        Some(key) => (key, true),
        None => (key, false),
    };
    if key.is_empty() {
        return Err(shape());
    }
    let file;
    let text = match text.strip_prefix('@') {
        // A value that begins with an at sign is written with two.
        Some(literal) if literal.starts_with('@') => literal,
        Some(path) => {
            let hint = "a value that begins with an at sign is written with two";
            file = std::fs::read_to_string(path)
                .map_err(|error| ClientError::usage(format!("cannot read `{path}` for `{key}`: {error}"), hint))?;
            file.strip_prefix('\u{feff}').unwrap_or(&file)
        }
        None => text,
    };
    if raw {
        let value = serde_json::from_str(text)
            .map_err(|error| ClientError::usage(format!("the value of `{key}` is not JSON: {error}"), ""))?;
        return Ok((key, value));
    }
    Ok((key, typed(key, text, property(schema, key))?))
}

/// The schema of one argument, with a local `$ref` followed (generated schemas use them for enums and structs).
fn property<'a>(schema: &'a Value, key: &str) -> Option<&'a Value> {
    let property = schema.get("properties")?.get(key)?;
    let reference = property.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    Some(reference.and_then(|pointer| schema.pointer(pointer)).unwrap_or(property))
}

/// Whether a schema allows a type, by `type` (one or several) or by an `anyOf`/`oneOf` branch, as optional values are
/// generated.
fn wants(schema: Option<&Value>, kind: &str) -> bool {
    let Some(schema) = schema else { return false };
    let named = match schema.get("type") {
        Some(Value::String(only)) => only == kind,
        Some(Value::Array(several)) => several.iter().any(|one| one == kind),
        _ => false,
    };
    let branches = ["anyOf", "oneOf"].into_iter().filter_map(|key| schema.get(key)?.as_array()).flatten();
    named || branches.into_iter().any(|branch| wants(Some(branch), kind))
}

/// Reads text as the type the schema asks for. Where it allows a string, text is a string: nobody expects a version
/// `1.10` to become a number.
fn typed(key: &str, text: &str, schema: Option<&Value>) -> Result<Value, ClientError> {
    let wrong = |kind: &str| ClientError::usage(format!("`{key}` wants {kind}, not `{text}`"), "");
    if schema.is_none() || wants(schema, "string") {
        return Ok(text.into());
    }
    if text == "null" && wants(schema, "null") {
        return Ok(Value::Null);
    }
    if wants(schema, "integer") || wants(schema, "number") {
        let number = text.trim().parse::<i64>().map(Number::from).ok();
        let number = number.or_else(|| text.trim().parse::<u64>().map(Number::from).ok());
        if let Some(number) = number {
            return Ok(number.into());
        }
        if wants(schema, "number") {
            let float = text.trim().parse::<f64>().ok().and_then(Number::from_f64);
            return float.map(Value::from).ok_or_else(|| wrong("a number"));
        }
        return Err(wrong("an integer"));
    }
    if wants(schema, "boolean") {
        return match text.trim() {
            "true" | "yes" | "1" => Ok(true.into()),
            "false" | "no" | "0" => Ok(false.into()),
            _ => Err(wrong("true or false")),
        };
    }
    if wants(schema, "array") {
        // A single item needs no brackets.
        if !text.trim_start().starts_with('[') {
            let items = schema.and_then(|schema| schema.get("items"));
            return Ok(Value::Array(vec![typed(key, text, items)?]));
        }
        return serde_json::from_str(text).map_err(|error| wrong(&format!("a JSON array ({error})")));
    }
    if wants(schema, "object") {
        return match serde_json::from_str(text) {
            Ok(value @ Value::Object(_)) => Ok(value),
            _ => Err(wrong("a JSON object")),
        };
    }
    // An enum or a schema without type: JSON if it reads as JSON, else text.
    Ok(serde_json::from_str(text).unwrap_or_else(|_| text.into()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {
                "s": { "type": "string" },
                "i": { "type": "integer" },
                "n": { "type": "number" },
                "b": { "type": "boolean" },
                "a": { "type": "array", "items": { "type": "string" } },
                "ai": { "type": "array", "items": { "type": "integer" } },
                "o": { "type": "object" },
                "maybe": { "anyOf": [{ "type": "integer" }, { "type": "null" }] },
                "many": { "type": ["boolean", "null"] },
                "r": { "$ref": "#/$defs/Count" }
            },
            "$defs": { "Count": { "type": "integer" } }
        })
    }

    fn check(pairs: &[&str], expected: Value) {
        let pairs = Arguments::Pairs(pairs.iter().map(|pair| (*pair).to_owned()).collect());
        assert_eq!(Value::Object(pairs.resolve(&schema()).unwrap()), expected, "{pairs:?}");
    }

    #[test]
    fn values_take_the_type_of_the_schema() {
        check(&["s=1.10", "i=-3", "n=1.5", "b=true"], json!({ "s": "1.10", "i": -3, "n": 1.5, "b": true }));
        check(&["s=a=b", "n=2"], json!({ "s": "a=b", "n": 2 }));
        check(&["s=@@home"], json!({ "s": "@home" }));
        check(&["a=[\"x\",\"y\"]"], json!({ "a": ["x", "y"] }));
        check(&["a=x", "a=y", "ai=7"], json!({ "a": ["x", "y"], "ai": [7] }));
        check(&["o={\"k\":1}", "s:=null", "unknown=5"], json!({ "o": { "k": 1 }, "s": null, "unknown": "5" }));
        check(&["maybe=4", "many=null", "r=9"], json!({ "maybe": 4, "many": null, "r": 9 }));
        check(&["i=18446744073709551615", "s="], json!({ "i": u64::MAX, "s": "" }));
        check(&[], json!({}));
    }

    #[test]
    fn mistakes_are_named() {
        for (pair, message) in [
            ("i=x", "`i` wants an integer, not `x`"),
            ("i=1.5", "`i` wants an integer, not `1.5`"),
            ("n=NaN", "`n` wants a number, not `NaN`"),
            ("b=maybe", "`b` wants true or false, not `maybe`"),
            ("o=[]", "`o` wants a JSON object, not `[]`"),
            ("word", "`word` is no argument"),
            ("=x", "`=x` is no argument"),
        ] {
            let error = Arguments::Pairs(vec![pair.into()]).resolve(&schema()).unwrap_err();
            assert_eq!((error.to_string().as_str(), error.exit_code()), (message, 2));
        }
        let twice = Arguments::Pairs(vec!["s=a".into(), "s=b".into()]).resolve(&schema()).unwrap_err();
        assert_eq!(twice.to_string(), "`s` is given twice");
        assert!(Arguments::Json("[1]".into()).resolve(&schema()).is_err());
    }

    #[test]
    fn files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, "line\n").unwrap();
        check(&[&format!("s=@{}", path.display())], json!({ "s": "line\n" }));
        std::fs::write(&path, "{\"k\":[1]}").unwrap();
        check(&[&format!("o:=@{}", path.display())], json!({ "o": { "k": [1] } }));
        let gone = Arguments::Pairs(vec!["s=@/no/such/file".into()]).resolve(&schema()).unwrap_err();
        assert!(gone.to_string().starts_with("cannot read `/no/such/file` for `s`"), "{gone}");
    }
}
