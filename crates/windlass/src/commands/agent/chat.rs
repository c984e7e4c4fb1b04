//! `windlass agent chat`.

use std::sync::Arc;

use windlass_agent::{
    Keeper, State, StateFile,
    tools::{Offer, Tools},
};

use super::{
    run::{begun, go_on, keeper, missing},
    screen::{Screen, plain},
    setup::Setup,
    terminal::{Terminal, Typed},
};
use crate::{
    cli::{AgentArgs, ConfigArgs},
    exit::{Exit, Failure},
    output::say,
};

const HELP: &str = "\
/tools        what the model may call
/cost         what was used
/save FILE    keep the conversation; `--state FILE` goes on with it
/clear        begin anew
/quit         leave; so does Ctrl-D
Ctrl-C ends what the model does. Everything else is said to the model.";

pub async fn run(config: &ConfigArgs, args: &AgentArgs) -> Result<Exit, Failure> {
    let setup = Setup::new(config, args).await?;
    setup.check().await?;
    let mut state = begun(&setup, args)?;
    let terminal = Terminal::new()?;
    let kept = keeper(args, &state)?;
    let agent = setup.agent(Arc::new(terminal.clone()), kept.keeper.clone());
    let screen = Screen::new(false);
    let tools = setup.tools.list().await;
    eprintln!("{}, {} tools; /help says what can be typed", setup.spec.model, tools.len());
    missing(&setup);
    if state.is_active() {
        eprintln!("going on with what was under way");
        state = go_on(&agent, state, None, &terminal.begin(), &screen).await;
    }
    loop {
        let line = match terminal.line("> ", true).await {
            Typed::Line(line) => line,
            Typed::Interrupted => continue,
            Typed::End => break,
        };
        let (word, rest) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
        match word {
            "" => {}
            "/quit" | "/exit" | "quit" | "exit" if rest.is_empty() => break,
            "/help" => say!("{HELP}"),
            "/tools" => list(&setup.tools.list().await),
            "/cost" => cost(&state),
            "/save" => save(&state, rest.trim()).await,
            "/clear" | "clear" if rest.is_empty() => {
                state = State::new(setup.new_spec());
                if let Some(recorder) = &kept.recorder {
                    recorder.begin_anew(&state)?;
                }
                kept.keeper.save(&state).await?;
                say!("a new conversation");
            }
            command if command.starts_with('/') => say!("there is no {}; /help lists what there is", plain(command)),
            _ => state = go_on(&agent, state, Some(line), &terminal.begin(), &screen).await,
        }
    }
    setup.close().await;
    Ok(Exit::Done)
}

fn list(tools: &[Offer]) {
    for offer in tools {
        let first = offer.definition.description.lines().next().unwrap_or_default();
        say!("{}  {}  ({})", offer.definition.name, plain(first), offer.source);
    }
}

fn cost(state: &State) {
    let total = state.total();
    let usage = total.usage;
    say!(
        "{} turns, {} tool calls, {} tokens read ({} from a cache), {} written, {}.{} s",
        total.turns,
        total.calls,
        usage.read(),
        usage.cache_read,
        usage.output,
        total.millis / 1000,
        total.millis % 1000 / 100,
    );
    match state.spec.price == Default::default() {
        true => say!("`agent.prices` does not say what that costs"),
        false => say!("{}", total.cost),
    }
}

async fn save(state: &State, file: &str) {
    if file.is_empty() {
        return say!("write /save FILE");
    }
    match StateFile::new(file).save(state).await {
        Ok(()) => say!("saved; `windlass agent chat --state {file}` goes on with it"),
        Err(error) => say!("not saved: {error}"),
    }
}
