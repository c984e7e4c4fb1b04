//! `windlass sandbox image pull`.

use std::{
    io::{self, Write},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};
use windlass_cloud::object::{Object, Progress, PullError, PullProblem};
use windlass_config::{ObjectError, ObjectUrl, Sha256Sum};
use windlass_sandbox::rootfs;

use crate::{
    cli::SandboxPullArgs,
    exit::{Exit, Failure},
    output::say,
};

/// Between two lines where there is no terminal.
const LINE: Duration = Duration::from_secs(5);

pub async fn run(args: SandboxPullArgs) -> Result<Exit, Failure> {
    let url: ObjectUrl = args.url.parse().map_err(usage)?;
    let given: Option<Sha256Sum> = args.sha256.map(|sum| sum.parse()).transpose().map_err(usage)?;
    let object = Object::new(url.clone());
    let mut terminate = signal(SignalKind::terminate())?;
    let pull = async {
        let sum = match given {
            Some(sum) => sum,
            None => object.verified_sum().await.map_err(failure)?,
        };
        let out = args.out.or_else(|| rootfs::default_place(&sum.to_string()));
        let out = out.context("there is no home directory to look below: name a file with --out");
        let out = std::path::absolute(out.map_err(Failure::usage)?)?;
        let bar = Bar::new();
        let pulled = object.pull(sum, &out, &|progress| bar.tell(progress)).await;
        bar.bar.finish_and_clear();
        Ok::<_, Failure>((pulled.map_err(failure)?, sum))
    };
    let (pulled, sum) = tokio::select! {
        pulled = pull => pulled?,
        _ = async { tokio::select! { _ = tokio::signal::ctrl_c() => {}, _ = terminate.recv() => {} } } => {
            return Err(Failure::with(Exit::Failed, anyhow!("interrupted"))
                .hint("the same command goes on where this one stopped"));
        }
    };
    say!("{}", pulled.path.display());
    say!("  from      {url}{}", if pulled.fetched { "" } else { ", and it was there already" });
    say!("  bytes     {}", pulled.bytes);
    say!("  sha256    {sum}{}", if given.is_some() { "" } else { " (S3 verified it when it was uploaded)" });
    say!("next: `sandbox: {{ rootfs: {} }}` in windlass.yaml", pulled.path.display());
    if matches!(url, ObjectUrl::S3 { .. }) {
        say!("or, for every new machine: `sandbox: {{ rootfs_url: \"{url}\", rootfs_sha256: {sum} }}`");
    }
    Ok(Exit::Done)
}

fn usage(error: ObjectError) -> Failure {
    let hint = error.hint;
    Failure::usage(error).hint(hint)
}

fn failure(error: PullError) -> Failure {
    let (exit, hint) = match error.problem {
        PullProblem::NoSum => (Exit::Usage, error.hint()),
        PullProblem::Broken { .. } => (Exit::Unreachable, error.hint()),
        _ => (Exit::Failed, error.hint()),
    };
    Failure::with(exit, error).hint(hint)
}

/// A bar on a terminal, a line every few seconds anywhere else: on standard error, so that standard output is the result.
struct Bar {
    bar: ProgressBar,
    said: Mutex<Option<Instant>>,
}

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::new(0);
        let style =
            ProgressStyle::with_template("{prefix}{bar:32} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, said: Mutex::default() }
    }

    fn tell(&self, progress: Progress) {
        let Progress { done, total, waiting } = progress;
        let who = if waiting { "another process fetches it: " } else { "" };
        if !self.bar.is_hidden() {
            if self.bar.length() != Some(total) {
                self.bar.set_length(total);
                // What was there already came in no time.
                self.bar.reset_eta();
            }
            self.bar.set_prefix(who);
            return self.bar.set_position(done);
        }
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_none_or(|said| said.elapsed() >= LINE) {
            *said = Some(Instant::now());
            let percent = (done * 100).checked_div(total).unwrap_or(0);
            // Nobody may be reading any more, which is no reason to stop half-way.
            drop(writeln!(io::stderr(), "{who}{percent} %, {} of {} MiB", done >> 20, total.div_ceil(1 << 20)));
        }
    }
}
