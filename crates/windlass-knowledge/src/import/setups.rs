//! Setups of Thoth are collections here.

use std::collections::BTreeSet;

use windlass_config::import::{
    Notes, identifier,
    write::{Entries, Out},
    yaml::{Field, Node},
};

use super::{fields, left_out};

/// Where somebody has to write something. The configuration is refused as long as it stands there.
const OPEN: &str = "SET_THIS";
/// What Thoth cloned when nobody told it otherwise. Its configuration could not.
const DEFAULT_REPOSITORY: &str = "https://gitlab.com/gitlab-com/content-sites/handbook.git";
/// What Thoth called its setup when there was none.
const DEFAULT_SETUP: &str = "handbook";

/// The section `knowledge`.
pub(super) struct Knowledge {
    pub entries: Entries,
    /// What setups were called, and what their collections are.
    pub names: Vec<(String, String)>,
}

/// A setup on its way.
#[derive(Default)]
struct Setups {
    collections: Entries,
    names: Vec<(String, String)>,
    taken: BTreeSet<String>,
    /// The bucket, and the setup that named it.
    bucket: Option<(String, String)>,
}

pub(super) fn convert(rag: Option<&Field>, notes: &mut Notes) -> Knowledge {
    let mut setups = Setups::default();
    let mut list: &[Node] = &[];
    if let Some(rag) = rag {
        for field in fields(&rag.node, rag, notes) {
            match (field.key.as_str(), field.node.list()) {
                ("setups", Some(items)) => list = items,
                ("setups", None) => notes.add(field.line, "`setups` is not a list: left out"),
                _ => left_out(field, "nothing here corresponds to it", notes),
            }
        }
    }
    for node in list {
        setup(node, &mut setups, notes);
    }
    if list.is_empty() {
        let line = rag.map_or(1, |rag| rag.line);
        notes.add(
            line,
            format!("there are no setups, and Thoth then had one called `{DEFAULT_SETUP}`: so there is here"),
        );
        setups.collection(DEFAULT_SETUP, line, notes);
    }
    let mut entries = Entries::default();
    entries.add("collections", setups.collections.finish());
    if let Some((bucket, _)) = setups.bucket {
        let mut index = Entries::default();
        index.text("bucket", &bucket);
        let about = "Beside what Thoth left there: everything of windlass is below `index/`.";
        entries.commented("index", index.finish(), vec![about.to_owned()], false);
    }
    Knowledge { entries, names: setups.names }
}

fn setup(node: &Node, setups: &mut Setups, notes: &mut Notes) {
    let Some(given) = node.map() else {
        notes.add(node.line, "this setup is not a section: left out");
        return;
    };
    let get = |key: &str| given.iter().find(|field| field.key == key);
    let former = get("name").and_then(|field| field.node.text()).unwrap_or_else(|| {
        notes.add(node.line, "this setup has no name, and Thoth then called it `default`: so it is called here");
        "default".to_owned()
    });
    if let Some(kind) = get("plugin_type")
        && kind.node.text().as_deref() != Some("handbook")
    {
        let shown = kind.node.text().unwrap_or_default();
        let message = format!(
            "the setup `{}` is of the kind `{}`, which Thoth passes over: left out",
            former.escape_debug(),
            shown.escape_debug()
        );
        notes.add(kind.line, message);
        return;
    }
    setups.collection(&former, node.line, notes);
    for field in given {
        match field.key.as_str() {
            "name" | "plugin_type" => {}
            "config" => {
                for field in fields(&field.node, field, notes) {
                    setups.config(field, &former, notes);
                }
            }
            _ => left_out(field, "nothing here corresponds to it", notes),
        }
    }
}

impl Setups {
    /// A collection for a setup. Its source is for somebody to write in.
    fn collection(&mut self, former: &str, line: usize, notes: &mut Notes) {
        let clean = identifier::name(former, line, "setup", notes);
        let name = identifier::unique(&clean, |name| self.taken.contains(name));
        if name != clean {
            notes.add(line, format!("`{clean}` is there already: this one is called `{name}` here"));
        }
        self.taken.insert(name.clone());
        notes.add(
            line,
            format!("where the documents of `{name}` come from was not in this file: set `git`, or a `folder` or `s3`"),
        );
        let mut source = Entries::default();
        let about = vec![
            "Set this: Thoth's configuration does not say where documents come from. Without being told, it cloned"
                .to_owned(),
            format!("{DEFAULT_REPOSITORY}. A `folder` or `s3: s3://BUCKET/PREFIX/` will do as well."),
        ];
        source.commented("git", Out::Text(OPEN.to_owned()), about, false);
        let token = vec!["For a repository that not everybody may read.".to_owned()];
        source.commented("token", Out::Text("env:GITLAB_TOKEN".to_owned()), token, true);
        let mut collection = Entries::default();
        let about = vec!["Say what is in it: a model chooses by this.".to_owned()];
        collection.commented("description", Out::Text(name.clone()), about, false);
        collection.add("sources", Out::List(vec![source.finish()]));
        self.collections.add(&name, collection.finish());
        self.names.push((former.to_owned(), name));
    }

    fn config(&mut self, field: &Field, setup: &str, notes: &mut Notes) {
        let text = field.node.text();
        match field.key.as_str() {
            "s3_bucket_name" => match (text, &self.bucket) {
                (None, _) => {}
                (Some(bucket), None) => self.bucket = Some((bucket, setup.to_owned())),
                (Some(bucket), Some((first, _))) if bucket == *first => {}
                (Some(bucket), Some((first, owner))) => notes.add(
                    field.line,
                    format!(
                        "the bucket `{}` is not carried over: all collections are in one index, in `{}` of `{}`",
                        bucket.escape_debug(),
                        first.escape_debug(),
                        owner.escape_debug()
                    ),
                ),
            },
            "s3_region" => {
                let region = text.unwrap_or_default();
                let why = format!(
                    "the region of the index is what AWS's own programs use: AWS_REGION={}",
                    region.escape_debug()
                );
                left_out(field, &why, notes);
            }
            "persist_directory" => left_out(
                field,
                "a Chroma database is not read; the index is made anew, below the state directory or where `index.directory` says",
                notes,
            ),
            "collection_name" => left_out(field, "a collection is called as its setup was", notes),
            _ => left_out(field, "nothing here corresponds to it", notes),
        }
    }
}
