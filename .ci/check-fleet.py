#!/usr/bin/env python3
"""Judges the JSON lines of `fleet`: every order at its POS once, every daily run done once, none of it by nobody.

.ci/check-fleet.py FILE...
"""

import json, sys

wrong = []
for path in sys.argv[1:]:
    with open(path) as file:
        figures = json.loads(file.read().strip().splitlines()[-1])
    orders, runs = figures["orders"], figures["runs"]
    told = f"{figures['database']}, {figures['merchants']} merchants"
    for name, count in [("orders lost", orders["lost"]), ("orders sent twice", orders["duplicated"]),
                        ("runs done twice", runs["twice"]), ("runs skipped", runs["skipped"])]:
        if count:
            wrong.append(f"{told}: {count} {name}")
    for name, done, wanted in [("orders at their POS", orders["accepted"], orders["queued"]), ("runs done", runs["done"], runs["due"])]:
        if done != wanted or not wanted:
            wrong.append(f"{told}: {done} of {wanted} {name}")
    print(f"{told}: {orders['accepted']} orders, {runs['done']} daily runs, {figures['idle_statements_per_s']} statements a second when "
          f"idle, p99 {figures['enqueue_to_pos_ms']['p99']} ms from queue to POS, {figures['orders_per_s']} orders a second")
    if not figures["flood_left"]:
        print(f"{told}: the flood was over before the orders of others; a larger --orders says more")
if wrong or not sys.argv[1:]:
    sys.exit("\n".join(wrong) or "nothing to judge")
