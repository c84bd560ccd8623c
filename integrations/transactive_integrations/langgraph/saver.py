"""LangGraph's checkpointer over `agent.checkpoints`."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

from transactive import Agent
from transactive.checkpoints import Checkpoints
from transactive.errors import InvalidInput
from transactive.records import Checkpoint as Stored
from transactive.records import CheckpointWrite, Degrade, Typed
from transactive_integrations.common import Guard, configured, missing

try:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import (
        WRITES_IDX_MAP,
        ChannelVersions,
        Checkpoint,
        CheckpointMetadata,
        CheckpointTuple,
        DeltaChannelHistory,
        PendingWrite,
        get_checkpoint_id,
        get_checkpoint_metadata,
    )
    from langgraph.checkpoint.serde.base import SerializerProtocol
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    from transactive_integrations.langgraph.awaited import AwaitedSaver
    from transactive_integrations.langgraph.loading import Loader
except ImportError as error:
    raise missing("langgraph") from error


class TransactiveSaver(AwaitedSaver):
    """A checkpointer: `builder.compile(checkpointer=TransactiveSaver(agent))`.

    Args:
        agent: The handle in whose name and for whose user threads are kept; the store itself is one too.
        namespace: Where; by default below the agent's private namespace. Whoever may read and write there shares them.
        serde: Another serialiser, such as LangGraph's `EncryptedSerializer`. By default msgpack in its strict form:
            only types known to be safe are made again; others come back as plain data, with a warning.
        allow: Further types of yours that may be made again.
        user: The name under which a config's `configurable` holds the user, such as `"user_id"`: each user then has
            threads of their own, whatever these are called. By default a thread is the boundary, as in LangGraph.
            What takes no config (`delete_thread`, `prune` …) acts for the handle's own user.
        degrade: What happens when the memory fails: with `"empty"` (or `"text"`) a thread starts anew and a step is not
            kept, which is logged and counted in `degradations`.
    """

    def __init__(
        self,
        agent: Agent,
        *,
        namespace: str | None = None,
        serde: SerializerProtocol | None = None,
        allow: Sequence[type] = (),
        user: str | None = None,
        degrade: Degrade = "raise",
    ) -> None:
        if not isinstance(agent, Agent):
            raise InvalidInput(f"TransactiveSaver takes an agent's handle, or the store, not {type(agent).__name__}")
        strict = JsonPlusSerializer(allowed_msgpack_modules=None).with_msgpack_allowlist(allow)
        super().__init__(serde=serde or strict)
        self._agent = agent
        self._kept = agent.checkpoints
        self._user = user
        self._loader = Loader(self.serde)
        self._namespace = f"{agent.namespace}/threads" if namespace is None else namespace
        self._guard = Guard(degrade)

    @property
    def degradations(self) -> int:
        """How often the memory failed and the graph went on without."""
        return self._guard.degradations

    def _of(self, config: RunnableConfig | None) -> Checkpoints:
        """The checkpoints of the user whom a config names, or of the handle's own."""
        user = None if self._user is None else configured(config, self._user)
        return self._kept if user is None else self._agent.bind(user=user).checkpoints

    # --- reading --------------------------------------------------------------------------------------------------

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint that a config names, by default its thread's latest."""
        thread, space = _place(config)
        id = get_checkpoint_id(config)
        stored = self._guard.run(
            "reading a checkpoint",
            lambda: self._of(config).get(thread, id, space=space, namespace=self._namespace),
            lambda _: None,
        )
        return None if stored is None else self._tuple(stored)

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Checkpoints, latest first: of a config's thread and program or, without one, of all."""
        given = {} if config is None else config["configurable"]
        thread = given.get("thread_id")
        found = self._guard.run(
            "listing checkpoints",
            lambda: self._of(config).list(
                None if thread is None else str(thread),
                space=given.get("checkpoint_ns"),
                id=given.get("checkpoint_id"),
                before=None if before is None else get_checkpoint_id(before),
                limit=limit,
                keep=self._fulfilling(filter) if filter else None,
                namespace=self._namespace,
            ),
            lambda _: [],
        )
        return map(self._tuple, found)

    def _fulfilling(self, filter: Mapping[str, Any]) -> Callable[[Stored], bool]:
        def keep(stored: Stored) -> bool:
            metadata = self._loaded(stored.metadata)
            return all(key in metadata and metadata[key] == value for key, value in filter.items())

        return keep

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """For each channel, its nearest stored value among the ancestors, and what was written since, in order."""
        thread, space = _place(config)
        id = get_checkpoint_id(config)
        ancestors = self._of(config).history(thread, id, channels=channels, space=space, namespace=self._namespace)
        found: dict[str, DeltaChannelHistory] = {channel: {"writes": []} for channel in channels}
        for stored in reversed(ancestors):
            for channel, value in stored.values.items():
                found[channel]["seed"] = self._loaded(value)
            for write in stored.writes:
                found[write.channel]["writes"].append(self._write(write))
        return found

    # --- writing --------------------------------------------------------------------------------------------------

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint; of its values, those whose version is new."""
        thread, space = _place(config)
        known = get_checkpoint_metadata(config, metadata)
        values = checkpoint["channel_values"]
        body = {key: value for key, value in checkpoint.items() if key != "channel_values"}
        run = known.get("run_id")
        put = partial(
            self._of(config).put,
            thread,
            checkpoint["id"],
            body=self.serde.dumps_typed(body),
            metadata=self.serde.dumps_typed(known),
            versions=checkpoint["channel_versions"],
            values={name: self.serde.dumps_typed(values[name]) for name in new_versions if name in values},
            parent=get_checkpoint_id(config),
            space=space,
            run=None if run is None else str(run),
            deltas=sorted(known.get("counters_since_delta_snapshot") or ()),
            namespace=self._namespace,
        )
        self._guard.run("storing a checkpoint", put, lambda _: None)
        return _config(thread, space, checkpoint["id"])

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a task wrote in the step after a checkpoint."""
        thread, space = _place(config)
        made = [
            CheckpointWrite(
                task=task_id,
                index=WRITES_IDX_MAP.get(channel, place),
                channel=channel,
                value=self.serde.dumps_typed(value),
                path=task_path,
            )
            for place, (channel, value) in enumerate(writes)
        ]
        id = config["configurable"]["checkpoint_id"]
        put = partial(self._of(config).put_writes, thread, id, made, space=space, namespace=self._namespace)
        self._guard.run("storing writes", put, lambda _: None)

    def delete_thread(self, thread_id: str) -> None:
        """Delete a thread with all that belongs to it."""
        self._kept.delete(str(thread_id), namespace=self._namespace)

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints of runs; those from which a delta channel of another one follows stay."""
        self._kept.delete_runs([str(run) for run in run_ids], namespace=self._namespace)

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread whole; `NotFound` without a source."""
        self._kept.copy(str(source_thread_id), str(target_thread_id), namespace=self._namespace)

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Keep, of each program in these threads, the latest checkpoint and what it follows from; or nothing."""
        if strategy not in {"keep_latest", "delete"}:
            raise InvalidInput(f"strategy is 'keep_latest' or 'delete', not {strategy!r:.40}")
        threads = [str(thread) for thread in thread_ids]
        self._kept.prune(threads, latest=strategy == "keep_latest", namespace=self._namespace)

    def get_next_version(self, current: str | None, channel: None) -> str:  # noqa: ARG002  # as the contract has it
        """Versions that sort by time, and that no two branches of a thread share."""
        last = 0 if current is None else current if isinstance(current, int) else int(str(current).split(".")[0])
        return f"{last + 1:032}.{random.random():016}"

    # --- between the two ------------------------------------------------------------------------------------------

    def _loaded(self, value: Typed) -> Any:
        if self._loader.serde is not self.serde:  # `with_allowlist` has made this one of another
            self._loader = Loader(self.serde)
        return self._loader.load(value)

    def _write(self, write: CheckpointWrite) -> PendingWrite:
        return write.task, write.channel, self._loaded(write.value)

    def _tuple(self, stored: Stored) -> CheckpointTuple:
        values = {channel: self._loaded(value) for channel, value in stored.values.items()}
        parent = stored.parent
        return CheckpointTuple(
            config=_config(stored.thread, stored.space, stored.id),
            checkpoint=cast("Checkpoint", {**self._loaded(stored.body), "channel_values": values}),
            metadata=self._loaded(stored.metadata),
            parent_config=None if parent is None else _config(stored.thread, stored.space, parent),
            pending_writes=[self._write(write) for write in stored.writes],
        )


def _place(config: RunnableConfig) -> tuple[str, str]:
    given = config.get("configurable") or {}
    if given.get("thread_id") in {None, ""}:
        raise InvalidInput("the config names no thread: {'configurable': {'thread_id': '…'}}")
    return str(given["thread_id"]), given.get("checkpoint_ns") or ""


def _config(thread: str, space: str, id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": space, "checkpoint_id": id}}
