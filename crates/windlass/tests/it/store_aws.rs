//! Two servers without a common disk: what one keeps in a bucket, the other one serves, and neither needs AWS to answer.

use serde_json::json;
use windlass_testkit::aws::StandIn;

use crate::{
    auth::new_key,
    house::{House, Plan, SHELL},
    wire::text,
};

/// A replica in a directory of its own.
fn replica(aws: &StandIn, keys: &[&str]) -> House {
    let keys = keys.join("\n    ");
    let yaml = format!("auth:\n  keys:\n    {keys}\nstore: {{ bucket: kept-outputs, table: kept-handles }}\n{SHELL}");
    let plan = Plan::yaml(&yaml).env("WINDLASS_TRANSPORT", "http");
    aws.environment().iter().fold(plan, |plan, (name, value)| plan.env(name, value)).start()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_without_a_common_disk() {
    let Some(aws) = StandIn::ministack().await else { return };
    aws.create_bucket("kept-outputs").await;
    aws.create_table("kept-handles", "handle").await;
    tokio::task::spawn_blocking(move || work(aws)).await.unwrap();
}

fn work(aws: StandIn) {
    let ((ada, ada_line), (eve, eve_line)) = (new_key("ada", &[]), new_key("eve", &[]));
    let houses = [replica(&aws, &[&ada_line, &eve_line]), replica(&aws, &[&ada_line, &eve_line])];
    let [here, there] = [&houses[0], &houses[1]].map(|house| house.client().bearer(&ada));

    let long = here.call("run_command", json!({ "argv": ["sh", "-c", "seq 1 30000"] }));
    assert_eq!(long["isError"], false, "{long}");
    let handle = &long["structuredContent"]["stdout_handle"];
    let page = there.call("read_output", json!({ "handle": handle, "from_line": 29999 }));
    assert_eq!(page["structuredContent"]["text"], "29999\n30000\n", "{page}");
    let found = there.call("search_output", json!({ "handle": handle, "pattern": "^1234$" }));
    assert_eq!(found["structuredContent"]["rows"][0]["line"], 1234, "{found}");

    let eve = houses[1].client().bearer(&eve);
    let hers = eve.call("read_output", json!({ "handle": handle }));
    let none = eve.call("read_output", json!({ "handle": format!("out_{}", "0".repeat(32)) }));
    assert_eq!((&hers["isError"], text(&hers)), (&json!(true), text(&none)), "a stranger's looks like none");

    drop(aws);
    let long = here.call("run_command", json!({ "argv": ["sh", "-c", "seq 1 30000"] }));
    assert_eq!(long["structuredContent"]["exit_code"], 0, "{long}");
    assert!(text(&long).contains("bytes left out, and not kept"), "{}", text(&long));
    assert!(long["structuredContent"]["stdout_handle"].is_null(), "{long}");
    let page = there.call("read_output", json!({ "handle": handle }));
    assert_eq!(page["isError"], true, "{page}");
    assert!(text(&page).starts_with("kept output cannot be reached now"), "{}", text(&page));

    for house in houses {
        house.stop();
    }
}
