//! What may be reached: hosts by name, addresses by what they are. For whoever opens connections on somebody's behalf.
//!
//! A host must be on the list ([`HostRules`]), and every address its name resolves to must be one that [`AddressGuard`]
//! lets through. Check and connection use the same answer of the resolver ([`GuardedResolver`]), so there is no moment
//! between the two in which the name could change its mind.

#![forbid(unsafe_code)]

mod address;
mod hosts;
mod resolver;

pub use address::{AddressClass, AddressGuard, AddressRefused, classify};
pub use hosts::{HostRefused, HostRules, Target};
/// A host as a URL has it: a name or an address.
pub use url::Host;

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
