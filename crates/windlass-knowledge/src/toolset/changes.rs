//! `recent_changes`.

use std::fmt::Write as _;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use windlass_core::{Output, ToolError};
use windlass_index::{Change, ChangeKind};

use super::{
    answers::{ChangeAnswer, ChangesAnswer},
    arguments::{ChangesArguments, moment},
    scope,
};
use crate::{collections::Collections, words::ago};

fn kind(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Added => "added",
        ChangeKind::Changed => "changed",
        ChangeKind::Moved => "moved",
        ChangeKind::Removed => "removed",
    }
}

pub(super) async fn changes(collections: &Collections, arguments: ChangesArguments) -> Result<Output, ToolError> {
    let now = OffsetDateTime::now_utc();
    let since = arguments.since.as_deref().filter(|since| !since.trim().is_empty());
    let since = since.map(|since| moment(since, now)).transpose()?;
    let limit = arguments.limit.unwrap_or(20).clamp(1, 100);
    let names: Vec<String> = arguments.collection.iter().chain(&arguments.rag_setup).cloned().collect();
    let (open, notes) = scope::open(collections, &names).await?;
    let several = collections.all().count() > 1;
    let mut all: Vec<(&str, &Change)> = Vec::new();
    for one in &open {
        let fitting =
            one.snapshot.generation().changes.iter().filter(|change| since.is_none_or(|since| change.at >= since));
        all.extend(fitting.map(|change| (one.name(), change)));
    }
    // Each is in order by itself, and a stable sort leaves it so.
    all.sort_by_key(|(_, change)| std::cmp::Reverse(change.at));
    let more = all.len() > limit;
    all.truncate(limit);
    let mut text = String::new();
    if all.is_empty() {
        text.push_str(match since {
            Some(_) => "no changes since then: try an earlier `since`\n",
            None => "no changes are known\n",
        });
    }
    for note in &notes {
        let _ = writeln!(text, "note: {note}");
    }
    for (name, change) in &all {
        if several {
            let _ = write!(text, "{name}: ");
        }
        let _ = write!(text, "{} {}", kind(change.kind), change.path);
        if let Some(from) = &change.from {
            let _ = write!(text, " (was {from})");
        }
        let _ = writeln!(text, ", {}", ago(change.at, now));
    }
    if more {
        text.push_str("there are more: give a larger `limit`, or a later `since`\n");
    }
    let changes = all.into_iter().map(|(name, change)| ChangeAnswer {
        collection: name.to_owned(),
        kind: kind(change.kind).to_owned(),
        path: change.path.clone(),
        from: change.from.clone(),
        at: change.at.format(&Rfc3339).unwrap_or_default(),
    });
    Output::structured(text, ChangesAnswer { changes: changes.collect(), more, notes })
}
