//! The newest commit of a branch, without what was before it.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use gix::{
    ObjectId, Repository,
    bstr::ByteSlice,
    progress::Discard,
    protocol::transport::{Protocol, client::blocking_io::http::Transport},
    remote::{
        Direction,
        fetch::{Shallow, Tags},
    },
};
use tokio_util::sync::CancellationToken;
use windlass_core::chain;

use super::{remote::Remote, web::Web};
use crate::source::{SourceError, stopped};

/// What our copy calls the branch, whatever it is called.
const OURS: &str = "refs/heads/fetched";

/// What to fetch.
pub(super) struct Order<'a> {
    pub remote: &'a Remote,
    pub branch: Option<&'a str>,
    pub name: &'a str,
    pub web: &'a Web,
    pub stop: &'a CancellationToken,
}

/// Why nothing was fetched.
pub(super) enum NoFetch {
    /// The other side.
    Source(SourceError),
    /// Perhaps our copy.
    Copy(String),
}

impl Order<'_> {
    /// Brings the commit and all it holds into `repository`.
    pub fn fetch(&self, repository: &Repository) -> Result<ObjectId, NoFetch> {
        match self.exchange(repository) {
            Ok(Some(commit)) => Ok(commit),
            Ok(None) => {
                let missing = match self.branch {
                    Some(branch) => format!("the branch {branch} of {}", self.name),
                    None => format!("a first commit of {}", self.name),
                };
                Err(NoFetch::Source(SourceError::Gone(missing)))
            }
            // What happened on the wire says more than what it led to.
            Err(error) => Err(match self.web.trouble() {
                Some(trouble) => NoFetch::Source(trouble),
                None if self.stop.is_cancelled() => NoFetch::Source(stopped(self.name)),
                None => NoFetch::Copy(chain(&error)),
            }),
        }
    }

    fn exchange(&self, repository: &Repository) -> gix::Result<Option<ObjectId>> {
        let theirs = self.branch.map_or_else(|| "HEAD".to_owned(), |branch| format!("refs/heads/{branch}"));
        let wanted = format!("+{theirs}:{OURS}");
        let url = gix::url::parse(self.remote.url.as_str())?;
        let remote = repository.remote_at_without_url_rewrite(url.clone())?.with_fetch_tags(Tags::None);
        let remote = remote.with_refspecs([wanted.as_str()], Direction::Fetch)?;
        let transport = Transport::new_http(self.web.exchange(), url, Protocol::V2, false);
        // The token is sent by `web` alone: nobody else has it, so nobody is asked for it.
        let connection = remote.to_connection_with_transport(transport).with_credentials(|_| Ok(None));
        let prepared = connection.prepare_fetch(Discard, Default::default())?;
        let found = prepared.ref_map().mappings.iter().find_map(|mapping| {
            let name = mapping.remote.as_name().filter(|name| name.as_bytes() == theirs.as_bytes());
            name.and_then(|_| mapping.remote.peeled_id().or(mapping.remote.as_id()))
        });
        let Some(commit) = found.map(ToOwned::to_owned) else { return Ok(None) };
        let interrupt = self.interrupt();
        prepared.with_shallow(Shallow::DepthAtRemote(NonZeroU32::MIN)).receive(Discard, &interrupt)?;
        Ok(Some(commit))
    }

    /// Is set when it should stop. Unpacking asks for this rather than for a token.
    fn interrupt(&self) -> Arc<AtomicBool> {
        let interrupt = Arc::new(AtomicBool::new(false));
        let (set, stop) = (interrupt.clone(), self.stop.clone());
        self.web.spawn(async move {
            stop.cancelled().await;
            set.store(true, Ordering::Relaxed);
        });
        interrupt
    }
}
