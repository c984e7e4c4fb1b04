//! The tools: what a model sees of sandboxes.

mod answers;
mod arguments;
mod code;
mod errors;
mod files;
mod resources;
mod run;

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use tokio::sync::OnceCell;
use windlass_config::settings::{BackendKind, IsolationDemand, SandboxesSettings};
use windlass_core::{
    AuditSink, Call, Check, ErrorKind, Library, Output, Reply, ToolError, ToolSpec, Toolset, chain,
    mcp::ToolAnnotations, schema,
};
use windlass_guard::{GuardSettingError, SystemResolver};

use crate::{
    Sandboxes,
    backend::{Backend, BackendError, Isolation},
    egress::Egress,
    life::Wish,
    namespace::{Namespaces, Program},
};
use answers::{Destroyed, SandboxAnswer, SandboxList};
use arguments::{
    CodeArguments, CommandArguments, CreateArguments, ListArguments, NoArguments, ReadArguments, SandboxArguments,
    WriteArguments,
};

/// Sandboxes as tools. Clones share them.
#[derive(Clone)]
pub struct SandboxToolset {
    inner: Arc<Inner>,
}

struct Inner {
    settings: SandboxesSettings,
    base: PathBuf,
    program: Program,
    egress: Option<Arc<Egress>>,
    /// Opened by whoever needs it first; what fails is tried again by the next.
    sandboxes: OnceCell<Sandboxes>,
}

impl SandboxToolset {
    /// The toolset as the settings say; relative paths count from `base`. Sandboxes begin to be made at once, in the
    /// background. Connections of sandboxes are written to `audit`. Must be called inside a tokio runtime.
    pub fn new(
        settings: SandboxesSettings,
        base: PathBuf,
        program: Program,
        audit: Arc<dyn AuditSink>,
    ) -> Result<Self, GuardSettingError> {
        let egress = Egress::new(&settings.egress, Arc::new(SystemResolver), audit)?;
        let inner = Inner { settings, base, program, egress, sandboxes: OnceCell::new() };
        let this = Self { inner: Arc::new(inner) };
        let warming = this.clone();
        tokio::spawn(async move {
            if let Err(error) = warming.sandboxes().await {
                tracing::warn!("there are no sandboxes: {}", chain(&error));
            }
        });
        Ok(this)
    }

    /// Whether sandboxes can be expected to work here at all, without making one.
    pub fn is_likely() -> bool {
        crate::namespace::is_installed()
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &SandboxesSettings {
        &self.inner.settings
    }

    async fn sandboxes(&self) -> Result<&Sandboxes, BackendError> {
        self.inner.sandboxes.get_or_try_init(|| self.inner.open()).await
    }
}

impl Inner {
    async fn open(&self) -> Result<Sandboxes, BackendError> {
        let settings = &self.settings;
        let backend = match settings.backend {
            BackendKind::Auto | BackendKind::Namespace => {
                let below = |path: &PathBuf| self.base.join(path);
                let (directory, root) = (settings.directory.as_ref().map(below), settings.root.as_ref().map(below));
                Namespaces::open(directory, root, self.program.clone(), self.egress.clone()).await?
            }
        };
        if settings.isolation == IsolationDemand::Vm && backend.about().isolation < Isolation::Vm {
            return Err(BackendError::Missing {
                what: "no backend here gives a sandbox a kernel of its own, and `sandbox.isolation` demands one".into(),
                hint: "set `sandbox.isolation: any` to accept sandboxes that share this machine's kernel".into(),
            });
        }
        Ok(Sandboxes::new(settings.clone(), Arc::new(backend)))
    }
}

#[async_trait]
impl Toolset for SandboxToolset {
    fn name(&self) -> &str {
        "sandbox"
    }

    fn tools(&self) -> Vec<ToolSpec> {
        let settings = &self.inner.settings;
        let does = || ToolAnnotations::new().read_only(false).destructive(false).idempotent(false).open_world(false);
        let reads = || ToolAnnotations::new().read_only(true).destructive(false).idempotent(true).open_world(false);
        let ends = || ToolAnnotations::new().read_only(false).destructive(true).idempotent(true).open_world(false);
        let (time, most) = (settings.timeout, settings.max_timeout);
        let network = match &self.inner.egress {
            None => "There is no network.".to_owned(),
            Some(egress) => format!("Of the network only these can be reached: {}.", egress.list().join(", ")),
        };
        vec![
            ToolSpec::new(schema::tool::<CreateArguments, SandboxAnswer>(
                "create_sandbox",
                "Create a sandbox",
                format!(
                    "Makes a sandbox: a place of its own with files and programs (Python, and what else is installed), where \
                     code can run without reaching anything else. Keep its sandbox_id for the other tools. It is destroyed \
                     after its ttl ({}) or when it is not used for {}. For one piece of code, run_code alone is enough.",
                    settings.ttl, settings.idle
                ),
                does(),
            )),
            ToolSpec::new(schema::tool::<CodeArguments, run::CodeAnswer>(
                "run_code",
                "Run code",
                format!(
                    "Runs Python, JavaScript or bash and returns what it printed. With a sandbox_id it runs there and finds \
                     the files of earlier runs; without, in a new sandbox that is destroyed afterwards. Images that the code \
                     writes into its working directory come back as images. It is ended after timeout_seconds (default \
                     {time}, at most {most}). {network}"
                ),
                does(),
            ))
            .aliases(&["execute_code"]),
            ToolSpec::new(schema::tool::<CommandArguments, windlass_core::CommandAnswer>(
                "run_command",
                "Run a command in a sandbox",
                format!(
                    "Runs a line of bash in the sandbox `sandbox_id` and returns what it printed. It is ended after \
                     timeout_seconds (default {time}, at most {most})."
                ),
                does(),
            ))
            .fallback("run_in_sandbox", "sandbox_id"),
            ToolSpec::new(schema::tool::<ReadArguments, files::FileAnswer>(
                "read_file",
                "Read a file of a sandbox",
                "Reads a file of a sandbox: text as text, anything else as base64. Large files come in parts: give the \
                 `next_offset` of one answer as `offset` of the next call."
                    .into(),
                reads(),
            )),
            ToolSpec::new(schema::tool::<WriteArguments, files::WriteAnswer>(
                "write_file",
                "Write a file of a sandbox",
                "Writes a file of a sandbox, and makes the directories above it. Give text as `content`, or bytes as \
                 `content_base64`. The file is replaced whole, or stays as it was."
                    .into(),
                does().idempotent(true),
            )),
            ToolSpec::new(schema::tool::<ListArguments, files::ListAnswer>(
                "list_directory",
                "List a directory of a sandbox",
                "Lists the files in a directory of a sandbox, by name.".into(),
                reads(),
            )),
            ToolSpec::new(schema::tool::<NoArguments, SandboxList>(
                "list_sandboxes",
                "List sandboxes",
                "Your sandboxes: what they have, and when they end.".into(),
                reads(),
            )),
            ToolSpec::new(schema::tool::<SandboxArguments, Destroyed>(
                "destroy_sandbox",
                "Destroy a sandbox",
                "Ends a sandbox with everything that runs and lies in it. There is no way back.".into(),
                ends(),
            )),
        ]
    }

    async fn call(&self, call: Call) -> Result<Reply, ToolError> {
        let sandboxes = self.sandboxes().await.map_err(errors::unavailable)?;
        match &*call.tool {
            "create_sandbox" => create(sandboxes, &call).await,
            "run_code" => code::run_code(sandboxes, call).await,
            "run_command" | "run_in_sandbox" => run::run_command(sandboxes, call).await,
            "read_file" => files::read(sandboxes, &call).await,
            "write_file" => files::write(sandboxes, &call).await,
            "list_directory" => files::list(sandboxes, &call).await,
            "list_sandboxes" => list(sandboxes, &call),
            "destroy_sandbox" => destroy(sandboxes, &call).await,
            other => Err(ToolError::not_found(format!("there is no tool `{other}` here"))),
        }
    }

    fn library(&self) -> Option<Arc<dyn Library>> {
        Some(Arc::new(resources::Files(self.clone())))
    }

    async fn ready(&self) -> Vec<Check> {
        match self.sandboxes().await {
            Err(error) => vec![Check::failed("sandbox.backend", chain(&error))],
            Ok(sandboxes) => {
                let about = sandboxes.about();
                let told: Vec<_> = about.protections.iter().map(|(name, how)| format!("{name}: {how}")).collect();
                let detail = format!("{} ({}); {}", about.name, about.isolation.as_str(), told.join(", "));
                vec![match about.isolation {
                    Isolation::Vm => Check::ok("sandbox.backend", detail),
                    Isolation::SharedKernel => Check::degraded("sandbox.backend", detail),
                }]
            }
        }
    }

    async fn shutdown(&self) {
        if let Some(sandboxes) = self.inner.sandboxes.get() {
            sandboxes.shutdown().await;
        }
    }
}

async fn create(sandboxes: &Sandboxes, call: &Call) -> Result<Reply, ToolError> {
    let wish: Wish = call.arguments::<CreateArguments>()?.try_into()?;
    let sandbox = sandboxes.create(&call.principal, wish).await?;
    let answer = SandboxAnswer::of(&sandbox, sandboxes.about());
    Ok(Output::structured(answer.for_model(), &answer)?.into())
}

fn list(sandboxes: &Sandboxes, call: &Call) -> Result<Reply, ToolError> {
    let found = sandboxes.list(&call.principal);
    let list = SandboxList::of(found.iter().map(|sandbox| SandboxAnswer::of(sandbox, sandboxes.about())).collect());
    Ok(Output::structured(list.for_model(), &list)?.into())
}

async fn destroy(sandboxes: &Sandboxes, call: &Call) -> Result<Reply, ToolError> {
    let SandboxArguments { sandbox_id } = call.arguments()?;
    sandboxes.destroy(&call.principal, &sandbox_id).await?;
    let answer = Destroyed { success: true };
    Ok(Output::structured(format!("sandbox {sandbox_id} is gone"), &answer)?.into())
}

/// A guest that broke its connection is believed nothing any longer, and its sandbox is taken away.
async fn or_discard<T>(
    sandboxes: &Sandboxes,
    sandbox: &crate::life::Sandbox,
    result: Result<T, windlass_guest::client::ClientError>,
) -> Result<T, ToolError> {
    use windlass_guest::client::ClientError;
    match result {
        Ok(done) => Ok(done),
        Err(ClientError::Closed(why)) => {
            sandboxes.discard(sandbox).await;
            Err(ToolError::new(
                ErrorKind::Failed,
                format!("the sandbox {} ended in the middle of the call", sandbox.id),
            )
            .hint("it may have run out of memory: make another with create_sandbox, with more memory_mib if so")
            .detail(why))
        }
        Err(error) => Err(errors::guest(error)),
    }
}
