use proptest::prelude::*;

use crate::Bench;

/// Text that gets past the first look of a YAML parser more often than random bytes do.
fn document() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("server"),
        Just("auth"),
        Just("keys"),
        Just("policy"),
        Just("grants"),
        Just("to"),
        Just("port"),
        Just("shell"),
        Just("commands"),
        Just("deny"),
        Just("fetch"),
        Just("limits"),
        Just("body"),
        Just("hash"),
        Just("[]"),
        Just("{}"),
        Just("null"),
        Just("~"),
        Just("1"),
        Just("-1"),
        Just("1e999"),
        Just("30s"),
        Just("*a"),
        Just("&a"),
        Just("<<"),
        Just("!!int"),
        Just("\"x\""),
        Just("'"),
        Just("|"),
        Just("é"),
        Just("#"),
        Just("---"),
    ];
    let gap = prop_oneof![
        Just(": "),
        Just("\n"),
        Just("\n  "),
        Just("\n    "),
        Just("\n- "),
        Just("\n  - "),
        Just(", "),
        Just(" ")
    ];
    prop::collection::vec((word, gap), 0..40)
        .prop_map(|parts| parts.into_iter().map(|(word, gap)| format!("{word}{gap}")).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn no_document_makes_it_panic(yaml in document()) {
        let bench = Bench::new(&yaml);
        if let Err(errors) = bench.load() {
            prop_assert!(!errors.0.is_empty());
            prop_assert!(!errors.to_string().is_empty());
        }
    }

    #[test]
    fn no_text_makes_it_panic(yaml in any::<String>()) {
        let _ = Bench::new(&yaml).load();
    }

    #[test]
    fn no_value_of_a_variable_makes_it_panic(value in any::<String>(), which in 0..6usize) {
        let name = ["WINDLASS_PORT", "WINDLASS_SERVER_ALLOWED_HOSTS", "WINDLASS_LIMITS_BODY", "MCP_DEFAULT_TIMEOUT",
            "MCP_ALLOWED_COMMANDS", "WINDLASS_TELEMETRY_OTLP_ENDPOINT"][which];
        let _ = Bench::bare().set(name, &value.replace('\0', "")).load();
    }
}

#[test]
fn bombs_are_refused_quickly() {
    let mut laughs = String::from("a: &a [x, x, x, x, x, x, x, x, x]\n");
    for (name, last) in ('b'..='j').zip('a'..) {
        laughs += &format!("{name}: &{name} [{}]\n", vec![format!("*{last}"); 9].join(", "));
    }
    let bombs = [
        laughs,
        "[".repeat(100_000),
        format!("a: {}", "{b: ".repeat(10_000)),
        "x: y\n".repeat(300_000),
        (0..100_000).map(|n| format!("k{n}: 1\n")).collect(),
        "a: &a [*a]".to_owned(),
    ];
    for bomb in bombs {
        let start = std::time::Instant::now();
        assert!(Bench::new(&bomb).load().is_err(), "{}", &bomb[..40.min(bomb.len())]);
        assert!(start.elapsed().as_secs() < 5, "{} took {:?}", &bomb[..40.min(bomb.len())], start.elapsed());
    }
}
