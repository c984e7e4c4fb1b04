//! Many things at once, and none waits for another.

use std::time::Duration;

use windlass_guest::client::{ClientError, Command};

use crate::guest::{Guest, LONG, PLENTY, eventually, lives, sh, text};

#[tokio::test]
async fn commands_run_at_once() {
    let guest = Guest::start().await;
    let dir = tempfile::tempdir().unwrap();
    // Each waits for the next one's file: one after the other they would never end.
    let commands = (0..20).map(|number| {
        let script =
            format!("touch {number}; while ! [ -e {} ]; do sleep 0.01; done; echo {number}", (number + 1) % 20);
        guest.run(sh(&script).cwd(dir.path()))
    });
    let commands: Vec<_> = commands.collect();
    let mut tasks = Vec::new();
    for command in commands {
        tasks.push(command);
    }
    let done = join_all(tasks).await;
    for (number, done) in done.into_iter().enumerate() {
        assert_eq!(text(&done.unwrap().stdout), number.to_string());
    }
}

async fn join_all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|cx| {
        let mut pending = false;
        for (future, output) in &mut futures {
            if output.is_none() {
                match future.as_mut().poll(cx) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => pending = true,
                }
            }
        }
        if pending { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    futures.into_iter().map(|(_, output)| output.unwrap()).collect()
}

#[tokio::test]
async fn a_flood_that_nobody_reads_delays_nobody() {
    let guest = Guest::start().await;
    let mut flood = guest.client().exec(Command::new("yes"), LONG).await.unwrap();
    for number in 0..200 {
        guest.client().ping(LONG).await.unwrap();
        if number % 20 == 0 {
            assert_eq!(guest.sh(&format!("echo {number}")).await.stdout, format!("{number}\n"));
        }
    }
    // It stopped at its credit, and goes on when it is read.
    let mut stdout = flood.take_stdout().unwrap();
    let mut read = 0;
    while read < 4 << 20 {
        read += stdout.next().await.unwrap().unwrap().len();
    }
    drop((flood, stdout));
    guest.client().ping(LONG).await.unwrap();
}

#[tokio::test]
async fn pings_pass_a_flood_that_is_read() {
    let guest = Guest::start().await;
    let mut flood = guest.client().exec(Command::new("yes"), LONG).await.unwrap();
    let mut stdout = flood.take_stdout().unwrap();
    let reading = tokio::spawn(async move {
        let mut read = 0_u64;
        while let Ok(Some(bytes)) = stdout.next().await {
            read += bytes.len() as u64;
        }
        read
    });
    for _ in 0..300 {
        guest.client().ping(LONG).await.unwrap();
    }
    drop(flood);
    assert!(reading.await.unwrap() > 0, "and the flood went on");
}

#[tokio::test]
async fn a_flood_whose_reader_left_does_not_stall_its_command() {
    let guest = Guest::start().await;
    let mut running = guest.client().exec(sh("head -c 20000000 /dev/zero; echo done >&2"), LONG).await.unwrap();
    drop(running.take_stdout());
    let done = running.collect(PLENTY, LONG).await.unwrap();
    assert_eq!(text(&done.stderr), "done");
}

#[tokio::test]
async fn a_slow_reader_gets_everything() {
    let guest = Guest::start().await;
    let mut running =
        guest.client().exec(sh("head -c 3000000 /dev/zero").drain(Duration::from_millis(20)), LONG).await.unwrap();
    let mut stdout = running.take_stdout().unwrap();
    let mut read = 0;
    while let Some(bytes) = stdout.next().await.unwrap() {
        read += bytes.len();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(read, 3_000_000);
    assert!(running.wait(LONG).await.unwrap().success());
}

#[tokio::test]
async fn a_deadline_of_the_host_leaves_the_connection_in_step() {
    let guest = Guest::start().await;
    let running = guest.client().exec(sh("echo wrong; exec sleep 1000"), LONG).await.unwrap();
    let pid = running.pid().to_string();
    assert!(lives(&pid));
    assert_eq!(running.wait(Duration::from_millis(50)).await, Err(ClientError::Timeout));
    assert_eq!(guest.sh("echo right").await.stdout, "right\n");
    assert!(eventually(|| !lives(&pid)).await);
}

#[tokio::test]
async fn too_many_requests_are_refused_and_the_rest_goes_on() {
    let guest = Guest::start().await;
    let most = guest.client().about().max_channels;
    let mut running = Vec::new();
    for _ in 0..most {
        running.push(guest.client().exec(Command::new("sleep").arg("1000"), LONG).await.unwrap());
    }
    let refused = guest.client().ping(LONG).await;
    assert!(
        matches!(&refused, Err(ClientError::Guest(error))
        if error.kind == windlass_guest::protocol::ErrorKind::Busy),
        "{refused:?}"
    );
    running.clear();
    while guest.client().ping(LONG).await.is_err() {}
    assert_eq!(guest.sh("echo fine").await.stdout, "fine\n");
}
