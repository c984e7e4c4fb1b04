//! Jobs: pages of output, ownership, replicas, lost servers.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use windlass_shell::{
    jobs::{JobError, JobLimits, Jobs, Record, State, Work},
    plan::Plan,
};

use crate::runs::{executor, io, new_mark, running, shell, until_running};

const ME: &str = "key:me";

fn jobs(directory: &Path) -> Jobs {
    Jobs::open(Some(directory), JobLimits::new(3, Duration::from_secs(60))).unwrap()
}

fn work(plan: Plan, mark: &str) -> Work {
    Work {
        title: "the command".into(),
        plan,
        directory: "/".into(),
        environment: io(mark).environment,
        stdin: b"input".to_vec(),
        timeout: None,
    }
}

fn start(jobs: &Jobs, script: &str, mark: &str) -> Record {
    jobs.start(ME, &executor(&[]), work(shell(script), mark)).unwrap()
}

async fn ended(jobs: &Jobs, id: &str) -> Record {
    let start = Instant::now();
    loop {
        let record = jobs.look(ME, id).unwrap();
        if record.state != State::Running {
            return record;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{record:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn output_is_read_in_pieces_while_it_comes() {
    let state = tempfile::tempdir().unwrap();
    let jobs = jobs(state.path());
    let go = state.path().join("go");
    // Waits until the test has read the first piece.
    let script =
        format!("cat; echo; echo one >&2; while [ ! -e {} ]; do sleep 0.05; done; echo two; exit 3", go.display());
    let work = work(shell(&script), &new_mark());
    let id = jobs.start(ME, &executor(&[state.path()]), work).unwrap().id;
    let mut seen = String::new();
    let mut offset = 0;
    while !seen.contains("one\n") {
        let (record, page) = jobs.output(ME, &id, offset, Duration::from_secs(20)).await.unwrap();
        assert_eq!(record.state, State::Running);
        seen += &page.text;
        offset = page.next_offset;
    }
    assert_eq!(seen, "input\none\n");
    fs::write(go, "").unwrap();
    let (_, page) = jobs.output(ME, &id, offset, Duration::from_secs(20)).await.unwrap();
    assert_eq!(page.text, "two\n");
    let record = ended(&jobs, &id).await;
    assert_eq!((record.state, record.exit_code, record.output_bytes), (State::Exited, Some(3), 14));
    // A reader that waits for more after the end is told at once.
    let waited = Instant::now();
    jobs.output(ME, &id, page.next_offset, Duration::from_secs(20)).await.unwrap();
    assert!(waited.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn pages_cut_no_character_and_lose_nothing() {
    let state = tempfile::tempdir().unwrap();
    let jobs = jobs(state.path());
    let id = start(&jobs, "yes '\u{20ac}' | head -n 30000 | tr -d '\\n'", &new_mark()).id;
    ended(&jobs, &id).await;
    let (mut text, mut offset) = (String::new(), 0);
    loop {
        let (_, page) = jobs.output(ME, &id, offset, Duration::ZERO).await.unwrap();
        text += &page.text;
        offset = page.next_offset;
        if !page.more {
            break;
        }
    }
    assert_eq!(text, "\u{20ac}".repeat(30_000));
}

#[tokio::test]
async fn what_is_kept_is_capped() {
    let state = tempfile::tempdir().unwrap();
    let limits = JobLimits { output: 1000, ..JobLimits::new(3, Duration::from_secs(60)) };
    let jobs = Jobs::open(Some(state.path()), limits).unwrap();
    let id = start(&jobs, "head -c 1000000 /dev/zero", &new_mark()).id;
    let record = ended(&jobs, &id).await;
    assert_eq!((record.output_bytes, record.output_truncated), (1_000_000, true));
    let (_, page) = jobs.output(ME, &id, 0, Duration::ZERO).await.unwrap();
    assert_eq!((page.text.len(), page.more), (1000, false));
}

#[tokio::test]
async fn a_job_of_somebody_else_looks_like_none() {
    let state = tempfile::tempdir().unwrap();
    let jobs = jobs(state.path());
    let mark = new_mark();
    let id = start(&jobs, "sleep 100", &mark).id;
    let absent = format!("job_{:032x}", 1);
    for (owner, id) in [("key:other", id.as_str()), (ME, &absent), (ME, "job_x"), (ME, "../../etc/passwd"), (ME, "")] {
        let error = jobs.look(owner, id).unwrap_err();
        let stop = jobs.stop(owner, id).await.unwrap_err();
        let output = jobs.output(owner, id, 0, Duration::ZERO).await.unwrap_err();
        for error in [error, stop, output] {
            assert!(matches!(error, JobError::Unknown), "{owner} {id}: {error:?}");
        }
    }
    assert_eq!(jobs.look(ME, &id).unwrap().state, State::Running, "a stranger's stop did nothing");
    jobs.shutdown().await;
    assert_eq!(running(&mark), [0; 0]);
}

#[tokio::test]
async fn any_replica_shows_and_stops_it() {
    let state = tempfile::tempdir().unwrap();
    let (here, there) = (jobs(state.path()), jobs(state.path()));
    let mark = new_mark();
    let id = start(&here, "echo hello; setsid sleep 100 & wait", &mark).id;
    let (record, page) = there.output(ME, &id, 0, Duration::from_secs(20)).await.unwrap();
    assert_eq!((record.state, page.text.as_str()), (State::Running, "hello\n"));
    until_running(&mark, |count| count == 2).await;
    assert_eq!(there.stop(ME, &id).await.unwrap().state, State::Stopped);
    assert_eq!(running(&mark), [0; 0]);
    // Again, from the one that ran it.
    assert_eq!(here.stop(ME, &id).await.unwrap().state, State::Stopped);
}

#[tokio::test]
async fn a_caller_has_only_so_many() {
    let state = tempfile::tempdir().unwrap();
    let (here, there) = (jobs(state.path()), jobs(state.path()));
    for jobs in [&here, &there, &here] {
        start(jobs, "sleep 100", &new_mark());
    }
    // Counted over all replicas.
    let executor = executor(&[]);
    for jobs in [&here, &there] {
        let error = jobs.start(ME, &executor, work(shell("true"), &new_mark())).unwrap_err();
        assert!(matches!(error, JobError::TooMany(3)), "{error:?}");
    }
    here.start("key:other", &executor, work(shell("true"), &new_mark())).unwrap();
    here.shutdown().await;
    start(&there, "true", &new_mark());
    there.shutdown().await;
}

#[tokio::test]
async fn time_runs_out() {
    let state = tempfile::tempdir().unwrap();
    let jobs = Jobs::open(Some(state.path()), JobLimits::new(3, Duration::from_millis(300))).unwrap();
    let mark = new_mark();
    let asks_for_more = Work { timeout: Some(Duration::from_secs(100)), ..work(shell("sleep 100"), &mark) };
    let id = jobs.start(ME, &executor(&[]), asks_for_more).unwrap().id;
    assert_eq!(ended(&jobs, &id).await.state, State::TimedOut);
    assert_eq!(running(&mark), [0; 0]);
}

#[tokio::test]
async fn old_jobs_go() {
    let state = tempfile::tempdir().unwrap();
    let id = {
        let jobs = jobs(state.path());
        let id = start(&jobs, "echo x", &new_mark()).id;
        ended(&jobs, &id).await;
        id
    };
    let file = state.path().join("jobs").join(&id).join("state.json");
    let mut record: Record = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    record.ended_at = Some(record.started_at - 2 * 24 * 3600);
    fs::write(&file, serde_json::to_vec(&record).unwrap()).unwrap();
    let jobs = jobs(state.path());
    assert!(matches!(jobs.look(ME, &id), Err(JobError::Unknown)));
    assert!(!file.exists());

    // And where there is too much, the oldest first.
    let limits = JobLimits { disk: 10, ..JobLimits::new(3, Duration::from_secs(60)) };
    let jobs = Jobs::open(Some(state.path()), limits).unwrap();
    let id = start(&jobs, "echo more than ten bytes", &new_mark()).id;
    ended(&jobs, &id).await;
    start(&jobs, "true", &new_mark());
    assert!(matches!(jobs.look(ME, &id), Err(JobError::Unknown)));
    jobs.shutdown().await;
}

#[tokio::test]
async fn nobody_else_on_the_machine_can_read_them() {
    let state = tempfile::tempdir().unwrap();
    let jobs = jobs(state.path());
    let id = start(&jobs, "echo secret", &new_mark()).id;
    ended(&jobs, &id).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = state.path().join("jobs").join(id);
    assert_eq!((mode(&state.path().join("jobs")), mode(&folder)), (0o700, 0o700));
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 3);
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn without_a_state_directory_jobs_work_all_the_same() {
    let jobs = Jobs::open(None, JobLimits::new(3, Duration::from_secs(60))).unwrap();
    let directory = jobs.directory().to_owned();
    let id = start(&jobs, "echo x", &new_mark()).id;
    ended(&jobs, &id).await;
    assert_eq!(jobs.output(ME, &id, 0, Duration::ZERO).await.unwrap().1.text, "x\n");
    drop(jobs);
    assert!(!directory.exists());
}

const STATE: &str = "WINDLASS_TEST_STATE";
const SERVER_MARK: &str = "WINDLASS_TEST_JOB_MARK";

#[tokio::test]
async fn a_job_is_lost_with_its_server() {
    let state = tempfile::tempdir().unwrap();
    let mark = new_mark();
    let mut server = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "jobs::a_server_with_a_job"])
        .envs([(STATE, state.path().as_os_str()), (SERVER_MARK, mark.as_ref())])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until_running(&mark, |count| count == 2).await;
    let id = fs::read_dir(state.path().join("jobs")).unwrap().next().unwrap().unwrap().file_name();
    let id = id.to_str().unwrap();
    let bystander = jobs(state.path());
    assert_eq!(bystander.look(ME, id).unwrap().state, State::Running);
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(bystander.look(ME, id).unwrap().state, State::Lost);
    let (_, page) = bystander.output(ME, id, 0, Duration::ZERO).await.unwrap();
    assert_eq!(page.text, "kept\n");
    until_running(&mark, |count| count == 0).await;
}

#[tokio::test]
#[ignore = "the process that `a_job_is_lost_with_its_server` starts and kills"]
async fn a_server_with_a_job() {
    let state = std::env::var(STATE).unwrap();
    let jobs = jobs(Path::new(&state));
    let id = start(&jobs, "echo kept; sleep 100 & wait", &std::env::var(SERVER_MARK).unwrap()).id;
    ended(&jobs, &id).await;
}
