//! What would run, and why. Pure: the executor does exactly this.

use serde::Serialize;

use crate::{DeployError, Kind, Phase};

/// What is held of a phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// No receipt.
    Nothing,
    /// A receipt of something else, and what differs.
    Stale(String),
    /// A receipt of exactly this.
    Fresh,
}

/// What is done about a phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "action", content = "because")]
pub enum Action {
    /// It runs.
    Run(String),
    /// Its receipt stands.
    Skip(String),
}

/// One phase of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The phase.
    pub phase: Phase,
    /// What is done about it.
    #[serde(flatten)]
    pub action: Action,
}

/// The steps for `wanted`: the whole line when `None`, else that phase alone.
///
/// A phase named by itself always runs, and needs the receipts of those before it. In the whole line a phase runs when its
/// receipt is missing or stale, or when one before it runs.
pub fn plan(wanted: Option<Phase>, held: &dyn Fn(Phase) -> Held) -> Result<Vec<Step>, DeployError> {
    let step = |phase, action| Step { phase, action };
    if let Some(phase) = wanted {
        for before in Phase::ALL.into_iter().take_while(|before| *before < phase) {
            let why = match held(before) {
                Held::Fresh => continue,
                Held::Nothing => "there is none".to_owned(),
                Held::Stale(why) => why,
            };
            let message = format!("{phase} needs the receipt of {before}, and {why}");
            return Err(DeployError::new(Kind::Receipt, message)
                .hint(format!("run `windlass deploy {before}`, or `windlass deploy` for the whole line")));
        }
        return Ok(vec![step(phase, Action::Run("asked for".to_owned()))]);
    }
    let mut ran: Option<Phase> = None;
    let steps = Phase::ALL.map(|phase| {
        let action = match (ran, held(phase)) {
            (Some(before), _) => Action::Run(format!("{before} runs")),
            (None, Held::Nothing) => Action::Run("no receipt yet".to_owned()),
            (None, Held::Stale(why)) => Action::Run(why),
            (None, Held::Fresh) => Action::Skip("its receipt stands".to_owned()),
        };
        if matches!(action, Action::Run(_)) {
            ran = ran.or(Some(phase));
        }
        step(phase, action)
    });
    Ok(steps.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(wanted: Option<Phase>, held: &dyn Fn(Phase) -> Held) -> Vec<Phase> {
        let steps = plan(wanted, held).unwrap();
        steps.into_iter().filter(|step| matches!(step.action, Action::Run(_))).map(|step| step.phase).collect()
    }

    #[test]
    fn the_whole_line_goes_on_where_it_stopped() {
        assert_eq!(runs(None, &|_| Held::Nothing), Phase::ALL);
        let stopped = |phase| if phase < Phase::Push { Held::Fresh } else { Held::Nothing };
        assert_eq!(runs(None, &stopped), [Phase::Push, Phase::Deploy, Phase::Verify]);
        assert_eq!(runs(None, &|_| Held::Fresh), []);
    }

    #[test]
    fn what_follows_a_changed_phase_runs_too() {
        let changed = |phase| if phase == Phase::Build { Held::Stale("another base".into()) } else { Held::Fresh };
        assert_eq!(runs(None, &changed), [Phase::Build, Phase::Push, Phase::Deploy, Phase::Verify]);
    }

    #[test]
    fn a_phase_alone_refuses_a_stranger() {
        assert_eq!(
            runs(Some(Phase::Build), &|phase| if phase < Phase::Build { Held::Fresh } else { Held::Nothing }),
            [Phase::Build]
        );
        let error = plan(Some(Phase::Deploy), &|phase| match phase {
            Phase::Push => Held::Stale("it is of another image".into()),
            _ => Held::Fresh,
        });
        let error = error.unwrap_err();
        assert_eq!(error.to_string(), "deploy needs the receipt of push, and it is of another image");
        assert!(error.hint.unwrap().contains("windlass deploy push"));
    }
}
