//! From settings to a policy set that has been read, named and validated.

use std::{collections::HashMap, fs, path::Path, str::FromStr, sync::LazyLock};

use cedar_policy::{Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic;
use windlass_config::settings::{GrantSettings, PolicySettings};

use crate::{PolicyError, PolicyErrors, grant};

pub(crate) struct Compiled {
    pub policies: PolicySet,
    pub cedar: String,
    pub warnings: Vec<String>,
}

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let (schema, _) = Schema::from_cedarschema_str(crate::SCHEMA).expect("our own schema is read by every test");
    Validator::new(schema)
});

pub(crate) fn compile(settings: Option<&PolicySettings>, base: &Path) -> Result<Compiled, PolicyErrors> {
    let mut found = Found::default();
    match settings {
        None => found.grant("default", "policy", &everything()),
        Some(settings) => found.read(settings, base),
    }
    found.finish(settings)
}

/// What holds where there is no `policy` section: whoever got in may use everything.
fn everything() -> GrantSettings {
    GrantSettings { to: vec!["*".into()], tools: vec!["*".into()], read_only: false }
}

/// What was read so far, each policy with the place it came from.
#[derive(Default)]
struct Found {
    policies: PolicySet,
    order: Vec<PolicyId>,
    places: HashMap<PolicyId, usize>,
    sources: Vec<Source>,
    errors: Vec<PolicyError>,
}

struct Source {
    place: String,
    text: String,
}

impl Found {
    fn read(&mut self, settings: &PolicySettings, base: &Path) {
        for (n, grant) in settings.grants.iter().enumerate() {
            self.grant(&format!("grant#{}", n + 1), &format!("policy.grants[{n}]"), grant);
        }
        if let Some(text) = &settings.cedar {
            self.cedar("policy.cedar", "cedar", text);
        }
        for path in &settings.cedar_files {
            let place = path.display().to_string();
            match fs::read_to_string(base.join(path)) {
                Ok(text) => self.cedar(&place, &place, &text),
                Err(error) => self.wrong(&place, format!("cannot be read: {error}"), None),
            }
        }
    }

    fn grant(&mut self, id: &str, place: &str, grant: &GrantSettings) {
        match grant::permit(id, place, grant) {
            Ok(policy) => {
                let source = self.source(place, "");
                self.add(policy, source);
            }
            Err(errors) => self.errors.extend(errors),
        }
    }

    /// Takes every policy of one text. A policy is called by its `@id("...")`, or after the text and its place in it.
    fn cedar(&mut self, place: &str, prefix: &str, text: &str) {
        let source = self.source(place, text);
        let set = match PolicySet::from_str(text) {
            Ok(set) => set,
            Err(errors) => {
                for error in errors.iter() {
                    let error = self.diagnosed(source, error);
                    self.errors.push(error);
                }
                return;
            }
        };
        if set.num_of_templates() > 0 {
            let message = "holds a template (a policy with a `?slot`), and nothing would fill it".to_owned();
            self.wrong(place, message, Some("write the principal or resource itself".into()));
        }
        // Cedar numbers them policy0, policy1, ... as they stand in the text, and hands them out in any order.
        for n in 0..set.num_of_policies() {
            let Some(policy) = set.policy(&PolicyId::new(format!("policy{n}"))) else { continue };
            let id = match policy.annotation("id") {
                Some(id) if !id.trim().is_empty() => id.to_owned(),
                _ => format!("{prefix}#{}", n + 1),
            };
            self.add(policy.new_id(PolicyId::new(id)), source);
        }
    }

    fn add(&mut self, policy: Policy, source: usize) {
        let id = policy.id().clone();
        if let Some(first) = self.places.insert(id.clone(), source) {
            let message = format!("a second policy is called `{id}`; the first is in {}", self.sources[first].place);
            let place = self.sources[source].place.clone();
            return self.wrong(&place, message, Some("give each policy an @id(\"...\") of its own".into()));
        }
        match self.policies.add(policy) {
            Ok(()) => self.order.push(id),
            Err(error) => self.wrong(&self.sources[source].place.clone(), error.to_string(), None),
        }
    }

    fn finish(mut self, settings: Option<&PolicySettings>) -> Result<Compiled, PolicyErrors> {
        let result = VALIDATOR.validate(&self.policies, ValidationMode::Strict);
        for error in result.validation_errors() {
            let error = self.diagnosed(self.places[error.policy_id()], error);
            self.errors.push(error);
        }
        if !self.errors.is_empty() {
            return Err(PolicyErrors(self.errors));
        }
        let mut warnings: Vec<String> = result
            .validation_warnings()
            .map(|warning| self.diagnosed(self.places[warning.policy_id()], warning).to_string())
            .collect();
        let permits = |policy: &Policy| policy.effect() == cedar_policy::Effect::Permit;
        if settings.is_some() && !self.policies.policies().any(permits) {
            warnings.push("policy: nothing is permitted, so every call will be denied; add a grant".into());
        }
        let cedar = self.order.iter().filter_map(|id| print(self.policies.policy(id)?)).collect::<Vec<_>>();
        Ok(Compiled { cedar: cedar.join("\n"), policies: self.policies, warnings })
    }

    fn source(&mut self, place: &str, text: &str) -> usize {
        self.sources.push(Source { place: place.into(), text: text.into() });
        self.sources.len() - 1
    }

    fn wrong(&mut self, place: &str, message: String, hint: Option<String>) {
        self.errors.push(PolicyError { place: place.into(), position: None, message, hint });
    }

    fn diagnosed(&self, source: usize, error: &(impl Diagnostic + ?Sized)) -> PolicyError {
        let Source { place, text } = &self.sources[source];
        let offset = error.labels().and_then(|mut labels| labels.next()).map(|label| label.offset());
        PolicyError {
            place: place.clone(),
            position: offset.and_then(|offset| position(text, offset)),
            message: error.to_string(),
            hint: error.help().map(|help| help.to_string()),
        }
    }
}

fn position(text: &str, offset: usize) -> Option<(usize, usize)> {
    let before = text.get(..offset).filter(|_| !text.is_empty())?;
    let line = before.matches('\n').count() + 1;
    Some((line, before.chars().rev().take_while(|&c| c != '\n').count() + 1))
}

fn print(policy: &Policy) -> Option<String> {
    // An id is the user's text. Escaped it stays within its comment.
    Some(format!("// {}\n{}\n", policy.id().to_string().escape_debug(), policy.to_cedar()?.trim()))
}
