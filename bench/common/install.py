"""Gets what is measured onto the machine: Rust programs built, foreign peers installed, all of it outside the checkout and
only once for each set of versions."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PEERS = ROOT / "bench/serve/peers"


class Home:
    """Where things are."""

    def __init__(self, options):
        self.profile = options.profile
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "windlass"
        folder = "release" if self.profile == "release" else "debug"
        self.bench = cache / "bench"
        self.own = Path(os.environ.get("CARGO_TARGET_DIR") or cache / "target") / folder
        self.rust = self.bench / "target" / folder
        self.node = self.bench / f"node-{digest('package.json', 'package-lock.json')}"
        self.python = self.bench / f"python-{digest('requirements.txt')}"

    def build(self, programs: set[str], peers: set[str]):
        """`programs` of the product and its test kit, `peers` of bench/peers."""
        self.bench.mkdir(parents=True, exist_ok=True)
        manifest = ["--manifest-path", ROOT / "bench/peers/Cargo.toml"]
        cargo(self.profile, [*manifest, *flags(peers)], self.rust.parent)
        if programs:
            packages = []
            if "windlass-bench-server" in programs:
                packages = ["--package", "windlass", "--package", "windlass-testkit", "--features", "windlass-testkit/server"]
            # One command: two would choose two sets of features, and build half of everything twice.
            cargo(self.profile, [*packages, *flags(programs)], self.own.parent)

    def install_node(self):
        if not (self.node / "ready").exists():
            self.node.mkdir(parents=True, exist_ok=True)
            for name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(PEERS / name, self.node)
            run(["npm", "ci", "--no-progress", "--loglevel=error"], cwd=self.node)
            (self.node / "ready").touch()
        # Node resolves packages from where a script lies.
        shutil.copy(PEERS / "echo_ts.mjs", self.node)

    def install_python(self):
        venv(self.python, PEERS / "requirements.txt")


def venv(folder: Path, requirements: Path):
    """Python with these packages, once."""
    if not (folder / "ready").exists():
        run([sys.executable, "-m", "venv", folder])
        run([folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements])
        (folder / "ready").touch()


def prepare(options, systems: dict) -> Home:
    """All that the systems chosen need. `systems` are classes by name."""
    home = Home(options)
    chosen = [systems[name] for name in options.systems]
    if not options.no_build:
        programs = {program for system in chosen for program in system.own_programs}
        home.build(programs, {"load", *(system.rust_peer for system in chosen if system.rust_peer)})
    for runtime in {system.runtime for system in chosen}:
        if runtime == "node":
            home.install_node()
        elif runtime == "python":
            home.install_python()
    return home


def digest(*names: str) -> str:
    content = b"".join((PEERS / name).read_bytes() for name in names)
    return hashlib.sha256(content).hexdigest()[:16]


def flags(programs: set[str]) -> list[str]:
    return [word for program in sorted(programs) for word in ("--bin", program)]


def cargo(profile: str, words: list, target: Path):
    run(["cargo", "build", "--locked", "--profile", profile, *words], cwd=ROOT, env={**os.environ, "CARGO_TARGET_DIR": str(target)})


def run(command, **more):
    print("+", " ".join(str(part) for part in command), file=sys.stderr, flush=True)
    subprocess.run(command, check=True, stdout=sys.stderr, **more)
