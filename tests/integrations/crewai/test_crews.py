"""Crews, agents and flows at work: what reaches the model, what stays, and that no memory asks a model anything."""

import asyncio
import json
import subprocess
import sys

import pytest

pytest.importorskip("crewai")

from crewai import Crew, Flow, Memory, Process, Task
from crewai.flow.flow import listen, start
from crewai.memory.storage.lancedb_storage import LanceDBStorage

from tests.integrations.crewai.scripted import agent, crew, final, model, uses
from transactive import Policy
from transactive.errors import InvalidInput
from transactive_integrations.crewai import TransactiveMemory, give_memories

LONG = "Find out why parcel 4711 is late, and say it in one sentence. " * 10
"""Longer than what CrewAI's own memory has a model distil before it recalls."""


@pytest.fixture
def memory(team):
    return TransactiveMemory(team.agent("crew"))


def contents(memory):
    return sorted(record.content for record in memory.list_records())


# --- one crew ---------------------------------------------------------------------------------------------------------


def test_a_crew_remembers_what_it_did_without_one_call_for_the_memory(memory, team):
    llm = model(final("Parcel 4711 is stuck in Rotterdam."), final("As before."))
    asked = crew([agent(llm)], LONG, memory=memory)
    asked.kickoff()
    assert len(llm.prompts) == 1
    (kept,) = memory.list_records()
    assert "Result:" in kept.content
    assert "Parcel 4711 is stuck in Rotterdam." in kept.content
    assert kept.metadata == {"agent_role": "Analyst"}
    asked.kickoff()
    assert len(llm.prompts) == 2
    assert "Parcel 4711 is stuck in Rotterdam." not in llm.prompts[0]
    assert "Parcel 4711 is stuck in Rotterdam." in llm.prompts[1]
    assert team.agent("crew").recall("parcel 4711")[0].memory.agent == "crew"


@pytest.mark.parametrize("kickoff", ["kickoff_async", "akickoff"])
def test_an_awaited_crew_does_too(memory, kickoff):
    memory.remember("Parcel 4711 went to Rotterdam.")
    llm = model(final("It is stuck at customs."))
    asyncio.run(getattr(crew([agent(llm)], LONG, memory=memory), kickoff)())
    assert len(llm.prompts) == 1
    assert "Parcel 4711 went to Rotterdam." in llm.prompts[0]
    assert "It is stuck at customs." in memory.recall("customs")[0].record.content


def test_what_one_agent_finds_the_next_one_knows(memory):
    first, second = model(final("The code word is heliotrope.")), model(final("Noted."))
    agents = [agent(first, "Finder"), agent(second, "Writer")]
    crew(agents, "Find the code word", "Write down the code word", memory=memory).kickoff()
    assert (len(first.prompts), len(second.prompts)) == (1, 1)
    assert "heliotrope" in second.prompts[0]
    assert {r.metadata["agent_role"] for r in memory.list_records()} == {"Finder", "Writer"}


def test_an_agent_uses_the_memorys_tools(memory):
    memory.remember("The vault opens at nine.")
    llm = model(
        uses("search_memory", '{"queries": ["when does the vault open"]}'),
        uses("save_to_memory", '{"contents": ["The vault closes at noon."]}'),
        uses("save_to_memory", '{"contents": ["Monday is a holiday.", "Tuesday is not."]}'),
        final("At nine."),
    )
    result = crew([agent(llm)], "Speak", memory=memory).kickoff()
    assert result.raw.endswith("At nine.")
    assert len(llm.prompts) == 4
    assert "The vault opens at nine." in llm.prompts[1]
    assert {"The vault closes at noon.", "Monday is a holiday.", "Tuesday is not."} <= set(contents(memory))


def test_a_crew_on_a_scope_stays_in_it(memory):
    memory.remember("The secret of /b is heliotrope.", scope="/b")
    memory.remember("The secret of /a is turquoise.", scope="/a")
    llm = model(final("Told."))
    crew([agent(llm)], "Tell the secret", memory=memory.scope("/a")).kickoff()
    assert "turquoise" in llm.prompts[0]
    assert "heliotrope" not in llm.prompts[0]
    assert memory.info("/a").record_count == 2
    assert memory.info("/b").record_count == 1


def test_a_crew_on_a_slice_reads_and_saves_nothing(memory):
    memory.remember("The secret is turquoise.", scope="/a")
    llm = model(final("Told."))
    crew([agent(llm)], "Tell the secret", memory=memory.slice(["/a"])).kickoff()
    assert "turquoise" in llm.prompts[0]
    assert memory.info().record_count == 1


def test_a_hierarchical_crew_needs_no_more_calls(memory):
    worker, manager = model(final("Worked.")), model(final("Managed."))
    tasks = [Task(description="Do it", expected_output="it")]
    Crew(
        agents=[agent(worker)], tasks=tasks, process=Process.hierarchical, manager_llm=manager, memory=memory
    ).kickoff()
    assert (len(manager.prompts), len(worker.prompts)) == (1, 0)
    assert "Managed." in contents(memory)[0]


def test_a_reset_of_the_crews_memory_forgets_it(memory):
    memory.remember("The vault opens at nine.", scope="/deep")
    crew([agent(model())], "Speak", memory=memory).reset_memories("memory")
    assert memory.info().record_count == 0


# --- agents with memories of their own --------------------------------------------------------------------------------


def test_each_member_has_a_memory_of_its_own_and_reads_the_shared_one(team):
    first, second = model(final("The code word is heliotrope.")), model(final("Noted."))
    agents = [agent(first, "Finder"), agent(second, "Writer")]
    given = give_memories(team, agents)
    team.agent("librarian").publish("Code words are names of flowers.")
    crew(agents, "Find the code word", "Write down the code word").kickoff()
    assert set(given) == {"Finder", "Writer"}
    assert "names of flowers" in first.prompts[0]
    assert "agent: librarian" in first.prompts[0]
    assert "names of flowers" in second.prompts[0]
    assert "heliotrope" in contents(given["Finder"])[0]
    assert given["Finder"].info().record_count == given["Writer"].info().record_count == 1
    assert [m.namespace for m in team.agent("Finder").list({"agent": "Finder"})] == ["agents/Finder"]
    assert not team.agent("Writer").list({"agent": "Finder"})


def test_members_that_write_to_the_shared_memory_sign_what_they_write(team):
    first, second = model(final("The code word is heliotrope.")), model(final("Noted."))
    agents = [agent(first, "Finder"), agent(second, "Writer")]
    give_memories(team, agents, namespace="team/shared", reads=())
    crew(agents, "Find the code word", "Write down the code word").kickoff()
    assert "heliotrope" in second.prompts[0]
    assert "agent: Finder" in second.prompts[0]
    assert {m.agent for m in team.agent("anyone").list()} == {"Finder", "Writer"}


def test_a_policy_promotes_what_matters_to_all(team):
    team.namespaces.configure("agents/**", Policy(promote_to="team/shared", promote_at=0.0))
    first, second = model(final("The code word is heliotrope.")), model(final("Noted."))
    agents = [agent(first, "Finder"), agent(second, "Writer")]
    give_memories(team, agents)
    crew(agents, "Find the code word", "Write down the code word").kickoff()
    assert "heliotrope" in second.prompts[0]
    assert "agent: Finder" in second.prompts[0]


def test_a_member_keeps_the_memory_that_it_has(team, memory):
    one, twin, other = agent(model(), "Finder", memory=memory), agent(model(), "Writer"), agent(model(), "Writer ")
    given = give_memories(team, [one, twin, other], user="ann")
    assert one.memory is memory
    assert twin.memory is other.memory is given["Writer"]
    assert given["Writer"].agent.user == "ann"
    with pytest.raises(InvalidInput, match="reserved"):
        give_memories(team, [agent(model(), "owner")])


def test_crews_for_two_users_know_nothing_of_each_other(team):
    prompts = {}
    for user, word in (("ann", "heliotrope"), ("bea", "turquoise")):
        llm = model(final(f"My code word is {word}."), final("Said."))
        asked = crew([agent(llm)], "Say the code word", memory=TransactiveMemory(team.agent("crew", user=user)))
        asked.kickoff()
        asked.kickoff()
        prompts[user] = "".join(llm.prompts)
    assert "heliotrope" in prompts["ann"]
    assert "heliotrope" not in prompts["bea"]
    assert "turquoise" in prompts["bea"]


def test_an_agent_alone_remembers(memory):
    llm = model(final("The code word is heliotrope."), final("Heliotrope."))
    alone = agent(llm, memory=memory)
    alone.kickoff("Find the code word")
    alone.kickoff("Say the code word")
    assert len(llm.prompts) == 2
    assert "heliotrope" in llm.prompts[1]


# --- copies, which CrewAI makes for each input ------------------------------------------------------------------------


def test_a_crew_for_each_input_shares_the_memory(memory):
    llm = model(lambda prompt: final("Cats purr." if "cats" in prompt else "Dogs bark."))
    crew([agent(llm)], "What do {animals} do?", memory=memory).kickoff_for_each(
        [{"animals": "cats"}, {"animals": "dogs"}]
    )
    assert len(llm.prompts) == 2
    assert memory.info().record_count == 2


def test_copied_members_still_write_to_their_own_memory_and_call_no_model(team):
    llm = model(lambda prompt: final("Cats purr." if "cats" in prompt else "Dogs bark."))
    agents = [agent(llm, "Zoologist")]
    given = give_memories(team, agents)
    given["Zoologist"].remember("Private: cats hate water.", source="alice", private=True)
    given["Zoologist"].remember("All animals sleep.")
    asked = crew(agents, "What do {animals} do?")
    asked.kickoff_for_each([{"animals": "cats"}, {"animals": "dogs"}])
    assert len(llm.prompts) == 2
    assert "All animals sleep." in llm.prompts[0]
    assert "hate water" not in "".join(llm.prompts)
    assert given["Zoologist"].info().record_count == 4
    assert {m.agent for m in team.list()} == {"Zoologist"}


# --- flows ------------------------------------------------------------------------------------------------------------


class Research(Flow):
    """Remembers in one step what it recalls in the next."""

    @start()
    def find(self):
        self.remember(self.extract_memories("The code word is heliotrope.")[0], scope="/words")
        self.remember(["The door is green.", "The key is lost."])

    @listen(find)
    def tell(self):
        return [match.record.content for match in self.recall("code word", limit=1)]


def test_a_flow_remembers(memory):
    assert Research(memory=memory).kickoff() == ["The code word is heliotrope."]
    assert memory.info().record_count == 3


def test_an_awaited_flow_remembers(memory):
    assert asyncio.run(Research(memory=memory).kickoff_async()) == ["The code word is heliotrope."]


# --- the defect of CrewAI's own memory that this one does not have ----------------------------------------------------


def merging(prompt):
    """What a model answers that merges what is new into the record that it is shown, as CrewAI asks it to."""
    known = prompt.partition("id=")[2].partition(" ")[0]
    action = {"action": "update", "record_id": known, "new_content": "The pin is 1234.", "reason": "same"}
    return json.dumps({"actions": [action], "insert_new": False})


def test_crewais_own_memory_makes_alices_record_public_when_bob_saves_the_same(team, tmp_path):
    llm = model(merging)
    embed = TransactiveMemory(team.agent("crew")).embedder
    theirs = Memory(storage=LanceDBStorage(path=str(tmp_path)), embedder=embed, llm=llm, exploration_budget=0)
    given = {"scope": "/", "categories": ["pin"], "importance": 0.5}
    theirs.remember("The pin is 1234.", source="alice", private=True, **given)
    theirs.remember("The pin is 1234.", source="bob", **given)
    theirs.drain_writes()
    assert "The pin is 1234." in llm.prompts[-1]  # what is private went to a model
    (kept,) = theirs.list_records()
    assert (kept.private, kept.source) == (False, None)
    theirs.close()


def test_ours_does_not(memory):
    given = {"scope": "/", "categories": ["pin"], "importance": 0.5}
    hers = memory.remember("The pin is 1234.", source="alice", private=True, **given)
    memory.remember("The pin is 1234.", source="bob", **given)
    assert [r.source for r in memory.list_records() if r.private] == ["alice"]
    assert [m.record.source for m in memory.recall("pin")] == ["bob"]
    assert hers.id in {m.record.id for m in memory.recall("pin", source="alice")}


def test_crewais_own_memory_finds_too_little_where_much_is_private_and_ours_does_not(team, tmp_path, memory):
    embed = memory.embedder
    theirs = Memory(
        storage=LanceDBStorage(path=str(tmp_path)), embedder=embed, llm=model(), consolidation_threshold=1.0
    )
    given = {"scope": "/", "categories": ["pin"], "importance": 0.5}
    for kept in (theirs, memory):
        for n in range(12):
            kept.remember(f"alice pin pin pin {n}", source="alice", private=True, **given)
        kept.remember("a public word on the pin", **given)
    assert theirs.recall("pin pin pin", limit=3, depth="shallow") == []
    assert [m.record.content for m in memory.recall("pin pin pin", limit=3)] == ["a public word on the pin"]
    theirs.close()


# --- the package ------------------------------------------------------------------------------------------------------


def test_importing_the_package_loads_nothing_of_crewai():
    code = "import sys, transactive_integrations.crewai as c; assert 'crewai' not in sys.modules; c.nothing"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert "has no attribute 'nothing'" in done.stderr


def test_without_crewai_it_says_which_extra_is_missing():
    code = "import sys; sys.modules['crewai'] = None; import transactive_integrations.crewai"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert "pip install 'transactive[crewai]'" in done.stderr


def test_with_an_old_crewai_it_says_which_one_it_needs():
    code = (
        "import sys, types; old = types.ModuleType('crewai'); old.__path__ = []; "
        "old.__spec__ = types.SimpleNamespace(); sys.modules['crewai'] = old; "
        "from transactive_integrations.crewai import TransactiveMemory"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert "crewai>=1.15" in done.stderr
