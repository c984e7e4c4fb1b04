use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use windlass_client::{
    Arguments, CallOptions, Called, ClientError, HttpTarget, ListOptions, Progress, Target, call, list,
};

use crate::serve::{echo, echo_command, guarded};

fn options(tool: &str, pairs: &[&str]) -> CallOptions {
    CallOptions {
        tool: tool.into(),
        arguments: Arguments::Pairs(pairs.iter().map(|pair| (*pair).to_owned()).collect()),
        timeout: Duration::from_secs(20),
    }
}

async fn run(target: &Target, tool: &str, pairs: &[&str]) -> Result<Called, ClientError> {
    call(target, &options(tool, pairs), |_| {}).await
}

#[tokio::test]
async fn a_tool_is_called_over_every_transport() {
    let targets = [
        Target::http(&echo(true, false).await).unwrap(),
        Target::http(&echo(false, true).await).unwrap(),
        Target::stdio(echo_command(&[])).unwrap(),
    ];
    for target in targets {
        let called = run(&target, "echo", &["text=7", "times=2"]).await.unwrap();
        assert_eq!((called.text(true).as_str(), called.exit_code()), ("7\n7", 0), "{target}");
        let failed = run(&target, "fail", &[]).await.unwrap();
        assert_eq!((failed.text(true).as_str(), failed.exit_code()), ("it did not work", 1), "{target}");
    }
}

#[tokio::test]
async fn progress_is_heard() {
    let target = Target::http(&echo(false, false).await).unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let into = heard.clone();
    call(&target, &options("echo", &["text=x"]), move |progress| into.lock().unwrap().push(progress)).await.unwrap();
    let expected = Progress { progress: 1.0, total: Some(2.0), message: Some("half".into()) };
    assert_eq!(*heard.lock().unwrap(), [expected]);
}

#[tokio::test]
async fn a_hostile_answer_does_not_reach_the_terminal() {
    let target = Target::stdio(echo_command(&[])).unwrap();
    let called = run(&target, "echo", &["text:=\"a\\u001b[2Jb\""]).await.unwrap();
    assert_eq!(called.text(true), "a\u{fffd}[2Jb");
    assert_eq!(called.text(false), "a\u{1b}[2Jb");
}

#[tokio::test]
async fn tools_are_listed() {
    let listed = list(&Target::stdio(echo_command(&[])).unwrap(), &ListOptions::default()).await.unwrap();
    insta::assert_snapshot!(listed.text(), @r#"
    echo    Says what you say.
    fail    Fails.
    status  Says that all is well.
    "#);
}

#[tokio::test]
async fn failures_have_their_exit_codes() {
    let stdio = Target::stdio(echo_command(&[])).unwrap();
    let guarded = guarded("right").await;
    let mut wrong = HttpTarget::new(&guarded).unwrap();
    wrong.bearer = Some("wrong".into());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!("http://{}/mcp", listener.local_addr().unwrap());
    drop(listener);
    let elsewhere = guarded.replace("/mcp", "/elsewhere");
    for (target, tool, pairs, code, message) in [
        (stdio.clone(), "ecko", &[][..], 2, "there is no tool `ecko`"),
        (stdio, "echo", &["times=many"][..], 2, "`times` wants an integer, not `many`"),
        (Target::http(&guarded).unwrap(), "echo", &[][..], 3, "the server wants a token"),
        (Target::Http(wrong), "echo", &[][..], 3, "the server refuses the token"),
        (Target::http(&closed).unwrap(), "echo", &[][..], 4, "cannot reach"),
        (Target::http(&elsewhere).unwrap(), "echo", &[][..], 4, "there is no MCP endpoint at"),
        (Target::stdio(echo_command(&["crash"])).unwrap(), "echo", &[][..], 4, "the server does not speak MCP"),
        (Target::stdio(["/no/such/server"]).unwrap(), "echo", &[][..], 4, "cannot start `/no/such/server`"),
    ] {
        let error = run(&target, tool, pairs).await.unwrap_err();
        assert!(error.to_string().starts_with(message), "{error}");
        assert_eq!(error.exit_code(), code, "{error}");
        assert!(!error.hint().is_empty() || code == 2, "{error}");
    }
}
