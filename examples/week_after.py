"""The demo's second act: what becomes of memories. Confirmed, corrected, verified, explained, erased, and audited."""

from __future__ import annotations

from examples.show import Plain
from transactive import Policy, TeamMemory

FINDING = "Delivery pool hooks-b is switched off on 30 June: every customer on TLS 1.2 must have moved by then."
KEPT = "Undelivered webhook events are kept for 7 days"
LONGER = "Since release 2026.20 undelivered webhook events are kept for 14 days from the first attempt, then deleted."
ADVICE = "Whoever pays by SEPA gets the refund within two banking days."


class WeekAfter:
    """One store after the week; `fine` stays true as long as everything is as it should be."""

    def __init__(self, team: TeamMemory, out: Plain) -> None:
        self.team = team
        self.out = out
        self.fine = True

    def check(self, holds: bool, text: str) -> None:
        """Print what was verified, and remember whether it held."""
        self.fine = self.fine and holds
        self.out.check(holds, text, indent=2)

    def confirmed(self) -> str:
        """Two agents find the same, each for itself; policy shares it once. Returns the shared memory's id."""
        team = self.team
        team.namespaces.configure("agents/*", Policy(promote_to="team/shared", promote_at=0.7))
        for name in ("technical", "billing"):
            own = team.agent(name).remember(FINDING)
            self.out.line(f"{name} notes it privately; rated {own.importance:.2f} without a model", "faint", indent=2)
        [shared] = team.list({"namespace": "team/shared", "text": {"$contains": "hooks-b is switched off"}})
        others = shared.corroborated
        self.check(others == 1, f"shared once: by {shared.agent}, confirmed by {others} other")
        return shared.uid

    def corrected(self) -> None:
        """What was true last week is not any more: the new memory takes its place in recall."""
        technical, triage = self.team.agent("technical"), self.team.agent("triage")
        [old] = technical.list({"namespace": "team/shared", "text": {"$contains": KEPT}})
        new = technical.correct(old.uid, LONGER)
        question = "how long are undelivered webhook events kept?"
        uids = [hit.memory.uid for hit in triage.recall(question)]
        self.out.short(f"was: {old.text}", "faint", indent=2)
        self.out.short(f"is:  {new.text}", indent=2)
        self.check(uids[0] == new.uid and old.uid not in uids, "triage finds the new one first, the old one not at all")
        former = [hit.memory.uid for hit in triage.recall(question, include_superseded=True)]
        self.check(old.uid in former, "the old one is there for who asks for it (include_superseded=True)")

    def verified(self) -> None:
        """A draft waits behind the gate until somebody vouches for it."""
        team, place = self.team, "support/answers"
        team.namespaces.configure(place, Policy(verified_only="hold"))
        team.grant("group:support/conversations", place, "read", "write")
        draft = team.agent("billing").remember(ADVICE, namespace=place)

        def found() -> bool:
            hits = team.agent("triage").recall("refund by SEPA", namespaces=[place])
            return any(hit.memory.uid == draft.uid for hit in hits)

        self.check(not found(), "billing's draft of an answer is held back from recall")
        team.verify(draft.uid, by="dana")
        self.check(found(), "verified by dana, triage finds it")

    def explained(self, uid: str) -> None:
        """Where a memory comes from, as a tree."""
        for line in str(self.team.why(uid)).splitlines():
            self.out.short(line, indent=2)

    def erased(self, user: str) -> None:
        """All about one customer, out of every file."""
        team = self.team
        texts = [memory.text for memory in team.list({"user": user}, limit=1000)]
        gone = team.erase(user=user, progress=False)
        self.check(gone.memories >= len(texts) > 0, f"deleted for good: {gone.memories} memories about {user}")
        files = [path.read_bytes().rstrip(b"\0") for path in team.path.rglob("*") if path.is_file()]
        traces = [word.encode(code) for word in (user, *texts) for code in ("utf-8", "utf-16-le")]
        left = sum(trace in data for trace in traces for data in files)
        told = f"none of their {len(texts)} texts, nor {user}, is in any of the store's {len(files)} files"
        self.check(not left, told)

    def audited(self) -> None:
        """Who did what, and whether the record is as it was written."""
        check = self.team.audit.verify()
        for entry in self.team.audit.list(after=check.entries - 3):
            what = f"{entry.principal}: {entry.action} {entry.target} ({entry.count})"
            self.out.short(f"{entry.number}. {what}", indent=2)
        self.check(bool(check), f"the chain of all {check.entries} entries holds")


def play(team: TeamMemory, out: Plain, customer: str) -> bool:
    """The whole act, which ends with one customer gone; whether all of it is as it should be."""
    after = WeekAfter(team, out)
    out.heading("Two find out the same: promoted, and confirmed")
    uid = after.confirmed()
    out.heading("Where that comes from")
    after.explained(uid)
    out.heading("A correction that supersedes")
    after.corrected()
    out.heading("A gate for what is verified")
    after.verified()
    out.heading(f"The right to be forgotten: {customer}")
    after.erased(customer)
    out.heading("The audit")
    after.audited()
    return after.fine
