use std::time::Duration;

use rmcp::model::{RequestStateCodec, SealOptions};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Call, ErrorKind, Principal, ToolError, mcp};

/// Seals what a toolset hands out as `requestState`, and opens what comes back.
///
/// The state travels through the client, so it comes back from a place nobody controls. A seal holds only for the same
/// principal, the same tool and the same arguments, and only for so long: consent to delete `a` is none to delete `b`.
/// It is signed, not encrypted, and it can be presented twice: put no secret in it, and keep a record of your own where
/// something may happen only once.
#[derive(Debug, Clone)]
pub struct StateSeal {
    codec: RequestStateCodec,
    ttl: Duration,
}

impl StateSeal {
    /// Seals with `key`, which replicas that serve the same clients must share.
    pub fn new(key: &[u8; 32], ttl: Duration) -> Self {
        Self { codec: RequestStateCodec::new_unchecked(key.to_vec()), ttl }
    }

    /// Seals `state` for the retry of `call`.
    pub fn seal(&self, call: &Call, state: &impl Serialize) -> Result<String, ToolError> {
        self.seal_for(&call.principal, &call.tool, &call.arguments, state)
    }

    /// What `call` brought back, if it brought anything.
    pub fn open<T: DeserializeOwned>(&self, call: &Call) -> Result<Option<T>, ToolError> {
        let Some(sealed) = call.resume.as_ref().and_then(|resume| resume.request_state.as_deref()) else {
            return Ok(None);
        };
        self.open_for(&call.principal, &call.tool, &call.arguments, sealed).map(Some)
    }

    /// [`StateSeal::seal`] where there is no call: for a prompt, say.
    pub fn seal_for(
        &self,
        who: &Principal,
        target: &str,
        arguments: &mcp::JsonObject,
        state: &impl Serialize,
    ) -> Result<String, ToolError> {
        let context = context(who, target, arguments);
        let options = SealOptions::new().associated_data(&context).ttl(self.ttl);
        self.codec.seal_json_with(state, &options).map_err(ToolError::internal)
    }

    /// [`StateSeal::open`] where there is no call.
    pub fn open_for<T: DeserializeOwned>(
        &self,
        who: &Principal,
        target: &str,
        arguments: &mcp::JsonObject,
        sealed: &str,
    ) -> Result<T, ToolError> {
        self.codec.open_json_with(sealed, &context(who, target, arguments)).map_err(|error| {
            ToolError::new(ErrorKind::StateRefused, "the request state is not one this server gave out for this call")
                .hint("call again without requestState to start over")
                .detail(error)
        })
    }
}

/// Principal, target and arguments as bytes. JSON keeps the three apart whatever they contain, and sorted keys make a
/// client that wrote its arguments in another order the second time no other call.
fn context(who: &Principal, target: &str, arguments: &mcp::JsonObject) -> Vec<u8> {
    let mut arguments = Value::Object(arguments.clone());
    arguments.sort_all_objects();
    serde_json::json!([who.id, target, arguments]).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn somebody(id: &str) -> Principal {
        Principal { id: id.into(), ..Principal::local() }
    }

    fn object(value: Value) -> mcp::JsonObject {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_seal_holds_for_its_principal_target_and_arguments_only() {
        let seal = StateSeal::new(&[7; 32], Duration::from_secs(60));
        let (alice, arguments) = (somebody("key:alice"), object(json!({ "path": "a", "force": true })));
        let sealed = seal.seal_for(&alice, "delete", &arguments, &"asked once").unwrap();
        let open = |who: &str, target: &str, arguments: Value, sealed: &str| {
            seal.open_for::<String>(&somebody(who), target, &object(arguments), sealed).map_err(|error| error.kind)
        };
        let good = json!({ "force": true, "path": "a" });
        assert_eq!(open("key:alice", "delete", good.clone(), &sealed), Ok("asked once".into()));
        for (who, target, arguments, sealed) in [
            ("key:mallory", "delete", good.clone(), sealed.clone()),
            ("key:alice", "rename", good.clone(), sealed.clone()),
            ("key:alice", "delete", json!({ "path": "b", "force": true }), sealed.clone()),
            ("key:alice", "delete", good.clone(), format!("{sealed}-TAMPERED")),
            ("key:alice", "delete", good.clone(), String::new()),
        ] {
            assert_eq!(open(who, target, arguments, &sealed), Err(ErrorKind::StateRefused), "{who} {target} {sealed}");
        }
    }

    #[test]
    fn a_seal_of_another_key_or_of_yesterday_is_refused() {
        let open = |seal: &StateSeal, sealed: &str| {
            seal.open_for::<u8>(&Principal::local(), "t", &mcp::JsonObject::new(), sealed).map_err(|error| error.kind)
        };
        let sealed = |seal: &StateSeal| seal.seal_for(&Principal::local(), "t", &mcp::JsonObject::new(), &1u8).unwrap();
        let (ours, theirs) =
            (StateSeal::new(&[1; 32], Duration::from_secs(60)), StateSeal::new(&[2; 32], Duration::from_secs(60)));
        assert_eq!(open(&ours, &sealed(&ours)), Ok(1));
        assert_eq!(open(&ours, &sealed(&theirs)), Err(ErrorKind::StateRefused));
        let stale = sealed(&StateSeal::new(&[1; 32], Duration::from_millis(1)));
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(open(&ours, &stale), Err(ErrorKind::StateRefused));
    }
}
