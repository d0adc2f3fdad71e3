"""What computes a feature view, as a hash: a row carries it, so that nobody mixes the values of two logics unawares.

It covers the compiled SQL of the model and of every model upstream, macros and variables included, for dbt has put them in
by then, and the columns of the sources it ends at. Comments, white space and descriptions change nothing; neither does
where the tables lie. What Python does before the sources is not covered.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from assay.errors import ConfigurationError

# Of 2^48 versions two are equal by chance once there are millions of them.
VERSION_CHARACTERS = 12
# A quoted string or name whole, a comment, a word, or any other sign: what looks like a comment inside quotes is none.
_TOKENS = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|(?P<comment>--[^\n]*|/\*.*?\*/)|\w+|\S", re.DOTALL)


def logic_version(manifest: Mapping[str, Any], unique_id: str) -> str:
    """The version of the logic of a model: short, hexadecimal, equal for equal logic on every machine.

    Raises ConfigurationError for a manifest that was parsed and not compiled.
    """
    return _hash_of(manifest, unique_id, {})[:VERSION_CHARACTERS]


def _hash_of(manifest: Mapping[str, Any], unique_id: str, known: dict[str, str]) -> str:
    if unique_id not in known:
        if unique_id in manifest["sources"]:
            said = _columns(manifest["sources"][unique_id])
        else:
            node = manifest["nodes"][unique_id]
            said = [*(sign for sign in tokens(_compiled(node)) if sign != f'"{node["database"]}"'), *_columns(node)]
        upstream = manifest["parent_map"].get(unique_id, [])
        said += sorted(_hash_of(manifest, parent, known) for parent in upstream)
        known[unique_id] = hashlib.sha256("\0".join(said).encode()).hexdigest()
    return known[unique_id]


def tokens(sql: str) -> list[str]:
    """The SQL as signs: without comments and white space, and without capitals outside quotes."""
    found = [one for one in _TOKENS.finditer(sql) if one["comment"] is None]
    return [one[0] if one[0][0] in "'\"" else one[0].lower() for one in found]


def _compiled(node: Mapping[str, Any]) -> str:
    if not node.get("compiled_code"):
        raise ConfigurationError(
            f"The manifest does not hold the compiled SQL of `{node['name']}`, so nobody can tell which logic computes it. "
            "Nothing was run. Write it anew with `make dbt-manifest`."
        )
    return node["compiled_code"]


def _columns(node: Mapping[str, Any]) -> list[str]:
    return [node["name"], *(f"{one['name']} {one['data_type']}" for one in node["columns"].values())]
