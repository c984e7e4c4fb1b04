//! What a front costs. A measurement, not a test: `cargo test -p windlass-containers -- --ignored --nocapture cost`.

use std::{net::SocketAddr, time::Instant};

use crate::upstream::{Connection, Fronted, Release};

const CALLS: usize = 5000;

/// Median microseconds of a call, and microseconds of processor time of client, front and release together.
async fn cost(address: SocketAddr) -> (f64, f64) {
    let mut connection = Connection::open(address).await;
    for _ in 0..200 {
        connection.ask("POST", "/", "{}").await.unwrap();
    }
    let before = cpu();
    let mut took = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let began = Instant::now();
        assert_eq!(connection.ask("POST", "/", "{}").await.unwrap().0, 200);
        took.push(began.elapsed().as_secs_f64() * 1e6);
    }
    let spent = (cpu() - before) * 1e6 / CALLS as f64;
    took.sort_by(f64::total_cmp);
    (took[CALLS / 2], spent)
}

/// Processor seconds of this process.
fn cpu() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

#[tokio::test]
#[ignore = "a measurement"]
async fn cost_of_a_call() {
    let one = Release::start("one").await;
    let front = Fronted::before(&one).await;
    for _ in 0..3 {
        let (direct, through) = (cost(one.address).await, cost(front.address).await);
        println!(
            "p50 {:.0} us direct, {:.0} us through the front; processor {:.0} us direct, {:.0} us through",
            direct.0, through.0, direct.1, through.1
        );
    }
}
