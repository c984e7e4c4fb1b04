//! The tools as every model's interface must be able to take them, and as other people's clients see them.

use std::{path::Path, process::Command};

use serde_json::{Value, json};
use windlass_core::mcp::Tool;
use windlass_testkit::{schema_lint, skip};

use crate::house::{House, Plan, SHELL, WINDLASS};

const ALL: &str = "
shell:
  directory: .
  commands: [ls, echo]
fetch:
  allowed_hosts: [docs.example.com]
";

fn listed(house: &House) -> Value {
    house.client().rpc("tools/list", json!({}))["result"]["tools"].clone()
}

#[test]
fn every_tool_has_a_schema_every_model_takes() {
    let house = House::start(ALL);
    let tools: Vec<Tool> = serde_json::from_value(listed(&house)).unwrap();
    assert!(tools.len() >= 9, "shell, output and fetch offer more than {}", tools.len());
    let faults: Vec<String> = tools.iter().flat_map(schema_lint).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    house.stop();
}

/// What every conversation carries: the definitions cost tokens, so their size is kept in sight.
#[test]
fn the_definitions_stay_small() {
    let house = House::start(ALL);
    let size = listed(&house).to_string().len();
    assert!(size < 24 * 1024, "the definitions take {size} bytes of every model's context");
    house.stop();
}

#[test]
fn other_peoples_clients_use_the_real_binary() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop/run.sh");
    if Command::new("npm").arg("--version").output().is_err() {
        return skip("foreign clients against the binary", "npm is not installed");
    }
    let house = Plan::yaml(SHELL).env("WINDLASS_TRANSPORT", "http").start();
    let url = format!("http://{}/mcp", house.addr());
    let mut command = Command::new(script);
    command.args(["--http", &url, "--tool", "run_command", "--args", r#"{"command":"echo from afar"}"#]);
    command.args(["--expect", "from afar", "--", WINDLASS, "--config"]);
    command.arg(house.work().join("windlass.yaml")).args(["serve", "--transport", "stdio"]);
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{said}");
    house.stop();
}
