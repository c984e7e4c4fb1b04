use serde::Serialize;
use serde_json::Value;

/// The bytes of `value` with sorted keys and no blanks. What is hashed must have one form only: keys in the order of a
/// hash table would be another image each time.
pub(crate) fn canonical(mut value: Value) -> Vec<u8> {
    value.sort_all_objects();
    value.to_string().into_bytes()
}

/// As a value, for things whose form cannot fail.
pub(crate) fn value(of: &impl Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let value = json!({"b": [{"z": 1, "a": 2}], "a": {"d": null, "c": "\u{e9}"}});
        assert_eq!(canonical(value), "{\"a\":{\"c\":\"\u{e9}\",\"d\":null},\"b\":[{\"a\":2,\"z\":1}]}".as_bytes());
    }
}
