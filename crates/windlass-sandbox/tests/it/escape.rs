//! Attempts to get out, or to get in the way. An attempt that gets anywhere says ESCAPED.

use std::{io::Write, os::unix::net::UnixListener, path::Path, time::Duration};

use bytes::Bytes;
use tokio::time::Instant;
use windlass_guest::{
    client::{Command, GuestClient, Running},
    protocol::{ReadRequest, WriteMode, WriteRequest},
};
use windlass_sandbox::backend::{Isolation, Machine, Spec};

use crate::place::{PATIENCE, Place, SPEC, bash, places, text};

/// Something only this machine knows.
const CANARY: &str = "canary-of-this-machine-7f3a";

/// Lines of bash. `$CANARY_FILE`, `$PORT`, `$SOCKET`, `$HOST_PID` and `$OTHER` are what there is outside.
const ATTEMPTS: &[(&str, &str)] = &[
    // Files of the machine.
    ("a file of the machine", "grep -q canary $CANARY_FILE && echo ESCAPED"),
    ("the same through the root of the first process", "grep -q canary /proc/1/root$CANARY_FILE && echo ESCAPED"),
    ("the same through its working directory", "grep -q canary /proc/1/cwd/../../..$CANARY_FILE && echo ESCAPED"),
    ("the same by a link", "ln -s $CANARY_FILE l; grep -q canary l && echo ESCAPED"),
    ("a second name for it", "ln $CANARY_FILE l2 && echo ESCAPED"),
    ("up and out", "cd /; for i in $(seq 50); do cd ..; done; grep -q canary .$CANARY_FILE && echo ESCAPED"),
    ("passwords", "head -c1 /etc/shadow && echo ESCAPED"),
    ("root's home", "ls -A /root 2>/dev/null | grep -q . && echo ESCAPED"),
    ("other homes", "ls /home | grep -qv '^sandbox$' && echo ESCAPED"),
    ("keys of the machine", "ls /etc/ssh/*key* && echo ESCAPED"),
    (
        "logs of the machine",
        "find /var/log -type f -size +0 | grep -q . && echo ESCAPED; ls /var/log/journal && echo ESCAPED",
    ),
    ("the server's directory of sandboxes", "ls /tmp/windlass-sandboxes* $(dirname $CANARY_FILE) && echo ESCAPED"),
    (
        "sockets of container engines",
        "ls /run/docker.sock /var/run/docker.sock /run/podman/podman.sock /run/containerd && echo ESCAPED",
    ),
    ("the system's bus", "ls /run/dbus/system_bus_socket /run/systemd/private && echo ESCAPED"),
    ("disks", "ls /dev/vda /dev/sda /dev/nvme0n1 /dev/dm-0 /dev/loop0 && echo ESCAPED"),
    ("memory by device", "ls /dev/mem /dev/kmem /dev/port && echo ESCAPED"),
    ("virtual machines", "ls /dev/kvm /dev/vhost-net && echo ESCAPED"),
    ("a device of one's own", "mknod d b 259 0 && echo ESCAPED"),
    ("a character device of one's own", "mknod c c 1 1 && echo ESCAPED"),
    // What runs it.
    ("changing a program", "echo x >> /usr/bin/true && echo ESCAPED"),
    ("a program of one's own beside the others", "touch /usr/bin/mine /usr/local/bin/mine && echo ESCAPED"),
    ("changing the guest", "echo x >> /run/windlass/guest && echo ESCAPED"),
    (
        "putting another in its place",
        "mv /run/windlass/guest /run/windlass/g; echo x > /run/windlass/guest && echo ESCAPED",
    ),
    ("changing who is who", "echo 'root::0:0::/:/bin/sh' >> /etc/passwd && echo ESCAPED"),
    ("the guest's memory", "head -c1 /proc/1/mem && echo ESCAPED"),
    ("the guest's memory map", "head -c1 /proc/1/maps | grep -q . && echo ESCAPED"),
    ("the guest's environment", "head -c1 /proc/1/environ | grep -q . && echo ESCAPED"),
    ("the guest's descriptors", "ls /proc/1/fd | grep -q . && echo ESCAPED"),
    ("frames of one's own to the host", "printf 'windlass' > /proc/1/fd/1 && echo ESCAPED"),
    ("killing the guest", "kill -9 1; kill -9 -1; sleep 0.1; kill -0 1 || echo ESCAPED"),
    ("stopping the guest", "kill -STOP 1; kill -STOP 1; true"),
    (
        "tracing the guest",
        "python3 -c 'import ctypes; l=ctypes.CDLL(None); print(\"ESCAPED\") if l.ptrace(16,1,0,0)==0 else 0'",
    ),
    (
        "seizing the guest",
        "python3 -c 'import ctypes; l=ctypes.CDLL(None); print(\"ESCAPED\") if l.ptrace(0x4206,1,0,0)==0 else 0'",
    ),
    (
        "reading the guest across",
        "python3 -c 'import ctypes; l=ctypes.CDLL(None,use_errno=True); b=ctypes.create_string_buffer(16)\nclass V(ctypes.Structure): _fields_=[(\"b\",ctypes.c_void_p),(\"n\",ctypes.c_size_t)]\nv=V(ctypes.addressof(b),16); r=V(0x400000,16)\nprint(\"ESCAPED\") if l.process_vm_readv(1,ctypes.byref(v),1,ctypes.byref(r),1,0)>0 else 0'",
    ),
    (
        "taking the guest's descriptors",
        "python3 -c 'import ctypes; l=ctypes.CDLL(None); p=l.syscall(434,1,0); print(\"ESCAPED\") if p>=0 and l.syscall(438,p,1,0)>=0 else 0'",
    ),
    // Others.
    (
        "the server's process",
        "kill -0 $HOST_PID 2>/dev/null && [ \"$(cat /proc/$HOST_PID/comm)\" = \"$HOST_COMM\" ] && echo ESCAPED",
    ),
    ("processes of others", "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -q \"[o]${OTHER#o}\" && echo ESCAPED"),
    ("files of another sandbox", "ls /home/sandbox/of-another /tmp/of-another && echo ESCAPED"),
    ("memory shared with others", "ipcs -m | grep -q 0x && echo ESCAPED"),
    ("an environment that is not one's own", "env | grep -q ^CARGO && echo ESCAPED"),
    ("credentials of the machine", "env | grep -E 'AWS_|_TOKEN|_KEY|_SECRET' && echo ESCAPED"),
    // The kernel.
    ("mounting", "mount -t tmpfs x /tmp && echo ESCAPED"),
    (
        "mounting by system call",
        "python3 -c 'import ctypes; l=ctypes.CDLL(None); print(\"ESCAPED\") if l.mount(b\"x\",b\"/tmp\",b\"tmpfs\",0,0)==0 else 0'",
    ),
    (
        "mounting the new way",
        "python3 -c 'import ctypes; l=ctypes.CDLL(None); print(\"ESCAPED\") if l.syscall(430,b\"tmpfs\",0)>=0 else 0'",
    ),
    ("writable again", "mount -o remount,rw /usr && echo ESCAPED"),
    ("unmounting", "umount /usr && echo ESCAPED; umount -l /proc && echo ESCAPED"),
    ("another root", "chroot / true && echo ESCAPED"),
    ("a namespace of one's own", "unshare -Ur true && echo ESCAPED"),
    ("a mount namespace", "unshare -m true && echo ESCAPED"),
    ("a network namespace", "unshare -n true && echo ESCAPED"),
    (
        "a namespace by clone3",
        "python3 -c 'import ctypes,struct; l=ctypes.CDLL(None); a=struct.pack(\"QQQQQQQQ\",0x10000000,0,0,0,17,0,0,0); r=l.syscall(435,a,64)\nprint(\"ESCAPED\") if r>=0 else 0'",
    ),
    ("another's namespace", "nsenter -t 1 -m true && echo ESCAPED"),
    ("being root", "su -c true root </dev/null && echo ESCAPED; sudo -n true && echo ESCAPED"),
    ("a program with its owner's rights", "cp /usr/bin/id i; chmod u+s i; ./i -u | grep -q '^0$' && echo ESCAPED"),
    ("being root by number", "python3 -c 'import os; os.setuid(0); print(\"ESCAPED\")'"),
    ("capabilities", "grep -E 'Cap(Eff|Prm|Bnd)' /proc/self/status | grep -qv 0000000000000000 && echo ESCAPED"),
    ("gaining privileges", "grep -q 'NoNewPrivs:.0' /proc/self/status && echo ESCAPED"),
    ("no filter", "grep -q 'Seccomp:.0' /proc/self/status && echo ESCAPED"),
    (
        "keys of the kernel",
        "python3 -c 'import ctypes; l=ctypes.CDLL(None); print(\"ESCAPED\") if l.syscall(250,0,-3,0,0)>=0 or l.syscall(248,b\"user\",b\"k\",b\"x\",1,-3)>=0 else 0'",
    ),
    (
        "programs for the kernel",
        "python3 -c 'import ctypes; l=ctypes.CDLL(None); print(\"ESCAPED\") if l.syscall(321,0,b\"\\0\"*72,72)>=0 else 0'",
    ),
    (
        "performance counters",
        "python3 -c 'import ctypes; l=ctypes.CDLL(None); print(\"ESCAPED\") if l.syscall(298,b\"\\0\"*128,0,-1,-1,0)>=0 else 0'",
    ),
    (
        "rings",
        "python3 -c 'import ctypes; l=ctypes.CDLL(None); print(\"ESCAPED\") if l.syscall(425,4,b\"\\0\"*120)>=0 else 0'",
    ),
    (
        "page faults of one's own",
        "python3 -c 'import ctypes; l=ctypes.CDLL(None); print(\"ESCAPED\") if l.syscall(323,0)>=0 else 0'",
    ),
    (
        "files by handle",
        "python3 -c 'import ctypes; l=ctypes.CDLL(None); print(\"ESCAPED\") if l.syscall(304,-100,b\"\\0\"*16,0)>=0 else 0'",
    ),
    (
        "another kernel",
        "python3 -c 'import ctypes; l=ctypes.CDLL(None); print(\"ESCAPED\") if l.syscall(246,0,0,0,0)==0 else 0'",
    ),
    (
        "modules",
        "modprobe dummy && echo ESCAPED; python3 -c 'import ctypes; l=ctypes.CDLL(None); print(\"ESCAPED\") if l.syscall(313,0,b\"\",0)==0 else 0'",
    ),
    (
        "restarting the machine",
        "python3 -c 'import ctypes; l=ctypes.CDLL(None); print(\"ESCAPED\") if l.syscall(169,0xfee1dead,672274793,0x1234567,0)==0 else 0'",
    ),
    ("the clock", "date -s '2001-01-01' && echo ESCAPED"),
    ("the machine's name", "hostname other && echo ESCAPED"),
    ("settings of the kernel", "echo 0 > /proc/sys/kernel/randomize_va_space && echo ESCAPED"),
    ("what the kernel runs when something crashes", "echo '|/tmp/x' > /proc/sys/kernel/core_pattern && echo ESCAPED"),
    ("the kernel's magic key", "echo h > /proc/sysrq-trigger && echo ESCAPED"),
    ("the kernel's memory", "head -c1 /proc/kcore && echo ESCAPED"),
    ("control groups", "mkdir /sys/fs/cgroup/x /sys/fs/cgroup/memory/x && echo ESCAPED"),
    ("the kernel's objects", "ls /sys/kernel | grep -q . && echo ESCAPED"),
    ("being spared when memory runs out", "echo -1000 > /proc/self/oom_score_adj && echo ESCAPED"),
    (
        "another personality",
        "python3 -c 'import ctypes; l=ctypes.CDLL(None); print(\"ESCAPED\") if l.personality(0x0040000)>=0 else 0'",
    ),
    ("priority", "nice -n -10 true 2>&1 | grep -q denied || { renice -n -5 $$ && echo ESCAPED; }"),
    ("more open files", "ulimit -Hn 1000000 && echo ESCAPED"),
    (
        "asynchronous input and output, which is counted for the whole machine",
        "python3 -c 'import ctypes; l=ctypes.CDLL(None); c=ctypes.c_void_p(); print(\"ESCAPED\") if l.syscall(206,1000,ctypes.byref(c))==0 else 0'",
    ),
    ("terminals, which are too", "python3 -c 'import os; os.openpty(); print(\"ESCAPED\")'"),
    (
        "a namespace by the number of another ABI",
        "python3 -c 'import ctypes,struct; l=ctypes.CDLL(None); a=struct.pack(\"QQQQQQQQ\",0x10000000,0,0,0,17,0,0,0)\nprint(\"ESCAPED\") if l.syscall(435|0x40000000,a,64)>=0 or l.syscall(56|0x40000000,0x10000000,0,0,0,0)>=0 else 0'",
    ),
    // The network.
    ("a server of the machine", "(echo > /dev/tcp/127.0.0.1/$PORT) && echo ESCAPED"),
    ("the same by IPv6", "(echo > /dev/tcp/::1/$PORT) && echo ESCAPED"),
    ("metadata of the cloud", "timeout 2 bash -c 'echo > /dev/tcp/169.254.169.254/80' && echo ESCAPED"),
    ("credentials of containers", "timeout 2 bash -c 'echo > /dev/tcp/169.254.170.2/80' && echo ESCAPED"),
    ("the world", "timeout 2 bash -c 'echo > /dev/tcp/1.1.1.1/443' && echo ESCAPED"),
    ("names", "timeout 3 getent hosts example.com && echo ESCAPED"),
    ("interfaces", "grep -v -E 'lo:|Inter|face' /proc/net/dev | grep -q . && echo ESCAPED"),
    (
        "packets of one's own making",
        "python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1); print(\"ESCAPED\")'",
    ),
    (
        "packets off the wire",
        "python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3); print(\"ESCAPED\")'",
    ),
    (
        "the hypervisor",
        "python3 -c 'import socket; socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM); print(\"ESCAPED\")'",
    ),
    (
        "the kernel's ciphers",
        "python3 -c 'import socket; socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET); print(\"ESCAPED\")'",
    ),
    (
        "a socket of the machine",
        "python3 -c \"import socket,os; s=socket.socket(socket.AF_UNIX); s.connect(os.environ['SOCKET']); print('ESCAPED')\"",
    ),
    (
        "a socket without a file",
        "python3 -c \"import socket,os; s=socket.socket(socket.AF_UNIX); s.connect('\\0'+os.environ['ABSTRACT']); print('ESCAPED')\"",
    ),
    (
        "typing into the terminal of the server",
        "python3 -c 'import fcntl; [fcntl.ioctl(0,0x5412,bytes([c])) for c in b\"x\\n\"]; print(\"ESCAPED\")'",
    ),
];

/// Attempts at what only a kernel shared with others has to refuse: in a machine of one's own they reach one's own.
const OF_A_SHARED_KERNEL: &[&str] = &["terminals, which are too"];

/// Attempts that do get somewhere where nothing is in the way: otherwise they would show nothing.
const CONTROLS: &[&str] = &[
    "a file of the machine",
    "the same by a link",
    "up and out",
    "the same by IPv6",
    "a server of the machine",
    "the server's process",
    "processes of others",
    "an environment that is not one's own",
    "a socket of the machine",
    "a socket without a file",
    "a namespace by clone3",
];

/// What there is outside to get at.
struct Outside {
    _directory: tempfile::TempDir,
    _listeners: (Vec<std::net::TcpListener>, UnixListener, UnixListener),
    other: Box<dyn Machine>,
    _process: Running,
    facts: Vec<(&'static str, String)>,
}

async fn outside(place: &Place) -> Outside {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret");
    std::fs::File::create(&file).unwrap().write_all(CANARY.as_bytes()).unwrap();
    let v4 = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = v4.local_addr().unwrap().port();
    let mut listeners = vec![v4];
    listeners.extend(std::net::TcpListener::bind(("::1", port)).ok());
    let place_of_socket = directory.path().join("socket");
    let name = format!("windlass-test-{}", rand::random::<u64>());
    let socket = UnixListener::bind(&place_of_socket).unwrap();
    use std::os::linux::net::SocketAddrExt;
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let unnamed = UnixListener::bind_addr(&address).unwrap();
    let other = place.machine(&SPEC).await;
    bash(other.guest(), "touch of-another /tmp/of-another", PATIENCE).await;
    let named = Command::new("bash").arg("-c").arg("exec -a other-sandbox-9c1 sleep 600");
    let process = other.guest().exec(named, PATIENCE).await.unwrap();
    let comm = std::fs::read_to_string("/proc/self/comm").unwrap().trim().to_owned();
    let facts = vec![
        ("CANARY_FILE", file.display().to_string()),
        ("PORT", port.to_string()),
        ("SOCKET", place_of_socket.display().to_string()),
        ("ABSTRACT", name),
        ("HOST_PID", std::process::id().to_string()),
        ("HOST_COMM", comm),
        ("OTHER", "other-sandbox-9c1".into()),
    ];
    Outside { _directory: directory, _listeners: (listeners, socket, unnamed), other, _process: process, facts }
}

async fn attempt(guest: &GuestClient, line: &str, facts: &[(&str, String)]) -> String {
    let mut command = Command::new("bash").arg("-c").arg(line).env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
    for (name, value) in facts {
        command = command.env(*name, value.as_str());
    }
    let running =
        guest.exec(command.timeout(PATIENCE), PATIENCE).await.unwrap_or_else(|error| panic!("{line}: {error}"));
    text(&running.collect(1 << 20, PATIENCE * 2).await.unwrap_or_else(|error| panic!("{line}: {error}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_attempt_gets_anywhere() {
    assert!(ATTEMPTS.len() >= 60);
    for place in places("attempts to escape").await {
        let outside = outside(&place).await;
        let machine = place.machine(&SPEC).await;
        let isolation = place.backend.about().isolation;
        let mut escaped = Vec::new();
        for (name, line) in ATTEMPTS {
            if isolation == Isolation::Vm && OF_A_SHARED_KERNEL.contains(name) {
                continue;
            }
            let said = attempt(machine.guest(), line, &outside.facts).await;
            if said.contains("ESCAPED") || said.contains(CANARY) {
                escaped.push(format!("{name}: {said}"));
            }
            machine.guest().ping(PATIENCE).await.unwrap_or_else(|error| panic!("after {name}: {error}"));
        }
        assert!(escaped.is_empty(), "{} got out:\n{}", escaped.len(), escaped.join("\n"));
        machine.destroy().await;
        outside.other.destroy().await;
    }
}

/// The file tools are the guest's own hands: code must not lead them anywhere.
#[tokio::test(flavor = "multi_thread")]
async fn file_tools_are_not_led_out() {
    for place in places("file tools").await {
        let outside = outside(&place).await;
        let machine = place.machine(&SPEC).await;
        let guest = machine.guest();
        let secret = outside.facts.iter().find(|(name, _)| *name == "CANARY_FILE").unwrap().1.clone();
        let links = "ln -s $CANARY_FILE secret; ln -s / root; ln -s /proc/1/root dive; ln -s /usr/bin/true program; \
                     ln -s /run/windlass/guest guest; ln -s ../../../../..$CANARY_FILE up; ln -s loop loop; mkfifo pipe; \
                     ln /etc/passwd hard; ln -s $(dirname $CANARY_FILE) around";
        attempt(guest, links, &outside.facts).await;
        let home = windlass_sandbox::backend::HOME;
        let through: Vec<String> = ["secret", "up", "loop", "pipe", "root/etc/shadow", "guest/x", "around/secret"]
            .iter()
            .map(|name| format!("{home}/{name}"))
            .chain([format!("{home}/root{secret}"), format!("{home}/dive{secret}")])
            .chain([secret.clone(), format!("/proc/1/root{secret}"), format!("/proc/self/root{secret}")])
            .chain(["mem", "environ", "maps", "fd/0", "fd/1"].map(|file| format!("/proc/self/{file}")))
            .chain(["/dev/zero", "/dev/mem", "/proc/kcore", "/sys/kernel", "/run/windlass/.."].map(str::to_owned))
            .collect();
        for path in &through {
            let request = ReadRequest { path: path.as_str().into(), offset: 0, length: Some(1 << 20) };
            let read = match guest.read_file(request, PATIENCE).await {
                Ok(reader) => reader.read_all(1 << 20).await,
                Err(error) => Err(error),
            };
            assert!(read.as_ref().map_or(true, Bytes::is_empty), "{path}: {read:?}");
        }
        let program = std::fs::metadata("/usr/bin/true").unwrap();
        let written = ["program", "guest", "hard", "root/usr/bin/true", "root/etc/passwd", "pipe", "loop"];
        for path in written.iter().map(|name| format!("{home}/{name}")).chain(through) {
            for mode in [WriteMode::Append, WriteMode::Replace] {
                let owner = Some((0, 0));
                for (permissions, owner) in [(None, None), (Some(0o6777), owner)] {
                    let request = WriteRequest { path: path.as_str().into(), mode, permissions, owner, parents: true };
                    if let Ok(mut writer) = guest.write_file(request, PATIENCE).await {
                        let _ = writer.write(Bytes::from_static(b"overwritten")).await;
                        let _ = writer.finish().await;
                    }
                }
            }
            guest.ping(PATIENCE).await.unwrap_or_else(|error| panic!("after {path}: {error}"));
        }
        assert_eq!(std::fs::read_to_string(&secret).unwrap(), CANARY);
        let now = std::fs::metadata("/usr/bin/true").unwrap();
        assert_eq!((program.len(), program.modified().unwrap()), (now.len(), now.modified().unwrap()));
        let line =
            "/usr/bin/true && grep -q overwritten /etc/passwd /usr/bin/true; echo $?; find / -xdev -perm -4000 -user 0";
        assert_eq!(attempt(guest, line, &outside.facts).await.lines().next(), Some("1"), "it was overwritten inside");
        let _ = guest.remove(format!("{home}/around").as_str(), true, PATIENCE).await;
        let _ = guest.remove(format!("{home}/root/usr").as_str(), true, PATIENCE).await;
        assert!(Path::new(&secret).exists() && Path::new("/usr/bin/true").exists());
        machine.destroy().await;
        outside.other.destroy().await;
    }
}

/// Without a sandbox the same lines do reach what they are after.
#[tokio::test(flavor = "multi_thread")]
async fn the_attempts_are_real_ones() {
    for place in places("attempts without a sandbox").await {
        let outside = outside(&place).await;
        let work = tempfile::tempdir().unwrap();
        for name in CONTROLS {
            let (_, line) = ATTEMPTS.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("no {name}"));
            let mut command = std::process::Command::new("bash");
            command.args(["-c", line]).current_dir(work.path());
            let output = command.envs(outside.facts.iter().map(|(name, value)| (name, value))).output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            // What runs in a machine of its own is no process here.
            let elsewhere = *name == "processes of others" && place.backend.about().isolation == Isolation::Vm;
            let without_ipv6 = *name == "the same by IPv6" && outside._listeners.0.len() == 1;
            assert!(said.contains("ESCAPED") || without_ipv6 || elsewhere, "{name}: {output:?}");
        }
        outside.other.destroy().await;
    }
}

/// Things that use everything up, each in a sandbox of its own: another one answers all the while.
#[tokio::test(flavor = "multi_thread")]
async fn what_uses_everything_up_uses_up_its_own() {
    let bombs = [
        ("processes", "bomb() { bomb | bomb & }; bomb; sleep 2"),
        ("processes that leave", "while :; do (setsid sleep 100 &) ; done"),
        ("memory", "python3 -c 'x=[]\nwhile True: x.append(bytearray(b\"x\"*(1<<20)))'"),
        (
            "memory of many",
            "for i in $(seq 20); do python3 -c 'x=b\"x\"*(100<<20); import time; time.sleep(5)' & done; wait",
        ),
        ("memory as files", "for i in $(seq 64); do head -c 64M /dev/zero > /dev/shm/$i; done"),
        (
            "room for files",
            "head -c 4G /dev/zero > big; head -c 4G /dev/zero > /tmp/big; head -c 4G /dev/zero > /var/tmp/big",
        ),
        (
            "files",
            "mkdir m; cd m; python3 -c 'import os\nfor i in range(300000): os.close(os.open(str(i), os.O_CREAT))'",
        ),
        ("depth", "python3 -c 'import os\nfor i in range(3000): os.mkdir(\"d\"); os.chdir(\"d\")'"),
        ("descriptors", "python3 -c 'import os\nwhile True: os.dup(0)'"),
        ("output", "yes | head -c 2G"),
        ("complaints", "yes >&2 | head -c 1G; timeout 2 yes >&2"),
        ("the processor", "for i in 1 2 3 4; do (while :; do :; done) & done; wait"),
    ];
    let small = Spec { memory: 128 << 20, vcpus: 1, disk: 32 << 20, processes: 64 };
    for place in places("bombs").await {
        let other = place.machine(&SPEC).await;
        for (name, line) in bombs {
            let machine = place.machine(&small).await;
            let command = Command::new("bash").arg("-c").arg(line).env("PATH", "/usr/bin:/bin");
            let command = command.timeout(Duration::from_secs(3));
            let bomb = machine.guest().exec(command, PATIENCE).await.unwrap();
            let going_off = tokio::spawn(bomb.collect(1 << 20, PATIENCE));
            let (mut slowest, began) = (Duration::ZERO, Instant::now());
            while !going_off.is_finished() && began.elapsed() < PATIENCE {
                let asked = Instant::now();
                assert_eq!(text(&bash(other.guest(), "echo here", PATIENCE).await), "here\n", "beside {name}");
                slowest = slowest.max(asked.elapsed());
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            println!("beside {name}: the slowest answer took {slowest:?}");
            assert!(going_off.is_finished(), "{name} does not end");
            machine.destroy().await;
            let left = std::fs::read_dir("/dev/shm").map_or(0, |entries| entries.count());
            assert!(left < 64 || !Path::new("/dev/shm/64").exists(), "{name} filled the machine's own memory");
        }
        other.destroy().await;
    }
}
