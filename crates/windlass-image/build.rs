//! Writes the list of what `windlass` is made of, so that the program can say it of itself: from the lock file, which
//! knows every version and checksum, and the manifests of the workspace's members, which know what is for tests only.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use toml_edit::{DocumentMut, Item, TableLike};

/// The program.
const ROOT: &str = "windlass";

/// A package of the lock file.
struct Package {
    name: String,
    version: String,
    checksum: Option<String>,
    /// Names, with a version where the name alone is ambiguous.
    dependencies: Vec<String>,
    /// It comes from this workspace.
    member: bool,
}

impl Package {
    /// Its name in any list of packages. A `+` would be read as a blank there.
    fn purl(&self) -> String {
        format!("pkg:cargo/{}@{}", self.name, self.version.replace('+', "%2B"))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let workspace = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../..");
    let shared = manifest(&workspace.join("Cargo.toml"))?;
    let lock = workspace.join("Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    let lock: DocumentMut = fs::read_to_string(lock)?.parse()?;
    let packages = lock.get("package").and_then(Item::as_array_of_tables).ok_or("the lock file has no packages")?;
    let packages: Vec<Package> = packages.iter().filter_map(|table| package(table)).collect();

    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for directory in fs::read_dir(workspace.join("crates"))? {
        let path = directory?.path().join("Cargo.toml");
        if path.is_file() {
            let member = manifest(&path)?;
            let name = member.get("package").and_then(|package| package.get("name")).and_then(Item::as_str);
            used.insert(name.ok_or("a member has no name")?.to_owned(), used_by(&member, &shared));
        }
    }
    let bill = bill(&packages, &used)?;
    let into = PathBuf::from(env::var("OUT_DIR")?).join("bill.json");
    fs::write(into, bill.to_string())?;
    Ok(())
}

fn manifest(path: &Path) -> Result<DocumentMut, Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", path.display());
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text.parse()?)
}

fn package(table: &dyn TableLike) -> Option<Package> {
    let text = |key| table.get(key).and_then(Item::as_str).map(str::to_owned);
    let dependencies = table.get("dependencies").and_then(Item::as_array);
    Some(Package {
        name: text("name")?,
        version: text("version")?,
        checksum: text("checksum"),
        dependencies: dependencies.into_iter().flatten().filter_map(|name| Some(name.as_str()?.to_owned())).collect(),
        member: !table.contains_key("source"),
    })
}

/// The names of the packages a member needs other than for its tests.
fn used_by(member: &DocumentMut, shared: &DocumentMut) -> BTreeSet<String> {
    let targets = member.get("target").and_then(Item::as_table_like);
    let targets = targets.into_iter().flat_map(|targets| targets.iter()).map(|(_, target)| target);
    let mut used = BTreeSet::new();
    for place in std::iter::once(member.as_item()).chain(targets) {
        for kind in ["dependencies", "build-dependencies"] {
            let entries = place.get(kind).and_then(Item::as_table_like);
            for (key, entry) in entries.into_iter().flat_map(|entries| entries.iter()) {
                let common = shared.get("workspace").and_then(|workspace| workspace.get("dependencies")?.get(key));
                let renamed =
                    [Some(entry), common].into_iter().flatten().find_map(|entry| entry.get("package")?.as_str());
                used.insert(renamed.unwrap_or(key).to_owned());
            }
        }
    }
    used
}

/// Everything that is reached from the program, each with what it needs.
fn bill(packages: &[Package], used: &BTreeMap<String, BTreeSet<String>>) -> Result<Value, Box<dyn Error>> {
    let find = |dependency: &str| {
        let mut words = dependency.split(' ');
        let (name, version) = (words.next(), words.next());
        let fits = |package: &&Package| {
            Some(package.name.as_str()) == name && version.is_none_or(|version| package.version == version)
        };
        packages.iter().find(fits).ok_or_else(|| format!("the lock file has no `{dependency}`"))
    };
    let mut components = BTreeMap::new();
    let mut graph = BTreeMap::new();
    let mut open = vec![find(ROOT)?];
    while let Some(package) = open.pop() {
        if graph.contains_key(&package.purl()) {
            continue;
        }
        let mut needs = BTreeSet::new();
        for dependency in &package.dependencies {
            let found = find(dependency)?;
            // What came from a registry has no dependencies for tests in the lock file; a member has.
            if !package.member || used.get(&package.name).is_some_and(|used| used.contains(&found.name)) {
                needs.insert(found.purl());
                open.push(found);
            }
        }
        graph.insert(package.purl(), needs);
        if package.name != ROOT {
            let hash = |content| json!([{ "alg": "SHA-256", "content": content }]);
            let mut component = json!({
                "type": "library", "bom-ref": package.purl(), "purl": package.purl(),
                "name": package.name, "version": package.version,
            });
            if let Some(checksum) = &package.checksum {
                component["hashes"] = hash(checksum);
            }
            components.insert(package.purl(), component);
        }
    }
    let root = find(ROOT)?.purl();
    let graph: Vec<Value> = graph.into_iter().map(|(purl, needs)| json!({ "ref": purl, "dependsOn": needs })).collect();
    let components: Vec<Value> = components.into_values().collect();
    Ok(json!({ "root": root, "components": components, "dependencies": graph }))
}
