use std::collections::BTreeSet;

/// How a caller proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalSource {
    /// An API key minted by `windlass key new`, or the seeds' shared token.
    Key,
    /// A JWT from a configured OIDC issuer.
    Jwt,
    /// The person who started the process: stdio, or HTTP on loopback with authentication off.
    Local,
}

/// Who is calling. Made by authentication, read by policy, limits, ownership checks and the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    /// Stable and unique within the server, e.g. `key:ci`, `jwt:https://idp.example#alice`, `local`.
    pub id: String,
    /// How they proved it.
    pub source: PrincipalSource,
    /// Groups named by the key or by the token's group claim.
    pub groups: BTreeSet<String>,
    /// OAuth scopes of the token; empty for keys.
    pub scopes: BTreeSet<String>,
}

impl Principal {
    /// The person at the machine itself.
    pub fn local() -> Self {
        Self {
            id: "local".into(),
            source: PrincipalSource::Local,
            groups: BTreeSet::from(["local".to_owned()]),
            scopes: BTreeSet::new(),
        }
    }
}
