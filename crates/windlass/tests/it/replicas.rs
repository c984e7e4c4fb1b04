//! Two servers that share a directory, behind a proxy that sends every request to the other one.

use serde_json::json;
use windlass_testkit::{process, round_robin_proxy};

use crate::{
    house::{House, Plan},
    wire::{Client, REVISIONS},
};

fn replica(store: &std::path::Path) -> House {
    let yaml = format!(
        "store: {{ directory: {} }}\nshell:\n  directory: .\n  commands: [echo, {{ program: sh, shell: true }}]\n",
        store.display()
    );
    Plan::yaml(&yaml).env("WINDLASS_TRANSPORT", "http").start()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_missed_on_the_other_replica() {
    let store = tempfile::tempdir().unwrap();
    let houses = [replica(store.path()), replica(store.path())];
    let proxy = round_robin_proxy(houses.iter().map(House::addr).collect()).await.unwrap();
    let addr = proxy.addr();
    tokio::task::spawn_blocking(move || REVISIONS.iter().for_each(|revision| work(&Client::new(addr, revision))))
        .await
        .unwrap();
    let served = proxy.served();
    assert!(served[0].abs_diff(served[1]) <= 1 && served[0] > 20, "they took turns: {served:?}");
    for house in houses {
        house.stop();
    }
}

/// What one client does, each request of it at another replica than the one before.
fn work(client: &Client) {
    client.hello();
    for _ in 0..2 {
        assert!(client.tools().contains(&"run_command".to_owned()));
    }
    let long = client.call("run_command", json!({ "argv": ["sh", "-c", "seq 1 30000"] }));
    let handle = &long["structuredContent"]["stdout_handle"];
    // Twice: once here, once there.
    for _ in 0..2 {
        let page = client.call("read_output", json!({ "handle": handle, "from_line": 29999 }));
        assert_eq!(page["structuredContent"]["text"], "29999\n30000\n", "{page}");
        let found = client.call("search_output", json!({ "handle": handle, "pattern": "^1234$" }));
        assert_eq!(found["structuredContent"]["rows"][0]["line"], 1234, "{found}");
    }
    let script = "echo started; sleep 31557.0424";
    let job = client.call("start_command", json!({ "argv": ["sh", "-c", script] }));
    let job = job["structuredContent"]["job_id"].as_str().unwrap_or_else(|| panic!("{job}")).to_owned();
    for _ in 0..2 {
        let output = client.call("command_output", json!({ "job_id": job, "wait_seconds": 30 }));
        assert_eq!(output["structuredContent"]["output"], "started\n", "{output}");
        assert_eq!(output["structuredContent"]["state"], "running", "{output}");
    }
    // An odd number of requests so far, so this is asked of the replica that does not run it.
    let turn = client.call("run_command", json!({ "command": "echo" }));
    assert_eq!(turn["isError"], false);
    let stopped = client.call("stop_command", json!({ "job_id": job }));
    assert_eq!(stopped["structuredContent"]["state"], "stopped", "{stopped}");
    for _ in 0..2 {
        let output = client.call("command_output", json!({ "job_id": job }));
        assert_eq!(output["structuredContent"]["state"], "stopped", "{output}");
    }
    assert!(process::with_command_line("sleep 31557.0424").unwrap().is_empty(), "it was ended");
    // A second job, stopped through whichever replica is next: one of the two is not the one that runs it.
    let job = client.call("start_command", json!({ "argv": ["sh", "-c", script] }));
    let job = job["structuredContent"]["job_id"].as_str().unwrap().to_owned();
    let stopped = client.call("stop_command", json!({ "job_id": job }));
    assert_eq!(stopped["structuredContent"]["state"], "stopped", "{stopped}");
}
