//! The one thread that starts sandboxes. What dies with its parent dies with the *thread* that started it, and the threads
//! of a runtime come and go.

use std::{
    io,
    sync::{LazyLock, mpsc},
};

use tokio::{
    process::{Child, Command},
    runtime::Handle,
    sync::oneshot,
};

type Order = (Command, Handle, oneshot::Sender<io::Result<Child>>);

/// Starts `command` as a child of a thread that lives as long as the process.
pub(super) async fn spawn(command: Command) -> io::Result<Child> {
    static ORDERS: LazyLock<mpsc::Sender<Order>> = LazyLock::new(|| {
        let (orders, taken) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, runtime, done) in taken {
                let _runtime = runtime.enter();
                // Whoever ordered it may be gone, and the child goes with the answer.
                let _ = done.send(command.spawn());
            }
        });
        orders
    });
    let (done, answer) = oneshot::channel();
    let gone = || io::Error::other("the thread that starts sandboxes is gone");
    ORDERS.send((command, Handle::current(), done)).map_err(|_| gone())?;
    answer.await.map_err(|_| gone())?
}
