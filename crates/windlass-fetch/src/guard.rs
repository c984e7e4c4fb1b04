//! What may be reached: hosts by name, addresses by what they are.

mod address;
mod hosts;
mod resolver;

pub use address::{AddressClass, AddressGuard, AddressRefused, classify};
pub use hosts::{HostRefused, HostRules, Target};
pub use resolver::{GuardedResolver, ResolveError, Resolver, SystemResolver};

/// A setting of the guard that means nothing, or more than it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` cannot stand in `{setting}`: {why}")]
pub struct GuardSettingError {
    /// The setting's name in windlass.yaml.
    pub setting: &'static str,
    /// What was written there.
    pub value: String,
    /// What is wrong with it.
    pub why: String,
}
