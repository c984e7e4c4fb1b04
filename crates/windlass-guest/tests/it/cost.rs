//! What it costs, told and not judged: a machine that is busy is no failure. Run with `--ignored --nocapture`.

use std::{
    path::Path,
    process::{Command as Process, Stdio},
    time::{Duration, Instant},
};

use tokio::net::UnixStream;
use windlass_guest::{
    client::{Command, GuestClient},
    protocol::{ReadRequest, WriteMode, WriteRequest},
};

use crate::guest::{LONG, PLENTY};

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// `WINDLASS_GUEST` names the program to measure, such as the static one.
fn program() -> String {
    std::env::var("WINDLASS_GUEST").unwrap_or_else(|_| env!("CARGO_BIN_EXE_windlass-guest").into())
}

async fn connect(path: &Path) -> GuestClient {
    loop {
        if let Ok(stream) = UnixStream::connect(path).await {
            return GuestClient::new(stream, LONG).await.unwrap();
        }
        tokio::time::sleep(Duration::from_micros(50)).await;
    }
}

#[tokio::test]
#[ignore = "measures"]
async fn what_it_costs() {
    let dir = tempfile::tempdir().unwrap();
    let mut starts = Vec::new();
    for number in 0..50 {
        let path = dir.path().join(number.to_string());
        let start = Instant::now();
        let mut process = Process::new(program()).arg("--unix").arg(&path).stdin(Stdio::null()).spawn().unwrap();
        let client = connect(&path).await;
        client.ping(LONG).await.unwrap();
        starts.push(start.elapsed());
        process.kill().unwrap();
        process.wait().unwrap();
    }
    println!("start to first answer {:?}", median(starts));

    let path = dir.path().join("socket");
    let mut process = Process::new(program()).arg("--unix").arg(&path).spawn().unwrap();
    let client = connect(&path).await;
    let (mut pings, mut execs, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..500 {
        let start = Instant::now();
        client.ping(LONG).await.unwrap();
        pings.push(start.elapsed());
        let start = Instant::now();
        client.exec(Command::new("true"), LONG).await.unwrap().collect(PLENTY, LONG).await.unwrap();
        execs.push(start.elapsed());
        let start = Instant::now();
        Process::new("true").output().unwrap();
        bare.push(start.elapsed());
    }
    println!("ping {:?}, exec of true {:?}, bare {:?}", median(pings), median(execs), median(bare));

    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    println!("{}", status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default());

    let start = Instant::now();
    let mut running = client.exec(Command::new("head").args(["-c", "1000000000", "/dev/zero"]), LONG).await.unwrap();
    let mut stdout = running.take_stdout().unwrap();
    while stdout.next().await.unwrap().is_some() {}
    println!("standard output {:.0} MB/s", 1000.0 / start.elapsed().as_secs_f64());

    let file = dir.path().join("file");
    let data = bytes::Bytes::from(vec![7; 256_000_000]);
    let start = Instant::now();
    let request = WriteRequest {
        path: file.as_path().into(),
        mode: WriteMode::Replace,
        permissions: None,
        owner: None,
        parents: false,
    };
    let mut writer = client.write_file(request, LONG).await.unwrap();
    writer.write(data).await.unwrap();
    writer.finish().await.unwrap();
    println!("file in {:.0} MB/s", 256.0 / start.elapsed().as_secs_f64());
    let start = Instant::now();
    let request = ReadRequest { path: file.as_path().into(), offset: 0, length: None };
    let mut reader = client.read_file(request, LONG).await.unwrap();
    while reader.next().await.unwrap().is_some() {}
    println!("file out {:.0} MB/s", 256.0 / start.elapsed().as_secs_f64());
    process.kill().unwrap();
    process.wait().unwrap();
}
