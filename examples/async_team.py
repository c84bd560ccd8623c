"""The same verbs, awaited: agents that work at the same time."""

import asyncio

from transactive.aio import AsyncAgent, AsyncTeamMemory

TOPICS = {
    "indexes": "HNSW keeps a graph of neighbours in several layers.",
    "ranking": "BM25 weighs rare words more than frequent ones.",
    "storage": "SQLite in WAL mode lets readers go on while one writes.",
}


async def research(agent: AsyncAgent, finding: str) -> None:
    await agent.remember(f"Draft: {finding}")
    await agent.publish(finding, tags=["finding"])


async def main() -> None:
    async with await AsyncTeamMemory.open(":memory:") as team:
        await asyncio.gather(*(research(team.agent(name), finding) for name, finding in TOPICS.items()))

        editor = team.agent("editor")
        questions = ["which words count more?", "how are neighbours kept?"]
        for question, hits in zip(questions, await asyncio.gather(*map(editor.recall, questions)), strict=True):
            print(f"{question} {hits[0].memory.agent}: {hits[0].memory.text}")
        print("the editor reads", await editor.count(), "of", await team.count(), "memories")


if __name__ == "__main__":
    asyncio.run(main())
