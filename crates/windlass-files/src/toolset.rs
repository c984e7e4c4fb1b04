//! The tools: what a model sees of files.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::task::spawn_blocking;
use windlass_config::settings::FilesSettings;
use windlass_core::{Call, Check, Output, Reply, ToolError, ToolSpec, Toolset, mcp::ToolAnnotations, schema};

use crate::{
    arguments::{ListAnswer, ListArguments, ReadAnswer, ReadArguments, WriteAnswer, WriteArguments},
    error::FileError,
    list, read,
    root::Root,
    shown::shown,
    write,
};

/// The toolset `files`.
#[derive(Clone)]
pub struct FilesToolset(Arc<Root>);

impl FilesToolset {
    /// Files below the directory of the settings. It is opened when it is needed.
    pub fn new(settings: FilesSettings) -> Self {
        Self(Arc::new(Root::new(settings)))
    }
}

/// Tools with these names are those of sandboxes where there are any, and who may use those must not come to read the
/// server's files by that. So these give way, and are then called by their other names.
const READ: [&str; 2] = ["read_file", "read_server_file"];
const WRITE: [&str; 2] = ["write_file", "write_server_file"];
const LIST: &str = "list_files";

#[async_trait]
impl Toolset for FilesToolset {
    fn name(&self) -> &str {
        "files"
    }

    fn tools(&self) -> Vec<ToolSpec> {
        let most = self.0.settings.max_bytes;
        let reads = || ToolAnnotations::new().read_only(true).destructive(false).idempotent(true).open_world(false);
        let replaces = ToolAnnotations::new().read_only(false).destructive(true).idempotent(true).open_world(false);
        let mut tools = vec![
            ToolSpec::new(schema::tool::<ReadArguments, ReadAnswer>(
                READ[0],
                "Read a file",
                format!(
                    "Reads a file of the server's directory: text as text, images as images, anything else as base64. Of a \
                     long one, give first_line and last_line. At most {most} are read at once: go on with `next_offset` as \
                     `offset`. list_files shows what there is."
                ),
                reads(),
            ))
            .fallback(READ[1], "first_line"),
            ToolSpec::new(schema::tool::<ListArguments, ListAnswer>(
                LIST,
                "List files",
                "Lists files of the server's directory with their sizes, by path. Narrow it with `path` and `glob`. Links are \
                 listed and not followed."
                    .to_owned(),
                reads(),
            )),
        ];
        if self.0.settings.writable {
            let tool = schema::tool::<WriteArguments, WriteAnswer>(
                WRITE[0],
                "Write a file",
                format!(
                    "Writes a file of the server's directory, at most {most}. It is replaced whole, or stays as it was: to \
                     change a part, read it, and write all of it with the `sha256` that was read as `expected_sha256`. \
                     Directories above it are made."
                ),
                replaces,
            );
            tools.push(ToolSpec::new(tool).fallback(WRITE[1], "expected_sha256"));
        }
        tools
    }

    async fn call(&self, call: Call) -> Result<Reply, ToolError> {
        let (root, cancel) = (self.0.clone(), call.cancel.clone());
        match &*call.tool {
            tool if READ.contains(&tool) => {
                let given: ReadArguments = call.arguments()?;
                let (path, offset) = (given.path.clone(), given.offset.unwrap_or(0));
                let window = blocking(move || read::read(&root, &path, offset, &cancel)).await?;
                read::answer(&call, window, &given).await
            }
            LIST => {
                let (given, patience) = (call.arguments::<ListArguments>()?, call.deadline.remaining() / 2);
                let found = blocking(move || list::list(&root, &given, patience, &cancel)).await?;
                list::answer(&call, found).await
            }
            tool if WRITE.contains(&tool) && self.0.settings.writable => {
                let given: WriteArguments = call.arguments()?;
                let wrote = blocking(move || write::write(&root, given, &cancel)).await?;
                let verb = if wrote.created { "made" } else { "replaced" };
                let text = format!("{verb} {}: {} bytes", shown(&wrote.path), wrote.size);
                Ok(Output::structured(text, &wrote)?.into())
            }
            other => Err(ToolError::not_found(format!("there is no tool `{other}` here"))),
        }
    }

    async fn ready(&self) -> Vec<Check> {
        let root = self.0.clone();
        let opened = spawn_blocking(move || root.open().map(drop)).await;
        let how = if self.0.settings.writable { "to be read and written" } else { "to be read" };
        vec![match opened {
            Ok(Ok(())) => Check::ok("files.directory", format!("open, {how}")),
            // It is made when the first file is written.
            Ok(Err(FileError::Root(error)))
                if self.0.settings.writable && error.kind() == std::io::ErrorKind::NotFound =>
            {
                Check::degraded("files.directory", "not there yet; the first file that is written makes it")
            }
            Ok(Err(FileError::Root(error))) => {
                let place = self.0.settings.directory.display();
                Check::failed("files.directory", format!("{place}: {error}; see `files.directory`"))
            }
            Ok(Err(error)) => Check::failed("files.directory", error.to_string()),
            Err(error) => Check::failed("files.directory", error.to_string()),
        }]
    }
}

/// File systems make callers wait, and a network's for long.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FileError> + Send + 'static,
) -> Result<T, ToolError> {
    spawn_blocking(work).await.map_err(ToolError::internal)?.map_err(ToolError::from)
}
