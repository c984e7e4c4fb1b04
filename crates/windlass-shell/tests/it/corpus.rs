//! Lines that must never run and lines that must, as data: see `corpus/`.

use windlass_shell::explain::explain;

use crate::fixture::{Fixture, argvs};

/// Control pictures and `<U+00A0>` as the characters they stand for.
fn decoded(line: &str) -> String {
    let pictures = [('␤', "\n"), ('␀', "\0"), ('␍', "\r"), ('␛', "\x1b"), ('␉', "\t"), ('␈', "\x08")];
    let mut text =
        pictures.iter().fold(line.to_owned(), |text, (picture, character)| text.replace(*picture, character));
    while let Some(start) = text.find("<U+") {
        let end = start + text[start..].find('>').unwrap();
        let code = u32::from_str_radix(&text[start + 3..end], 16).unwrap();
        text.replace_range(start..=end, &char::from_u32(code).unwrap().to_string());
    }
    text
}

/// Groups of a corpus file: the text after `##`, and the lines under it.
fn groups(file: &str) -> Vec<(&str, Vec<&str>)> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in file.lines() {
        match line.strip_prefix("## ") {
            Some(header) => groups.push((header, Vec::new())),
            None if line.starts_with("# ") => {}
            None => {
                if let Some((_, lines)) = groups.last_mut() {
                    lines.push(line);
                }
            }
        }
    }
    for (_, lines) in &mut groups {
        // The blank line before the next header; other blank lines are cases.
        if lines.last() == Some(&"") {
            lines.pop();
        }
    }
    groups
}

#[test]
fn denied() {
    let fixture = Fixture::new();
    let mut failures = Vec::new();
    let mut count = 0;
    for (header, lines) in groups(include_str!("corpus/denied.txt")) {
        let (rules, rest) = header.split_once(": ").unwrap();
        let mut reasons = rest.split(" | ");
        reasons.next();
        let reasons: Vec<_> = reasons.collect();
        assert!(!reasons.is_empty(), "{header}");
        for line in lines {
            count += 1;
            match fixture.plan(rules, &decoded(line)) {
                Ok(plan) => failures.push(format!("ALLOWED under {header}\n    {line}\n    {:?}", argvs(&plan))),
                Err(denial) if !reasons.iter().any(|reason| denial.reason.contains(reason)) => {
                    failures.push(format!("OTHER REASON under {header}\n    {line}\n    {}", denial.reason));
                }
                Err(_) => {}
            }
        }
    }
    assert!(failures.is_empty(), "{} of {count}\n{}", failures.len(), failures.join("\n"));
    assert!(count >= 500, "{count} lines");
}

#[test]
fn allowed() {
    let fixture = Fixture::new();
    let root = fixture.root.to_str().unwrap();
    let mut failures = Vec::new();
    for (header, lines) in groups(include_str!("corpus/allowed.txt")) {
        let (rules, _) = header.split_once(':').unwrap_or((header, ""));
        let mut lines = lines.into_iter().peekable();
        while let Some(line) = lines.next() {
            let mut expected: Vec<Vec<String>> = Vec::new();
            while let Some(words) = lines.next_if(|line| line.starts_with("=> ")) {
                expected.push(serde_json::from_str(&words[3..].replace("ROOT", root)).unwrap());
            }
            assert!(!expected.is_empty(), "{header}: {line}");
            let text = decoded(line).replace("ROOT", root);
            match fixture.plan(rules, &text) {
                Ok(plan) if argvs(&plan) == expected => {}
                Ok(plan) => failures.push(format!("{line}\n    {:?}\n    {expected:?}", argvs(&plan))),
                Err(denial) => failures.push(format!("{line}\n    denied: {} {:?}", denial.reason, denial.hint)),
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_refusal_points_into_the_line_and_explain_agrees_with_the_plan() {
    let fixture = Fixture::new();
    for file in [include_str!("corpus/denied.txt"), include_str!("corpus/allowed.txt")] {
        for (header, lines) in groups(file) {
            let rules = header.split(':').next().unwrap();
            for line in lines.into_iter().filter(|line| !line.starts_with("=> ")) {
                let line = decoded(line);
                let planned = fixture.plan(rules, &line);
                let explained = explain(fixture.rules(rules), &line, &fixture.root);
                assert_eq!(explained.allowed, planned.is_ok(), "{line}");
                match planned {
                    Ok(plan) => {
                        let seen: Vec<_> = explained.commands.into_iter().map(|command| command.argv).collect();
                        assert_eq!(seen, argvs(&plan), "{line}");
                    }
                    Err(denial) => {
                        if let Some((start, end)) = denial.span {
                            assert!(line.get(start..end).is_some(), "{line}: {start}..{end}");
                        }
                    }
                }
            }
        }
    }
}
