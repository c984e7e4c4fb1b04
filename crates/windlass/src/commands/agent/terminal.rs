//! A person at a terminal: lines, edited, and answers to what the agent asks.

use std::{
    io::IsTerminal,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use rustyline::{Config, Editor, error::ReadlineError, history::MemHistory};
use tokio_util::sync::CancellationToken;
use windlass_agent::{
    Approver,
    approval::{Approval, Decision},
};

use super::screen::{plain, shown};
use crate::exit::Failure;

/// What somebody typed.
pub enum Typed {
    /// A line.
    Line(String),
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-D, or the end of a pipe.
    End,
}

/// A terminal.
#[derive(Clone)]
pub struct Terminal {
    editor: Arc<Mutex<Editor<(), MemHistory>>>,
    /// Ends the run that goes on now.
    current: Arc<Mutex<CancellationToken>>,
}

impl Terminal {
    pub fn new() -> Result<Self, Failure> {
        let editor = Editor::with_history(Config::default(), MemHistory::new())?;
        Ok(Self { editor: Arc::new(Mutex::new(editor)), current: Arc::default() })
    }

    /// Whether there is a person at it.
    pub fn is_there() -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// What ends the run that begins now; Ctrl-C at a question does.
    pub fn begin(&self) -> CancellationToken {
        let token = CancellationToken::new();
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = token.clone();
        token
    }

    /// Asks for a line. One at a time: a question that nobody waits for any more is still on the screen.
    pub async fn line(&self, prompt: &str, remember: bool) -> Typed {
        let (editor, prompt) = (self.editor.clone(), prompt.to_owned());
        let reading = tokio::task::spawn_blocking(move || {
            let mut editor = editor.lock().unwrap_or_else(PoisonError::into_inner);
            let typed = editor.readline(&prompt);
            if let (Ok(line), true) = (&typed, remember) {
                // A history that is full or sees a line twice is no reason to stop.
                let _ = editor.add_history_entry(line);
            }
            typed
        });
        match reading.await {
            Ok(Ok(line)) => Typed::Line(line),
            Ok(Err(ReadlineError::Interrupted)) => Typed::Interrupted,
            Ok(Err(_)) | Err(_) => Typed::End,
        }
    }
}

#[async_trait]
impl Approver for Terminal {
    async fn decide(&self, approval: &Approval) -> Decision {
        eprintln!("  ?? {} {}", plain(&approval.tool), shown(&approval.arguments));
        let refuse = |reason: &str| Decision::Refuse { reason: reason.to_owned() };
        match self.line("     call it? y(es), or no and why: ", false).await {
            Typed::Line(line) => match line.trim() {
                "y" | "Y" | "yes" => Decision::Allow,
                "" | "n" | "N" | "no" => refuse(""),
                why => refuse(why),
            },
            Typed::Interrupted => {
                self.current.lock().unwrap_or_else(PoisonError::into_inner).cancel();
                refuse("")
            }
            Typed::End => refuse("nobody is there to approve it"),
        }
    }
}

/// Refuses for want of a person, and says where a call can be allowed beforehand.
pub struct Unattended;

#[async_trait]
impl Approver for Unattended {
    async fn decide(&self, approval: &Approval) -> Decision {
        let tool = plain(&approval.tool);
        eprintln!(
            "  ?? {tool} needs a person, and nobody is there; `agent.approvals.allow: [{tool}]` lets it be called"
        );
        Decision::Refuse { reason: "nobody is there to approve it".to_owned() }
    }
}
