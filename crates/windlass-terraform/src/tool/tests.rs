use std::fs;

use windlass_config::Variables;

use super::*;

/// A folder with a program that says `output`.
fn installed(name: &str, output: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, format!("#!/bin/sh\necho '{output}'\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

async fn find(folder: &Path, extra: &[(&str, &str)]) -> Result<Terraform, Error> {
    let path = [("PATH", folder.to_str().unwrap())];
    let env: Variables = path.iter().chain(extra).copied().collect();
    Terraform::find(&env).await
}

#[tokio::test]
async fn without_either_program_the_error_says_what_to_install() {
    let empty = tempfile::tempdir().unwrap();
    let error = find(empty.path(), &[]).await.unwrap_err();
    insta::assert_snapshot!(format!("{error}\n{}", error.hint()), @"
    neither terraform nor tofu is on PATH
    install Terraform 1.5 or newer, or OpenTofu, or let WINDLASS_TERRAFORM name the program
    ");
    let error = find(empty.path(), &[("WINDLASS_TERRAFORM", "/nowhere/terraform")]).await.unwrap_err();
    insta::assert_snapshot!(format!("{error}\n{}", error.hint()), @"
    WINDLASS_TERRAFORM names /nowhere/terraform, which is not there or cannot be run
    let WINDLASS_TERRAFORM name terraform or tofu, or unset it to have PATH searched
    ");
}

#[tokio::test]
async fn a_release_that_is_too_old_or_no_terraform_at_all_is_refused() {
    let old = installed("terraform", r#"{"terraform_version":"1.4.7"}"#);
    let error = find(old.path(), &[]).await.unwrap_err().to_string();
    assert!(error.ends_with("is 1.4.7, and 1.5.0 or newer is needed"), "{error}");
    let strange = installed("terraform", "hello");
    let error = find(strange.path(), &[]).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Broken { .. }), "{error}");
}

#[tokio::test]
async fn opentofu_does_as_well_also_under_the_other_name() {
    let tofu = installed("tofu", r#"{"terraform_version":"1.10.2"}"#);
    let found = find(tofu.path(), &[]).await.unwrap();
    assert_eq!((found.product(), found.version()), (Product::OpenTofu, &Version::new(1, 10, 2)));
    assert!(found.has(1, 10) && !found.has(1, 11));
    std::os::unix::fs::symlink(tofu.path().join("tofu"), tofu.path().join("terraform")).unwrap();
    assert_eq!(find(tofu.path(), &[]).await.unwrap().product(), Product::OpenTofu);
}

#[tokio::test]
async fn what_would_change_a_stacks_meaning_or_is_none_of_terraforms_business_is_not_passed() {
    let folder = installed("terraform", r#"{"terraform_version":"1.11.4"}"#);
    let extra = [
        ("AWS_SECRET_ACCESS_KEY", "s3cret"),
        ("GITHUB_TOKEN", "s3cret"),
        ("TF_CLI_ARGS_apply", "-lock=false"),
        ("TF_CLI_CONFIG_FILE", "/nowhere/terraformrc"),
        ("TF_LOG", "TRACE"),
        ("TF_VAR_region", "eu-west-1"),
        ("TF_WORKSPACE", "other"),
    ];
    let found = find(folder.path(), &extra).await.unwrap();
    let names: Vec<_> = found.environment.keys().map(String::as_str).collect();
    assert_eq!(names, ["AWS_SECRET_ACCESS_KEY", "CHECKPOINT_DISABLE", "PATH", "TF_INPUT", "TF_IN_AUTOMATION"]);
    insta::assert_snapshot!(found.notices().join("\n"), @"
    TF_CLI_ARGS_apply is not passed to Terraform: it would change what a stack means
    TF_VAR_region is not passed to Terraform: it would change what a stack means
    TF_WORKSPACE is not passed to Terraform: it would change what a stack means
    TF_CLI_CONFIG_FILE names /nowhere/terraformrc, which does not exist; Terraform runs without it
    ");
    assert!(!format!("{found:?}").contains("s3cret"));
}
