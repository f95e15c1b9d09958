"""Audit the fast search: sweep every ray that it searched, on trained models with the paper's grids.

Run by `make bench`; writes ``benchmarks/results/audit.json``.
"""

from typing import Any

import numpy as np
from compare import RESULTS
from subjects import load_subject

from flutils import margins
from flutils.artifacts import describe_origin, write_json

# Enough samples that at least 30,000 rays leave correctly classified ones.
SIZES = {"mnist": (160, 100), "cifar10": (370, 100)}


def audit(name: str) -> dict[str, Any]:
    """Search one subject's rays fast, and every one of them exactly."""
    subject = load_subject(name)
    samples, directions = SIZES[name]
    x, y = subject.samples(samples)
    table = margins.search(
        subject.model,
        x,
        y,
        subject.directions(directions),
        strategy="predict",
        audit_rate=1.0,
        **subject.grid(),
    )
    if table.audit is None:
        raise RuntimeError("the search was swept, so there is nothing to audit: use more rays")
    searched = table.crossing[table.crossing != 0]
    swept = float(np.where(searched < 0, table.num_steps, searched).mean())
    fast = table.cost.evaluations - table.cost.pilot_evaluations
    outcome = {
        "subject": subject.name,
        "rays": table.audit.rays,
        "not_found_rate": table.not_found_rate,
        "mismatches": table.audit.mismatches,
        "upper_bound": table.audit.upper_bound,
        "sweep_evaluations_a_ray": swept,
        "evaluations_a_ray": fast / len(searched),
        "pilot_evaluations_a_ray": table.cost.pilot_evaluations / len(searched),
        "fewer": swept / (fast / len(searched)),
        "fewer_with_pilot": swept / (table.cost.evaluations / len(searched)),
    }
    print(outcome, flush=True)
    return outcome


if __name__ == "__main__":
    RESULTS.mkdir(exist_ok=True)
    write_json(
        RESULTS / "audit.json",
        {
            "strategy": "predict",
            "subjects": {name: audit(name) for name in SIZES},
            **describe_origin(),
        },
    )
