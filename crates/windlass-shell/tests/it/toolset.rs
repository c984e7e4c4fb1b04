//! The tools, called as the gate calls them.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use windlass_config::settings::{CommandRule, CommandSettings, DenyRule, Operator, ShellSettings};
use windlass_core::{
    Call, CancellationToken, Client, ClientError, Deadline, ErrorKind, Health, NoOutputs, Output, Principal, Reply,
    ToolError, Toolset, mcp,
};
use windlass_shell::ShellToolset;

use crate::runs::launcher;

/// A client that remembers what it was told.
#[derive(Default)]
struct Listener {
    progress: Mutex<Vec<String>>,
    tasks: bool,
}

#[async_trait::async_trait]
impl Client for Listener {
    fn capabilities(&self) -> mcp::ClientCapabilities {
        match self.tasks {
            true => mcp::ClientCapabilities::builder().enable_tasks().build(),
            false => mcp::ClientCapabilities::default(),
        }
    }

    fn revision(&self) -> &str {
        "2026-07-28"
    }

    async fn progress(&self, _progress: f64, _total: Option<f64>, message: Option<String>) {
        self.progress.lock().unwrap().extend(message);
    }

    #[expect(deprecated, reason = "the trait has it")]
    async fn log(&self, _level: mcp::LoggingLevel, _logger: Option<String>, _data: Value) {}

    async fn ask(&self, _request: mcp::InputRequest) -> Result<Value, ClientError> {
        Err(ClientError::Unsupported)
    }
}

struct Tools {
    directory: tempfile::TempDir,
    toolset: ShellToolset,
    client: Arc<Listener>,
}

fn settings() -> ShellSettings {
    let shell = CommandSettings { program: "sh".into(), shell: true, ..CommandSettings::default() };
    ShellSettings {
        commands: vec![
            CommandRule::Short("echo".into()),
            CommandRule::Short("cat".into()),
            CommandRule::Short("ls".into()),
            CommandRule::Full(Box::new(shell)),
        ],
        deny: vec![DenyRule::Program("shutdown".into())],
        operators: [Operator::And, Operator::Pipe].into(),
        allow_environment: ["GREETING".to_owned()].into(),
        max_timeout: windlass_core::units::Span(Duration::from_secs(60)),
        ..ShellSettings::default()
    }
}

impl Tools {
    fn new() -> Self {
        Self::with(Listener::default())
    }

    fn with(client: Listener) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path().join("work");
        std::fs::create_dir(&base).unwrap();
        let state = directory.path().join("state");
        let toolset = ShellToolset::new(&settings(), &base, launcher(), Some(state)).unwrap();
        Self { directory, toolset, client: Arc::new(client) }
    }

    fn base(&self) -> std::path::PathBuf {
        self.directory.path().join("work").canonicalize().unwrap()
    }

    async fn reply(&self, who: &str, tool: &str, arguments: Value) -> Result<Reply, ToolError> {
        let spec = self.toolset.tools().into_iter().find(|spec| spec.tool.name == tool).unwrap();
        assert_eq!(problems(&spec.tool.input_schema, &arguments), [""; 0], "{arguments}");
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        let call = Call {
            id: "1".into(),
            principal: Arc::new(Principal { id: who.into(), ..Principal::local() }),
            tool: tool.into(),
            arguments,
            meta: mcp::RequestMetaObject::default(),
            deadline: Deadline::after(Duration::from_secs(120)),
            cancel: CancellationToken::new(),
            client: self.client.clone(),
            outputs: Arc::new(NoOutputs),
            resume: None,
        };
        self.toolset.call(call).await
    }

    async fn call(&self, tool: &str, arguments: Value) -> Result<Output, ToolError> {
        match self.reply("key:me", tool, arguments).await? {
            Reply::Done(output) => {
                let spec = self.toolset.tools().into_iter().find(|spec| spec.tool.name == tool).unwrap();
                let structured = output.structured.as_ref().unwrap();
                assert_eq!(problems(spec.tool.output_schema.as_ref().unwrap(), structured), [""; 0], "{structured}");
                Ok(output)
            }
            other => panic!("{other:?}"),
        }
    }
}

/// What a client that validates would complain about.
fn problems(schema: &mcp::JsonObject, value: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(&Value::Object(schema.clone())).unwrap();
    validator.iter_errors(value).map(|error| error.to_string()).collect()
}

fn text(output: &Output) -> String {
    let content = serde_json::to_value(&output.content).unwrap();
    content[0]["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_command_answers_model_and_machine() {
    let tools = Tools::new();
    let output = tools.call("run_command", json!({ "command": "echo hello" })).await.unwrap();
    let structured = output.structured.as_ref().unwrap();
    assert!(text(&output).starts_with("hello\n[exit code 0, "), "{}", text(&output));
    assert_eq!(
        (&structured["exit_code"], &structured["stdout"], output.is_error),
        (&json!(0), &json!("hello\n"), false)
    );

    let output = tools.call("run_command", json!({ "argv": ["sh", "-c", "echo bad >&2; exit 3"] })).await.unwrap();
    assert!(output.is_error);
    assert!(text(&output).starts_with("[stderr]\nbad\n[exit code 3, "), "{}", text(&output));

    let slow = json!({ "argv": ["sh", "-c", "echo early; sleep 100"], "timeout_seconds": 0.5 });
    let output = tools.call("run_command", slow).await.unwrap();
    let structured = output.structured.as_ref().unwrap();
    assert_eq!(
        (&structured["timed_out"], &structured["stdout"], output.is_error),
        (&json!(true), &json!("early\n"), true)
    );
    assert_eq!(text(&output), "early\n[ended after the time limit of 0.5 s]");
}

#[tokio::test]
async fn the_arguments_of_the_former_tool_work() {
    let tools = Tools::new();
    let old = json!({
        "command": "sh -c 'echo $GREETING; pwd'",
        "working_directory": tools.base(),
        "timeout": "1m30s",
        "env": { "GREETING": "hi" },
    });
    let error = tools.call("run_command", old.clone()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidArguments, "a minute is the most here: {error}");
    let mut old = old;
    old["timeout"] = json!("30s");
    let output = tools.call("run_command", old).await.unwrap();
    assert_eq!(output.structured.unwrap()["stdout"], json!(format!("hi\n{}\n", tools.base().display())));
    let aliases: Vec<_> = tools.toolset.tools().into_iter().flat_map(|spec| spec.aliases).collect();
    assert_eq!(aliases, ["execute_command", "list_allowed_commands", "list_blocked_commands", "get_shell_info"]);
}

#[tokio::test]
async fn what_the_rules_refuse_does_not_run() {
    let tools = Tools::new();
    let check = async |arguments: Value, kind: ErrorKind| {
        let error = tools.call("run_command", arguments.clone()).await.unwrap_err();
        assert_eq!(error.kind, kind, "{arguments}: {error}");
    };
    use ErrorKind::{Denied, InvalidArguments};
    check(json!({ "command": "rm -rf ." }), Denied).await;
    check(json!({ "command": "echo a; echo b" }), Denied).await;
    check(json!({ "command": "echo $(id)" }), Denied).await;
    check(json!({ "command": "cat /etc/passwd" }), Denied).await;
    check(json!({ "command": "echo x", "working_directory": "/etc" }), Denied).await;
    check(json!({ "command": "echo x", "environment": { "LD_PRELOAD": "x" } }), Denied).await;
    check(json!({ "command": "echo x", "environment": { "OTHER": "x" } }), Denied).await;
    check(json!({}), InvalidArguments).await;
    check(json!({ "command": "echo", "argv": ["echo"] }), InvalidArguments).await;
    check(json!({ "command": "echo", "timeout": "soon" }), InvalidArguments).await;
    check(json!({ "command": "echo", "timeout_seconds": 61 }), InvalidArguments).await;
}

#[tokio::test]
async fn the_environment_is_clean() {
    let tools = Tools::new();
    let output = tools.call("run_command", json!({ "argv": ["sh", "-c", "env | sort"] })).await.unwrap();
    let structured = output.structured.unwrap();
    let lines = structured["stdout"].as_str().unwrap().lines();
    let names: Vec<_> = lines.filter_map(|line| line.split('=').next()).collect();
    // PWD is the shell's own doing.
    assert_eq!(names, ["HOME", "LANG", "PATH", "PWD", "TERM"]);
}

#[tokio::test]
async fn progress_shows_the_last_line() {
    let tools = Tools::new();
    let script = "echo first; echo second; sleep 1.5";
    tools.call("run_command", json!({ "argv": ["sh", "-c", script] })).await.unwrap();
    assert_eq!(*tools.client.progress.lock().unwrap(), ["second"]);
}

#[tokio::test]
async fn a_long_command_is_started_read_and_stopped() {
    let tools = Tools::new();
    let start = json!({ "argv": ["sh", "-c", "echo working; sleep 100"] });
    let started = tools.call("start_command", start).await.unwrap().structured.unwrap();
    let id = started["job_id"].clone();
    let read = json!({ "job_id": id, "wait_seconds": 20 });
    let output = tools.call("command_output", read).await.unwrap();
    let structured = output.structured.as_ref().unwrap();
    assert_eq!((&structured["state"], &structured["output"]), (&json!("running"), &json!("working\n")));

    let stranger = tools.reply("key:other", "command_output", json!({ "job_id": id })).await.unwrap_err();
    let absent = json!({ "job_id": format!("job_{:032}", 0) });
    let unknown = tools.reply("key:me", "command_output", absent).await.unwrap_err();
    assert_eq!(format!("{stranger:?}"), format!("{unknown:?}"));
    let refused = tools.reply("key:other", "stop_command", json!({ "job_id": id })).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::NotFound);

    let output = tools.call("stop_command", json!({ "job_id": id })).await.unwrap();
    assert_eq!(output.structured.unwrap()["state"], json!("stopped"));
    tools.toolset.shutdown().await;
}

#[tokio::test]
async fn clients_that_speak_tasks_get_one() {
    let tools = Tools::with(Listener { tasks: true, ..Listener::default() });
    let start = async |script: &str| {
        let arguments = json!({ "argv": ["sh", "-c", script] });
        match tools.reply("key:me", "start_command", arguments).await.unwrap() {
            Reply::Task(created) => created.task.task_id,
            other => panic!("{other:?}"),
        }
    };
    let me = Principal { id: "key:me".into(), ..Principal::local() };
    let tasks = tools.toolset.tasks().unwrap();
    let id = start("echo done").await;
    let done = loop {
        let task = tasks.get(&me, &id).await.unwrap().unwrap();
        if task.status().is_terminal() {
            break serde_json::to_value(task).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(
        (&done["status"], &done["result"]["structuredContent"]["output"]),
        (&json!("completed"), &json!("done\n"))
    );

    let id = start("sleep 100").await;
    assert!(tasks.get(&Principal::local(), &id).await.is_none());
    assert!(tasks.cancel(&Principal::local(), &id).await.is_none());
    tasks.cancel(&me, &id).await.unwrap().unwrap();
    let task = tasks.get(&me, &id).await.unwrap().unwrap();
    assert_eq!(task.status(), mcp::TaskStatus::Cancelled);
}

#[tokio::test]
async fn what_is_approved_is_said() {
    let tools = Tools::new();
    let output = tools.call("list_commands", json!({})).await.unwrap();
    let structured = output.structured.as_ref().unwrap();
    assert_eq!(structured["blocked"], json!(["shutdown"]));
    assert_eq!(structured["default_timeout_seconds"], json!(30.0));
    assert_eq!(structured["commands"].as_array().unwrap().len(), 4);
    assert!(text(&output).contains("\nshell: none"), "{}", text(&output));

    let output = tools.call("explain_command", json!({ "command": "echo a && rm x" })).await.unwrap();
    let structured = output.structured.unwrap();
    assert_eq!(structured["allowed"], json!(false));
    let allowed: Vec<_> = structured["commands"].as_array().unwrap().iter().map(|one| &one["allowed"]).collect();
    assert_eq!(allowed, [&json!(true), &json!(false)]);
    let output = tools.call("explain_command", json!({ "argv": ["echo", "a"] })).await.unwrap();
    assert_eq!(output.structured.unwrap()["commands"][0]["argv"], json!(["echo", "a"]));
}

#[tokio::test]
async fn readiness_names_its_checks() {
    let tools = Tools::new();
    let checks = tools.toolset.ready().await;
    let names: Vec<_> = checks.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "shell.landlock",
            "shell.seccomp",
            "shell.network",
            "shell.no_new_privs",
            "shell.capabilities",
            "shell.descriptors",
            "shell.cgroup",
            "shell.programs",
            "shell.jobs",
        ]
    );
    assert!(checks.iter().all(|check| check.health != Health::Failed), "{checks:?}");

    let broken = windlass_shell::launch::Launcher { program: "/absent".into(), args: Vec::new() };
    let toolset = ShellToolset::new(&settings(), Path::new("/tmp"), broken, None).unwrap();
    assert!(toolset.ready().await.iter().any(|check| check.name == "shell.launcher" && check.health == Health::Failed));
}

#[tokio::test]
async fn jobs_within_reach_of_commands_are_reported() {
    let base = tempfile::tempdir().unwrap();
    let state = base.path().join("state");
    let toolset = ShellToolset::new(&settings(), base.path(), launcher(), Some(state)).unwrap();
    let checks = toolset.ready().await;
    let jobs = checks.iter().find(|check| check.name == "shell.jobs").unwrap();
    assert_eq!(jobs.health, Health::Degraded, "{jobs:?}");
}

#[test]
fn every_tool_is_fit_for_every_client() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    for spec in Tools::new().toolset.tools() {
        let name = &spec.tool.name;
        assert!(spec.tool.title.is_some() && spec.tool.description.is_some(), "{name}");
        let annotations = spec.tool.annotations.as_ref().unwrap();
        let hints = [
            annotations.read_only_hint,
            annotations.destructive_hint,
            annotations.idempotent_hint,
            annotations.open_world_hint,
        ];
        assert!(hints.iter().all(Option::is_some), "{name}");
        for schema in [&spec.tool.input_schema, spec.tool.output_schema.as_ref().unwrap()] {
            assert_eq!(schema["type"], "object", "{name}");
            let text = serde_json::to_string(schema).unwrap();
            for refused in ["$ref", "$defs", "oneOf", "anyOf", "allOf", "\"null\"", "\"format\""] {
                assert!(!text.contains(refused), "{name}: {refused} in {text}");
            }
        }
    }
}
