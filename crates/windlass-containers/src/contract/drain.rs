//! Asking it to end while it answers.

use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Expectations, Fact, web::Web};
use crate::engine::{Container, Engine};

/// The longest that the request is held open after the signal.
pub(super) const HOLD: Duration = Duration::from_secs(3);
/// How long the server may take to say that it wants the request's body.
const WELCOME: Duration = Duration::from_secs(3);

const BODY: &str = r#"{"jsonrpc":"2.0","id":3,"method":"tools/list"}"#;

pub(super) async fn prove(
    engine: &Engine,
    container: &Container,
    web: &Web,
    expected: &Expectations,
    facts: &mut Vec<Fact>,
) {
    let drains = Fact::new("container.drains", "a request under way at SIGTERM is answered");
    let exits = Fact::new("container.exits", "SIGTERM ends it with exit code 0");
    let within = expected.stop_within.as_secs();
    let stops = Fact::new("container.stops", format!("it has ended within {within} s of its last answer"));

    let held = tokio::time::timeout(WELCOME, hold(web)).await.unwrap_or_else(|_| Err("it did not ask for it".into()));
    let stopping = tokio::spawn({
        let (engine, id, grace) = (engine.clone(), container.id.clone(), expected.stop_within + HOLD);
        async move { engine.stop(&id, grace).await }
    });
    let mut answered = Instant::now();
    facts.push(match held {
        Err(why) => drains.skipped(format!("no request could be held open: {why}")),
        Ok(stream) => {
            let turned = turned_away(web).await;
            let finished = finish(stream).await;
            answered = Instant::now();
            match finished {
                Ok(status) if status == "200" => drains.passed(match turned {
                    true => "new connections were turned away meanwhile",
                    false => "new connections were still let in",
                }),
                Ok(status) => drains.failed(format!("it was answered with {status}")),
                Err(problem) => drains.failed(format!("it was not answered: {problem}")),
            }
        }
    });
    let code =
        stopping.await.map_err(|lost| lost.to_string()).and_then(|ended| ended.map_err(|error| error.to_string()));
    let took = answered.elapsed();
    match code {
        Ok(code) => {
            let said = code.map_or("it is gone".into(), |code| format!("exit code {code}"));
            facts.push(exits.when(code == Some(0), said));
            facts.push(stops.when(took <= expected.stop_within, "").measured(took.as_secs_f64(), "s"));
        }
        Err(problem) => {
            facts.push(exits.failed(&problem));
            facts.push(stops.failed(problem));
        }
    }
}

/// A request of which the server has read the head and waits for the rest, and said so: that it is under way is then a
/// fact and not a matter of time.
async fn hold(web: &Web) -> Result<TcpStream, String> {
    let words = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(web.address).await.map_err(words)?;
    let authorization = match &web.token {
        Some(token) => format!("Authorization: Bearer {}\r\n", token.expose_secret()),
        None => String::new(),
    };
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nAccept: application/json, \
         text/event-stream\r\n{authorization}Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        web.address,
        BODY.len()
    );
    stream.write_all(head.as_bytes()).await.map_err(words)?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut answer).await.map_err(words)? == 0 {
            return Err("it closed the connection".into());
        }
    }
    let answer = String::from_utf8_lossy(&answer);
    match answer.starts_with("HTTP/1.1 100") {
        true => Ok(stream),
        false => Err(format!("it answered `{}` at once", answer.lines().next().unwrap_or_default())),
    }
}

/// Waits until nobody new is let in, which shows that the signal has arrived.
async fn turned_away(web: &Web) -> bool {
    let deadline = Instant::now() + HOLD / 2;
    while Instant::now() < deadline {
        if web.get("/health").await.is_err() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

/// Sends the rest; the status of the answer.
async fn finish(mut stream: TcpStream) -> Result<String, String> {
    let all = async {
        stream.write_all(BODY.as_bytes()).await?;
        let mut answer = Vec::new();
        // The status line is enough; whether the rest comes is the client's business.
        while !answer.contains(&b'\n') {
            if stream.read_buf(&mut answer).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        let line = String::from_utf8_lossy(&answer).into_owned();
        Ok(line.split(' ').nth(1).unwrap_or_default().to_owned())
    };
    match tokio::time::timeout(HOLD, all).await {
        Ok(ended) => ended.map_err(|error: std::io::Error| error.to_string()),
        Err(_) => Err(format!("nothing came within {} s", HOLD.as_secs())),
    }
}
