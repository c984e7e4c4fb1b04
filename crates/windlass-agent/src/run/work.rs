//! What a run waits for, each as a future that says what happened. Dropping it hangs up.

use futures::{FutureExt, future::BoxFuture};
use tracing::{Instrument, field::Empty};

use super::Agent;
use crate::{
    approval::Approval,
    budget::Price,
    conversation::{Content, ToolUse},
    feed::{Feed, What},
    model::{Delta, Reply, Request, ToolDefinition},
    step::{Event, State},
    tools::Answer,
};

impl Agent {
    /// Asks the model what the state says. Everything of it is copied here: the state goes on meanwhile.
    pub(super) fn ask<'a>(&'a self, ask: u64, state: &State, feed: &'a Feed<'_>) -> BoxFuture<'a, Event> {
        let (system, messages) = (state.spec.system.clone(), state.messages.clone());
        let tools: Vec<ToolDefinition> = state.tools.iter().map(|offer| offer.definition.clone()).collect();
        let (max_tokens, price, before) = (state.spec.max_tokens, state.spec.price, state.spent.cost);
        feed.tell(self.clock.now(), What::Asking { turn: state.spent.turns });
        let span = tracing::info_span!(
            target: crate::CALLS,
            "chat",
            otel.name = format_args!("chat {}", self.model.name()),
            otel.kind = "client",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = self.model.name(),
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
        );
        let recorded = span.clone();
        let asking = async move {
            let request = Request { system: &system, messages: &messages, tools: &tools, max_tokens };
            let mut say = |delta| feed.tell(self.clock.now(), told(delta));
            match self.model.ask(request, &mut say).await {
                Ok(reply) => {
                    recorded.record("gen_ai.usage.input_tokens", reply.usage.read());
                    recorded.record("gen_ai.usage.output_tokens", reply.usage.output);
                    feed.tell(self.clock.now(), replied(&reply, &price, before));
                    Event::Replied { ask, reply }
                }
                Err(error) => Event::Failed { ask, error },
            }
        };
        asking.instrument(span).boxed()
    }

    /// Calls a tool.
    pub(super) fn call<'a>(&'a self, call: ToolUse, source: String, feed: &'a Feed<'_>) -> BoxFuture<'a, Event> {
        let begun = self.clock.now();
        let ToolUse { id, name: tool, arguments, .. } = call;
        let calling = What::Calling { id: id.clone(), tool: tool.clone(), source, arguments: arguments.clone() };
        feed.tell(begun, calling);
        let span = tracing::info_span!(
            target: crate::CALLS,
            "execute_tool",
            otel.name = format_args!("execute_tool {tool}"),
            gen_ai.operation.name = "execute_tool",
            gen_ai.tool.name = tool,
            gen_ai.tool.call.id = id,
        );
        let calling = async move {
            let progress = |progress| feed.tell(self.clock.now(), What::Progress { id: id.clone(), progress });
            let answer = self.tools.call(&tool, &arguments, &progress).await;
            let now = self.clock.now();
            let Answer { content, is_error } = answer.clone();
            let (millis, bytes) = (now.saturating_sub(begun), content.iter().map(weight).sum());
            feed.tell(now, What::Called { id: id.clone(), tool, content, is_error, millis, bytes });
            Event::Answered { id, answer }
        };
        calling.instrument(span).boxed()
    }

    /// Asks a person.
    pub(super) async fn approve(&self, approval: Approval, feed: &Feed<'_>) -> Event {
        feed.tell(self.clock.now(), What::ApprovalAsked { approval: approval.clone() });
        let decision = self.approver.decide(&approval).await;
        let given = What::ApprovalGiven { approval: approval.id.clone(), decision: decision.clone() };
        feed.tell(self.clock.now(), given);
        Event::Decided { verdict: approval.verdict(decision) }
    }
}

fn told(delta: Delta) -> What {
    match delta {
        Delta::Text { text } => What::Text { text },
        Delta::ToolUse { id, name } => What::Writing { id, tool: name },
    }
}

fn replied(reply: &Reply, price: &Price, before: crate::budget::Money) -> What {
    What::Replied { stop: reply.stop, usage: reply.usage, cost: before + price.of(reply.usage) }
}

fn weight(part: &Content) -> u64 {
    match part {
        Content::Text { text } => text.len() as u64,
        Content::Image(image) => image.data.len() as u64,
    }
}
