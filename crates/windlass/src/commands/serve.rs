//! `windlass serve`.

use std::{
    io::IsTerminal,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::Context;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};
use windlass_audit::Stream;
use windlass_config::{Loaded, Override, Reloader, settings::Transport};
use windlass_server::Server;

use crate::{
    cli::{ConfigArgs, ServeArgs},
    commands::lambda,
    exit::{Exit, Failure},
    telemetry,
    wiring::{self, House},
};

pub async fn run(config: &ConfigArgs, args: &ServeArgs) -> Result<Exit, Failure> {
    let sources = wiring::sources(config, overrides(args))?;
    // Whoever names a transport wants that one, also within somebody else's function.
    if windlass_lambda::is_function() && args.transport.is_none() {
        return lambda::run(sources).await;
    }
    let loaded = wiring::load(&sources)?;
    windlass_config::exposure(&loaded.settings).map_err(Failure::usage)?;
    let _telemetry = telemetry::start(&loaded.settings.telemetry).map_err(Failure::usage)?;
    for notice in &loaded.notices {
        tracing::info!("{notice}");
    }

    let settings = &loaded.settings.server;
    let http = settings.transport != Transport::Stdio;
    let stdio = match settings.transport {
        Transport::Stdio => true,
        Transport::Http => false,
        // A terminal has a person at it, and /dev/null nobody: neither speaks MCP.
        Transport::Both => input_is_a_client(),
    };
    // Bound before anything is started: a taken port ends the process at once, and nothing has to be undone.
    let listener = match http {
        true => Some(bind(settings.host, settings.port).await?),
        false => None,
    };
    // Standard output belongs to the protocol where it is spoken there.
    let signals = Signals::listen().context("signals cannot be received")?;
    let house = House::build(&loaded, if stdio { Stream::Stderr } else { Stream::Stdout })?;
    let server = Arc::new(Server::new(house.parts(&loaded)?).map_err(Failure::usage)?);
    house.started(&loaded);
    let signals = tokio::spawn(signals.obey(server.clone(), house.clone(), Reloader::new(sources.clone(), &loaded)));
    house.sweep();
    house.refresh();
    // Before the banner too: whoever has read it may edit the file, and must not do so in vain.
    let watching = house.watch(&loaded, server.clone(), sources);
    banner(&loaded, &server, listener.as_ref(), stdio);

    let outcome = converse(&server, listener, stdio).await;
    signals.abort();
    drop(watching);
    server.shutdown().await;
    house.close();
    outcome.map(|()| Exit::Done)
}

/// Serves until every transport has ended. The end of standard input ends a server that speaks nothing else.
async fn converse(server: &Arc<Server>, listener: Option<TcpListener>, stdio: bool) -> Result<(), Failure> {
    let talking = stdio.then(|| {
        let server = server.clone();
        tokio::spawn(async move {
            let ended = server.serve_stdio(tokio::io::stdin(), tokio::io::stdout()).await;
            if let Err(error) = &ended {
                tracing::info!("standard input: {error}");
            }
        })
    });
    match listener {
        Some(listener) => {
            server.serve_http(listener).await.context("the listener failed")?;
            if let Some(talking) = talking {
                talking.abort();
            }
        }
        None => {
            if let Some(talking) = talking {
                talking.await.context("standard input and output")?;
            }
        }
    }
    Ok(())
}

/// The signals a server obeys. Received from before it says that it serves: until then they end the process.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The first SIGTERM or SIGINT drains, the second ends; SIGHUP reads the configuration again.
    pub async fn obey(mut self, server: Arc<Server>, house: Arc<House>, reloader: Reloader) {
        let mut asked = false;
        loop {
            let received = tokio::select! {
                _ = self.hangup.recv() => {
                    house.reload(&server, reloader.reload());
                    continue;
                }
                _ = self.terminate.recv() => 143,
                _ = self.interrupt.recv() => 130,
            };
            if asked {
                tracing::warn!("asked twice: ending at once");
                house.close();
                std::process::exit(received);
            }
            asked = true;
            tracing::info!("stopping: accepted calls are finished first; a second signal ends at once");
            server.drain();
        }
    }
}

async fn bind(host: IpAddr, port: u16) -> Result<TcpListener, Failure> {
    let address = SocketAddr::new(host, port);
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}")).map_err(|error| {
        Failure::with(Exit::Failed, error).hint(format!(
            "is another server running there? choose another port with --port, or 0 for a free one (now {port})"
        ))
    })
}

fn banner(loaded: &Loaded, server: &Server, listener: Option<&TcpListener>, stdio: bool) {
    let tools: usize = server.gate().toolsets().iter().map(|toolset| toolset.tools().len()).sum();
    eprintln!("windlass {} serves {tools} tools", windlass_server::VERSION);
    match &loaded.file {
        Some(file) => eprintln!("  settings  {}", file.display()),
        None => eprintln!("  settings  none found; `windlass init` writes a windlass.yaml to start from"),
    }
    if let Some(Ok(address)) = listener.map(TcpListener::local_addr) {
        let shown = match address.ip().is_unspecified() {
            true => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()),
            false => address,
        };
        eprintln!("  http      http://{shown}/mcp");
        if loaded.settings.server.console {
            eprintln!("  console   http://{shown}/");
        }
        let auth = if server.gate().is_open() { "none (loopback only)" } else { "required" };
        eprintln!("  auth      {auth}");
        eprintln!("  connect   windlass connect claude --url http://{shown}/mcp");
    }
    if stdio {
        eprintln!("  stdio     on");
    }
}

fn overrides(args: &ServeArgs) -> Vec<Override> {
    let one = |option: &str, value: Option<String>| {
        value.map(|value| Override { option: format!("--{option}"), setting: format!("server.{option}"), value })
    };
    [
        one("transport", args.transport.clone()),
        one("host", args.host.clone()),
        one("port", args.port.map(|port| port.to_string())),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn input_is_a_client() -> bool {
    use std::os::unix::fs::FileTypeExt;
    let stdin = std::io::stdin();
    // A pipe or a socket; a character device is a terminal or /dev/null.
    !stdin.is_terminal() && std::fs::metadata("/proc/self/fd/0").is_ok_and(|input| !input.file_type().is_char_device())
}
