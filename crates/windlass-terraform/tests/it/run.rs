//! Commands on configurations that need no provider.

use windlass_terraform::{Action, ErrorKind, Event, Sources, Summary, Terraform, Variables, Work, Workspace};

use crate::support::Bench;

const GREETING: &str = r#"
terraform { required_version = ">= 1.5" }

variable "greeting" {
  type = string

  validation {
    condition     = length(var.greeting) < 20
    error_message = "A greeting has fewer than 20 letters."
  }
}

variable "token" {
  type    = string
  default = ""
}

resource "terraform_data" "one" { input = var.greeting }
resource "terraform_data" "two" { input = { text = terraform_data.one.output, list = [1, 2] } }

output "said" { value = terraform_data.one.output }

output "secret" {
  value     = var.token
  sensitive = true
}
"#;

#[tokio::test]
async fn plan_apply_outputs_change_destroy() {
    let Some(bench) = Bench::light().await else { return };
    let workspace = bench.workspace("work", Sources::single(GREETING));
    workspace.init().await.unwrap();
    workspace.validate().await.unwrap();
    assert!(workspace.state_is_empty().await.unwrap());

    let hello = Variables::new().with("greeting", "hello").with("token", "s3cret");
    let plan = workspace.plan(&hello).await.unwrap();
    assert_eq!(plan.summary, Summary { add: 2, change: 0, destroy: 0 });
    let mut events = Vec::new();
    workspace.apply(Work::Plan(&plan), &mut |event| events.push(event)).await.unwrap();
    let started = Event::Started { address: "terraform_data.one".into(), action: Action::Create };
    assert!(events.contains(&started), "{events:?}");
    let done = |event: &Event| matches!(event, Event::Done { address, .. } if address == "terraform_data.two");
    assert!(events.iter().any(done), "{events:?}");
    assert!(!workspace.state_is_empty().await.unwrap());
    let outputs = workspace.outputs().await.unwrap();
    assert_eq!((&outputs["said"], &outputs["secret"]), (&"hello".into(), &"s3cret".into()));

    assert!(workspace.plan(&hello).await.unwrap().is_empty());
    let plan = workspace.plan(&Variables::new().with("greeting", "bye")).await.unwrap();
    assert_eq!(plan.changes[0].attributes, ["input", "output"]);
    assert_eq!(plan.summary, Summary { add: 0, change: 2, destroy: 0 });

    let plan = workspace.plan_destroy(&hello).await.unwrap();
    assert_eq!(plan.summary.destroy, 2);
    workspace.destroy(&hello, &mut |_| {}).await.unwrap();
    assert!(workspace.state_is_empty().await.unwrap());
}

#[tokio::test]
async fn another_stack_in_the_same_directory_finds_none_of_the_former() {
    let Some(bench) = Bench::light().await else { return };
    bench.workspace("work", Sources::single(GREETING));
    let other = bench.workspace("work", Sources::single("output \"other\" {\n  value = 1\n}\n"));
    other.init().await.unwrap();
    other.apply(Work::Variables(&Variables::new()), &mut |_| {}).await.unwrap();
    assert_eq!(other.outputs().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_directory_of_somebody_elses_is_left_alone() {
    let Some(bench) = Bench::light().await else { return };
    let folder = bench.folder.path().join("mine");
    std::fs::create_dir_all(folder.join("source")).unwrap();
    std::fs::write(folder.join("source/precious"), "").unwrap();
    let error = bench.try_workspace("mine", Sources::single(GREETING)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Files { .. }), "{error}");
    assert!(folder.join("source/precious").exists());
}

#[tokio::test]
async fn a_variable_that_is_wrong_missing_or_unknown_is_named_and_its_neighbours_are_not_shown() {
    let Some(bench) = Bench::light().await else { return };
    let workspace = bench.workspace("work", Sources::single(GREETING));
    workspace.init().await.unwrap();
    let long = "a greeting that is much too long";
    let refused = [
        Variables::new().with("token", "s3cret").with("greeting", long),
        Variables::new().with("token", "s3cret"),
        Variables::new().with("greeting", "hi").with("grating", "s3cret"),
        Variables::new().with("greeting", vec!["s3cret"]),
    ];
    let mut said = String::new();
    for variables in refused {
        let error = workspace.plan(&variables).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Invalid { variable: Some(_), .. }), "{error:?}");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        said += &format!("{error}\n  {}\n", error.hint());
    }
    insta::assert_snapshot!(said, @r#"
    variable greeting: A greeting has fewer than 20 letters.
      correct greeting in the settings
    variable greeting: The root module input variable "greeting" is not set, and has no default value.
      correct greeting in the settings
    variable grating: the stack has no such variable
      correct grating in the settings
    variable greeting: The given value is not suitable for var.greeting declared at main.tf:4,1-20: string required.
      correct greeting in the settings
    "#);
}

#[tokio::test]
async fn values_are_in_a_private_file_for_as_long_as_they_are_needed() {
    let folder = tempfile::tempdir().unwrap();
    // Plays a program that writes down how it was called and what it found.
    let script = r#"#!/bin/sh
case "$1" in
version) echo '{"terraform_version":"1.11.4"}' ;;
*) echo "$@" >"$TF_DATA_DIR/arguments"; stat -c %a terraform.tfvars.json >"$TF_DATA_DIR/mode"; cp terraform.tfvars.json "$TF_DATA_DIR/values" ;;
esac
"#;
    let program = crate::support::program(folder.path(), "terraform", script);
    let path = std::env::var("PATH").unwrap();
    let env: windlass_config::Variables =
        [("WINDLASS_TERRAFORM", program.to_str().unwrap()), ("PATH", &path)].into_iter().collect();
    let terraform = Terraform::find(&env).await.unwrap();
    let directory = folder.path().join("work");
    let backend = windlass_terraform::Backend::Local(folder.path().join("state"));
    let workspace = Workspace::prepare(&terraform, Sources::single(GREETING), &directory, &backend, None).unwrap();
    let variables = Variables::new().with("token", "s3cret");
    workspace.apply(Work::Variables(&variables), &mut |_| {}).await.unwrap();
    let read = |name: &str| std::fs::read_to_string(directory.join("data").join(name)).unwrap();
    assert_eq!(read("mode").trim(), "600");
    assert!(read("values").contains("s3cret"));
    assert!(!read("arguments").contains("s3cret"), "{}", read("arguments"));
    assert!(!workspace.root().join("terraform.tfvars.json").exists());
    assert!(!format!("{variables:?}").contains("s3cret"));
}
