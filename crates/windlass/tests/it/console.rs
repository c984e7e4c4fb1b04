//! The console page, as the browser of a person has it: `tests/console/console.mjs` says what is done there.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

use crate::{auth::new_key, house::House};

const GRANTS: &str = "
shell:
  directory: .
  commands: [echo, seq, sleep]
";

/// Whether everything that drives a browser is here. A skip must not look like a pass.
fn can_browse(what: &str) -> bool {
    let present = |program: &str| {
        let dirs = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&dirs).any(|dir| dir.join(program).is_file())
    };
    let missing: Vec<_> = ["chromium", "npm"].into_iter().filter(|program| !present(program)).collect();
    if !missing.is_empty() {
        windlass_testkit::skip(what, &format!("{} not installed", missing.join(" and ")));
    }
    missing.is_empty()
}

fn drive(house: &House, token: &[&str]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/console/run.sh");
    let url = format!("http://{}/", house.addr());
    let output = Command::new(script).arg(url).args(token).stdin(Stdio::null()).output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("ok      a denied call says why"), "{said}");
}

#[test]
fn a_person_calls_tools_and_sees_decisions() {
    if can_browse("the console page in a browser") {
        drive(&House::start(GRANTS), &[]);
    }
}

#[test]
fn a_person_signs_in_with_a_key() {
    if !can_browse("the console page in a browser, with a key") {
        return;
    }
    let (key, line) = new_key("person", &[]);
    let house = House::start(&format!("auth:\n  keys:\n    {line}\n{GRANTS}"));
    drive(&house, &[&key]);
    assert!(!house.stdout.text().contains(&key[8..]), "the key is in the audit log");
}

#[test]
fn the_page_is_served_only_where_it_is_wanted() {
    let paths = ["/", "/console/console.js", "/console/console.css", "/console/events"];
    for (setting, status) in [("true", 200), ("false", 404)] {
        let house = House::start(&format!("server: {{ console: {setting} }}\n{GRANTS}"));
        for path in &paths[..3] {
            assert_eq!(house.get(path).status, status, "console: {setting}, {path}");
        }
        if status == 404 {
            assert_eq!(house.get(paths[3]).status, 404, "the stream of decisions goes with the page");
        }
    }
}
