"""Where a memory comes from: the whole chain, as data and as a tree, as far as the asker may read it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.team.stores import opened
from transactive import Policy, TeamMemory
from transactive.errors import NotFound
from transactive.testing import HashEmbedder


def found_out(team: TeamMemory) -> dict[str, str]:
    """A finding on its long way: noted, promoted, revised, said by others, verified, concluded from, corrected."""
    ana, ben = team.agent("ana", session="s1"), team.agent("ben")
    note = ana.remember("HNSW answers in 5 ms.", kind="semantic", source="paper 2", confidence=0.9)
    copy = ana.promote(note.uid)
    ana.revise(copy.uid, text="HNSW answers in 5 ms at 10M vectors.")
    ben.publish("HNSW answers in 5 ms at 10M vectors.", source="own run")
    team.agent("carl").publish("HNSW really answers in 5 ms at 10M vectors.")
    team.verify(copy.uid, by="dana")
    concluded = ben.publish("We take HNSW.", derived_from=[copy.uid], user="cust_1")
    corrected = ben.correct(concluded.uid, "We take DiskANN.")
    return {"note": note.uid, "copy": copy.uid, "concluded": concluded.uid, "corrected": corrected.uid}


@pytest.fixture
def found(clock):
    """The store of `found_out`, and the uids; texts that share words are near each other."""
    with opened(embedder=HashEmbedder(), clock=clock) as team:
        team.namespaces.configure("team/shared", Policy(duplicate_at=0.0))
        yield team, found_out(team)


def test_the_whole_chain_is_there_as_data(found):
    team, ids = found
    tree = team.why(ids["corrected"])
    assert (tree.uid, tree.relation, tree.memory) == (ids["corrected"], "", team.get(ids["corrected"]))
    assert [(node.relation, node.uid) for node in tree.walk()] == [
        ("", ids["corrected"]),
        ("supersedes", ids["concluded"]),
        ("derived from", ids["copy"]),
        ("promoted from", ids["note"]),
    ]
    copy = next(node for node in tree.walk() if node.uid == ids["copy"])
    assert copy.memory is not None
    assert (copy.memory.agent, copy.memory.promoted_by, copy.memory.session) == ("ana", "ana", "s1")
    assert (copy.memory.source, copy.memory.confidence, copy.memory.verified_by) == ("paper 2", 0.9, "dana")
    assert [old.text for old in copy.revisions] == ["HNSW answers in 5 ms.", "HNSW answers in 5 ms at 10M vectors."]
    assert [(s.agent, s.source, s.text, s.times, s.withdrawn) for s in copy.sources] == [
        ("ben", "own run", None, 1, False),
        ("carl", None, "HNSW really answers in 5 ms at 10M vectors.", 1, False),
    ]


def test_the_way_down_is_there_too(found):
    team, ids = found
    assert [(node.relation, node.uid) for node in team.why(ids["note"]).walk()] == [
        ("", ids["note"]),
        ("promoted to", ids["copy"]),
    ]
    assert [(node.relation, node.uid) for node in team.why(ids["concluded"]).walk()] == [
        ("", ids["concluded"]),
        ("derived from", ids["copy"]),
        ("promoted from", ids["note"]),
        ("superseded by", ids["corrected"]),
    ]


def test_the_tree_can_be_printed(found):
    team, ids = found
    assert str(team.why(ids["corrected"])).splitlines() == [
        f"team/shared 'We take DiskANN.' ({ids['corrected']})",
        "├─ by ben, 2026-05-04 09:00, about cust_1",
        f"└─ supersedes team/shared 'We take HNSW.' ({ids['concluded']})",
        "   ├─ by ben, 2026-05-04 09:00, about cust_1",
        f"   └─ derived from team/shared 'HNSW answers in 5 ms at 10M vectors.' ({ids['copy']})",
        "      ├─ by ana, 2026-05-04 09:00, in session s1, from paper 2, by way of ana, confidence 0.9",
        "      ├─ verified by dana, 2026-05-04 09:00",
        "      ├─ version 1 was 'HNSW answers in 5 ms.'",
        "      ├─ version 2 was 'HNSW answers in 5 ms at 10M vectors.'",
        "      ├─ also said by ben, 2026-05-04 09:00",
        "      ├─ also said by carl as 'HNSW really answers in 5 ms at 10M vectors.', 2026-05-04 09:00",
        f"      └─ promoted from agents/ana 'HNSW answers in 5 ms.' ({ids['note']})",
        "         └─ by ana, 2026-05-04 09:00, in session s1, from paper 2, confidence 0.9",
    ]


def test_what_the_asker_may_not_read_is_named_by_its_id_alone(found):
    team, ids = found
    tree = team.agent("eve").why(ids["copy"])
    (origin,) = tree.origins
    assert (origin.uid, origin.relation, origin.memory) == (ids["note"], "promoted from", None)
    assert (origin.revisions, origin.sources, origin.origins) == ((), (), ())
    assert f"promoted from {ids['note']} (not readable, or purged)" in str(tree)
    assert "agents/ana" not in str(tree)
    assert team.agent("ana").why(ids["copy"]).origins[0].memory is not None


def test_nothing_below_what_may_not_be_read_is_shown(team):
    """A readable origin behind an unreadable one would tell that the unreadable one rests on it."""
    first = team.publish("Readable.")
    middle = team.agent("ana").remember("Private.", derived_from=[first.uid])
    team.grant("ben", "agents/ana", "read")
    last = team.agent("ben").publish("Concluded.", derived_from=[middle.uid])
    seen = [node.uid for node in team.agent("eve").why(last.uid).walk()]
    assert seen == [last.uid, middle.uid]


@pytest.mark.parametrize(
    ("user", "sensitivity"), [("cust_2", "internal"), (None, "confidential")], ids=["another user", "clearance"]
)
def test_users_and_sensitivities_hide_origins_too(team, user, sensitivity):
    hidden = team.publish("Hidden.", user=user, sensitivity=sensitivity)
    shown = team.publish("Shown.", derived_from=[hidden.uid])
    bound = team.agent("billing", user="cust_1")
    assert [node.memory is None for node in bound.why(shown.uid).walk()] == [False, True]
    assert "Hidden." not in str(bound.why(shown.uid))
    with pytest.raises(NotFound):
        bound.why(hidden.uid)


def test_a_circle_of_origins_ends(team):
    ana = team.agent("ana")
    first = ana.remember("First.")
    second = ana.correct(first.uid, "Second.")
    third = ana.remember("Third.", derived_from=[first.uid, second.uid])
    seen = [node.uid for node in ana.why(third.uid).walk()]
    assert sorted(seen) == sorted({first.uid, second.uid, third.uid}), "each once"
    copy = ana.promote(second.uid)
    assert [node.uid for node in ana.why(copy.uid).walk()].count(copy.uid) == 1


def test_a_wide_tree_is_cut(team):
    many = [memory.uid for memory in team.remember_many([f"{n} is a number" for n in range(600)])]
    tree = team.why(team.remember("All of them.", derived_from=many).uid)
    assert len(list(tree.walk())) == 500


def test_a_forgotten_origin_is_shown_until_it_is_purged(team, clock):
    ana = team.agent("ana")
    note = ana.remember("Latency doubled.")
    rests = ana.remember("Roll back.", derived_from=[note.uid])
    ana.forget(note.uid)
    (origin,) = ana.why(rests.uid).origins
    assert origin.memory is not None
    assert origin.memory.forgotten_at == clock.now
    assert f"derived from agents/ana 'Latency doubled.' ({note.uid}) (forgotten)" in str(ana.why(rests.uid))
    with pytest.raises(NotFound):
        ana.why(note.uid)
    clock.advance(timedelta(days=31))
    team.maintain(build=False)
    (origin,) = ana.why(rests.uid).origins
    assert (origin.uid, origin.memory) == (note.uid, None)


def test_an_expired_origin_is_never_shown(team, clock):
    ana = team.agent("ana")
    note = ana.remember("Latency doubled.", ttl="1h")
    rests = ana.remember("Roll back.", derived_from=[note.uid])
    clock.advance(timedelta(hours=1))
    for _ in range(2):
        (origin,) = ana.why(rests.uid).origins
        assert (origin.uid, origin.memory) == (note.uid, None)
        with pytest.raises(NotFound):
            ana.why(note.uid)
        team.maintain(build=False)


def test_a_withdrawn_source_is_named_as_such(team):
    ana, ben = team.agent("ana"), team.agent("ben")
    copy = ana.promote(ana.remember("The office opens at nine.").uid)
    own = ben.remember("The office opens at nine.")
    ben.promote(own.uid)
    assert [(s.agent, s.memory, s.withdrawn) for s in team.why(copy.uid).sources] == [("ben", own.uid, False)]
    ben.forget(own.uid)
    assert [s.withdrawn for s in team.why(copy.uid).sources] == [True]
    assert "also said by ben, 2026-05-04 09:00 (withdrawn)" in str(team.why(copy.uid))


def test_origins_can_only_be_claimed_by_who_can_read_them(team):
    secret = team.agent("ana").remember("Private.")
    with pytest.raises(NotFound):
        team.agent("ben").publish("Concluded.", derived_from=[secret.uid])


def test_a_long_text_is_one_short_line(team):
    note = team.remember("first line\nsecond line " + "and so on " * 50)
    (head, *_) = str(team.why(note.uid)).splitlines()
    assert "first line second line and so on" in head
    assert "…" in head
    assert len(head) < 200


def test_the_id_of_ones_own_is_looked_up_in_a_namespace(team):
    team.publish("Mine.", id="order-1")
    assert team.agent("eve").why("order-1", namespace="team/shared").memory is not None
    with pytest.raises(NotFound):
        team.agent("eve").why("order-1")
