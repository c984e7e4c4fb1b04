use std::path::Path;

use proptest::{prelude::*, sample::select};
use windlass_config::settings::{GrantSettings, PolicySettings};
use windlass_core::{Principal, PrincipalSource};
use windlass_policy::{Policy, ToolFacts};

const IDS: [&str; 4] = ["key:a", "key:b", "jwt:https://idp#a", "local"];
const NAMES: [&str; 3] = ["dev", "ops", "a\" || true"];
const TOOLS: [&str; 3] = ["run_command", "query", "drop"];
const TOOLSETS: [&str; 2] = ["shell", "sql"];

fn compile(grants: &[GrantSettings], cedar: Option<String>) -> Policy {
    let settings = PolicySettings { grants: grants.to_vec(), cedar, ..PolicySettings::default() };
    Policy::compile(Some(&settings), Path::new(".")).unwrap_or_else(|errors| panic!("{errors}"))
}

fn grant() -> impl Strategy<Value = GrantSettings> {
    let to = prop_oneof![
        select(&IDS[..]).prop_map(str::to_owned),
        select(&NAMES[..]).prop_map(|name| format!("group:{name}")),
        select(&NAMES[..]).prop_map(|name| format!("scope:{name}")),
        Just("*".to_owned()),
    ];
    let tools = prop_oneof![
        select(&TOOLS[..]).prop_map(str::to_owned),
        select(&TOOLSETS[..]).prop_map(|name| format!("{name}/*")),
        Just("*".to_owned()),
    ];
    (prop::collection::vec(to, 1..3), prop::collection::vec(tools, 1..3), any::<bool>())
        .prop_map(|(to, tools, read_only)| GrantSettings { to, tools, read_only })
}

fn principal() -> impl Strategy<Value = Principal> {
    let names = || prop::collection::btree_set(select(&NAMES[..]).prop_map(str::to_owned), 0..3);
    (select(&IDS[..]), names(), names()).prop_map(|(id, groups, scopes)| Principal {
        id: id.into(),
        source: PrincipalSource::Key,
        groups,
        scopes,
    })
}

fn tool() -> impl Strategy<Value = ToolFacts> {
    (select(&TOOLS[..]), select(&TOOLSETS[..]), any::<bool>()).prop_map(|(name, toolset, read_only)| ToolFacts {
        name: name.into(),
        toolset: toolset.into(),
        read_only,
        destructive: !read_only,
        open_world: true,
    })
}

/// What a grant means, written a second time and without Cedar.
fn means(grant: &GrantSettings, who: &Principal, tool: &ToolFacts) -> bool {
    let caller = grant.to.iter().any(|to| {
        to == "*"
            || *to == who.id
            || to.strip_prefix("group:").is_some_and(|name| who.groups.contains(name))
            || to.strip_prefix("scope:").is_some_and(|name| who.scopes.contains(name))
    });
    let called =
        grant.tools.iter().any(|text| text == "*" || **text == *tool.name || *text == format!("{}/*", tool.toolset));
    caller && called && (!grant.read_only || tool.read_only)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_call_is_allowed_exactly_where_some_grant_means_it(
        grants in prop::collection::vec(grant(), 0..4),
        asked in prop::collection::vec((principal(), tool()), 1..12),
    ) {
        let policy = compile(&grants, None);
        let printed = compile(&[], Some(policy.cedar().to_owned()));
        for (who, tool) in &asked {
            let expected = grants.iter().any(|grant| means(grant, who, tool));
            prop_assert_eq!(policy.decide(who, tool, "http").allowed, expected, "{:?} {:?}", who, tool);
            prop_assert_eq!(printed.decide(who, tool, "http").allowed, expected, "{}", policy.cedar());
        }
    }

    #[test]
    fn adding_a_grant_never_takes_access_away(
        grants in prop::collection::vec(grant(), 0..4),
        more in grant(),
        asked in prop::collection::vec((principal(), tool()), 1..12),
    ) {
        let before = compile(&grants, None);
        let after = compile(&[grants, vec![more]].concat(), None);
        for (who, tool) in &asked {
            prop_assert!(
                after.decide(who, tool, "http").allowed || !before.decide(who, tool, "http").allowed,
                "{:?} {:?}", who, tool
            );
        }
    }

    #[test]
    fn a_forbid_always_wins(
        grants in prop::collection::vec(grant(), 0..4),
        forbidden in select(&TOOLS[..]),
        asked in prop::collection::vec((principal(), tool()), 1..12),
    ) {
        let forbid = format!("forbid (principal, action, resource == Tool::{forbidden:?});");
        let free = compile(&grants, None);
        let policy = compile(&grants, Some(forbid));
        for (who, tool) in &asked {
            let expected = *tool.name != *forbidden && free.decide(who, tool, "http").allowed;
            prop_assert_eq!(policy.decide(who, tool, "http").allowed, expected, "{:?} {:?}", who, tool);
        }
    }
}
