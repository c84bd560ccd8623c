"""A support team remembers a week of work: who remembered what, what was shared, what is found and why.

    python examples/demo.py [--data FILE]

One process, no server, no key, no LLM. FILE is a LoCoMo file instead of the project's own week. Ends with an error when
an agent finds what it must not see, or when fewer questions are answered than the story asks for.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from transactive import Agent, Hit, Memory, NewMemory, Recall, TeamMemory
from transactive.errors import NotFound, VersionConflict

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # `examples` is a package of the checkout, not of the distribution

from examples import week_after  # noqa: E402
from examples.show import Plain, screen  # noqa: E402
from examples.stories import Item, Question, Story, locomo, support_week  # noqa: E402

TOP = 5
SHOWN = 10
LIVE = 1000  # what is more than this is remembered in batches


@dataclass
class Play:
    """One run: the open store, what was remembered under which id of the story, and how long each call took."""

    team: TeamMemory
    story: Story
    out: Plain
    memories: dict[str, Memory] = field(default_factory=dict)
    writing: list[float] = field(default_factory=list)
    recalling: list[float] = field(default_factory=list)

    def asker(self, question: Question) -> Agent:
        """Whoever asks, bound to the user whom the question is about."""
        return self.team.agent(question.asker, user=question.user)

    def ask(self, question: Question, text: str | None = None) -> Recall:
        """The asker's recall, timed."""
        agent, start = self.asker(question), time.perf_counter()
        hits = agent.recall(text or question.text)
        self.recalling.append(time.perf_counter() - start)
        return hits

    def named(self, memory: Memory) -> str | None:
        """What the story calls a memory."""
        return next((name for name, known in self.memories.items() if known.uid == memory.uid), None)


# --- remembering ------------------------------------------------------------------------------------------------------


def allow(play: Play) -> None:
    """Who takes part in conversations reads and writes them together; a reader only reads."""
    team, story = play.team, play.story
    for namespace, agents in story.conversations.items():
        team.groups.set(namespace, agents)
        team.grant(f"group:{namespace}", namespace, "read", "write")
    for reader, namespace in story.readers.items():
        team.grant(reader, namespace, "read")


def remember(play: Play) -> None:
    """Everything that happened, each item by its own agent, about its own user."""
    items = play.story.items
    start = time.perf_counter()
    if len(items) <= LIVE:
        for item in play.out.progress(items, "remembering, one by one"):
            before = time.perf_counter()
            play.memories[item.id] = remember_one(play.team, item)
            play.writing.append(time.perf_counter() - before)
    else:
        for agent in play.out.progress(play.story.agents, "agents remembering, each its own, in batches"):
            own = [item for item in items if item.agent == agent]
            done = play.team.agent(agent).remember_many([as_new(item) for item in own])
            play.memories.update(zip((item.id for item in own), done, strict=True))
    seconds = time.perf_counter() - start
    rate = f"{len(items) / seconds:,.0f} writes/s"
    each = f", p50 {milliseconds(play.writing)}" if play.writing else ""
    play.out.check(True, f"{len(items):,} memories in {seconds:.2f} s: {rate}{each}; each survives a killed process")


def remember_one(team: TeamMemory, item: Item) -> Memory:
    """As it would happen: the agent's handle is bound to the customer and to the session."""
    agent = team.agent(item.agent, user=item.user, session=item.session)
    if item.namespace == "team/shared":
        return agent.publish(item.text, kind=item.kind, importance=item.importance, tags=item.tags, created_at=item.at)
    return agent.remember(
        item.text, namespace=item.namespace, importance=item.importance, created_at=item.at, source=item.source
    )


def as_new(item: Item) -> NewMemory:
    """The same for a batch."""
    return NewMemory(text=item.text, namespace=item.namespace, user=item.user, session=item.session, created_at=item.at)


def show_agents(play: Play) -> None:
    """Who remembered what; the owner of the store may count everything."""
    team = play.team
    rows: list[Sequence[object]] = []
    for name in play.story.agents:
        agent = team.agent(name)
        turns = team.count({"agent": name, "session": {"$exists": True}})
        customers = team.count({"agent": name, "source": "customer"})
        shared = team.count({"agent": name, "namespace": "team/shared"})
        private = team.count({"namespace": agent.namespace})
        rows.append((name, turns, customers, shared, private, agent.count()))
    play.out.table(["agent", "turns", "customer's", "shared", "private", "may read"], rows)


def show_shared(play: Play) -> None:
    """What one agent told all the others."""
    findings = play.team.list({"namespace": "team/shared"}, order_by="created_at", limit=SHOWN)
    for memory in findings:
        about = f" about {memory.user}" if memory.user else ""
        play.out.short(f"{memory.created_at:%a %H:%M}  {memory.agent}{about}: {memory.text}", indent=2)
    if findings.next:
        left = play.team.count({"namespace": "team/shared"}) - len(findings)
        play.out.line(f"… and {left} more (the page has a cursor)", "faint", indent=2)


# --- asking -----------------------------------------------------------------------------------------------------------


def evidence_rank(play: Play, question: Question, hits: Recall) -> int | None:
    """The place of the first hit that answers the question, from 1."""
    answers = {play.memories[name].uid for name in question.evidence}
    return next((place for place, hit in enumerate(hits, 1) if hit.memory.uid in answers), None)


def ask_all(play: Play) -> tuple[int, int]:
    """How many questions have evidence among the first five hits, of how many; the first few are shown."""
    asked = [question for question in play.story.questions if question.evidence]
    shown = {question.text for question in asked[:: max(1, len(asked) // SHOWN)][:SHOWN]}
    answered = 0
    for question in asked:
        hits = play.ask(question)
        rank = evidence_rank(play, question, hits)
        found = rank is not None and rank <= TOP
        answered += found
        if question.text in shown:
            show_answer(play, question, hits, rank)
    return answered, len(asked)


def show_answer(play: Play, question: Question, hits: Recall, rank: int | None) -> None:
    """The hit that answers, or where it would have been."""
    about = f" (about {question.user})" if question.user else ""
    play.out.line()
    play.out.line(f"{question.asker}{about}: {question.text}", "strong")
    if rank is None or rank > TOP:
        where = "not among the first ten" if rank is None else f"only at place {rank}"
        play.out.line(f"✗ the evidence is {where}; the first hit was:", "bad", indent=2)
        rank = 1
    if hits:
        show_hit(play, rank, hits[rank - 1])


def show_hit(play: Play, rank: int, hit: Hit) -> None:
    """A hit with its author, its score and how that came about."""
    memory = hit.memory
    said = "customer, recorded by " if memory.source == "customer" else ""
    when = f"{memory.created_at:%a %d %b %H:%M}"
    play.out.short(f"{rank}. {hit.score:.2f}  {when}, {said}{memory.agent}: {memory.text}", indent=2)
    play.out.line(f"why: {hit.why}", "faint", indent=5)


def ask_otherwise(play: Play) -> None:
    """The same questions in words of which the answers have hardly any: hard for every search without an LLM."""
    asked = [question for question in play.story.questions if question.evidence]
    if any(question.paraphrase for question in asked):
        ranks = [evidence_rank(play, q, play.ask(q, q.paraphrase)) for q in asked]
        found = sum(rank is not None and rank <= TOP for rank in ranks)
        play.out.line()
        play.out.line(
            f"asked in other words, with hardly one in common with the answers: {found} of {len(asked)} "
            "(the bundled model knows few synonyms; a larger one finds more: embedder='fastembed:…')"
        )


def show_identifier(play: Play) -> None:
    """A question with a number in it: what contains that number comes before everything else."""
    for question in play.story.questions:
        hits = play.ask(question)
        if hits and hits[0].why.identifiers and question.evidence:
            play.out.line(f"{question.asker}: {question.text}", "strong")
            for rank, hit in enumerate(hits[:2], 1):
                show_hit(play, rank, hit)
            return
    play.out.line("no question of this story names one")


# --- what must not be found -------------------------------------------------------------------------------------------


def leaks(play: Play, question: Question) -> list[str]:
    """By which verbs the asker can get at a memory that it must not see; the owner can by every one."""
    agent, found = play.asker(question), []
    for name in question.must_not:
        secret = play.memories[name]
        assert play.team.get(secret.uid).text == secret.text
        wordings = [text for text in (question.text, question.paraphrase, secret.text) if text]
        if any(hit.memory.uid == secret.uid for text in wordings for hit in agent.recall(text, limit=200)):
            found.append(f"recall finds {name}")
        if agent.count({"id": secret.uid}) or agent.list({"id": secret.uid}):
            found.append(f"list shows {name}")
        try:
            agent.get(secret.uid)
            found.append(f"get returns {name}")
        except NotFound:
            pass
    return found


def check_forbidden(play: Play) -> int:
    """How many forbidden memories were reached, by the question as it is and by the secret's own words."""
    violations = 0
    for question in play.story.questions:
        if question.must_not:
            found = leaks(play, question)
            violations += len(found)
            about = f" (about {question.user})" if question.user else ""
            play.out.check(not found, f"{question.asker}{about}: {question.text}", indent=2)
            outcome = "; ".join(found) or "Not found by recall (not even word for word), list, count or get."
            play.out.line(f"{question.why} {outcome}", "faint", indent=6)
    return violations


# --- correcting and forgetting ----------------------------------------------------------------------------------------


def correct(play: Play) -> None:
    """A belief that turned out wrong gets a new version; the old one stays in its history."""
    item = next(item for item in play.story.items if item.id == play.story.corrected)
    memory, agent = play.memories[item.id], play.team.agent(item.agent)
    agent.revise(memory.uid, text=play.story.correction, expected_version=memory.version)
    for version in agent.history(memory.uid):
        play.out.short(f"version {version.version}: {version.text}", indent=2)
    try:
        agent.revise(memory.uid, text="Somebody who has not seen the new version.", expected_version=1)
    except VersionConflict as conflict:
        play.out.check(True, f"a second writer is told: {conflict}", indent=2)


def forget_and_undo(play: Play) -> None:
    """An agent looks at what would go, forgets its private notes, and takes it back."""
    agent = play.team.agent(play.story.agents[0])
    private = {"namespace": agent.namespace}
    preview = agent.forget(where=private, dry_run=True)
    play.out.line(f"dry run: {preview.count} private notes of {agent.name} would go, the first being:", indent=2)
    play.out.short(preview.sample[0].text, "faint", indent=6)
    forgotten = agent.forget(where=private)
    gone = agent.count(private) == 0 and not agent.recall(preview.sample[0].text, namespaces=[agent.namespace])
    play.out.check(gone, f"forgotten: {forgotten.count}; neither counted nor found any more", indent=2)
    back = agent.undo(forgotten)
    play.out.check(agent.count(private) == back == preview.count, f"undone: {back} are back", indent=2)


# --- the rest ---------------------------------------------------------------------------------------------------------


def show_context(play: Play) -> None:
    """What goes into a prompt: the best hits that fit the budget, each with a number to cite."""
    question = next(q for q in reversed(play.story.questions) if q.evidence)
    context = play.asker(question).context(question.text, budget=200)
    play.out.line(f"{question.asker}: {question.text}", "strong")
    for line in context.text.splitlines():
        play.out.line(line, indent=2)
    told = f"{context.tokens} of 200 tokens, {len(context.hits)} memories cited, {context.omitted} left out"
    play.out.line(told, "faint", indent=2)


def show_namespaces(play: Play) -> None:
    """Every namespace with its size and its last use."""
    rows = [(info.path, info.count, f"{info.last_used_at:%d %b %H:%M:%S}") for info in play.team.namespaces]
    play.out.table(["namespace", "memories", "last used (UTC)"], rows)


def milliseconds(times: Sequence[float]) -> str:
    """The median of some seconds."""
    return f"{1000 * statistics.median(times):.1f} ms"


def summary(play: Play, answered: int, asked: int, violations: int) -> bool:
    """The result in three lines; whether it is as it should be."""
    share = answered / asked
    fine = share >= play.story.least
    forbidden = sum(bool(question.must_not) for question in play.story.questions)
    play.out.check(fine, f"questions answered with evidence in the top {TOP}: {answered} of {asked} ({share:.0%})")
    play.out.check(not violations, f"memories found that must not be: {violations} (in {forbidden} attempts)")
    speed, size = milliseconds(play.recalling), len(play.memories)
    play.out.line(f"recall p50 {speed}, embedding included, over {size:,} memories")
    return fine and not violations


def perform(play: Play) -> bool:
    """The whole story; whether it ended well."""
    out = play.out
    out.heading(f"{play.story.title}: the agents remember")
    allow(play)
    remember(play)
    out.heading("Who remembered what")
    show_agents(play)
    if play.team.count({"namespace": "team/shared"}):
        out.heading("What was shared with everybody")
        show_shared(play)
    out.heading("What they ask, what is found, and why")
    answered, asked = ask_all(play)
    ask_otherwise(play)
    out.heading("What they must not find")
    violations = check_forbidden(play)
    out.heading("An exact identifier")
    show_identifier(play)
    out.heading("A correction, with history")
    correct(play)
    out.heading("A purge: looked at first, done, taken back")
    forget_and_undo(play)
    out.heading("A context for a prompt")
    show_context(play)
    out.heading("Namespaces")
    show_namespaces(play)
    customer = play.story.erased
    fine = customer is None or week_after.play(play.team, out, customer)
    out.heading("Summary")
    return summary(play, answered, asked, violations) and fine


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a LoCoMo file, instead of the project's own week")
    options = parser.parse_args(arguments)
    story = locomo(options.data) if options.data else support_week(HERE / "support_week.json")
    with TeamMemory.open(":memory:") as team:
        return 0 if perform(Play(team, story, screen())) else 1


if __name__ == "__main__":
    sys.exit(main())
