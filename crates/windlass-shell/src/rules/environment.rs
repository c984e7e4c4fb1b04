use super::Denial;

/// Variables that change which code a program runs or where it sends what it reads. `*` ends a prefix or begins a suffix.
const DANGEROUS: &[&str] = &[
    "PATH",
    "IFS",
    "ENV",
    "BASH_*",
    "BASHOPTS",
    "SHELLOPTS",
    "SHELL",
    "PS1",
    "PS4",
    "PROMPT_COMMAND",
    "CDPATH",
    "ZDOTDIR",
    "LD_*",
    "DYLD_*",
    "GCONV_PATH",
    "GLIBC_TUNABLES",
    "LOCPATH",
    "NLSPATH",
    "MALLOC_*",
    "RES_OPTIONS",
    "LOCALDOMAIN",
    "HOSTALIASES",
    "HOME",
    "XDG_*",
    "TERMINFO*",
    "TERMCAP",
    "PYTHON*",
    "PERL*",
    "RUBY*",
    "GEM_*",
    "BUNDLE_*",
    "NODE_*",
    "NPM_*",
    "DENO_*",
    "LUA_*",
    "PHP*",
    "TCL*",
    "AWKPATH",
    "AWKLIBPATH",
    "CLASSPATH",
    "JAVA_*",
    "_JAVA_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "MAVEN_*",
    "GRADLE_*",
    "CARGO_*",
    "RUST*",
    "GO*",
    "CGO_*",
    "CC",
    "CXX",
    "CPP",
    "LINKER",
    "MAKE*",
    "CMAKE_*",
    "GIT_*",
    "SSH_*",
    "SVN_*",
    "HG*",
    "PAGER",
    "*_PAGER",
    "*PAGER",
    "LESS*",
    "EDITOR",
    "VISUAL",
    "*_EDITOR",
    "BROWSER",
    "*_ASKPASS",
    "TAR_OPTIONS",
    "GREP_OPTIONS",
    "RIPGREP_CONFIG_PATH",
    "RSYNC_*",
    "ZIPOPT",
    "ZIP_*",
    "GZIP",
    "CURL_*",
    "WGETRC",
    "*_proxy",
    "*_PROXY",
    "OPENSSL_*",
    "SSL_*",
    "SSLKEYLOGFILE",
    "GNUPGHOME",
    "DOCKER_*",
    "KUBECONFIG",
    "AWS_*",
    "AZURE_*",
    "GOOGLE_*",
    "CLOUDSDK_*",
    "PG*",
    "PSQL*",
    "MYSQL*",
    "SQLITE*",
    "DBUS_*",
    "DISPLAY",
    "SYSTEMD_*",
    "WINDLASS_*",
    "MCP_*",
    "PETTY_*",
    "BOUVET_*",
];

/// Whether a caller must not set `name`, whatever the settings say.
pub(crate) fn is_dangerous(name: &str) -> bool {
    DANGEROUS.iter().any(|pattern| match (pattern.strip_suffix('*'), pattern.strip_prefix('*')) {
        (Some(prefix), _) => name.starts_with(prefix),
        (None, Some(suffix)) => name.ends_with(suffix),
        (None, None) => name == *pattern,
    })
}

/// Whether `name` can name a variable at all.
pub(crate) fn is_name(name: &str) -> bool {
    let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(starts) && name.chars().all(|c| starts(c) || c.is_ascii_digit())
}

/// Checks one variable a caller wants to set.
pub(crate) fn check<'a>(name: &str, value: &str, mut allowed: impl Iterator<Item = &'a String>) -> Result<(), Denial> {
    if !is_name(name) {
        return Err(Denial::new("a variable's name holds other characters than letters, digits and `_`"));
    }
    if is_dangerous(name) {
        return Err(
            Denial::new(format!("`{name}` may not be set: it changes which code a command runs")).hint("leave it out")
        );
    }
    if !allowed.any(|allowed| allowed == name) {
        return Err(Denial::new(format!("`{name}` may not be set by callers"))
            .hint("leave it out, or ask the operator to name it in shell.allow_environment"));
    }
    if value.contains('\0') {
        return Err(Denial::new(format!("the value of `{name}` contains a null byte")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_loads_code_is_dangerous() {
        for name in [
            "PATH",
            "LD_PRELOAD",
            "BASH_ENV",
            "PYTHONSTARTUP",
            "GIT_SSH_COMMAND",
            "MANPAGER",
            "HOME",
            "https_proxy",
            "IFS",
        ] {
            assert!(is_dangerous(name), "{name}");
        }
        for name in ["TZ", "LANG", "LC_ALL", "CI", "REGION", "COLUMNS"] {
            assert!(!is_dangerous(name), "{name}");
        }
    }
}
