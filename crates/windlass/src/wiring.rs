//! From settings to a running house: which toolset is made from which section, and what a reload replaces.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context;
use tokio::runtime::Handle;
use windlass_audit::{AuditLog, AuditOptions, Stream};
use windlass_auth::Authenticator;
use windlass_config::{
    Change, ConfigErrors, Loaded, Override, ProcessEnv, Reloader, SecretRef, Sources, Watcher,
    settings::{SandboxesSettings, ShellSettings},
};
use windlass_core::{AuditEvent, AuditSink, Decision, SecretString, Toolset};
use windlass_fetch::FetchToolset;
use windlass_policy::Policy;
use windlass_sandbox::{SandboxToolset, namespace::Program};
use windlass_server::{Live, Parts, Server};
use windlass_shell::{ShellToolset, import, launch::Launcher, rules::Rules};
use windlass_store::{Environment, OutputToolset, Store};

use crate::{
    cli::ConfigArgs,
    exit::{Exit, Failure},
};

/// Where this process's settings come from.
pub fn sources(config: &ConfigArgs, more: Vec<Override>) -> Result<Sources, Failure> {
    let directory = std::env::current_dir().context("the working directory cannot be read")?;
    // Before any thread of ours works: what is to be read next depends on it.
    let resolving = windlass_cloud::resolve(ProcessEnv);
    let resolved = tokio::task::block_in_place(|| Handle::current().block_on(resolving)).map_err(|error| {
        let hint = error.hint();
        Failure::usage(error).hint(hint)
    })?;
    let mut sources = Sources::new(directory, resolved);
    sources.file = config.config.clone();
    sources.other_variables = [
        "WINDLASS_CONFIG",
        "WINDLASS_TOKEN",
        "WINDLASS_DEPLOY_SEAL",
        "WINDLASS_TERRAFORM",
        "WINDLASS_TERRAFORM_MIRROR",
    ]
    .map(str::to_owned)
    .to_vec();
    for assignment in &config.set {
        let Some((setting, value)) = assignment.split_once('=') else {
            let error = anyhow::anyhow!("--set {assignment}: write KEY=VALUE, e.g. --set server.port=9000");
            return Err(Failure::usage(error));
        };
        sources.overrides.push(Override {
            option: format!("--set {setting}"),
            setting: setting.to_owned(),
            value: value.to_owned(),
        });
    }
    sources.overrides.extend(more);
    Ok(sources)
}

/// Reads and checks all settings.
pub fn load(sources: &Sources) -> Result<Loaded, Failure> {
    windlass_config::load(sources).map_err(|errors| Failure::with(Exit::Usage, errors))
}

/// Who may connect, by `loaded`.
pub fn authenticator(loaded: &Loaded) -> Result<Authenticator, Failure> {
    let token = token(loaded)?;
    Authenticator::new(&loaded.settings.auth, token).map_err(Failure::usage)
}

/// The policies of `loaded`.
pub fn policy(loaded: &Loaded) -> Result<Policy, Failure> {
    Policy::compile(loaded.settings.policy.as_ref(), &loaded.base).map_err(Failure::usage)
}

fn token(loaded: &Loaded) -> Result<Option<SecretString>, Failure> {
    let Some(reference) = &loaded.settings.auth.token else { return Ok(None) };
    let reference: SecretRef = reference.parse().map_err(Failure::usage)?;
    reference.resolve(loaded.env.as_ref(), &loaded.base).map(Some).map_err(Failure::usage)
}

/// What a laptop without any configuration may run: programs that only read, below the working directory.
const STARTER: &str = "ls,cat,head,tail,wc,grep,find,pwd,date,whoami,git status,git log,git diff,git show";

/// The shell section in force: the file's, else seed 4's lists, else (with no configuration at all) the starter set.
pub fn shell_settings(loaded: &Loaded) -> (Option<ShellSettings>, Vec<String>) {
    if let Some(shell) = &loaded.settings.shell {
        return (Some(shell.clone()), Vec::new());
    }
    if let Some(seed) = &loaded.seed_commands {
        let mut imported = import::import(Some(&seed.allowed.join(",")), Some(&seed.blocked.join(",")), &loaded.base);
        if let Some(timeout) = seed.timeout {
            imported.settings.timeout = timeout;
        }
        if let Some(shell) = &seed.shell {
            imported.notes.push(format!("MCP_SHELL={shell} is not used: commands run without a shell"));
        }
        return (Some(imported.settings), imported.notes);
    }
    if loaded.file.is_none() {
        let note = "no windlass.yaml: serving a few commands that only read below the working directory";
        let settings = import::import(Some(STARTER), None, &loaded.base).settings;
        return (Some(settings), vec![note.to_owned()]);
    }
    (None, Vec::new())
}

/// The sandbox section in force: the file's, else (with no configuration at all) the default where sandboxes can be made.
pub fn sandbox_settings(loaded: &Loaded) -> Option<SandboxesSettings> {
    let unconfigured = loaded.file.is_none() && loaded.seed_commands.is_none() && !windlass_lambda::is_function();
    let default = || (unconfigured && SandboxToolset::is_likely()).then(SandboxesSettings::default);
    loaded.settings.sandbox.clone().or_else(default)
}

/// The same, compiled.
pub fn shell_rules(loaded: &Loaded) -> Result<(Option<Rules>, Vec<String>), Failure> {
    let (settings, notes) = shell_settings(loaded);
    let rules = settings.map(|settings| Rules::compile(&settings, &loaded.base)).transpose();
    Ok((rules.map_err(Failure::usage)?, notes))
}

/// Everything that outlives a reload.
pub struct House {
    store: Store,
    audit: Arc<AuditLog>,
    shell: Mutex<Option<Arc<ShellToolset>>>,
    sandbox: Mutex<Option<Arc<SandboxToolset>>>,
}

impl House {
    /// Takes the store into use and opens the audit log.
    pub fn build(loaded: &Loaded, stream: Stream) -> Result<Arc<Self>, Failure> {
        let settings = &loaded.settings;
        let store = Store::open(&settings.store, &settings.limits, &Environment::of_process()).map_err(|error| {
            let hint = error.hint();
            Failure::usage(error).hint(hint)
        })?;
        let audit = AuditLog::start(AuditOptions {
            stream,
            file: settings.audit.file.clone(),
            redact: settings.audit.redact.clone(),
            secrets: token(loaded)?.into_iter().collect(),
        })
        .context("the audit log cannot be written")?;
        Ok(Arc::new(Self { store, audit, shell: Mutex::new(None), sandbox: Mutex::new(None) }))
    }

    /// The server's parts.
    pub fn parts(&self, loaded: &Loaded) -> Result<Parts, Failure> {
        Ok(Parts {
            server: loaded.settings.server.clone(),
            live: self.live(loaded)?,
            outputs: Arc::new(self.store.clone()),
            audit: self.audit.clone(),
        })
    }

    fn live(&self, loaded: &Loaded) -> Result<Live, Failure> {
        let auth = authenticator(loaded)?;
        for warning in auth.warnings() {
            tracing::warn!("{warning}");
        }
        let policy = policy(loaded)?;
        for warning in policy.warnings() {
            tracing::warn!("policy: {warning}");
        }
        Ok(Live {
            auth,
            auth_settings: loaded.settings.auth.clone(),
            policy,
            limits: loaded.settings.limits.clone(),
            toolsets: self.toolsets(loaded)?,
        })
    }

    fn toolsets(&self, loaded: &Loaded) -> Result<Vec<Arc<dyn Toolset>>, Failure> {
        let mut toolsets: Vec<Arc<dyn Toolset>> = vec![Arc::new(OutputToolset::new(self.store.clone()))];
        let (shell, notes) = shell_settings(loaded);
        for note in notes {
            tracing::info!("{note}");
        }
        if let Some(settings) = shell {
            toolsets.push(self.shell(&settings, &loaded.base)?);
        }
        if let Some(settings) = loaded.settings.fetch.as_ref().filter(|fetch| !fetch.allowed_hosts.is_empty()) {
            toolsets.push(Arc::new(FetchToolset::new(settings).map_err(Failure::usage)?));
        }
        if let Some(settings) = sandbox_settings(loaded) {
            toolsets.push(self.sandbox(settings, &loaded.base)?);
        }
        Ok(toolsets)
    }

    /// The sandbox toolset. Sandboxes outlive a reload; how they are made changes with the next start.
    fn sandbox(&self, settings: SandboxesSettings, base: &Path) -> Result<Arc<SandboxToolset>, Failure> {
        let mut sandbox = self.sandbox.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(former) = &*sandbox {
            if *former.settings() != settings {
                tracing::warn!("changes of the section `sandbox` take effect at the next start");
            }
            return Ok(former.clone());
        }
        let made = SandboxToolset::new(settings, base.to_owned(), Program::this_binary(), self.audit.clone());
        Ok(sandbox.insert(Arc::new(made.map_err(Failure::usage)?)).clone())
    }

    /// The shell toolset. A reload makes it anew around the same jobs, which outlive a change of the rules.
    fn shell(&self, settings: &ShellSettings, base: &Path) -> Result<Arc<ShellToolset>, Failure> {
        let mut shell = self.shell.lock().unwrap_or_else(PoisonError::into_inner);
        let made = match &*shell {
            Some(former) => former.reconfigured(settings, base),
            // What it started would stand still between two events, and end with the environment.
            None if windlass_lambda::is_function() => {
                ShellToolset::without_jobs(settings, base, Launcher::this_binary())
            }
            None => {
                let state = self.store.directory().map(Path::to_owned);
                ShellToolset::new(settings, base, Launcher::this_binary(), state)
            }
        };
        Ok(shell.insert(Arc::new(made.map_err(Failure::usage)?)).clone())
    }

    /// Writes down that the server started.
    pub fn started(&self, loaded: &Loaded) {
        let mut event = AuditEvent::new(Decision::Operated, "server.serve", "process");
        event.reason = Some(match &loaded.file {
            Some(file) => format!("version {}, settings {}", windlass_server::VERSION, file.display()),
            None => format!("version {}, no settings file", windlass_server::VERSION),
        });
        self.audit.record(event);
    }

    /// Removes what has expired from the store, every minute for as long as the process lives.
    pub fn sweep(&self) {
        let store = self.store.clone();
        tokio::spawn(async move {
            let mut every = tokio::time::interval(std::time::Duration::from_secs(60));
            loop {
                every.tick().await;
                let store = store.clone();
                if tokio::task::spawn_blocking(move || store.sweep()).await.is_err() {
                    tracing::error!("the store's sweep panicked");
                }
            }
        });
    }

    /// Follows the files settings come from. Without a watcher SIGHUP still reloads.
    pub fn watch(self: &Arc<Self>, loaded: &Loaded, server: Arc<Server>, sources: Sources) -> Option<Watcher> {
        let (house, runtime) = (self.clone(), tokio::runtime::Handle::current());
        let reloader = Reloader::new(sources, loaded);
        let watcher = windlass_config::watch(reloader, &loaded.files, move |change| {
            let _runtime = runtime.enter();
            house.reload(&server, change);
        });
        watcher.inspect_err(|error| tracing::warn!("{error}")).ok()
    }

    /// Puts changed settings in force, all or nothing; the former ones stay where they are faulty.
    pub fn reload(&self, server: &Server, change: Change) {
        let outcome =
            change.map_err(|errors: ConfigErrors| Failure::with(Exit::Usage, errors)).and_then(|mut loaded| {
                if loaded.settings.server != *server.settings() {
                    tracing::warn!("changes of the section `server` take effect at the next start");
                    // What is exposed is the listener that is open, whatever the file says now.
                    loaded.settings.server = server.settings().clone();
                }
                windlass_config::exposure(&loaded.settings).map_err(Failure::usage)?;
                let live = self.live(&loaded)?;
                server.reload(live).map_err(Failure::usage)
            });
        match outcome {
            Ok(()) => tracing::info!("the configuration was reloaded"),
            Err(failure) => tracing::error!("the configuration was not reloaded, the former one stays: {failure}"),
        }
    }

    /// Writes out what is still on its way to the audit log.
    pub fn close(&self) {
        self.audit.flush();
    }
}
