use insta::assert_snapshot;
use windlass_config::settings::{AgentTools, ApprovalRule, ModelProvider};
use windlass_core::units::Dollars;

use crate::Bench;

#[test]
fn a_whole_section() {
    let bench = Bench::new(
        "agent:\n  model: { provider: openai, id: qwen3, url: 'http://127.0.0.1:11434/v1', max_tokens: 1000, window: 32000 }\n\
         \x20 budget: { turns: 5, tool_calls: 20, tokens: 100000, dollars: 0.5, time: 5m }\n\
         \x20 prices:\n    'qwen*': { input: 3, output: '15', cache_read: 0.075 }\n\
         \x20 tools: none\n  servers:\n    tickets: { url: 'https://tickets.example.com/mcp', token: env:TOKEN }\n\
         \x20   browser: { command: [npx, some-server], environment: { LANG: C } }\n\
         \x20 approvals: { ask: writing, require: ['send_*'], allow: [run_command], wait: 1m }\n",
    );
    let loaded = bench.load().unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(loaded.notices, []);
    let agent = loaded.settings.agent;
    assert_eq!((agent.model.provider, agent.tools), (ModelProvider::Openai, AgentTools::None));
    assert_eq!(agent.budget.dollars, Some(Dollars(500_000)));
    let price = &agent.prices["qwen*"];
    assert_eq!((price.input.0, price.output.0, price.cache_read), (3_000_000, 15_000_000, Some(Dollars(75_000))));
    assert_eq!((agent.approvals.ask, agent.servers.len()), (ApprovalRule::Writing, 2));
}

#[test]
fn what_cannot_be() {
    let told: Vec<String> = [
        "model: { api_key: hunter2 }",
        "model: { url: 'http://models.example.com' }",
        "model: { id: '', max_tokens: 0 }",
        "model: { max_tokens: 4000, window: 4000 }",
        "servers: { a: {} }",
        "servers: { a: { url: 'https://a.example/mcp', command: [a] } }",
        "servers: { 'a b': { command: [''] } }",
        "servers: { a: { url: 'http://a.example/mcp', token: hunter2 } }",
        "budget: { turns: 0, time: 0s }",
        "budget: { dollars: 0.5 }",
        "budget: { dollars: much }",
    ]
    .iter()
    .map(|line| Bench::new(&format!("agent:\n  {line}\n")).errors())
    .collect();
    let told = told.join("\n");
    assert!(!told.contains("hunter2"), "{told}");
    let messages: Vec<&str> = told.lines().filter(|line| line.contains("agent.")).collect();
    assert_snapshot!(messages.join("\n"), @r"
    windlass.yaml:2:21: agent.model.api_key: this must name a secret, not be one
    windlass.yaml:2:17: agent.model.url: anyone on the way could change what comes from here
    windlass.yaml:2:16: agent.model.id: it is empty
    windlass.yaml:2:32: agent.model.max_tokens: nothing could be answered
    windlass.yaml:2:38: agent.model.window: there is no room beside the answer
    windlass.yaml:2:17: agent.servers.a: nothing says where it is
    windlass.yaml:2:17: agent.servers.a: it has two places
    windlass.yaml:2:21: agent.servers.a b: `a b` is no name for a server
    windlass.yaml:2:32: agent.servers.a b.command: the program is empty
    windlass.yaml:2:24: agent.servers.a.url: anyone on the way could change what comes from here
    windlass.yaml:2:55: agent.servers.a.token: this must name a secret, not be one
    windlass.yaml:2:20: agent.budget.turns: the model would never be asked
    windlass.yaml:2:29: agent.budget.time: nothing could be done
    windlass.yaml:2:22: agent.budget.dollars: nothing says what a token costs, so nothing would be counted
      hint: add the model to `agent.prices`, with what a million tokens cost
    windlass.yaml:2:22: agent.budget.dollars: `much` is not a sum of dollars, write for example 0.50
    ");
}

#[test]
fn the_variables_of_seed_5() {
    let bench = Bench::bare().set("BEDROCK_MODEL_ID", "us.anthropic.x").set("MCP_URL", "http://localhost:5001/mcp/sse");
    assert_snapshot!(bench.notices(), @r"
    BEDROCK_MODEL_ID: read as `agent.model.id`
    MCP_URL: read as `agent.servers.mcp.url`
    agent.servers.mcp.url: the transport with `/sse` is from before 2025 and not spoken; most such servers have `/mcp` too
    ");
    let agent = bench.load().unwrap().settings.agent;
    assert_eq!(agent.model.id.as_deref(), Some("us.anthropic.x"));
    assert_eq!(agent.servers["mcp"].url.as_ref().unwrap().as_str(), "http://localhost:5001/mcp/sse");

    let yaml = "agent:\n  model: { provider: anthropic, id: claude }\n  servers: {}\n";
    let bench = Bench::new(yaml).set("BEDROCK_MODEL_ID", "us.anthropic.x").set("MCP_URL", "http://localhost:5001/mcp");
    assert_snapshot!(bench.notices(), @r"
    BEDROCK_MODEL_ID: not used, because windlass.yaml:2:10 has `agent.model`
    MCP_URL: not used, because windlass.yaml:3:12 has `agent.servers`
    ");
    assert_eq!(bench.load().unwrap().settings.agent.model.id.as_deref(), Some("claude"));
}
