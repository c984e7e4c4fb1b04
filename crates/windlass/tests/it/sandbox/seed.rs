//! What users of Petty and Bouvet have: its tools, and its variables, each with its effect.

use std::{os::unix::fs::PermissionsExt, path::Path};

use serde_json::json;
use windlass_testkit::skip;

use super::{ALONE, bubblewrap, guest};
use crate::{
    house::{House, Plan, eventually},
    wire::{Client, LEGACY, text},
};

#[test]
fn its_calls_work_as_they_are() {
    if !bubblewrap("calls of the seed") {
        return;
    }
    let house = House::start(ALONE);
    let client = Client::new(house.addr(), LEGACY[0]);
    let call = |tool: &str, arguments| client.call(tool, arguments)["structuredContent"].clone();
    let made = call("create_sandbox", json!({ "memory_mib": 256, "vcpu_count": 2 }));
    assert_eq!((&made["memory_mib"], &made["vcpus"]), (&json!(256), &json!(2)), "{made}");
    let id = &made["sandbox_id"];
    let ran = call("execute_code", json!({ "sandbox_id": id, "language": "python3", "code": "print(6 * 7)" }));
    assert_eq!((&ran["exit_code"], &ran["stdout"], &ran["stderr"]), (&json!(0), &json!("42\n"), &json!("")), "{ran}");
    let ran = call("execute_code", json!({ "sandbox_id": id, "language": "sh", "code": "echo a >&2; exit 3" }));
    assert_eq!((&ran["exit_code"], &ran["stderr"]), (&json!(3), &json!("a\n")), "{ran}");
    let written = call("write_file", json!({ "sandbox_id": id, "path": "/tmp/a", "content": "grüß" }));
    assert_eq!(written["success"], true, "{written}");
    assert_eq!(call("read_file", json!({ "sandbox_id": id, "path": "/tmp/a" }))["content"], "grüß");
    let listed = call("list_directory", json!({ "sandbox_id": id, "path": "/tmp" }));
    assert_eq!((&listed["entries"][0]["name"], &listed["entries"][0]["is_dir"]), (&json!("a"), &json!(false)));
    assert_eq!(call("run_command", json!({ "sandbox_id": id, "command": "cat /tmp/a" }))["stdout"], "grüß");
    assert_eq!(call("list_sandboxes", json!({}))["sandboxes"][0]["sandbox_id"], *id);
    assert_eq!(call("destroy_sandbox", json!({ "sandbox_id": id }))["success"], true);
}

fn plan(prefix: &str, variables: &[(&str, &str)]) -> Plan {
    let plan = Plan::default().env("WINDLASS_TRANSPORT", "http");
    variables.iter().fold(plan, |plan, (name, value)| {
        let name = if name.starts_with("WINDLASS") { (*name).to_owned() } else { format!("{prefix}_{name}") };
        plan.env(&name, value)
    })
}

/// Sandboxes that are there, or are being made, below the directory of the only server.
fn alive(chroot: &Path) -> usize {
    let servers = std::fs::read_dir(chroot).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir());
    let records = servers.flat_map(|server| std::fs::read_dir(server.path()).into_iter().flatten().flatten());
    records.filter(|record| record.path().extension().is_some_and(|end| end == "json")).count()
}

#[test]
fn the_pool_and_its_place_are_as_its_variables_say() {
    if !bubblewrap("variables of the seed") {
        return;
    }
    for prefix in ["PETTY", "BOUVET"] {
        let place = tempfile::tempdir().unwrap();
        std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
        let chroot = place.path().join("vms");
        let directory = chroot.to_str().unwrap();
        let house = plan(prefix, &[("CHROOT", directory), ("POOL_MIN_SIZE", "5"), ("POOL_MAX_BOOTS", "1")]).start();
        eventually("five warm ones", || alive(&chroot) == 5);
        let client = Client::new(house.addr(), LEGACY[0]);
        assert_eq!(client.call("create_sandbox", json!({}))["structuredContent"]["warm"], true);
        house.stop();
        assert_eq!(alive(&chroot), 0);

        let house = plan(prefix, &[("CHROOT", directory), ("POOL_ENABLED", "false")]).start();
        let client = Client::new(house.addr(), LEGACY[0]);
        assert_eq!(client.call("create_sandbox", json!({}))["structuredContent"]["warm"], false);
        assert_eq!(alive(&chroot), 1);
    }
}

#[test]
fn the_parts_of_machines_are_those_that_its_variables_name() {
    let guest = guest();
    if !bubblewrap("variables of the seed") || !guest.exists() {
        return skip("variables of the seed", "no static guest was built");
    }
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str| {
        let path = place.path().join(name);
        std::fs::write(&path, "not what it should be").unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (kernel, rootfs) = (file("vmlinux"), file("root.ext4"));
    for prefix in ["PETTY", "BOUVET"] {
        let ready = |variables: &[(&str, &str)]| plan(prefix, variables).start().get("/ready").text();
        let qemu = ("WINDLASS_SANDBOX_BACKEND", "qemu");
        let guest = ("WINDLASS_SANDBOX_GUEST", guest.to_str().unwrap());
        let none = ready(&[qemu, guest, ("KERNEL", "/nowhere/vmlinux"), ("ROOTFS", &rootfs)]);
        assert!(none.contains("/nowhere/vmlinux"), "{none}");
        let none = ready(&[qemu, guest, ("KERNEL", &kernel), ("ROOTFS", "/nowhere/root.ext4")]);
        assert!(none.contains("/nowhere/root.ext4"), "{none}");
        let backend = ("WINDLASS_SANDBOX_BACKEND", "firecracker");
        let jailer = ("WINDLASS_SANDBOX_JAILER", "/nowhere/jailer");
        let none = ready(&[
            backend,
            jailer,
            guest,
            ("KERNEL", &kernel),
            ("ROOTFS", &rootfs),
            ("FIRECRACKER", "/nowhere/firecracker"),
        ]);
        assert!(none.contains("/nowhere/firecracker"), "{none}");
    }
}

#[test]
fn what_it_could_not_do_is_said() {
    if !bubblewrap("answers to calls of the seed") {
        return;
    }
    let house = House::start(ALONE);
    let client = Client::new(house.addr(), LEGACY[0]);
    // Bad parameters were ignored there.
    let answer = client.rpc("tools/call", json!({ "name": "create_sandbox", "arguments": { "memory_mb": 256 } }));
    assert!(answer.to_string().contains("memory_mb"), "{answer}");
    let refused = client.call("execute_code", json!({ "sandbox_id": "none", "language": "bash", "code": "true" }));
    assert!(text(&refused).starts_with("there is no sandbox `none`"), "{refused}");
}
