//! The host's side: run commands in a guest, move files, ask how it is.
//!
//! A guest may be hostile. It can answer wrongly or not at all, and it can end its own connection; that is all.

mod accept;
mod channel;
mod command;
mod connect;
mod error;
mod files;
mod receive;
mod running;
mod stream;

use std::{
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustix::rand::{GetRandomFlags, getrandom};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::AbortHandle,
};

use crate::{
    mux::Outbox,
    protocol::{
        About, Listing, Metadata, Name, Outcome, ProtocolError, ReadRequest, RenewRequest, Request, Usage, WriteRequest,
    },
};

pub use accept::{Accepted, Awaited};
pub use command::Command;
pub use error::{ClientError, Closed};
pub use files::{FileReader, FileWriter};
pub use running::{Finished, Running};
pub use stream::{InputSink, OutputStream};

use channel::Channel;
use receive::Table;

/// A connection to a guest. Clones share it; it ends with the last clone and the last thing that runs on it.
#[derive(Debug, Clone)]
pub struct GuestClient {
    connection: Arc<Connection>,
}

#[derive(Debug)]
struct Connection {
    outbox: Outbox,
    table: Arc<Table>,
    about: About,
    tasks: [AbortHandle; 2],
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl GuestClient {
    /// Greets the guest at the other end of `stream` and waits for its welcome.
    pub async fn new<S>(stream: S, within: Duration) -> Result<Self, ClientError>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (reader, writer) = tokio::io::split(stream);
        Self::over(reader, writer, within).await
    }

    /// The same over two halves, such as the pipes of a child.
    pub async fn over<R, W>(reader: R, writer: W, within: Duration) -> Result<Self, ClientError>
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let connecting = connect::connect(reader, writer);
        let connection = tokio::time::timeout(within, connecting).await.map_err(|_| ClientError::Timeout)??;
        Ok(Self { connection: Arc::new(connection) })
    }

    /// What the guest says about itself.
    pub fn about(&self) -> &About {
        &self.connection.about
    }

    /// Completes when the connection has ended, and says why.
    pub async fn closed(&self) -> Closed {
        self.connection.table.closed().await
    }

    /// Ends the connection, for all clones: a guest that ends with its host now does.
    pub fn hang_up(&self) {
        self.connection.table.close(Closed::Ended);
        self.connection.outbox.close();
        self.connection.tasks.iter().for_each(AbortHandle::abort);
    }

    /// Starts a command. `within` is for its start only: see [`Running::wait`].
    pub async fn exec(&self, command: Command, within: Duration) -> Result<Running, ClientError> {
        Running::start(&self.connection, command.request, within).await
    }

    /// Opens a file to read. All of it must be read `within` that time.
    pub async fn read_file(&self, request: ReadRequest, within: Duration) -> Result<FileReader, ClientError> {
        FileReader::open(&self.connection, request, within).await
    }

    /// Opens a file to write. All of it must be written `within` that time.
    pub async fn write_file(&self, request: WriteRequest, within: Duration) -> Result<FileWriter, ClientError> {
        FileWriter::open(&self.connection, request, within).await
    }

    /// What is at `path`.
    pub async fn stat(&self, path: impl Into<Name>, within: Duration) -> Result<Metadata, ClientError> {
        let request = Request::Stat { path: path.into() };
        self.ask(request, within, |outcome| if let Outcome::Stat(found) = outcome { Some(found) } else { None }).await
    }

    /// The first `limit` entries of a directory, by name.
    pub async fn list(&self, path: impl Into<Name>, limit: u32, within: Duration) -> Result<Listing, ClientError> {
        let request = Request::List { path: path.into(), limit };
        self.ask(request, within, |outcome| if let Outcome::List(found) = outcome { Some(found) } else { None }).await
    }

    /// Removes a file, a link, or a directory.
    pub async fn remove(&self, path: impl Into<Name>, recursive: bool, within: Duration) -> Result<(), ClientError> {
        self.ask(Request::Remove { path: path.into(), recursive }, within, nothing).await
    }

    /// Makes a directory, and those above it.
    pub async fn make_dir(
        &self,
        path: impl Into<Name>,
        mode: Option<u32>,
        within: Duration,
    ) -> Result<(), ClientError> {
        self.ask(Request::MakeDir { path: path.into(), parents: true, mode }, within, nothing).await
    }

    /// How much of the machine is in use; the disk is the one that holds `path`.
    pub async fn usage(&self, path: impl Into<Name>, within: Duration) -> Result<Usage, ClientError> {
        let request = Request::Usage { path: path.into() };
        self.ask(request, within, |outcome| if let Outcome::Usage(found) = outcome { Some(found) } else { None }).await
    }

    /// Has the guest take the next connection to a port of its own loopback. It listens there from now on.
    pub async fn accept(&self, port: u16) -> Result<Awaited, ClientError> {
        Awaited::open(&self.connection, port).await
    }

    /// Tells a guest that was stored and woken, or is one of many copies, the time, and gives it randomness of its own.
    pub async fn renew(&self, within: Duration) -> Result<(), ClientError> {
        let mut entropy = [0; 32];
        getrandom(&mut entropy, GetRandomFlags::empty()).map_err(|error| Closed::Io(io::Error::from(error).kind()))?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let time_ns = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        self.ask(Request::Renew(RenewRequest { time_ns, entropy }), within, nothing).await
    }

    /// Is it there?
    pub async fn ping(&self, within: Duration) -> Result<(), ClientError> {
        self.ask(Request::Ping, within, nothing).await
    }

    async fn ask<T>(
        &self,
        request: Request,
        within: Duration,
        expected: impl Fn(Outcome) -> Option<T>,
    ) -> Result<T, ClientError> {
        let asking = async {
            let mut channel = Channel::open(&self.connection, &request).await?;
            let outcome = channel.done().await?;
            expected(outcome).ok_or_else(|| self.connection.breach(ProtocolError::WrongAnswer(channel.id())))
        };
        tokio::time::timeout(within, asking).await.map_err(|_| ClientError::Timeout)?
    }
}

fn nothing(outcome: Outcome) -> Option<()> {
    matches!(outcome, Outcome::Nothing).then_some(())
}

impl Connection {
    /// The guest broke the rules: nothing more is believed.
    fn breach(&self, error: ProtocolError) -> ClientError {
        let why = Closed::Protocol(error);
        self.table.close(why);
        self.outbox.close();
        self.tasks.iter().for_each(AbortHandle::abort);
        ClientError::Closed(why)
    }
}
