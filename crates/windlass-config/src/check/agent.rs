//! The agent: what contradicts what. Whether the model may be asked is found by asking it.

use super::{
    Checker,
    sql::{NAME, REFERENCE, is_name, is_reference},
};
use crate::{
    node::Path,
    settings::{AgentServerSettings, AgentSettings, ModelProvider},
};

pub(super) fn check(checker: &mut Checker, agent: &AgentSettings) {
    let path = |key: &str| Path::dotted("agent").key(key);
    model(checker, &path("model"), agent);
    for (name, server) in &agent.servers {
        let path = path("servers").key(name);
        if !is_name(name) {
            checker.refuse(&path, format!("`{}` is no name for a server", name.escape_debug()), NAME);
        }
        place(checker, &path, server);
    }
    budget(checker, &path("budget"), agent);
}

fn model(checker: &mut Checker, path: &Path, agent: &AgentSettings) {
    let model = &agent.model;
    let key = |key: &str| path.clone().key(key);
    if model.id.as_deref().is_some_and(|id| id.trim().is_empty()) {
        checker.refuse(&key("id"), "it is empty", "write what the provider calls the model");
    }
    if let Some(url) = &model.url {
        // A key goes along, and so does everything that is said.
        checker.web_url(&key("url"), url, true);
    }
    if model.api_key.as_deref().is_some_and(|key| !is_reference(key)) {
        checker.refuse(&key("api_key"), "this must name a secret, not be one", REFERENCE);
    }
    if model.provider != ModelProvider::Bedrock && model.region.is_some() {
        checker.notice(&key("region"), "not used: only Amazon Bedrock has regions");
    }
    if model.max_tokens == 0 {
        checker.refuse(&key("max_tokens"), "nothing could be answered", "write 1 or more; 4096 is usual");
    }
    if model.window.is_some_and(|window| window <= u64::from(model.max_tokens)) {
        let hint = "it is what the model can read and write together: 200000, say";
        checker.refuse(&key("window"), "there is no room beside the answer", hint);
    }
}

fn place(checker: &mut Checker, path: &Path, server: &AgentServerSettings) {
    let key = |key: &str| path.clone().key(key);
    match (server.command.is_empty(), &server.url) {
        (true, None) => checker.refuse(path, "nothing says where it is", "set `command` or `url`"),
        (false, Some(_)) => checker.refuse(path, "it has two places", "leave out one of `command` and `url`"),
        _ => {}
    }
    if server.command.first().is_some_and(|program| program.trim().is_empty()) {
        checker.refuse(&key("command"), "the program is empty", "write a list: [npx, some-server]");
    }
    if let Some(url) = &server.url {
        checker.web_url(&key("url"), url, server.token.is_some());
        if url.path().ends_with("/sse") {
            let message =
                "the transport with `/sse` is from before 2025 and not spoken; most such servers have `/mcp` too";
            checker.notice(&key("url"), message);
        }
        if !server.environment.is_empty() {
            checker.notice(&key("environment"), "not used: nothing is started");
        }
    }
    match &server.token {
        Some(token) if !is_reference(token) => {
            checker.refuse(&key("token"), "this must name a secret, not be one", REFERENCE);
        }
        Some(_) if server.url.is_none() => checker.notice(&key("token"), "not used: nothing is reached over HTTP"),
        _ => {}
    }
}

fn budget(checker: &mut Checker, path: &Path, agent: &AgentSettings) {
    let key = |key: &str| path.clone().key(key);
    let budget = &agent.budget;
    if budget.turns == 0 {
        checker.refuse(&key("turns"), "the model would never be asked", "write 1 or more");
    }
    if budget.time.0.is_zero() {
        checker.refuse(&key("time"), "nothing could be done", "write 1s or more; 30m is usual");
    }
    if budget.dollars.is_some() && agent.prices.is_empty() {
        let hint = "add the model to `agent.prices`, with what a million tokens cost";
        checker.refuse(&key("dollars"), "nothing says what a token costs, so nothing would be counted", hint);
    }
}
