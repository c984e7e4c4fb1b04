//! What the program is made of.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::json::canonical;

/// What a bill is called where a registry lists it.
pub const SBOM_MEDIA_TYPE: &str = "application/vnd.cyclonedx+json";

/// Made while this crate was built; see `build.rs`.
const BILL: &str = include_str!(concat!(env!("OUT_DIR"), "/bill.json"));

/// The software bill of materials of `windlass`, as CycloneDX 1.6: every library the lock file has for it, with its
/// checksum, and which needs which. `version` is what the program is released as, `created` seconds since 1970.
///
/// It lists what the program may be built from on any platform. What one build of it took is a part of that.
pub fn sbom(version: &str, created: u64) -> String {
    let mut bill: Value = serde_json::from_str(BILL).unwrap_or_default();
    let created = i64::try_from(created).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    let created = created.unwrap_or(OffsetDateTime::UNIX_EPOCH).format(&Rfc3339).unwrap_or_default();
    let mut document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": created,
            "lifecycles": [{ "phase": "build" }],
            "component": {
                "type": "application",
                "bom-ref": bill["root"],
                "name": "windlass",
                "version": version,
                "purl": bill["root"],
                "licenses": [{ "license": { "id": env!("CARGO_PKG_LICENSE") } }],
            },
        },
        "components": bill["components"].take(),
        "dependencies": bill["dependencies"].take(),
    });
    // A bill must have a number of its own, and the same bill the same one.
    document["serialNumber"] = serial(&canonical(document.clone())).into();
    String::from_utf8(canonical(document)).unwrap_or_default()
}

/// A UUID made of the bytes, marked as one that was made in its maker's own way.
fn serial(bytes: &[u8]) -> String {
    let mut digits = hex::encode(Sha256::digest(bytes));
    digits.replace_range(12..13, "8");
    digits.replace_range(16..17, "8");
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!("urn:uuid:{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn bill() -> Value {
        serde_json::from_str(&sbom("a1b2c3d", 1_760_000_000)).unwrap()
    }

    #[test]
    fn the_same_version_has_the_same_bill() {
        assert_eq!(sbom("a1b2c3d", 1), sbom("a1b2c3d", 1));
        assert_ne!(bill()["serialNumber"], serde_json::from_str::<Value>(&sbom("other", 1)).unwrap()["serialNumber"]);
        let mut head = bill();
        head["components"] = Value::Null;
        head["dependencies"] = Value::Null;
        head["serialNumber"] = "(number)".into();
        insta::assert_snapshot!(serde_json::to_string_pretty(&head).unwrap(), @r#"
        {
          "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
          "bomFormat": "CycloneDX",
          "components": null,
          "dependencies": null,
          "metadata": {
            "component": {
              "bom-ref": "pkg:cargo/windlass@0.1.0",
              "licenses": [
                {
                  "license": {
                    "id": "Apache-2.0"
                  }
                }
              ],
              "name": "windlass",
              "purl": "pkg:cargo/windlass@0.1.0",
              "type": "application",
              "version": "a1b2c3d"
            },
            "lifecycles": [
              {
                "phase": "build"
              }
            ],
            "timestamp": "2025-10-09T08:53:20Z"
          },
          "serialNumber": "(number)",
          "specVersion": "1.6",
          "version": 1
        }
        "#);
    }

    #[test]
    fn every_reference_leads_somewhere_and_everything_is_reached() {
        let bill = bill();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let components = bill["components"].as_array().unwrap();
        let mut known: BTreeSet<String> = components.iter().map(|component| text(&component["bom-ref"])).collect();
        assert_eq!(known.len(), components.len());
        let root = text(&bill["metadata"]["component"]["bom-ref"]);
        known.insert(root.clone());
        let mut reached = BTreeSet::from([root]);
        for entry in bill["dependencies"].as_array().unwrap() {
            assert!(known.contains(&text(&entry["ref"])));
            reached.extend(entry["dependsOn"].as_array().unwrap().iter().map(text));
        }
        assert_eq!(reached, known);
    }

    #[test]
    fn what_comes_from_elsewhere_has_a_checksum_and_what_is_for_tests_is_not_in_it() {
        let bill = bill();
        for component in bill["components"].as_array().unwrap() {
            let name = component["name"].as_str().unwrap();
            assert_ne!(name, "windlass-testkit");
            assert_ne!(name, "rcgen");
            assert_eq!(component["hashes"][0]["content"].is_string(), !name.starts_with("windlass-"), "{name}");
        }
    }

    #[test]
    fn a_number_looks_like_one() {
        assert_eq!(serial(b""), "urn:uuid:e3b0c442-98fc-8c14-8afb-f4c8996fb924");
    }
}
