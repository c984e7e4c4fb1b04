//! The echo server on standard input and output. With an argument it misbehaves: `noise` prints to standard output,
//! `stay` ignores the end of its input, `crash` says why and leaves, `orphan` leaves a child of its own behind.

#[path = "echo.rs"]
mod echo;

use std::io::Write;

use rmcp::ServiceExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mode = std::env::args().nth(1).unwrap_or_default();
    match mode.as_str() {
        "noise" => writeln!(std::io::stdout(), "Listening...")?,
        "crash" => {
            writeln!(std::io::stderr(), "cannot open the database: it is on fire")?;
            std::process::exit(3);
        }
        "orphan" => {
            let file = std::env::args().nth(2).ok_or("orphan needs a file for its pid")?;
            let child = std::process::Command::new("sleep").arg("1000").spawn()?;
            std::fs::write(file, child.id().to_string())?;
        }
        _ => {}
    }
    let service = echo::Echo.serve(rmcp::transport::stdio()).await?;
    service.waiting().await?;
    if mode == "stay" {
        std::future::pending::<()>().await;
    }
    Ok(())
}
