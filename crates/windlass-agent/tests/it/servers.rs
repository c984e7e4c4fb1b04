//! MCP servers as sources of tools: over a pipe in memory, as a program, and over HTTP.

use std::sync::{Arc, Mutex};

use rmcp::{
    ErrorData, RoleServer, ServerHandler, ServiceExt,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, ListToolsResult,
        PaginatedRequestParams, ProgressNotificationParam, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
    },
    service::RequestContext,
};
use serde_json::Map;
use tokio::sync::Notify;
use windlass_agent::{
    conversation::Content,
    tools::{Answer, Many, Progress, Server, Tools},
};
use windlass_client::Target;

/// A server for the tests.
#[derive(Clone, Default)]
struct Fixture {
    /// Fires when a call has begun that never ends by itself, and when it was cancelled.
    begun: Arc<Notify>,
    cancelled: Arc<Notify>,
}

impl ServerHandler for Fixture {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("fixture", "1.0.0"))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tool = |name| Tool::new(name, "does it", Arc::new(Map::new()));
        Ok(ListToolsResult::with_all_items(vec![
            tool("rows").with_annotations(ToolAnnotations::new().read_only(true)),
            tool("for_ever"),
            tool("fail"),
            tool("die"),
        ]))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let result = match request.name.as_ref() {
            "rows" => {
                if let Some(token) = context.meta.get_progress_token() {
                    let progress = ProgressNotificationParam::new(token, 1.0).with_total(2.0).with_message("half");
                    let _ = context.peer.notify_progress(progress).await;
                }
                CallToolResult::success((0..1000).map(|row| ContentBlock::text(format!("row {row}"))).collect())
            }
            "for_ever" => {
                self.begun.notify_one();
                context.ct.cancelled().await;
                self.cancelled.notify_one();
                CallToolResult::success(vec![ContentBlock::text("never heard")])
            }
            "fail" => CallToolResult::error(vec![ContentBlock::text("it did not work")]),
            "die" => std::future::pending().await,
            other => return Err(ErrorData::invalid_params(format!("unknown tool {other}"), None)),
        };
        Ok(result.into())
    }
}

/// The fixture at the other end of a pipe. Aborting the task is the server's death.
async fn piped(name: &str, fixture: Fixture) -> (Server, tokio::task::JoinHandle<()>) {
    let (ours, theirs) = tokio::io::duplex(4096);
    let serving = tokio::spawn(async move {
        let running = fixture.serve(theirs).await.unwrap();
        let _ = running.waiting().await;
    });
    let (input, output) = tokio::io::split(ours);
    (Server::within(name, input, output).await.unwrap(), serving)
}

fn text(answer: &Answer) -> String {
    let words = answer.content.iter().map(|part| match part {
        Content::Text { text } => text.as_str(),
        Content::Image(_) => "<picture>",
    });
    words.collect::<Vec<_>>().join("|")
}

async fn call(tools: &Many, name: &str) -> Answer {
    tools.call(name, &Map::new(), &|_| {}).await
}

#[tokio::test]
async fn every_row_and_every_word_of_progress_arrives() {
    let (server, _serving) = piped("one", Fixture::default()).await;
    let tools = Many::new(vec![server]);
    let names: Vec<String> = tools.list().await.into_iter().map(|offer| offer.definition.name).collect();
    assert_eq!(names, ["die", "fail", "for_ever", "rows"], "in an order of their own");
    let heard = Mutex::new(Vec::new());
    let hear = |progress: Progress| heard.lock().unwrap().push(progress);
    let answer = tools.call("rows", &Map::new(), &hear).await;
    assert_eq!((answer.content.len(), answer.is_error), (1000, false));
    assert!(text(&answer).ends_with("|row 999"));
    let expected = Progress { done: 1.0, total: Some(2.0), message: Some("half".into()) };
    assert_eq!(*heard.lock().unwrap(), [expected]);
    let failed = call(&tools, "fail").await;
    assert_eq!((text(&failed).as_str(), failed.is_error), ("it did not work", true));
    let unknown = call(&tools, "rowz").await;
    assert_eq!((text(&unknown).as_str(), unknown.is_error), ("there is no tool `rowz` any more", true));
}

#[tokio::test]
async fn a_call_nobody_waits_for_is_cancelled_at_the_server() {
    let fixture = Fixture::default();
    let (server, _serving) = piped("one", fixture.clone()).await;
    let tools = Arc::new(Many::new(vec![server]));
    tools.list().await;
    let calling = tools.clone();
    let calling = tokio::spawn(async move { call(&calling, "for_ever").await });
    fixture.begun.notified().await;
    calling.abort();
    fixture.cancelled.notified().await;
    assert!(!call(&tools, "rows").await.is_error, "the connection goes on");
}

#[tokio::test]
async fn a_server_that_dies_is_an_answer() {
    let (server, serving) = piped("mortal", Fixture::default()).await;
    let (other, _serving) = piped("other", Fixture::default()).await;
    let tools = Many::new(vec![server, other]);
    let offers = tools.list().await;
    assert_eq!(offers.len(), 8);
    let (answer, ()) = tokio::join!(call(&tools, "mortal_die"), async {
        tokio::task::yield_now().await;
        serving.abort();
    });
    assert!(answer.is_error);
    assert!(text(&answer).starts_with("the server `mortal` of this tool does not answer"), "{}", text(&answer));
    assert!(!call(&tools, "other_rows").await.is_error, "the other one goes on");
    assert_eq!(tools.list().await.len(), 4);
    let unreached = tools.unreached();
    assert_eq!(unreached.iter().map(|one| one.server.as_str()).collect::<Vec<_>>(), ["mortal"]);
}

#[tokio::test]
async fn a_program_that_ends_is_started_again() {
    let Some(program) = python() else {
        return windlass_testkit::skip("a program as a server", "there is no python3");
    };
    // A server by hand, in the older revision's words, that ends in its second call.
    let script = r#"
import json, sys
calls = 0
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    method, result, error = asked["method"], None, None
    if method == "initialize":
        result = {"protocolVersion": asked["params"]["protocolVersion"], "capabilities": {"tools": {}},
                  "serverInfo": {"name": "script", "version": "1"}}
    elif method == "tools/list":
        result = {"tools": [{"name": "count", "inputSchema": {"type": "object"}}]}
    elif method == "tools/call":
        calls += 1
        if calls == 2:
            sys.exit(1)
        result = {"content": [{"type": "text", "text": str(calls)}]}
    else:
        error = {"code": -32601, "message": "unknown"}
    said = {"jsonrpc": "2.0", "id": asked["id"]}
    said.update({"result": result} if error is None else {"error": error})
    print(json.dumps(said), flush=True)
"#;
    let server = Server::new("script", Target::stdio([program.as_str(), "-c", script]).unwrap());
    let tools = Many::new(vec![server]);
    assert_eq!(tools.list().await.len(), 1, "{:?}", tools.unreached());
    assert_eq!(text(&call(&tools, "count").await), "1");
    let died = call(&tools, "count").await;
    assert!(died.is_error, "{died:?}");
    assert_eq!(text(&call(&tools, "count").await), "1", "a new program counts from the beginning");
    tools.close().await;
}

fn python() -> Option<String> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|folder| folder.join("python3")).find(|program| program.is_file())?;
    Some(found.to_string_lossy().into_owned())
}

#[tokio::test]
async fn what_cannot_be_reached_is_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    drop(listener);
    let servers = vec![
        Server::new("absent", Target::http(&url).unwrap()),
        Server::new("missing", Target::stdio(["/no/such/server"]).unwrap()),
    ];
    let tools = Many::new(servers);
    assert_eq!(tools.list().await, []);
    let told: Vec<String> = tools.unreached().into_iter().map(|one| format!("{}: {}", one.server, one.why)).collect();
    insta::assert_snapshot!(told.join("\n").replace(&url, "URL"), @r"
    absent: cannot reach URL
    missing: cannot start `/no/such/server`: No such file or directory (os error 2)
    ");
}
