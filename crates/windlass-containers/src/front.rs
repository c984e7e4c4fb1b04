//! One address in front of releases that change.
//!
//! [`Front`] listens, and forwards each request to the active release. Which one that is, is said over a socket in the
//! file system ([`FrontClient`]): requests that begin after a switch go to the new release, those under way end on the
//! old one. Bodies stream both ways and are never held back.
//!
//! What may not happen is a call that fails because of a switch. So choosing a release and counting the request as its
//! own is one step (`routes`); a release has drained when its count is zero, not when a while has passed; and a request
//! is only sent a second time where it cannot have been read the first time.

mod body;
mod client;
mod connections;
mod control;
mod forward;
mod hop;
mod resolve;
mod routes;
mod serve;
mod socket;
mod state;

pub use client::{FrontClient, FrontError};
pub use control::{Drained, FrontStatus};
pub use serve::{Front, FrontOptions};
pub use socket::bind_control;

/// A release and where it is served.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// Which release.
    pub release: String,
    /// `HOST:PORT`. A container's name is better than its address: that changes when the container starts again.
    pub address: String,
}

impl Upstream {
    /// Whether it can be forwarded to, and named in a path.
    fn check(&self) -> Result<(), String> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte);
        if self.release.is_empty() || self.release.len() > 128 || !self.release.bytes().all(plain) {
            return Err(format!("`{}` is no name of a release", self.release));
        }
        let authority: Option<http::uri::Authority> = self.address.parse().ok();
        let whole =
            |authority: &http::uri::Authority| authority.port_u16().is_some() && !authority.as_str().contains('@');
        if authority.filter(whole).is_none() {
            return Err(format!("`{}` is no address: HOST:PORT is one", self.address));
        }
        Ok(())
    }
}
