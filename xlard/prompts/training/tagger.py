"""Trains the tagger on prompts and captions that another tagger has labelled, and on sentences made from word lists.

It was trained on COCO's captions of 2017 (validation), TIFA's and PartiPrompts' prompts, T2I-CompBench, Gecko and a
thousand prompts of users (krea-ai/open-prompts), without any prompt of GenEval, GenEval 2 or DSG-1k. The labels are
those of compromise 14 (npm, MIT); the made sentences have the verbs, nouns and adjectives of the word list, whose parts
of speech are known. No text ships, only weights.

``python -m xlard.prompts.training.tagger --labels FILE`` takes one text a line, its words as ``word<TAB>tag`` with
``\\x01`` between them; the tags are those of ``xlard.prompts.tagger``.
"""

from __future__ import annotations

import argparse
import gzip
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from ...english import plural
from .. import words as word_list
from ..tagger import FIXED, TAGS, Tagger, context, features, packed
from ..verbs import participle

Sentence = list[tuple[str, str]]

_TEMPLATES = """
a N G a N | a A N G two NS | two NS V an N | an N VS a N | the N VS M | a N VS the N in the N | a N G in the N
four NS V M | a N D in M | NS D on a N | a N D behind a N | a A , A N | an A N | three A NS | two D NS | a G N
NS V R while NS V R | M VS through the N , G a N | a N VS R | the N VS a A N with NS | a N , A , A | a A N and a N
a N V a N | NS V over the N | a N who is G a N | a N R G a N | a N that VS a N | the N is A | the N is G | the NS are D
a A A N | a N G NS and a N | the N has A NS | N , NS , A N , A | A N , G N , NS | a D N on a N | a N N G a N
a NS N | a N and N G | N N , N | A , A , A , N | G , N , A N | R A N | a R A N | a N , G a N , D in a N
two A NS G a N | several NS VS | a N G and G | a N VS on a N and VS a N | he VS a N | it VS a A N | they V NS
""".replace("\n", "|").split("|")


def _made(number: int, seed: int = 0) -> Iterator[Sentence]:
    """Sentences of word lists, whose tags are known."""
    rng = random.Random(seed)
    entries = word_list._list()
    pick: dict[str, list[str]] = {"N": [], "M": [], "V": [], "A": [], "R": []}
    for word, code in entries.items():
        if not word.isalpha() or len(word) > 10 or len(word) < 3:
            continue
        for key, first in (("N", "tpb"), ("M", "ms"), ("V", "v"), ("A", "a"), ("R", "r")):
            # Ambiguous words too, so that contexts decide.
            if any(letter in first for letter in code[:2]):
                pick[key].append(word)

    def form(symbol: str) -> tuple[str, str]:
        if symbol == "NS":
            return plural(rng.choice(pick["N"])), "N"
        if symbol in ("N", "M"):
            return rng.choice(pick[symbol]), "N"
        if symbol in ("A", "R"):
            return rng.choice(pick[symbol]), symbol
        if symbol in ("V", "VS", "G", "D"):
            verb = rng.choice(pick["V"])
            stem = participle(verb)[:-3]
            past = (verb[:-1] + "i" if verb.endswith("y") and verb[-2] not in "aeiou" else stem) + "ed"
            return {"V": verb, "VS": plural(verb), "G": participle(verb), "D": past}[
                symbol
            ], "V" if symbol == "VS" else symbol
        return symbol, "O"

    templates = [template.split() for template in _TEMPLATES if template.strip()]
    for _ in range(number):
        yield [form(symbol) for symbol in rng.choice(templates)]


def _read(path: Path) -> Iterator[Sentence]:
    for line in path.read_text(encoding="utf-8").splitlines():
        sentence: Sentence = []
        for item in line.split("\x01"):
            word, _, tag = item.rpartition("\t")
            word = word.lower().strip("'\"()[]{}.").replace("\u2019", "'")
            if word:
                sentence.append((word, "F" if tag == "P" else tag))
            elif tag == "O":
                sentence.append((",", "O"))
        if len(sentence) > 1:
            yield sentence


def _train(sentences: list[Sentence], epochs: int, seed: int = 0) -> dict[str, dict[str, float]]:
    """The averaged weights."""
    weights: dict[str, dict[str, float]] = defaultdict(dict)
    sums: dict[tuple[str, str], float] = defaultdict(float)
    stamps: dict[tuple[str, str], int] = defaultdict(int)
    tagger, step, rng = Tagger(weights), 0, random.Random(seed)

    def update(feature: str, tag: str, change: float) -> None:
        key = feature, tag
        old = weights[feature].get(tag, 0.0)
        sums[key] += (step - stamps[key]) * old
        stamps[key] = step
        weights[feature][tag] = old + change

    for epoch in range(epochs):
        rng.shuffle(sentences)
        wrong = total = 0
        for sentence in sentences:
            words = [word for word, _ in sentence]
            contexts = [context(word) for word in words]
            before = second = "O"
            for index, (word, tag) in enumerate(sentence):
                guess = tag
                if word not in FIXED:
                    step += 1
                    total += 1
                    found = list(features(words, contexts, index, before, second))
                    guess = tagger._best(iter(found))
                    if guess != tag:
                        wrong += 1
                        for feature in found:
                            update(feature, tag, 1.0)
                            update(feature, guess, -1.0)
                else:
                    guess = "O"
                before, second = guess, before
        print(f"epoch {epoch + 1}: {1 - wrong / total:.4f}", flush=True)
    averaged: dict[str, dict[str, float]] = {}
    for feature, by_tag in weights.items():
        means = {
            tag: round((sums[feature, tag] + (step - stamps[feature, tag]) * weight) / step, 2)
            for tag, weight in by_tag.items()
        }
        kept = {tag: mean for tag, mean in means.items() if abs(mean) >= 0.15}
        if kept:
            averaged[feature] = kept
    return averaged


def _accuracy(tagger: Tagger, sentences: list[Sentence]) -> float:
    right = total = 0
    confused: Counter[str] = Counter()
    for sentence in sentences:
        for (word, tag), guess in zip(sentence, tagger.tags([word for word, _ in sentence])):
            if word not in FIXED:
                total += 1
                right += tag == guess
                confused[f"{tag}>{guess}"] += tag != guess
    print(dict(confused.most_common(12)))
    return right / total


def main() -> None:
    """Write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--made", type=int, default=20000, help="sentences made from word lists")
    parser.add_argument("--epochs", type=int, default=4)
    arguments = parser.parse_args()
    labelled = list(_read(arguments.labels))
    made = list(_made(arguments.made))
    rng = random.Random(1)
    rng.shuffle(labelled)
    tests = labelled[:1000], made[:1000]
    weights = _train(labelled[1000:] + made[1000:], arguments.epochs)
    tagger = Tagger(weights)
    for name, sentences in zip(("labelled", "made"), tests):
        print(f"{name}: {_accuracy(tagger, sentences):.4f} of {TAGS}")
    target = Path(__file__).parents[1] / "tagger.txt.gz"
    lines = [f"{feature}\t{text}" for feature, by_tag in sorted(weights.items()) if (text := packed(by_tag))]
    target.write_bytes(gzip.compress("\n".join(lines).encode("utf-8"), 9, mtime=0))
    print(f"{len(weights)} features, {target.stat().st_size / 1024:.0f} kB")


if __name__ == "__main__":
    main()
