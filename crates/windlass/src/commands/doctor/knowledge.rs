//! What a refresh needs, and a server that searches does not show: sources, and who makes the vectors.

use std::time::Duration;

use windlass_core::Check;
use windlass_knowledge::source::Source;

use crate::knowledge::Knowledge;

/// A repository may have to be fetched for it.
const PATIENCE: Duration = Duration::from_secs(60);

pub async fn checks(knowledge: &Knowledge) -> Vec<Check> {
    let mut checks = vec![Check::ok("knowledge.index", knowledge.place.to_string()), embedder(knowledge).await];
    for (collection, sources) in &knowledge.sources {
        for source in sources {
            let name = format!("knowledge.{collection}.source");
            let looked = tokio::time::timeout(PATIENCE, look(source.as_ref())).await;
            let late = || Err(format!("nothing was seen within {} s", PATIENCE.as_secs()));
            let (failed, said) = match looked.unwrap_or_else(|_| late()) {
                Ok(said) => (false, said),
                Err(said) => (true, said),
            };
            let said = format!("{}: {said}", source.name());
            checks.push(if failed { Check::failed(name, said) } else { Check::ok(name, said) });
        }
    }
    checks
}

async fn embedder(knowledge: &Knowledge) -> Check {
    let model = tokio::time::timeout(PATIENCE, knowledge.embedder.model()).await;
    match model {
        Ok(Ok(model)) => Check::ok("knowledge.embedder", format!("{}, {} numbers", model.name, model.dimensions)),
        // Words still find.
        Ok(Err(error)) => Check::failed("knowledge.embedder", error.to_string()),
        Err(_) => Check::failed("knowledge.embedder", format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

async fn look(source: &dyn Source) -> Result<String, String> {
    let opened = source.open().await.map_err(|error| error.to_string())?;
    let mut said = format!("{} files", opened.files().len());
    if !opened.at().is_empty() {
        said.push_str(&format!(" at {}", opened.at()));
    }
    let skipped: Vec<String> = opened.skipped().iter().map(|(why, count)| format!("{count} {why}")).collect();
    if !skipped.is_empty() {
        said.push_str(&format!("; passed over: {}", skipped.join(", ")));
    }
    Ok(said)
}
