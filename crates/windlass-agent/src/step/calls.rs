//! Calls: made, approved, answered. Every tool use is answered once, whatever becomes of it.

use super::{Effect, End, Job, Phase, Stage, State};
use crate::{
    approval::{Approval, Decision, Verdict, digest},
    budget::Limit,
    conversation::{Block, Content, Message, Role, ToolResult, ToolUse},
    tools::Answer,
};

/// How many names are told to a model that named none of them.
const NAMES: usize = 40;

/// The end of a run that wants more calls than there are.
const STARVED: End = End::Budget { limit: Limit::ToolCalls };

impl State {
    /// Begins what the model asks for. The calls that cannot be made are answered at once.
    pub(super) fn call(&mut self, uses: Vec<ToolUse>, last_is_cut: bool, effects: &mut Vec<Effect>) {
        if let Some(limit) = self.spec.budget.exhausted(&self.spent) {
            return self.answer_without_calling(&uses, End::Budget { limit }, effects);
        }
        let (mut starved, mut begun) = (false, Vec::new());
        let mut jobs = Vec::with_capacity(uses.len());
        for (at, call) in uses.iter().enumerate() {
            let mut job = job(call);
            job.stage = if let Some(problem) = self.problem(call, last_is_cut && at + 1 == uses.len()) {
                answered(&call.id, Answer::error(problem))
            } else if !self.spec.budget.allows_call(&self.spent) {
                starved = true;
                answered(&call.id, Answer::error(STARVED.excuse(&self.spec.budget)))
            } else {
                self.spent.calls += 1;
                self.begin(&job, &mut begun)
            };
            jobs.push(job);
        }
        self.phase = Phase::Working { jobs, starved };
        self.go_on(begun, effects);
    }

    /// Why a call cannot be made, and what to do instead.
    fn problem(&self, call: &ToolUse, cut: bool) -> Option<String> {
        let name = &call.name;
        if cut {
            let most = self.spec.max_tokens;
            return Some(format!(
                "not called: your answer was cut off at {most} tokens, in the middle of this call; write less at once, or \
                 split it into several calls"
            ));
        }
        if self.offer(name).is_none() {
            let mut names: Vec<&str> = self.tools.iter().map(|offer| offer.definition.name.as_str()).collect();
            names.truncate(NAMES);
            let there = if names.is_empty() { "no tool at all".to_owned() } else { names.join(", ") };
            return Some(format!("there is no tool `{name}`; there is {there}"));
        }
        let broken = call.broken.as_deref()?;
        let shown: String = broken.chars().take(200).collect();
        Some(format!("not called: the arguments are no JSON object; write them as one. They were: {shown}"))
    }

    /// Calls at once, or asks a person before.
    fn begin(&mut self, job: &Job, begun: &mut Vec<Effect>) -> Stage {
        let asks = self.offer(&job.tool).is_none_or(|offer| self.spec.approvals.asks(offer));
        if !asks {
            begun.push(Effect::CallTool { call: job.call() });
            return Stage::Called;
        }
        self.counter += 1;
        let approval = Approval {
            id: format!("{}-{}", self.spec.run, self.counter),
            call: job.id.clone(),
            tool: job.tool.clone(),
            arguments: job.arguments.clone(),
            digest: digest(&job.tool, &job.arguments),
            principal: self.spec.principal.clone(),
            expires: self.at.saturating_add(self.spec.patience),
        };
        begun.push(Effect::AskApproval { approval: approval.clone() });
        Stage::Asked { approval }
    }

    pub(super) fn answered(&mut self, id: &str, answer: Answer, effects: &mut Vec<Effect>) {
        let Phase::Working { jobs, .. } = &mut self.phase else { return };
        let Some(job) = jobs.iter_mut().find(|job| job.id == id && job.stage == Stage::Called) else { return };
        job.stage = answered(id, answer);
        self.go_on(Vec::new(), effects);
    }

    /// Uses up the approval that `verdict` is about. A word on another call, or too late, is no word.
    pub(super) fn decided(&mut self, verdict: &Verdict, effects: &mut Vec<Effect>) {
        let at = self.at;
        let Phase::Working { jobs, .. } = &mut self.phase else { return };
        let about = |job: &&mut Job| matches!(&job.stage, Stage::Asked { approval } if approval.accepts(verdict, at));
        let Some(job) = jobs.iter_mut().find(about) else { return };
        let mut begun = Vec::new();
        match &verdict.decision {
            Decision::Allow => {
                job.stage = Stage::Called;
                begun.push(Effect::CallTool { call: job.call() });
            }
            Decision::Refuse { reason } => {
                let why = if reason.trim().is_empty() { String::new() } else { format!(": {reason}") };
                job.stage = answered(&job.id, Answer::error(format!("not called: a person refused this call{why}")));
                self.spent.calls -= 1;
            }
        }
        self.go_on(begun, effects);
    }

    /// Answers the calls that nobody approved in time.
    pub(super) fn expire(&mut self, effects: &mut Vec<Effect>) {
        let (at, patience) = (self.at, self.spec.patience.div_ceil(1000));
        let Phase::Working { jobs, .. } = &mut self.phase else { return };
        let mut expired = 0;
        for job in jobs {
            if matches!(&job.stage, Stage::Asked { approval } if at >= approval.expires) {
                let said =
                    format!("not called: this needs a person's approval, and nobody gave it within {patience} s");
                job.stage = answered(&job.id, Answer::error(said));
                expired += 1;
            }
        }
        self.spent.calls -= expired;
        if expired > 0 {
            self.go_on(Vec::new(), effects);
        }
    }

    /// Goes on with calls of a process that is gone. Whether one that had begun took effect is not known: it is made again
    /// only where that does no harm, and an approval is never used for it again.
    pub(super) fn resume_calls(&mut self, effects: &mut Vec<Effect>) {
        let Phase::Working { jobs, starved } = std::mem::replace(&mut self.phase, Phase::Idle) else { return };
        let mut begun = Vec::new();
        let mut went_on = Vec::with_capacity(jobs.len());
        for mut job in jobs {
            match &job.stage {
                Stage::Called => {
                    let offer = self.offer(&job.tool);
                    let harmless = offer.is_some_and(|offer| offer.read_only && !self.spec.approvals.asks(offer));
                    job.stage = if harmless && self.spec.budget.allows_call(&self.spent) {
                        self.spent.calls += 1;
                        begun.push(Effect::CallTool { call: job.call() });
                        Stage::Called
                    } else {
                        let said = "interrupted: the agent was restarted while this call was under way, and whether it \
                                    took effect is not known; look before you call again";
                        answered(&job.id, Answer::error(said))
                    };
                }
                Stage::Asked { approval } if self.at < approval.expires => {
                    begun.push(Effect::AskApproval { approval: approval.clone() });
                }
                Stage::Asked { .. } | Stage::Answered { .. } => {}
            }
            went_on.push(job);
        }
        self.phase = Phase::Working { jobs: went_on, starved };
        self.go_on(begun, effects);
        self.expire(effects);
    }

    /// Saves, and then begins; or tells the model, where everything is answered.
    fn go_on(&mut self, begun: Vec<Effect>, effects: &mut Vec<Effect>) {
        let waiting = self.jobs().iter().any(|job| !matches!(job.stage, Stage::Answered { .. }));
        if waiting {
            effects.push(Effect::Save);
            effects.extend(begun);
            return;
        }
        // A call that was refused leaves room for another one after all.
        match self.tell() && !self.spec.budget.allows_call(&self.spent) {
            true => self.stop(STARVED, effects),
            false => self.ask(effects),
        }
    }

    /// Every use is answered with `end`, and that is the end.
    pub(super) fn answer_without_calling(&mut self, uses: &[ToolUse], end: End, effects: &mut Vec<Effect>) {
        if !uses.is_empty() {
            let excuse = end.excuse(&self.spec.budget);
            let jobs = uses.iter().map(|call| Job { stage: answered(&call.id, Answer::error(&*excuse)), ..job(call) });
            self.phase = Phase::Working { jobs: jobs.collect(), starved: false };
        }
        self.stop(end, effects);
    }

    /// Answers what is still open, because of `end`.
    pub(super) fn close_calls(&mut self, end: &End) {
        let excuse = end.excuse(&self.spec.budget);
        let Phase::Working { jobs, .. } = &mut self.phase else { return };
        for job in jobs {
            let said = match &job.stage {
                Stage::Asked { .. } => {
                    self.spent.calls -= 1;
                    excuse.clone()
                }
                Stage::Called => {
                    format!("interrupted while it ran, and whether it took effect is not known ({excuse})")
                }
                Stage::Answered { .. } => continue,
            };
            job.stage = answered(&job.id, Answer::error(said));
        }
        self.tell();
    }

    /// Puts the answers into the conversation, and says whether some call was not made for want of budget.
    fn tell(&mut self) -> bool {
        let Phase::Working { jobs, starved } = std::mem::replace(&mut self.phase, Phase::Idle) else { return false };
        let results = jobs.into_iter().filter_map(|job| match job.stage {
            Stage::Answered { result } => Some(Block::ToolResult(result)),
            Stage::Asked { .. } | Stage::Called => None,
        });
        self.messages.push(Message { role: Role::User, blocks: results.collect() });
        starved
    }
}

impl Job {
    fn call(&self) -> ToolUse {
        ToolUse { id: self.id.clone(), name: self.tool.clone(), arguments: self.arguments.clone(), broken: None }
    }
}

fn job(call: &ToolUse) -> Job {
    let (id, tool, arguments) = (call.id.clone(), call.name.clone(), call.arguments.clone());
    Job { id, tool, arguments, stage: Stage::Called }
}

/// An answer that can be sent: never empty.
fn answered(id: &str, mut answer: Answer) -> Stage {
    answer.content.retain(|part| !matches!(part, Content::Text { text } if text.trim().is_empty()));
    if answer.content.is_empty() {
        answer.content.push(Content::Text { text: "(the tool answered nothing)".into() });
    }
    Stage::Answered { result: ToolResult { id: id.to_owned(), content: answer.content, is_error: answer.is_error } }
}

#[cfg(test)]
mod tests;
