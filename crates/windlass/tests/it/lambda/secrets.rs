//! Variables that name secrets, resolved at the start.

use serde_json::json;
use windlass_testkit::lambda::{Lambda, SecretsManager};

use super::plan;
use crate::{
    house::{Plan, SHELL},
    wire::{Client, MODERN, PLAIN},
};

const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:windlass/token-AbCdEf";

#[test]
fn secrets_are_fetched_at_the_start_and_stay_in_the_server() {
    let json = format!("{ARN}#token");
    let secrets = SecretsManager::start(&[(ARN, Ok(r#"{"token":"canary-of-the-manager-51ab"}"#))]).unwrap();
    let lambda = Lambda::start().unwrap();
    let mut plan = plan(&lambda, &format!("telemetry: {{ log: trace }}\n{SHELL}"));
    plan.env.extend(secrets.environment());
    let house = plan.env("WINDLASS_AUTH_TOKEN", &format!("secretsmanager:{json}")).spawn();
    let client = Client::new(lambda.function_url, MODERN).bearer("canary-of-the-manager-51ab");
    assert!(client.tools().contains(&"run_command".to_owned()));
    assert_eq!(secrets.asked(), [ARN], "once, although the settings are read more than once");
    let mut left = String::new();
    for script in ["env", "cat /proc/$PPID/environ", "for p in /proc/[0-9]*; do cat $p/environ $p/cmdline; done"] {
        left += &client.call("run_command", json!({ "argv": ["sh", "-c", script] })).to_string();
    }
    let reference = Client::new(lambda.http_api, PLAIN).bearer(&format!("secretsmanager:{json}"));
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    assert_eq!(reference.answer(&list).status, 401, "the reference is not the secret");
    let (audit, log) = house.stop();
    for (from, what) in [("children", &left), ("the audit log", &audit), ("the log", &log)] {
        assert!(!what.contains("canary"), "{from}: {what}");
    }
}

#[test]
fn a_secret_that_cannot_be_had_ends_the_start_with_one_clear_error() {
    let gone = ARN.replace("token", "gone");
    let denied = ARN.replace("token", "denied");
    let secrets =
        SecretsManager::start(&[(ARN, Ok(r#"{"token":"canary"}"#)), (&denied, Err("AccessDeniedException"))]).unwrap();
    for (value, wrong, hint) in [
        (format!("secretsmanager:{gone}"), "there is no such secret", "list-secrets"),
        (format!("secretsmanager:{denied}"), "may not read it", "secretsmanager:GetSecretValue"),
        (format!("secretsmanager:{ARN}#other"), "no text under the key `other`", "capitals"),
        ("secretsmanager:hunter2".to_owned(), "not the ARN of a secret", "whole ARN"),
    ] {
        let mut plan = Plan::yaml(SHELL).env("WINDLASS_AUTH_TOKEN", &value);
        plan.env.extend(secrets.environment());
        let house = plan.spawn();
        assert_eq!(house.ended().code(), Some(2));
        let said = house.stderr.whole();
        assert!(said.contains("WINDLASS_AUTH_TOKEN") && said.contains(wrong) && said.contains(hint), "{said}");
        assert!(!said.contains("canary") && !said.contains("hunter2"), "{said}");
        assert_eq!(said.lines().count(), 2, "{said}");
        if let Some(arn) = value.strip_prefix("secretsmanager:").filter(|arn| arn.starts_with("arn")) {
            assert!(said.contains(arn.split('#').next().unwrap()), "{said}");
        }
    }
}

#[test]
fn a_manager_nobody_can_reach_is_said_to_be_that() {
    let port = windlass_testkit::free_port().unwrap();
    let house = Plan::yaml(SHELL)
        .env("WINDLASS_AUTH_TOKEN", &format!("secretsmanager:{ARN}"))
        .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", &format!("http://127.0.0.1:{port}"))
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "canary")
        .spawn();
    assert_eq!(house.ended().code(), Some(2));
    let said = house.stderr.whole();
    assert!(said.contains("could not be reached") && !said.contains("canary"), "{said}");
}
