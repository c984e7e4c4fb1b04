use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use windlass_core::Principal;

use crate::keys::Digest;

const MOST: usize = 10_000;

/// Tokens verified a moment ago, by their hash: a signature costs a hundred times what a call may. Only verified tokens
/// come in, so a stranger cannot fill it.
#[derive(Default)]
pub(crate) struct Remembered {
    tokens: RwLock<HashMap<Digest, Token>>,
}

struct Token {
    principal: Arc<Principal>,
    until: Instant,
}

impl Remembered {
    pub fn find(&self, hash: &Digest) -> Option<Arc<Principal>> {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        let token = tokens.get(hash)?;
        (Instant::now() < token.until).then(|| token.principal.clone())
    }

    /// Remembers a token until it expires (`expires`, seconds since 1970), and for `longest` at most.
    pub fn keep(&self, hash: Digest, principal: Arc<Principal>, expires: u64, longest: Duration) {
        let expires = UNIX_EPOCH.checked_add(Duration::from_secs(expires));
        // Already past `exp`, within the leeway: good for this call and for no other.
        let left = expires.and_then(|at| at.duration_since(SystemTime::now()).ok()).unwrap_or_default().min(longest);
        if left.is_zero() {
            return;
        }
        let now = Instant::now();
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= MOST {
            tokens.retain(|_, token| now < token.until);
            if tokens.len() >= MOST {
                tokens.clear();
            }
        }
        tokens.insert(hash, Token { principal, until: now + left });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_forgets_what_expired() {
        let remembered = Remembered::default();
        let who = Arc::new(Principal::local());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        remembered.keep([0; 32], who.clone(), now - 5, Duration::from_secs(60));
        assert!(remembered.find(&[0; 32]).is_none(), "expired, within the leeway");
        for n in 0..MOST as u32 + 10 {
            let mut hash = [1; 32];
            hash[..4].copy_from_slice(&n.to_be_bytes());
            remembered.keep(hash, who.clone(), now + 3600, Duration::from_secs(60));
            assert!(remembered.find(&hash).is_some());
        }
        assert!(remembered.tokens.read().unwrap().len() <= MOST);
    }
}
