use std::fmt::Write;

use super::report::{Report, Status};

/// The report as JUnit XML, one test case per check. Warnings pass and say so in `system-out`.
pub fn junit(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = render(report, &mut out);
    out
}

fn render(report: &Report, out: &mut String) -> std::fmt::Result {
    let s = report.summary;
    let total = report.findings.len();
    let seconds = report.millis / 1000.0;
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        out,
        r#"<testsuites><testsuite name="windlass check {}" tests="{total}" failures="{}" errors="0" skipped="{}" time="{seconds:.3}">"#,
        escape(&report.target),
        s.failed,
        s.skipped,
    )?;
    for finding in &report.findings {
        let time = finding.millis / 1000.0;
        write!(out, r#"<testcase classname="windlass.check" name="{}" time="{time:.3}""#, escape(finding.id))?;
        let detail = escape(&finding.detail);
        match finding.status {
            Status::Pass => writeln!(out, "/>")?,
            Status::Warn => {
                let hint = escape(&finding.hint);
                writeln!(out, "><system-out>warning: {detail} {hint}</system-out></testcase>")?;
            }
            Status::Fail => {
                let (title, hint) = (escape(finding.title), escape(&finding.hint));
                writeln!(out, r#"><failure message="{detail}">{title}: {detail} {hint}</failure></testcase>"#)?;
            }
            Status::Skip => writeln!(out, r#"><skipped message="{detail}"/></testcase>"#)?,
        }
    }
    writeln!(out, "</testsuite></testsuites>")
}

/// XML text and attribute escaping. Characters that XML 1.0 cannot hold at all become U+FFFD.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            '\t' => out.push_str("&#9;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c < ' ' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_attribute() {
        assert_eq!(
            escape("]]></failure><x a='1' b=\"2\">&\0\u{ffff}\n"),
            "]]&gt;&lt;/failure&gt;&lt;x a=&apos;1&apos; b=&quot;2&quot;&gt;&amp;\u{fffd}\u{fffd}&#10;"
        );
    }
}
