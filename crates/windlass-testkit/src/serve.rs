use std::{path::Path, sync::Arc};

use anyhow::Context;
use windlass_audit::{AuditLog, AuditOptions, Stream};
use windlass_auth::Authenticator;
use windlass_config::settings::Settings;
use windlass_core::{NoOutputs, SecretString, Toolset};
use windlass_policy::Policy;
use windlass_server::{Live, Parts, Server};

/// A whole server with the gate as it is in production, `toolsets` behind it. `token` is what `auth.token` refers to;
/// without it and without other means in `settings`, whoever can connect may call. Decisions are written nowhere.
pub fn serve_toolsets(
    settings: Settings,
    token: Option<SecretString>,
    toolsets: Vec<Arc<dyn Toolset>>,
) -> anyhow::Result<Server> {
    let options = AuditOptions { stream: Stream::None, ..AuditOptions::default() };
    let live = Live {
        auth: Authenticator::new(&settings.auth, token).context("auth")?,
        policy: Policy::compile(settings.policy.as_ref(), Path::new(".")).context("policy")?,
        auth_settings: settings.auth,
        limits: settings.limits,
        toolsets,
    };
    let audit = AuditLog::start(options).context("audit")?;
    Ok(Server::new(Parts { server: settings.server, live, outputs: Arc::new(NoOutputs), audit })?)
}
