use windlass_core::Toolset;
use windlass_testkit::schema_lint;

use crate::Bench;

#[test]
fn every_interface_takes_them() {
    let tools = Bench::writable().toolset().tools();
    let complaints: Vec<String> = tools.iter().flat_map(|spec| schema_lint(&spec.tool)).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn writing_is_there_only_where_it_is_wanted() {
    let names = |bench: Bench| {
        let tools = bench.toolset().tools();
        tools.iter().map(|spec| spec.tool.name.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(Bench::new()), "read_file list_files");
    assert_eq!(names(Bench::writable()), "read_file list_files write_file");
}

#[tokio::test]
async fn and_cannot_be_called_otherwise() {
    for tool in ["write_file", "write_server_file"] {
        let refused = Bench::new().refusal(tool, serde_json::json!({ "path": "a", "content": "" })).await;
        assert_eq!(refused, format!("not_found: there is no tool `{tool}` here"));
    }
}

#[test]
fn what_a_model_is_shown() {
    for spec in Bench::writable().toolset().tools() {
        let shown = serde_json::to_string_pretty(&spec.tool).unwrap();
        insta::assert_snapshot!(spec.tool.name.to_string(), shown);
    }
}
