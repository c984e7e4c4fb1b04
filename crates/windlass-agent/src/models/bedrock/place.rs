//! Which model of which region, and how that is said to a person who has to change IAM or the id.

use windlass_core::SecretString;

use crate::model::ModelError;

/// What inference profiles that send requests over several regions begin with.
const AREAS: [&str; 9] = ["us", "us-gov", "eu", "apac", "jp", "au", "ca", "sa", "global"];

/// See the module.
#[derive(Debug)]
pub(super) struct Place {
    pub id: String,
    pub region: String,
    /// So that it is in no error.
    pub key: Option<SecretString>,
}

impl Place {
    /// `us.anthropic.claude-x of Bedrock in us-east-1`.
    pub fn who(&self) -> String {
        format!("{} of Bedrock in {}", self.id, self.region)
    }

    pub fn unreachable(&self, why: &str) -> ModelError {
        ModelError::Unreachable(format!("{}: {why}", self.who()))
    }

    /// The model behind a profile of several regions, which is called as it is with the area before it.
    fn behind(&self) -> Option<&str> {
        let (area, model) = self.id.split_once('.')?;
        AREAS.contains(&area).then_some(model)
    }

    /// A profile that has this model, as such profiles are called.
    pub fn profile(&self) -> String {
        let area = match self.region.split('-').collect::<Vec<_>>().as_slice() {
            ["us", "gov", ..] => "us-gov",
            ["us" | "ca", ..] => "us",
            ["eu", ..] => "eu",
            ["ap", ..] => "apac",
            _ => "global",
        };
        format!("{area}.{}", self.behind().unwrap_or(&self.id))
    }

    /// What a policy has to allow, as a person writes it there.
    pub fn resources(&self) -> String {
        let partition = match &self.region {
            region if region.starts_with("us-gov-") => "aws-us-gov",
            region if region.starts_with("cn-") => "aws-cn",
            _ => "aws",
        };
        let region = &self.region;
        if self.id.starts_with("arn:") {
            let model = if self.id.contains("profile/") { " and on the foundation model behind it" } else { "" };
            return format!("{}{model}", self.id);
        }
        match self.behind() {
            // A profile is two things to IAM, and the model is in every region that the profile sends to.
            Some(model) => format!(
                "both arn:{partition}:bedrock:{region}:*:inference-profile/{} and \
                 arn:{partition}:bedrock:*::foundation-model/{model}",
                self.id
            ),
            None => format!("arn:{partition}:bedrock:{region}::foundation-model/{}", self.id),
        }
    }
}

/// The region that an ARN names.
pub(super) fn region_of(id: &str) -> Option<String> {
    let region = id.strip_prefix("arn:")?.split(':').nth(2)?;
    (!region.is_empty()).then(|| region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(id: &str, region: &str) -> Place {
        Place { id: id.to_owned(), region: region.to_owned(), key: None }
    }

    #[test]
    fn a_profile_is_named_for_the_region() {
        let check = |id: &str, region: &str, expected: &str| assert_eq!(place(id, region).profile(), expected);
        check("anthropic.claude-x", "us-east-1", "us.anthropic.claude-x");
        check("anthropic.claude-x", "ca-central-1", "us.anthropic.claude-x");
        check("anthropic.claude-x", "us-gov-west-1", "us-gov.anthropic.claude-x");
        check("anthropic.claude-x", "eu-central-1", "eu.anthropic.claude-x");
        check("anthropic.claude-x", "ap-southeast-2", "apac.anthropic.claude-x");
        check("anthropic.claude-x", "me-central-1", "global.anthropic.claude-x");
        // That of another area.
        check("us.anthropic.claude-x", "eu-west-1", "eu.anthropic.claude-x");
    }

    #[test]
    fn a_policy_needs_the_profile_and_the_model() {
        let check = |id: &str, region: &str, expected: &str| assert_eq!(place(id, region).resources(), expected);
        check("zai.glm-4.7", "eu-west-1", "arn:aws:bedrock:eu-west-1::foundation-model/zai.glm-4.7");
        check(
            "us-gov.anthropic.claude-x",
            "us-gov-west-1",
            "both arn:aws-us-gov:bedrock:us-gov-west-1:*:inference-profile/us-gov.anthropic.claude-x and \
             arn:aws-us-gov:bedrock:*::foundation-model/anthropic.claude-x",
        );
        let own = "arn:aws:bedrock:us-east-1:1:application-inference-profile/a";
        check(own, "us-east-1", &format!("{own} and on the foundation model behind it"));
    }

    #[test]
    fn an_arn_says_where_it_is() {
        assert_eq!(region_of("arn:aws:bedrock:eu-west-1:1:inference-profile/a").as_deref(), Some("eu-west-1"));
        assert_eq!(region_of("anthropic.claude-x"), None);
    }
}
