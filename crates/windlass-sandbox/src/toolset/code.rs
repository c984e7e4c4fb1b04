//! `run_code`.

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use windlass_core::{Call, CommandAnswer, Output, Reply, ToolError, mcp::ContentBlock};
use windlass_guest::{
    client::Command,
    protocol::{EntryKind, ReadRequest, WriteRequest},
};

use super::{
    arguments::{CodeArguments, Language, check_environment},
    files, or_discard,
    run::{self, CodeAnswer, Job},
    session,
};
use crate::{
    Sandboxes,
    backend::HOME,
    life::{Sandbox, Wish},
};

/// Images of one answer.
const IMAGES: usize = 4;
/// The biggest image that comes with an answer.
const IMAGE: usize = 2 << 20;
/// Files looked at for images.
const LOOK: u32 = 200;

impl Language {
    /// The program, and how a file of its code is called.
    fn program(self) -> (&'static str, &'static str) {
        match self {
            Self::Python | Self::Python3 => ("python3", "py"),
            Self::Javascript | Self::Js | Self::Node => ("node", "js"),
            Self::Bash | Self::Sh => ("bash", "sh"),
        }
    }
}

pub(super) async fn run_code(sandboxes: &Sandboxes, call: Call) -> Result<Reply, ToolError> {
    let given: CodeArguments = call.arguments()?;
    check_environment(given.environment.as_ref().unwrap_or(&Default::default()))?;
    let limit = run::time_limit(sandboxes, given.timeout_seconds)?;
    if given.session && given.sandbox_id.is_none() {
        return Err(ToolError::invalid("a session needs a sandbox to stay in")
            .hint("make one with create_sandbox and give its sandbox_id; or leave out session"));
    }
    if given.session && given.stdin.is_some() {
        return Err(ToolError::invalid("code in a session has no standard input")
            .hint("put the text into the code, or into a file with write_file"));
    }
    match given.sandbox_id.clone() {
        Some(id) => {
            let sandbox = sandboxes.find(&call.principal, &id)?;
            run_in(sandboxes, &sandbox, &call, given, limit, true).await
        }
        None => {
            let sandbox = sandboxes.create(&call.principal, Wish::default()).await?;
            let _once = Once { sandboxes: sandboxes.clone(), sandbox: sandbox.clone() };
            run_in(sandboxes, &sandbox, &call, given, limit, false).await
        }
    }
}

async fn run_in(
    sandboxes: &Sandboxes,
    sandbox: &Sandbox,
    call: &Call,
    given: CodeArguments,
    limit: Duration,
    stays: bool,
) -> Result<Reply, ToolError> {
    // In a new one there are none.
    let before = if stays { images(sandbox).await } else { Vec::new() };
    let (ended, session_kept) = if given.session {
        let job =
            Job { environment: given.environment.unwrap_or_default(), directory: HOME.to_owned(), stdin: None, limit };
        let (ended, kept) = session::run(sandboxes, sandbox, call, given.language, &given.code, job).await?;
        (ended, Some(kept))
    } else {
        (run_file(sandboxes, sandbox, call, given, limit, stays).await?, None)
    };
    let mut content = Vec::new();
    let mut paths = Vec::new();
    for image in images(sandbox).await.into_iter().filter(|image| !before.contains(image)).take(IMAGES) {
        if let Some(bytes) = read_image(sandbox, &image.path).await {
            content.push(ContentBlock::image(BASE64_STANDARD.encode(bytes), image.kind));
            paths.push(image.path);
        }
    }
    let is_error = ended.exit_code != Some(0);
    let mut text = ended.for_model(limit);
    if session_kept == Some(false) {
        text.push_str("\n[the session ended, and its variables are gone]");
    }
    let answer = CodeAnswer { ended, sandbox_id: stays.then(|| sandbox.id.clone()), images: paths, session_kept };
    let mut output = Output { is_error, ..Output::structured(text, &answer)? };
    output.content.extend(content);
    Ok(output.into())
}

/// Runs code that comes and goes as a file.
async fn run_file(
    sandboxes: &Sandboxes,
    sandbox: &Sandbox,
    call: &Call,
    given: CodeArguments,
    limit: Duration,
    stays: bool,
) -> Result<CommandAnswer, ToolError> {
    let (program, ending) = given.language.program();
    // A file, because an argument has a limit, and a traceback then names lines of it.
    let file = format!("/tmp/.code-{:016x}.{ending}", rand::random::<u64>());
    let request = WriteRequest {
        path: file.as_str().into(),
        mode: Default::default(),
        permissions: None,
        owner: None,
        parents: false,
    };
    let written = files::write_bytes(sandbox, request, given.code.into()).await;
    or_discard(sandboxes, sandbox, written).await?;
    let job = Job {
        environment: given.environment.unwrap_or_default(),
        directory: HOME.to_owned(),
        stdin: given.stdin,
        limit,
    };
    let ended = run::run(sandboxes, sandbox, call, Command::new(program).arg(file.as_str()), job).await?;
    if stays {
        let _ = sandbox.guest.remove(file.as_str(), false, files::TIME).await;
    }
    Ok(ended)
}

#[derive(PartialEq)]
struct Image {
    path: String,
    kind: &'static str,
    size: u64,
    modified_ms: i64,
}

/// Images in the working directory.
async fn images(sandbox: &Sandbox) -> Vec<Image> {
    let Ok(listing) = sandbox.guest.list(HOME, LOOK, files::TIME).await else { return Vec::new() };
    let image = |entry: &windlass_guest::protocol::Entry| {
        let name = entry.name.to_text();
        let kind = match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "png" => "image/png",
            "jpg" | "jpeg" => "image/jpeg",
            "gif" => "image/gif",
            "webp" => "image/webp",
            _ => return None,
        };
        let (size, modified_ms) = (entry.size, entry.modified_ms);
        (entry.kind == EntryKind::File && size <= IMAGE as u64 && size > 0).then(|| Image {
            path: format!("{}/{name}", HOME),
            kind,
            size,
            modified_ms,
        })
    };
    listing.entries.iter().filter_map(image).collect()
}

async fn read_image(sandbox: &Sandbox, path: &str) -> Option<bytes::Bytes> {
    let request = ReadRequest { path: path.into(), offset: 0, length: None };
    let reader = sandbox.guest.read_file(request, files::TIME).await.ok()?;
    reader.read_all(IMAGE).await.ok()
}

/// A sandbox for one call. It is taken away in the background, so that the answer does not wait for that, and also when
/// the call is dropped.
struct Once {
    sandboxes: Sandboxes,
    sandbox: Arc<Sandbox>,
}

impl Drop for Once {
    fn drop(&mut self) {
        let (sandboxes, sandbox) = (self.sandboxes.clone(), self.sandbox.clone());
        tokio::spawn(async move { sandboxes.discard(&sandbox).await });
    }
}
