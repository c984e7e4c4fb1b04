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
    /// Part of a database of this name and kind, which has the built-in tools.
    Source(&'static str, &'static str),
    /// The same, where the variable holds its password.
    Password(&'static str),
    /// Handed to the shell toolset.
    Commands(Part),
    /// Part of the agent; not read where this section of it is configured.
    Agent(&'static str, &'static str),
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
    seed("PETTY_KERNEL", Reading::Set("sandbox.kernel")),
    seed("BOUVET_KERNEL", Reading::Set("sandbox.kernel")),
    seed("PETTY_ROOTFS", Reading::Set("sandbox.rootfs")),
    seed("BOUVET_ROOTFS", Reading::Set("sandbox.rootfs")),
    seed("PETTY_ROOTFS_S3_URL", Reading::Set("sandbox.rootfs_url")),
    seed("PETTY_ROOTFS_URL", Reading::Set("sandbox.rootfs_url")),
    seed("BOUVET_ROOTFS_S3_URL", Reading::Set("sandbox.rootfs_url")),
    seed("BOUVET_ROOTFS_URL", Reading::Set("sandbox.rootfs_url")),
    seed("PETTY_ROOTFS_SHA256", Reading::Set("sandbox.rootfs_sha256")),
    seed("BOUVET_ROOTFS_SHA256", Reading::Set("sandbox.rootfs_sha256")),
    seed("PETTY_FIRECRACKER", Reading::Set("sandbox.firecracker")),
    seed("BOUVET_FIRECRACKER", Reading::Set("sandbox.firecracker")),
    seed("PETTY_POOL_ENABLED", Reading::Switch("sandbox.pool.enabled")),
    seed("BOUVET_POOL_ENABLED", Reading::Switch("sandbox.pool.enabled")),
    seed("PETTY_POOL_MIN_SIZE", Reading::Set("sandbox.pool.min")),
    seed("BOUVET_POOL_MIN_SIZE", Reading::Set("sandbox.pool.min")),
    seed("PETTY_POOL_MAX_BOOTS", Reading::Set("sandbox.pool.boots")),
    seed("BOUVET_POOL_MAX_BOOTS", Reading::Set("sandbox.pool.boots")),
    seed("POSTGRES_HOST", Reading::Source("postgres", "host")),
    seed("POSTGRES_PORT", Reading::Source("postgres", "port")),
    seed("POSTGRES_DATABASE", Reading::Source("postgres", "database")),
    seed("POSTGRES_USER", Reading::Source("postgres", "user")),
    seed("POSTGRES_PASSWORD", Reading::Password("postgres")),
    seed("MSSQL_HOST", Reading::Source("mssql", "host")),
    seed("MSSQL_PORT", Reading::Source("mssql", "port")),
    seed("MSSQL_DATABASE", Reading::Source("mssql", "database")),
    seed("MSSQL_USER", Reading::Source("mssql", "user")),
    seed("MSSQL_PASSWORD", Reading::Password("mssql")),
    seed("MYSQL_HOST", Reading::Source("mysql", "host")),
    seed("MYSQL_PORT", Reading::Source("mysql", "port")),
    seed("MYSQL_DATABASE", Reading::Source("mysql", "database")),
    seed("MYSQL_USER", Reading::Source("mysql", "user")),
    seed("MYSQL_PASSWORD", Reading::Password("mysql")),
    seed("SQLCMDSERVER", Reading::Source("mssql", "host")),
    seed("SQLCMDDBNAME", Reading::Source("mssql", "database")),
    seed("SQLCMDUSER", Reading::Source("mssql", "user")),
    seed("SQLCMDPASSWORD", Reading::Password("mssql")),
    seed("SQLITE_DATABASE", Reading::Source("sqlite", "file")),
    seed("BEDROCK_MODEL_ID", Reading::Agent("agent.model", "agent.model.id")),
    seed("MCP_URL", Reading::Agent("agent.servers", "agent.servers.mcp.url")),
    seed("MCP_LOG_DIR", Reading::Unused("not used: logs go to stderr, the audit log to stdout or `audit.file`")),
    seed("MCP_SKIP_BANNER", Reading::Unused("not used: there is no banner")),
];

/// Databases that variables may speak of, and the variables that say where they are. Without one of those the others are
/// most likely another program's.
pub(super) const DATABASES: &[(&str, &[&str])] = &[
    ("postgres", &["POSTGRES_HOST"]),
    ("mysql", &["MYSQL_HOST"]),
    ("mssql", &["MSSQL_HOST", "SQLCMDSERVER"]),
    ("sqlite", &["SQLITE_DATABASE"]),
];

/// Variables of toolsets that are not there yet. A `*` at the end stands for any rest.
pub(super) const LATER: &[(&str, &[&str])] = &[
    ("document search", &["S3_BUCKET_NAME", "DYNAMODB_TABLE_NAME", "CHROMA_DB_PATH", "THOTH_SOURCE_*"]),
    ("S3 packages", &["QUILT_*", "ATHENA_WORKGROUP", "ATHENA_QUERY_RESULT_LOCATION"]),
];

/// Whether `name` is meant by an entry of [`LATER`].
pub(super) fn matches(known: &str, name: &str) -> bool {
    known.strip_suffix('*').map_or(known == name, |start| name.starts_with(start))
}
