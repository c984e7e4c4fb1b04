use windlass_auth::Authenticator;
use windlass_config::settings::AuthSettings;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    auth: AuthSettings,
}

/// Every example of the page must be one that works when pasted.
#[test]
fn the_examples_of_the_page_are_good_settings() {
    let page = include_str!("../../../../docs/auth.md");
    let examples: Vec<&str> =
        page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect();
    assert!(examples.len() >= 3, "the page lost its examples");
    for text in examples {
        let mut example: Example = serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        // The file of the example is not there.
        example.auth.keys_file = None;
        let token = example.auth.token.as_ref().map(|_| "t".repeat(32).into());
        Authenticator::new(&example.auth, token).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    }
}
