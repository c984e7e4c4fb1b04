//! Vectors that were paid for and are not published yet.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{
    directory,
    objects::{Listed, Object, Objects, blocking, unreachable},
    snapshot::FileSnapshot,
};
use crate::{Hash, IndexError, Model};

/// What the names of these objects begin with.
const PREFIX: &str = "pending-";
/// How long what nobody published is kept.
const OLDEST: Duration = Duration::from_secs(7 * 24 * 3600);

type Kept = Arc<BTreeMap<Hash, Vec<f32>>>;

/// What is waiting.
#[derive(Default)]
pub struct Pending {
    /// What was read already, by key.
    read: Mutex<BTreeMap<String, Kept>>,
}

fn name(model: &Model) -> String {
    let said = format!("{}\n{}\n{}", model.name, model.dimensions, model.normalised);
    format!("{PREFIX}{}", &Hash::of(said).to_string()[..16])
}

/// Whether it is one of these, of whatever model.
pub fn is_pending(key: &str) -> bool {
    key.starts_with(PREFIX)
}

/// The object that a list has.
fn listed(listed: &Listed) -> Option<Object> {
    let (rest, hash) = listed.key.rsplit_once('.')?;
    let (name, writer) = rest.rsplit_once('.')?;
    Some(Object { name: name.to_owned(), writer: writer.to_owned(), hash: hash.parse().ok()?, bytes: listed.bytes })
}

impl Pending {
    /// Keeps these.
    pub async fn keep(
        &self,
        objects: &Arc<dyn Objects>,
        model: &Model,
        writer: String,
        vectors: &[(Hash, Vec<f32>)],
    ) -> Result<(), IndexError> {
        let mut bytes = Vec::with_capacity(vectors.len() * (32 + model.dimensions * 4));
        for (hash, vector) in vectors {
            bytes.extend(hash.0);
            vector.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        }
        let object = Object { name: name(model), writer, hash: Hash::of(&bytes), bytes: bytes.len() as u64 };
        let work = objects.work().to_owned();
        let file = blocking(move || {
            let failed = || unreachable(work.display());
            std::fs::create_dir_all(&work).map_err(failed())?;
            let mut file = tempfile::NamedTempFile::new_in(&work).map_err(failed())?;
            file.write_all(&bytes).map_err(failed())?;
            Ok(file.into_temp_path())
        });
        objects.put(&object, &file.await?).await
    }

    /// All of a model. What cannot be read is paid for anew.
    pub async fn all(&self, objects: &Arc<dyn Objects>, model: &Model) -> Result<Vec<Kept>, IndexError> {
        let name = name(model);
        let here: Vec<_> =
            objects.list().await?.iter().filter_map(listed).filter(|object| object.name == name).collect();
        let mut all = Vec::new();
        for object in here {
            match self.one(objects, model.dimensions, &object).await {
                Ok(kept) => all.push(kept),
                Err(error) => tracing::warn!(%error, "vectors that were kept for later are lost"),
            }
        }
        Ok(all)
    }

    async fn one(&self, objects: &Arc<dyn Objects>, dimensions: usize, object: &Object) -> Result<Kept, IndexError> {
        let read = || self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = read().get(&object.key()) {
            return Ok(kept.clone());
        }
        objects.fetch(object).await?;
        let (file, folder) = (object.clone(), objects.directory().to_owned());
        let kept = blocking(move || {
            let bytes = directory::map(&folder, &file)?;
            file.check(&bytes)?;
            let entry = |entry: &[u8]| {
                let (hash, vector) = entry.split_first_chunk::<32>()?;
                Some((Hash(*hash), vector.as_chunks::<4>().0.iter().map(|&n| f32::from_le_bytes(n)).collect()))
            };
            Ok(Arc::new(bytes.chunks_exact(32 + dimensions * 4).filter_map(entry).collect()))
        });
        let kept: Kept = kept.await?;
        read().insert(object.key(), kept.clone());
        Ok(kept)
    }

    /// Those whose every vector is in this generation, and those that nobody came back for.
    pub async fn spent(
        &self,
        objects: &Arc<dyn Objects>,
        published: &FileSnapshot,
        listed_objects: &[Listed],
    ) -> Vec<String> {
        let model = &published.manifest().generation.model;
        let name = name(model);
        let mut spent = BTreeSet::new();
        for (there, object) in listed_objects.iter().filter_map(|there| Some((there, listed(there)?))) {
            if there.age > OLDEST && is_pending(&there.key) {
                spent.insert(there.key.clone());
            } else if object.name == name {
                let has = |hash| published.rows().iter().any(|rows| rows.find(hash).is_some());
                match self.one(objects, model.dimensions, &object).await {
                    Ok(kept) if kept.keys().all(has) => spent.insert(there.key.clone()),
                    _ => false,
                };
            }
        }
        self.read.lock().unwrap_or_else(PoisonError::into_inner).retain(|key, _| !spent.contains(key));
        spent.into_iter().collect()
    }
}
