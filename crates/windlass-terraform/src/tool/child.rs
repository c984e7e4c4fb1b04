//! The environment Terraform runs in. It needs credentials and proxies, and nothing that would make the same stack mean
//! something else on another machine.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use windlass_config::Env;

/// Passed on as they are.
const PASSED: [&str; 24] = [
    "ALL_PROXY",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LANG",
    "LOGNAME",
    "NO_PROXY",
    "PATH",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TF_PLUGIN_CACHE_DIR",
    "TF_REGISTRY_CLIENT_TIMEOUT",
    "TF_REGISTRY_DISCOVERY_RETRY",
    "TMPDIR",
    "TZ",
    "USER",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_DIRS",
    "XDG_DATA_HOME",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// Set for every run: no check for updates, no questions, no advice on what to type.
const SET: [(&str, &str); 3] = [("CHECKPOINT_DISABLE", "1"), ("TF_IN_AUTOMATION", "1"), ("TF_INPUT", "0")];

/// What the child is started with. `TF_CLI_ARGS`, `TF_VAR_*`, `TF_WORKSPACE` and `TF_LOG` are left out: they change what
/// is applied, or print what is secret.
pub(super) fn environment(env: &dyn Env, notices: &mut Vec<String>) -> BTreeMap<String, String> {
    let passed = |name: &String| PASSED.contains(&name.as_str()) || name.starts_with("AWS_");
    let names = env.names().into_iter().filter(passed);
    let mut child: BTreeMap<_, _> = names.filter_map(|name| env.get(&name).map(|value| (name, value))).collect();
    child.extend(SET.map(|(name, value)| (name.into(), value.into())));
    for name in env.names().iter().filter(|name| changes_meaning(name)) {
        notices.push(format!("{name} is not passed to Terraform: it would change what a stack means"));
    }
    for name in ["TF_CLI_CONFIG_FILE", "TERRAFORM_CONFIG"] {
        match env.get(name) {
            Some(path) if Path::new(&path).is_file() => _ = child.insert(name.into(), path),
            Some(path) => notices.push(format!("{name} names {path}, which does not exist; Terraform runs without it")),
            None => {}
        }
    }
    child
}

fn changes_meaning(name: &str) -> bool {
    name == "TF_WORKSPACE" || name.starts_with("TF_CLI_ARGS") || name.starts_with("TF_VAR_")
}

/// Downloads of providers are shared between stacks. Without this the same 700 MB come once per stack.
pub(super) fn share_downloads(env: &dyn Env, child: &mut BTreeMap<String, String>) {
    let home = || env.get("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let caches = env.get("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
    let Some(cache) = caches.map(|caches| caches.join("windlass/terraform-plugins")) else { return };
    // Terraform wants it to exist. Where it cannot be made there is no cache, and no harm.
    if !child.contains_key("TF_PLUGIN_CACHE_DIR") && std::fs::create_dir_all(&cache).is_ok() {
        child.insert("TF_PLUGIN_CACHE_DIR".into(), cache.to_string_lossy().into_owned());
        // The stacks are prepared without a lock file, and without one a cache is not used otherwise.
        child.insert("TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE".into(), "true".into());
    }
}

/// The configuration file of the command line that applies, if there is one.
pub(super) fn configuration(env: &dyn Env, child: &BTreeMap<String, String>) -> Option<String> {
    let named =
        ["TF_CLI_CONFIG_FILE", "TERRAFORM_CONFIG"].into_iter().find_map(|name| child.get(name).map(PathBuf::from));
    let home = env.get("HOME").map(PathBuf::from);
    let own = home.into_iter().flat_map(|home| [home.join(".tofurc"), home.join(".terraformrc")]);
    named.into_iter().chain(own).find_map(|path| std::fs::read_to_string(path).ok())
}
