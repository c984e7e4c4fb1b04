use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    ConfigError, ConfigErrors, Env, Notice, Origin, SecretRef, SeedCommands, Settings, check,
    de::{self, Issue},
    layers,
    node::{Node, Path as Setting},
    seeds, tool_files, yaml,
};

/// The name that is looked for.
const FILE_NAME: &str = "windlass.yaml";
/// Enough for one sitting.
const MAX_ERRORS: usize = 25;

/// Where settings come from.
#[derive(Clone)]
pub struct Sources {
    /// A file named by the user. It must be there. Without it `WINDLASS_CONFIG`, then `windlass.yaml` in `directory`,
    /// then `windlass/windlass.yaml` in the user's configuration directory.
    pub file: Option<PathBuf>,
    /// Where `windlass.yaml` is looked for, and what relative paths are taken from when there is none.
    pub directory: PathBuf,
    /// The environment.
    pub env: Arc<dyn Env>,
    /// The command line, over everything.
    pub overrides: Vec<Override>,
    /// `WINDLASS_*` variables that are of use elsewhere and so no mistakes.
    pub other_variables: Vec<String>,
}

impl Sources {
    /// The environment and what is found from `directory`.
    pub fn new(directory: impl Into<PathBuf>, env: impl Env + 'static) -> Self {
        Self {
            file: None,
            directory: directory.into(),
            env: Arc::new(env),
            overrides: Vec::new(),
            other_variables: Vec::new(),
        }
    }
}

/// One setting from the command line.
#[derive(Debug, Clone)]
pub struct Override {
    /// How people know it: `--port`.
    pub option: String,
    /// What it sets: `server.port`.
    pub setting: String,
    /// The text given.
    pub value: String,
}

/// Checked settings and all there is to know about them.
#[derive(Clone)]
pub struct Loaded {
    /// The settings. Paths in them are absolute.
    pub settings: Settings,
    /// What the operator should be told.
    pub notices: Vec<Notice>,
    /// The windlass.yaml that was read.
    pub file: Option<PathBuf>,
    /// Files whose change calls for a reload.
    pub files: Vec<PathBuf>,
    /// What relative paths were taken from: the file's directory.
    pub base: PathBuf,
    /// The environment all this was read in: where `env:NAME` leads.
    pub env: Arc<dyn Env>,
    /// What was read, for quoting.
    documents: Arc<[Document]>,
    /// Seed 4's command lists, for the shell toolset to import. Absent when there is a `shell` section.
    pub seed_commands: Option<SeedCommands>,
    tree: Node,
}

impl Loaded {
    /// A mistake in a setting that only shows when it is used, with the place where it stands.
    pub fn mistake(&self, setting: &str, message: impl Into<String>, hint: Option<String>) -> ConfigError {
        let path = parse_setting(setting);
        let mut error = ConfigError::new(message).setting(&path);
        if let Some(hint) = hint {
            error = error.hint(hint);
        }
        if let origin @ (Origin::File { .. } | Origin::Variable(_) | Origin::Option(_)) =
            &self.tree.nearest(&path).origin
        {
            error = error.at(origin.clone());
        }
        if let Some(document) = self.documents.iter().find(|document| error.is_in(&document.name)) {
            error.quote(&document.text);
        }
        error
    }

    /// Where a setting came from, e.g. `server.port` or `auth.keys[0].name`.
    pub fn origin(&self, setting: &str) -> Origin {
        self.origin_of(&parse_setting(setting))
    }

    pub(crate) fn origin_of(&self, setting: &Setting) -> Origin {
        self.tree.find(setting).map_or(Origin::Default, |node| node.origin.clone())
    }
}

fn parse_setting(text: &str) -> Setting {
    let mut setting = Setting::default();
    for part in text.split('.') {
        let mut pieces = part.split('[');
        setting = setting.key(pieces.next().unwrap_or_default());
        for index in pieces.filter_map(|piece| piece.strip_suffix(']')?.parse().ok()) {
            setting = setting.index(index);
        }
    }
    setting
}

/// Reads, merges and checks all sources.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigErrors> {
    let env = sources.env.as_ref();
    let document = find(sources)?;
    let mut errors = Vec::new();
    let mut notices = Vec::new();

    let mut tree = Node::empty();
    if let Some(document) = &document {
        let parsed = yaml::parse(&document.text, &document.name).map_err(|mut error| {
            error.quote(&document.text);
            error
        })?;
        if !matches!(parsed.value, crate::node::Value::Null) {
            tree = parsed;
        }
    }
    errors.extend(layers::variables(&mut tree, env, &sources.other_variables, &mut notices));
    layers::options(&mut tree, &sources.overrides);
    let path = document.as_ref().map(|document| document.path.clone());
    let base = base(path.as_deref(), &sources.directory);
    let (tool_documents, faults) = tool_files::include(&mut tree, &base);
    errors.extend(faults);
    let seeds = seeds::read(env, &tree);
    errors.extend(seeds.errors);
    notices.splice(0..0, seeds.notices);
    let mut whole = seeds.tree;
    whole.overlay(tree);

    let settings = resolve(&mut whole, &mut errors);
    let settings = settings.map(|mut settings| {
        absolute(&mut settings, &base);
        errors.extend(check::check(&settings, &whole, env, &base, &mut notices));
        settings
    });
    match settings {
        Some(settings) if errors.is_empty() => {
            let files = watched(&settings, path.as_deref(), &base);
            Ok(Loaded {
                settings,
                notices,
                file: path,
                files,
                base,
                env: sources.env.clone(),
                seed_commands: seeds.commands,
                documents: document.into_iter().chain(tool_documents).collect(),
                tree: whole,
            })
        }
        _ => {
            for Document { name, text, .. } in document.iter().chain(&tool_documents) {
                errors.iter_mut().filter(|error| error.is_in(name)).for_each(|error| error.quote(text));
            }
            Err(ConfigErrors(errors))
        }
    }
}

/// A file that was read.
pub(crate) struct Document {
    pub path: PathBuf,
    /// As people know it.
    pub name: Arc<Path>,
    pub text: String,
}

fn find(sources: &Sources) -> Result<Option<Document>, ConfigError> {
    let env = sources.env.as_ref();
    let named = sources.file.clone().map(|file| (file, None));
    let variable = || env.get(layers::CONFIG_VARIABLE).map(|f| (f.into(), Some(layers::CONFIG_VARIABLE)));
    if let Some((file, variable)) = named.or_else(variable) {
        let path = sources.directory.join(&file);
        return match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(Document { name: shown(&file), path, text })),
            Err(error) => Err(match variable {
                Some(name) => unreadable(&path, &error).at(Origin::Variable(name.into())),
                None => unreadable(&path, &error),
            }),
        };
    }
    let user =
        env.get("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| Some(PathBuf::from(env.get("HOME")?).join(".config")));
    let user = user.filter(|directory| directory.is_absolute()).map(|d| d.join("windlass").join(FILE_NAME));
    for path in [Some(sources.directory.join(FILE_NAME)), user].into_iter().flatten() {
        match fs::read_to_string(&path) {
            Ok(text) => return Ok(Some(Document { name: shown(&path), path, text })),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            // There is a file and it says something we cannot know: going on without it could open what it closes.
            Err(error) => return Err(unreadable(&path, &error)),
        }
    }
    Ok(None)
}

pub(crate) fn unreadable(path: &Path, error: &io::Error) -> ConfigError {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => "`windlass init` writes one to start from",
        io::ErrorKind::InvalidData => "it must be UTF-8 text",
        _ => "check the path and its permissions",
    };
    ConfigError::new(format!("cannot read {}: {error}", path.display())).hint(hint)
}

pub(crate) fn shown(path: &Path) -> Arc<Path> {
    path.strip_prefix(".").unwrap_or(path).into()
}

fn base(file: Option<&Path>, directory: &Path) -> PathBuf {
    let base = file.and_then(Path::parent).filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(directory);
    std::path::absolute(base).unwrap_or_else(|_| base.to_path_buf())
}

/// Reads the tree into settings. What is wrong is reported, taken out, and the rest read again: so every mistake is
/// found by the types themselves, and all at once.
fn resolve(tree: &mut Node, errors: &mut Vec<ConfigError>) -> Option<Settings> {
    let mut faulty: Vec<Setting> = Vec::new();
    while faulty.len() < MAX_ERRORS {
        let fault = match de::read::<Settings>(tree) {
            Ok(settings) => return faulty.is_empty().then_some(settings),
            Err(fault) => fault,
        };
        let path = fault.path();
        let here = &tree.nearest(&path).origin;
        let origin = tree.key_origin(&path).filter(|_| fault.at_key).unwrap_or(here).clone();
        // A key is missing because we have just taken it out: no news.
        let echo = matches!(fault.issue, Issue::Missing(_)) && faulty.iter().any(|known| known.starts_with(&path));
        if !echo {
            errors.push(ConfigError::from_fault(&path, &fault, origin));
        }
        if !tree.remove(&path) {
            return None;
        }
        faulty.push(path);
    }
    None
}

fn absolute(settings: &mut Settings, base: &Path) {
    let Settings { auth, policy, audit, store, sql, knowledge, files: shared, .. } = settings;
    let cedar = policy.iter_mut().flat_map(|policy| &mut policy.cedar_files);
    let sources = sql.iter_mut().flat_map(|sql| sql.sources.values_mut());
    let databases = sources.flat_map(|source| source.file.iter_mut().chain(&mut source.tls.ca));
    let files = auth.keys_file.iter_mut().chain(&mut audit.file).chain(&mut store.directory);
    let documents = knowledge.iter_mut().flat_map(|knowledge| {
        let collections = knowledge.collections.values_mut();
        let folders =
            collections.flat_map(|collection| &mut collection.sources).filter_map(|source| source.folder.as_mut());
        let index = knowledge.index.directory.iter_mut().chain(&mut knowledge.index.ca);
        folders.chain(index).chain(&mut knowledge.embedder.directory)
    });
    // An empty one is a mistake, which it would no longer be behind another.
    let shared = shared.iter_mut().map(|files| &mut files.directory).filter(|path| !path.as_os_str().is_empty());
    for path in files.chain(cedar).chain(databases).chain(documents).chain(shared) {
        *path = base.join(&*path);
    }
    repositories(settings, base);
}

/// Repositories of this machine.
fn repositories(settings: &mut Settings, base: &Path) {
    let collections = settings.knowledge.iter_mut().flat_map(|knowledge| knowledge.collections.values_mut());
    for git in collections.flat_map(|collection| &mut collection.sources).filter_map(|source| source.git.as_mut()) {
        if !git.is_empty() && !check::is_remote(git) {
            *git = base.join(&*git).to_string_lossy().into_owned();
        }
    }
}

fn watched(settings: &Settings, file: Option<&Path>, base: &Path) -> Vec<PathBuf> {
    let secrets = settings.auth.token.as_deref().into_iter().chain(settings.knowledge.iter().flat_map(|knowledge| {
        let sources = knowledge.collections.values().flat_map(|collection| &collection.sources);
        let tokens = sources.filter_map(|source| source.token.as_deref());
        tokens.chain(knowledge.index.password.as_deref()).chain(knowledge.embedder.api_key.as_deref())
    }));
    let secrets = secrets.filter_map(|secret| match secret.parse() {
        Ok(SecretRef::File(path)) => Some(base.join(path)),
        _ => None,
    });
    // Where there is no file yet, one may come.
    let file =
        file.map_or_else(|| base.join(FILE_NAME), |file| std::path::absolute(file).unwrap_or_else(|_| file.into()));
    let cedar = settings.policy.iter().flat_map(|policy| policy.cedar_files.clone());
    let tools = settings.sql.iter().flat_map(|sql| sql.tool_files.iter().map(|file| base.join(file)));
    [Some(file), settings.auth.keys_file.clone()]
        .into_iter()
        .flatten()
        .chain(secrets)
        .chain(cedar)
        .chain(tools)
        .collect()
}

/// Loads again what was loaded once: the same file, and never less of it.
#[derive(Clone)]
pub struct Reloader {
    sources: Sources,
}

impl Reloader {
    /// Keeps to the file that `loaded` came from, so that its disappearance is an error and not a change to defaults.
    pub fn new(sources: Sources, loaded: &Loaded) -> Self {
        let file = loaded.file.clone().map(|file| std::path::absolute(&file).unwrap_or(file));
        Self { sources: Sources { file: file.or(sources.file), ..sources } }
    }

    /// Loads again. On errors the settings in force stay in force.
    pub fn reload(&self) -> Result<Loaded, ConfigErrors> {
        // An editor or a copy caught between truncating and writing would otherwise turn authentication off.
        if let Some(file) = &self.sources.file
            && fs::read_to_string(file).is_ok_and(|text| text.trim().is_empty())
        {
            let error = ConfigError::new(format!("{} has become empty", file.display()));
            return Err(error.hint("the settings in force are kept; `{}` in the file means defaults").into());
        }
        load(&self.sources)
    }
}
