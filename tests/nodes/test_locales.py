"""The nodes in other languages: nothing is missing, nothing is out of date, and what has to stay as it is stays."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from tests.support.locales import (
    FOLDER,
    LANGUAGES,
    inputs_of,
    main_texts,
    needed,
    node_definitions,
    our_nodes,
    table_of,
)

# A path, an address, a variable of the environment, or a number: the same in every language.
AS_IT_IS = re.compile(r"https?://[\w.:/]*\w|models/[\w/]*\w|XLARD_[A-Z_]+|\d+(?:\.\d+)?", re.ASCII)
# vue-i18n, which shows the texts, would take these for its own.
SPECIAL = re.compile(r"[{}@|]")
WRITE = "Run `python -m tests.support.locales` after a change of locales/*.json or of the nodes."


@pytest.fixture(scope="module")
def nodes(comfy) -> dict[str, dict]:
    return our_nodes(comfy.object_info())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_and_none_is_of_yesterday(nodes, language):
    assert table_of(language).keys() == set(needed(nodes))


@pytest.mark.parametrize("language", LANGUAGES)
def test_comfyui_serves_what_was_translated(comfy, nodes, language):
    table, served = table_of(language), comfy.get_json("/i18n")[language]
    assert served == {"nodeDefs": node_definitions(nodes, table), **main_texts(nodes, table)}, WRITE


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_whole(language):
    for english, translated in table_of(language).items():
        assert translated.strip() == translated != "", english
        assert not SPECIAL.search(translated), translated
        assert Counter(AS_IT_IS.findall(translated)) == Counter(AS_IT_IS.findall(english)), translated


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_call_nodes_and_options_as_the_page_shows_them(nodes, language):
    table = table_of(language)
    names = {info["display_name"]: table[info["display_name"]] for info in nodes.values()}
    # The longest first: some names are the beginning of others.
    mentioned = re.compile("|".join(sorted(map(re.escape, names), key=len, reverse=True)))
    for english, translated in table.items():
        for name in mentioned.findall(english):
            assert names[name] in translated, (english, name)
    for info in nodes.values():
        for _, options in inputs_of(info):
            tooltip = options.get("tooltip", "")
            for option in options.get("options", ()) if tooltip in table else ():
                if re.search(rf"(?:^|\. ){re.escape(str(option))}: ", tooltip):
                    assert option in table[tooltip], (tooltip, option)


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_of_a_node_differ(language):
    definitions = json.loads((FOLDER / language / "nodeDefs.json").read_text(encoding="utf-8"))
    titles = Counter(texts["display_name"] for texts in definitions.values())
    assert not [title for title, times in titles.items() if times > 1]
    for kind, texts in definitions.items():
        for group in ("inputs", "outputs"):
            shown = Counter(entry["name"] for entry in texts[group].values())
            assert not [name for name, times in shown.items() if times > 1], kind
