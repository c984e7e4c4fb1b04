//! The commands, each one run of the program.

use std::{collections::BTreeMap, ffi::OsString, fs};

use serde::Deserialize;
use serde_json::Value;

use super::{Variables, Workspace};
use crate::{
    Diagnostic, Error, ErrorKind, Event, Plan,
    error::{classify, diagnostic},
    event::Reader,
    plan,
    run::{Ended, Run, Stopped, files},
};

/// What [`Workspace::apply`] applies.
#[derive(Debug, Clone, Copy)]
pub enum Work<'a> {
    /// Exactly what a plan says; refused if the state has changed since.
    Plan(&'a Plan),
    /// Whatever it takes to make the stack so.
    Variables(&'a Variables),
}

/// Who wants to hear of progress.
pub type OnEvent<'a> = &'a mut (dyn FnMut(Event) + Send);

impl Workspace {
    /// Fetches providers and connects the backend. Providers come from the mirror if there is one; if one that was only
    /// found by looking has not got what the stack needs, from the registry.
    pub async fn init(&self) -> Result<(), Error> {
        self.init_backend(&["-reconfigure".into()]).await
    }

    /// [`Workspace::init`], taking along the state from where it was when this directory was last initialised. This is
    /// how the bucket that keeps the state comes to keep its own.
    pub async fn init_moving_state(&self) -> Result<(), Error> {
        self.init_backend(&["-migrate-state".into(), "-force-copy".into()]).await
    }

    async fn init_backend(&self, backend: &[OsString]) -> Result<(), Error> {
        let Some(mirror) = &self.tool.mirror else { return self.init_with(backend).await };
        let mut plugins = OsString::from("-plugin-dir=");
        plugins.push(&mirror.path);
        let result = self.init_with(&[backend, &[plugins]].concat()).await;
        let lacking = |error: &Error| matches!(error.kind(), ErrorKind::ProviderUnavailable { .. });
        match result {
            Err(error) if mirror.guessed && lacking(&error) => {
                // Both failing, the mirror's words are of less use than the registry's.
                tracing::debug!(mirror = %mirror.path.display(), "has not got the provider");
                self.init_with(backend).await
            }
            result => result,
        }
    }

    async fn init_with(&self, extra: &[OsString]) -> Result<(), Error> {
        let mut arguments: Vec<OsString> = ["init", "-input=false", "-no-color"].map(Into::into).into();
        arguments.extend_from_slice(extra);
        let ended = self.run("init", arguments, &mut |_| {}).await?;
        self.succeeded(&ended)?;
        self.save_rescued().await
    }

    /// Saves the state that an earlier run could not save, as when its credentials had expired.
    async fn save_rescued(&self) -> Result<(), Error> {
        let rescued = self.directory.join(super::ERRORED);
        if !rescued.exists() {
            return Ok(());
        }
        let arguments = ["state".into(), "push".into(), self.lock(), rescued.clone().into()].into();
        let ended = self.run("rescue", arguments, &mut |_| {}).await?;
        self.succeeded(&ended)?;
        fs::remove_file(&rescued).map_err(|error| files(&rescued, &error))
    }

    /// Whether the stack is one Terraform understands. Needs providers and no credentials.
    pub async fn validate(&self) -> Result<(), Error> {
        let ended = self.run("validate", ["validate", "-json"].map(Into::into).into(), &mut |_| {}).await?;
        #[derive(Deserialize)]
        struct Answer {
            diagnostics: Vec<diagnostic::Wire>,
        }
        if ended.status.success() {
            return Ok(());
        }
        let answer = serde_json::from_slice::<Answer>(&ended.take()?);
        let diagnostics = answer.map(|answer| answer.diagnostics).unwrap_or_default().into_iter();
        let errors = diagnostics.filter(|diagnostic| diagnostic.severity == "error").map(Diagnostic::from).collect();
        Err(self.failed(&ended, errors))
    }

    /// What would have to be done.
    pub async fn plan(&self, variables: &Variables) -> Result<Plan, Error> {
        self.plan_with(variables, &[], &mut |_| {}).await
    }

    /// The same, without a lock: what somebody without the right to write can ask.
    pub async fn foresee(&self, variables: &Variables) -> Result<Plan, Error> {
        self.plan_with(variables, &["-lock=false".into()], &mut |_| {}).await
    }

    /// What destroying would do.
    pub async fn plan_destroy(&self, variables: &Variables) -> Result<Plan, Error> {
        self.plan_with(variables, &["-destroy".into()], &mut |_| {}).await
    }

    async fn plan_with(&self, variables: &Variables, extra: &[OsString], on_event: OnEvent<'_>) -> Result<Plan, Error> {
        let _written = self.write_variables(variables)?;
        let file = self.directory.join("plan");
        let mut out = OsString::from("-out=");
        out.push(&file);
        let mut arguments: Vec<OsString> = ["plan", "-input=false", "-json"].map(Into::into).into();
        arguments.extend([self.lock(), out]);
        arguments.extend_from_slice(extra);
        self.watched("plan", arguments, on_event).await?;
        let mut arguments: Vec<OsString> = ["show", "-json"].map(Into::into).into();
        arguments.push(file.clone().into());
        let document = self.document("show", arguments).await?;
        plan::parse(&document, file).map_err(|error| unreadable("the plan", &error))
    }

    /// Makes it so.
    pub async fn apply(&self, work: Work<'_>, on_event: OnEvent<'_>) -> Result<(), Error> {
        let mut arguments: Vec<OsString> = ["apply", "-input=false", "-json"].map(Into::into).into();
        arguments.push(self.lock());
        match work {
            Work::Plan(plan) => {
                arguments.push(plan.file.clone().into());
                self.watched("apply", arguments, on_event).await
            }
            Work::Variables(variables) => {
                let _written = self.write_variables(variables)?;
                arguments.push("-auto-approve".into());
                self.watched("apply", arguments, on_event).await
            }
        }
    }

    /// Takes something that is there already into the state.
    pub async fn import(&self, variables: &Variables, address: &str, id: &str) -> Result<(), Error> {
        let _written = self.write_variables(variables)?;
        let arguments = ["import".into(), "-input=false".into(), self.lock(), address.into(), id.into()].into();
        let ended = self.run("import", arguments, &mut |_| {}).await?;
        self.succeeded(&ended)
    }

    /// Removes everything that is in the state.
    pub async fn destroy(&self, variables: &Variables, on_event: OnEvent<'_>) -> Result<(), Error> {
        let _written = self.write_variables(variables)?;
        let mut arguments: Vec<OsString> = ["destroy", "-input=false", "-json", "-auto-approve"].map(Into::into).into();
        arguments.push(self.lock());
        self.watched("destroy", arguments, on_event).await
    }

    /// What the stack says of itself. Sensitive outputs are among them.
    pub async fn outputs(&self) -> Result<BTreeMap<String, Value>, Error> {
        #[derive(Deserialize)]
        struct Output {
            value: Value,
        }
        let document = self.document("output", ["output", "-json"].map(Into::into).into()).await?;
        let outputs: BTreeMap<String, Output> =
            serde_json::from_slice(&document).map_err(|error| unreadable("the outputs", &error))?;
        Ok(outputs.into_iter().map(|(name, output)| (name, output.value)).collect())
    }

    /// Whether there is nothing to destroy.
    pub async fn state_is_empty(&self) -> Result<bool, Error> {
        #[derive(Deserialize)]
        struct State {
            #[serde(default)]
            resources: Vec<Resource>,
        }
        #[derive(Deserialize)]
        struct Resource {
            mode: String,
        }
        let document = self.document("state", ["state", "pull"].map(Into::into).into()).await?;
        if document.trim_ascii().is_empty() {
            return Ok(true);
        }
        let state: State = serde_json::from_slice(&document).map_err(|error| unreadable("the state", &error))?;
        Ok(!state.resources.iter().any(|resource| resource.mode == "managed"))
    }

    /// Removes the lock of a run that is dead. `id` is what [`ErrorKind::StateLocked`] says.
    pub async fn unlock(&self, id: &str) -> Result<(), Error> {
        let arguments = ["force-unlock", "-force", "--", id].map(Into::into).into();
        let ended = self.run("unlock", arguments, &mut |_| {}).await?;
        self.succeeded(&ended)
    }

    /// For commands that say nothing but what went wrong.
    fn succeeded(&self, ended: &Ended) -> Result<(), Error> {
        match ended.status.success() {
            true => Ok(()),
            false => Err(self.failed(ended, diagnostic::from_text(&ended.complaint()))),
        }
    }

    fn lock(&self) -> OsString {
        format!("-lock-timeout={}s", self.lock_timeout.as_secs()).into()
    }

    /// A run that says line by line what it does.
    async fn watched(&self, name: &str, arguments: Vec<OsString>, on_event: OnEvent<'_>) -> Result<(), Error> {
        let mut reader = Reader::default();
        let ended =
            self.run(name, arguments, &mut |line| reader.read(line).into_iter().for_each(&mut *on_event)).await?;
        match ended.status.success() {
            true => Ok(()),
            false => Err(self.failed(&ended, reader.errors)),
        }
    }

    /// A run that says one thing.
    async fn document(&self, name: &str, arguments: Vec<OsString>) -> Result<Vec<u8>, Error> {
        let ended = self.run(name, arguments, &mut |_| {}).await?;
        let document = ended.take()?;
        match ended.status.success() {
            true => Ok(document),
            false => Err(self.failed(&ended, diagnostic::from_text(&ended.complaint()))),
        }
    }

    pub(super) async fn run(
        &self,
        name: &str,
        arguments: Vec<OsString>,
        on_line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Ended, Error> {
        if self.cancel.is_cancelled() {
            return Err(ErrorKind::Cancelled { killed: false }.into());
        }
        let run = Run {
            program: &self.tool.program,
            arguments,
            environment: &self.environment,
            directory: &self.root,
            log: self.directory.join("log").join(name),
            cancel: &self.cancel,
            grace: self.grace,
        };
        run.run(on_line).await
    }

    pub(super) fn failed(&self, ended: &Ended, diagnostics: Vec<Diagnostic>) -> Error {
        match ended.interrupted {
            Some(stopped) => Error::new(ErrorKind::Cancelled { killed: stopped == Stopped::Killed }, diagnostics),
            None => classify(diagnostics, &ended.complaint()),
        }
    }
}

fn unreadable(what: &str, error: &serde_json::Error) -> Error {
    ErrorKind::Other { problem: format!("{what} cannot be read: {error}") }.into()
}
