//! Words on a page, put back into lines.

/// Where a string begins and ends on the page, and how high its letters are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub start: (f32, f32),
    pub end: (f32, f32),
    pub height: f32,
}

/// Writes strings in the order the file shows them, which is nearly always the order they are read in.
pub(super) struct Layout {
    out: String,
    last: Option<Place>,
    most: usize,
}

impl Layout {
    /// At most so many bytes; one more than that and it takes no more.
    pub fn new(most: usize) -> Self {
        Self { out: String::new(), last: None, most }
    }

    pub fn is_full(&self) -> bool {
        self.out.len() > self.most
    }

    pub fn show(&mut self, text: &str, place: Place) {
        if self.is_full() || text.is_empty() {
            return;
        }
        if text.trim().is_empty() {
            // A space that is shown is one, wherever the next word stands.
            if !self.out.is_empty() && !self.out.ends_with(char::is_whitespace) {
                self.out.push(' ');
            }
            self.extend(place);
            return;
        }
        if let Some(last) = self.last {
            self.part(last, place);
        }
        let text = if self.out.ends_with(char::is_whitespace) { text.trim_start() } else { text };
        for character in text.chars() {
            match character {
                '\u{fb00}' => self.out.push_str("ff"),
                '\u{fb01}' => self.out.push_str("fi"),
                '\u{fb02}' => self.out.push_str("fl"),
                '\u{fb03}' => self.out.push_str("ffi"),
                '\u{fb04}' => self.out.push_str("ffl"),
                '\u{a0}' => self.out.push(' '),
                '\u{ad}' => self.out.push('-'),
                control if control.is_control() => {}
                other => self.out.push(other),
            }
        }
        self.last = Some(place);
    }

    fn extend(&mut self, place: Place) {
        if let Some(last) = &mut self.last
            && (last.end.1 - place.start.1).abs() < last.height / 2.0
        {
            last.end = place.end;
        }
    }

    /// What stands between two strings: nothing, a space, the end of a line, or of a paragraph.
    fn part(&mut self, last: Place, next: Place) {
        let delta = (next.start.0 - last.end.0, next.start.1 - last.end.1);
        // Along the direction that the last string was written in, which need not be that of the page.
        let length = ((last.end.0 - last.start.0).powi(2) + (last.end.1 - last.start.1).powi(2)).sqrt();
        let direction = if length > 0.01 {
            ((last.end.0 - last.start.0) / length, (last.end.1 - last.start.1) / length)
        } else {
            (1.0, 0.0)
        };
        let along = delta.0 * direction.0 + delta.1 * direction.1;
        let across = delta.1 * direction.0 - delta.0 * direction.1;
        let height = last.height.max(next.height).max(0.1);
        if across.abs() > height * 0.6 {
            // Lines go down the page; a step up is another column.
            let paragraph = across > 0.0 || across.abs() > height * 1.9;
            self.end_line(paragraph);
        } else if along > height * 2.0 {
            self.space("  ");
        } else if along > height * 0.18 || along < -height {
            self.space(" ");
        }
    }

    fn space(&mut self, space: &str) {
        if !self.out.ends_with(char::is_whitespace) {
            self.out.push_str(space);
        }
    }

    fn end_line(&mut self, paragraph: bool) {
        self.out.truncate(self.out.trim_end_matches(' ').len());
        if self.out.is_empty() {
            return;
        }
        if !self.out.ends_with('\n') {
            self.out.push('\n');
        }
        if paragraph && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// The text of the page. Words that were divided at the end of a line are whole again.
    pub fn done(self) -> String {
        let mut out = String::with_capacity(self.out.len() + 1);
        for line in self.out.lines() {
            let divided =
                out.strip_suffix("-\n").is_some_and(|before: &str| before.ends_with(|c: char| c.is_lowercase()));
            let goes_on = line.starts_with(|c: char| c.is_lowercase());
            let mut line = line.trim_end();
            if divided && goes_on {
                // The rest of the word goes up, and the line stays a line if there is more of it.
                let (rest, after) = line.split_once(' ').unwrap_or((line, ""));
                out.truncate(out.len() - 2);
                out.push_str(rest);
                out.push('\n');
                line = after.trim_start();
                if line.is_empty() {
                    continue;
                }
            }
            out.push_str(line);
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::{Layout, Place};

    #[test]
    fn strings_become_lines() {
        let mut layout = Layout::new(1000);
        let mut show = |text: &str, x: f32, y: f32| {
            let end = (x + text.len() as f32 * 5.0, y);
            layout.show(text, Place { start: (x, y), end, height: 10.0 });
        };
        show("Hel", 0.0, 700.0);
        show("lo", 15.0, 700.0);
        show("world", 29.0, 700.0);
        show("far", 200.0, 700.0);
        show("second divi-", 0.0, 688.0);
        show("ded line", 0.0, 676.0);
        show("para\u{fb01}graph", 0.0, 640.0);
        assert_eq!(layout.done(), "Hello world  far\nsecond divided\nline\n\nparafigraph\n");
    }
}
