//! Whether it speaks MCP, and to whom.

use serde_json::json;

use super::{
    Fact,
    web::{self, Web},
};

pub(super) async fn prove(web: &Web, facts: &mut Vec<Fact>) {
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": { "name": "windlass-proof", "version": crate::VERSION },
    }});
    let initialize = Fact::new("container.mcp", "`/mcp` answers `initialize`");
    let mut session = None;
    facts.push(match web.post(&hello, true, None).await {
        Err(problem) => initialize.failed(problem),
        Ok(answer) => {
            let given = answer.headers().get("mcp-session-id").and_then(|id| id.to_str().ok());
            session = given.map(str::to_owned);
            match web::json(&answer) {
                Ok(message) if message["result"]["serverInfo"]["name"].is_string() => initialize.passed(format!(
                    "{} {}",
                    message["result"]["serverInfo"]["name"].as_str().unwrap_or_default(),
                    message["result"]["protocolVersion"].as_str().unwrap_or_default()
                )),
                Ok(message) => initialize.failed(format!("{}: {message}", answer.status())),
                Err(problem) => initialize.failed(problem),
            }
        }
    });

    let list = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" });
    let tools = Fact::new("container.tools", "`tools/list` names tools");
    let listed = web.post(&list, true, session.as_deref()).await.and_then(|answer| web::json(&answer));
    facts.push(match listed {
        Ok(message) => match message["result"]["tools"].as_array() {
            Some(named) => tools.when(!named.is_empty(), "").measured(named.len() as f64, "tools"),
            None => tools.failed(message.to_string()),
        },
        Err(problem) => tools.failed(problem),
    });

    let refuses = Fact::new("container.refuses", "`/mcp` answers with 401 where no token is sent");
    facts.push(match &web.token {
        None => refuses.skipped("it was started without authentication"),
        Some(_) => match web.post(&list, false, None).await {
            Ok(answer) => refuses.when(answer.status() == 401, answer.status().to_string()),
            Err(problem) => refuses.failed(problem),
        },
    });
}
