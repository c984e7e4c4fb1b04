//! The tools: what a model sees of sandboxes.

mod answers;
mod arguments;
mod code;
mod errors;
mod files;
mod resources;
mod run;
mod session;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use tokio::sync::OnceCell;
use windlass_config::settings::SandboxesSettings;
use windlass_core::{
    AuditSink, Call, Check, ErrorKind, Library, Output, Reply, ToolError, ToolSpec, Toolset, chain,
    mcp::ToolAnnotations, schema,
};
use windlass_guard::{GuardSettingError, SystemResolver};

use crate::{
    Sandboxes,
    backend::{BackendError, Isolation},
    choice::Choice,
    egress::Egress,
    life::{Wish, default_spec},
    program::Program,
    rootfs::{Fetch, Rootfs},
};
pub(crate) use session::Sessions;

use answers::{Destroyed, SandboxAnswer, SandboxList, SnapshotAnswer};
use arguments::{
    CodeArguments, CommandArguments, CreateArguments, ForkArguments, ListArguments, NoArguments, ReadArguments,
    SandboxArguments, SnapshotArguments, WriteArguments,
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
    rootfs: Option<Rootfs>,
    /// Opened by whoever needs it first; what fails is tried again by the next.
    sandboxes: OnceCell<Sandboxes>,
}

impl SandboxToolset {
    /// The toolset as the settings say; relative paths count from `base`. Sandboxes begin to be made at once, in the
    /// background. Connections of sandboxes are written to `audit`, and `fetch` brings the root file system that the
    /// settings may name by URL. Must be called inside a tokio runtime.
    pub fn new(
        settings: SandboxesSettings,
        base: PathBuf,
        program: Program,
        audit: Arc<dyn AuditSink>,
        fetch: Option<Arc<dyn Fetch>>,
    ) -> Result<Self, GuardSettingError> {
        let egress = Egress::new(&settings.egress, Arc::new(SystemResolver), audit)?;
        let rootfs = Rootfs::begin(&settings, &base, fetch);
        let inner = Inner { settings, base, program, egress, rootfs, sandboxes: OnceCell::new() };
        let this = Self { inner: Arc::new(inner) };
        let warming = this.clone();
        tokio::spawn(async move {
            if let Some(rootfs) = &warming.inner.rootfs
                && rootfs.arrived().await.is_err()
            {
                // Whoever fetches has said why.
                return;
            }
            if let Err(error) = warming.sandboxes().await {
                tracing::warn!("there are no sandboxes: {}", chain(&error));
            }
        });
        Ok(this)
    }

    /// Whether sandboxes can be expected to work here at all, without making one.
    pub fn is_likely() -> bool {
        crate::jail::is_likely()
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &SandboxesSettings {
        &self.inner.settings
    }

    async fn sandboxes(&self) -> Result<&Sandboxes, BackendError> {
        // Before the first of those who wait opens for all: each has its own patience.
        let rootfs = match &self.inner.rootfs {
            Some(rootfs) => Some(rootfs.path().await?),
            None => None,
        };
        self.inner.sandboxes.get_or_try_init(|| self.inner.open(rootfs)).await
    }
}

impl Inner {
    async fn open(&self, rootfs: Option<&Path>) -> Result<Sandboxes, BackendError> {
        let mut settings = self.settings.clone();
        settings.rootfs = rootfs.map(Path::to_owned).or(settings.rootfs);
        let choice = Choice {
            settings: &settings,
            base: &self.base,
            program: self.program.clone(),
            egress: self.egress.clone(),
            first: default_spec(&self.settings),
        };
        Ok(Sandboxes::new(self.settings.clone(), choice.open().await?))
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
                "Your sandboxes: what they have, and when they end. Also the snapshots you keep.".into(),
                reads(),
            )),
            ToolSpec::new(schema::tool::<SandboxArguments, Destroyed>(
                "destroy_sandbox",
                "Destroy a sandbox",
                "Ends a sandbox with everything that runs and lies in it. There is no way back. A snapshot_id in its \
                 place forgets that snapshot."
                    .into(),
                ends(),
            )),
            ToolSpec::new(schema::tool::<SnapshotArguments, SnapshotAnswer>(
                "snapshot_sandbox",
                "Keep a sandbox as it is",
                "Keeps a sandbox as it is now, so that create_sandbox can make others that go on from here: \
                 give it the snapshot_id. The sandbox goes on too. Only virtual machines can be kept."
                    .into(),
                does(),
            )),
            ToolSpec::new(schema::tool::<ForkArguments, SandboxAnswer>(
                "fork_sandbox",
                "Copy a sandbox",
                "Makes another sandbox with the files of this one as they are now, to try something without \
                 harm to the first. What runs goes on in the first only. Only virtual machines can be copied."
                    .into(),
                does(),
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
            "snapshot_sandbox" => snapshot(sandboxes, &call).await,
            "fork_sandbox" => fork(sandboxes, &call).await,
            "destroy_sandbox" => destroy(sandboxes, &call).await,
            other => Err(ToolError::not_found(format!("there is no tool `{other}` here"))),
        }
    }

    fn library(&self) -> Option<Arc<dyn Library>> {
        Some(Arc::new(resources::Files(self.clone())))
    }

    async fn ready(&self) -> Vec<Check> {
        if let Some(rootfs) = &self.inner.rootfs
            && let Some(check) = rootfs.check().await
        {
            return vec![check];
        }
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
        if let Some(rootfs) = &self.inner.rootfs {
            rootfs.stop();
        }
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
    let snapshots = sandboxes.snapshots(&call.principal);
    let list = SandboxList::of(
        found.iter().map(|sandbox| SandboxAnswer::of(sandbox, sandboxes.about())).collect(),
        snapshots.iter().map(|snapshot| SnapshotAnswer::of(snapshot)).collect(),
    );
    Ok(Output::structured(list.for_model(), &list)?.into())
}

async fn snapshot(sandboxes: &Sandboxes, call: &Call) -> Result<Reply, ToolError> {
    let SnapshotArguments { sandbox_id, ttl_seconds } = call.arguments()?;
    let ttl = ttl_seconds.map(std::time::Duration::from_secs);
    let snapshot = sandboxes.store(&call.principal, &sandbox_id, ttl).await?;
    let answer = SnapshotAnswer::of(&snapshot);
    Ok(Output::structured(answer.for_model(), &answer)?.into())
}

async fn fork(sandboxes: &Sandboxes, call: &Call) -> Result<Reply, ToolError> {
    let mut given: ForkArguments = call.arguments()?;
    let wish = given.wish()?;
    let sandbox = sandboxes.fork(&call.principal, &given.sandbox_id, wish).await?;
    let answer = SandboxAnswer::of(&sandbox, sandboxes.about());
    Ok(Output::structured(answer.for_model(), &answer)?.into())
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
