//! Runs that are cancelled, dropped, or will not end.

use std::{path::Path, time::Duration};

use tokio_util::sync::CancellationToken;
use windlass_terraform::{Backend, Error, ErrorKind, Event, Sources, Terraform, Variables, Work, Workspace};
use windlass_testkit::aws::{FakeAws, identity};

use crate::support::{Bench, eventually, program, running_in};

const PATIENCE: Duration = Duration::from_secs(60);

/// One resource that is done at once, and one that waits for a file.
fn slow(gate: &Path) -> Sources {
    Sources::single(&format!(
        r#"
resource "terraform_data" "quick" {{ input = "kept" }}

resource "terraform_data" "slow" {{
  depends_on = [terraform_data.quick]

  provisioner "local-exec" {{
    command = "until test -e '{}'; do sleep 0.05; done"
  }}
}}
"#,
        gate.display()
    ))
}

fn started(event: &Event) -> bool {
    matches!(event, Event::Started { address, .. } if address == "terraform_data.slow")
}

/// Nothing runs, nothing is locked, what was done is in the state, and the same command completes it.
async fn can_go_on(bench: &Bench, workspace: &Workspace, gate: &Path) {
    let lock = bench.folder.path().join(".terraform.tfstate.lock.info");
    eventually("the lock is released", PATIENCE, || !lock.exists()).await;
    eventually("nothing runs", PATIENCE, || running_in(workspace.root()).is_empty()).await;
    let state = std::fs::read_to_string(bench.folder.path().join("terraform.tfstate")).unwrap();
    assert!(state.contains("kept"), "{state}");
    std::fs::write(gate, "").unwrap();
    workspace.apply(Work::Variables(&Variables::new()), &mut |_| {}).await.unwrap();
    assert!(workspace.plan(&Variables::new()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_cancelled_apply_saves_its_state_and_can_be_applied_again() {
    let Some(bench) = Bench::light().await else { return };
    let gate = bench.folder.path().join("gate");
    let workspace = bench.workspace("work", slow(&gate));
    workspace.init().await.unwrap();
    let token = CancellationToken::new();
    let cancelled = workspace.clone().cancelled_by(token.clone());
    let mut on_event = |event: Event| {
        if started(&event) {
            token.cancel();
        }
    };
    let error = cancelled.apply(Work::Variables(&Variables::new()), &mut on_event).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Cancelled { killed: false });
    // Nothing begins under a token that was cancelled.
    let error = cancelled.plan(&Variables::new()).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Cancelled { killed: false });
    can_go_on(&bench, &workspace, &gate).await;
}

#[tokio::test]
async fn a_dropped_apply_saves_its_state_too() {
    let Some(bench) = Bench::light().await else { return };
    let gate = bench.folder.path().join("gate");
    let workspace = bench.workspace("work", slow(&gate));
    workspace.init().await.unwrap();
    let (send, receive) = tokio::sync::oneshot::channel();
    let mut send = Some(send);
    let mut on_event = |event: Event| {
        if let (true, Some(send)) = (started(&event), send.take_if(|_| started(&event))) {
            send.send(()).unwrap();
        }
    };
    let variables = Variables::new();
    tokio::select! {
        result = workspace.apply(Work::Variables(&variables), &mut on_event) => panic!("{result:?}"),
        received = receive => received.unwrap(),
    }
    can_go_on(&bench, &workspace, &gate).await;
}

#[tokio::test]
async fn a_second_run_names_who_has_the_lock() {
    let Some(bench) = Bench::light().await else { return };
    let gate = bench.folder.path().join("gate");
    let workspace = bench.workspace("work", slow(&gate));
    workspace.init().await.unwrap();
    // The wrapper lets one run at a time; what holds the lock of the state is therefore no run but what one leaves.
    let lock = bench.folder.path().join(".terraform.tfstate.lock.info");
    let info = r#"{"ID":"8e0a7cba","Operation":"OperationTypeApply","Info":"","Who":"ann@host","Version":"1.11.4","Created":"2026-01-02T03:04:05Z","Path":"x"}"#;
    let state = bench.folder.path().join("terraform.tfstate");
    let holder = hold(&state);
    std::fs::write(&lock, info).unwrap();
    let impatient = workspace.with_lock_timeout(Duration::ZERO);
    let error = impatient.plan(&Variables::new()).await.unwrap_err();
    drop(holder);
    insta::assert_snapshot!(format!("{error}\n  {}", error.hint()), @"
    the state is locked by ann@host
      wait for that run to end; if it is dead, `terraform force-unlock 8e0a7cba`
    ");
    assert!(
        matches!(error.kind(), ErrorKind::StateLocked { id: Some(id), since: Some(_), .. } if id == "8e0a7cba"),
        "{error:?}"
    );
}

/// Locks a file the way Terraform does.
fn hold(path: &Path) -> std::fs::File {
    let file = std::fs::OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path).unwrap();
    rustix::fs::fcntl_lock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    file
}

#[tokio::test]
async fn a_provider_that_waits_for_aws_is_stopped_as_well() {
    let aws = FakeAws::start(|asked| (asked.service != "ec2").then(identity)).await.unwrap();
    let Some(bench) = Bench::with(&aws.environment()).await else { return };
    let network = r#"
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" { region = "eu-west-1" }

resource "aws_vpc" "this" { cidr_block = "10.0.0.0/16" }
"#;
    let workspace = bench.workspace("work", Sources::single(network));
    workspace.init().await.unwrap();
    let token = CancellationToken::new();
    let cancelled = workspace.clone().cancelled_by(token.clone());
    let mut on_event = |event: Event| {
        if matches!(event, Event::Started { .. }) {
            token.cancel();
        }
    };
    let error = cancelled.apply(Work::Variables(&Variables::new()), &mut on_event).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Cancelled { killed: false });
    eventually("the provider is gone", PATIENCE, || running_in(workspace.root()).is_empty()).await;
    assert!(!bench.folder.path().join(".terraform.tfstate.lock.info").exists());
}

/// A program that does as `script` says, and knows its version.
async fn played(folder: &Path, script: &str) -> (Terraform, Workspace) {
    let version = r#"{"terraform_version":"1.11.4"}"#;
    let script = format!("#!/bin/sh\n[ \"$1\" != version ] || {{ echo '{version}'; exit; }}\n{script}\n");
    let program = program(folder, "terraform", &script);
    let path = std::env::var("PATH").unwrap();
    let env: windlass_config::Variables =
        [("WINDLASS_TERRAFORM", program.to_str().unwrap()), ("PATH", &path)].into_iter().collect();
    let terraform = Terraform::find(&env).await.unwrap();
    let backend = Backend::Local(folder.join("state"));
    let workspace = Workspace::prepare(&terraform, Sources::single(""), &folder.join("work"), &backend, None).unwrap();
    (terraform, workspace)
}

async fn apply(workspace: &Workspace) -> Result<(), Error> {
    workspace.apply(Work::Variables(&Variables::new()), &mut |_| {}).await
}

const BEGUN: &str =
    r#"{"@message":"","type":"apply_start","hook":{"resource":{"addr":"terraform_data.slow"},"action":"create"}}"#;

#[tokio::test]
async fn what_ignores_the_interrupt_is_killed_with_all_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("trap '' INT; sleep 600 & echo '{BEGUN}'; wait; wait");
    let (_, workspace) = played(folder.path(), &script).await;
    let token = CancellationToken::new();
    let workspace = workspace.cancelled_by(token.clone()).with_grace(Duration::from_millis(200));
    let mut on_event = |event: Event| token.cancelled_if(started(&event));
    let error = workspace.apply(Work::Variables(&Variables::new()), &mut on_event).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Cancelled { killed: true });
    eventually("all are gone", PATIENCE, || running_in(workspace.root()).is_empty()).await;
}

#[tokio::test]
async fn a_child_that_is_left_behind_ends_with_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let (_, workspace) = played(folder.path(), "sleep 600 & exit 0").await;
    apply(&workspace).await.unwrap();
    eventually("it is gone", PATIENCE, || running_in(workspace.root()).is_empty()).await;
}

#[tokio::test]
async fn a_program_that_dies_is_no_success_and_says_how() {
    let folder = tempfile::tempdir().unwrap();
    let (_, workspace) = played(folder.path(), "kill -KILL $$").await;
    let error = apply(&workspace).await.unwrap_err();
    insta::assert_snapshot!(error, @"it was ended by signal 9");
    let (_, workspace) = played(folder.path(), "echo 'panic: oh' >&2; exit 11").await;
    insta::assert_snapshot!(apply(&workspace).await.unwrap_err(), @"panic: oh");
}

trait CancelledIf {
    fn cancelled_if(&self, condition: bool);
}

impl CancelledIf for CancellationToken {
    fn cancelled_if(&self, condition: bool) {
        if condition {
            self.cancel();
        }
    }
}

#[tokio::test]
async fn a_state_that_could_not_be_saved_is_saved_by_the_next_run() {
    let Some(bench) = Bench::light().await else { return };
    let one = || Sources::single("resource \"terraform_data\" \"one\" { input = \"kept\" }\n");
    let workspace = bench.workspace("work", one());
    workspace.init().await.unwrap();
    workspace.apply(Work::Variables(&Variables::new()), &mut |_| {}).await.unwrap();
    // Where Terraform leaves it when its credentials expired in between.
    std::fs::rename(bench.folder.path().join("terraform.tfstate"), workspace.root().join("errored.tfstate")).unwrap();
    let workspace = bench.workspace("work", one());
    workspace.init().await.unwrap();
    assert!(!workspace.state_is_empty().await.unwrap());
    assert!(workspace.plan(&Variables::new()).await.unwrap().is_empty());
    assert!(!bench.folder.path().join("work/errored.tfstate").exists());
}
