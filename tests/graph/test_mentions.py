"""Which memories mention an entity, by any of its names, and which entities a memory mentions."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.graph.graphs import ACME, ALICE, BOB, SHARED, names, thing
from tests.team.stores import opened, texts
from transactive.errors import InvalidInput, NotFound

NAMES_IN_TEXTS = {
    "plain": ("Acme Corp", "We met Acme Corp on Monday."),
    "other case": ("Acme Corp", "we met ACME CORP on monday"),
    "other punctuation": ("Acme Corp.", "Acme—Corp, again"),
    "a genitive": ("Alice", "That is Alice's laptop."),
    "a curly genitive": ("Alice", "That is Alice’s laptop."),
    "a genitive inside": ("Lloyd's Bank", "Lloyd's Bank raised its fee."),
    "an apostrophe": ("Conor O'Brien", "Ask Conor O'Brien about it."),
    "an ampersand": ("AT&T", "The line is from AT&T."),
    "a lone ampersand": ("Marks & Spencer", "Marks & Spencer called."),
    "plus signs": ("C++", "The client is written in C++ now."),
    "an identifier": ("INV-5678", "Was INV-5678 paid?"),
    "an address": ("bob@acme.com", "Write to bob@acme.com today."),
    "an underline": ("order_service", "The order_service is down."),
    "sharp s": ("Hauptstraße", "Das Lager ist in der Hauptstraße."),
    "sharp s in capitals": ("Hauptstraße", "HAUPTSTRASSE, zweiter Stock"),
    "accents": ("Café Zoë", "We meet in the Café Zoë."),
    "Cyrillic": ("Анна Каренина", "Звонила Анна Каренина."),
    "Japanese": ("東京タワー", "昨日東京タワーに行った。"),
    "Chinese": ("北京", "我住在北京。"),
    "Korean": ("삼성", "나는 삼성에서 일한다."),
    "full width": ("ACME", "\uff21\uff23\uff2d\uff25 has called."),
    "six words": ("The Bank of the West Indies", "It was The Bank of the West Indies, I think."),
    "seven words": ("The Old Bank of the West Indies", "It was The Old Bank of the West Indies, I think."),
}
EACH = pytest.mark.parametrize(("name", "text"), NAMES_IN_TEXTS.values(), ids=NAMES_IN_TEXTS)


@EACH
def test_a_name_is_found_in_what_is_written_after_it(ana, name, text):
    ana.graph.add(thing(name))
    memory = ana.remember(text)
    assert texts(ana.graph.mentions(thing(name))) == [text]
    assert names(ana.graph.mentioned(memory)) == [name]


AS_WRITTEN = [value for kind, value in NAMES_IN_TEXTS.items() if kind != "full width"]


@pytest.mark.parametrize(("name", "text"), AS_WRITTEN)  # in older texts, names are sought by the full text's letters
def test_a_name_is_found_in_what_was_written_before_it(ana, name, text):
    memory = ana.remember(text)
    ana.graph.add(thing(name))
    assert texts(ana.graph.mentions(thing(name))) == [text]
    assert names(ana.graph.mentioned(memory)) == [name]


NOT_NAMED = {
    "part of a word": ("Art", "He likes artichokes."),
    "part of an identifier": ("INV-56", "INV-5678 was paid."),
    "words apart": ("Acme Corp", "Acme is a corp."),
    "another order": ("Acme Corp", "Corp Acme"),
    "a common word": ("It", "It is raining."),
}


@pytest.mark.parametrize(("name", "text"), NOT_NAMED.values(), ids=NOT_NAMED)
def test_what_only_looks_like_a_name_is_none(ana, name, text):
    before = ana.remember(text)
    ana.graph.add(thing(name))
    after = ana.remember(f"{text} Again.")
    assert ana.graph.mentions(thing(name)) == []
    assert ana.graph.mentioned(before) == ana.graph.mentioned(after) == []


def test_the_latest_mention_comes_first_up_to_the_limit(ana, clock):
    ana.graph.add(ALICE, aliases=["Ally"])
    for number in range(5):
        ana.remember(f"{'Ally' if number % 2 else 'Alice Chen'} called, {number}.")
        clock.advance(timedelta(minutes=1))
    assert texts(ana.graph.mentions(ALICE, limit=3)) == [
        "Alice Chen called, 4.",
        "Ally called, 3.",
        "Alice Chen called, 2.",
    ]
    assert len(ana.graph.mentions("Ally")) == 5


def test_an_alias_that_comes_later_is_found_in_earlier_memories(ana):
    ana.graph.add(ALICE)
    memory = ana.remember("Ally called.")
    assert ana.graph.mentioned(memory) == []
    ana.graph.merge(("person", "Ally"), ALICE)
    assert names(ana.graph.mentioned(memory.uid)) == ["Alice Chen"]


def test_the_longest_name_wins(ana):
    for name in ("Acme", "Acme Corp", "Acme Corp Europe"):
        ana.graph.add(("company", name))
    assert names(ana.graph.mentioned(ana.remember("Acme Corp Europe opened."))) == ["Acme Corp Europe"]
    assert names(ana.graph.mentioned(ana.remember("Acme Corp opened, not Acme."))) == ["Acme", "Acme Corp"]


def test_the_longest_name_wins_in_what_was_written_before(ana):
    memory = ana.remember("Acme Corp Europe opened.")
    ana.graph.add(("company", "Acme"))
    assert names(ana.graph.mentioned(memory)) == ["Acme"]
    ana.graph.add(("company", "Acme Corp Europe"))
    assert names(ana.graph.mentioned(memory)) == ["Acme Corp Europe"]


def test_several_names_in_one_text(ana):
    for name in (ALICE, BOB, ACME):
        ana.graph.add(name)
    memory = ana.remember("Alice Chen and Bob Diaz met Acme Corp; Bob Diaz paid.")
    assert names(ana.graph.mentioned(memory)) == ["Acme Corp", "Alice Chen", "Bob Diaz"]


def test_several_names_in_a_script_without_spaces(ana):
    for name in ("東京", "東京タワー", "大阪城"):
        ana.graph.add(("place", name))
    assert names(ana.graph.mentioned(ana.remember("東京タワーと大阪城に行った。"))) == ["大阪城", "東京タワー"]
    assert names(ana.graph.mentioned(ana.remember("東京に住んでいる。"))) == ["東京"]


def test_one_name_of_two_types_is_mentioned_as_both(ana):
    ana.graph.add(("company", "Apple"))
    ana.graph.add(("fruit", "Apple"))
    assert [entity.type for entity in ana.graph.mentioned(ana.remember("An Apple a day"))] == ["company", "fruit"]


def test_a_revised_memory_mentions_what_it_now_says(ana):
    ana.graph.add(ALICE)
    ana.graph.add(BOB)
    memory = ana.remember("Alice Chen called.")
    ana.revise(memory.uid, text="Bob Diaz called.")
    assert ana.graph.mentions(ALICE) == []
    assert names(ana.graph.mentioned(memory)) == ["Bob Diaz"]
    ana.revise(memory.uid, importance=0.9)
    assert texts(ana.graph.mentions(BOB)) == ["Bob Diaz called."]


def test_what_is_forgotten_or_expired_mentions_nothing(ana, clock):
    ana.graph.add(ALICE)
    ana.remember("Alice Chen is away.", ttl="1h")
    forgotten = ana.forget(ana.remember("Alice Chen is ill.").uid)
    assert texts(ana.graph.mentions(ALICE)) == ["Alice Chen is away."]
    clock.advance(timedelta(hours=2))
    assert ana.graph.mentions(ALICE) == []
    ana.undo(forgotten)
    assert texts(ana.graph.mentions(ALICE)) == ["Alice Chen is ill."]


def test_a_name_that_came_while_a_memory_was_forgotten_is_found_when_it_is_back(ana):
    memory = ana.remember("Alice Chen called.")
    forgotten = ana.forget(memory.uid)
    ana.graph.add(ALICE)
    assert ana.graph.mentions(ALICE) == []
    ana.undo(forgotten)
    assert texts(ana.graph.mentions(ALICE)) == ["Alice Chen called."]


def test_a_name_that_came_while_a_memory_was_corrected_is_found_when_that_is_taken_back(ana):
    memory = ana.remember("Alice Chen called.")
    correction = ana.correct(memory.uid, "Nobody called.")
    ana.graph.add(ALICE)
    ana.forget(correction.uid)
    assert texts(ana.list()) == ["Alice Chen called."]
    assert texts(ana.graph.mentions(ALICE)) == ["Alice Chen called."]


def test_who_may_not_read_a_memory_is_not_told_of_it(ana, ben):
    ana.graph.add(ALICE, namespace=SHARED)
    private = ana.remember("Alice Chen is leaving.")
    ana.publish("Alice Chen called.")
    assert texts(ben.graph.mentions(ALICE)) == ["Alice Chen called."]
    assert len(ana.graph.mentions(ALICE)) == 2
    with pytest.raises(NotFound):
        ben.graph.mentioned(private)
    with pytest.raises(NotFound):
        ben.graph.mentioned(private.uid)


def test_every_way_to_write_is_searched_for_names(ana):
    ana.graph.add(ALICE)
    ana.remember_many(["Alice Chen, one of many", "nobody"])
    ana.publish("Alice Chen, published")
    ana.observe([{"role": "user", "content": "Alice Chen, observed"}], session="s")
    with ana.session() as session:
        session.remember("Alice Chen, in a session")
    assert len(ana.graph.mentions(ALICE)) == 4


def test_a_store_without_an_index_knows_them_too(tmp_path):
    with opened(tmp_path, index=None) as team:
        ana = team.agent("ana")
        ana.remember("Alice Chen called.")
        ana.graph.add(ALICE)
        ana.remember("Alice Chen wrote.")
        assert texts(ana.graph.mentions(ALICE)) == ["Alice Chen wrote.", "Alice Chen called."]


def test_mentions_of_what_is_not_there(ana):
    with pytest.raises(NotFound):
        ana.graph.mentions(ALICE)
    with pytest.raises(NotFound):
        ana.graph.mentioned("nothing")
    ana.graph.add(ALICE)
    with pytest.raises(InvalidInput):
        ana.graph.mentions(ALICE, limit=0)
