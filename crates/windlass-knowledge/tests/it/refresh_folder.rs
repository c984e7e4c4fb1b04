//! A refresh of a real folder.

use std::{fs, sync::Arc};

use windlass_config::settings::KnowledgeSourceSettings;
use windlass_knowledge::{
    refresh::{self, RefreshError, Report},
    source::Source,
};

use crate::parts::{Desk, changes, dump};

/// A desk whose source is the folder `docs`.
struct Folder {
    desk: Desk,
    sources: [Arc<dyn Source>; 1],
}

impl Folder {
    fn new() -> Self {
        let desk = Desk::new();
        let settings = KnowledgeSourceSettings { folder: Some("docs".into()), ..KnowledgeSourceSettings::default() };
        let sources = [desk.bench.source(&settings)];
        let folder = Self { desk, sources };
        folder.write("vpn.md", "# VPN\n\nGet a token. It works everywhere.\n");
        folder.write("code/main.rs", "/// Works everywhere.\nfn main() {}\n");
        folder.write("page.html", "<title>Page</title><h1>Page</h1><p>It stands everywhere.</p>");
        folder
    }

    fn write(&self, path: &str, content: &str) {
        self.desk.bench.write(&format!("docs/{path}"), content);
    }

    async fn refresh(&self) -> Result<Report, RefreshError> {
        let Desk { index, embedder, options, .. } = &self.desk;
        refresh::refresh("docs", index.as_ref(), &self.sources, embedder.as_ref(), options, &|_| {}).await
    }
}

#[tokio::test]
async fn files_are_added_changed_moved_and_removed() {
    let folder = Folder::new();
    let report = folder.refresh().await.unwrap();
    assert_eq!((report.added, report.documents), (3, 3), "{report}");
    let snapshot = folder.desk.index.current().await.unwrap().unwrap();
    let mut languages = Vec::new();
    for path in ["code/main.rs", "page.html", "vpn.md"] {
        let document = snapshot.document(path).await.unwrap().unwrap();
        languages.push((document.entry.language, document.entry.converted));
    }
    assert_eq!(languages, [("rust".into(), false), ("html".into(), true), ("markdown".into(), false)]);
    assert_eq!(folder.refresh().await.unwrap().published, None);
    let docs = folder.desk.bench.path().join("docs");
    fs::rename(docs.join("vpn.md"), docs.join("code/vpn.md")).unwrap();
    fs::remove_file(docs.join("page.html")).unwrap();
    folder.write("code/main.rs", "/// Works everywhere, and well.\nfn main() {}\n");
    folder.write("new.txt", "Something new everywhere.\n");
    folder.refresh().await.unwrap();
    let told = changes(folder.desk.index.as_ref()).await;
    assert_eq!(
        told[..4],
        ["changed code/main.rs", "moved vpn.md -> code/vpn.md", "added new.txt", "removed page.html"]
    );
    assert_eq!(dump(folder.desk.index.as_ref()).await.found, 3);
}

#[tokio::test]
async fn a_folder_that_vanishes_deletes_nothing() {
    let folder = Folder::new();
    folder.refresh().await.unwrap();
    let before = folder.desk.dump().await;
    let docs = folder.desk.bench.path().join("docs");
    fs::rename(&docs, docs.with_file_name("elsewhere")).unwrap();
    let error = folder.refresh().await.unwrap_err();
    assert!(matches!(error, RefreshError::Source { .. }), "{error:?}");
    assert_eq!(folder.desk.dump().await, before);
    // Nor does an empty one in its place.
    fs::create_dir(&docs).unwrap();
    let error = folder.refresh().await.unwrap_err();
    assert!(matches!(error, RefreshError::Shrinks { before: 3, after: 0, .. }), "{error:?}");
    assert_eq!(folder.desk.dump().await, before);
}
