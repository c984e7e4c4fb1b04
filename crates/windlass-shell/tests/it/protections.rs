//! What a command cannot reach, tried from inside commands.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path};

use windlass_config::settings::{KernelFeature, NetworkAccess, ShellSettings};
use windlass_shell::{
    exec::{Executor, Reach, RunIo},
    launch::Protections,
};

use crate::runs::{LAUNCHER, command, executor, io, launcher, new_mark, plan, run, shell, skipped};

async fn protections() -> Protections {
    executor(&[]).probe().await.unwrap()
}

/// True where `name` holds here; a loud skip of `what` where not.
async fn holds(name: &str, what: &str) -> bool {
    let found = protections().await;
    let holds = found.holds(name);
    if !holds {
        skipped(what, &format!("no {name} on this machine: {found:?}"));
    }
    holds
}

#[tokio::test]
async fn the_probe_names_every_protection() {
    let found = protections().await;
    let names: Vec<_> = found.0.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["landlock", "seccomp", "network", "no_new_privs", "capabilities", "descriptors", "cgroup"]);
    // These need nothing of the kernel that could be missing.
    for name in ["no_new_privs", "capabilities", "descriptors"] {
        assert!(found.holds(name), "{found:?}");
    }
}

#[tokio::test]
async fn the_probe_does_not_praise_what_is_off() {
    let mut settings = ShellSettings::default();
    settings.sandbox.landlock = KernelFeature::Off;
    settings.sandbox.seccomp = KernelFeature::Off;
    settings.sandbox.network = NetworkAccess::Allow;
    let found = Executor::new(launcher(), &settings, Reach::default()).probe().await.unwrap();
    for name in ["landlock", "seccomp", "network"] {
        assert!(!found.holds(name), "{found:?}");
    }
}

#[tokio::test]
async fn the_environment_is_exactly_the_one_given() {
    assert!(std::env::vars().count() > 1, "the test process has no environment to leak");
    let environment = BTreeMap::from([("ONLY".to_owned(), "this".to_owned())]);
    let io = RunIo { environment, ..io(&new_mark()) };
    let result = executor(&[]).run(&plan(vec![command(&["env"])]), io).await.unwrap();
    assert_eq!(result.stdout.text, "ONLY=this\n");
}

#[tokio::test]
async fn the_servers_environment_cannot_be_read_through_proc() {
    if !holds("landlock", "environment of the server through /proc").await && !rustix::process::getuid().is_root() {
        return;
    }
    let server = std::process::id();
    for script in [format!("cat /proc/{server}/environ"), "cat /proc/$PPID/environ".to_owned()] {
        let result = run(&shell(&script)).await;
        assert_eq!(result.stdout.text, "", "{script}");
        assert_ne!(result.exit_code, Some(0), "{script}");
    }
}

#[tokio::test]
async fn no_descriptor_is_inherited() {
    // One that a careless parent left open for all children.
    let leaked = rustix::io::dup(std::io::stderr()).unwrap();
    let result = run(&plan(vec![command(&["ls", "/proc/self/fd"])])).await;
    drop(leaked);
    assert_eq!(result.stdout.text, "0\n1\n2\n3\n", "3 is the directory that ls reads");
    let result = run(&plan(vec![command(&["cat"]), command(&["ls", "/proc/self/fd"])])).await;
    assert_eq!(result.stdout.text, "0\n1\n2\n3\n");
}

#[tokio::test]
async fn files_outside_the_roots_are_out_of_reach() {
    if !holds("landlock", "files outside the roots").await {
        return;
    }
    let (inside, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (inside, outside) = (inside.path(), outside.path());
    for directory in [inside, outside] {
        fs::write(directory.join("file"), "content").unwrap();
    }
    std::os::unix::fs::symlink(outside.join("file"), inside.join("link")).unwrap();
    let executor = executor(&[inside]);
    let check = async |script: &str, works: bool| {
        let io = RunIo { directory: inside.into(), ..io(&new_mark()) };
        let result = executor.run(&shell(script), io).await.unwrap();
        assert_eq!(result.exit_code == Some(0), works, "{script}: {}", result.stderr.text);
    };
    let outside = outside.display();
    check("cat file", true).await;
    check("echo x > new && mkdir d && mv new d/ && rm -r d", true).await;
    check("echo x > /dev/null", true).await;
    check("cat /etc/passwd", true).await;
    check(&format!("cat {outside}/file"), false).await;
    check("cat link", false).await;
    check(&format!("echo x > {outside}/new"), false).await;
    check(&format!("ln {outside}/file hard"), false).await;
    check("cat /etc/shadow", false).await;
    check("ls /root /home", false).await;
    check("mkfifo /tmp/windlass-test-fifo", false).await;
    check("mknod device c 1 3", false).await;
}

#[tokio::test]
async fn a_file_below_the_roots_is_not_a_program() {
    if !holds("landlock", "execution below the roots").await {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let hook = directory.path().join("hook");
    fs::write(&hook, "#!/bin/sh\necho got you\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let result = executor(&[directory.path()]).run(&shell(&hook.display().to_string()), io(&new_mark())).await.unwrap();
    assert_eq!((result.stdout.text.as_str(), result.exit_code), ("", Some(126)));

    // Unless some rule grants running code anyway.
    let reach = Reach { read: vec![directory.path().into()], write: Vec::new(), unchecked: vec!["test".into()] };
    let executor = Executor::new(launcher(), &ShellSettings::default(), reach);
    let result = executor.run(&shell(&hook.display().to_string()), io(&new_mark())).await.unwrap();
    assert_eq!((result.stdout.text.as_str(), result.exit_code), ("got you\n", Some(0)));
}

#[tokio::test]
async fn dangerous_calls_fail() {
    if !holds("seccomp", "dangerous system calls").await {
        return;
    }
    for script in [
        "unshare --user true",
        "unshare --mount true",
        "nsenter --target 1 --mount true",
        "mount -t tmpfs none /mnt",
        "chroot / true",
        "setarch -R true",
    ] {
        let result = run(&shell(script)).await;
        assert_ne!(result.exit_code, Some(0), "{script}");
        assert!(
            result.stderr.text.contains("not permitted") || result.stderr.text.contains("ermission denied"),
            "{script}: {}",
            result.stderr.text
        );
    }
}

#[tokio::test]
async fn neither_server_nor_supervisor_can_be_signalled() {
    if !holds("seccomp", "signals to the server").await {
        return;
    }
    let server = std::process::id();
    for target in ["$PPID".to_owned(), server.to_string(), format!("-{server}"), "-1".to_owned()] {
        let result = run(&shell(&format!("kill -9 -- {target} && echo killed; echo alive"))).await;
        assert_eq!(result.stdout.text, "alive\n", "{target}: {}", result.stderr.text);
    }
}

#[tokio::test]
async fn signals_start_out_as_everywhere() {
    let result = run(&plan(vec![command(&["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"])])).await;
    let bits = |name: &str| {
        let line = result.stdout.text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    };
    assert_eq!(bits("SigBlk:"), 0);
    let pipe = 1 << 12;
    assert_eq!(bits("SigIgn:") & pipe, 0);
}

#[tokio::test]
async fn limits_hold() {
    let mut settings = ShellSettings::default();
    settings.limits.open_files = 32;
    settings.limits.file_size = windlass_core::units::Bytes(1 << 20);
    let executor = Executor::new(launcher(), &settings, Reach::default());
    let result = executor.run(&shell("ulimit -n; ulimit -c; ulimit -f; umask"), io(&new_mark())).await.unwrap();
    insta::assert_snapshot!(result.stdout.text, @r"
    32
    0
    2048
    0022
    ");
    // Memory: of the run where there is a cgroup, of the process anyway.
    settings.limits.memory = windlass_core::units::Bytes(64 << 20);
    let executor = Executor::new(launcher(), &settings, Reach::default());
    let result =
        executor.run(&shell("head -c 200000000 /dev/zero | tail -n 1 | wc -c"), io(&new_mark())).await.unwrap();
    assert_ne!(result.stdout.text.trim(), "200000000", "{result:?}");
}

#[tokio::test]
async fn what_is_insisted_on_and_missing_stops_the_run() {
    if protections().await.holds("landlock") {
        return skipped("a required Landlock that is missing", "this kernel has it");
    }
    let mut settings = ShellSettings::default();
    settings.sandbox.landlock = KernelFeature::Required;
    let executor = Executor::new(launcher(), &settings, Reach::default());
    let result = executor.run(&shell("echo ran"), io(&new_mark())).await;
    assert!(matches!(result, Err(windlass_shell::exec::RunError::Refused(_))), "{result:?}");
}

#[tokio::test]
async fn any_user_without_a_home_can_run_commands() {
    use std::os::unix::process::CommandExt;
    if !rustix::process::getuid().is_root() {
        return skipped("another user without a home", "only root can become one");
    }
    // Copies that the other user can reach.
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = |from: &Path, name: &str| {
        let to = directory.path().join(name);
        fs::copy(from, &to).unwrap();
        fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).unwrap();
        to
    };
    let launcher = copy(&launcher().program, "launcher");
    let tests = copy(&std::env::current_exe().unwrap(), "tests");
    let output = std::process::Command::new(tests)
        .args(["--ignored", "--exact", "protections::as_another_user"])
        .env_clear()
        .env(LAUNCHER, launcher)
        .current_dir("/")
        .uid(65532)
        .gid(65532)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

#[tokio::test]
#[ignore = "what `any_user_without_a_home_can_run_commands` runs as another user"]
async fn as_another_user() {
    let found = protections().await;
    for name in ["no_new_privs", "capabilities", "descriptors"] {
        assert!(found.holds(name), "{found:?}");
    }
    let server = std::process::id();
    let result = run(&shell(&format!("id -u; cat /proc/$PPID/environ; kill -9 $PPID {server}; echo alive"))).await;
    assert_eq!(result.stdout.text, "65532\nalive\n");
    let io = RunIo { timeout: Some(std::time::Duration::from_millis(300)), ..io(&new_mark()) };
    let result = executor(&[]).run(&shell("setsid sleep 100 & sleep 100"), io).await.unwrap();
    assert!(result.timed_out);
}

#[tokio::test]
async fn a_repositorys_configuration_starts_nothing() {
    if !holds("landlock", "programs named by a repository's configuration").await {
        return;
    }
    let Some(git) = ["/usr/bin/git", "/usr/local/bin/git"].into_iter().find(|git| Path::new(git).exists()) else {
        return skipped("programs named by a repository's configuration", "git is not installed");
    };
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let run = async |arguments: &[&str]| {
        let argv = [&["git"], arguments].concat();
        let command = windlass_shell::plan::Command { program: git.into(), ..command(&argv) };
        let io = RunIo { directory: root.clone(), ..io(&new_mark()) };
        executor(&[&root]).run(&plan(vec![command]), io).await.unwrap()
    };
    assert_eq!(run(&["init", "-q", "."]).await.exit_code, Some(0));
    fs::write(root.join("a.txt"), "one\n").unwrap();
    assert_eq!(run(&["add", "a.txt"]).await.exit_code, Some(0));
    fs::write(root.join("a.txt"), "two\n").unwrap();
    assert!(run(&["diff"]).await.stdout.text.contains("+two"), "without its own configuration it works");
    let configuration = "[core]\nrepositoryformatversion = 0\n[filter \"x\"]\nclean = touch hit; cat\n\
                         [diff]\nexternal = sh -c \"touch hit\"\n[diff \"x\"]\ntextconv = sh -c \"touch hit\"\n";
    fs::write(root.join(".git/config"), configuration).unwrap();
    fs::write(root.join(".gitattributes"), "*.txt filter=x diff=x\n").unwrap();
    for subcommand in ["diff", "status", "add -A", "log -p"] {
        run(&subcommand.split(' ').collect::<Vec<_>>()).await;
        assert!(!root.join("hit").exists(), "{subcommand}");
    }
}

#[tokio::test]
async fn sed_and_find_start_nothing_even_where_the_rules_let_them() {
    if !holds("landlock", "programs started by sed and find").await {
        return;
    }
    for argv in [&["sed", "1e echo hit", "/etc/passwd"][..], &["find", "/etc/passwd", "-exec", "echo", "hit", ";"]] {
        let result = run(&plan(vec![command(argv)])).await;
        assert!(!result.stdout.text.contains("hit"), "{argv:?}: {}", result.stdout.text);
    }
    assert_eq!(run(&shell("echo hit")).await.stdout.text, "hit\n", "a shell is not sealed");
}
