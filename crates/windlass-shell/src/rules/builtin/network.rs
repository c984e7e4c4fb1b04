//! Programs that speak to the network. Whether they may is the sandbox's business; what else they can do is here.

use super::{Builtin, KNOWN, Verdict};
use crate::rules::flags::Spelling;

pub(super) const TABLE: &[Builtin] = &[
    Builtin {
        names: &["curl"],
        spelling: Spelling { values: "AbcCdDeEFhHmoPQrtTuUwXxyYz", ..Spelling::GNU },
        verdict: Verdict::Without(&[
            "-K|--config",
            "-q|--disable",
            "--engine",
            "--netrc-file",
            "--netrc",
            "-n",
            "--netrc-optional",
            "--unix-socket",
            "--abstract-unix-socket",
            "--libcurl",
            "--trace",
            "--trace-ascii",
            "--stderr",
            "--proto",
            "--proto-default",
            "--proto-redir",
            "--variable",
            "--expand-*",
            "--key",
            "-E|--cert",
            "--krb",
            "--delegation",
            "--dump-ca-embed",
            "--url-query",
            "--etag-save",
            "--hsts",
            "--alt-svc",
            "--ssl-sessions",
            "-c|--cookie-jar",
            "-D|--dump-header",
        ]),
        operands: &[
            "file:*", "FILE:*", "*=file:*", "dict:*", "gopher:*", "telnet:*", "smb*:*", "scp:*", "sftp:*", "ldap*:*",
        ],
        check: Some(only_web),
        ..KNOWN
    },
    Builtin {
        names: &["wget", "wget2"],
        spelling: Spelling { values: "oaeBOtTwQPUlADRIX", ..Spelling::GNU },
        verdict: Verdict::Without(&[
            "-e|--execute",
            "--config",
            "--use-askpass",
            "-i|--input-file",
            "--post-file",
            "--body-file",
            "--load-cookies",
            "--save-cookies",
            "--ca-certificate",
            "--private-key",
            "--certificate",
            "--hsts-file",
            "--plugin*",
            "--local-plugin",
            "-b|--background",
            "--rejected-log",
            "--warc-*",
            "--dns-servers",
            "--bind-dns-address",
            "-a|--append-output",
        ]),
        operands: &["file:*"],
        ..KNOWN
    },
    Builtin {
        names: &["tcpdump"],
        verdict: Verdict::Without(&["-z", "-w", "-r", "-V", "-F", "-Z|--relinquish-privileges"]),
        ..KNOWN
    },
    Builtin {
        names: &["ip"],
        verdict: Verdict::Without(&["-b|-batch|--batch", "-n|-netns|--netns", "-force"]),
        operands: &["netns", "net*", "vrf", "exec"],
        ..KNOWN
    },
    Builtin {
        names: &["ss"],
        verdict: Verdict::Without(&["-K|--kill", "-F|--filter", "-D|--diag", "-N|--net"]),
        ..KNOWN
    },
    Builtin { names: &["arp"], verdict: Verdict::Without(&["-f|--file", "-s|--set", "-d|--delete"]), ..KNOWN },
    Builtin { names: &["dig", "host", "nslookup"], verdict: Verdict::Without(&["-f", "-k"]), ..KNOWN },
    Builtin { names: &["whois", "finger"], verdict: Verdict::Without(&["-h|--host", "-p|--port"]), ..KNOWN },
    Builtin { names: &["ssh-keygen"], verdict: Verdict::Without(&["-D", "-w", "-s", "-I", "-M"]), ..KNOWN },
    Builtin { names: &["ssh-add"], verdict: Verdict::Without(&["-s", "-S", "-e", "-T"]), ..KNOWN },
    Builtin { names: &["ssh-keyscan"], verdict: Verdict::Without(&["-f"]), ..KNOWN },
    Builtin {
        names: &["aria2c", "axel", "httpie", "http", "https"],
        verdict: Verdict::Interpreter("it can be told to run programs and to write any file"),
        ..KNOWN
    },
];

/// curl reads `@file` and `<file` in many places; only those that name a file inside the roots survive the path rules,
/// but a bare `@name` looks like no path.
fn only_web(arguments: &[String]) -> Result<(), String> {
    let from_stdin_or_file = |text: &str| text.contains("=<") || text.starts_with('<') || text.contains(";type=@");
    match arguments.iter().find(|text| from_stdin_or_file(text)) {
        Some(argument) => Err(format!("`{argument}` sends a file")),
        None => Ok(()),
    }
}
