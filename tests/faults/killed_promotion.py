"""A promotion or a rollback that kills itself: the child of `test_killed_promotion.py`.

killed_promotion.py promote|rollback --boundary NAME
"""

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from commit_boundaries import EMPTY, Boundary

from assay.releases.promotion import promote, rollback
from assay.retrieval import serving
from assay.settings import load_settings
from assay.workspace import Run, Workspace


def _is_serving_pointer(_temporary: object, target: object) -> bool:
    return Path(str(target)).parts[-2:] == ("releases", "serving.json")


# Every commit of an act, with a moment before and after it.
BOUNDARIES = (
    Boundary("before the pointer", EMPTY, os, "replace", "before", _is_serving_pointer),
    Boundary(
        "after the pointer, before its history", EMPTY, os, "replace", "after", _is_serving_pointer, is_released=True
    ),
    Boundary("before the line of history", EMPTY, serving, "append_line", "before", is_released=True),
    Boundary("after the line of history", EMPTY, serving, "append_line", "after", is_released=True),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("act", choices=["promote", "rollback"])
    parser.add_argument("--boundary", choices=[one.name for one in BOUNDARIES], required=True)
    given = parser.parse_args()
    next(one for one in BOUNDARIES if one.name == given.boundary).arm()
    settings = load_settings()
    if given.act == "promote":
        promote(Workspace(settings, Run("killed", datetime.now(UTC))))
    else:
        rollback(settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
