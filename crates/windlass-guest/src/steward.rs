//! The thread that stays root where the guest is the first process of a machine: it keeps the clock and the randomness.

use std::{fs::File, io, sync::mpsc, time::Duration};

use rustix::time::{ClockId, Timespec, clock_settime};
use tokio::sync::oneshot;

use crate::{os, protocol::RenewRequest};

/// Clones share it.
#[derive(Debug, Clone)]
pub struct Steward {
    orders: mpsc::Sender<(RenewRequest, oneshot::Sender<io::Result<()>>)>,
}

impl Steward {
    /// Starts the thread, with the privileges of whoever calls.
    pub(crate) fn start() -> io::Result<Self> {
        let random = File::options().read(true).write(true).open("/dev/urandom")?;
        Self::with(move |order| renew(&random, order))
    }

    /// Starts one that does this instead, for a guest whose clock is not its own to set.
    pub fn with(mut renew: impl FnMut(&RenewRequest) -> io::Result<()> + Send + 'static) -> io::Result<Self> {
        let (orders, taken) = mpsc::channel::<(RenewRequest, oneshot::Sender<_>)>();
        std::thread::Builder::new().name("steward".into()).spawn(move || {
            for (order, answer) in taken {
                // Whoever ordered it may be gone.
                let _ = answer.send(renew(&order));
            }
        })?;
        Ok(Self { orders })
    }

    pub(crate) async fn renew(&self, order: RenewRequest) -> io::Result<()> {
        let gone = || io::Error::other("the steward of the machine is gone");
        let (answer, answered) = oneshot::channel();
        self.orders.send((order, answer)).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

fn renew(random: &File, order: &RenewRequest) -> io::Result<()> {
    os::add_entropy(random, order.entropy)?;
    let time = Duration::from_nanos(order.time_ns);
    let (tv_sec, tv_nsec) = (time.as_secs().cast_signed(), time.subsec_nanos().into());
    Ok(clock_settime(ClockId::Realtime, Timespec { tv_sec, tv_nsec })?)
}
