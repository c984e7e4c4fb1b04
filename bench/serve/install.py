"""Gets everything that is measured onto the machine: Rust programs built, foreign peers installed, all of it outside the
checkout and only once for each set of versions."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PEERS = HERE / "peers"
RUST_PEERS = ["axum", "rmcp", "tower-mcp"]
NODE_PEERS = ["toolbox", "typescript"]
PYTHON_PEERS = ["fastmcp"]


class Home:
    """Where things are."""

    def __init__(self, options):
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "windlass"
        folder = "release" if options.profile == "release" else "debug"
        self.bench = cache / "bench"
        self.own = Path(os.environ.get("CARGO_TARGET_DIR") or cache / "target") / folder
        self.rust = self.bench / "target" / folder
        self.node = self.bench / f"node-{digest('package.json', 'package-lock.json')}"
        self.python = self.bench / f"python-{digest('requirements.txt')}"


def digest(*names: str) -> str:
    content = b"".join((PEERS / name).read_bytes() for name in names)
    return hashlib.sha256(content).hexdigest()[:16]


def prepare(options) -> Home:
    home = Home(options)
    home.bench.mkdir(parents=True, exist_ok=True)
    wanted = set(options.systems)
    if not options.no_build:
        build_peers(home, options.profile)
        if wanted & {"windlass", "windlass-serve"}:
            build_own(home, options.profile)
    if wanted & set(NODE_PEERS):
        install_node(home)
    if wanted & set(PYTHON_PEERS):
        install_python(home)
    return home


def run(command, **more):
    print("+", " ".join(str(part) for part in command), file=sys.stderr, flush=True)
    subprocess.run(command, check=True, stdout=sys.stderr, **more)


def build_peers(home: Home, profile: str):
    command = ["cargo", "build", "--locked", "--profile", profile, "--manifest-path", ROOT / "bench/peers/Cargo.toml"]
    run(command, env={**os.environ, "CARGO_TARGET_DIR": str(home.rust.parent)})


def build_own(home: Home, profile: str):
    """The server that is measured, and the product's own program, whose size is reported."""
    environment = {**os.environ, "CARGO_TARGET_DIR": str(home.own.parent)}
    # One command: two would choose two sets of features, and build half of everything twice.
    programs = ["--package", "windlass", "--bin", "windlass", "--bin", "windlass-bench-server"]
    server = ["--package", "windlass-testkit", "--features", "windlass-testkit/server"]
    run(["cargo", "build", "--locked", "--profile", profile, *programs, *server], cwd=ROOT, env=environment)


def install_node(home: Home):
    if not (home.node / "ready").exists():
        home.node.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(PEERS / name, home.node)
        run(["npm", "ci", "--no-progress", "--loglevel=error"], cwd=home.node)
        (home.node / "ready").touch()
    # Node resolves packages from where a script lies.
    shutil.copy(PEERS / "echo_ts.mjs", home.node)


def install_python(home: Home):
    if not (home.python / "ready").exists():
        run([sys.executable, "-m", "venv", home.python])
        pip = [home.python / "bin/pip", "install", "--quiet", "--disable-pip-version-check"]
        run([*pip, "-r", PEERS / "requirements.txt"])
        (home.python / "ready").touch()
