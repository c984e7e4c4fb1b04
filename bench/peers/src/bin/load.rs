//! The load: CLIENTS connections, each sending the requests on standard input one after the other, round and round, the
//! next as soon as the last one is answered, for SECONDS. Every answer is read to its end and must hold the MARK of its
//! request (the last of them, for requests that have none). One thread, so that it takes at most one processor.
//!
//! usage: load ADDRESS CLIENTS SECONDS MARK... < requests

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
use windlass_bench_peers::{Times, first, report};

struct Plan {
    address: String,
    questions: Vec<Question>,
    until: Instant,
}

struct Question {
    request: Vec<u8>,
    mark: Vec<u8>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, clients, seconds, marks @ .., last] = &arguments[..] else {
        bail!("usage: load ADDRESS CLIENTS SECONDS MARK...")
    };
    let clients: usize = clients.parse()?;
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input)?;
    let marks = marks.iter().chain(std::iter::repeat(last));
    let questions: Vec<Question> = requests(&input)?
        .into_iter()
        .zip(marks)
        .map(|(request, mark)| Question { request: request.to_vec(), mark: mark.clone().into_bytes() })
        .collect();
    ensure!(!questions.is_empty(), "no request on standard input");
    let started = Instant::now();
    let until = started + Duration::from_secs_f64(seconds.parse()?);
    let plan = Arc::new(Plan { address: address.clone(), questions, until });

    let running: Vec<_> = (0..clients)
        .map(|client| {
            let first = first(client, clients, plan.questions.len());
            tokio::spawn(ask(plan.clone(), first))
        })
        .collect();
    let mut times = Vec::new();
    for client in running {
        times.push(client.await?);
    }
    println!("{}", report(started, times));
    Ok(())
}

/// Where one request ends and the next begins.
fn requests(mut input: &[u8]) -> anyhow::Result<Vec<&[u8]>> {
    let mut found = Vec::new();
    while !input.is_empty() {
        let head_end = find(input, b"\r\n\r\n").context("a request without an end of its head")? + 4;
        let head = String::from_utf8_lossy(&input[..head_end]).to_ascii_lowercase();
        let length = field(&head, "content-length:").context("a request without content-length")?;
        let (request, rest) = input.split_at_checked(head_end + length.parse::<usize>()?).context("half a request")?;
        found.push(request);
        input = rest;
    }
    Ok(found)
}

/// One client's life.
async fn ask(plan: Arc<Plan>, first: usize) -> Times {
    let mut stream = connect(&plan.address).await?;
    let mut times = Vec::new();
    let mut buffer = Vec::with_capacity(8192);
    for question in plan.questions.iter().cycle().skip(first) {
        let sent = Instant::now();
        if sent >= plan.until {
            break;
        }
        stream.write_all(&question.request).await?;
        let keep = answer(&mut stream, &mut buffer, &question.mark).await?;
        times.push(sent.elapsed());
        if !keep {
            stream = connect(&plan.address).await?;
        }
    }
    Ok(times)
}

async fn connect(address: &str) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
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
    if let Some(length) = field(&head, "content-length:") {
        let end = head_end + length.parse::<usize>().context("content-length")?;
        while buffer.len() < end {
            more(stream, buffer).await?;
        }
    } else {
        ensure!(field(&head, "transfer-encoding:") == Some("chunked"), "neither length nor chunks: {head}");
        while !buffer.ends_with(b"0\r\n\r\n") {
            more(stream, buffer).await?;
        }
    }
    let body = &buffer[head_end..];
    let good =
        find(body, b"\"result\"").is_some() && find(body, mark).is_some() && find(body, b"\"isError\":true").is_none();
    ensure!(good, "not the expected result: {}", String::from_utf8_lossy(body));
    Ok(field(&head, "connection:") != Some("close"))
}

/// The value of a header, by its name in small letters with its colon.
fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<()> {
    ensure!(stream.read_buf(buffer).await? > 0, "the server hung up");
    Ok(())
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
