"""Private and shared memory, grants, and a handle that is bound to one customer."""

from transactive import TeamMemory
from transactive.errors import AccessDenied, NotFound


def main() -> None:
    with TeamMemory.open(":memory:") as team:
        triage, billing = team.agent("triage"), team.agent("billing")

        hunch = triage.remember("I think the webhook outage and the double charge have one cause.")  # agents/triage
        triage.publish("The customer was charged twice for INV-5687.", user="cust_42")  # team/shared
        triage.publish("The export of this customer is throttled.", user="cust_77")

        print("billing finds:", [hit.memory.text for hit in billing.recall("charged twice")])
        try:
            billing.get(hunch.uid)
        except NotFound as error:
            print("billing and the hunch:", error)

        # A handle bound to a user reads memories of that user and of none, and writes about that user only.
        bound = team.agent("billing", user="cust_42")
        print(
            "about cust_42 it reads", bound.count(), "and about cust_77", team.agent("billing", user="cust_77").count()
        )
        try:
            bound.publish("Refunded.", user="cust_77")
        except AccessDenied as error:
            print("denied:", error)

        # A room of their own: who is in the group reads and writes there.
        team.groups.set("support", ["triage", "billing"])
        team.grant("group:support", "support/**", "read", "write")
        billing.remember("Refunds over EUR 1,000 need a second signature.", namespace="support/rules")
        found = triage.recall("who signs a refund?", namespaces=["support/**"])
        print("triage finds:", found[0].memory.text)
        print("a stranger finds:", list(team.agent("sales").recall("who signs a refund?", namespaces=["support/**"])))


if __name__ == "__main__":
    main()
