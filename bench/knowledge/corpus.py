#!/usr/bin/env python3
"""A corpus that every machine with apt has: its manual pages and the documents under /usr/share/doc, those of a few
documentation packages, and the READMEs of the crates in cargo's registry. Made once, into one folder.

    bench/knowledge/corpus.py FOLDER

Packed files are unpacked, and otherwise everything stays as it is. Change logs, licences and second copies are left out, and
so are all but the first hundreds of manual pages whose names begin with the same word: one program with ten thousand pages
that say the same is not what a company's documents look like.
"""

import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# Fetched and unpacked beside the machine's own, never installed. Names without a version, so that any release has them.
PACKAGES = (
    "manpages", "manpages-dev", "perl-doc", "git-doc", "cmake-doc", "python-django-doc", "apache2-doc", "sqlite3-doc",
    "debian-reference-en", "debian-policy", "developers-reference", "nodejs-doc", "r-doc-html", "exim4-doc-html",
)
KINDS = (".md", ".txt", ".html", ".htm", ".rst")
PASSED_OVER = re.compile(r"(^|/)(changelog|copyright|licen[cs]e|copying|news|authors|thanks|todo)[^/]*$|/genindex|/search\.html|/_sources/", re.IGNORECASE)
# Translations: those of one page are alike, and one of them is enough.
LANGUAGES = re.compile(r"/(man|html|manual)/(?!en/)[a-z]{2}([_-][A-Za-z]{2})?/|\.(de|es|fr|ja|ko|tr|pt-br|zh-cn|da|ru)(\.[a-z0-9-]+)?$")
ALIKE = 400
LARGEST = 2 << 20
SMALLEST = 200


def make(folder: Path) -> int:
    """Writes the corpus, whole or not at all; how many documents there are."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        roots = [Path("/usr/share"), *unpacked(Path(scratch) / "packages")]
        made = Path(scratch) / "corpus"
        write(made, gathered(roots))
        count = sum(1 for file in made.rglob("*") if file.is_file())
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    return count


def unpacked(scratch: Path) -> list[Path]:
    """The documentation packages' share of /usr/share, as far as apt can get them."""
    scratch.mkdir()
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return []
    roots = []
    for name in PACKAGES:
        place = scratch / name
        place.mkdir()
        # As root apt fetches as another user, who may not write here.
        fetch = ["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", name]
        if subprocess.run(fetch, cwd=place, capture_output=True, check=False).returncode:
            print(f"corpus: apt has no {name}; going on without", file=sys.stderr)
            continue
        for archive in place.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", archive, place], check=True)
        roots.append(place / "usr/share")
    return roots


def gathered(roots: list[Path]) -> dict[str, Path]:
    """Which file becomes which document. The first of a name counts."""
    found, alike = {}, {}
    for root in roots:
        for file in sorted(root.glob("man/man[1-9]/*")):
            if file.is_symlink() and not file.exists():
                continue
            name = file.name.removesuffix(".gz")
            family = re.split(r"[-_.:]", name)[0]
            alike[family] = alike.get(family, 0) + 1
            if alike[family] <= ALIKE:
                found.setdefault(f"man/{file.parent.name}/{name}", file)
        for file in walk(root / "doc"):
            path = str(file.relative_to(root))
            plain = path.removesuffix(".gz")
            # Many a text is there twice: as it was written, and as a page.
            twice = plain.endswith(".txt") and file.with_name(f"{Path(plain).stem}.html").exists()
            if twice or PASSED_OVER.search(plain) or LANGUAGES.search(plain):
                continue
            if plain.lower().endswith(KINDS):
                found.setdefault(plain, file)
            elif "." not in file.name.removesuffix(".gz") and "readme" in file.name.lower():
                found.setdefault(f"{plain}.txt", file)
    registry = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo") / "registry/src"
    for file in sorted(registry.glob("*/*/[Rr][Ee][Aa][Dd][Mm][Ee].md")):
        found.setdefault(f"crates/{file.parent.name}/README.md", file)
    return {re.sub(r"[^\w./+-]", "_", path): file for path, file in sorted(found.items())}


def walk(folder: Path) -> list[Path]:
    """Files, following no link to a folder: many lead to another package's documents."""
    files = []
    for place, _, names in os.walk(folder):
        files += [Path(place) / name for name in names]
    return sorted(file for file in files if file.is_file())


def write(folder: Path, documents: dict[str, Path]):
    seen = set()
    for path, origin in documents.items():
        content = read(path, origin)
        copy = hashlib.sha256(content).digest()
        if not SMALLEST <= len(content) <= LARGEST or copy in seen:
            continue
        seen.add(copy)
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def read(path: str, file: Path) -> bytes:
    """What is to be written; nothing where it cannot be read."""
    try:
        content = gzip.decompress(file.read_bytes()) if file.name.endswith(".gz") else file.read_bytes()
    except (OSError, EOFError, gzip.BadGzipFile):
        return b""
    # A page that only names another one.
    alias = path.startswith("man/") and (content.startswith(b".so ") or b"\n.so man" in content[:400])
    return b"" if alias else content


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def prepared(cache: Path) -> Path:
    """The corpus of this version of this script, made if it is not there."""
    folder = cache / f"corpus-{digest(Path(__file__))}"
    if not folder.exists():
        print(f"corpus: making {folder}", file=sys.stderr, flush=True)
        print(f"corpus: {make(folder)} documents", file=sys.stderr, flush=True)
    return folder


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(make(Path(sys.argv[1])), "documents")
