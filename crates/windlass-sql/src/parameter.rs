//! Parameters of declared tools: what a model is told, and what it may say.

use regex::Regex;
use serde_json::{Map, Value, json};
use windlass_config::settings::{SqlParameterKind as Kind, SqlParameterSettings};
use windlass_core::ToolError;

use crate::engine::{
    Argument,
    moment::{day, moment},
};

/// Up to here every whole number is a double of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A parameter that is checked.
#[derive(Debug, Clone)]
pub struct Parameter {
    settings: SqlParameterSettings,
    pattern: Option<Regex>,
}

/// Why a parameter cannot be used, for the operator who wrote it.
#[derive(Debug)]
pub struct Unfit {
    /// The setting of the parameter that is at fault.
    pub key: &'static str,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: String,
}

impl Parameter {
    /// Fails on a pattern that is none, and on a default that a call could not give.
    pub fn compile(settings: &SqlParameterSettings) -> Result<Self, Unfit> {
        let pattern = settings.pattern.as_ref().map(|pattern| Regex::new(&format!("^(?:{pattern})$"))).transpose();
        let pattern = pattern.map_err(|error| Unfit {
            key: "pattern",
            message: format!("`pattern` is no regular expression: {error}"),
            hint: "it is matched against the whole text; quote it".to_owned(),
        })?;
        let parameter = Self { settings: settings.clone(), pattern };
        if let Some(default) = &settings.default {
            parameter.take(Some(default)).map_err(|error| Unfit {
                key: "default",
                message: format!("the default of {}", error.message),
                hint: error.hint.unwrap_or_default(),
            })?;
        }
        Ok(parameter)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// What it takes.
    pub fn kind(&self) -> Kind {
        self.settings.kind
    }

    /// Whether its value becomes part of the statement's text.
    pub fn is_identifier(&self) -> bool {
        self.settings.kind == Kind::Identifier
    }

    /// The names an identifier may be.
    pub fn choices(&self) -> Vec<&str> {
        self.settings.choices.iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Whether a call has to give it.
    pub fn is_required(&self) -> bool {
        self.settings.required.unwrap_or(self.settings.default.is_none())
    }

    /// Its JSON Schema.
    pub fn schema(&self) -> Value {
        let settings = &self.settings;
        let mut schema = Map::new();
        let put = |schema: &mut Map<String, Value>, key: &str, value: Value| {
            schema.insert(key.to_owned(), value);
        };
        if let Some(kind) = json_type(settings.kind) {
            put(&mut schema, "type", kind.into());
        }
        let mut description = settings.description.trim().to_owned();
        let mut say = |more: &str| {
            let gap = if description.is_empty() { "" } else { " " };
            description = format!("{description}{gap}({more})");
        };
        if let Some(form) = form(settings.kind) {
            say(form);
        }
        if let Some(default) = &settings.default {
            say(&format!("default {default}"));
        }
        if !description.is_empty() {
            put(&mut schema, "description", description.into());
        }
        if let Some(items) = settings.items {
            put(&mut schema, "items", json_type(items).map_or(json!({}), |kind| json!({ "type": kind })));
        }
        if let Some(choices) = &settings.choices {
            match schema.get_mut("items") {
                Some(items) => items["enum"] = choices.clone().into(),
                None => put(&mut schema, "enum", choices.clone().into()),
            }
        }
        if let Some(pattern) = &self.pattern {
            put(&mut schema, "pattern", pattern.as_str().into());
        }
        let (least, most) = match settings.kind {
            Kind::String => ("minLength", "maxLength"),
            Kind::Array => ("minItems", "maxItems"),
            _ => ("minimum", "maximum"),
        };
        for (key, bound) in [(least, settings.min), (most, settings.max)] {
            let Some(bound) = bound else { continue };
            let whole = bound.fract() == 0.0 && bound.abs() < 9e15;
            put(&mut schema, key, if whole { json!(bound as i64) } else { json!(bound) });
        }
        Value::Object(schema)
    }

    /// What a call says of it, checked. The gate has compared it with the schema; what a schema cannot say is asked here.
    pub fn take(&self, given: Option<&Value>) -> Result<Argument, ToolError> {
        let settings = &self.settings;
        let value = given.or(settings.default.as_ref()).unwrap_or(&Value::Null);
        let value = &whole(value, settings.items.unwrap_or(settings.kind));
        let argument = |value: Value| Argument { kind: settings.kind, items: settings.items, value };
        if value.is_null() {
            return match self.is_required() {
                true => Err(self.wrong("is missing")),
                false => Ok(argument(Value::Null)),
            };
        }
        let single = |value: &Value, kind: Kind| match is_of(kind, value) {
            true => Ok(()),
            false => Err(self.wrong(&format!("is not {}", form(kind).unwrap_or("of its type")))),
        };
        match (settings.kind, value) {
            (Kind::Array, Value::Array(items)) => {
                let kind = settings.items.unwrap_or(Kind::String);
                items.iter().filter(|item| !item.is_null()).try_for_each(|item| single(item, kind))?;
            }
            (kind, value) => single(value, kind)?,
        }
        if let Some(choices) = &settings.choices {
            let known = |value: &Value| choices.contains(value);
            let fits = value
                .as_array()
                .filter(|_| settings.kind == Kind::Array)
                .map_or(known(value), |items| items.iter().all(known));
            if !fits {
                return Err(self.wrong("is none of the values it may have"));
            }
        }
        if let (Some(pattern), Some(text)) = (&self.pattern, value.as_str())
            && !pattern.is_match(text)
        {
            return Err(self.wrong(&format!("does not match {pattern}")));
        }
        let size = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) if settings.kind == Kind::String => Some(text.chars().count() as f64),
            Value::Array(items) => Some(items.len() as f64),
            _ => None,
        };
        if let Some(size) = size
            && (settings.min.is_some_and(|min| size < min) || settings.max.is_some_and(|max| size > max))
        {
            return Err(self.wrong("is out of bounds"));
        }
        Ok(argument(value.clone()))
    }

    fn wrong(&self, what: &str) -> ToolError {
        ToolError::invalid(format!("`{}` {what}", self.settings.name)).hint(format!("it takes {}", self.schema()))
    }

    /// Whether the database's own type for the placeholder takes what a model may give. `None` = it does, or nobody
    /// knows; else what is wrong.
    pub fn disagrees_with(&self, kind: &str) -> Option<String> {
        let numbers = ["int2", "int4", "int8", "float4", "float8", "numeric", "oid", "money"];
        let times = ["date", "timestamp", "timestamptz", "time", "timetz", "interval"];
        let is = |kinds: &[&str]| kinds.contains(&kind);
        let chosen = self.settings.choices.is_some();
        let clashes = match self.settings.kind {
            Kind::String => !chosen && (is(&numbers) || is(&times) || is(&["bool", "uuid"]) || kind.ends_with("[]")),
            Kind::Integer | Kind::Number => {
                is(&times) || is(&["bool", "uuid", "json", "jsonb"]) || kind.ends_with("[]")
            }
            Kind::Boolean => is(&numbers) || is(&times) || is(&["uuid"]) || kind.ends_with("[]"),
            Kind::Date | Kind::Timestamp => is(&numbers) || is(&["bool", "uuid"]) || kind.ends_with("[]"),
            Kind::Uuid => is(&numbers) || is(&times) || is(&["bool"]) || kind.ends_with("[]"),
            // Arrays arrive as the text of JSON where there are none.
            Kind::Array => {
                let text = kind.contains("varchar") || is(&["json", "jsonb", "text", "unknown"]);
                !kind.is_empty() && !kind.ends_with("[]") && !text
            }
            Kind::Json | Kind::Identifier => false,
        };
        clashes.then(|| {
            format!("`:{}` is declared as {}, and the database takes {kind} there", self.name(), words(self.kind()))
        })
    }
}

/// 5.0 is a whole number to JSON Schema: it is 5 to everybody behind it.
fn whole(value: &Value, kind: Kind) -> Value {
    match value {
        Value::Array(items) if kind == Kind::Integer => items.iter().map(|item| whole(item, kind)).collect(),
        Value::Number(number) if kind == Kind::Integer && !number.is_i64() => {
            let whole = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= EXACT);
            whole.map_or_else(|| value.clone(), |number| json!(number as i64))
        }
        value => value.clone(),
    }
}

fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::String => "string",
        Kind::Integer => "integer",
        Kind::Number => "number",
        Kind::Boolean => "boolean",
        Kind::Date => "date",
        Kind::Timestamp => "timestamp",
        Kind::Uuid => "uuid",
        Kind::Array => "array",
        Kind::Json => "json",
        Kind::Identifier => "identifier",
    }
}

fn json_type(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::String | Kind::Date | Kind::Timestamp | Kind::Uuid | Kind::Identifier => Some("string"),
        Kind::Integer => Some("integer"),
        Kind::Number => Some("number"),
        Kind::Boolean => Some("boolean"),
        Kind::Array => Some("array"),
        Kind::Json => None,
    }
}

fn form(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Date => Some("a day, such as 2026-11-30"),
        Kind::Timestamp => Some("a moment, such as 2026-11-30T12:00:00Z"),
        Kind::Uuid => Some("a UUID"),
        Kind::Json => Some("any JSON"),
        _ => None,
    }
}

fn is_of(kind: Kind, value: &Value) -> bool {
    match kind {
        Kind::Json => true,
        Kind::Integer => value.is_i64(),
        Kind::Number => value.is_number(),
        Kind::Boolean => value.is_boolean(),
        Kind::Array => value.is_array(),
        Kind::String | Kind::Identifier => value.is_string(),
        Kind::Date => value.as_str().is_some_and(|text| day(text).is_some()),
        Kind::Timestamp => value.as_str().is_some_and(|text| moment(text).is_some()),
        Kind::Uuid => value.as_str().is_some_and(is_uuid),
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(yaml: &str) -> Parameter {
        Parameter::compile(&serde_saphyr::from_str(yaml).unwrap()).unwrap()
    }

    #[test]
    fn a_model_is_told_what_is_taken() {
        let limit = parameter("{name: limit, type: integer, description: How many, default: 10, min: 1, max: 100}");
        insta::assert_snapshot!(limit.schema(), @r#"{"type":"integer","description":"How many (default 10)","minimum":1,"maximum":100}"#);
        let day = parameter("{name: day, type: date, description: The day}");
        insta::assert_snapshot!(day.schema(), @r#"{"type":"string","description":"The day (a day, such as 2026-11-30)"}"#);
        let states = parameter("{name: states, type: array, items: string, enum: [new, paid]}");
        insta::assert_snapshot!(states.schema(), @r#"{"type":"array","items":{"type":"string","enum":["new","paid"]}}"#);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let refused = [
            ("{name: a, type: integer}", json!("1")),
            ("{name: a, type: integer}", json!(1.5)),
            ("{name: a, type: integer, min: 3}", json!(2)),
            ("{name: a, type: date}", json!("2026-02-30")),
            ("{name: a, type: timestamp}", json!("yesterday")),
            ("{name: a, type: uuid}", json!("123")),
            ("{name: a, type: string, pattern: '[a-z]+'}", json!("abc1")),
            ("{name: a, type: string, enum: [x]}", json!("y")),
            ("{name: a, type: identifier, enum: [x]}", json!("y")),
            ("{name: a, type: array, items: integer}", json!([1, "2"])),
            ("{name: a, type: string}", Value::Null),
        ];
        for (yaml, value) in refused {
            let error = parameter(yaml).take(Some(&value)).unwrap_err();
            assert!(error.message.starts_with("`a` ") && error.hint.is_some(), "{yaml} {value}: {error}");
        }
    }

    #[test]
    fn what_is_not_given_is_its_default_or_null() {
        assert_eq!(parameter("{name: a, type: integer, default: 5}").take(None).unwrap().value, json!(5));
        assert_eq!(parameter("{name: a, type: integer, required: false}").take(None).unwrap().value, Value::Null);
        let moments = ["2026-11-30T12:00:00Z", "2026-11-30T12:00:00.25+02:00", "2026-11-30T12:00:00"];
        for moment in moments {
            assert!(parameter("{name: a, type: timestamp}").take(Some(&json!(moment))).is_ok(), "{moment}");
        }
    }

    #[test]
    fn a_type_that_cannot_be_meant_is_told() {
        let text = parameter("{name: id, type: string}");
        assert_eq!(
            text.disagrees_with("int4").unwrap(),
            "`:id` is declared as string, and the database takes int4 there"
        );
        assert_eq!(text.disagrees_with("varchar"), None);
        assert_eq!(parameter("{name: id, type: array, items: integer}").disagrees_with("int4[]"), None);
        assert!(parameter("{name: id, type: array, items: integer}").disagrees_with("int4").is_some());
        // What SQL Server says of the text that `openjson` takes.
        assert_eq!(parameter("{name: id, type: array, items: integer}").disagrees_with("nvarchar(max)"), None);
    }

    #[test]
    fn a_whole_number_is_one_however_it_is_written() {
        let taken = |yaml: &str, value: Value| parameter(yaml).take(Some(&value)).map(|taken| taken.value);
        assert_eq!(taken("{name: a, type: integer, min: 5}", json!(5.0)).unwrap(), json!(5));
        assert_eq!(taken("{name: a, type: integer, enum: [5]}", json!(5.0)).unwrap(), json!(5));
        assert_eq!(taken("{name: a, type: array, items: integer}", json!([5.0, null])).unwrap(), json!([5, null]));
        assert!(taken("{name: a, type: integer}", json!(1e300)).is_err());
    }

    #[test]
    fn a_default_is_held_to_what_a_call_is_held_to() {
        for (yaml, key) in [
            ("{name: a, type: date, default: 2026-02-30}", "default"),
            ("{name: a, type: string, pattern: '[a-z]+', default: A1}", "default"),
            ("{name: a, type: integer, min: 3, default: 2}", "default"),
            ("{name: a, type: array, items: integer, default: [x]}", "default"),
            ("{name: a, type: array, items: string, enum: [x], default: [y]}", "default"),
            ("{name: a, type: string, pattern: '('}", "pattern"),
        ] {
            let unfit = Parameter::compile(&serde_saphyr::from_str(yaml).unwrap()).unwrap_err();
            assert_eq!(unfit.key, key, "{yaml}: {unfit:?}");
        }
    }
}
