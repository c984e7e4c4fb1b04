//! The saved queries of CloudWatch Logs Insights, asked of real audit lines.

use std::{cmp::Ordering, collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};

use crate::house::{Plan, SHELL};

/// A row: what a query shows, by name.
type Row = BTreeMap<String, Value>;

/// As much of the language as the queries use; anything else is a mistake of the test.
fn ask(query: &str, lines: &[Value]) -> Vec<Row> {
    let mut shown: Option<Vec<String>> = None;
    let mut rows: Vec<Value> = lines.to_vec();
    for command in query.split('|').map(str::trim) {
        let (word, rest) = command.split_once(char::is_whitespace).unwrap();
        match word {
            "fields" => shown = Some(rest.split(',').map(|field| field.trim().to_owned()).collect()),
            "filter" => rows.retain(|row| rest.split(" and ").all(|condition| holds(condition.trim(), row))),
            "sort" => {
                let (field, direction) = rest.split_once(' ').unwrap();
                assert_eq!(direction, "desc");
                rows.sort_by(|one, other| order(&at(other, field), &at(one, field)));
            }
            "stats" => {
                let (count, by) = rest.split_once(" by ").unwrap();
                let name = count.strip_prefix("count(*) as ").unwrap();
                let fields: Vec<&str> = by.split(',').map(str::trim).collect();
                let mut groups: Vec<(Vec<Value>, u64)> = Vec::new();
                for row in &rows {
                    let key: Vec<Value> = fields.iter().map(|field| at(row, field)).collect();
                    match groups.iter_mut().find(|(known, _)| *known == key) {
                        Some((_, count)) => *count += 1,
                        None => groups.push((key, 1)),
                    }
                }
                shown = Some(fields.iter().copied().chain([name]).map(str::to_owned).collect());
                rows = groups
                    .into_iter()
                    .map(|(key, count)| {
                        let mut row = json!({ name: count });
                        fields.iter().zip(key).for_each(|(field, value)| row[*field] = value);
                        row
                    })
                    .collect();
            }
            "limit" => rows.truncate(rest.parse().unwrap()),
            other => panic!("the test does not know `{other}`"),
        }
    }
    let shown = shown.unwrap();
    rows.iter().map(|row| shown.iter().map(|field| (field.clone(), at(row, field))).collect()).collect()
}

fn holds(condition: &str, row: &Value) -> bool {
    let words: Vec<&str> = condition.splitn(3, ' ').collect();
    let [field, operator, value] = words[..] else { panic!("`{condition}` is no condition") };
    let (found, wanted) = (at(row, field), serde_json::from_str::<Value>(value).unwrap());
    match operator {
        "=" => found == wanted,
        ">" => order(&found, &wanted) == Ordering::Greater,
        "in" => wanted.as_array().unwrap().contains(&found),
        other => panic!("the test does not know `{other}`"),
    }
}

/// `arguments.argv.0` goes into objects and lists, as Insights names discovered fields.
fn at(row: &Value, field: &str) -> Value {
    if let Some(value) = row.get(field) {
        return value.clone();
    }
    let pointer: String = field.split('.').map(|part| format!("/{part}")).collect();
    row.pointer(&pointer).cloned().unwrap_or_default()
}

fn order(one: &Value, other: &Value) -> Ordering {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one.total_cmp(&other),
        _ => one.as_str().cmp(&other.as_str()),
    }
}

fn column(rows: &[Row], field: &str) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    rows.iter().map(|row| text(&row[field])).collect()
}

#[test]
fn each_saved_query_finds_what_it_says() {
    let house = Plan::yaml(SHELL).env("WINDLASS_AUTH_TOKEN", "correct-horse-battery").start();
    let token = [("authorization", "Bearer correct-horse-battery")];
    let run = |id: u32, name: &str, arguments: Value| {
        let call = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": name, "arguments": arguments } });
        assert_eq!(house.post(&call.to_string(), &token).status, 200);
    };
    run(1, "run_command", json!({ "command": "echo one" }));
    run(2, "run_command", json!({ "command": "sleep 0.2" }));
    run(3, "run_command", json!({ "command": "rm -rf /" }));
    run(4, "run_command", json!({ "command": "cat missing" }));
    run(5, "list_commands", json!({}));
    for credential in [&[("authorization", "Bearer wrong-horse")] as &[(&str, &str)], &[]] {
        let call = json!({ "jsonrpc": "2.0", "id": 6, "method": "tools/list", "params": {} });
        assert_eq!(house.post(&call.to_string(), credential).status, 401);
    }
    let (stdout, _) = house.stop();
    let lines: Vec<Value> = stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();

    let queries = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/queries");
    let query = |name: &str| ask(&fs::read_to_string(queries.join(format!("{name}.txt"))).unwrap(), &lines);
    let failed = query("failed-authentication");
    assert_eq!(failed.len(), 2);
    assert_eq!(column(&failed, "peer"), ["127.0.0.1", "127.0.0.1"]);
    assert!(column(&failed, "reason").iter().all(|reason| reason != "null"));
    let denied = query("denied-calls");
    assert_eq!(column(&denied, "arguments.command"), ["rm -rf /"]);
    assert_eq!(column(&denied, "principal"), ["key:token"]);
    assert_eq!(column(&query("executed-commands"), "arguments.command"), ["cat missing", "sleep 0.2", "echo one"]);
    assert_eq!(column(&query("slowest-calls"), "tool")[0], "run_command");
    assert!(query("slowest-calls")[0]["duration_us"].as_u64().unwrap() >= 200_000);
    let errors = query("errors-by-tool");
    assert_eq!(column(&errors, "calls"), ["1", "1"]);
    assert_eq!(
        fs::read_dir(queries)
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|end| end == "txt"))
            .count(),
        5
    );
}
