#!/usr/bin/env python3
"""What the README and the first chapters tell people to paste compiles as pasted: manifest and programs, nothing hidden.

A project is made beside the others in `target`, with the README's manifest and then with that of getting-started.md; every
block of Rust becomes a program of its own. Paths lead to this checkout, everything else is as it stands there.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
CHAPTERS = ROOT / "docs/src"


def blocks(path, language):
    return re.findall(rf"^```{language}[^\n]*\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


def project(name, manifest_of, programs_of):
    folder = TARGET / "as-pasted" / name
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "src/bin").mkdir(parents=True)
    manifest = next(block for block in blocks(manifest_of, "toml") if "[dependencies]" in block)
    manifest = manifest.replace("../mplus-sdk", str(ROOT))
    head = f'[package]\nname = "{name}"\nversion = "0.0.0"\nedition = "2024"\n\n[workspace]\n\n'
    (folder / "Cargo.toml").write_text(head + manifest)
    shutil.copy(ROOT / "Cargo.lock", folder)
    count = 0
    for chapter in programs_of:
        for block in blocks(chapter, "rust"):
            hidden = [line for line in block.splitlines() if re.match(r"# |#$", line)]
            if hidden:
                sys.exit(f"{chapter.name} hides a line from who copies: {hidden[0]}")
            if "fn main" in block:
                count += 1
                (folder / f"src/bin/{chapter.stem}-{count}.rs").write_text(block)
    subprocess.run(["cargo", "check", "-q", "--bins"], cwd=folder, check=True)
    print(f"{name}: {count} programs compile as pasted")


project("readme", ROOT / "README.md", [ROOT / "README.md"])
project(
    "getting-started",
    CHAPTERS / "getting-started.md",
    [CHAPTERS / "getting-started.md", CHAPTERS / "from-sale-to-item.md"],
)
