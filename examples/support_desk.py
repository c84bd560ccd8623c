"""A support desk: three agents and a person settle one customer's two problems, and nobody does anything twice.

Triage splits what the customer says into tasks. Technical finds what a colleague learned last month. Billing meets a
rule that needs a person, and hands her everything that she has to know. No language model takes part: what the agents
decide is written down here, what they know, share and hand over is the store's.
"""

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from transactive import Agent, TeamMemory
from transactive.records import Event, Handoff
from transactive.testing import Clock

CUSTOMER = "cust_42"
SAID = (
    ("customer", "Alice Chen of Acme Corp here: invoice INV-5678 was charged twice, 1,240 euros each time."),
    ("customer", "And since Monday our nightly export ends with error 502."),
)


def main() -> None:
    clock = Clock()
    with TeamMemory.open(":memory:", clock=clock, background=False) as team:
        desk = opened(team)
        last_month(desk["network"])
        clock.advance("30d")

        print("— The customer writes —")
        triage = desk["triage"].bind(user=CUSTOMER, session="ticket-1042")
        heard(triage)
        split(triage)

        print("\n— Technical —")
        technical(desk["technical"].bind(user=CUSTOMER), clock)

        print("\n— Billing, and Dana —")
        with somebody_at_the_desk(team):
            billing(desk["billing"].bind(user=CUSTOMER), clock)

        print("\n— Triage answers —")
        answer(triage, clock)
        afterwards(team, desk)


def opened(team: TeamMemory) -> dict[str, Agent]:
    """Who is there, and which room is whose."""
    team.groups.set("support", ["triage", "technical", "billing"])
    team.grant("group:support", "support/**", "read", "write")
    team.grant("billing", "finance", "read", "write")  # technical has no business there
    names = ("triage", "technical", "billing", "network")
    desk = {name: team.agent(name) for name in names}
    desk["technical"].directory.register(role="technical support", capabilities=["exports", "outages"])
    desk["billing"].directory.register(role="billing", capabilities=["refunds", "invoices"])
    team.decisions.record(
        "Refunds over 1,000 euros are approved by a person",
        why="two wrong refunds in spring",
        alternatives=["a second agent checks"],
        by="dana",
        namespace="finance",
    )
    return desk


def last_month(network: Agent) -> None:
    """What another team went through, and wrote down."""
    network.learnings.record(
        "failure",
        "Restarting the export workers did not help against error 502",
        context="nightly exports end with error 502 after a certificate change",
        recommendation="renew the certificate of the proxy, then restart",
    )


def heard(triage: Agent) -> None:
    """Every turn is kept, and who and what it is about."""
    triage.observe([{"role": role, "content": text} for role, text in SAID], namespace="support/tickets")
    triage.remember("Alice Chen works at Acme Corp; she writes about INV-5678.", namespace="support/tickets")
    found = triage.graph.extract(where={"session": "ticket-1042"})
    print("known from it:", *sorted(str(edge) for edge in found.edges))
    print("the invoice is mentioned by", len(triage.graph.mentions("INV-5678")), "memories")


def split(triage: Agent) -> None:
    """Two tasks that need nobody else, and one that needs both."""
    export = triage.tasks.post(
        "Find out why the nightly export of Acme Corp fails with 502", assignee="technical", namespace="support/tasks"
    )
    refund = triage.tasks.post(
        "Refund the second charge of INV-5678, 1,240 euros", assignee="billing", namespace="support/tasks"
    )
    triage.tasks.post(
        "Answer Alice Chen", assignee="triage", namespace="support/tasks", needs=[export, refund], priority=5
    )
    again = triage.tasks.post(
        "Refund the second charge of INV-5678: 1,240 euros!", assignee="billing", namespace="support/tasks", unique=True
    )
    print("asked twice, posted once:", again.uid == refund.uid)
    print("triage can take:", triage.tasks.claim(), "— the answer waits for both")


def technical(agent: Agent, clock: Clock) -> None:
    """Looks first for what is known."""
    claim = agent.tasks.claim(lease="30m")
    assert claim is not None
    [known] = agent.learnings.find("an export fails with error 502", outcomes=["failure"], limit=1)
    print(f"{known.memory.agent} learned a month ago: {known.what}; {known.recommendation}")
    print("whom to ask:", [expert.agent for expert in agent.ask("export error 502").experts])
    clock.advance("20m")
    agent.facts.set("exports/status", "working", namespace="support/state", expected_version=0)
    agent.graph.link(
        ("company", "Acme Corp"), "depends_on", ("service", "export-proxy"), namespace="support/state", confidence=0.9
    )
    done = agent.tasks.complete(claim, result="certificate of the export-proxy renewed; exports run again")
    print("done:", done.result)


def billing(agent: Agent, clock: Clock) -> None:
    """Meets a rule, and hands the case to a person, with all that she needs."""
    claim = agent.tasks.claim(lease="30m")
    assert claim is not None
    [rule] = agent.decisions.find("refund of 1,240 euros", limit=1)
    print(f"{rule.by} decided: {rule.what}")
    handoff = agent.escalate(
        claim,
        f"1,240 euros: {rule.what[0].lower()}{rule.what[1:]}",
        to="human:dana",
        notes="Both charges carry the same reference; the second one is an error of ours.",
    )
    answered = agent.handoffs.wait(handoff, timeout="1m")
    assert answered is not None
    print(f"{answered.resolved_by} answers: {answered.answer['decision']}")
    clock.advance("40m")
    claim = agent.tasks.claim(handoff.package.task)
    assert claim is not None
    agent.tasks.complete(claim, result="1,240 euros refunded, reference R-77")
    agent.facts.set("invoices/INV-5678", {"refunded": 1240}, namespace="finance")
    agent.alerts.send("INV-5678 was refunded; please check the payment provider", to="triage", severity="warning")


@contextmanager
def somebody_at_the_desk(team: TeamMemory) -> Generator[None, None, None]:
    """Dana, who looks at what is escalated, and decides."""
    after = team.events.cursor()

    def look() -> None:
        for event in team.events.follow(after=after, types=["handoff.send"], idle="1m"):
            decide(team, team.handoffs.take(event.uid, by="dana"))
            return

    person = threading.Thread(target=look)
    person.start()
    yield
    person.join()


def decide(team: TeamMemory, handoff: Handoff) -> None:
    """What Dana reads, and what she says."""
    page = handoff.to_markdown()
    told = ("# ", "- 1,240", "- Both", "- Refund")
    print("\n".join(f"    {line}" for line in page.splitlines() if line.startswith(told)))
    team.handoffs.resolve(handoff, answer={"decision": "refund it", "limit": 1240}, by="dana")


def answer(triage: Agent, clock: Clock) -> None:
    """Nobody has told triage that both are done: the task is offered now."""
    claim = triage.tasks.claim()
    assert claim is not None
    results = [triage.tasks.get(uid).result for uid in claim.task.needs]
    clock.advance("4m")
    triage.tasks.complete(claim, result="; ".join(results))
    print("to Alice:", "; ".join(results))
    print("waiting for triage:", [alert.text for alert in triage.alerts.list()])


def afterwards(team: TeamMemory, desk: dict[str, Agent]) -> None:
    """Who could see what, and how it went."""
    stranger = desk["technical"].bind(user="cust_77")
    seen = (stranger.tasks.list(), stranger.recall("INV-5678", namespaces=["support/**"]), stranger.handoffs.list())
    print("\nfor another customer there is nothing of it:", not any(seen))
    print("technical and the finances:", desk["technical"].facts.list(namespaces=["finance"]))
    path = team.graph.path("Alice Chen", "export-proxy")
    print("how Alice and the proxy are connected:", path)
    total = team.metrics().total
    print(
        f"{total.tasks_done} tasks done, {total.escalations} escalated, {total.rework_avoided} not done twice, "
        f"{total.recalls_from_others} of {total.recalls} recalls answered by a colleague"
    )
    print("the audit holds:", bool(team.audit.verify()))
    print("events:", ", ".join(_types(team.events.list(types=["task.*", "handoff.*"]))))


def _types(events: Sequence[Event]) -> list[str]:
    return [event.type.partition(".")[2] for event in events]


if __name__ == "__main__":
    main()
