"""`python -m tests.bench [theme …]`: measure speed and memory as ratios and print one table.

Each theme runs in a process of its own, without a display, with one thread for torch and nobody's settings.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.bench.measure import Row, run_child, table

THEMES = (
    "first_paint",
    "loading",
    "trace_cost",
    "memory",
    "streaming",
    "frames",
    "long_text",
    "long_prompt",
    "panning",
    "evaluating",
    "finetuning",
)
HOMES = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "HF_HOME")
SETTINGS = {
    "QT_QPA_PLATFORM": "offscreen",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
}


def main(wanted: list[str]) -> int:
    """Run the themes and print the table; 1 when a budget was missed, 2 for a theme that does not exist."""
    if unknown := [name for name in wanted if name not in THEMES]:
        print(f"There is no measurement called {', '.join(unknown)}; there are {', '.join(THEMES)}.", file=sys.stderr)
        return 2
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="unembed-bench-") as home:
        environment = SETTINGS | {name: str(Path(home) / name.lower()) for name in HOMES}
        for theme in wanted or THEMES:
            print(f"{theme} …", file=sys.stderr, flush=True)
            rows += [Row(**row) for row in run_child(theme, **environment)]
    print(f"One thread for torch (`torch.set_num_threads(1)`), {os.cpu_count()} cores, sides measured in turn;")
    print("medians, ratios taken round by round, their quartiles in brackets.\n")
    print(table(rows))
    return int(any(row.met is False for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
