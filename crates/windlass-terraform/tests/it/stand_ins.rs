//! Every stack against what stands in for AWS: it applies, a second plan is empty but for what the stand-in forgets,
//! and destroying leaves nothing.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};
use url::Url;
use windlass_terraform::{
    Action, Backend, Event, Plan, ResourceChange, Sources, Stack, Terraform, Variables, Work, Workspace,
};
use windlass_testkit::{aws::StandIn, skip};

use crate::support::{Bench, checkout};

/// Which of the two is played.
#[derive(Clone, Copy)]
enum Kind {
    Ministack,
    Moto,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Ministack => "ministack",
            Self::Moto => "moto",
        }
    }

    async fn start(self) -> Option<StandIn> {
        let more = checkout().join("tests/aws/moto_plus.py");
        match self {
            Self::Ministack => StandIn::ministack().await,
            Self::Moto if more.exists() => StandIn::moto_with(&more).await,
            Self::Moto => StandIn::moto().await,
        }
    }
}

#[tokio::test]
async fn bootstrap_applies_and_keeps_state_for_others() {
    let kind = Kind::Ministack;
    let Some((bench, aws)) = bench(kind, Stack::Bootstrap).await else { return };
    let variables = Variables::new()
        .with("name", "it")
        .with("region", "us-east-1")
        .with("state_bucket", "it-state")
        .with("force_destroy", true)
        .with("recovery_window", 0)
        .with("secret_names", vec!["WINDLASS_TOKEN"]);
    let workspace = applied(&bench, &aws, Stack::Bootstrap, &variables).await;
    second_plan(&workspace, kind, Stack::Bootstrap, &variables).await;
    state_in_the_bucket(&bench.terraform, &aws, bench.folder.path()).await;
    destroyed(&workspace, &variables).await;
}

/// Another stack's state in the bucket, locked there, and moved there from a file.
async fn state_in_the_bucket(terraform: &Terraform, aws: &StandIn, folder: &Path) {
    let endpoint: Url = aws.endpoint().parse().unwrap();
    let one = || Sources::single("resource \"terraform_data\" \"one\" {}\n");
    let prepare = |backend: &Backend| {
        Workspace::prepare(terraform, one(), &folder.join("other"), backend, Some(&endpoint)).unwrap()
    };
    let local = prepare(&Backend::Local(folder.join("other.tfstate")));
    local.init().await.unwrap();
    local.apply(Work::Variables(&Variables::new()), &mut |_| {}).await.unwrap();
    let bucket = prepare(&Backend::S3 { bucket: "it-state".into(), key: "other".into(), region: "us-east-1".into() });
    bucket.init_moving_state().await.unwrap();
    assert!(!bucket.state_is_empty().await.unwrap());
    assert!(bucket.plan(&Variables::new()).await.unwrap().is_empty());
    // In another directory, without what the first one remembers.
    let backend = Backend::S3 { bucket: "it-state".into(), key: "other".into(), region: "us-east-1".into() };
    let elsewhere = Workspace::prepare(terraform, one(), &folder.join("elsewhere"), &backend, Some(&endpoint)).unwrap();
    elsewhere.init().await.unwrap();
    elsewhere.destroy(&Variables::new(), &mut |_| {}).await.unwrap();
    assert!(bucket.state_is_empty().await.unwrap());
}

#[tokio::test]
async fn ecs_applies_and_goes() {
    round(Kind::Moto, Stack::Ecs, |_| release().with("image", image())).await;
}

#[tokio::test]
async fn lambda_applies_and_goes() {
    let variables = |folder: &Path| {
        let (path, hash) = package(folder);
        release()
            .with("package", path)
            .with("package_hash", hash)
            .with("queries", json!({ "denied": "fields time | filter audit = 1" }))
            .with("s3_path_style", true)
    };
    round(Kind::Moto, Stack::Lambda, variables).await;
}

/// The function that refreshes the index comes beside a server that is there, and goes again without it.
#[tokio::test]
async fn a_refresh_comes_and_goes_beside_a_server() {
    let kind = Kind::Moto;
    let Some((bench, aws)) = bench(kind, Stack::Lambda).await else { return };
    let (path, hash) = package(bench.folder.path());
    let without = release().with("package", path).with("package_hash", hash).with("s3_path_style", true);
    let model = "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0";
    let with = without
        .clone()
        .with("embedding_models", vec![model])
        .with("refresh_schedule", "rate(1 hour)")
        .with("refresh_sources", vec!["papers", "shared/handbook/"]);
    let workspace = applied(&bench, &aws, Stack::Lambda, &without).await;
    workspace.apply(Work::Variables(&with), &mut |_| {}).await.unwrap_or_else(|error| panic!("{error:#?}"));
    assert_eq!(workspace.outputs().await.unwrap()["refresh_function"], json!("it-refresh"));
    second_plan(&workspace, kind, Stack::Lambda, &with).await;
    workspace.apply(Work::Variables(&without), &mut |_| {}).await.unwrap_or_else(|error| panic!("{error:#?}"));
    assert_eq!(workspace.outputs().await.unwrap().get("refresh_function").cloned().unwrap_or_default(), Value::Null);
    destroyed(&workspace, &without).await;
}

#[tokio::test]
async fn ec2_applies_and_goes() {
    let disk = json!({ "url": "s3://images/debian.ext4", "sha256": "b".repeat(64) });
    let variables = release()
        .with("image", image())
        .with("allowed_cidrs", vec!["10.0.0.0/8"])
        .with("rootfs", json!({ "debian.ext4": disk }));
    let kind = Kind::Moto;
    let Some((bench, aws)) = bench(kind, Stack::Ec2).await else { return };
    let on_demand = variables.clone().with("spot", false);
    let workspace = applied(&bench, &aws, Stack::Ec2, &on_demand).await;
    second_plan(&workspace, kind, Stack::Ec2, &on_demand).await;
    // moto forgets that an instance is a spot instance, so that a plan would make it anew: it is made once.
    let spot = variables.with("spot", true);
    let plan = workspace.plan(&spot).await.unwrap();
    let host = plan.changes.iter().find(|change| change.address == "module.host.aws_instance.host").unwrap();
    assert_eq!(host.action, Action::Replace);
    workspace.apply(Work::Plan(&plan), &mut |_| {}).await.unwrap();
    destroyed(&workspace, &spot).await;
}

/// What every stack is told.
fn release() -> Variables {
    let secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:it/WINDLASS_AUTH_TOKEN-abcdef";
    Variables::new()
        .with("name", "it")
        .with("region", "us-east-1")
        .with("release", "abc1234")
        .with("tags", json!({ "team": "x" }))
        .with("environment", json!({ "WINDLASS_SHELL_COMMANDS": "ls,cat" }))
        .with("secrets", json!({ "WINDLASS_AUTH_TOKEN": secret }))
}

fn image() -> String {
    format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/it@sha256:{}", "a".repeat(64))
}

async fn round(kind: Kind, stack: Stack, variables: impl Fn(&Path) -> Variables) {
    let Some((bench, aws)) = bench(kind, stack).await else { return };
    let variables = variables(bench.folder.path());
    let workspace = applied(&bench, &aws, stack, &variables).await;
    second_plan(&workspace, kind, stack, &variables).await;
    destroyed(&workspace, &variables).await;
}

/// Terraform, the stack and a stand-in, or a skip.
async fn bench(kind: Kind, stack: Stack) -> Option<(Bench, StandIn)> {
    if Sources::from(stack).is_empty() {
        skip(&format!("applying stack {stack}"), "it is not in infra/ yet");
        return None;
    }
    let aws = kind.start().await?;
    let bench = Bench::with(&aws.environment()).await?;
    Some((bench, aws))
}

async fn applied(bench: &Bench, aws: &StandIn, stack: Stack, variables: &Variables) -> Workspace {
    let workspace = bench.workspace("work", stack);
    workspace.init().await.unwrap();
    let mut done = 0;
    let mut count = |event| done += usize::from(matches!(event, Event::Done { .. }));
    if let Err(error) = workspace.apply(Work::Variables(variables), &mut count).await {
        panic!("{error:#?}\n{}", tail(&aws.log()));
    }
    assert!(done > 0 && !workspace.state_is_empty().await.unwrap());
    workspace
}

async fn second_plan(workspace: &Workspace, kind: Kind, stack: Stack, variables: &Variables) {
    let plan = workspace.plan(variables).await.unwrap();
    let unexpected = unexpected(&plan, &Expected::read(kind, stack));
    assert!(unexpected.is_empty(), "a second plan on {} is not empty:\n{}", kind.name(), unexpected.join("\n"));
}

async fn destroyed(workspace: &Workspace, variables: &Variables) {
    workspace.destroy(variables, &mut |_| {}).await.unwrap();
    assert!(workspace.state_is_empty().await.unwrap());
}

/// What a stand-in is known to forget.
struct Expected {
    address: String,
    attribute: String,
}

impl Expected {
    /// Of every `tests/aws/drift*.json`: a list of `{address, attribute, cause}`, which may say of which `stand_in` and
    /// which `stack`, or stand under their names, or in a file that is named after them.
    fn read(kind: Kind, stack: Stack) -> Vec<Self> {
        let mut found = Vec::new();
        for entry in fs::read_dir(checkout().join("tests/aws")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name.starts_with("drift") && name.ends_with(".json") {
                let document: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
                Self::collect(&document, &[&name], (kind, stack), &mut found);
            }
        }
        found
    }

    fn collect(value: &Value, under: &[&str], wanted: (Kind, Stack), into: &mut Vec<Self>) {
        match value {
            Value::Array(all) => all.iter().for_each(|value| Self::collect(value, under, wanted, into)),
            Value::Object(fields) if fields.contains_key("address") => {
                let text = |field: &str| fields.get(field).and_then(Value::as_str).unwrap_or_default();
                assert!(!text("cause").is_empty(), "{value} has no cause");
                let said = [under, &[text("stand_in"), text("stack")]].concat();
                if concerns(&said, wanted) {
                    into.push(Self { address: text("address").into(), attribute: text("attribute").into() });
                }
            }
            Value::Object(fields) => {
                for (name, value) in fields {
                    Self::collect(value, &[under, &[name.as_str()]].concat(), wanted, into);
                }
            }
            _ => {}
        }
    }

    fn covers(&self, change: &ResourceChange, attribute: &str) -> bool {
        let rest = attribute.strip_prefix(&*self.attribute);
        self.address == change.address && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }
}

/// What names another stand-in or another stack, and not this one, is about that.
fn concerns(said: &[&str], (kind, stack): (Kind, Stack)) -> bool {
    let words: Vec<&str> = said.iter().flat_map(|said| said.split(|letter: char| !letter.is_alphanumeric())).collect();
    let free = |all: &[&str], own: &str| words.contains(&own) || !words.iter().any(|word| all.contains(word));
    free(&["ministack", "moto"], kind.name()) && free(&Stack::ALL.map(Stack::name), stack.name())
}

fn unexpected(plan: &Plan, expected: &[Expected]) -> Vec<String> {
    let mut lines = Vec::new();
    for change in &plan.changes {
        let known = |attribute: &&String| expected.iter().any(|expected| expected.covers(change, attribute));
        let unknown: Vec<_> = change.attributes.iter().filter(|attribute| !known(attribute)).collect();
        // What depends on a change is unknown, and no drift of its own; yet a resource without attributes is one.
        if !unknown.is_empty()
            || change.attributes.is_empty()
            || !matches!(change.action, Action::Update | Action::Replace)
        {
            lines.push(format!("{} {:?} {unknown:?}", change.address, change.action));
        }
    }
    lines
}

/// A function's zip and its hash: the program is never started here.
fn package(folder: &Path) -> (String, String) {
    const ZIP: &str = "
import base64, hashlib, zipfile
with zipfile.ZipFile('package.zip', 'w') as package:
    package.writestr(zipfile.ZipInfo('bootstrap'), '#!/bin/sh')
print(base64.b64encode(hashlib.sha256(open('package.zip', 'rb').read()).digest()).decode())
";
    let output = Command::new("python3").args(["-c", ZIP]).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let path = folder.join("package.zip").to_str().unwrap().to_owned();
    (path, String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
