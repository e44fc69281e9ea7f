"""Checks the JSON that `quickstart --json --products 20000` prints."""

import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    story = json.load(file)

counts = story["counts"]
failures = []


def expect(what, found, wanted):
    if not wanted(found):
        failures.append(f"{what}: {found}")


expect("locations", counts["locations"], lambda n: n >= 1)
expect("categories", counts["categories"], lambda n: n == 20000)
expect("items", counts["items"], lambda n: n >= 20000)
expect("branch prices", counts["branch_prices"], lambda n: n >= 1)
expect("combos", counts["combos"], lambda n: n >= 1)
pushed = sum(run["counts"].get("articles", {}).get("pushed", 0) for run in story["runs"])
expect("items pushed", pushed, lambda n: n >= 1)
expect("inventory levels", counts["inventory_levels"], lambda n: n >= 1)
expect("orders", len(story["orders"]), lambda n: n == 4)
expect("order ids", {order["pos_id"] for order in story["orders"]}, lambda ids: len(ids) == 4 and all(ids))
expect("order kinds", {order["kind"] for order in story["orders"]}, lambda kinds: "delivery" in kinds)
expect("last poll", story["payment"]["replies"][-1]["polling"]["finished"], lambda finished: finished is True)
expect("payment", story["payment"]["replies"][-1]["externalPayment"]["confirmed"], lambda confirmed: confirmed is True)
expect("transactions", counts["transactions"], lambda n: n >= 1)
expect("peak memory in MiB", story["peak_memory_mib"], lambda mib: 0 < mib < 100)
for failure in failures:
    print(f"quickstart: unexpected {failure}")
sys.exit(1 if failures else 0)
