//! Finding a section by what it is called.

use std::collections::{HashMap, HashSet};

use crate::{Section, lines};

/// The lines of the section that is called `wanted`, from its heading to before the next one of its level or higher:
/// by its very title, else whatever the case, else as the end of a link (`#getting-started`), else by a beginning that
/// only one section has.
pub fn section(text: &str, sections: &[Section], wanted: &str) -> Option<(u32, u32)> {
    let index = find(sections, wanted.trim())?;
    let heading = sections.get(index)?;
    let total = u32::try_from(text.lines().count()).unwrap_or(u32::MAX);
    let next = sections[index + 1..].iter().find(|other| other.level <= heading.level);
    let mut last = next.map_or(total, |next| next.line.saturating_sub(1)).max(heading.line);
    // The blank lines in front of the next heading are nobody's.
    let all = lines::lines(text);
    while last > heading.line && all.get(last as usize - 1).is_none_or(|line| line.trim().is_empty()) {
        last -= 1;
    }
    Some((heading.line, last))
}

fn find(sections: &[Section], wanted: &str) -> Option<usize> {
    if wanted.is_empty() {
        return None;
    }
    let lower = wanted.to_lowercase();
    let slug = slug(wanted.trim_start_matches('#'));
    let slugs = slugs(sections);
    let by = |matches: &dyn Fn(usize) -> bool| (0..sections.len()).find(|index| matches(*index));
    by(&|index| sections[index].title == wanted)
        .or_else(|| by(&|index| sections[index].title.to_lowercase() == lower))
        .or_else(|| by(&|index| !slug.is_empty() && slugs[index] == slug))
        .or_else(|| {
            let begins = |index: &usize| {
                let title = sections[*index].title.to_lowercase();
                title.starts_with(&lower) || (!slug.is_empty() && slugs[*index].starts_with(&slug))
            };
            let mut candidates = (0..sections.len()).filter(begins);
            candidates.next().filter(|_| candidates.next().is_none())
        })
}

/// The ends of links to these headings, as GitHub makes them: the second `Usage` is `usage-1`.
fn slugs(sections: &[Section]) -> Vec<String> {
    let mut used = HashSet::new();
    let mut count: HashMap<String, usize> = HashMap::new();
    let mut unique = |title: &str| {
        let plain = slug(title);
        let mut candidate = plain.clone();
        let again = count.entry(plain.clone()).or_default();
        while !used.insert(candidate.clone()) {
            *again += 1;
            candidate = format!("{plain}-{again}");
        }
        candidate
    };
    sections.iter().map(|section| unique(&section.title)).collect()
}

fn slug(title: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    title.to_lowercase().chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_found_by_title_link_or_beginning() {
        let text = "# Guide\n\n## Getting started\nx\n\n### Install (Linux)\ny\n\n## Usage\nz\n\n## Usage\nagain\n";
        let heading = |level, title: &str, line| Section { level, title: title.to_owned(), line };
        let sections = [
            heading(1, "Guide", 1),
            heading(2, "Getting started", 3),
            heading(3, "Install (Linux)", 6),
            heading(2, "Usage", 9),
            heading(2, "Usage", 12),
        ];
        let found = |wanted| section(text, &sections, wanted);
        assert_eq!(found("Guide"), Some((1, 13)));
        assert_eq!(found("getting STARTED"), Some((3, 7)));
        assert_eq!(found("#getting-started"), Some((3, 7)));
        assert_eq!(found("install-linux"), Some((6, 7)));
        assert_eq!(found("inst"), Some((6, 7)));
        assert_eq!(found("Usage"), Some((9, 10)));
        assert_eq!(found("#usage-1"), Some((12, 13)));
        assert_eq!(found("g"), None, "two begin with it");
        assert_eq!(found("us"), None);
        assert_eq!(found(""), None);
        assert_eq!(found("#"), None);
        assert_eq!(found("nothing"), None);
    }
}
