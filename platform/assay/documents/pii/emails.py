"""E-mail addresses as people write them; quoted local parts and address literals are not looked for."""

import re
from collections.abc import Iterator

from assay.documents.pii.finding import Finding

# A local part and labels of at most 64 characters, as RFC 5321 has them, keep the search linear.
_ADDRESS = re.compile(
    r"(?<![\w.%+-])(\w[\w.%+'-]{0,63})@((?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8})([^\W\d_]{2,24})(?![\w@])(?!-\w)"
)
# `icon@2x.png` and `package@next.js` have the form of an address.
_FILE_SUFFIX = re.compile(
    r"png|jpe?g|gif|svg|webp|ico|bmp|js|ts|s?css|less|map|json|html?|md|py|rb|go|rs|txt|xml|ya?ml|zip|gz", re.IGNORECASE
)


def find_emails(text: str) -> Iterator[Finding]:
    for found in _ADDRESS.finditer(text):
        if _FILE_SUFFIX.fullmatch(found[3]) or ".." in found[1]:
            continue
        # `git@github.com:owner/repository` and `ssh://git@host/path` name a service and not a person.
        if found[1] == "git" and (text.startswith(":", found.end()) or text.endswith("://", 0, found.start())):
            continue
        yield Finding("email", found.start(), found.end())
