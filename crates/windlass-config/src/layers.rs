//! `WINDLASS_*` and the command line as layers over windlass.yaml.

use std::{collections::BTreeMap, sync::LazyLock};

use crate::{
    ConfigError, Env, Notice, Origin, Override,
    keys::KEYS,
    node::{Node, Path, Value},
    suggest,
};

/// Names the configuration file.
pub(crate) const CONFIG_VARIABLE: &str = "WINDLASS_CONFIG";
/// Holds the shared token itself, or a reference to it.
const TOKEN_VARIABLE: &str = "WINDLASS_AUTH_TOKEN";

/// Short names of what is set most.
pub(crate) const SHORT: [(&str, &str); 4] = [
    ("WINDLASS_HOST", "server.host"),
    ("WINDLASS_PORT", "server.port"),
    ("WINDLASS_TRANSPORT", "server.transport"),
    ("WINDLASS_LOG", "telemetry.log"),
];

static LONG: LazyLock<BTreeMap<String, String>> =
    LazyLock::new(|| KEYS.iter().filter_map(|key| Some((key.variable()?, key.path.clone()))).collect());

/// Lays the variables over `tree`. `others` are the `WINDLASS_*` variables that are none of ours but of use elsewhere.
pub(crate) fn variables(
    tree: &mut Node,
    env: &dyn Env,
    others: &[String],
    notices: &mut Vec<Notice>,
) -> Vec<ConfigError> {
    let mut errors = Vec::new();
    let referenced = references(tree);
    let mut links = Vec::new();
    for name in env.names() {
        let Some(value) = env.get(&name).filter(|_| name.starts_with("WINDLASS_")) else { continue };
        let short = SHORT.iter().find(|(short, _)| *short == name).map(|(_, path)| *path);
        if is_service_link(&name, &value) {
            links.push(name);
        } else if name == TOKEN_VARIABLE {
            let reference = value.starts_with("env:") || value.starts_with("file:");
            let text = if reference { value } else { format!("env:{TOKEN_VARIABLE}") };
            put(tree, "auth.token", &name, text);
        } else if let Some(path) = LONG.get(&name) {
            put(tree, path, &name, value);
        } else if let Some(path) = short {
            let long = LONG.iter().find(|(_, p)| *p == path).and_then(|(long, _)| Some((long, env.get(long)?)));
            match long {
                Some((long, other)) if other != value => errors.push(
                    ConfigError::new(format!("{long} says otherwise"))
                        .hint("set one of the two")
                        .at(Origin::Variable(name.as_str().into())),
                ),
                _ => put(tree, path, &name, value),
            }
        } else if name != CONFIG_VARIABLE && !others.contains(&name) && !referenced.contains(&name) {
            errors.push(unknown(&name));
        }
    }
    if !links.is_empty() {
        notices.push(Notice::new(links.join(", "), "not used: Kubernetes sets them for a service called windlass"));
    }
    errors
}

/// Lays options of the command line over everything.
pub(crate) fn options(tree: &mut Node, overrides: &[Override]) {
    for Override { option, setting, value } in overrides {
        let node = Node { origin: Origin::Option(option.as_str().into()), value: Value::Loose(value.clone()) };
        tree.set(&Path::dotted(setting), node);
    }
}

fn put(tree: &mut Node, path: &str, name: &str, value: String) {
    tree.set(&Path::dotted(path), Node { origin: Origin::Variable(name.into()), value: Value::Loose(value) });
}

fn unknown(name: &str) -> ConfigError {
    let known = LONG.keys().map(String::as_str).chain(SHORT.iter().map(|(short, _)| *short)).chain([CONFIG_VARIABLE]);
    let error = ConfigError::new("no setting has this variable").at(Origin::Variable(name.into()));
    match suggest::nearest(name, known) {
        Some(meant) => error.hint(format!("did you mean {meant}?")),
        None => {
            error.hint("`windlass config show` lists every setting; lists of sections can only stand in windlass.yaml")
        }
    }
}

/// Variables that the file itself names as `env:NAME`.
fn references(node: &Node) -> Vec<String> {
    match &node.value {
        Value::Text(text) | Value::Loose(text) => text.strip_prefix("env:").map(str::to_owned).into_iter().collect(),
        Value::List(items) => items.iter().flat_map(references).collect(),
        Value::Map(entries) => entries.iter().flat_map(|entry| references(&entry.node)).collect(),
        _ => Vec::new(),
    }
}

/// Kubernetes gives every pod variables for every service of its namespace. A service called `windlass` would otherwise
/// keep its own pods from starting (`WINDLASS_PORT=tcp://10.0.0.1:80`).
fn is_service_link(name: &str, value: &str) -> bool {
    let Some(rest) = name.strip_prefix("WINDLASS_") else { return false };
    let url = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    let part = |word: &str| rest.contains(&format!("_{word}")) || rest.starts_with(word);
    (url && part("PORT"))
        || part("SERVICE_HOST")
        || part("SERVICE_PORT")
        || (part("PORT") && ["_TCP_", "_UDP_", "_SCTP_"].iter().any(|protocol| rest.contains(protocol)))
}
