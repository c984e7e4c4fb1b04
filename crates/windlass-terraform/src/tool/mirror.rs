//! Providers on this machine. Where there is no internet they are in a file-system mirror,
//! `REGISTRY/hashicorp/aws/...` below some directory.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use windlass_config::Env;

use super::{Product, child};

/// A directory to take providers from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mirror {
    pub(crate) path: PathBuf,
    /// Nobody named it: if it has not got what a stack needs, the registry is asked.
    pub(crate) guessed: bool,
}

/// Below these, any directory may be a mirror.
const SHARED: [&str; 3] = ["/opt", "/usr/local/share", "/usr/share"];

pub(super) fn find(
    env: &dyn Env,
    product: Product,
    child: &BTreeMap<String, String>,
    notices: &mut Vec<String>,
) -> Option<Mirror> {
    if let Some(path) = env.get("WINDLASS_TERRAFORM_MIRROR").map(PathBuf::from) {
        if !has_provider(&path, product) {
            let registry = product.registry();
            notices.push(format!("WINDLASS_TERRAFORM_MIRROR: {} has no {registry}/hashicorp/aws", path.display()));
        }
        // Terraform runs in another directory.
        let path = std::path::absolute(&path).unwrap_or(path);
        return Some(Mirror { path, guessed: false });
    }
    // Who wrote down how providers are installed wants it so.
    if child::configuration(env, child).is_some_and(|text| text.contains("provider_installation")) {
        return None;
    }
    search(&implied(env, product), &SHARED.map(PathBuf::from), product, notices)
}

/// The documented ones. Terraform finds these by itself; named, they also keep it from asking the registry.
fn implied(env: &dyn Env, product: Product) -> Vec<PathBuf> {
    let home = env.get("HOME").map(PathBuf::from);
    let name = match product {
        Product::Terraform => "terraform/plugins",
        Product::OpenTofu => "opentofu/plugins",
    };
    let user = env.get("XDG_DATA_HOME").map(PathBuf::from).or_else(|| Some(home.as_ref()?.join(".local/share")));
    let system = env.get("XDG_DATA_DIRS").unwrap_or_else(|| "/usr/local/share:/usr/share".into());
    let system = std::env::split_paths(&system).map(|path| path.join(name)).collect::<Vec<_>>();
    let home = home.map(|home| home.join(".terraform.d/plugins"));
    home.into_iter().chain(user.map(|path| path.join(name))).chain(system).collect()
}

fn search(implied: &[PathBuf], shared: &[PathBuf], product: Product, notices: &mut Vec<String>) -> Option<Mirror> {
    let below = shared.iter().flat_map(|root| children(root));
    implied
        .iter()
        .cloned()
        .chain(below)
        .filter(|path| has_provider(path, product))
        .find(|path| match trusted(path, product) {
            Ok(()) => true,
            Err(open) => {
                notices.push(format!(
                    "providers in {} are not used: others can write to {}",
                    path.display(),
                    open.display()
                ));
                false
            }
        })
        .map(|path| Mirror { path, guessed: true })
}

fn children(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    paths.sort();
    paths
}

fn provider(root: &Path, product: Product) -> PathBuf {
    root.join(product.registry()).join("hashicorp/aws")
}

fn has_provider(root: &Path, product: Product) -> bool {
    fs::read_dir(provider(root, product)).is_ok_and(|mut entries| entries.next().is_some())
}

/// A provider is a program that gets the credentials: nobody else may have put it there. Says which directory is open.
fn trusted(root: &Path, product: Product) -> Result<(), PathBuf> {
    let own = rustix::process::geteuid().as_raw();
    let provider = provider(root, product);
    let between = provider.ancestors().take_while(|path| path.starts_with(root));
    let below = children(&provider).into_iter().flat_map(|version| [children(&version), vec![version]].concat());
    let open = |path: &PathBuf| {
        path.metadata().map_or(true, |found| found.mode() & 0o002 != 0 || ![0, own].contains(&found.uid()))
    };
    match between.map(Path::to_path_buf).chain(below).find(open) {
        Some(path) => Err(path),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mirror(at: &Path, registry: &str) -> PathBuf {
        let provider = at.join(registry).join("hashicorp/aws/5.100.0/linux_amd64");
        fs::create_dir_all(&provider).unwrap();
        at.to_path_buf()
    }

    #[test]
    fn a_mirror_is_known_by_its_contents_whatever_it_is_called() {
        let shared = tempfile::tempdir().unwrap();
        fs::create_dir(shared.path().join("another")).unwrap();
        let path = mirror(&shared.path().join("whatever"), "registry.terraform.io");
        let roots = [shared.path().to_path_buf()];
        let mut notices = Vec::new();
        let found = search(&[], &roots, Product::Terraform, &mut notices);
        assert_eq!(found, Some(Mirror { path, guessed: true }));
        assert_eq!(search(&[], &roots, Product::OpenTofu, &mut notices), None, "another registry's providers");
        assert!(notices.is_empty());
    }

    #[test]
    fn a_directory_that_others_can_write_to_is_not_trusted_with_credentials() {
        let shared = tempfile::tempdir().unwrap();
        let path = mirror(&shared.path().join("open"), "registry.terraform.io");
        let inner = path.join("registry.terraform.io/hashicorp/aws/5.100.0");
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o777)).unwrap();
        let mut notices = Vec::new();
        assert_eq!(search(&[], &[shared.path().to_path_buf()], Product::Terraform, &mut notices), None);
        assert!(notices[0].contains("others can write to"), "{notices:?}");
    }

    #[test]
    fn what_somebody_wrote_down_wins_over_what_is_found() {
        let home = tempfile::tempdir().unwrap();
        mirror(&home.path().join(".terraform.d/plugins"), "registry.terraform.io");
        let env = |extra: &[(&str, &str)]| {
            let home = [("HOME", home.path().to_str().unwrap())];
            home.iter().chain(extra).copied().collect::<windlass_config::Variables>()
        };
        let find = |env: &dyn Env| find(env, Product::Terraform, &BTreeMap::new(), &mut Vec::new());
        assert_eq!(find(&env(&[])).unwrap().path, home.path().join(".terraform.d/plugins"));
        let named = find(&env(&[("WINDLASS_TERRAFORM_MIRROR", "/named")])).unwrap();
        assert_eq!(named, Mirror { path: "/named".into(), guessed: false });
        fs::write(home.path().join(".terraformrc"), "provider_installation {\n  direct {}\n}\n").unwrap();
        assert_eq!(find(&env(&[])), None);
    }
}
