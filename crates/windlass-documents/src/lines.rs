//! A text by its lines.

/// The lines of a text, each with its `\n`.
pub(crate) fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Counts lines from 1 as everybody does.
pub(crate) fn number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

/// How many columns a line is indented by; a tab goes to the next multiple of four.
pub(crate) fn indent(line: &str) -> usize {
    let mut columns = 0;
    for character in line.chars() {
        match character {
            ' ' => columns += 1,
            '\t' => columns = (columns / 4 + 1) * 4,
            _ => break,
        }
    }
    columns
}

/// The fence a line opens, or closes: which character, how often, and whether words stand behind it.
pub(crate) fn fence(line: &str) -> Option<(char, usize, bool)> {
    let line = line.trim_end();
    let start = line.trim_start();
    let mark = start.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = start.chars().take_while(|c| *c == mark).count();
    let behind = &start[length..];
    // ```` `a` ```` is code within a line.
    (length >= 3 && !(mark == '`' && behind.contains('`'))).then_some((mark, length, !behind.trim().is_empty()))
}

/// Keeps track of whether lines are inside a fence.
#[derive(Debug, Default)]
pub(crate) struct Fences {
    open: Option<(char, usize)>,
}

impl Fences {
    /// Whether `line`, which comes next, is inside a fence or one of its ends.
    pub(crate) fn covers(&mut self, line: &str) -> bool {
        match (self.open, fence(line)) {
            (None, Some((mark, length, _))) => {
                self.open = Some((mark, length));
                true
            }
            (Some((mark, length)), Some((other, longer, words))) => {
                if mark == other && longer >= length && !words {
                    self.open = None;
                }
                true
            }
            (open, None) => open.is_some(),
        }
    }

    /// Whether the next line is inside.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }
}
