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
use windlass_files::FilesToolset;
use windlass_policy::Policy;
use windlass_sandbox::{SandboxToolset, program::Program, rootfs::Fetch};
use windlass_server::{Live, Parts, Server};
use windlass_shell::{ShellToolset, import, launch::Launcher, rules::Rules};
use windlass_sql::{
    databases::{Databases, Mistake},
    source::Passwords,
};
use windlass_store::{Environment, OutputToolset, Store};

use crate::{
    cli::ConfigArgs,
    exit::{Exit, Failure},
    knowledge::Knowledge,
    passwords::Logins,
    rootfs::Fetcher,
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

/// The databases of `loaded`, with every tool compared with those that answer now.
pub fn databases(loaded: &Loaded, former: Option<&Databases>) -> Result<Option<Databases>, Failure> {
    let Some(settings) = loaded.settings.sql.as_ref().filter(|sql| !sql.sources.is_empty()) else { return Ok(None) };
    let passwords: Arc<dyn Passwords> = Arc::new(Logins::new(loaded.env.clone(), loaded.base.clone()));
    let mistakes = |mistakes: Vec<Mistake>| {
        let located = mistakes.into_iter().map(|one| loaded.mistake(&one.setting, one.message, one.hint));
        Failure::with(Exit::Usage, ConfigErrors(located.collect()))
    };
    let databases = Databases::new(settings, former, &passwords).map_err(mistakes)?;
    // Before it is used: a statement that cannot work is told with its line, and a reload keeps the former ones.
    let found = tokio::task::block_in_place(|| Handle::current().block_on(databases.verify()));
    match found.is_empty() {
        true => Ok(Some(databases)),
        false => Err(mistakes(found)),
    }
}

/// Everything that outlives a reload.
pub struct House {
    store: Store,
    audit: Arc<AuditLog>,
    shell: Mutex<Option<Arc<ShellToolset>>>,
    sandbox: Mutex<Option<Arc<SandboxToolset>>>,
    databases: Mutex<Option<Databases>>,
    knowledge: Mutex<Option<Arc<Knowledge>>>,
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
        let (shell, sandbox, databases, knowledge) = Default::default();
        Ok(Arc::new(Self { store, audit, shell, sandbox, databases, knowledge }))
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
        if let Some(settings) = loaded.settings.files.clone() {
            toolsets.push(Arc::new(FilesToolset::new(settings)));
        }
        toolsets.extend(self.databases(loaded)?);
        // After what can fail: what is made here is in use from then on.
        toolsets.extend(self.knowledge(loaded)?.map(|knowledge| knowledge.toolset()));
        Ok(toolsets)
    }

    /// The collections. They go on over a reload that does not change their section.
    fn knowledge(&self, loaded: &Loaded) -> Result<Option<Arc<Knowledge>>, Failure> {
        let mut held = self.knowledge.lock().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_none_or(|former| !former.is_as_in(loaded)) {
            *held = Knowledge::new(loaded, self.store.directory())?.map(Arc::new);
        }
        Ok(held.clone())
    }

    /// The collections that are served now.
    pub fn collections(&self) -> Option<Arc<Knowledge>> {
        self.knowledge.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Begins to refresh collections in the background. Not part of making them: who only looks refreshes nothing.
    pub fn refresh(&self) {
        if let Some(knowledge) = self.collections() {
            knowledge.start();
        }
    }

    /// The toolsets of databases. Sources whose settings did not change keep their connections over a reload.
    fn databases(&self, loaded: &Loaded) -> Result<Vec<Arc<dyn Toolset>>, Failure> {
        let mut held = self.databases.lock().unwrap_or_else(PoisonError::into_inner);
        let databases = databases(loaded, held.as_ref())?;
        let toolsets = databases.iter().flat_map(Databases::toolsets).collect();
        *held = databases;
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
        let fetch: Option<Arc<dyn Fetch>> = Some(Arc::new(Fetcher));
        let made = SandboxToolset::new(settings, base.to_owned(), Program::this_binary(), self.audit.clone(), fetch);
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
            Ok(()) => {
                self.refresh();
                tracing::info!("the configuration was reloaded");
            }
            Err(failure) => tracing::error!("the configuration was not reloaded, the former one stays: {failure}"),
        }
    }

    /// Writes out what is still on its way to the audit log.
    pub fn close(&self) {
        self.audit.flush();
    }
}
