//! `windlass agent`, with a scripted model that checks every request.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use insta::assert_snapshot;
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use windlass_testkit::models::{Asked, ModelStandin, Pick, Script};

use crate::house::{House, Plan, SHELL, WINDLASS, eventually, run};

/// A model that says `turns`, and a directory with a windlass.yaml that names it.
struct Bench {
    model: ModelStandin,
    dir: TempDir,
}

impl Bench {
    /// `agent` are further lines of the section.
    async fn new(turns: Value, agent: &str) -> Self {
        let mut script: Script = serde_json::from_value(json!({ "turns": turns })).unwrap();
        // A run that is gone on with is asked where it was.
        script.pick = Pick::ByConversation;
        let model = ModelStandin::start(script).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let (url, agent) = (model.url(), agent.replace('\n', "\n  "));
        let section = format!(
            "agent:\n  model: {{ provider: anthropic, id: claude-test, url: '{url}', api_key: env:KEY }}\n  {agent}\n"
        );
        fs::write(dir.path().join("windlass.yaml"), format!("{SHELL}{section}")).unwrap();
        Self { model, dir }
    }

    /// Runs `windlass agent ...`: exit code, standard output, standard error.
    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let args = [&["agent"], args].concat();
        let outcome = tokio::task::block_in_place(|| run(self.dir.path(), &args, &[("KEY", "test-key")]));
        assert_eq!(self.model.violations(), Vec::<String>::new());
        outcome
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn last(&self) -> Asked {
        self.model.asked().pop().expect("the model was asked")
    }
}

fn calls(command: &str) -> Value {
    json!({ "say": [{ "text": "I will look." }, { "tool_use": { "name": "run_command", "input": { "command": command } } }] })
}

fn says(text: &str) -> Value {
    json!({ "say": [{ "text": text }] })
}

/// What a person reads of it: without the audit log, and without times.
fn read(stderr: &str) -> String {
    let lines = stderr.lines().filter(|line| !line.starts_with('{'));
    let lines = lines.map(|line| match line.split_once(" answered in ") {
        Some((call, _)) => format!("{call} answered in TIME, SIZE"),
        None => line.to_owned(),
    });
    let lines = lines.map(|line| line.trim_start().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

const ALLOWED: &str = "approvals: { allow: [run_command] }";

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_done_with_the_tools_of_this_file() {
    let bench = Bench::new(json!([calls("echo hello"), says("It said hello.")]), ALLOWED).await;
    let (code, out, error) = bench.run(&["run", "What does echo say?"]);
    assert_eq!(code, 0, "{error}");
    assert_snapshot!(out, @r"
    I will look.
    It said hello.
    ");
    assert_snapshot!(read(&error), @r#"
    -> run_command {"command":"echo hello"}  (windlass)
    <- run_command answered in TIME, SIZE
    "#);
    let asked = serde_json::to_string(&bench.last().messages).unwrap();
    let (_, result) = asked.split_once("tool_result").expect("the call was answered");
    assert!(result.contains("hello"), "{asked}");
    // The call took the way through the gate.
    let audit: Vec<Value> = error.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let decided = audit.iter().find(|line| line["tool"] == "run_command").expect("an audit line");
    assert_eq!((&decided["decision"], &decided["principal"]), (&json!("allowed"), &json!("local")));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_destroyed_where_nobody_is_there() {
    let bench = Bench::new(json!([calls("echo hello"), says("I may not.")]), "").await;
    let (code, _, error) = bench.run(&["run", "Do it"]);
    assert_eq!(code, 0, "{error}");
    assert!(read(&error).contains("`agent.approvals.allow: [run_command]` lets it be called"), "{error}");
    let asked = serde_json::to_string(&bench.last().messages).unwrap();
    assert!(asked.contains("a person refused this call: nobody is there to approve it"), "{asked}");
    assert!(!error.contains("\"tool\":\"run_command\""), "it did not even come to the gate");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_end_has_its_exit_code() {
    let loops = json!([calls("echo 1"), calls("echo 2"), calls("echo 3"), says("done")]);
    for (turns, agent, code, said) in [
        (
            loops.clone(),
            "budget: { turns: 2 }",
            5,
            "the budget of 2 turns is used up; `agent.budget.turns` allows more",
        ),
        (loops.clone(), "budget: { tool_calls: 1 }", 5, "the budget of 1 tool calls is used up"),
        (loops.clone(), "budget: { tokens: 20 }", 5, "the budget of 20 tokens is used up"),
        (
            loops,
            "budget: { dollars: 0.0001 }\nprices: { 'claude-*': { input: 10, output: 0 } }",
            5,
            "the budget of $0.0001 is used up",
        ),
        (json!([{ "say": [{ "text": "Once" }], "stop": "max_tokens" }]), "", 1, "the answer was cut off"),
        (json!([{ "say": [{ "text": "No" }], "stop": "refusal" }]), "", 1, "refuses to answer this"),
        (json!([{ "fault": "bad_key" }]), "", 3, ""),
    ] {
        let bench = Bench::new(turns, &format!("{ALLOWED}\n{agent}")).await;
        let (got, _, error) = bench.run(&["run", "Do it"]);
        assert_eq!(got, code, "{agent}: {error}");
        assert!(error.contains(said), "{agent}: {error}");
        assert!(!error.contains("test-key"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_lines_of_json() {
    let bench = Bench::new(json!([calls("echo hello"), says("It said hello.")]), ALLOWED).await;
    let (code, out, error) = bench.run(&["run", "--json", "What does echo say?"]);
    assert_eq!(code, 0, "{error}");
    let events: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().enumerate().all(|(at, event)| event["number"] == at as u64 + 1), "{out}");
    let last = events.last().unwrap();
    assert_eq!(
        (&last["type"], &last["reason"], &last["answer"]),
        (&json!("ended"), &json!("finished"), &json!("It said hello."))
    );
    assert_eq!((&last["spent"]["turns"], &last["spent"]["calls"]), (&json!(2), &json!(1)));
    let called = events.iter().find(|event| event["type"] == "called").unwrap();
    assert_eq!(called["is_error"], false);
    assert!(called["content"][0]["text"].as_str().unwrap().contains("hello"));
}

/// Seed 5 had one server and one model, by two variables.
#[tokio::test(flavor = "multi_thread")]
async fn the_variables_of_the_former_agent_do() {
    let script: Script = serde_json::from_value(json!({ "turns": [calls("echo hello"), says("done")] })).unwrap();
    let model = ModelStandin::start(script).await.unwrap();
    let server = tokio::task::block_in_place(|| House::start(SHELL));
    let url = format!("http://{}/mcp", server.addr());
    let aws = model.environment();
    let mut env: Vec<(&str, &str)> = aws.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    env.extend([("BEDROCK_MODEL_ID", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"), ("MCP_URL", url.as_str())]);
    let dir = tempfile::tempdir().unwrap();
    let args = ["agent", "run", "Do it", "--set", "agent.tools=none", "--set", "agent.approvals.ask=none"];
    let (code, out, error) = tokio::task::block_in_place(|| run(dir.path(), &args, &env));
    assert_eq!((code, out.as_str()), (0, "I will look.\ndone\n"), "{error}");
    assert_eq!(model.violations(), Vec::<String>::new());
    assert!(error.contains("run_command {\"command\":\"echo hello\"}  (mcp)"), "{error}");
    server.await_audit("the call", |line| line["tool"] == "run_command" && line["decision"] == "allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_killed_goes_on() {
    let bench = Bench::new(json!([calls("sleep 300"), says("I looked again.")]), ALLOWED).await;
    let state = bench.path("state.json");
    let state_arg = state.to_str().unwrap();
    let killed = tokio::task::block_in_place(|| {
        let plan = Plan::default().args(&["agent", "run", "Do it", "--state", state_arg]).env("KEY", "test-key");
        let yaml = fs::read_to_string(bench.path("windlass.yaml")).unwrap();
        let house = Plan { yaml: Some(yaml), ..plan }.spawn();
        let called = || fs::read_to_string(&state).is_ok_and(|text| text.contains(r#""stage":"called""#));
        eventually("the call is under way", called);
        house.signal(Signal::KILL);
        house.ended()
    });
    assert_eq!(killed.code(), None);
    let (code, out, error) = bench.run(&["run", "--state", state_arg]);
    assert_eq!((code, out.as_str()), (0, "I looked again.\n"), "{error}");
    let asked = serde_json::to_string(&bench.last().messages).unwrap();
    assert!(asked.contains("the agent was restarted while this call was under way"), "{asked}");
    let (code, _, error) = bench.run(&["run", "--state", state_arg]);
    assert_eq!(code, 2);
    assert!(error.contains("there is nothing to do"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transcript_is_replayed() {
    let bench = Bench::new(json!([calls("echo hello"), says("done")]), ALLOWED).await;
    let (code, _, error) = bench.run(&["run", "Do it", "--transcript", "run.jsonl"]);
    assert_eq!(code, 0, "{error}");
    let (code, out, _) = bench.run(&["replay", "run.jsonl"]);
    assert_snapshot!(format!("{out}[exit code {code}]"), @r"
    4 steps went as they went then; the model has answered
    [exit code 0]
    ");
    let text = fs::read_to_string(bench.path("run.jsonl")).unwrap();
    fs::write(bench.path("other.jsonl"), text.replace("echo hello", "echo other")).unwrap();
    let (code, out, _) = bench.run(&["replay", "other.jsonl", "--json"]);
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &told["same"], &told["line"]), (1, &json!(false), &json!(3)), "{out}");
    let (code, _, error) = bench.run(&["replay", "windlass.yaml"]);
    assert_eq!(code, 2);
    assert!(error.contains("this is no transcript of a run"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation() {
    let prices = "prices: { '*': { input: 1000, output: 2000 } }";
    let bench = Bench::new(json!([says("Good day."), says("And to you.")]), prices).await;
    let said = "hello\n/cost\n/save kept.json\nand you?\n/nonsense\n/clear\n/cost\n/quit\n";
    let (code, out, error) = tokio::task::block_in_place(|| typed(bench.dir.path(), &["agent", "chat"], said));
    assert_eq!(code, 0, "{error}");
    assert_snapshot!(without_times(&out), @r"
    Good day.
    1 turns, 0 tool calls, 10 tokens read (0 from a cache), 5 written, TIME s
    $0.02
    saved; `windlass agent chat --state kept.json` goes on with it
    And to you.
    there is no /nonsense; /help lists what there is
    a new conversation
    0 turns, 0 tool calls, 0 tokens read (0 from a cache), 0 written, 0.0 s
    $0.00
    ");
    assert_eq!(bench.model.violations(), Vec::<String>::new());
    let (code, out, error) = tokio::task::block_in_place(|| {
        typed(bench.dir.path(), &["agent", "chat", "--state", "kept.json"], "and you?\n/quit\n")
    });
    assert_eq!((code, out.as_str()), (0, "And to you.\n"), "{error}");
}

/// Runs the binary with something typed into a pipe.
fn typed(dir: &Path, args: &[&str], text: &str) -> (i32, String, String) {
    let mut command = Command::new(WINDLASS);
    command.args(args).current_dir(dir).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    command.env("XDG_STATE_HOME", dir.join(".state")).env("KEY", "test-key");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn without_times(text: &str) -> String {
    regex::Regex::new(r"written, [1-9]?\d*\.?\d+ s\n\$0\.02")
        .unwrap()
        .replace(text, "written, TIME s\n$$0.02")
        .into_owned()
}
