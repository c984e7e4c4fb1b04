//! An issuer's public keys, as far as they can verify signatures.

use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;

/// More keys than any issuer has, few enough to go through.
const MOST: usize = 100;

/// Signatures that are accepted. `none` is not even read, and HMAC is not among them: with it the public key that
/// everyone may fetch would be the secret.
pub(super) fn accepted(algorithm: Algorithm) -> bool {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    matches!(algorithm, RS256 | RS384 | RS512 | PS256 | PS384 | PS512 | ES256 | ES384 | EdDSA)
}

#[derive(Debug, Default)]
pub(super) struct KeySet {
    keys: Vec<Key>,
}

#[derive(Debug)]
struct Key {
    id: Option<String>,
    jwk: Jwk,
    key: DecodingKey,
}

impl KeySet {
    /// Reads a JWK set. Keys of kinds we do not use are passed over, as the RFC asks.
    pub fn read(json: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<serde_json::Value>,
        }
        let document: Document = serde_json::from_slice(json).map_err(|error| format!("is no JWK set: {error}"))?;
        let keys: Vec<Key> = document
            .keys
            .into_iter()
            .filter_map(|json| serde_json::from_value::<Jwk>(json).ok())
            .filter(verifies)
            .filter_map(|jwk| Some(Key { id: jwk.common.key_id.clone(), key: DecodingKey::from_jwk(&jwk).ok()?, jwk }))
            .take(MOST)
            .collect();
        if keys.is_empty() { Err("has no key that verifies signatures".into()) } else { Ok(Self { keys }) }
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// The key a token's header asks for. Without a key id there must be no choice.
    pub fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&DecodingKey> {
        let mut fitting = self.keys.iter().filter(|key| fits(&key.jwk, algorithm));
        match id {
            Some(id) => fitting.find(|key| key.id.as_deref() == Some(id)).map(|key| &key.key),
            None => {
                let only = fitting.next()?;
                fitting.next().is_none().then_some(&only.key)
            }
        }
    }
}

fn verifies(jwk: &Jwk) -> bool {
    let symmetric = matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_) | AlgorithmParameters::Other(_));
    let signs = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let operates =
        jwk.common.key_operations.as_ref().is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    !symmetric && signs && operates
}

/// Whether the key is of the kind the algorithm needs, and not reserved for another one.
fn fits(jwk: &Jwk, algorithm: Algorithm) -> bool {
    let kind = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => algorithm.family() == AlgorithmFamily::Rsa,
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => algorithm == Algorithm::ES256,
            EllipticCurve::P384 => algorithm == Algorithm::ES384,
            _ => false,
        },
        AlgorithmParameters::OctetKeyPair(key) => key.curve == EllipticCurve::Ed25519 && algorithm == Algorithm::EdDSA,
        _ => false,
    };
    kind && jwk.common.key_algorithm.is_none_or(|named| named == KeyAlgorithm::from(algorithm))
}
