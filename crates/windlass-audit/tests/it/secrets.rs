use proptest::prelude::*;
use serde_json::{Map, Value, json};
use windlass_audit::{AuditLog, AuditOptions, Stream, verify};
use windlass_core::{AuditEvent, AuditSink, Decision, SecretString};

use crate::{event, log_of};

const CANARY: &str = "cAnArY-4711";

/// The arguments as they are written.
#[track_caller]
fn written(arguments: Value) -> String {
    let text = log_of([event(Decision::Allowed, arguments)]);
    let line: Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
    line["arguments"].to_string()
}

#[test]
fn canaries_do_not_get_through() {
    for arguments in [
        json!({"password": CANARY}),
        json!({"Password": [CANARY, {"x": CANARY}]}),
        json!({"a": [{"b": {"client_secret": {"c": CANARY}}}]}),
        json!({"env": {"DB_PASSWORD": CANARY, "SSH_KEY": CANARY}}),
        json!({"env": ["DB_PASSWORD=cAnArY-4711"]}),
        json!({"env": [{"name": "API_TOKEN", "value": CANARY}]}),
        json!({"argv": ["deploy", "--password", CANARY]}),
        json!({"argv": ["deploy", "--api-key=cAnArY-4711"]}),
        json!({"argv": ["/usr/bin/mysql", "-u", "root", "-pcAnArY-4711"]}),
        json!({"program": "mysql", "args": ["-pcAnArY-4711"]}),
        json!({"argv": ["sshpass", "-p", CANARY, "ssh"]}),
        json!({"argv": ["curl", "-u", "me:cAnArY-4711", "https://x"]}),
        json!({"argv": ["curl", "-ume:cAnArY-4711", "https://x"]}),
        json!({"argv": ["curl", "--user=me:cAnArY-4711", "https://x"]}),
        json!({"argv": ["curl", "-H", "Authorization: Basic cAnArY-4711"]}),
        json!({"argv": ["curl", "-H", "Cookie: a=1; session=cAnArY-4711"]}),
        json!({"command_line": "PGPASSWORD=cAnArY-4711 psql -h db"}),
        json!({"command_line": "echo x; mysql -u root -pcAnArY-4711"}),
        json!({"command_line": "tool --token 'cAnArY-4711 more'"}),
        json!({"stdin": "-----BEGIN PRIVATE KEY-----\ncAnArY-4711\n-----END PRIVATE KEY-----"}),
        json!({"url": "https://me:cAnArY-4711@example.com/"}),
        json!({"body": "{\"user\": \"me\", \"password\": \"cAnArY-4711\"}"}),
        json!({"cAnArY": {"token": {"deep": [[[[CANARY]]]]}}}),
        json!({"wdl_cAnArY-4711": 1}),
    ] {
        let written = written(arguments.clone());
        assert!(!written.contains("cAnArY-4711") && !written.contains("4711"), "{arguments} became {written}");
        assert!(written.contains("[redacted]"), "{arguments} became {written}");
    }
}

#[test]
fn what_is_no_secret_stays() {
    for arguments in [
        json!({"argv":["git","log","-p"],"cwd":"/src"}),
        json!({"max_tokens":4096,"token":null,"use_key":true}),
        json!({"handle":"out_0123456789abcdef0123456789abcdef","pattern":"password"}),
        json!({"argv":["mkdir","-p","a/b"]}),
    ] {
        assert_eq!(written(arguments.clone()), arguments.to_string());
    }
}

#[test]
fn the_servers_own_secrets_go_wherever_they_stand() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("audit.jsonl");
    let log = AuditLog::start(AuditOptions {
        stream: Stream::None,
        file: Some(file.clone()),
        redact: vec!["customer-iban".into()],
        secrets: vec![SecretString::from("tr0ub4dor&3\n"), SecretString::from("12345678"), SecretString::from("")],
    })
    .unwrap();
    let mut news = log.subscribe();
    let all_over = AuditEvent {
        method: "tools/tr0ub4dor&3".into(),
        principal: Some("tr0ub4dor&3".into()),
        tool: Some("tr0ub4dor&3".into()),
        call: Some("tr0ub4dor&3".into()),
        reason: Some("the command printed tr0ub4dor&3 and 12345678".into()),
        peer: Some("tr0ub4dor&3".into()),
        trace: Some("tr0ub4dor&3".into()),
        ..event(
            Decision::Failed,
            json!({"tr0ub4dor&3": 12345678, "x": ["atr0ub4dor&3b"], "customerIban": "DE0012", "argv": ["--customer_iban=DE0012", "customer.iban: 'DE0012 x'", "--customer-iban", "DE0012"], "line": "pay --customeriban DE0012 now", "long": format!("{}tr0ub4dor&3{}", "x".repeat(250), "y".repeat(20_000))}),
        )
    };
    log.record(all_over);
    log.flush();
    let mut seen = std::fs::read_to_string(&file).unwrap();
    assert_eq!(verify(seen.as_bytes(), None).unwrap().lines, 2);
    while let Ok(line) = news.try_recv() {
        seen.push_str(&line);
    }
    log.recent().iter().for_each(|line| seen.push_str(line));
    for secret in ["tr0ub", "dor&3", "12345678", "DE0012"] {
        assert!(!seen.contains(secret), "{secret} in {seen}");
    }
    assert!(
        !format!("{:?}", AuditOptions { secrets: vec!["tr0ub4dor&3".into()], ..Default::default() }).contains("tr0ub")
    );
}

#[test]
fn long_arguments_are_written_in_brief() {
    let written = written(json!({"text": "é".repeat(100_000), "list": vec![7; 100_000], "short": "kept"}));
    assert!(written.len() < 16 << 10, "{}", written.len());
    assert!(written.contains("200000 bytes, sha256:"), "{}", &written[..400]);
    assert!(written.contains(" more\"") && written.contains(r#""short":"kept""#));
}

#[test]
fn equal_arguments_have_equal_digests_and_secrets_no_part_in_them() {
    let digest = |arguments: Value| {
        let text = log_of([event(Decision::Allowed, arguments)]);
        let line: Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
        line["arguments_sha256"].as_str().unwrap().to_owned()
    };
    assert_eq!(digest(json!({"a": 1, "b": 2})), digest(json!({"b": 2, "a": 1})));
    assert_ne!(digest(json!({"a": 1})), digest(json!({"a": 2})));
    assert_ne!(digest(json!({"a": "x".repeat(20_000)})), digest(json!({"a": "x".repeat(20_001)})));
    // Otherwise whoever reads the log could guess the PIN until the digest fits.
    assert_eq!(digest(json!({"user": "a", "pin": "1234"})), digest(json!({"user": "a", "pin": "9876"})));
}

/// What to put around a value, from the inside out: a list, or an object that calls it so, with some text beside it.
fn layers() -> impl Strategy<Value = Vec<(bool, String, String)>> {
    proptest::collection::vec((any::<bool>(), "[a-z]{1,8}", "\\PC{0,12}"), 0..12)
}

fn wrapped(inner: Value, layers: Vec<(bool, String, String)>) -> Value {
    layers.into_iter().fold(inner, |inner, (list, name, text)| match list {
        true => json!([text, inner]),
        false => Value::Object(Map::from_iter([(name, inner), ("other".into(), text.into())])),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_called_a_secret_leaks_at_any_depth(
        name in proptest::sample::select(vec!["password", "apiKey", "X-Auth-Token", "AWS_SECRET_ACCESS_KEY", "cookie", "private_key"]),
        before in "\\PC{0,6}",
        layers in layers(),
    ) {
        let planted = wrapped(json!({ name: format!("{before}{CANARY}") }), layers);
        let written = written(json!({ "arguments": planted }));
        prop_assert!(!written.contains(CANARY), "{}", written);
    }

    #[test]
    fn an_assignment_leaks_nowhere(before in "[a-z ]{0,12}", value in "[!-~]{1,20}", layers in layers()) {
        let text = format!("{before} PASSWORD=Q{}Q", value.replace(['"', '\'', '\\'], "Q"));
        let written = written(json!({ "arguments": wrapped(json!(text), layers) }));
        let value = text.split_once('=').unwrap().1;
        prop_assert!(!written.contains(value), "{} has {}", written, value);
    }
}
