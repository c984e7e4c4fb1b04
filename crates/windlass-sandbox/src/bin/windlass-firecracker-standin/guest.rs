//! The guest in a machine, and the socket that leads to it.

use std::{
    fs,
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
    sync::Mutex,
};
use windlass_guest::{
    guest::{Guest, Options, Steward},
    protocol::RenewRequest,
};

use crate::say;

/// Where the guest listens.
const PORT: u32 = 52;
/// How wrong the time may be that it is told.
const WRONG: Duration = Duration::from_secs(5);

/// A guest that answers, and how.
#[derive(Debug)]
pub struct Answering {
    guest: Mutex<Guest>,
    pub silent: bool,
    pub paused: AtomicBool,
    pub connections: AtomicUsize,
    early: AtomicU32,
    ports: AtomicU32,
}

impl Answering {
    /// Starts one that takes connections from `listener`.
    pub fn start(listener: UnixListener, silent: bool, early: u32, noise: usize) -> Result<Arc<Self>, String> {
        let words = |error: io::Error| error.to_string();
        let steward = Steward::with(renew).map_err(words)?;
        let guest = Guest::new(Options { steward: Some(steward), ..Options::default() }).map_err(words)?;
        let (early, ports) = (AtomicU32::new(early), AtomicU32::new(1 << 30));
        let (paused, connections) = (AtomicBool::new(false), AtomicUsize::new(0));
        let this = Arc::new(Self { guest: Mutex::new(guest), silent, paused, connections, early, ports });
        let answering = this.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answering = answering.clone();
                tokio::spawn(async move {
                    if let Err(error) = answering.answer(stream).await {
                        say(&format!("vsock: {error}"));
                    }
                });
            }
        });
        if noise > 0 {
            std::thread::spawn(move || io::stdout().write_all(&vec![b'.'; noise]));
        }
        Ok(this)
    }

    async fn answer(&self, mut stream: UnixStream) -> io::Result<()> {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') && line.len() < 32 {
            line.push(stream.read_u8().await?);
        }
        if self.silent || self.paused.load(Ordering::SeqCst) {
            // Nobody answers, and nobody hangs up.
            return stream.read_u8().await.map(drop);
        }
        let early = self.early.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if early || line != format!("CONNECT {PORT}\n").into_bytes() {
            return Ok(());
        }
        let port = self.ports.fetch_add(1, Ordering::SeqCst);
        stream.write_all(format!("OK {port}\n").as_bytes()).await?;
        // The guest takes one host after the other.
        let guest = self.guest.lock().await;
        self.connections.fetch_add(1, Ordering::SeqCst);
        let (reader, writer) = stream.into_split();
        let served = guest.serve(reader, writer).await;
        self.connections.fetch_sub(1, Ordering::SeqCst);
        served.map_err(io::Error::other)
    }
}

/// Looks at what it is told instead of setting the clock, and leaves the randomness where a test finds it.
fn renew(order: &RenewRequest) -> io::Result<()> {
    let told = SystemTime::UNIX_EPOCH + Duration::from_nanos(order.time_ns);
    let now = SystemTime::now();
    let wrong = told.duration_since(now).or_else(|_| now.duration_since(told)).unwrap_or_default();
    if wrong > WRONG {
        return Err(io::Error::other("the time is wrong"));
    }
    fs::write("/renewed", order.entropy)
}
