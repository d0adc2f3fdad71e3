"""Names from data in a sentence for people, between backticks, out of which none can break."""


def quoted(name: str) -> str:
    """The name between backticks; those in it are taken for apostrophes, as a report makes code of what stands between two."""
    inside = name.replace("`", "'")
    return f"`{inside}`"
