//! A static model (Model2Vec) in a directory: a vector for each token of its vocabulary, and their mean for a text.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use model2vec_rs::model::StaticModel;
use tokio::sync::OnceCell;
use windlass_config::settings::EmbedderSettings;
use windlass_index::{Hash, Model};

use super::{EmbedError, Embedder, make::needed, vector::normalise};
use crate::{SettingError, Surroundings};

/// Its files, and how large each may be.
const FILES: [(&str, u64); 3] =
    [("tokenizer.json", 256 << 20), ("model.safetensors", 4 << 30), ("config.json", 1 << 20)];
/// Tokens of a text that count.
const TOKENS: usize = 2048;

/// See the module.
pub(super) struct Static {
    directory: PathBuf,
    name: String,
    loaded: OnceCell<Loaded>,
}

#[derive(Clone)]
struct Loaded {
    model: Arc<StaticModel>,
    about: Model,
}

impl Static {
    pub fn new(settings: &EmbedderSettings, surroundings: &Surroundings) -> Result<Self, SettingError> {
        let directory = surroundings.base.join(needed("directory", settings.directory.as_ref())?);
        let own = || directory.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = settings.model.clone().or_else(own).unwrap_or_default();
        Ok(Self { directory, name, loaded: OnceCell::new() })
    }

    async fn loaded(&self) -> Result<Loaded, EmbedError> {
        let loaded = self.loaded.get_or_try_init(|| {
            let (directory, name) = (self.directory.clone(), self.name.clone());
            blocking(move || load(&directory, &name))
        });
        loaded.await.cloned()
    }

    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbedError> {
        let loaded = self.loaded().await?;
        blocking(move || {
            let mut vectors = loaded.model.encode_with_args(&texts, Some(TOKENS), 1024);
            for vector in &mut vectors {
                if vector.len() != loaded.about.dimensions || vector.iter().any(|number| !number.is_finite()) {
                    let told = format!("{} gave something that is no vector", loaded.about.name);
                    return Err(EmbedError::Wrong(told));
                }
                // A text of words that it does not know has no direction, and is near nothing.
                normalise(vector);
            }
            Ok(vectors)
        })
        .await
    }
}

#[async_trait]
impl Embedder for Static {
    async fn model(&self) -> Result<Model, EmbedError> {
        Ok(self.loaded().await?.about)
    }

    fn batch(&self) -> usize {
        256
    }

    async fn documents(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.embed(texts.to_vec()).await
    }

    async fn query(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        Ok(self.embed(vec![text.to_owned()]).await?.pop().unwrap_or_default())
    }
}

/// A model whose files do not fit together may panic where it reads a vector that is not there.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EmbedError> + Send + 'static,
) -> Result<T, EmbedError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(EmbedError::Wrong(format!("the files of the model do not fit together: {error}"))))
}

fn load(directory: &Path, name: &str) -> Result<Loaded, EmbedError> {
    let mut hashes = String::new();
    let mut files = Vec::new();
    for (file, longest) in FILES {
        let path = directory.join(file);
        let bytes = read(&path, longest)
            .map_err(|error| EmbedError::Refused(format!("{} cannot be read: {error}", path.display())))?;
        hashes.push_str(&format!("{} {file}\n", Hash::of(&bytes)));
        files.push(bytes);
    }
    let wrong =
        |why: String| EmbedError::Refused(format!("{} has no model that can be read: {why}", directory.display()));
    let model = StaticModel::from_bytes(&files[0], &files[1], &files[2], Some(true));
    let model = model.map_err(|error| wrong(format!("{error:#}")))?;
    if model.dim() == 0 {
        return Err(wrong("its vectors have no numbers".to_owned()));
    }
    // Another model in the same place makes other vectors: then the index has to know.
    let content = Hash::of(hashes).to_string();
    let name = format!("model/{name}@{}", &content[..12]);
    let about = Model { name, dimensions: model.dim(), normalised: true };
    Ok(Loaded { model: Arc::new(model), about })
}

fn read(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    file.take(longest + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > longest {
        true => Err(io::Error::other(format!("it is larger than {longest} bytes"))),
        false => Ok(bytes),
    }
}
