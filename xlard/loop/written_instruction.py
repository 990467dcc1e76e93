"""An instruction for an edit model in the critic's words, checked against the rules': it may say no more, and no less.

After EPIC (arXiv 2605.11722), whose edits are told in a model's words. What does not pass is not used.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..critics.asking import Reply, ask_all
from ..critics.backend import Answer, Ask, CriticError, UnreadableAnswer
from ..critics.parsing import excerpt, read_json
from ..critics.questions import quoted
from ..critics.registry import as_writer
from ..critics.split_words import foreign_nouns
from ..english import COLORS, NUMBERS, singular
from .edit_instruction import EditInstruction

if TYPE_CHECKING:
    from ..critics.mllm import MLLMCritic

_LOG = logging.getLogger(__name__)

RULES, CRITIC_FIRST = INSTRUCT_BY = ("rules", "critic first")
"""Who writes an instruction: the rules, or the critic, with the rules where its words are no use."""

QUESTION = (
    "A picture is to be repaired by a model that edits pictures. Tell it in one or two short plain sentences what to"
    " change and what to keep. Name each thing that has to change, with its color and number, and nothing else as to"
    " change."
)
ANSWER = 'Answer only with JSON: {"instruction": "the instruction, on one line"}.'

LONGEST, LONGEST_FACTOR = 300, 2
"""An instruction may have this many characters, or this many times those of the rules'."""

MOST_SENTENCES = 2

_REMOVING = frozenset("remove erase delete eliminate".split())
_ADDING = frozenset("add insert draw include".split())
_TURNING = frozenset("make turn change recolor recolour paint replace move swap place put".split())
_FREE = ("show ", "make this true", "write ")
"""How changes begin that say only what is to be there, not how."""

_SIDES = frozenset("left right above below over under top bottom".split())
_KEEPING = re.compile(
    r"\b(?:keep(?:ing)?|leav(?:e|ing)|preserv(?:e|ing)|retain(?:ing)?|maintain(?:ing)?|"
    r"without (?:chang|alter|touch)ing|(?:do not|don't) (?:change|alter|touch|move)|"
    r"nothing else|everything else|all else|the rest)\b"
)
_SENTENCE_END = re.compile(r"[.!?]+(?=\s|$)")
_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")


@dataclass(frozen=True)
class WrittenInstruction:
    """What an edit model is told, with its changes alone; ``note`` says why it is not in the critic's words."""

    text: str
    changes: str
    note: str = ""

    @classmethod
    def of_rules(cls, by_rules: EditInstruction, note: str = "") -> WrittenInstruction:
        """The rules' own words."""
        return cls(by_rules.text, by_rules.to_change, note)

    @property
    def reason(self) -> str:
        """Its changes, and why they are not in the critic's words, for the report."""
        return f"{self.changes} ({self.note})" if self.note else self.changes


class InstructionWriter:
    """Has one critic write instructions for one run of a loop. It asks for each of the rules' instructions once.

    Raises TypeError for a critic that only judges.
    """

    def __init__(self, critic: object):
        self._critic: MLLMCritic = as_writer(critic)
        self._written: dict[str, WrittenInstruction] = {}

    def __call__(self, by_rules: EditInstruction) -> WrittenInstruction:
        """The critic's words for an instruction, the rules' own where these are no use, and where nothing is to change.

        Never raises CriticError.
        """
        if not by_rules.changes:
            return WrittenInstruction.of_rules(by_rules)
        if by_rules.text not in self._written:
            self._written[by_rules.text] = self._ask(by_rules)
        return self._written[by_rules.text]

    def _ask(self, by_rules: EditInstruction) -> WrittenInstruction:
        try:
            error, text = _reply(self._critic, by_rules)
        except CriticError as failed:
            error, text = str(failed), ""
        if text:
            changes, keeps = _parts(text)
            kept = text if keeps else f"{text.rstrip(' .!')}; {by_rules.to_keep}"
            return WrittenInstruction(kept, changes)
        note = f"in the rules' words, because those of {self._critic.backend.name} are no use: {error}"
        _LOG.warning("xLARD: An edit is told %s", note)
        return WrittenInstruction.of_rules(by_rules, note)


def _reply(critic: MLLMCritic, by_rules: EditInstruction) -> tuple[str, str]:
    """Why the critic's words are no use, and the words; one of the two is empty. Raises CriticError."""
    from ..critics.schemas import INSTRUCTED, answer_schema

    claims = "; ".join(quoted(claim.text) for claim in by_rules.claims)
    sentences = (
        QUESTION,
        f"What has to change: {quoted(by_rules.to_change)}.",
        f"Then this holds: {claims}.",
        f"What has to stay: {quoted(by_rules.to_keep)}.",
    )
    question = " ".join((*sentences, ANSWER))

    def read(ask: Ask, answer: Answer) -> str:
        text = _text(answer, by_rules)
        if fault := fault_of(text, by_rules):
            raise UnreadableAnswer(fault)
        return text

    reply: Reply[str]
    (reply,) = ask_all(critic.backend, [Ask(question, schema=answer_schema(INSTRUCTED))], read)
    return reply.error, reply.value or ""


def _text(answer: Answer, by_rules: EditInstruction) -> str:
    # Not by pydantic: the text of each error is a part of the next question.
    value = read_json(answer.text, "{")
    text = value.get("instruction") if isinstance(value, dict) else None
    if not isinstance(text, str) or not text.strip():
        raise UnreadableAnswer(f"It holds no instruction: {excerpt(answer.text)}.")
    text, longest = text.strip(), max(LONGEST, LONGEST_FACTOR * len(by_rules.text))
    if len(text.splitlines()) > 1:
        raise UnreadableAnswer(f"The instruction has more than one line: {excerpt(text)}.")
    if len(text) > longest:
        raise UnreadableAnswer(f"The instruction has {len(text)} characters, {longest} are the most.")
    return text


def fault_of(text: str, by_rules: EditInstruction) -> str:
    """What an instruction says too much or too little, measured by the rules' one; empty if nothing."""
    sentences = [sentence for sentence in _SENTENCE_END.split(text) if sentence.strip()]
    if len(sentences) > MOST_SENTENCES:
        return f"The instruction has {len(sentences)} sentences, {MOST_SENTENCES} are the most."
    changes, keeps = _parts(text)
    said, told = _words(changes), _words(by_rules.to_change)
    asked = told.union(*(_words(claim.text) for claim in by_rules.claims))
    for claim in by_rules.claims:
        missing = foreign_nouns([noun for noun in (claim.noun, claim.other) if noun], claim.text, changes)
        if missing:
            return f"It does not say what to change about {quoted(missing[0])}, which {quoted(claim.text)} is about."
    if thing := _foreign_things(said - asked, by_rules):
        return f"It changes {quoted(thing)}, which has to stay as it is."
    for words, kind in ((COLORS, "color"), (_SIDES, "side")):
        if missing := sorted((told & words) - said):
            return f"It does not name the {kind} {quoted(missing[0])} of what has to change."
        if foreign := sorted((said & words) - asked):
            return f"It names the {kind} {quoted(foreign[0])}, which no change asks for."
    if numbers := sorted(_numbers(said) - _numbers(asked) - {0, 1}):
        return f"It names the number {numbers[0]}, which no change asks for."
    return _wrong_deed(changes, keeps, by_rules)


def _wrong_deed(changes: str, keeps: str, by_rules: EditInstruction) -> str:
    """What is removed or added that should not be, or is not that should; empty if all is well."""
    said, told = _words(changes), _words(by_rules.to_change)
    free, replaces = any(change.text.startswith(_FREE) for change in by_rules.changes), "replace" in told
    for deeds, done in ((_REMOVING, "removed"), (_ADDING, "added")):
        if not free and not replaces and said & deeds and not told & deeds:
            return f"It says {quoted(min(said & deeds))}, and nothing has to be {done}."
        if told & deeds and not said & (deeds | {"replace"}):
            return f"It does not say {quoted(min(told & deeds))}, which has to be done."
        if told & deeds and (beyond := _amounts(changes, deeds) - _amounts(by_rules.to_change, deeds)):
            return f"It says that {max(beyond)} are to be {done}, which nothing asks for."
    # Whatever is negated there is said of the rest.
    done_to_rest = _words(re.sub(r"\b(?:not|without|never|nor|\w+n't)\b[^.;,]*", "", keeps))
    if done_to_rest := done_to_rest & (_REMOVING | _ADDING | _TURNING):
        return f"It says {quoted(min(done_to_rest))} of what has to stay."
    return ""


def _amounts(text: str, deeds: frozenset[str]) -> set[int]:
    """How many things a text says to do something with: the numbers behind its verbs, 1 where there is none."""
    found = re.findall(rf"\b(?:{'|'.join(sorted(deeds))}) (?:the )?([^\W_]+)", text.lower())
    return _numbers(set(found))


def _foreign_things(words: set[str], by_rules: EditInstruction) -> str:
    """A thing among words that no change asks for; empty for none."""
    # Imported late: the list of words takes a while to read.
    from ..prompts.words import noun_kind

    kept = _words(" ".join((*by_rules.kept, *by_rules.stay, *(found.label for found in by_rules.staying))))
    plain = words - COLORS - _SIDES - _REMOVING - _ADDING - _TURNING - NUMBERS.keys()
    # Masses, parts and scenes are said of the things that change.
    return next((word for word in sorted(plain) if word in kept or noun_kind(word) in ("t", "p")), "")


def _parts(text: str) -> tuple[str, str]:
    """What an instruction says to change, and what to keep; both lower case."""
    changes, keeps = [], []
    for sentence in re.split(r"[.;!?]+(?=\s|$)", text.lower().replace("\u2019", "'")):
        found = _KEEPING.search(sentence)
        start = found.start() if found else len(sentence)
        changes.append(re.sub(r"[\s,]+(?:and|but|while)?\s*$", "", sentence[:start]).strip())
        keeps.append(sentence[start:].strip())
    return "; ".join(filter(None, changes)), "; ".join(filter(None, keeps))


def _words(text: str) -> set[str]:
    """The words of a text, lower case, nouns in the singular."""
    return {singular(word) if word not in NUMBERS else word for word in _WORD.findall(text.lower())}


def _numbers(words: set[str]) -> set[int]:
    return {NUMBERS.get(word, int(word) if word.isascii() and word.isdigit() else 1) for word in words}
