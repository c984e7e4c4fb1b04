use serde::Deserialize;

/// What Terraform reports. Its code snippets are left out: the snippet of a wrong variable is the line of the file all
/// variables are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// One line.
    pub summary: String,
    /// The rest, possibly many lines.
    pub detail: String,
    /// The resource or provider it is about.
    pub address: Option<String>,
    /// The file and line, if it is about one.
    pub place: Option<(String, u64)>,
    /// The variable whose value is refused.
    pub(crate) variable: Option<String>,
}

impl Diagnostic {
    /// Its kind, if it has one beside [`ErrorKind::Other`](super::ErrorKind::Other).
    pub fn kind(&self) -> Option<super::ErrorKind> {
        super::classify::kind(self)
    }

    /// Summary and detail.
    pub fn text(&self) -> String {
        format!("{}\n{}", self.summary, self.detail).trim().to_owned()
    }
}

/// As Terraform writes it.
#[derive(Debug, Deserialize)]
pub(crate) struct Wire {
    pub(crate) severity: String,
    summary: String,
    #[serde(default)]
    detail: String,
    address: Option<String>,
    range: Option<Range>,
    snippet: Option<Snippet>,
}

#[derive(Debug, Deserialize)]
struct Range {
    filename: String,
    start: Position,
}

#[derive(Debug, Deserialize)]
struct Position {
    line: u64,
}

#[derive(Debug, Deserialize)]
struct Snippet {
    code: String,
    #[serde(default)]
    values: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct Value {
    traversal: String,
}

impl From<Wire> for Diagnostic {
    fn from(wire: Wire) -> Self {
        let variable = wire.snippet.as_ref().and_then(variable);
        Self {
            summary: wire.summary,
            detail: wire.detail,
            address: wire.address,
            place: wire.range.map(|range| (range.filename, range.start.line)),
            variable,
        }
    }
}

/// A refused value names its variable in the snippet: as a value of the condition, or as the block that declares it.
fn variable(snippet: &Snippet) -> Option<String> {
    let traversals = snippet.values.iter().map(|value| value.traversal.as_str());
    let value = traversals.filter_map(|traversal| traversal.strip_prefix("var.")).next();
    let declared = || snippet.code.strip_prefix("variable \"")?.split('"').next();
    let name = value.or_else(declared)?;
    Some(name.split(['.', '[']).next().unwrap_or(name).to_owned())
}

/// The errors in output for people, which is all that `init` has in older releases.
pub(crate) fn from_text(text: &str) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut warning = false;
    for line in text.lines() {
        let line = line.trim_start_matches(['╷', '│', '╵']).trim();
        if let Some(summary) = line.strip_prefix("Error: ") {
            warning = false;
            let (summary, detail) = (summary.to_owned(), String::new());
            found.push(Diagnostic { summary, detail, address: None, place: None, variable: None });
        } else if line.starts_with("Warning: ") {
            warning = true;
        } else if let Some(last) = found.last_mut().filter(|_| !warning) {
            last.detail.push_str(line);
            last.detail.push('\n');
        }
    }
    for diagnostic in &mut found {
        diagnostic.detail = diagnostic.detail.trim().to_owned();
    }
    found
}
