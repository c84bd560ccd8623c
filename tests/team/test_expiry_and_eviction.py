"""What is over is answered to nobody from that moment on, and a full namespace forgets what matters least."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.crash.processes import soon
from tests.team.stores import START, Clock, opened, texts, written
from transactive import NewMemory, Policy
from transactive.errors import NotFound, VersionConflict
from transactive.records import Progress

HOUR, TICK = timedelta(hours=1), timedelta(microseconds=1)
TEXT = "the coupon SAVE-10 is valid"


def evicted(team):
    return [entry for entry in team.audit.list() if entry.action == "evict"]


# --- time to live -----------------------------------------------------------------------------------------------------


def verbs(handle, note):
    """Whether each verb still answers the memory."""
    where = {"text": {"$contains": "SAVE-10"}}
    by_id = {
        "get": lambda: handle.get(note.uid),
        "history": lambda: handle.history(note.uid),
        "why": lambda: handle.why(note.uid),
        "revise": lambda: handle.revise(note.uid, tags=["seen"]),
        "promote": lambda: handle.promote(note.uid, to="team/other"),
        "verify": lambda: handle.verify(note.uid),
        "correct": lambda: handle.correct(note.uid, "x"),
        "supersedes": lambda: handle.remember("x", namespace="team/shared", supersedes=note.uid),
        "derived_from": lambda: handle.remember("x", namespace="team/shared", derived_from=[note.uid]),
        "forget": lambda: handle.forget(note.uid, dry_run=True),
    }
    answered = {
        "recall": note.text in texts(handle.recall(TEXT)),
        "degraded recall": note.text in texts(handle.recall(TEXT, include_superseded=True)),
        "context": "SAVE-10" in str(handle.context(TEXT)),
        "list": note.text in texts(handle.list()),
        "count": handle.count(where) == 1,
        "facets": bool(handle.facets("kind", where)),
        "forget where": handle.forget(where=where, dry_run=True).count == 1,
        "transcript": note.text in texts(handle.transcript("s")),
        "conflicts": any(note.uid in {c.first.uid, c.second.uid} for c in handle.conflicts("team/shared")),
    }
    for name, call in by_id.items():
        try:
            call()
            answered[name] = True
        except NotFound:
            answered[name] = False
        except VersionConflict:
            answered[name] = True
    return answered


@pytest.mark.parametrize("over", [False, True])
def test_nobody_is_answered_what_is_over_from_the_moment_on(team, clock, over):
    team.grant("ana", "team/**", "read", "write", "verify", "admin")
    ana = team.agent("ana")
    about = {"entity": "SAVE-10", "attribute": "state"}
    other = ana.publish("SAVE-9 is over", metadata={**about, "value": "over"})
    note = ana.publish(TEXT, ttl="1h", session="s", kind="semantic", metadata={**about, "value": "valid"})
    clock.advance(HOUR if over else HOUR - TICK)
    assert set(verbs(ana, note).values()) == {not over}
    if over:
        assert set(verbs(team, note).values()) == {False}
        assert ana.get(other.uid).text == other.text


def test_an_expired_copy_is_not_what_promotion_returns(team, clock):
    team.namespaces.configure("team/shared", Policy(ttl="1h"))
    ana = team.agent("ana")
    note = ana.remember(TEXT)
    first = ana.promote(note.id)
    clock.advance(HOUR)
    again = ana.promote(note.id)
    assert again.uid != first.uid
    assert ana.get(again.uid).text == TEXT


def test_an_id_of_ones_own_is_free_again_when_its_memory_is_over(team, clock):
    ana = team.agent("ana")
    ana.remember(TEXT, id="coupon", ttl="1h")
    clock.advance(HOUR)
    assert ana.remember("another coupon", id="coupon").text == "another coupon"
    assert ana.get("coupon").text == "another coupon"


def test_what_rests_on_it_does_not_show_it(team, clock):
    ana = team.agent("ana")
    note = ana.publish(TEXT, ttl="1h")
    summary = ana.publish("a coupon was used", derived_from=[note.uid])
    assert "SAVE-10" in str(team.why(summary.uid))
    clock.advance(HOUR)
    assert "SAVE-10" not in str(team.why(summary.uid))


def test_in_another_process_it_is_over_too(tmp_path, another):
    with opened(tmp_path, clock=lambda: datetime.now(START.tzinfo)) as owner:
        child = another(tmp_path, index=None).opened()
        written_there = child.ask("publish", TEXT, agent="ana", ttl="1s")
        written_here = owner.publish("the coupon SAVE-20 is valid", ttl="1s")
        deadline = written_here.expires_at
        assert deadline is not None
        while datetime.now(START.tzinfo) <= deadline:
            child.ask("count", agent="ana")
        assert child.ask("list", agent="ana") == "Page([])"
        assert "[]" in child.ask("recall", "coupon", agent="ana")
        assert not owner.recall("coupon SAVE-10")
        with pytest.raises(NotFound):
            owner.get(written_there)
        child.tell("get", written_here.uid, agent="ana")
        assert child.heard()["error"] == "NotFound"
        assert owner.maintain().expired == 2


def test_the_ttl_is_the_memorys_own_or_the_policys(team, clock):
    team.namespaces.configure("agents/ana", Policy(ttl="2h"))
    ana = team.agent("ana")
    long, short = ana.remember("by the policy"), ana.remember("by itself", ttl="1h")
    past = ana.remember("it happened long ago", created_at=START - 100 * HOUR)
    assert [m.expires_at - clock.now for m in (long, short, past)] == [2 * HOUR, HOUR, 2 * HOUR]
    clock.advance(HOUR)
    assert sorted(texts(ana.list())) == sorted([long.text, past.text])


def test_maintain_takes_it_out_of_the_index_and_says_so_in_the_audit(team, clock):
    notes = team.agent("ana").remember_many([NewMemory(text=f"note {n}", ttl="1h") for n in range(120)])
    kept = team.agent("ana").remember("kept")
    clock.advance(HOUR)
    steps: list[int] = []
    before = written(team)["audit"]

    def told(progress: Progress) -> None:
        if progress.what == "expiring":
            steps.append(progress.done)

    done = team.maintain(progress=told)
    assert done.expired == len(notes) == 120
    assert steps == sorted(steps)
    assert len(steps) > 1, "in bounded steps"
    assert [entry.count for entry in team.audit.list(actions="expire")] == [10] * 12
    assert {entry.principal for entry in team.audit.list(actions="expire")} == {"owner"}
    assert written(team)["audit"] == before + 12
    assert texts(team.agent("ana").recall("note kept", limit=100)) == [kept.text]
    assert team.maintain().expired == 0


# --- a full namespace -------------------------------------------------------------------------------------------------


def test_the_lowest_retention_score_goes_first(team, clock):
    team.namespaces.configure("agents/ana", Policy(max_memories=3, half_life="1d"))
    ana = team.agent("ana")
    ages = {"old and grave": (10, 0.9), "old and dull": (10, 0.1), "new and dull": (0, 0.1), "new and grave": (0, 0.9)}
    notes = {
        text: ana.remember(text, importance=importance, created_at=START - timedelta(days=age))
        for text, (age, importance) in ages.items()
    }
    assert team.count() == 4, "nothing goes before upkeep"
    assert team.maintain().evicted == 1
    assert notes["old and dull"].text not in texts(ana.list())
    team.namespaces.configure("agents/ana", Policy(max_memories=1, half_life="1d"))
    assert team.maintain().evicted == 2
    assert texts(ana.list()) == ["new and grave"]
    assert team.maintain().evicted == 0


def test_what_is_used_stays(team, clock):
    team.namespaces.configure("agents/ana", Policy(max_memories=1, half_life="1h"))
    ana = team.agent("ana")
    used = ana.remember("used", importance=0.5)
    ana.remember("not used", importance=0.5, created_at=START + HOUR)
    clock.advance(5 * HOUR)
    ana.get(used.id)
    assert team.maintain().evicted == 1
    assert texts(ana.list()) == ["used"]


def test_kinds_that_last_longer_stay_longer(team, clock):
    policy = Policy(max_memories=1, half_life="1h", half_life_factors={"procedural": 24, "working": 0.1})
    team.namespaces.configure("agents/ana", policy)
    ana = team.agent("ana")
    for kind in ("working", "procedural", "semantic"):
        ana.remember(f"a {kind} one", kind=kind, importance=0.5)
    clock.advance(HOUR)
    assert team.maintain().evicted == 2
    assert texts(ana.list()) == ["a procedural one"]


def test_each_namespace_keeps_its_own_number(team):
    team.namespaces.configure("agents/*", Policy(max_memories=2))
    for name in ("ana", "ben"):
        team.agent(name).remember_many([f"{name} {n} apples" for n in range(4)])
    team.agent("ana").remember_many([f"shared {n} apples" for n in range(4)], namespace="team/shared")
    assert team.maintain().evicted == 4
    assert team.facets("namespace") == {"team/shared": 4, "agents/ana": 2, "agents/ben": 2}


def test_expired_and_forgotten_memories_take_no_room(team, clock):
    team.namespaces.configure("agents/ana", Policy(max_memories=2))
    ana = team.agent("ana")
    ana.remember("over", ttl="1h", importance=1.0)
    ana.forget(ana.remember("gone", importance=1.0).id)
    kept = [ana.remember(text, importance=0.1).text for text in ("one", "two")]
    clock.advance(HOUR)
    done = team.maintain()
    assert (done.expired, done.evicted) == (1, 0)
    assert sorted(texts(ana.list())) == sorted(kept)


def test_eviction_is_audited_and_can_be_undone(team):
    team.namespaces.configure("agents/ana", Policy(max_memories=1))
    ana = team.agent("ana")
    ana.remember_many([NewMemory(text=f"note {n} of three", importance=n / 10) for n in range(3)])
    team.maintain()
    [entry] = evicted(team)
    assert (entry.principal, entry.target, entry.count) == ("owner", "agents/ana", 2)
    assert "note" not in str(entry)
    assert team.audit.verify()
    assert texts(ana.list()) == texts(ana.recall("note")) == ["note 2 of three"]

    team.namespaces.configure("agents/ana", Policy())
    assert team.undo(entry.details["forget_id"]) == 2
    assert sorted(texts(ana.recall("note"))) == ["note 0 of three", "note 1 of three", "note 2 of three"]


def test_a_large_namespace_is_emptied_in_steps(team):
    team.namespaces.configure("agents/ana", Policy(max_memories=5))
    team.agent("ana").remember_many([NewMemory(text=f"{n}", importance=n / 200, kind="episodic") for n in range(125)])
    assert team.maintain().evicted == 120
    assert [entry.count for entry in evicted(team)] == [10] * 12
    assert sorted(texts(team.list()), key=int) == ["120", "121", "122", "123", "124"]


def test_a_memory_that_was_evicted_still_backs_and_corrects_what_it_did(team):
    ana = team.agent("ana")
    wrong = ana.remember("8 ms at 10M vectors", importance=0.9)
    ana.correct(wrong.id, "18 ms at 10M vectors", importance=0.0)
    ana.remember("something else", importance=1.0)
    team.namespaces.configure("agents/ana", Policy(max_memories=2))
    assert team.maintain().evicted == 1
    assert wrong.text not in texts(ana.recall("ms at 10M vectors"))


def test_the_background_thread_does_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr("transactive.paths.maintain.ROUND_SECONDS", 0.0)
    clock = Clock()
    with opened(tmp_path, clock=clock, background=True) as team:
        team.namespaces.configure("agents/ana", Policy(max_memories=1))
        ana = team.agent("ana")
        ana.remember_many([NewMemory(text="one", importance=0.1), NewMemory(text="two", importance=0.9)])
        assert soon(lambda: len(evicted(team)) == 1)
        assert texts(ana.list()) == ["two"]
