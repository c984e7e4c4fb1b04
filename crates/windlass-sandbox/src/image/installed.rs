//! What a tree says is installed in it.

use std::collections::BTreeMap;

/// dpkg's own list.
pub(super) const STATUS: &str = "var/lib/dpkg/status";

/// Debian's packages in dpkg's list, and their versions.
pub(super) fn packages(status: &str) -> BTreeMap<String, String> {
    let stanzas = status.split("\n\n");
    let installed =
        stanzas.filter(|stanza| field(stanza, "Status").is_some_and(|status| status.ends_with(" installed")));
    installed.filter_map(|stanza| Some((field(stanza, "Package")?, field(stanza, "Version")?))).collect()
}

/// Whether a file of this path describes one of Python's packages.
pub(super) fn describes_python(path: &str) -> bool {
    let Some((_, below)) = path.strip_prefix("usr/lib/python3").and_then(|rest| rest.split_once("-packages/")) else {
        return false;
    };
    match below.split_once('/') {
        None => below.ends_with(".egg-info"),
        Some((folder, "METADATA")) => folder.ends_with(".dist-info"),
        Some((folder, "PKG-INFO")) => folder.ends_with(".egg-info"),
        Some(_) => false,
    }
}

/// The package such a file describes, and its version.
pub(super) fn python(metadata: &str) -> Option<(String, String)> {
    let head = metadata.split("\n\n").next()?;
    Some((field(head, "Name")?, field(head, "Version")?))
}

fn field(stanza: &str, name: &str) -> Option<String> {
    let mut values = stanza.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    values.next().map(|value| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dpkg_says() {
        let status = "Package: bash\nStatus: install ok installed\nVersion: 5.2.15-2+b2\nDescription: a\n shell\n\n\
                      Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n\
                      Package: g++\nEssential: no\nStatus: install ok installed\nVersion: 4:12.2.0-3\n";
        let expected = [("bash", "5.2.15-2+b2"), ("g++", "4:12.2.0-3")];
        assert_eq!(packages(status), expected.map(|(name, version)| (name.into(), version.into())).into());
    }

    #[test]
    fn what_python_says() {
        assert!(describes_python("usr/lib/python3/dist-packages/numpy-1.24.2.egg-info/PKG-INFO"));
        assert!(describes_python("usr/lib/python3/dist-packages/pip-23.0.1.dist-info/METADATA"));
        assert!(describes_python("usr/lib/python3/dist-packages/six-1.16.0.egg-info"));
        assert!(!describes_python("usr/lib/python3/dist-packages/pip-23.0.1.dist-info/RECORD"));
        assert!(!describes_python("usr/share/python3/METADATA"));
        let metadata = "Metadata-Version: 2.1\nName: requests\nVersion: 2.28.1\n\nName: no\n";
        assert_eq!(python(metadata), Some(("requests".into(), "2.28.1".into())));
    }
}
