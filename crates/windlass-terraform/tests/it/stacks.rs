//! Every stack as it is shipped: it is formatted, Terraform understands it, its own tests pass, and what is ejected
//! works alone.

use std::{path::Path, process::Command};

use windlass_terraform::{Sources, Stack, Workspace, eject, embedded};

use crate::support::{Bench, checkout};

async fn prepared(bench: &Bench, stack: Stack) -> Option<Workspace> {
    let sources = Sources::from(stack);
    if sources.is_empty() {
        windlass_testkit::skip(&format!("stack {stack}"), "it is not in infra/ yet");
        return None;
    }
    let workspace = bench.workspace("work", sources);
    workspace.init().await.unwrap();
    Some(workspace)
}

async fn passes(stack: Stack) {
    let Some(bench) = Bench::new().await else { return };
    let Some(workspace) = prepared(&bench, stack).await else { return };
    workspace.validate().await.unwrap();
    its_tests_pass(&workspace, stack.name()).await;
}

async fn its_tests_pass(workspace: &Workspace, name: &str) {
    if !has_tests(workspace.root()) {
        return windlass_testkit::skip(&format!("terraform test of {name}"), "it has no tests yet");
    }
    let tested = workspace.test().await.unwrap();
    assert!(tested.failed.is_empty(), "{name}: {:#?}", tested.failed);
    assert!(tested.passed > 0 && tested.skipped == 0, "{name}: {tested:?}");
}

fn has_tests(root: &Path) -> bool {
    let in_folder = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).any(|path| path.to_string_lossy().ends_with(".tftest.hcl"))
    };
    in_folder(root) || in_folder(&root.join("tests"))
}

#[tokio::test]
async fn bootstrap() {
    passes(Stack::Bootstrap).await;
}

#[tokio::test]
async fn ecs() {
    passes(Stack::Ecs).await;
}

#[tokio::test]
async fn lambda() {
    passes(Stack::Lambda).await;
}

#[tokio::test]
async fn ec2() {
    passes(Stack::Ec2).await;
}

#[tokio::test]
async fn modules_with_tests_of_their_own() {
    let Some(bench) = Bench::new().await else { return };
    let infra = checkout().join("infra");
    let mut modules: Vec<_> =
        std::fs::read_dir(infra.join("modules")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    modules.sort();
    for module in modules {
        let name = format!("modules/{}", module.to_str().unwrap());
        if has_tests(&infra.join(&name)) {
            let workspace = bench.workspace(&name.replace('/', "-"), Sources::read(&infra, &name).unwrap());
            workspace.init().await.unwrap();
            its_tests_pass(&workspace, &name).await;
        }
    }
}

#[tokio::test]
async fn all_are_formatted() {
    let Some(bench) = Bench::new().await else { return };
    let infra = checkout().join("infra");
    let output = Command::new(bench.terraform.program())
        .args(["fmt", "-check", "-recursive", "-diff", "-no-color"])
        .arg(&infra)
        .env_remove("TF_CLI_CONFIG_FILE")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test]
async fn what_is_ejected_works_alone() {
    let Some(bench) = Bench::new().await else { return };
    for stack in Stack::ALL.into_iter().filter(|stack| !Sources::from(*stack).is_empty()) {
        let into = bench.folder.path().join("ejected").join(stack.name());
        let ejected = eject(stack, &into, false).unwrap();
        let run = |arguments: &[&str]| {
            let mut command = Command::new(bench.terraform.program());
            command.args(arguments).current_dir(&ejected.root).env_remove("TF_CLI_CONFIG_FILE");
            if let (Some(mirror), "init") = (bench.terraform.mirror(), arguments[0]) {
                command.arg(format!("-plugin-dir={}", mirror.display()));
            }
            let output = command.output().unwrap();
            assert!(output.status.success(), "{stack}: {}", String::from_utf8_lossy(&output.stderr));
        };
        run(&["init", "-backend=false", "-input=false", "-no-color"]);
        run(&["validate", "-no-color"]);
        // And Terraform's leavings there are nobody's changes.
        assert!(eject(stack, &into, false).unwrap().written.is_empty());
        let read = Sources::read(&into, stack.directory()).unwrap();
        assert_eq!(read, Sources::from(stack));
    }
}

#[test]
fn what_is_embedded_is_what_is_in_the_checkout() {
    let infra = checkout().join("infra");
    let embedded = embedded();
    assert!(embedded.len() > 20, "{}", embedded.len());
    for (path, content) in &embedded {
        assert_eq!(&std::fs::read(infra.join(path)).unwrap(), content, "{}", path.display());
        let name = path.display().to_string();
        assert!(!name.contains(".terraform") && !name.contains("tfstate") && !name.contains("tfvars"), "{name}");
    }
}
