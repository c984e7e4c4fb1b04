//! Judgements on `initialize` and `server/discover`, whatever the transport.

use serde_json::Value;

use super::{
    protocol::{KNOWN, METHOD_NOT_FOUND, MODERN, Outcome, Reply, UNSUPPORTED_VERSION},
    recorder::{Verdict, fail, pass, skip},
};

/// Judges an answer to `initialize` and gives the negotiated revision where there is one. A server that speaks the
/// stateless revision may have left the older ones behind.
pub(super) fn initialize(reply: &Reply, asked: &str, modern: bool) -> (Verdict, Option<String>) {
    let result = match &reply.outcome {
        Outcome::Result(result) => result,
        Outcome::Error { code: UNSUPPORTED_VERSION | METHOD_NOT_FOUND, .. } if modern => {
            return (skip(format!("the server speaks {MODERN} only")), None);
        }
        other => {
            let hint = "answer initialize with the revision asked for, or one you support";
            return (fail(other.describe(), hint), None);
        }
    };
    let text = |name: &str| result.get(name).and_then(Value::as_str);
    let Some(version) = text("protocolVersion") else {
        return (fail("the result has no protocolVersion", ""), None);
    };
    if !KNOWN.contains(&version) {
        return (fail(format!("negotiated `{version}`, which is no revision"), ""), None);
    }
    if version == MODERN {
        let hint = "that revision has no initialize; offer the newest that has one";
        return (fail(format!("negotiated {MODERN}"), hint), None);
    }
    let accepted = Some(version.to_owned());
    let missing = ["name", "version"]
        .into_iter()
        .find(|field| result.pointer(&format!("/serverInfo/{field}")).and_then(Value::as_str).is_none());
    if let Some(field) = missing {
        return (fail(format!("the result has no serverInfo.{field}"), ""), accepted);
    }
    if !result.get("capabilities").is_some_and(Value::is_object) {
        return (fail("the result has no capabilities", ""), accepted);
    }
    if version == asked {
        (pass("negotiated as asked"), accepted)
    } else {
        (pass(format!("offers {version} instead")), accepted)
    }
}

/// Judges an answer to `server/discover`; true where the server speaks the stateless revision.
pub(super) fn discover(reply: &Reply) -> (Verdict, bool) {
    let result = match &reply.outcome {
        Outcome::Result(result) => result,
        Outcome::Error { .. } => {
            return (skip(format!("the server does not speak {MODERN} ({})", reply.outcome.describe())), false);
        }
        // Servers from before this revision refuse the request in many ways, all of them 4xx.
        Outcome::Nothing(what) if reply.status.is_some_and(|status| (400..500).contains(&status)) => {
            return (skip(format!("the server does not speak {MODERN} ({what})")), false);
        }
        Outcome::Nothing(what) => {
            return (fail(what.clone(), "answer requests you do not know with an error"), false);
        }
    };
    let versions: Vec<&str> = result
        .get("supportedVersions")
        .and_then(Value::as_array)
        .map(|versions| versions.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    if !versions.contains(&MODERN) {
        return (fail(format!("supportedVersions does not contain {MODERN}"), ""), false);
    }
    if !result.get("capabilities").is_some_and(Value::is_object) {
        return (fail("the result has no capabilities", ""), true);
    }
    (pass(format!("supports {}", versions.join(", "))), true)
}

/// `serverInfo`, from its place in either era.
pub(super) fn server_info(result: &Value) -> Option<&Value> {
    result.get("serverInfo").or_else(|| result.get("_meta")?.get("io.modelcontextprotocol/serverInfo"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::{super::report::Status, *};

    fn reply(outcome: Outcome, status: u16) -> Reply {
        Reply { outcome, took: Duration::ZERO, status: Some(status), port: None }
    }

    fn result(value: Value) -> Reply {
        reply(Outcome::Result(value), 200)
    }

    fn error(code: i64) -> Reply {
        reply(Outcome::Error { code, message: "m".into() }, 400)
    }

    #[test]
    fn initialize_verdicts() {
        let good = |version: &str| json!({ "protocolVersion": version, "capabilities": {}, "serverInfo": { "name": "n", "version": "1" } });
        let without = |field: &str| {
            let mut value = good("2025-11-25");
            value.as_object_mut().unwrap().remove(field);
            value
        };
        for (reply, modern, status, version) in [
            (result(good("2025-11-25")), false, Status::Pass, Some("2025-11-25")),
            (result(good("2025-03-26")), false, Status::Pass, Some("2025-03-26")),
            (result(good("1.0")), false, Status::Fail, None),
            (result(good(MODERN)), true, Status::Fail, None),
            (result(without("protocolVersion")), false, Status::Fail, None),
            (result(without("serverInfo")), false, Status::Fail, Some("2025-11-25")),
            (result(without("capabilities")), false, Status::Fail, Some("2025-11-25")),
            (error(UNSUPPORTED_VERSION), true, Status::Skip, None),
            (error(UNSUPPORTED_VERSION), false, Status::Fail, None),
            (error(-32603), true, Status::Fail, None),
        ] {
            let (verdict, negotiated) = initialize(&reply, "2025-11-25", modern);
            assert_eq!((verdict.status, negotiated.as_deref()), (status, version), "{reply:?}");
        }
    }

    #[test]
    fn discover_verdicts() {
        for (reply, status, modern) in [
            (result(json!({ "supportedVersions": [MODERN], "capabilities": {} })), Status::Pass, true),
            (result(json!({ "supportedVersions": [MODERN] })), Status::Fail, true),
            (result(json!({ "supportedVersions": "2026-07-28", "capabilities": {} })), Status::Fail, false),
            (result(json!({})), Status::Fail, false),
            (error(METHOD_NOT_FOUND), Status::Skip, false),
            (reply(Outcome::Nothing("HTTP 400".into()), 400), Status::Skip, false),
            (reply(Outcome::Nothing("HTTP 500".into()), 500), Status::Fail, false),
        ] {
            let (verdict, speaks) = discover(&reply);
            assert_eq!((verdict.status, speaks), (status, modern), "{reply:?}");
        }
    }
}
