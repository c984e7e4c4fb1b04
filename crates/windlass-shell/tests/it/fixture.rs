//! A directory with something to lose around it, and rules as an operator would write them.

use std::{
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use windlass_config::settings::{CommandRule, Operator, ShellSettings};
use windlass_shell::{
    plan::Plan,
    rules::{Denial, Rules},
};

/// Programs the rules approve.
pub const PROGRAMS: &str = "ls cat grep find echo pwd git rm tar sed sort head tail wc date tee cp ln dd printf split du file zip \
                            rsync cpio rg fd jq curl wget tcpdump ip ps install";

/// Programs that may be missing on the machine: stand-ins, so that they are refused for their arguments and not for that.
const STAND_INS: [&str; 12] =
    ["zip", "rsync", "cpio", "rg", "fd", "jq", "curl", "wget", "tcpdump", "ip", "file", "git"];

/// A workspace and the two sets of rules.
pub struct Fixture {
    _dir: TempDir,
    pub root: PathBuf,
    pub strict: Rules,
    pub generous: Rules,
}

impl Fixture {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        let root = real.join("root");
        std::fs::create_dir_all(root.join("sub")).unwrap();
        std::fs::write(real.join("secret.txt"), "secret").unwrap();
        for file in ["asphalt.txt", "sub/a.txt", "sub/b.txt", "sub/x.tar", "-rf", ".hidden.txt"] {
            std::fs::write(root.join(file), "x\n").unwrap();
        }
        symlink("../secret.txt", root.join("leak")).unwrap();
        symlink("../not-yet", root.join("dangling")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        symlink("../..", root.join("sub/up")).unwrap();
        let bin = real.join("bin");
        std::fs::create_dir(&bin).unwrap();
        for name in STAND_INS {
            std::fs::write(bin.join(name), "#!/bin/sh\n").unwrap();
            std::fs::set_permissions(bin.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let strict = settings(&bin);
        let mut generous = strict.clone();
        generous.operators = [Operator::Pipe, Operator::And, Operator::Or, Operator::Sequence, Operator::Not].into();
        generous.redirects = true;
        generous.globs = true;
        generous.variables = ["GREETING".to_owned()].into();
        generous.environment = [("GREETING".to_owned(), "hello  world; id".to_owned())].into();
        let compile = |settings: &ShellSettings| Rules::compile(settings, &root).unwrap();
        Self { strict: compile(&strict), generous: compile(&generous), root, _dir: dir }
    }

    pub fn rules(&self, name: &str) -> &Rules {
        match name {
            "strict" => &self.strict,
            "generous" => &self.generous,
            other => panic!("no rules called {other}"),
        }
    }

    pub fn plan(&self, rules: &str, line: &str) -> Result<Plan, Denial> {
        self.rules(rules).plan_line(line, &self.root)
    }
}

fn settings(bin: &Path) -> ShellSettings {
    let path = [bin, Path::new("/usr/local/bin"), Path::new("/usr/bin"), Path::new("/bin")];
    ShellSettings {
        path: path.map(Path::to_path_buf).to_vec(),
        commands: PROGRAMS.split_whitespace().map(|name| CommandRule::Short(name.into())).collect(),
        ..ShellSettings::default()
    }
}

/// The words of every command of a plan.
pub fn argvs(plan: &Plan) -> Vec<Vec<String>> {
    plan.steps.iter().flat_map(|step| &step.pipeline).map(|command| command.argv.clone()).collect()
}

/// `text` so that any shell reads it as one word.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
