use std::net::IpAddr;

use super::{Checker, host};
use crate::{
    Settings,
    node::{Path, Value},
    settings::{FetchSettings, PolicySettings, Transport},
};

pub(super) fn policy(checker: &mut Checker, settings: &Settings) {
    let path = Path::dotted("policy");
    let Some(policy) = &settings.policy else {
        // `policy:` with nothing under it reads like "nothing is granted", and would mean the opposite.
        if checker.tree.find(&path).is_some_and(|node| matches!(node.value, Value::Null)) {
            checker.refuse(
                &path,
                "an empty `policy:` could mean everything or nothing",
                "take the line out to let every authenticated caller use every tool, or write `policy: {}` to let nobody",
            );
        } else if settings.server.transport != Transport::Stdio && !settings.server.host.is_loopback() {
            checker.notice(&path, "there is none, so every authenticated caller may use every enabled tool");
        }
        return;
    };
    grants(checker, policy);
    for (index, file) in policy.cedar_files.iter().enumerate() {
        checker.file(&Path::dotted("policy.cedar_files").index(index), file);
    }
}

fn grants(checker: &mut Checker, policy: &PolicySettings) {
    for (index, grant) in policy.grants.iter().enumerate() {
        let path = Path::dotted("policy.grants").index(index);
        if grant.to.is_empty() {
            checker.refuse(&path.clone().key("to"), "this grants to nobody", "name callers, or take the grant out");
        }
        if grant.tools.is_empty() {
            checker.refuse(&path.clone().key("tools"), "this grants nothing", "name tools, or take the grant out");
        }
        for (at, caller) in grant.to.iter().enumerate() {
            if !is_caller(caller) {
                checker.refuse(
                    &path.clone().key("to").index(at),
                    format!("`{caller}` names no caller"),
                    format!("write `key:{caller}`, `group:{caller}`, `scope:{caller}`, `local`, or `*` for anyone authenticated"),
                );
            }
        }
        for (at, tool) in grant.tools.iter().enumerate() {
            if !is_tool(tool) {
                checker.refuse(
                    &path.clone().key("tools").index(at),
                    format!("`{tool}` names no tool"),
                    "write a tool (`run_command`), a toolset (`shell/*`), or `*`",
                );
            }
        }
    }
}

fn is_caller(text: &str) -> bool {
    let named = ["key:", "jwt:", "group:", "scope:"].iter().find_map(|kind| text.strip_prefix(kind));
    text == "*" || text == "local" || named.is_some_and(|name| !name.is_empty() && name != "*")
}

fn is_tool(text: &str) -> bool {
    let name = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
    };
    text == "*" || name(text) || text.strip_suffix("/*").is_some_and(name)
}

pub(super) fn fetch(checker: &mut Checker, fetch: Option<&FetchSettings>) {
    let Some(fetch) = fetch else { return };
    reachable(checker, &Path::dotted("fetch.allowed_hosts"), &fetch.allowed_hosts);
    private(checker, &Path::dotted("fetch.allowed_private"), &fetch.allowed_private);
}

/// A list of hosts.
pub(super) fn reachable(checker: &mut Checker, path: &Path, hosts: &[String]) {
    for (index, given) in hosts.iter().enumerate() {
        let name = given.strip_prefix("*.").unwrap_or(given);
        let with_port = |(name, port): (&str, &str)| host(name) && port.parse::<u16>().is_ok_and(|port| port != 0);
        if !host(name) && !name.rsplit_once(':').is_some_and(with_port) {
            checker.refuse(
                &path.clone().index(index),
                format!("`{given}` is not a host"),
                "write `docs.example.com`, `*.example.com` for every subdomain, or either with `:8443` behind it",
            );
        }
    }
}

/// A list of ranges of addresses.
pub(super) fn private(checker: &mut Checker, path: &Path, ranges: &[String]) {
    for (index, given) in ranges.iter().enumerate() {
        if !is_range(given) {
            checker.refuse(
                &path.clone().index(index),
                format!("`{given}` is not a range of addresses"),
                "write for example `10.20.0.0/16`",
            );
        }
    }
}

fn is_range(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return text.parse::<IpAddr>().is_ok() };
    match (address.parse(), length.parse::<u8>()) {
        (Ok(IpAddr::V4(_)), Ok(length)) => length <= 32,
        (Ok(IpAddr::V6(_)), Ok(length)) => length <= 128,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_and_tools() {
        for text in ["*", "local", "key:ci", "group:ops", "scope:tools.read", "jwt:https://idp.example#alice"] {
            assert!(is_caller(text), "{text}");
        }
        for text in ["", "ci", "key:", "key:*", "group:*", "everyone"] {
            assert!(!is_caller(text), "{text}");
        }
        for text in ["*", "run_command", "shell/*", "github.list-issues"] {
            assert!(is_tool(text), "{text}");
        }
        for text in ["", "run_*", "/*", "shell/run", "run command"] {
            assert!(!is_tool(text), "{text}");
        }
    }

    #[test]
    fn ranges() {
        for text in ["10.0.0.0/8", "fd00::/8", "10.1.2.3"] {
            assert!(is_range(text), "{text}");
        }
        for text in ["10.0.0.0/33", "10.0.0.0/", "intranet", "10.0.0/8"] {
            assert!(!is_range(text), "{text}");
        }
    }
}
