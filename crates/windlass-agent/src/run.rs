//! Does what the steps say.

mod work;

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    approval::{Approval, Decision},
    conversation::{Block, Role},
    feed::{Feed, What},
    keep::Keeper,
    model::Model,
    step::{Effect, Event, State, step},
    tools::Tools,
};

/// A person, or who stands in for one.
#[async_trait]
pub trait Approver: Send + Sync {
    /// Whether this call may be made. The future is dropped when the answer would come too late.
    async fn decide(&self, approval: &Approval) -> Decision;
}

/// Refuses everything, because nobody is there.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

#[async_trait]
impl Approver for Nobody {
    async fn decide(&self, _: &Approval) -> Decision {
        Decision::Refuse { reason: "nobody is there to approve it".into() }
    }
}

/// Milliseconds since 1970 that never go back: the time of the start, and what has passed since.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
    epoch: u64,
}

impl Clock {
    /// The machine's.
    pub fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start: Instant::now(), epoch: u64::try_from(since.as_millis()).unwrap_or(u64::MAX) }
    }

    /// Now.
    pub fn now(&self) -> u64 {
        self.epoch.saturating_add(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    async fn until(&self, at: u64) {
        tokio::time::sleep(Duration::from_millis(at.saturating_sub(self.now()))).await;
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

/// All that a run needs.
#[derive(Clone)]
pub struct Agent {
    /// Who is asked.
    pub model: Arc<dyn Model>,
    /// What it may call.
    pub tools: Arc<dyn Tools>,
    /// Who approves.
    pub approver: Arc<dyn Approver>,
    /// Where the run is kept.
    pub keeper: Arc<dyn Keeper>,
    /// What time it is.
    pub clock: Clock,
}

/// What is under way. Dropping it ends it.
type Work<'a> = FuturesUnordered<BoxFuture<'a, Event>>;

impl Agent {
    /// Lets a person say something, and goes on until the model has answered, or it ends otherwise.
    pub async fn say(&self, state: State, blocks: Vec<Block>, cancel: &CancellationToken, feed: &Feed<'_>) -> State {
        let tools = self.tools.list().await;
        self.drive(state, Event::Said { blocks, tools }, cancel, feed).await
    }

    /// Goes on with a run that another process began.
    pub async fn resume(&self, state: State, cancel: &CancellationToken, feed: &Feed<'_>) -> State {
        let tools = self.tools.list().await;
        self.drive(state, Event::Resumed { tools }, cancel, feed).await
    }

    /// Step after step, until it is over.
    async fn drive(&self, mut state: State, event: Event, cancel: &CancellationToken, feed: &Feed<'_>) -> State {
        let mut work = Work::new();
        let mut next = Some(event);
        while let Some(event) = next.take() {
            let at = self.clock.now();
            let (after, effects) = step(state, at, event.clone());
            state = after;
            let unsaved = matches!(event, Event::Unsaved { .. });
            let heard = self.keeper.hear(at, &event, &effects, &state).await;
            let done = match heard {
                Err(error) if !unsaved => Err(error),
                _ => self.begin(&state, effects, &mut work, feed).await,
            };
            next = match done {
                Err(error) => Some(Event::Unsaved { message: error.to_string() }),
                Ok(()) if state.is_active() => Some(self.happens(&state, &mut work, cancel).await),
                Ok(()) => None,
            };
        }
        state
    }

    /// Does `effects`, in their order. Where one cannot be done, those after it are not begun.
    async fn begin<'a>(
        &'a self,
        state: &State,
        effects: Vec<Effect>,
        work: &mut Work<'a>,
        feed: &'a Feed<'_>,
    ) -> Result<(), crate::KeepError> {
        for effect in effects {
            let now = self.clock.now();
            match effect {
                Effect::Save => self.keeper.save(state).await?,
                Effect::AskModel { ask } => work.push(self.ask(ask, state, feed)),
                Effect::CallTool { call } => {
                    let source = state.tools.iter().find(|offer| offer.definition.name == call.name);
                    let source = source.map(|offer| offer.source.clone()).unwrap_or_default();
                    work.push(self.call(call, source, feed));
                }
                Effect::AskApproval { approval } => work.push(Box::pin(self.approve(approval, feed))),
                Effect::Wait { millis } => {
                    feed.tell(now, What::Waiting { millis });
                    let until = now.saturating_add(millis);
                    work.push(Box::pin(async move {
                        self.clock.until(until).await;
                        Event::Waited
                    }));
                }
                Effect::Compacted { what } => feed.tell(now, What::Compacted { what }),
                Effect::End { end } => {
                    // Everything that is under way hangs up before anybody hears that it is over.
                    work.clear();
                    let explanation = end.explain(&state.spec.budget);
                    feed.tell(now, What::Ended { end, explanation, answer: state.answer(), spent: state.spent });
                }
            }
        }
        Ok(())
    }

    /// Waits for what happens next.
    async fn happens(&self, state: &State, work: &mut Work<'_>, cancel: &CancellationToken) -> Event {
        let alarm = state.alarm();
        tokio::select! {
            biased;
            () = cancel.cancelled() => Event::Cancelled,
            Some(event) = work.next(), if !work.is_empty() => event,
            () = self.clock.until(alarm.unwrap_or(u64::MAX)), if alarm.is_some() => Event::Passed,
        }
    }
}

impl State {
    /// What the model said last, without its calls.
    pub fn answer(&self) -> String {
        let Some(last) = self.messages.last().filter(|last| last.role == Role::Assistant) else { return String::new() };
        let words = last.blocks.iter().filter_map(|block| match block {
            Block::Text { text } => Some(text.as_str()),
            _ => None,
        });
        words.collect::<Vec<_>>().join("\n")
    }
}
