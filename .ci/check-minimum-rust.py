"""Checks that what the three libraries depend on, with all their features, builds with the Rust version that they promise."""

import json
import subprocess
import sys

command = ["cargo", "metadata", "--format-version", "1", "--all-features", "--locked"]
metadata = json.loads(subprocess.check_output(command))
packages = {package["id"]: package for package in metadata["packages"]}
nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
libraries = [
    package
    for package in packages.values()
    if package["id"] in metadata["workspace_members"] and package["name"] in ("mplus-qapi", "mplus-sync", "mplus-webhooks")
]


def version(text):
    return tuple(int(part) for part in text.split("."))[:2]


floor = min(version(library["rust_version"]) for library in libraries)
needed, waiting = set(), [library["id"] for library in libraries]
while waiting:
    package = waiting.pop()
    if package not in needed:
        needed.add(package)
        waiting += [
            dependency["pkg"]
            for dependency in nodes[package]["deps"]
            if any(kind["kind"] != "dev" for kind in dependency["dep_kinds"])
        ]

newer = [
    f"{package['name']} {package['version']} needs Rust {package['rust_version']}"
    for package in map(packages.get, sorted(needed))
    if package["rust_version"] and version(package["rust_version"]) > floor
]
print(f"{len(needed)} packages, Rust {floor[0]}.{floor[1]}: {', '.join(newer) or 'all of them build with it'}")
sys.exit(1 if newer else 0)
