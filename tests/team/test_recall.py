"""What a recall finds first: identifiers, meaning, authors, time; and how limits and filters narrow it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.team.stores import START, Clock, opened, texts
from transactive import Agent, Policy, TeamMemory

# --- identifiers ------------------------------------------------------------------------------------------------------

CHATTER = [
    "The invoice from last week was paid, and the customer is happy about the invoice.",
    "Invoice INV-5679 was paid in May.",
    "Invoice INV-567 is open, and so is invoice 5678.",
    "INV 5678 is how the old system wrote it.",
    "We write the firmware in C, and the tests of the firmware in C as well.",
    "The frontend is written in C# by the Berlin office.",
    "The engine is written in C++ by the Munich office.",
    "customer cust_421 asked for a refund, customer cust_4 did not",
    "cust 42 is not how a customer is written",
    "京都駅で待ち合わせをしました。",
    "東京駅は混んでいます。",
    "The log is in /var/log/syslog.1 on every machine.",
    "mail to anna.schmidt@example.org bounced",
    "Ports 8080 and 8081 are taken.",
    "Release 2.10.1 fixed nothing, release 12.1.0 did.",
]
WANTED = {
    "INV-5678": "Somebody should look at INV-5678 before Friday.",
    "C++": "The parser moved to C++ in March.",
    "C#": "Unity scripts are in C#, says Tom.",
    "東京タワー": "昨日は友達と東京タワーに行きました。",
    "/var/log/syslog": "Errors go to /var/log/syslog and nowhere else.",
    "anna@example.org": "Please write to anna@example.org (she answers).",
    "cust_42": "Refunded twice: cust_42.",
    "10.0.0.17": "The printer is at 10.0.0.17.",
    "v2.10.0": "The regression came with v2.10.0!",
    "#4711": "See ticket #4711 for the reason.",
    "src/index/build.py": "The build lives in src/index/build.py, look there.",
    "https://example.org/a?b=1": "It is described at https://example.org/a?b=1 in full.",
    "550e8400-e29b-41d4-a716-446655440000": "Trace id 550e8400-e29b-41d4-a716-446655440000 shows the stall.",
}
QUESTIONS = ["{}", "what about {}?", 'who mentioned "{}" when the invoice, the office and the customer were discussed?']


@pytest.fixture(scope="module")
def archive() -> Iterator[Agent]:
    """Wanted notes between notes that nearly match, with the bundled model."""
    with TeamMemory.open(":memory:", background=False) as team:
        agent = team.agent("archivist")
        agent.remember_many([*CHATTER, *WANTED.values()])
        yield agent


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("identifier", WANTED)
def test_an_identifier_is_found_first(archive, identifier, question):
    hit = archive.recall(question.format(identifier))[0]
    if identifier in {"C++", "C#"}:  # the chatter holds each of them once more
        assert identifier in hit.memory.text
    else:
        assert hit.memory.text == WANTED[identifier]


@pytest.mark.parametrize("identifier", ["inv-5678", "INV-5678.", "(INV-5678)", "INV-5678's", "“INV-5678”"])
def test_an_identifier_is_found_however_it_is_set(archive, identifier):
    hit = archive.recall(f"what of {identifier} then?")[0]
    assert (hit.memory.text, hit.why.identifiers) == (WANTED["INV-5678"], 1)
    assert "identifier" in str(hit.why)


@pytest.mark.parametrize(
    "text",
    [
        "**INV-9001** is overdue",
        "`INV-9001` is overdue",
        "overdue: [INV-9001](https://example.org)",
        "invoice:INV-9001, overdue",
        "invoice=INV-9001; overdue",
        "請求書INV-9001が届きました",
        "「INV-9001」は未払いです",
        "INV-9001—overdue",
        "INV-9001/overdue",
    ],
)
def test_an_identifier_is_found_in_markup_and_between_other_scripts(text):
    with opened() as team:
        agent = team.agent("ana")
        agent.remember_many([f"INV-{number} is overdue" for number in range(8000, 8010)])
        agent.remember(text)
        assert agent.recall("INV-9001")[0].memory.text == text


def test_what_contains_more_of_the_questions_identifiers_comes_first(archive):
    archive.remember("Both cust_42 and INV-5678 are closed.", id="both")
    try:
        first, second, third, *rest = archive.recall("cust_42 INV-5678", limit=20)
        assert (first.memory.id, first.why.identifiers) == ("both", 2)
        assert {second.memory.text, third.memory.text} == {WANTED["cust_42"], WANTED["INV-5678"]}
        assert all(hit.why.identifiers == 0 for hit in rest)
    finally:
        archive.forget("both")


@pytest.mark.parametrize("query", ["what happened in May?", "the 3 invoices", "a well-known office", "at 10:30", "$5"])
def test_counts_dates_and_hyphens_are_no_identifiers(archive, query):
    assert all(hit.why.identifiers == 0 for hit in archive.recall(query))


def test_an_identifier_in_a_long_text_is_found(archive):
    archive.remember("filler words about nothing at all " * 400 + "and then REF-99812 at the very end", id="long")
    assert archive.recall("REF-99812")[0].memory.id == "long"


# --- meaning, authors, time -------------------------------------------------------------------------------------------


def test_other_words_of_the_same_meaning_are_found(archive):
    assert archive.recall("which programming language was the parser ported to?")[0].memory.text == WANTED["C++"]


def test_the_named_author_comes_first():
    with TeamMemory.open(":memory:", background=False) as team:
        for name in ("Miriam", "Oskar", "Pavel"):
            team.agent(name).publish("I think we should move the meeting to Thursday.", kind="episodic")
        hits = team.agent("reader").recall("what did Oskar say about the meeting?")
        assert hits[0].memory.agent == "Oskar"
        assert hits[0].why.boosts["author"] == pytest.approx(0.3)
        assert all("author" not in hit.why.boosts for hit in hits[1:])
        both = team.agent("reader").recall("what did Oskar and Pavel say about the meeting?")
        assert all("author" not in hit.why.boosts for hit in both), "two names say nothing"


def test_a_named_month_comes_first():
    with TeamMemory.open(":memory:", background=False) as team:
        agent = team.agent("ana")
        for month in (3, 4, 5):
            agent.remember("The server was down for an hour.", created_at=START.replace(month=month), kind="episodic")
        for query in ("when was the server down in April?", "was the server down in 2026-04?"):
            hits = agent.recall(query)
            assert hits[0].memory.created_at.month == 4
            assert "date" in hits[0].why.boosts


# --- scores -----------------------------------------------------------------------------------------------------------


def test_hits_come_best_first_and_say_why(archive):
    hits = archive.recall("which customer asked for a refund?", limit=100)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    for hit in hits:
        assert 0 <= hit.score <= 1
        assert -1 <= hit.similarity <= 1
        assert hit.score == pytest.approx(hit.why.relevance * hit.why.importance_factor * hit.why.decay_factor)
        assert hit.why.channels
    assert "refund" in hits[0].memory.text.lower()


def test_offset_goes_on_where_the_limit_stopped(archive):
    all_of_it = texts(archive.recall("office", limit=20))
    for size in (1, 3, 7):
        pages = [texts(archive.recall("office", limit=size, offset=start)) for start in range(0, 20, size)]
        assert [text for page in pages for text in page][:20] == all_of_it
    assert not archive.recall("office", offset=10_000)


def test_min_similarity_is_a_threshold(archive):
    query = "which office writes the frontend?"
    everything = archive.recall(query, limit=100)
    threshold = sorted(hit.similarity for hit in everything)[len(everything) // 2]
    kept = archive.recall(query, limit=100, min_similarity=threshold)
    assert texts(kept) == [hit.memory.text for hit in everything if hit.similarity >= threshold]
    assert 0 < len(kept) < len(everything)
    assert not archive.recall(query, min_similarity=1)


def weighing(team: TeamMemory, clock: Clock) -> Agent:
    """Three notes of one text: an old important one, a new trifle, and one between; being found renews none."""
    agent = team.agent("ana")
    team.namespaces.configure("**", Policy(renew_on_access=False))
    for days, importance in ((60, 1.0), (30, 0.5), (0, 0.0)):
        agent.remember(
            "the door code", importance=importance, created_at=clock.now - timedelta(days=days), kind="episodic"
        )
    return agent


def order(agent: Agent, **options: object) -> list[float]:
    return [hit.memory.importance for hit in agent.recall("the door code", **options)]  # type: ignore[arg-type]


def test_importance_and_recency_count_as_much_as_the_call_says(team, clock):
    agent = weighing(team, clock)
    assert order(agent, importance_weight=1) == [1.0, 0.5, 0.0]
    assert order(agent, recency_weight=1) == [0.0, 0.5, 1.0]
    for hit in agent.recall("the door code"):
        assert (hit.why.importance_factor, hit.why.decay_factor) == (1, 1), "neither counts by default"
    by_age = {
        hit.memory.importance: hit.why.decay_factor for hit in agent.recall("x", recency_weight=1, half_life="30d")
    }
    assert by_age == {0.0: pytest.approx(1), 0.5: pytest.approx(0.5), 1.0: pytest.approx(0.25)}
    half = {hit.memory.importance: hit.why.importance_factor for hit in agent.recall("x", importance_weight=0.5)}
    assert half == {0.0: pytest.approx(0.5), 0.5: pytest.approx(0.75), 1.0: pytest.approx(1)}


@pytest.mark.parametrize(
    ("decay", "factor"),
    [
        ("exponential", 0.25),
        ("linear", 0.0),
        ("logarithmic", 1 / (1 + math.log2(3))),
        ("power", 1 / 3),
        ("step", 0.5),
        ("none", 1.0),
    ],
)
def test_a_policy_says_how_a_namespace_ages(team, clock, decay, factor):
    team.namespaces.configure("agents/ana", Policy(decay=decay, half_life="10d", recency_weight=1))
    team.agent("ana").remember("the door code")
    team.agent("ana").publish("the door code of the house")
    clock.advance(timedelta(days=20))
    aged = {hit.memory.namespace: hit.why.decay_factor for hit in team.agent("ana").recall("the door code")}
    assert aged == {"agents/ana": pytest.approx(factor), "team/shared": 1}
    unweighed = team.agent("ana").recall("the door code", recency_weight=0)
    assert {hit.why.decay_factor for hit in unweighed} == {1}


def test_identifiers_come_first_whatever_the_weights(team, clock):
    agent = team.agent("ana")
    agent.remember("INV-5678 is open", importance=0, created_at=clock.now - timedelta(days=3000), kind="episodic")
    agent.remember("an open invoice", importance=1)
    assert (
        texts(agent.recall("INV-5678", importance_weight=1, recency_weight=1, half_life="1d"))[0] == "INV-5678 is open"
    )


# --- narrowing --------------------------------------------------------------------------------------------------------


def test_each_option_narrows_before_the_limit(team):
    ana, ben = team.agent("ana"), team.agent("ben", session="s1", app="desk")
    for number in range(60):
        ana.publish(f"plain {number}")
    wanted = ben.publish(
        "the one",
        kind="decision",
        importance=0.9,
        tags=["finding"],
        metadata={"papers": 5, "who": {"name": "x"}},
        user="cust_1",
        source="mail",
    )
    reader = team.agent("reader")
    for options in (
        {"kinds": ["decision", "episodic"]},
        {"session": "s1"},
        {"min_importance": 0.8},
        {"where": {"tags": "finding"}},
        {"where": {"metadata.papers": {"$gte": 5}}},
        {"where": {"metadata.who.name": "x"}},
        {"where": {"user": "cust_1", "app": "desk"}},
        {"where": {"source": "mail"}},
        {"where": {"text": {"$contains": "the one"}}},
        {"where": {"id": wanted.id}},
        {"where": {"$not": {"agent": "ana"}}},
        {"where": {"importance": {"$gt": 0.5}}},
    ):
        assert texts(reader.recall("plain", limit=1, **options)) == ["the one"], options
    assert texts(ana.recall("plain", limit=1, exclude_own=True)) == ["the one"]
    assert texts(ben.recall("plain", limit=5, exclude_own=True, kinds=["decision", "episodic"])) == []


def test_namespaces_are_patterns(team):
    for place in ("a", "a/b", "a/b/c", "ab"):
        team.remember(place, namespace=place)
    for patterns, expected in (
        (["a"], ["a"]),
        (["a/*"], ["a/b"]),
        (["a/**"], ["a", "a/b", "a/b/c"]),
        (["*"], ["a", "ab"]),
        (["a/b/**", "ab"], ["a/b", "a/b/c", "ab"]),
        (["**"], ["a", "a/b", "a/b/c", "ab"]),
        (["nowhere/**"], []),
        ([], []),
    ):
        assert sorted(texts(team.recall("any", namespaces=patterns))) == expected


def test_a_session_narrows_only_when_it_is_asked_for(team):
    first, second = team.agent("ana", session="s1"), team.agent("ana", session="s2")
    first.remember("in the first")
    second.remember("in the second")
    assert len(second.recall("in the")) == 2
    assert texts(second.recall("in the", session="s1")) == ["in the first"]


def test_ones_own_writes_are_found_at_once(team):
    agent = team.agent("ana")
    for number in range(30):
        note = agent.remember(f"note {number}")
        assert note.uid in {hit.memory.uid for hit in agent.recall(note.text, limit=1000)}


def test_nothing_is_found_where_nothing_is(team):
    assert list(team.agent("ana").recall("anything")) == []
    assert not team.agent("ana").recall("anything").degraded
