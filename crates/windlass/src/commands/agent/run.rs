//! `windlass agent run`.

use std::{io::Read, sync::Arc};

use anyhow::{Context, anyhow};
use tokio_util::sync::CancellationToken;
use windlass_agent::{
    Agent, Approver, Feed, Forget, Keeper, Notice, Spec, State, StateFile, conversation::Block, read_state,
    transcript::Recorder,
};

use super::{
    screen::Screen,
    setup::Setup,
    terminal::{Terminal, Unattended},
};
use crate::{
    cli::{AgentArgs, AgentRunArgs, ConfigArgs},
    exit::{Exit, Failure},
};

pub async fn run(config: &ConfigArgs, args: AgentRunArgs) -> Result<Exit, Failure> {
    let task = task(args.task)?;
    let setup = Setup::new(config, &args.agent).await?;
    let state = begun(&setup, &args.agent)?;
    if task.is_none() && !state.is_active() {
        let error = anyhow!("there is nothing to do: no task was given, and no run is to be gone on with");
        return Err(Failure::usage(error).hint("write `windlass agent run \"the task\"`"));
    }
    setup.check().await?;
    let (approver, cancel): (Arc<dyn Approver>, _) = match Terminal::is_there() {
        true => {
            let terminal = Terminal::new()?;
            let cancel = terminal.begin();
            (Arc::new(terminal), cancel)
        }
        false => (Arc::new(Unattended), CancellationToken::new()),
    };
    let keeper = keeper(&args.agent, &state)?;
    let agent = setup.agent(approver, keeper.keeper);
    let screen = Screen::new(args.json);
    let state = go_on(&agent, state, task, &cancel, &screen).await;
    missing(&setup);
    setup.close().await;
    Ok(super::exit(state.end()))
}

/// What is to be done, from the command line or from standard input.
fn task(given: Option<String>) -> Result<Option<String>, Failure> {
    let Some(task) = given else { return Ok(None) };
    if task != "-" {
        return Ok(Some(task));
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("standard input")?;
    Ok(Some(text))
}

/// The run in `--state`, with the settings of now; or a new one.
pub fn begun(setup: &Setup, args: &AgentArgs) -> Result<State, Failure> {
    let spec = setup.new_spec();
    let kept = args.state.as_deref().map(read_state).transpose().map_err(Failure::usage)?.flatten();
    Ok(match kept {
        // Its name stays: approvals are named after it.
        Some(state) => State { spec: Spec { run: state.spec.run.clone(), ..spec }, ..state },
        None => State::new(spec),
    })
}

/// Where a run is kept, as `--state` and `--transcript` say.
pub struct Kept {
    pub keeper: Arc<dyn Keeper>,
    pub recorder: Option<Arc<Recorder<Arc<dyn Keeper>>>>,
}

pub fn keeper(args: &AgentArgs, state: &State) -> Result<Kept, Failure> {
    let keeper: Arc<dyn Keeper> = match &args.state {
        Some(path) => Arc::new(StateFile::new(path)),
        None => Arc::new(Forget),
    };
    let Some(path) = &args.transcript else { return Ok(Kept { keeper, recorder: None }) };
    let recorder = Arc::new(Recorder::begin(path, state, keeper).map_err(Failure::usage)?);
    Ok(Kept { keeper: recorder.clone(), recorder: Some(recorder) })
}

/// Goes on until it is over, or Ctrl-C. What was under way before comes first.
pub async fn go_on(
    agent: &Agent,
    mut state: State,
    task: Option<String>,
    cancel: &CancellationToken,
    screen: &Screen,
) -> State {
    let interrupting = {
        let cancel = cancel.clone();
        tokio::spawn(async move {
            // Without the signal's handler it ends the process, which is what it asks for.
            while tokio::signal::ctrl_c().await.is_ok() {
                if cancel.is_cancelled() {
                    std::process::exit(130);
                }
                cancel.cancel();
            }
        })
    };
    let sink = |notice: Notice| screen.show(&notice);
    let feed = Feed::new(1, &sink);
    if state.is_active() {
        state = agent.resume(state, cancel, &feed).await;
    }
    if let Some(text) = task.filter(|_| !cancel.is_cancelled()) {
        state = agent.say(state, vec![Block::Text { text }], cancel, &feed).await;
    }
    interrupting.abort();
    state
}

/// Tells of servers that could not be asked, and of tools that are called otherwise than at their server.
pub fn missing(setup: &Setup) {
    for one in setup.tools.unreached() {
        eprintln!("windlass: the tools of `{}` are missing: {}", one.server, one.why);
    }
}
