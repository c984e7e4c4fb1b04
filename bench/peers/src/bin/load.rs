//! The load: CLIENTS connections, each sending the request on standard input again as soon as the last one is answered,
//! for SECONDS. Every answer is read to its end and must hold MARK. One thread, so that it takes at most one processor.
//!
//! usage: load ADDRESS CLIENTS SECONDS MARK < request

use std::{
    io::Read as _,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

struct Plan {
    address: String,
    request: Vec<u8>,
    mark: Vec<u8>,
    until: Instant,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, clients, seconds, mark] = &arguments[..] else { bail!("usage: load ADDRESS CLIENTS SECONDS MARK") };
    let clients: usize = clients.parse()?;
    let mut request = Vec::new();
    std::io::stdin().read_to_end(&mut request)?;
    let started = Instant::now();
    let until = started + Duration::from_secs_f64(seconds.parse()?);
    let plan = Arc::new(Plan { address: address.clone(), request, mark: mark.clone().into_bytes(), until });

    let running: Vec<_> = (0..clients).map(|_| tokio::spawn(client(plan.clone()))).collect();
    let mut times: Vec<u64> = Vec::new();
    let mut failures = Vec::new();
    for client in running {
        match client.await? {
            Ok(mine) => times.extend(mine),
            Err(error) => failures.push(format!("{error:#}")),
        }
    }
    let took = started.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |share: f64| times.get(((times.len() as f64 - 1.0) * share) as usize).map(|ns| *ns as f64 / 1e6);
    let report = serde_json::json!({
        "calls": times.len(),
        "seconds": took,
        "p50_ms": at(0.50),
        "p99_ms": at(0.99),
        "failed_clients": failures.len(),
        "failure": failures.first(),
    });
    println!("{report}");
    Ok(())
}

/// One client's life; the nanoseconds each of its calls took. The first failure ends it: a server that fails is not
/// measured as a fast one.
async fn client(plan: Arc<Plan>) -> anyhow::Result<Vec<u64>> {
    let mut stream = TcpStream::connect(&plan.address).await?;
    stream.set_nodelay(true)?;
    let mut times = Vec::new();
    let mut buffer = Vec::with_capacity(8192);
    while Instant::now() < plan.until {
        let sent = Instant::now();
        stream.write_all(&plan.request).await?;
        let keep = answer(&mut stream, &mut buffer, &plan.mark).await?;
        times.push(u64::try_from(sent.elapsed().as_nanos())?);
        if !keep {
            stream = TcpStream::connect(&plan.address).await?;
            stream.set_nodelay(true)?;
        }
    }
    Ok(times)
}

/// Reads one response to its end; whether the connection stays open.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>, mark: &[u8]) -> anyhow::Result<bool> {
    buffer.clear();
    let head_end = loop {
        if let Some(end) = find(buffer, b"\r\n\r\n") {
            break end + 4;
        }
        more(stream, buffer).await?;
    };
    let head = String::from_utf8_lossy(&buffer[..head_end]).to_ascii_lowercase();
    ensure!(head.starts_with("http/1.1 200"), "{}", String::from_utf8_lossy(buffer));
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    if let Some(length) = field("content-length:") {
        let end = head_end + length.parse::<usize>().context("content-length")?;
        while buffer.len() < end {
            more(stream, buffer).await?;
        }
    } else {
        ensure!(field("transfer-encoding:") == Some("chunked"), "neither length nor chunks: {head}");
        while !buffer.ends_with(b"0\r\n\r\n") {
            more(stream, buffer).await?;
        }
    }
    let body = &buffer[head_end..];
    let good = find(body, b"\"result\"").is_some() && find(body, mark).is_some() && find(body, b"\"isError\":true").is_none();
    ensure!(good, "not the expected result: {}", String::from_utf8_lossy(body));
    Ok(field("connection:") != Some("close"))
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<()> {
    ensure!(stream.read_buf(buffer).await? > 0, "the server hung up");
    Ok(())
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
