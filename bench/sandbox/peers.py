"""What others do with the same root file system, called as directly as it goes."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from clock import OFTEN, Samples, pss_mib, tree
from windlass import PYTHON

LINE = ["bash", "-c", "true"]
BUSY = ["bash", "-c", "while :; do :; done"]
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}


def do(command):
    # A file and not a pipe: what stays behind a command would keep a pipe open.
    with tempfile.TemporaryFile() as said:
        done = subprocess.run([str(word) for word in command], stderr=said, timeout=120, **QUIET)
        if done.returncode:
            said.seek(0)
            raise RuntimeError(f"{' '.join(map(str, command))}: {said.read().decode()[-500:]}")


@contextmanager
def busy(command):
    """Something that uses a whole processor meanwhile."""
    works = subprocess.Popen([str(word) for word in command], **QUIET)
    try:
        yield
        if works.poll() is not None:
            raise RuntimeError("what should have gone on ended before the others were done")
    finally:
        works.kill()
        works.wait()


class Bare:
    name = "bare"
    language = "none"
    note = "the same commands without any isolation: the floor"

    def __init__(self, home):
        self.home = home

    def missing(self):
        return None

    def visit(self, times):
        samples = Samples()
        for _ in range(times):
            with samples.of("one shot"):
                do(LINE)
            for _ in range(OFTEN):
                with samples.of("exec"):
                    do(LINE)
            with samples.of("exec python"):
                do(["bash", "-c", PYTHON])
        with busy(BUSY):
            for _ in range(OFTEN * times):
                with samples.of("exec, beside"):
                    do(LINE)
        return samples.found


class Bubblewrap(Bare):
    name = "bwrap"
    language = "C"
    note = "`bwrap` with all namespaces: start, `bash -c true`, end"

    def missing(self):
        return None if shutil.which("bwrap") else "bubblewrap is not installed"

    def command(self, line):
        return ["bwrap", "--ro-bind", self.home.tree, "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--unshare-all",
                "--die-with-parent", "--new-session", "--clearenv", "--setenv", *PATH.split("="), "--", *line]

    def visit(self, times):
        samples = Samples()
        for _ in range(times):
            for _ in range(OFTEN):
                with samples.of("one shot"):
                    do(self.command(LINE))
            with samples.of("one shot python"):
                do(self.command(["bash", "-c", PYTHON]))
        with busy(self.command(BUSY)):
            for _ in range(OFTEN * times):
                with samples.of("one shot, beside"):
                    do(self.command(LINE))
        alive = [subprocess.Popen([str(w) for w in self.command(["sleep", "60"])], **QUIET) for _ in range(8)]
        time.sleep(1)
        samples.memory(sum(pss_mib(tree(one.pid)) for one in alive) / len(alive))
        for one in alive:
            one.kill()
            one.communicate()
        return samples.found


class Oci(Bare):
    """A runtime of OCI bundles."""

    options: tuple = ()

    def missing(self):
        if not shutil.which(self.name):
            return f"{self.name} is not installed"
        return None if os.getuid() == 0 else "it needs root"

    def runtime(self, *words):
        return [self.name, *self.options, "--root", self.state, *words]

    def bundle(self) -> Path:
        bundle = Path(tempfile.mkdtemp(prefix="bench-bundle-"))
        subprocess.run([self.name, "spec"], cwd=bundle, check=True)
        spec = json.loads((bundle / "config.json").read_text())
        spec["root"] = {"path": str(self.home.tree), "readonly": True}
        spec["process"].update(terminal=False, args=LINE, env=[PATH])
        (bundle / "config.json").write_text(json.dumps(spec))
        return bundle

    def sleeping(self, bundle):
        spec = json.loads((bundle / "config.json").read_text())
        spec["process"]["args"] = ["sleep", "600"]
        (bundle / "config.json").write_text(json.dumps(spec))

    def visit(self, times):
        samples = Samples()
        self.state = tempfile.mkdtemp(prefix="bench-state-")
        bundle = self.bundle()
        try:
            for index in range(times):
                with samples.of("one shot"):
                    do(self.runtime("run", "--bundle", bundle, f"one{index}"))
            self.sleeping(bundle)
            for index in range(times):
                name = f"box{index}"
                with samples.of("create cold"):
                    do(self.runtime("create", "--bundle", bundle, name))
                    do(self.runtime("start", name))
                with samples.of("first exec"):
                    do(self.runtime("exec", name, *LINE))
                with samples.of("exec"):
                    do(self.runtime("exec", name, *LINE))
                with samples.of("exec python"):
                    do(self.runtime("exec", name, "bash", "-c", PYTHON))
                if index == times - 1:
                    told = subprocess.run([str(w) for w in self.runtime("state", name)], capture_output=True, check=True)
                    samples.memory(pss_mib(self.processes(json.loads(told.stdout)["pid"])))
                with samples.of("destroy"):
                    do(self.runtime("delete", "--force" if self.name == "runc" else "-force", name))
        finally:
            shutil.rmtree(bundle, ignore_errors=True)
            shutil.rmtree(self.state, ignore_errors=True)
        return samples.found

    def processes(self, pid):
        return tree(pid)


class Runc(Oci):
    name = "runc"
    language = "Go"
    note = "`runc run`, and `runc create`, `start`, `exec`, `delete`"


class Gvisor(Oci):
    name = "runsc"
    language = "Go"
    note = "gVisor: the same with `runsc`, without a network"
    options = ("--network=none", "--ignore-cgroups")

    def processes(self, pid):
        # The kernel of the sandbox, and the one that reads files for it.
        return [p for p in tree(pid)] + [p for p in gofers(self.state)]


def gofers(state):
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = place.read_bytes().split(b"\0")
        except OSError:
            continue
        if any(state.encode() in word for word in words) and b"runsc" in words[0]:
            found.append(int(place.parent.name))
    return found


SYSTEMS = (Bare, Bubblewrap, Runc, Gvisor)
