"""What becomes of a memory: shared, confirmed, corrected, disputed, faded, forgotten; and who said what."""

from transactive import Policy, TeamMemory
from transactive.errors import AccessDenied
from transactive.testing import Clock


def main() -> None:
    clock = Clock()  # a clock that the example can turn
    with TeamMemory.open(":memory:", clock=clock, background=False) as team:
        team.namespaces.configure("agents/*", Policy(promote_to="team/shared", promote_at=0.7))
        team.namespaces.configure("**", Policy(half_life="30d", recency_weight=0.5, purge_after="7d"))
        ana, ben = team.agent("ana"), team.agent("ben")
        # Importance is rated without a language model; what is important goes to where others read it.
        ana.remember("ok, thanks!")
        found = ana.remember("We decided on Friday: the export limit is 40 requests a minute.")
        print(f"rated {found.importance:.2f}; shared: {[m.text for m in team.list({'namespace': 'team/shared'})]}")

        # A second agent with the same finding confirms it, instead of there being two.
        ben.remember("We decided on Friday: the export limit is 40 requests a minute.")
        [shared] = team.list({"namespace": "team/shared"})
        print(f"one memory, by {shared.agent}, confirmed by {shared.corroborated} other")

        # A correction takes its place in recall; the old text stays in the history.
        new = ana.correct(shared.uid, "We decided on Monday: the export limit is 60 requests a minute.")
        print("now:", [hit.memory.text for hit in ben.recall("export limit", namespaces=["team/**"])])
        print(team.why(new.uid))

        # Two that contradict each other are listed, for somebody to decide.
        ben.publish("We decided on Monday: the export limit is 80 requests a minute.", importance=0.5)
        [conflict] = team.conflicts("team/shared")
        print("conflict:", conflict)
        team.resolve(conflict, keep=new.uid)

        # Age counts as much as the policy says.
        clock.advance("30d")
        hit = ben.recall("export limit", namespaces=["team/**"])[0]
        print(f"after one half-life, at a recency weight of 0.5: ×{hit.why.decay_factor:.2f}")

        # Only what somebody with the right has verified gets in here.
        team.namespaces.configure("handbook", Policy(verified_only=True))
        team.grant("ana", "handbook", "read", "write")
        try:
            ana.promote(new.uid, to="handbook")
        except AccessDenied as error:
            print("denied:", error)
        team.verify(new.uid, by="dana")
        print("in the handbook, verified by", team.promote(new.uid, to="handbook").verified_by)

        # What is forgotten, here with its copy in the handbook, can be taken back; a week later it is deleted.
        gone = team.forget(where={"namespace": "team/shared"})
        print("forgotten:", gone.count, "undone:", team.undo(gone))
        team.forget(where={"namespace": "team/shared"})
        clock.advance("8d")
        print("purged:", team.maintain().purged, "audit holds:", bool(team.audit.verify()))


if __name__ == "__main__":
    main()
