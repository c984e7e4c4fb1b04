use super::Pattern;

/// How a program reads its flags: what is needed to recognise one however it is spelled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spelling {
    /// Single-dash words (`find -exec`, `java -jar`) rather than bundles of letters.
    pub words: bool,
    /// Short flags that take the rest of their bundle as their value: in `-fx`, `x` is no flag. Flags missing here only
    /// make the check stricter.
    pub values: &'static str,
    /// Long flags that are whole although some refused flag begins with them.
    pub whole: &'static [&'static str],
    /// The first argument is a bundle even without a dash (`tar xzf`).
    pub bare_bundle: bool,
}

impl Spelling {
    /// GNU-like, about which nothing more is known.
    pub(crate) const GNU: Self = Self { words: false, values: "", whole: &[], bare_bundle: false };
}

/// One flag with its spellings: `-e|--expression`, `-exec`, `--pre*`.
#[derive(Debug, Clone)]
pub(crate) struct Flag {
    source: String,
    letters: Vec<char>,
    names: Vec<String>,
    words: Vec<Pattern>,
}

impl Flag {
    pub(crate) fn new(source: &str) -> Result<Self, String> {
        let mut flag = Self { source: source.into(), letters: Vec::new(), names: Vec::new(), words: Vec::new() };
        for spelling in source.split('|') {
            let mut letters = spelling.chars().skip(1);
            match (spelling.strip_prefix("--"), spelling.strip_prefix('-')) {
                (Some(name), _) if !name.is_empty() && !name.contains(['*', '?', '[']) => flag.names.push(name.into()),
                (None, Some(short)) if short.chars().count() == 1 && short != "*" => {
                    flag.letters.extend(letters.next())
                }
                (_, Some(word)) if !word.is_empty() => flag.words.push(Pattern::new(spelling)?),
                _ => return Err(format!("`{source}` is not a flag: it should look like -x, --name or -x|--name")),
            }
        }
        Ok(flag)
    }

    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// What to say about finding it in `argument`.
    pub(crate) fn found_in(&self, argument: &str) -> String {
        if argument == self.source {
            return format!("`{argument}` is refused");
        }
        format!("`{argument}` is, or could be read as, `{}`", self.source)
    }

    /// Whether this flag may be in `argument`. Errs on yes: abbreviations and every letter of a bundle count, and so does
    /// an argument after `--`, which some programs read and others do not.
    pub(crate) fn is_in(&self, argument: &str, index: usize, spelling: Spelling) -> bool {
        if let Some(long) = argument.strip_prefix("--").filter(|long| !long.is_empty()) {
            let name = long.split('=').next().unwrap_or(long);
            let abbreviates = |full: &String| {
                full == name || (full.starts_with(name) && !name.is_empty() && !spelling.whole.contains(&name))
            };
            if self.names.iter().any(abbreviates) {
                return true;
            }
        }
        let Some(body) = argument.strip_prefix('-') else {
            // `tar xzf`: the first argument, dash or not.
            return spelling.bare_bundle && index == 0 && self.letters.iter().any(|letter| argument.contains(*letter));
        };
        // Programs that read single-dash words mostly read them with two dashes as well, and with an attached value.
        let word = format!("-{}", body.trim_start_matches('-').split('=').next().unwrap_or_default());
        if self.words.iter().any(|pattern| pattern.matches(&word) || pattern.matches(argument)) {
            return true;
        }
        !argument.starts_with("--") && self.is_in_bundle(body, spelling)
    }

    fn is_in_bundle(&self, body: &str, spelling: Spelling) -> bool {
        if spelling.words {
            return self.letters.iter().any(|letter| body == letter.encode_utf8(&mut [0; 4]) as &str);
        }
        for letter in body.chars() {
            if self.letters.contains(&letter) {
                return true;
            }
            if spelling.values.contains(letter) {
                return false;
            }
        }
        false
    }

    /// Whether `argument` is this flag and nothing else, for a list of what is allowed: no abbreviations.
    pub(crate) fn is(&self, argument: &str) -> bool {
        let name = argument.split('=').next().unwrap_or(argument);
        self.names.iter().any(|full| name.strip_prefix("--") == Some(full))
            || self.words.iter().any(|pattern| pattern.matches(argument) || pattern.matches(name))
    }

    /// Whether the letter is one of this flag's.
    pub(crate) fn is_letter(&self, letter: char) -> bool {
        self.letters.contains(&letter)
    }
}

/// Whether every flag in `argument` is among `allowed`.
pub(crate) fn all_allowed(argument: &str, allowed: &[Flag]) -> bool {
    let Some(body) = argument.strip_prefix('-').filter(|body| !body.is_empty() && *body != "-") else { return true };
    allowed.iter().any(|flag| flag.is(argument))
        || (!body.starts_with('-') && body.chars().all(|letter| allowed.iter().any(|flag| flag.is_letter(letter))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(flag: &str, argument: &str, spelling: Spelling) -> bool {
        Flag::new(flag).unwrap().is_in(argument, 0, spelling)
    }

    #[test]
    fn a_flag_is_found_in_each_of_its_spellings() {
        let tar = Spelling { values: "fC", bare_bundle: true, whole: &["checkpoint"], ..Spelling::GNU };
        for argument in ["-I", "-xI", "-Izstd", "xIf", "--use-compress-program", "--use-c", "--use-compress-program=sh"]
        {
            assert!(found("-I|--use-compress-program", argument, tar), "{argument}");
        }
        for argument in ["-xf", "-fI", "--", "-", "--use-something", "file"] {
            assert!(!found("-I|--use-compress-program", argument, tar), "{argument}");
        }
        assert!(found("--checkpoint-action", "--checkpoint-a=exec=sh", tar));
        assert!(!found("--checkpoint-action", "--checkpoint=1", tar));
    }

    #[test]
    fn words_with_one_dash() {
        let find = Spelling { words: true, ..Spelling::GNU };
        for argument in ["-exec", "--exec", "-exec=1"] {
            assert!(found("-exec", argument, find), "{argument}");
        }
        assert!(found("-fprint*", "-fprintf", find));
        assert!(!found("-exec", "-executable", find));
        assert!(!found("-X", "-maxdepth", find));
    }

    #[test]
    fn allowed_flags_are_exact() {
        let allowed: Vec<_> = ["-v", "-q", "--release", "-j*"].map(|flag| Flag::new(flag).unwrap()).into();
        for argument in ["-v", "-vq", "--release", "-j4", "file", "-", "--"] {
            assert!(all_allowed(argument, &allowed), "{argument}");
        }
        for argument in ["--rel", "-vx", "--config=x", "-x"] {
            assert!(!all_allowed(argument, &allowed), "{argument}");
        }
    }
}
