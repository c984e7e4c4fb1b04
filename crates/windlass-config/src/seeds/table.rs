//! The table itself.

/// One variable of a seed.
pub(super) struct Seed {
    pub name: &'static str,
    pub reading: Reading,
}

/// What is made of it.
pub(super) enum Reading {
    /// The value is what our setting takes.
    Set(&'static str),
    /// On, unless the value is `false` or `0`.
    Switch(&'static str),
    /// Their words for transports.
    Transport,
    /// Directives of Rust programs.
    Directives,
    /// Their words for log levels.
    Level,
    /// The variable holds the shared token.
    Token,
    /// Handed to the shell toolset.
    Commands(Part),
    /// Has no counterpart, and why.
    Unused(&'static str),
}

/// A part of [`super::SeedCommands`].
#[derive(Clone, Copy)]
pub(super) enum Part {
    Allowed,
    Blocked,
    Shell,
    ShellArg,
    Timeout,
}

const fn seed(name: &'static str, reading: Reading) -> Seed {
    Seed { name, reading }
}

/// Of two that say the same, the first counts.
pub(super) const SEEDS: &[Seed] = &[
    seed("PETTY_TRANSPORT", Reading::Transport),
    seed("BOUVET_TRANSPORT", Reading::Transport),
    seed("FASTMCP_TRANSPORT", Reading::Transport),
    seed("PETTY_HTTP_HOST", Reading::Set("server.host")),
    seed("BOUVET_HTTP_HOST", Reading::Set("server.host")),
    seed("FASTMCP_HOST", Reading::Set("server.host")),
    seed("FASTMCP_ADDR", Reading::Set("server.host")),
    seed("PETTY_HTTP_PORT", Reading::Set("server.port")),
    seed("BOUVET_HTTP_PORT", Reading::Set("server.port")),
    seed("FASTMCP_PORT", Reading::Set("server.port")),
    seed("MCP_AUTH_TOKEN", Reading::Token),
    seed("MCP_ALLOWED_COMMANDS", Reading::Commands(Part::Allowed)),
    seed("MCP_BLOCKED_COMMANDS", Reading::Commands(Part::Blocked)),
    seed("MCP_DEFAULT_TIMEOUT", Reading::Commands(Part::Timeout)),
    seed("MCP_SHELL", Reading::Commands(Part::Shell)),
    seed("MCP_SHELL_ARG", Reading::Commands(Part::ShellArg)),
    seed("MCP_LOG_LEVEL", Reading::Level),
    seed("LOG_LEVEL", Reading::Level),
    seed("RUST_LOG", Reading::Directives),
    seed("ECR_REGISTRY", Reading::Set("deploy.registry.host")),
    seed("ECR_REPOSITORY", Reading::Set("deploy.registry.repository")),
    seed("CDK_DEFAULT_ACCOUNT", Reading::Set("deploy.account")),
    seed("CDK_DEFAULT_REGION", Reading::Set("deploy.region")),
    seed("VPC_ID", Reading::Set("deploy.variables.vpc_id")),
    seed("ACM_CERT_ARN", Reading::Set("deploy.variables.certificate_arn")),
    seed("ALB_LOG_S3_BUCKET", Reading::Set("deploy.variables.access_log_bucket")),
    seed("PETTY_CHROOT", Reading::Set("sandbox.directory")),
    seed("BOUVET_CHROOT", Reading::Set("sandbox.directory")),
    seed("PETTY_POOL_ENABLED", Reading::Switch("sandbox.pool.enabled")),
    seed("BOUVET_POOL_ENABLED", Reading::Switch("sandbox.pool.enabled")),
    seed("PETTY_POOL_MIN_SIZE", Reading::Set("sandbox.pool.min")),
    seed("BOUVET_POOL_MIN_SIZE", Reading::Set("sandbox.pool.min")),
    seed("PETTY_POOL_MAX_BOOTS", Reading::Set("sandbox.pool.boots")),
    seed("BOUVET_POOL_MAX_BOOTS", Reading::Set("sandbox.pool.boots")),
    seed("MCP_LOG_DIR", Reading::Unused("not used: logs go to stderr, the audit log to stdout or `audit.file`")),
    seed("MCP_SKIP_BANNER", Reading::Unused("not used: there is no banner")),
];

/// Variables of toolsets that are not there yet. A `*` at the end stands for any rest.
pub(super) const LATER: &[(&str, &[&str])] = &[
    (
        "sandboxes in virtual machines",
        &[
            "PETTY_KERNEL",
            "PETTY_ROOTFS",
            "PETTY_ROOTFS_URL",
            "PETTY_ROOTFS_S3_URL",
            "PETTY_FIRECRACKER",
            "BOUVET_KERNEL",
            "BOUVET_ROOTFS",
            "BOUVET_ROOTFS_URL",
            "BOUVET_FIRECRACKER",
        ],
    ),
    ("document search", &["S3_BUCKET_NAME", "DYNAMODB_TABLE_NAME", "CHROMA_DB_PATH", "THOTH_SOURCE_*"]),
    ("S3 packages", &["QUILT_*", "ATHENA_WORKGROUP", "ATHENA_QUERY_RESULT_LOCATION"]),
    ("databases", &["MSSQL_*", "POSTGRES_HOST", "POSTGRES_DATABASE", "POSTGRES_USER", "POSTGRES_PASSWORD"]),
];

/// Whether `name` is meant by an entry of [`LATER`].
pub(super) fn matches(known: &str, name: &str) -> bool {
    known.strip_suffix('*').map_or(known == name, |start| name.starts_with(start))
}
