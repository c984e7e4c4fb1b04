//! The short form. A grant becomes one Cedar `permit`, built as Cedar's JSON form: names are data there, so quotes or
//! Cedar syntax within a name stay a name.

use cedar_policy::{Policy, PolicyId};
use serde_json::{Value, json};
use windlass_config::settings::GrantSettings;

use crate::PolicyError;

/// Builds the `permit` of one grant, or says everything that is wrong with it. `place` is where the grant stands.
pub(crate) fn permit(id: &str, place: &str, grant: &GrantSettings) -> Result<Policy, Vec<PolicyError>> {
    let mut errors = Vec::new();
    let callers = read_all(&grant.to, &format!("{place}.to"), "callers", caller, &mut errors);
    let tools = read_all(&grant.tools, &format!("{place}.tools"), "tools", tool, &mut errors);
    if !errors.is_empty() {
        return Err(errors);
    }
    Policy::from_json(Some(PolicyId::new(id)), cedar_json(&callers, &tools, grant.read_only))
        .map_err(|error| vec![wrong(place, error.to_string(), "this is a defect: please report it with the grant")])
}

/// Something that must hold of the principal or of the resource.
#[derive(PartialEq)]
enum Test {
    Anything,
    Is(&'static str, String),
    In(&'static str, String),
}

impl Test {
    fn scope(&self) -> Value {
        match self {
            Self::Anything => json!({ "op": "All" }),
            Self::Is(kind, id) => json!({ "op": "==", "entity": { "type": kind, "id": id } }),
            Self::In(kind, id) => json!({ "op": "in", "entity": { "type": kind, "id": id } }),
        }
    }

    fn expression(&self, variable: &str) -> Value {
        let entity = |kind: &str, id: &str| json!({ "Value": { "__entity": { "type": kind, "id": id } } });
        let (operator, right) = match self {
            Self::Anything => return json!({ "Value": true }),
            Self::Is(kind, id) => ("==", entity(kind, id)),
            Self::In(kind, id) => ("in", entity(kind, id)),
        };
        json!({ operator: { "left": { "Var": variable }, "right": right } })
    }
}

fn cedar_json(callers: &[Test], tools: &[Test], read_only: bool) -> Value {
    let (principal, principal_condition) = scope_or_condition(callers, "principal");
    let (resource, resource_condition) = scope_or_condition(tools, "resource");
    // Resources and prompts belong to a toolset, so a grant of single tools does not open them.
    let reads = !tools.iter().all(|test| matches!(test, Test::Is(..)));
    let action = |id: &str| json!({ "type": "Action", "id": id });
    let actions = match reads {
        true => json!({ "op": "in", "entities": [action("call"), action("read")] }),
        false => json!({ "op": "==", "entity": action("call") }),
    };
    let mut conditions: Vec<Value> = [principal_condition, resource_condition].into_iter().flatten().collect();
    if read_only {
        let annotated = json!({ ".": { "left": { "Var": "resource" }, "attr": "read_only" } });
        let toolset = json!({ "is": { "left": { "Var": "resource" }, "entity_type": "Toolset" } });
        conditions.push(if reads { json!({ "||": { "left": toolset, "right": annotated } }) } else { annotated });
    }
    let conditions: Vec<Value> = conditions.into_iter().map(|body| json!({ "kind": "when", "body": body })).collect();
    json!({
        "effect": "permit",
        "principal": principal,
        "action": actions,
        "resource": resource,
        "conditions": conditions,
    })
}

/// One test stands in the policy's head, where people look for it; several become a condition.
fn scope_or_condition(tests: &[Test], variable: &str) -> (Value, Option<Value>) {
    match tests {
        [test] => (test.scope(), None),
        tests if tests.contains(&Test::Anything) => (Test::Anything.scope(), None),
        tests => {
            let any = tests
                .iter()
                .map(|test| test.expression(variable))
                .reduce(|left, right| json!({ "||": { "left": left, "right": right } }));
            (Test::Anything.scope(), any)
        }
    }
}

fn read_all(
    texts: &[String],
    place: &str,
    what: &str,
    read: fn(&str) -> Result<Test, (String, &'static str)>,
    errors: &mut Vec<PolicyError>,
) -> Vec<Test> {
    if texts.is_empty() {
        errors.push(wrong(place, format!("names no {what}, so the grant could never apply"), "use `*` for all"));
    }
    let mut tests = Vec::new();
    for (n, text) in texts.iter().enumerate() {
        match read(text) {
            Ok(test) => tests.push(test),
            Err((message, hint)) => errors.push(wrong(&format!("{place}[{n}]"), message, hint)),
        }
    }
    tests
}

const CALLERS: &str =
    "write a principal's id (`key:ci`, `jwt:ISSUER#SUBJECT`, `local`), `group:NAME`, `scope:NAME`, or `*`";
const TOOLS: &str = "write a tool's name (`run_command`), a whole toolset (`shell/*`), or `*`";

fn caller(text: &str) -> Result<Test, (String, &'static str)> {
    match text.split_once(':') {
        None if text == "*" => Ok(Test::Anything),
        None if text == "local" => Ok(Test::Is("Principal", text.into())),
        Some((_, "")) => Err((format!("`{text}` names nobody"), CALLERS)),
        // Whoever writes `key:*` or `group:dev-*` means a pattern. To take it for a name would be quietly wrong.
        Some((_, name)) if name.contains('*') => Err((
            format!("`{text}` is a pattern, and grants take whole names"),
            "put the callers into a group, or say it in `policy.cedar` with `principal.id like \"key:*\"`",
        )),
        Some(("group", name)) => Ok(Test::In("Group", name.into())),
        Some(("scope", name)) => Ok(Test::In("Scope", name.into())),
        Some(("key", _)) => Ok(Test::Is("Principal", text.into())),
        Some(("jwt", rest)) if rest.contains('#') => Ok(Test::Is("Principal", text.into())),
        Some(("jwt", _)) => {
            Err((format!("`{text}` has no subject"), "write `jwt:ISSUER#SUBJECT`, as the audit log shows it"))
        }
        _ => Err((format!("`{text}` is no caller"), CALLERS)),
    }
}

fn tool(text: &str) -> Result<Test, (String, &'static str)> {
    match text.split_once('/') {
        None if text == "*" => Ok(Test::Anything),
        Some((toolset, "*")) if is_name(toolset) => Ok(Test::In("Toolset", toolset.into())),
        Some((toolset, name)) if is_name(toolset) && is_name(name) => {
            Err((format!("`{text}` is no tool"), "write the tool's name alone: it is unique across toolsets"))
        }
        None if is_name(text) => Ok(Test::Is("Tool", text.into())),
        None if text.contains('*') => Err((
            format!("`{text}` is a pattern, and grants take whole names"),
            "name the tools, or say it in `policy.cedar` with `resource.name like \"list_*\"`",
        )),
        _ => Err((format!("`{text}` is no tool"), TOOLS)),
    }
}

/// What the protocol lets a tool be called: letters, digits, `_`, `-` and `.`.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

fn wrong(place: &str, message: String, hint: &str) -> PolicyError {
    PolicyError { place: place.into(), position: None, message, hint: Some(hint.into()) }
}
