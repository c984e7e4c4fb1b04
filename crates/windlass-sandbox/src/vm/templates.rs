//! Stored machines, one for each size that was asked for.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::backend::{BackendError, Spec};

/// So many at once.
const MOST: usize = 4;

/// The machines, or the making of them.
type Making<T> = (Spec, Arc<OnceCell<Arc<T>>>);

/// Stored machines of a backend.
pub(crate) struct Templates<T> {
    /// The last one used is the last.
    made: Mutex<Vec<Making<T>>>,
    /// The size that most sandboxes have.
    first: Spec,
}

impl<T> Templates<T> {
    /// None yet.
    pub fn new(first: Spec) -> Self {
        Self { made: Mutex::default(), first }
    }

    /// The machine of this size, which whoever comes first makes. Others of the same size wait for it, and nobody else.
    pub async fn get(
        &self,
        spec: &Spec,
        make: impl AsyncFnOnce() -> Result<T, BackendError>,
    ) -> Result<Arc<T>, BackendError> {
        self.making(spec).get_or_try_init(async || make().await.map(Arc::new)).await.cloned()
    }

    fn making(&self, spec: &Spec) -> Arc<OnceCell<Arc<T>>> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match made.iter().position(|(size, _)| size == spec) {
            Some(at) => made.remove(at),
            None => (spec.clone(), Arc::default()),
        };
        if made.len() >= MOST {
            // The one whose use is longest ago, but never that of most sandboxes. Its copies keep what they have of it.
            let other = made.iter().position(|(size, _)| *size != self.first).unwrap_or(0);
            made.remove(other);
        }
        made.push(found.clone());
        found.1
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn each_size_is_made_once_and_the_usual_one_stays() {
        let size = |memory: u64| Spec { memory, vcpus: 1, disk: 1, processes: 1 };
        let (templates, count) = (Templates::new(size(0)), AtomicUsize::new(0));
        let get =
            async |memory: u64| templates.get(&size(memory), async || Ok(count.fetch_add(1, Ordering::SeqCst))).await;
        let (one, other) = tokio::join!(get(0), get(0));
        assert_eq!((*one.unwrap(), *other.unwrap()), (0, 0));
        for memory in 1..10 {
            get(memory).await.unwrap();
        }
        assert_eq!(*get(0).await.unwrap(), 0);
        assert_eq!(*get(9).await.unwrap(), 9);
        assert_eq!(*get(1).await.unwrap(), 10, "it was forgotten, and made again");
        let failed = templates.get(&size(77), async || Err(BackendError::Unable)).await;
        assert!(failed.is_err());
        assert_eq!(*get(77).await.unwrap(), 11);
    }
}
