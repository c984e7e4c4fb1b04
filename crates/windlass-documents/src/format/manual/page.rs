//! A page while its lines come in.

use std::fmt::Write;

use time::Date;

use crate::{
    Document, Limits, Refused,
    date::date,
    lines,
    outline::{Outline, tidy},
};

use super::{super::bare, escapes::plain, mdoc};

/// Arguments of a request that are told apart.
const MAX_ARGUMENTS: usize = 200;

pub(super) struct Page {
    out: String,
    lines: usize,
    outline: Outline,
    name: String,
    title: Option<String>,
    date: Option<Date>,
    /// What is being skipped, until its end.
    skipping: Option<Skip>,
    /// Inside of a table: whether its formats are over.
    table: Option<bool>,
    /// Whether the next line is the term of a list.
    term: bool,
    /// Whether text is explained by a term, and is indented.
    indented: bool,
    /// Whether a heading has no words yet: they are on the next line.
    heading: Option<usize>,
    /// Whether the last `.ie` did not hold.
    otherwise: bool,
    /// Whether the next line is an item with a bullet.
    bullet: bool,
    /// Inside of `.nf` or `.EX`.
    verbatim: bool,
    /// Whether what comes begins a paragraph.
    parted: bool,
}

enum Skip {
    /// A definition: until `..`, or another mark.
    Until(String),
    /// A condition that does not hold: until its braces are closed.
    Braces(usize),
}

impl Page {
    pub fn new(limits: &Limits) -> Self {
        Self {
            out: String::new(),
            lines: 0,
            outline: Outline::new(limits),
            name: String::new(),
            title: None,
            date: None,
            skipping: None,
            table: None,
            term: false,
            indented: false,
            heading: None,
            otherwise: false,
            bullet: false,
            verbatim: false,
            parted: false,
        }
    }

    pub fn len(&self) -> usize {
        self.out.len()
    }

    pub fn line(&mut self, line: &str) {
        match &mut self.skipping {
            Some(Skip::Until(end)) => {
                if line.strip_prefix('.').is_some_and(|mark| mark.trim() == end) {
                    self.skipping = None;
                }
                return;
            }
            Some(Skip::Braces(depth)) => {
                *depth = (*depth + line.matches("\\{").count()).saturating_sub(line.matches("\\}").count());
                if *depth == 0 {
                    self.skipping = None;
                }
                return;
            }
            None => {}
        }
        if let Some(data) = self.table
            && !line.starts_with(".TE")
        {
            return self.table_line(data, line);
        }
        match line.strip_prefix(['.', '\'']) {
            // `'tis` at the beginning of a line is text to whoever wrote it, and rare.
            Some(request) => self.request(request.trim_start()),
            None => self.text(&plain(line)),
        }
    }

    fn request(&mut self, line: &str) {
        if line.starts_with("\\\"") || line.is_empty() {
            return;
        }
        let (request, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        // `.if\{` has no space.
        let request = request.split('\\').next().unwrap_or(request);
        match request {
            "de" | "de1" | "am" | "ig" => {
                let end = rest.split_whitespace().nth(usize::from(request != "ig")).unwrap_or(".");
                self.skipping = Some(Skip::Until(end.to_owned()));
                return;
            }
            "if" | "ie" | "el" | "while" => return self.condition(request, &line[request.len()..]),
            _ => {}
        }
        let arguments = arguments(rest);
        let first = arguments.first().map(String::as_str).unwrap_or_default();
        match request {
            "TH" => self.head(first, arguments.get(1).map(String::as_str), arguments.get(2..).unwrap_or_default()),
            "Dt" => self.head(first, arguments.get(1).map(String::as_str), &[]),
            "Dd" => self.date = date(rest),
            "SH" | "Sh" => self.section(1, &arguments.join(" ")),
            "SS" | "Ss" => self.section(2, &arguments.join(" ")),
            "PP" | "P" | "LP" | "Pp" | "sp" | "HP" => self.paragraph(),
            "RS" | "RE" | "Bl" | "El" | "Bd" | "Ed" | "Lp" => self.part(),
            "TP" | "TQ" => {
                self.part();
                self.term = true;
            }
            "IP" => {
                self.part();
                self.indented = false;
                let term = plain(first);
                self.bullet = matches!(term.trim(), "\u{2022}" | "*" | "-" | "o");
                if !term.is_empty() && !self.bullet {
                    self.text(&term);
                }
                self.indented = true;
            }
            "It" => {
                self.part();
                self.indented = false;
                let words = mdoc::words("It", &arguments, &self.name);
                let words = if words.is_empty() { "-".to_owned() } else { words };
                self.text(&words);
                self.indented = true;
            }
            "nf" | "EX" | "Vb" => self.verbatim = true,
            "fi" | "EE" | "Ve" => self.verbatim = false,
            "TS" => {
                self.part();
                self.table = Some(false);
            }
            "TE" => self.table = None,
            "B" | "I" | "R" | "SM" | "SB" | "CW" => self.text(&spaced(&arguments)),
            "BR" | "RB" | "BI" | "IB" | "IR" | "RI" => {
                let words: Vec<String> = arguments.iter().map(|word| plain(word)).collect();
                self.text(&words.concat());
            }
            "UR" | "MT" | "URL" => self.text(&spaced(&arguments)),
            "SY" | "OP" => {
                let words = spaced(&arguments);
                self.text(&if request == "OP" { format!("[{words}]") } else { words });
            }
            "Nm" if self.name.is_empty() && !first.is_empty() => {
                first.clone_into(&mut self.name);
                self.text(&plain(first));
            }
            // The name is what NAME says, not the capitals of the head.
            "Nm" if !first.is_empty() && !mdoc::is_macro(first) && self.lines < 8 => {
                first.clone_into(&mut self.name);
                self.text(&mdoc::words("Nm", &arguments, &self.name));
            }
            request if mdoc::is_macro(request) => {
                let words = mdoc::words(request, &arguments, &self.name);
                self.text(&words);
            }
            _ => {}
        }
    }

    /// `.if n text`: what is for a terminal holds, and what is for paper does not.
    fn condition(&mut self, request: &str, rest: &str) {
        let rest = rest.trim_start();
        let holds = if request == "el" { self.otherwise } else { rest.starts_with('n') && !rest.starts_with("nr") };
        if request == "ie" {
            self.otherwise = !holds;
        }
        let body =
            if request == "el" { rest } else { rest.split_once([' ', '\t']).map_or("", |(_, body)| body.trim_start()) };
        let opened = rest.matches("\\{").count().saturating_sub(rest.matches("\\}").count());
        if !holds {
            if opened > 0 {
                self.skipping = Some(Skip::Braces(opened));
            }
            return;
        }
        let body = body.trim_start_matches("\\{").trim_start_matches('\\').trim();
        if !body.is_empty() && !body.starts_with(".if") && !body.starts_with(".ie") && !body.starts_with(".el") {
            self.line(body);
        }
    }

    fn head(&mut self, name: &str, section: Option<&str>, rest: &[String]) {
        if self.title.is_some() {
            return;
        }
        let name = plain(name);
        let lower = if name.chars().all(|c| !c.is_lowercase()) { name.to_lowercase() } else { name };
        if lower.is_empty() {
            return;
        }
        let section = section.map(plain).unwrap_or_default();
        self.title = Some(tidy(&if section.is_empty() { lower.clone() } else { format!("{lower}({section})") }));
        self.name = lower;
        self.date = self.date.or_else(|| rest.first().and_then(|text| date(&plain(text))));
        // Whatever came before were definitions.
        self.out.clear();
        self.outline.clear();
        self.lines = 0;
        self.term = false;
        self.indented = false;
    }

    fn section(&mut self, level: usize, words: &str) {
        self.part();
        (self.indented, self.term, self.verbatim, self.bullet) = (false, false, false, false);
        let words = tidy(&plain(words));
        if words.is_empty() {
            self.heading = Some(level);
            return;
        }
        self.heading = None;
        self.begin_paragraph();
        self.outline.add(level, &words, lines::number(self.lines));
        self.push(&format!("{} {words}", "#".repeat(level)));
        self.parted = true;
    }

    fn paragraph(&mut self) {
        self.part();
        (self.indented, self.term) = (false, false);
    }

    fn part(&mut self) {
        self.parted = true;
    }

    fn begin_paragraph(&mut self) {
        if std::mem::take(&mut self.parted) && !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.push("");
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(level) = self.heading.take() {
            return self.section(level, text);
        }
        let text = text.trim_end();
        if text.trim().is_empty() {
            return self.part();
        }
        self.begin_paragraph();
        if std::mem::take(&mut self.term) {
            self.push(text.trim_start());
            self.indented = true;
            return;
        }
        if std::mem::take(&mut self.bullet) {
            self.push(&format!("- {}", text.trim_start()));
            return;
        }
        let text = if self.verbatim { text } else { text.trim_start() };
        let indent = if self.indented { "  " } else { "" };
        let verbatim = if self.verbatim { "    " } else { "" };
        self.push(&format!("{indent}{verbatim}{text}"));
    }

    fn table_line(&mut self, data: bool, line: &str) {
        if !data {
            // The formats of the columns end with a dot.
            self.table = Some(line.trim_end().ends_with('.'));
            return;
        }
        let rule = line.trim().chars().all(|c| matches!(c, '_' | '=')) || line.starts_with('.');
        let braces = matches!(line.trim(), "T{" | "T}");
        if rule || braces {
            return;
        }
        let line = line.trim_end_matches("T{").trim_start_matches("T}");
        let cells: Vec<String> = line.split('\t').map(|cell| plain(cell).trim().to_owned()).collect();
        if cells.iter().all(String::is_empty) {
            return;
        }
        self.begin_paragraph();
        self.push(&cells.join(" | "));
    }

    fn push(&mut self, line: &str) {
        let _ = writeln!(self.out, "{line}");
        self.lines += 1;
    }

    pub fn done(self, limits: &Limits) -> Result<Document, Refused> {
        limits.text(self.out.len())?;
        if self.out.trim().is_empty() {
            return Err(Refused::NoText("a page without words".to_owned()));
        }
        let title = self.title.or_else(|| self.outline.title());
        Ok(Document { title, sections: self.outline.done(), date: self.date, converted: true, ..bare(self.out) })
    }
}

fn spaced(arguments: &[String]) -> String {
    arguments.iter().map(|word| plain(word)).collect::<Vec<_>>().join(" ")
}

/// The arguments of a request: words, or texts in quotes with `""` for a quote.
fn arguments(line: &str) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() && !rest.starts_with("\\\"") && arguments.len() < MAX_ARGUMENTS {
        let mut word = String::new();
        if let Some(quoted) = rest.strip_prefix('"') {
            rest = quoted;
            while let Some((text, after)) = rest.split_once('"') {
                word.push_str(text);
                rest = after;
                if let Some(more) = rest.strip_prefix('"') {
                    word.push('"');
                    rest = more;
                } else {
                    break;
                }
            }
            if word.is_empty() && !rest.is_empty() && !quoted.starts_with('"') {
                // Not closed.
                word.push_str(rest);
                rest = "";
            }
        } else {
            // `\ ` is part of a word.
            let mut escaped = false;
            let end = rest.find(|c: char| {
                let ends = !escaped && (c == ' ' || c == '\t');
                escaped = c == '\\' && !escaped;
                ends
            });
            let (text, after) = rest.split_at(end.unwrap_or(rest.len()));
            word.push_str(text);
            rest = after;
        }
        arguments.push(word);
        rest = rest.trim_start();
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::arguments;

    #[test]
    fn arguments_are_words_or_in_quotes() {
        assert_eq!(arguments(r#"a "b c" d\ e "f ""g""" \" comment"#), ["a", "b c", r"d\ e", r#"f "g""#]);
        assert_eq!(arguments(r#""not closed"#), ["not closed"]);
        assert_eq!(arguments(r#""" x"#), ["", "x"]);
    }
}
