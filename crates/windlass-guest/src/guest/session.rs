//! One host: its hello, its requests, and its end.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    task::JoinSet,
};

use super::{
    ServeError, Shared,
    channel::{self, Channel, Fate, Handle},
    command, files, tunnel, usage,
};
use crate::{
    mux::{Outbox, queue, write_all},
    protocol::{
        self, About, Decoder, Done, ErrorKind, Frame, GuestError, Hello, Kind, Outcome, ProtocolError, Request, Welcome,
    },
};

/// How long requests may take to end when their host is gone; a file system can hang.
const ENDING: Duration = Duration::from_secs(10);
/// How long the last frames may take to be written.
const FLUSHING: Duration = Duration::from_millis(500);

pub(super) async fn serve<R, W>(shared: &Arc<Shared>, mut reader: R, writer: W) -> Result<(), ServeError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let (outbox, frames) = queue();
    let mut writing = tokio::spawn(write_all(frames, writer));
    let mut decoder = Decoder::new();
    let mut next = Ok(find_hello(&mut reader, &mut decoder).await?);
    while let Ok(Some(hello)) = next {
        let mut session = Session::new(Arc::clone(shared), outbox.clone());
        next = tokio::select! {
            biased;
            written = &mut writing => Err(write_error(written)),
            next = session.run(&hello, &mut reader, &mut decoder) => next,
        };
        session.finish().await;
        shared.end_all().await;
    }
    outbox.close();
    drop(outbox);
    if !writing.is_finished() && tokio::time::timeout(FLUSHING, &mut writing).await.is_err() {
        writing.abort();
    }
    next.map(|_| ())
}

fn write_error(written: Result<io::Result<()>, tokio::task::JoinError>) -> ServeError {
    match written {
        Ok(Err(error)) => error.into(),
        _ => io::Error::from(io::ErrorKind::BrokenPipe).into(),
    }
}

/// Reads on until a hello, whatever comes before it; `None` at the end of the stream.
async fn find_hello<R: AsyncRead + Unpin>(reader: &mut R, decoder: &mut Decoder) -> Result<Option<Hello>, ServeError> {
    loop {
        if let Some(hello) = protocol::find_hello(decoder.space()) {
            return Ok(Some(hello));
        }
        if reader.read_buf(decoder.space()).await? == 0 {
            return Ok(None);
        }
    }
}

struct Session {
    shared: Arc<Shared>,
    outbox: Outbox,
    channels: Channels,
    last: u32,
    tasks: JoinSet<()>,
}

type Channels = Arc<Mutex<HashMap<u32, Handle>>>;

impl Session {
    fn new(shared: Arc<Shared>, outbox: Outbox) -> Self {
        Self { shared, outbox, channels: Channels::default(), last: 0, tasks: JoinSet::new() }
    }

    /// Serves until the stream ends (`None`) or another host says hello.
    async fn run<R: AsyncRead + Unpin>(
        &mut self,
        hello: &Hello,
        reader: &mut R,
        decoder: &mut Decoder,
    ) -> Result<Option<Hello>, ServeError> {
        self.outbox.send(self.welcome(hello).frame());
        if hello.version() == 0 {
            return find_hello(reader, decoder).await;
        }
        loop {
            while let Some(frame) = decoder.next_frame()? {
                if frame.kind == Kind::Hello {
                    let again = Hello::parse(&frame)?;
                    if again.nonce != hello.nonce {
                        return Ok(Some(again));
                    }
                } else {
                    self.take(&frame)?;
                }
            }
            while self.tasks.try_join_next().is_some() {}
            if reader.read_buf(decoder.space()).await? == 0 {
                return Ok(None);
            }
        }
    }

    fn welcome(&self, hello: &Hello) -> Welcome {
        let about = About {
            program: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            max_channels: self.shared.options.max_channels,
        };
        Welcome { version: hello.version(), nonce: hello.nonce, about }
    }

    fn take(&mut self, frame: &Frame) -> Result<(), ProtocolError> {
        match frame.kind {
            Kind::Open => self.open(frame),
            Kind::Data | Kind::End | Kind::Credit | Kind::Control | Kind::Cancel => {
                match self.channels.lock().unwrap_or_else(PoisonError::into_inner).get(&frame.channel) {
                    Some(handle) => handle.take(frame),
                    None if frame.channel <= self.last => Ok(()),
                    None => Err(ProtocolError::UnknownChannel(frame.channel)),
                }
            }
            Kind::Hello | Kind::Welcome | Kind::Started | Kind::Done => Err(ProtocolError::WrongSide(frame.kind as u8)),
        }
    }

    fn open(&mut self, frame: &Frame) -> Result<(), ProtocolError> {
        let id = frame.channel;
        if id <= self.last {
            return Err(ProtocolError::ReusedChannel(id));
        }
        self.last = id;
        let request = frame.parse()?;
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if channels.len() >= self.shared.options.max_channels as usize {
            let busy: Done = Err(GuestError::new(ErrorKind::Busy, "too many requests at once"));
            self.outbox.send(Frame::json(Kind::Done, id, &busy));
            return Ok(());
        }
        let (handle, channel) = channel::new(id, &self.outbox);
        channels.insert(id, handle);
        drop(channels);
        let (shared, leaving) = (Arc::clone(&self.shared), Leaving { channels: Arc::clone(&self.channels), id });
        self.tasks.spawn(async move {
            let (channel, done) = answer(&shared, channel, request).await;
            channel.send(Frame::json(Kind::Done, id, &done)).await;
            drop(leaving);
        });
        Ok(())
    }

    /// Ends every request of this host.
    async fn finish(mut self) {
        for handle in self.channels.lock().unwrap_or_else(PoisonError::into_inner).values() {
            handle.decide(Fate::HostGone);
        }
        let all = async { while self.tasks.join_next().await.is_some() {} };
        // What hangs in the kernel is left to it; dropping the set stops the rest.
        let _ = tokio::time::timeout(ENDING, all).await;
    }
}

/// Frees the place of a channel, whatever became of it.
struct Leaving {
    channels: Channels,
    id: u32,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// Does what the host asks for.
async fn answer(shared: &Arc<Shared>, mut channel: Channel, request: Request) -> (Channel, Done) {
    let done = match request {
        Request::Exec(exec) => command::run(shared, &mut channel, *exec).await.map(Outcome::Exit),
        Request::Read(read) => files::read(&channel, read).await,
        Request::Write(write) => files::write(&channel, write).await,
        Request::Stat { path } => blocking(move || files::stat(&path)).await,
        Request::List { path, limit } => blocking(move || files::list(&path, limit)).await,
        Request::Remove { path, recursive } => blocking(move || files::remove(&path, recursive)).await,
        Request::MakeDir { path, parents, mode } => blocking(move || files::make_dir(&path, parents, mode)).await,
        Request::Usage { path } => blocking(move || usage::measure(&path)).await,
        Request::Accept { port } => tunnel::accept(shared, &channel, port).await,
        Request::Renew(renew) => match &shared.options.steward {
            Some(steward) => steward.renew(renew).await.map(|()| Outcome::Nothing).map_err(Into::into),
            None => Err(GuestError::new(ErrorKind::Invalid, "this guest does not keep the machine's clock")),
        },
        Request::Ping => Ok(Outcome::Nothing),
    };
    (channel, done)
}

/// The file system may be slow, and others do not wait for it.
async fn blocking(work: impl FnOnce() -> Done + Send + 'static) -> Done {
    let failed = |_| Err(GuestError::new(ErrorKind::Other, "the request broke off"));
    tokio::task::spawn_blocking(work).await.unwrap_or_else(failed)
}
