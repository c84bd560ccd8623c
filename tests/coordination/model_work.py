"""A world in which agents work together: tasks, facts, alerts, events, the directory, and handoffs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tests.coordination.model import Place, place_of
from tests.coordination.model_world import AGENTS, NAMES, World, lands_at, picked, where
from tests.team.model import LEVELS, OWNER, Handle
from transactive import Agent
from transactive.records import Claim, Handoff, Task


class Work(World):
    """A world with the verbs of coordination."""

    # --- tasks --------------------------------------------------------------------------------------------------------

    def post(self, who: Handle, place: Place, text: str, assignee: str | None, pick: int, unique: bool) -> None:
        """An agent posts a task."""
        payload = {"said": f"payload {self.model.secret()}"}
        text = text or f"task {self.model.secret()}"
        session = f"of {place.user or who.user}"
        lands = self.lands(who, place)
        self.model.say_at(f"{payload}", lands)
        needs = [
            uid for uid in [picked(list(self.model.tasks), pick)] if uid and self.model.sees(who, self.model.tasks[uid])
        ]
        reaches = assignee not in AGENTS or self.model.may(Handle(str(assignee)), "read", *lands_at(lands))
        done = self.tried(
            who,
            lambda handle: handle.tasks.post(
                text,
                payload=payload,
                assignee=assignee,
                needs=needs if pick % 2 else [],
                unique=unique,
                session=session,
                **where(place),
            ),
            f"{payload} {text} {needs}",
            reaches and self.may_write(who, place),
        )
        if done is not None and done.uid not in self.model.tasks:
            self.model.tasks[done.uid] = lands
            self.model.put(done.uid, lands)
            self.model.say_at(text, lands)

    def claim(self, who: Handle, pick: int | None) -> None:
        """An agent takes a task."""
        uid = None if pick is None else picked(list(self.model.tasks), pick)
        claim = self.tried(who, lambda handle: handle.tasks.claim(uid, lease="12h"), uid or "")
        if claim is not None:
            self.claims.append((who, claim))

    def end(self, pick: int, how: str) -> None:
        """An agent completes a task, gives it back, or fails."""
        held = picked(self.claims, pick)
        if held is None:
            return
        who, claim = held
        said = f"{how} {self.model.secret()}"
        self.model.say_at(said, place_of(claim.task))

        def call(handle: Agent) -> Task:
            if how == "complete":
                return handle.tasks.complete(claim, result={"said": said})
            if how == "release":
                return handle.tasks.release(claim, reason=said)
            return handle.tasks.fail(claim, reason=said, retry=how == "fail")

        self.tried(who, call, f"{said} {claim.task.uid}")

    def stop(self, who: Handle, pick: int, again: bool) -> None:
        """An agent cancels a task, or offers it again."""
        uid = picked(list(self.model.tasks), pick)
        if uid is None:
            return
        said = f"cancel {self.model.secret()}"
        self.model.say_at(said, self.model.tasks[uid])
        if again:
            self.tried(who, lambda handle: handle.tasks.retry(uid), uid)
        else:
            self.tried(who, lambda handle: handle.tasks.cancel(uid, reason=said), uid + said)

    # --- facts, alerts, events, the directory -------------------------------------------------------------------------

    def set_fact(self, who: Handle, place: Place, key: str, level: bool) -> None:
        """An agent sets a fact; unless `level`, without saying how sensitive it is."""
        value = {"said": f"fact {self.model.secret()}"}
        given = where(place) if level else {k: v for k, v in where(place).items() if k != "sensitivity"}
        allowed: bool | None = self.may_write(who, place, "read")
        if allowed and not self.model.sees(who, Place(place.namespace, None, place.level if level else "internal")):
            allowed = None  # one that it could not read afterwards
        fact = self.tried(who, lambda handle: handle.facts.set(key, value, **given), f"{value}", allowed)
        if fact is not None:
            self.model.facts[fact.uid] = place_of(fact)
            self.model.put(fact.uid, place_of(fact))
            self.model.say_at(f"{value}", place_of(fact))

    def delete_fact(self, who: Handle, namespace: str, key: str) -> None:
        """An agent deletes a fact."""
        self.tried(who, lambda handle: handle.facts.delete(key, namespace=namespace))

    def alert(self, who: Handle, place: Place, to: Sequence[str]) -> None:
        """An agent sends an alert."""
        text, more = f"alert {self.model.secret()}", {"said": f"more {self.model.secret()}"}
        lands = self.lands(who, place)
        reach = all(self.model.may(Handle(one), "read", *lands_at(lands)) for one in to if one in AGENTS)
        allowed = reach and self.may_write(who, place)
        sent = self.tried(
            who,
            lambda handle: handle.alerts.send(text, to=to, metadata=more, **where(place)),
            f"{text} {more}",
            allowed,
        )
        if sent is not None:
            self.model.alerts[sent.uid] = sent
            self.model.put(sent.uid, lands)
            self.model.say(f"{text} {more}", lambda reader: self.model.gets(reader, sent))

    def acknowledge(self, who: Handle, pick: int) -> None:
        """An agent acknowledges an alert."""
        alert = picked(list(self.model.alerts.values()), pick)
        if alert is not None:
            note = f"seen {self.model.secret()}"
            self.model.say(note, lambda reader: self.model.gets(reader, alert))
            allowed = self.model.received(who, alert)
            self.tried(who, lambda h: h.alerts.acknowledge(alert.uid, note=note), f"{note} {alert.uid}", allowed)

    def emit(self, who: Handle, place: Place) -> None:
        """An agent says that something happened."""
        data, allowed = {"said": f"event {self.model.secret()}"}, self.may_write(who, place)
        event = self.tried(who, lambda h: h.events.emit("deploy.done", data, **where(place)), f"{data}", allowed)
        if event is not None:
            self.model.put(event.uid, self.lands(who, place))
            self.model.say_at(f"{data}", self.lands(who, place))

    def register(self, who: Handle) -> None:
        """An agent puts itself into the directory."""
        text = f"role {self.model.secret()}"
        self.model.say(text, lambda _: True)
        self.tried(who, lambda h: h.directory.register(role=text, metadata={"said": text}), text, allowed=True)

    # --- handoffs -----------------------------------------------------------------------------------------------------

    def hand(self, who: Handle, place: Place | None, to: str, pick: int, of: str, include: str) -> None:
        """An agent hands a task over, or escalates it: what it posted, what it claimed, or nothing."""
        task: Any = None
        if of == "claim":
            who, task = picked(self.claims, pick) or (who, None)
        elif of == "task":
            task = picked(list(self.model.tasks), pick)
        uid = task.task.uid if isinstance(task, Claim) else task
        reason, notes = f"reason {self.model.secret()}", f"notes {self.model.secret()} of {NAMES[pick % len(NAMES)][1]}"
        given: dict[str, Any] = {} if place is None else where(place)
        given |= {"reason": reason, "notes": notes, "include": [include] if include else [], "budget": 1_000_000}
        given |= {"session": f"of {given.get('user') or who.user}"} if task is None else {}
        send = "escalate" if to.startswith("human:") else "handoff"
        made: Handoff | None = self.tried(
            who, lambda handle: getattr(handle, send)(task=task, to=to, **given), f"{reason} {notes} {uid} {include}"
        )
        if made is None:
            return
        self.model.handoffs[made.uid] = made
        self.model.put(made.uid, place_of(made))
        self.model.say(f"{reason} {notes}", self._holders(made.uid))
        if uid is not None:
            self._say_on(uid, made, reason)

    def _holders(self, uid: str) -> Callable[[Handle], bool]:
        return lambda reader: self.model.holds(reader, self.model.handoffs[uid])

    def _say_on(self, task: str, handoff: Handoff, text: str) -> None:
        """What is said of a handoff is said of its task too, where that is known to no more users and levels."""
        place, other = self.model.tasks[task], place_of(handoff)
        if other.user in {None, place.user} and LEVELS.index(other.level) <= LEVELS.index(place.level):
            self.model.say_at(text, place)

    def settle(self, who: Handle | None, pick: int, resolve: bool) -> None:
        """An agent takes or resolves a handoff; or the owner does, for a person."""
        handoff = picked(list(self.model.handoffs.values()), pick)
        if handoff is None:
            return
        said = f"answer {self.model.secret()}"
        self.model.say(said, self._holders(handoff.uid))
        if resolve and handoff.package.task is not None:
            self._say_on(handoff.package.task.uid, handoff, said)

        def call(handle: Agent) -> Handoff:
            door, by = (handle.handoffs, None) if who is not None else (self.team.handoffs, "dana")
            return door.resolve(handoff.uid, answer=said, by=by) if resolve else door.take(handoff.uid, by=by)

        done = self.tried(who or Handle(OWNER), call, f"{said} {handoff.uid}")
        if done is not None:
            self.model.handoffs[handoff.uid] = done
