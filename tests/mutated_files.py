"""Files of every format, damaged by a seed: the same seed gives the same bytes, so that a finding can be made again."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bomb_files import bomb, xml_bomb
from sound_files import member, member_names, with_members, zipped

OFFICE = {"docx": "word/document.xml", "pptx": "ppt/presentation.xml", "xlsx": "xl/workbook.xml"}
_MEBIBYTE = 2**20


# The formats with the most ways to be damaged come more often.
TURNS = {"docx": 3, "pptx": 3, "xlsx": 3, "pdf": 3, "eml": 2, "html": 2}


@dataclass(frozen=True)
class MutatedFile:
    """`name` tells the number, the mutation and the format that the file was made from."""

    number: int
    kind: str
    mutation: str
    data: bytes

    @property
    def name(self) -> str:
        return f"{self.number:05}-{self.mutation}.{self.kind}"


Seeds = Mapping[str, Sequence[bytes]]


def mutated_files(count: int, seed: int, seeds: Seeds) -> Iterator[MutatedFile]:
    """`count` files, the formats in turn; file `number` depends on the seed, its number and the seed files alone."""
    kinds = [kind for kind in sorted(seeds) for _ in range(TURNS.get(kind, 1))]
    for number in range(count):
        yield mutated_file(number, seed, seeds, kinds[number % len(kinds)])


def mutated_file(number: int, seed: int, seeds: Seeds, kind: str) -> MutatedFile:
    chance = random.Random(f"{seed}/{number}")
    mutation = chance.choices(list(MUTATIONS), weights=list(_WEIGHTS.values()))[0]
    if kind not in OFFICE and mutation in ("inside", "xml_bomb"):
        mutation = "bit_flips"
    return MutatedFile(number, kind, mutation, MUTATIONS[mutation](chance, chance.choice(seeds[kind]), kind, seeds))


def _bit_flips(chance: random.Random, data: bytes, kind: str, seeds: Seeds) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 4, 16, 64, 256))):
        at = chance.randrange(len(changed))
        changed[at] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _noise(chance: random.Random, data: bytes, kind: str, seeds: Seeds) -> bytes:
    start = chance.randrange(len(data))
    length = min(len(data) - start, chance.choice((4, 64, 1024)))
    return data[:start] + chance.randbytes(length) + data[start + length :]


def _truncation(chance: random.Random, data: bytes, kind: str, seeds: Seeds) -> bytes:
    return data[: chance.randrange(len(data))]


def _swapped_header(chance: random.Random, data: bytes, kind: str, seeds: Seeds) -> bytes:
    other = chance.choice(seeds[chance.choice(sorted(seeds))])
    length = chance.choice((4, 8, 64, 512))
    return other[:length] + data[length:]


def _splice(chance: random.Random, data: bytes, kind: str, seeds: Seeds) -> bytes:
    other = chance.choice(seeds[chance.choice(sorted(seeds))])
    return data[: chance.randrange(len(data))] + other[chance.randrange(len(other)) :]


def _repetition(chance: random.Random, data: bytes, kind: str, seeds: Seeds) -> bytes:
    start = chance.randrange(len(data))
    piece = data[start : start + chance.choice((1, 16, 256, 4096))]
    return data[:start] + piece * min(2000, _MEBIBYTE // len(piece)) + data[start:]


def _nested_zip(chance: random.Random, data: bytes, kind: str, seeds: Seeds) -> bytes:
    """The file in an archive in an archive, or archives inside of an Office file."""
    inside = data
    for _ in range(chance.randrange(1, 20)):
        inside = zipped({f"inside.{kind}": inside})
    if kind not in OFFICE or chance.random() < 0.3:
        return inside
    return with_members(data, {f"{chance.choice(('embeddings', 'media', 'customXml'))}/item.xml": inside})


def _inside(chance: random.Random, data: bytes, kind: str, seeds: Seeds) -> bytes:
    """Damage in one XML part of a sound archive: what a check sum would not tell."""
    members = [name for name in member_names(data) if name.endswith((".xml", ".rels"))]
    if not members:
        return _bit_flips(chance, data, kind, seeds)
    name = chance.choice(members)
    content = member(data, name)
    mutate = chance.choice((_bit_flips, _noise, _truncation, _repetition, _tag_swaps))
    return with_members(data, {name: mutate(chance, content, kind, seeds)}) if content else data


def _tag_swaps(chance: random.Random, data: bytes, kind: str, seeds: Seeds) -> bytes:
    """Numbers and names of attributes exchanged: still XML, and nonsense."""
    pieces = data.split(b'"')
    places = range(1, len(pieces), 2)
    for _ in range(chance.choice((1, 4, 16))):
        if len(places) > 1:
            pieces[chance.choice(places)] = chance.choice(
                (pieces[chance.choice(places)], b"99999999999", b"-1", b"", b"\xff", b"1e308")
            )
    return b'"'.join(pieces)


def _xml_bomb(chance: random.Random, data: bytes, kind: str, seeds: Seeds) -> bytes:
    name = chance.choice((OFFICE[kind], "[Content_Types].xml", "_rels/.rels"))
    return with_members(data, {name: xml_bomb(chance)})


def _expansion(chance: random.Random, data: bytes, kind: str, seeds: Seeds) -> bytes:
    return with_members(data, {OFFICE[kind]: bomb(chance, kind)}) if kind in OFFICE else bomb(chance, kind)


MUTATIONS: dict[str, Callable[[random.Random, bytes, str, Seeds], bytes]] = {
    "bit_flips": _bit_flips,
    "noise": _noise,
    "truncation": _truncation,
    "swapped_header": _swapped_header,
    "splice": _splice,
    "repetition": _repetition,
    "nested_zip": _nested_zip,
    "inside": _inside,
    "xml_bomb": _xml_bomb,
    "expansion": _expansion,
}
_WEIGHTS = dict(zip(MUTATIONS, (20, 10, 12, 8, 10, 6, 6, 20, 4, 4), strict=True))
