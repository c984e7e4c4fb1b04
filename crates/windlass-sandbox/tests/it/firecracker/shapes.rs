//! That what stands in for Firecracker refuses what Firecracker does: else its tests would show nothing.

use std::{
    io::{Read, Write},
    os::unix::{
        fs::{PermissionsExt, chown},
        net::UnixStream,
        process::CommandExt,
    },
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{Standin, standin};
use crate::place::PATIENCE;

const USER: u32 = 60_001;

struct Playing {
    process: Child,
    standin: Standin,
}

impl Drop for Playing {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Playing {
    fn start() -> Option<Self> {
        let standin = Standin::new("firecracker, shapes", &json!({}))?;
        let directory = standin.directory.path();
        chown(directory, Some(USER), Some(USER)).unwrap();
        std::fs::set_permissions(directory.join("firecracker"), std::fs::Permissions::from_mode(0o555)).unwrap();
        let mut process = Command::new(directory.join("firecracker"));
        process.args(["--id", "a-1", "--api-sock"]).arg(directory.join("api")).uid(USER).gid(USER);
        let process = process.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Some(Self { process, standin })
    }

    /// Asks, and returns the status and what is said.
    fn ask(&self, request: &str, body: &Value) -> (u16, String) {
        let socket = self.standin.directory.path().join("api");
        let deadline = Instant::now() + PATIENCE;
        let mut stream = loop {
            match UnixStream::connect(&socket) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let length = body.len();
        let head = "Host: localhost\r\nContent-Type: application/json\r\nConnection: close";
        write!(stream, "{request} HTTP/1.1\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        (said.split(' ').nth(1).unwrap().parse().unwrap(), said)
    }

    fn path(&self, name: &str) -> String {
        self.standin.directory.path().join(name).to_str().unwrap().to_owned()
    }
}

#[test]
fn what_stands_in_takes_nothing_else() {
    let Some(playing) = Playing::start() else { return };
    let no = |request: &str, body: Value, why: &str| {
        let (status, said) = playing.ask(request, &body);
        assert!(status == 400 && said.contains("fault_message") && said.contains(why), "{request} {body}: {said}");
    };
    let yes = |request: &str, body: Value| {
        let (status, said) = playing.ask(request, &body);
        assert!(matches!(status, 200 | 204), "{request} {body}: {said}");
    };
    let (state, memory) = (playing.path("state"), playing.path("memory"));
    let create = json!({ "snapshot_type": "Full", "snapshot_path": state, "mem_file_path": memory });
    let load = json!({
        "snapshot_path": state, "mem_backend": { "backend_type": "File", "backend_path": memory }, "resume_vm": true,
    });
    // Too early.
    no("PUT /snapshot/create", create.clone(), "before starting the microVM");
    no("PATCH /vm", json!({ "state": "Paused" }), "before starting the microVM");
    no("PUT /actions", json!({ "action_type": "InstanceStart" }), "without kernel configuration");
    // Not what is published.
    no("GET /", json!({}), "GET request cannot have a body");
    no("PUT /vcpus", json!({}), "Invalid request method and/or path");
    no("PUT /machine-config", json!({ "vcpu_count": 1, "mem_size_mib": 128, "memory": 1 }), "unknown field");
    no("PUT /machine-config", json!({ "vcpu_count": 1 }), "missing field");
    no("PUT /machine-config", json!({ "vcpu_count": 33, "mem_size_mib": 128 }), "number of vCPUs");
    no("PUT /vsock", json!({ "guest_cid": 3, "uds_path": playing.path("v"), "port": 52 }), "unknown field");
    no("PUT /actions", json!({ "action_type": "Start" }), "unknown variant");
    no("PUT /drives/a-b", json!({ "drive_id": "a-b", "is_root_device": false }), "alphanumeric");
    no("PUT /drives/a", json!({ "drive_id": "b", "is_root_device": false }), "does not match");
    no("PATCH /vm", json!({ "state": "Halted" }), "unknown variant");
    let mut more = load.clone();
    more["track_dirty"] = json!(true);
    no("PUT /snapshot/load", more, "unknown field");
    // In order.
    yes("PUT /machine-config", json!({ "vcpu_count": 1, "mem_size_mib": 16 }));
    no("PUT /snapshot/load", load, "not allowed after configuring");
    let kernel = json!({
        "kernel_image_path": playing.path("vmlinux"), "boot_args": "rdinit=/init -- --init --processes 9 --vsock 52",
    });
    yes("PUT /boot-source", kernel.clone());
    yes("PUT /drives/r", drive("r", Path::new(&playing.path("root.ext4")), true));
    let disk = playing.path("disk");
    std::fs::write(&disk, [vec![0; 1080], vec![0x53, 0xef], vec![0; 8192]].concat()).unwrap();
    chown(&disk, Some(USER), Some(USER)).unwrap();
    yes("PUT /drives/d", drive("d", Path::new(&disk), false));
    no("PUT /drives/e", drive("e", Path::new(&disk), true), "shared, and can be written");
    yes("PUT /vsock", json!({ "guest_cid": 3, "uds_path": playing.path("v") }));
    no("PUT /vsock", json!({ "guest_cid": 3, "uds_path": playing.path("v") }), "Cannot create backend");
    yes("PUT /actions", json!({ "action_type": "InstanceStart" }));
    // Too late.
    no("PUT /actions", json!({ "action_type": "InstanceStart" }), "after starting the microVM");
    no("PUT /boot-source", kernel, "after starting the microVM");
    no("PUT /snapshot/create", create.clone(), "not paused");
    yes("PATCH /vm", json!({ "state": "Paused" }));
    no("PATCH /vm", json!({ "state": "Resumed" }), "must not be resumed");
    yes("PUT /snapshot/create", create);
    assert_eq!(std::fs::metadata(memory).unwrap().len(), 16 << 20);
    assert!(playing.ask("GET /", &Value::Null).1.contains("Paused"));
}

fn drive(id: &str, path: &Path, only: bool) -> Value {
    json!({ "drive_id": id, "is_root_device": false, "is_read_only": only, "path_on_host": path })
}

#[test]
fn what_stands_in_for_the_jailer_takes_nothing_else() {
    let Some(one) = Standin::new("firecracker, jailer", &json!({})) else { return };
    let directory = one.directory.path();
    let firecracker = standin(directory, "firecracker", &json!({}));
    let machines = directory.join("machines");
    std::fs::create_dir(&machines).unwrap();
    let (firecracker, machines) = (firecracker.to_str().unwrap(), machines.to_str().unwrap());
    let usual = ["--id", "a-1", "--exec-file", firecracker, "--uid", "60001", "--gid", "60001"];
    let usual = [&usual[..], &["--chroot-base-dir", machines]].concat();
    let with = |more: &[&'static str]| [&usual[..], more].concat();
    let without = |name: &str| {
        let at = usual.iter().position(|argument| *argument == name).unwrap();
        [&usual[..at], &usual[at + 2..]].concat()
    };
    let instead = |name: &'static str, value: &'static str| [&without(name)[..], &[name, value]].concat();
    let table = [
        (without("--id"), "'id' required"),
        (instead("--id", "sbx_1"), "Invalid char (_) at position 3"),
        (instead("--uid", "0"), "must not be root's"),
        (instead("--uid", "alice"), "Invalid uid"),
        (instead("--exec-file", "/nonexistent"), "No such file"),
        (instead("--chroot-base-dir", "/var/tmp"), "written by others"),
        (with(&["--uid", "60002"]), "more than once"),
        (with(&["--root", "x"]), "wasn't expected"),
        (with(&["--new-pid-ns"]), "would not end with the server"),
        (with(&["--cgroup-version", "2"]), "would leave the groups"),
        (with(&["--resource-limit", "cpu=1"]), "Invalid argument in resource limit"),
        (with(&["--", "--no-seccomp"]), "the system call filter stays on"),
    ];
    for (arguments, why) in table {
        let said = Command::new(directory.join("jailer")).args(&arguments).output().unwrap();
        let said = (said.status.success(), String::from_utf8_lossy(&said.stderr).into_owned());
        assert!(!said.0 && said.1.contains(why), "{arguments:?}: {said:?}");
    }
}
