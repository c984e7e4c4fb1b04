//! What a deploy says while it works: on standard error, so that standard output is the result.

use std::{
    io::{self, Write},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use windlass_deploy::{Outcome, Phase, Progress, Proof};

/// A bar on a terminal, lines anywhere else.
pub struct Bar {
    bar: ProgressBar,
    shown: bool,
    phase: Mutex<Option<Phase>>,
    /// What was last said to be done: told once, however often it is said.
    last: Mutex<String>,
}

impl Bar {
    pub fn new(quiet: bool) -> Self {
        let bar = ProgressBar::new_spinner();
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        bar.set_draw_target(target);
        let shown = !bar.is_hidden();
        bar.set_style(ProgressStyle::default_spinner());
        if shown {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Self { bar, shown, phase: Mutex::new(None), last: Mutex::default() }
    }

    fn line(&self, text: &str) {
        match self.shown {
            true => self.bar.println(text),
            // Nobody may be reading any more, which is no reason to stop half-way.
            false => drop(writeln!(io::stderr(), "{text}")),
        }
    }

    fn phase(&self) -> &'static str {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner).map_or("", Phase::name)
    }
}

impl Progress for Bar {
    fn begin(&self, phase: Phase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = Some(phase);
        self.bar.set_message(phase.name());
    }

    fn step(&self, text: &str) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last == text {
            return;
        }
        text.clone_into(&mut last);
        match self.shown {
            true => self.bar.set_message(format!("{:<7} {text}", self.phase())),
            false => self.line(&format!("{:<7} {text}", self.phase())),
        }
    }

    fn advance(&self, done: u64, of: u64) {
        if let Some(percent) = (done * 100).checked_div(of) {
            self.bar.set_prefix(format!("{percent} %"));
        }
    }

    fn proof(&self, proof: &Proof) {
        let mark = match proof.outcome {
            Outcome::Passed => "ok",
            Outcome::Failed => "FAILED",
            Outcome::Skipped => "skipped",
        };
        let figure = proof.measured.as_deref().map(|figure| format!(" ({figure})")).unwrap_or_default();
        let detail = match proof.outcome {
            Outcome::Passed => String::new(),
            _ => format!(": {}", proof.detail),
        };
        self.line(&format!("        {mark:<7} {}{figure}{detail}", proof.promise));
    }

    fn notice(&self, text: &str) {
        self.line(&format!("note    {text}"));
    }

    fn end(&self, phase: Phase, milliseconds: Option<u64>) {
        let how = match milliseconds {
            Some(milliseconds) => format!("done in {}.{} s", milliseconds / 1000, milliseconds % 1000 / 100),
            None => "its receipt stands".to_owned(),
        };
        self.line(&format!("{phase:<7} {how}"));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
