//! Programs that find, pack, copy and list files.

use super::{Builtin, KNOWN, Verdict};
use crate::rules::flags::{Flag, Spelling};

const WORDS: Spelling = Spelling { words: true, ..Spelling::GNU };

pub(super) const TABLE: &[Builtin] = &[
    Builtin {
        names: &["find", "gfind", "bfs"],
        spelling: WORDS,
        verdict: Verdict::Without(&[
            "-exec",
            "-execdir",
            "-ok",
            "-okdir",
            "-delete",
            "-fls",
            "-fprint*",
            "-files0-from",
            "-unique-exec",
            // What a link inside the roots points at was checked by nobody.
            "-L",
            "-follow",
        ]),
        ..KNOWN
    },
    Builtin {
        names: &["fd", "fdfind"],
        verdict: Verdict::Without(&["-x|--exec", "-X|--exec-batch", "--gen-completions", "-L|--follow"]),
        ..KNOWN
    },
    Builtin { names: &["locate", "mlocate", "plocate"], verdict: Verdict::Without(&["-d|--database"]), ..KNOWN },
    Builtin {
        names: &["tar", "gtar", "bsdtar", "star"],
        spelling: Spelling {
            values: "fCTXbgKLNV",
            bare_bundle: true,
            whole: &["checkpoint", "to-stdout", "info"],
            ..Spelling::GNU
        },
        verdict: Verdict::Without(&[
            "-I|--use-compress-program",
            "-F|--info-script|--new-volume-script",
            "--checkpoint-action",
            "--to-command",
            "--rsh-command",
            "--rmt-command",
            "-P|--absolute-names",
            "--index-file",
            "--force-local-script",
            "-T|--files-from",
            "-h|--dereference",
        ]),
        // `f host:file` starts a remote shell.
        check: Some(|arguments| refuse_remote(arguments, "an archive on another host is reached through a shell")),
        ..KNOWN
    },
    Builtin {
        names: &["cpio", "pax"],
        verdict: Verdict::Without(&["--rsh-command", "-F|--file", "-I", "-O"]),
        check: Some(|arguments| refuse_remote(arguments, "an archive on another host is reached through a shell")),
        ..KNOWN
    },
    Builtin {
        names: &["zip"],
        verdict: Verdict::Without(&["-T|--test", "-TT|--unzip-command", "-@|--names-stdin"]),
        check: Some(keep_links),
        ..KNOWN
    },
    Builtin { names: &["unzip"], verdict: Verdict::Without(&["-:"]), ..KNOWN },
    Builtin {
        names: &["7z", "7za", "7zr", "7zz"],
        verdict: Verdict::Without(&["-l*"]),
        operands: &["@*", "-i@*", "-x@*"],
        ..KNOWN
    },
    Builtin { names: &["ar"], verdict: Verdict::Without(&["--plugin"]), operands: &["@*"], ..KNOWN },
    Builtin {
        names: &["rsync"],
        verdict: Verdict::Without(&[
            "-e|--rsh",
            "--rsync-path",
            "--daemon",
            "--config",
            "-M|--remote-option",
            "--files-from",
            "--include-from",
            "--exclude-from",
            "-F|--filter",
            "-f",
            "--write-batch",
            "--read-batch",
            "--only-write-batch",
            "--password-file",
            "--early-input",
            "--log-file",
            "--sockopts",
            "--address",
            "-L|--copy-links",
            "-k|--copy-dirlinks",
            "--copy-unsafe-links",
            "--source-filter",
            "--dest-filter",
        ]),
        check: Some(|arguments| refuse_remote(arguments, "another host is reached through a shell")),
        ..KNOWN
    },
    Builtin { names: &["install", "ginstall"], verdict: Verdict::Without(&["-s|--strip", "--strip-program"]), ..KNOWN },
    // A link made now is followed later, by a program whose path was checked before.
    Builtin { names: &["ln", "link"], verdict: Verdict::Without(&["-s|--symbolic"]), ..KNOWN },
    Builtin { names: &["cp", "gcp"], verdict: Verdict::Without(&["-s|--symbolic-link", "-L|--dereference"]), ..KNOWN },
    Builtin { names: &["ls", "dir", "vdir"], verdict: Verdict::Without(&["-L|--dereference"]), ..KNOWN },
    Builtin { names: &["tree"], verdict: Verdict::Without(&["-l", "--fromfile", "--fromtabfile"]), ..KNOWN },
    Builtin { names: &["diff"], check: Some(no_links_below), ..KNOWN },
    Builtin { names: &["rm", "grm"], verdict: Verdict::Without(&["--no-preserve-root"]), ..KNOWN },
    Builtin { names: &["chmod", "chown", "chgrp"], verdict: Verdict::Without(&["--no-preserve-root"]), ..KNOWN },
    Builtin {
        names: &["mknod", "mkfifo"],
        verdict: Verdict::Interpreter("it makes devices and pipes, not files"),
        ..KNOWN
    },
    Builtin {
        names: &["du", "gdu"],
        verdict: Verdict::Without(&["--files0-from", "-X|--exclude-from", "-L|--dereference"]),
        ..KNOWN
    },
    Builtin { names: &["wc"], verdict: Verdict::Without(&["--files0-from"]), ..KNOWN },
    Builtin {
        names: &["file"],
        verdict: Verdict::Without(&["-f|--files-from", "-m|--magic-file", "-C|--compile"]),
        ..KNOWN
    },
    Builtin {
        names: &["sort", "gsort"],
        spelling: Spelling { values: "kStTo", ..Spelling::GNU },
        verdict: Verdict::Without(&["--compress-program", "--files0-from"]),
        ..KNOWN
    },
    Builtin { names: &["split", "gsplit"], verdict: Verdict::Without(&["--filter"]), ..KNOWN },
    Builtin {
        names: &["date"],
        spelling: Spelling { values: "dr", ..Spelling::GNU },
        verdict: Verdict::Without(&["-s|--set", "-f|--file"]),
        ..KNOWN
    },
    Builtin { names: &["lsof"], verdict: Verdict::Without(&["-D"]), ..KNOWN },
    Builtin {
        names: &["dmesg"],
        verdict: Verdict::Without(&["-C|--clear", "-c|--read-clear", "-D|--console-off", "-n|--console-level"]),
        ..KNOWN
    },
    // Another process's environment holds its secrets, the server's among them.
    Builtin {
        names: &["ps"],
        spelling: Spelling { words: true, ..Spelling::GNU },
        check: Some(no_environment),
        ..KNOWN
    },
    Builtin { names: &["pidstat"], verdict: Verdict::Without(&["-e"]), ..KNOWN },
    Builtin { names: &["top", "htop", "btop"], verdict: Verdict::Interpreter("it is made for a terminal"), ..KNOWN },
    Builtin {
        names: &["mount", "umount", "losetup", "dmsetup", "cryptsetup"],
        verdict: Verdict::Interpreter("it changes which files are where"),
        ..KNOWN
    },
    Builtin { names: &["tic", "infocmp"], verdict: Verdict::Without(&["-o"]), ..KNOWN },
    Builtin { names: &["scrot"], verdict: Verdict::Without(&["-e|--exec"]), ..KNOWN },
];

/// Refuses `host:path`, which tar, cpio and rsync reach by starting a shell.
fn refuse_remote(arguments: &[String], why: &str) -> Result<(), String> {
    let is_remote = |text: &str| text.split_once(':').is_some_and(|(host, _)| !host.is_empty() && !host.contains('/'));
    match arguments.iter().find(|text| is_remote(text)) {
        Some(argument) => Err(format!("`{argument}`: {why}")),
        None => Ok(()),
    }
}

/// zip packs what links point at, unless told to pack the links.
fn keep_links(arguments: &[String]) -> Result<(), String> {
    let recurses = Flag::new("-r|-R|--recurse-paths|--recurse-patterns")?;
    let keeps = |text: &String| {
        text == "--symlinks" || (text.starts_with('-') && !text.starts_with("--") && text.contains('y'))
    };
    let found = |flag: &Flag| arguments.iter().enumerate().any(|(at, text)| flag.is_in(text, at, Spelling::GNU));
    match found(&recurses) && !arguments.iter().any(keeps) {
        true => Err("below a directory it packs what links point at; add -y to pack the links".into()),
        false => Ok(()),
    }
}

/// diff reads what links point at, unless told to compare the links.
fn no_links_below(arguments: &[String]) -> Result<(), String> {
    let recursive = Flag::new("-r|--recursive")?;
    let found = arguments.iter().enumerate().any(|(at, text)| recursive.is_in(text, at, Spelling::GNU));
    match found && !arguments.iter().any(|text| text == "--no-dereference") {
        true => Err("below a directory it reads what links point at; add --no-dereference".into()),
        false => Ok(()),
    }
}

/// `ps e`, `ps auxe`, `ps -o environ`: the BSD flags have no dash.
fn no_environment(arguments: &[String]) -> Result<(), String> {
    let shows = |text: &str| {
        let bsd = !text.starts_with('-') && text.bytes().all(|b| b.is_ascii_alphabetic()) && text.contains('e');
        bsd || text.to_ascii_lowercase().contains("env")
    };
    match arguments.iter().find(|text| shows(text)) {
        Some(argument) => Err(format!("`{argument}` may show the environment of other processes")),
        None => Ok(()),
    }
}
