use std::time::Duration;

use windlass_client::{CheckOptions, Report, Status, Target, check};

use crate::serve::{complaints, echo_command, quick, shown};

async fn report(argv: Vec<String>) -> Report {
    check(&Target::stdio(argv).unwrap(), &quick()).await.unwrap()
}

#[tokio::test]
async fn a_server_of_rmcp_passes() {
    let report = report(echo_command(&[])).await;
    insta::assert_snapshot!(shown(&report), @r#"
    [target]
    server  echo 1.0.0
    speaks  2026-07-28, 2025-11-25, 2025-06-18, 2025-03-26
    lists   3 tools

      pass  reach                  started and answers
      pass  discover               supports 2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25, 2026-07-28
      pass  initialize.2025-11-25  negotiated as asked
      pass  initialize.2025-06-18  negotiated as asked
      pass  initialize.2025-03-26  negotiated as asked
      pass  tools.2026-07-28       3 tools
      pass  tools.2025             3 tools
      pass  tools.same             the same names
      pass  tools.pages            3 tools on 1 page
      pass  tools.order            the same twice
      pass  tools.schema           3 definitions well formed
      pass  call                   called `status`
      pass  error.method           error -32601
      pass  error.tool             error -32602
      WARN  error.json             malformed JSON is refused and survived
                                   passed over in silence
                                   -> answer what you cannot read with error -32700
      pass  stdio.clean            messages only
      pass  stdio.exit             left by itself
      pass  latency                p50 [time]

      tools/call: p50 [time]
      tools/list: p50 [time]

    17 passed, 1 warning, 0 failed, 0 skipped in [time]
    "#);
    assert_eq!(report.exit_code(), 0);
}

#[tokio::test]
async fn noise_on_standard_output_is_found() {
    let report = report(echo_command(&["noise"])).await;
    let clean = report.finding("stdio.clean").unwrap();
    assert_eq!(clean.status, Status::Fail);
    assert!(clean.detail.contains("Listening..."), "{}", clean.detail);
}

#[tokio::test]
async fn a_server_that_stays_is_found() {
    let report = report(echo_command(&["stay"])).await;
    let exit = report.finding("stdio.exit").unwrap();
    assert_eq!((exit.status, exit.detail.as_str()), (Status::Warn, "left only on SIGTERM"));
}

#[tokio::test]
async fn a_crash_is_explained_with_its_last_words() {
    let report = report(echo_command(&["crash"])).await;
    assert_eq!(report.exit_code(), 4);
    let reach = report.finding("reach").unwrap();
    assert!(reach.detail.contains("exit status: 3"), "{}", reach.detail);
    assert!(reach.detail.contains("it is on fire"), "{}", reach.detail);
}

#[tokio::test]
async fn a_command_that_is_not_there() {
    let report = report(vec!["/no/such/server".into()]).await;
    assert_eq!(report.exit_code(), 4);
    insta::assert_snapshot!(complaints(&report).join("\n"), @"reach: cannot start `/no/such/server`: No such file or directory (os error 2)");
}

#[tokio::test]
async fn a_program_that_says_nothing_is_given_up() {
    let options = CheckOptions { timeout: Duration::from_millis(300), ..quick() };
    let report = check(&Target::stdio(["sleep", "1000"]).unwrap(), &options).await.unwrap();
    assert_eq!(report.exit_code(), 4);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn grandchildren_do_not_outlive_the_check() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    report(echo_command(&["orphan", file.to_str().unwrap()])).await;
    // Each process of the check wrote its own; the last one is as good as any.
    let pid = std::fs::read_to_string(file).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().unwrap_or_default().trim_start().chars().next();
    assert!(matches!(state, None | Some('Z')), "{stat}");
}
