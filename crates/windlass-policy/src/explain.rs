use cedar_policy::PolicySet;

use crate::{
    Verdict,
    facts::{Action, Asked},
};

pub(crate) fn explain(asked: &Asked<'_>, verdict: &Verdict, policies: &PolicySet) -> String {
    let who = asked.principal;
    let (verb, what, facts) = match asked.action {
        Action::Call(tool) => ("call", &*tool.name, tool_facts(tool)),
        Action::Read(toolset) => ("read", toolset, "toolset".to_owned()),
    };
    let may = if verdict.allowed { "may" } else { "may not" };
    let mut text = format!("{} {may} {verb} {what} over {}: {}\n", who.id, asked.transport, because(verdict));
    text += &format!("  caller: groups {}; scopes {}\n", listed(&who.groups), listed(&who.scopes));
    text += &format!("  {what}: {facts}\n");
    for error in &verdict.errors {
        text += &format!("  error: {error}\n");
    }
    for id in &verdict.policies {
        if let Some(cedar) = policies.policy(id).and_then(cedar_policy::Policy::to_cedar) {
            text += &format!("  {id}:\n    {}\n", cedar.trim().replace('\n', "\n    "));
        }
    }
    text
}

fn because(verdict: &Verdict) -> String {
    match (verdict.allowed, verdict.policies.is_empty()) {
        _ if !verdict.errors.is_empty() => format!("{} could not be evaluated, which denies", verdict.by),
        (true, _) => format!("permitted by {}", verdict.by),
        (false, false) => format!("forbidden by {}", verdict.by),
        (false, true) => "no policy permits it".to_owned(),
    }
}

fn tool_facts(tool: &crate::ToolFacts) -> String {
    let mut facts = vec![format!("toolset {}", tool.toolset)];
    for (fact, holds) in
        [("read-only", tool.read_only), ("destructive", tool.destructive), ("open-world", tool.open_world)]
    {
        if holds {
            facts.push(fact.to_owned());
        }
    }
    facts.join(", ")
}

fn listed(names: &std::collections::BTreeSet<String>) -> String {
    match names.is_empty() {
        true => "none".into(),
        false => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" "),
    }
}
