//! The guest's side: runs the commands of one host at a time and ends them, whole trees at a time.

mod channel;
mod command;
mod exit;
mod files;
mod pump;
mod session;
mod signals;
mod spawn;
mod tree;
mod tunnel;
mod usage;

use std::{
    collections::{HashMap, HashSet},
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustix::{
    io::Errno,
    process::{WaitId, WaitIdOptions, WaitOptions, set_child_subreaper, waitid},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
};

use crate::protocol::ProtocolError;

pub use crate::steward::Steward;

pub(crate) use signals::by_name as signal_by_name;

/// How long what was killed may take to be gone.
const DYING: Duration = Duration::from_secs(5);

/// What a guest can be told.
#[derive(Debug, Clone)]
pub struct Options {
    /// Requests served at once; more are refused.
    pub max_channels: u32,
    /// Who keeps the clock of the machine, where the guest has one of its own.
    pub steward: Option<Steward>,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_channels: 256, steward: None }
    }
}

/// Why a host is not served any longer.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The host broke the rules.
    #[error("the host broke the protocol: {0}")]
    Protocol(#[from] ProtocolError),
    /// The stream failed.
    #[error("the stream to the host failed: {0}")]
    Io(#[from] io::Error),
}

/// The guest of a process. It takes the process over: it adopts and reaps every child there is or comes.
#[derive(Debug)]
pub struct Guest {
    shared: Arc<Shared>,
    reaper: JoinHandle<()>,
}

/// What all commands share.
#[derive(Debug)]
pub(crate) struct Shared {
    options: Options,
    /// Held while a command starts and while children are looked at, so that none is seen half-known.
    keepers: Mutex<HashSet<i32>>,
    /// Children that were there before us, and are none of our business.
    residents: HashSet<i32>,
    /// Ports whose connections the host takes.
    listeners: Mutex<HashMap<u16, Arc<TcpListener>>>,
}

impl Guest {
    /// Takes the process over. Needs to be in a tokio runtime.
    pub fn new(options: Options) -> io::Result<Self> {
        set_child_subreaper(Some(rustix::process::getpid()))?;
        let residents = if has_children() { tree::children(own_pid()).into_iter().collect() } else { HashSet::new() };
        let shared = Arc::new(Shared { options, keepers: Mutex::default(), residents, listeners: Mutex::default() });
        let mut died = signal(SignalKind::child())?;
        let reaping = Arc::clone(&shared);
        let reaper = tokio::spawn(async move {
            loop {
                reaping.reap();
                if died.recv().await.is_none() {
                    return;
                }
            }
        });
        Ok(Self { shared, reaper })
    }

    /// Serves one host until its stream ends. Then nothing is left of what it started.
    pub async fn serve<R, W>(&self, reader: R, writer: W) -> Result<(), ServeError>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        session::serve(&self.shared, reader, writer).await
    }

    /// Ends everything that was started here.
    pub async fn end_all(&self) {
        self.shared.end_all().await;
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.reaper.abort();
    }
}

impl Shared {
    fn reap(&self) {
        let mut keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
        while let Ok(Some((pid, _))) = rustix::process::wait(WaitOptions::NOHANG) {
            keepers.remove(&pid.as_raw_pid());
        }
    }

    /// Ends what is not below a keeper that is still known: what someone left behind by killing its keeper.
    pub(crate) async fn end_strays(&self) {
        self.end_children(|keepers, pid| keepers.contains(&pid)).await;
    }

    async fn end_all(&self) {
        self.end_children(|_, _| false).await;
    }

    async fn end_children(&self, spared: impl Fn(&HashSet<i32>, i32) -> bool) {
        if !has_children() {
            return;
        }
        let round = || {
            let keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
            let spare = |pid| self.residents.contains(&pid) || spared(&keepers, pid);
            tree::kill_children(own_pid(), spare)
        };
        tree::until_none(round, DYING).await;
        self.reap();
    }
}

/// Asked of the system itself: looking through `/proc` takes milliseconds where much runs.
fn has_children() -> bool {
    let peek = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::All, peek), Err(Errno::CHILD))
}

fn own_pid() -> i32 {
    rustix::process::getpid().as_raw_pid()
}
