use std::path::Path;

use serde_saphyr as yaml;
use windlass_config::settings::PolicySettings;
use windlass_policy::Policy;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    policy: PolicySettings,
}

/// Every example of the page must be one that works when pasted.
#[test]
fn the_examples_of_the_page_compile() {
    let page = include_str!("../../../../docs/policy.md");
    let blocks = |language: &str| -> Vec<String> {
        page.split(&format!("```{language}\n"))
            .skip(1)
            .map(|rest| rest.split("```").next().unwrap_or_default().to_owned())
            .collect()
    };
    let examples = blocks("yaml");
    assert!(examples.len() >= 2, "the page lost its examples");
    for text in examples {
        let example: Example = yaml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        // Files named in an example are not there; what they could say is shown in the Cedar blocks.
        let settings = PolicySettings { cedar_files: Vec::new(), ..example.policy };
        Policy::compile(Some(&settings), Path::new(".")).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    }
    let policies = blocks("cedar");
    assert!(policies.len() >= 3, "the page lost its Cedar");
    for text in policies {
        let settings = PolicySettings { cedar: Some(text.clone()), ..PolicySettings::default() };
        Policy::compile(Some(&settings), Path::new(".")).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    }
    assert!(page.contains(windlass_policy::SCHEMA), "the page shows the schema as it is");
}
