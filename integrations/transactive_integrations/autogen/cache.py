"""AutoGen's `CacheStore`: answers of models, kept across processes."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Generic, Self, TypeVar, cast

from autogen_core import CacheStore, Component
from autogen_core.models import CreateResult
from pydantic import Field, JsonValue, PydanticSchemaGenerationError, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from transactive import Agent
from transactive.errors import InvalidInput
from transactive.namespaces import check_path
from transactive.records import Degrade
from transactive_integrations.autogen.stores import HandleConfig, Lease, described
from transactive_integrations.common import Guard, log

T = TypeVar("T")
ANSWERS = Annotated[CreateResult | list[str | CreateResult] | JsonValue, Field(union_mode="left_to_right")]
"""What AutoGen's `ChatCompletionCache` keeps, or whatever else JSON holds."""


class TransactiveCacheStoreConfig(HandleConfig):
    """What `dump_component` writes of a cache."""

    namespace: str | None = None
    ttl: str | None = None
    degrade: Degrade = "raise"


class TransactiveCacheStore(CacheStore[T], Component[TransactiveCacheStoreConfig], Generic[T]):
    """Keeps values under keys, for `ChatCompletionCache(client, TransactiveCacheStore(agent))`.

    Args:
        agent: The identity; one bound to a user has the values of that user alone, an unbound one those of no user.
        namespace: Where; by default in the agent's private one, under `autogen/cache`. It is the cache's alone.
        ttl: How long a value lives, such as `"7d"`.
        holds: The type of the values, as pydantic takes it; by default what `ChatCompletionCache` keeps, or anything
            that JSON holds.
        degrade: With `text` or `empty` a memory that fails is logged and counted, and answers as an empty cache does.
    """

    component_config_schema = TransactiveCacheStoreConfig
    component_provider_override = "transactive_integrations.autogen.TransactiveCacheStore"

    def __init__(
        self,
        agent: Agent,
        *,
        namespace: str | None = None,
        ttl: timedelta | str | None = None,
        holds: Any = None,
        degrade: Degrade = "raise",
    ) -> None:
        self.agent = agent
        self.namespace = check_path(f"{agent.namespace}/autogen/cache" if namespace is None else namespace)
        self.guard = Guard(degrade)
        self._named = namespace
        self._ttl = ttl
        self._typed = holds is not None
        try:
            self._type: TypeAdapter[Any] = TypeAdapter(ANSWERS if holds is None else holds)
        except PydanticSchemaGenerationError as error:
            raise InvalidInput(f"holds is a type that pydantic knows: {error}") from None
        self._lease: Lease | None = None

    @property
    def degradations(self) -> int:
        """How often the memory failed, and a value was not given or not kept; never with `degrade="raise"`."""
        return self.guard.degradations

    def get(self, key: str, default: T | None = None) -> T | None:
        """The value under a key, a copy each time; `default` when there is none, or it is of another type now."""

        def read() -> Any:
            document = self.agent.documents.get(self.namespace, key)
            if document is None or document.user != self.agent.user:
                return default
            try:
                return self._type.validate_python(document.value["value"])
            except (ValidationError, KeyError, TypeError) as error:
                log.warning("a cached value is of another type, and counts as absent: %s", type(error).__name__)
                return default

        return cast("T | None", self.guard.run("cache", read, lambda _: default))

    def set(self, key: str, value: T) -> None:
        """Keep a value under a key.

        Raises:
            InvalidInput: it is not what `holds` says, or not what JSON holds.
        """
        try:
            kept = {"value": self._type.dump_python(self._type.validate_python(value, strict=True), mode="json")}
        except (ValidationError, PydanticSerializationError) as error:
            raise InvalidInput(f"the value is not what this cache holds (holds=…): {error}") from None
        self.guard.run(
            "cache", lambda: self.agent.documents.put(self.namespace, key, kept, ttl=self._ttl), lambda _: None
        )

    def clear(self) -> int:
        """Delete every value, of a handle bound to a user that user's; returns how many there were."""
        return self.agent.documents.clear(self.namespace, where={"user": self.agent.user})

    def close(self) -> None:
        """Give back the store that was opened for a loaded cache."""
        if self._lease is not None:
            self._lease.close()

    def _to_config(self) -> TransactiveCacheStoreConfig:
        if self._typed:
            raise InvalidInput("a cache with holds=… cannot be dumped: a config names no types")
        ttl = f"{self._ttl.total_seconds()}s" if isinstance(self._ttl, timedelta) else self._ttl
        return TransactiveCacheStoreConfig(
            **described(self.agent), namespace=self._named, ttl=ttl, degrade=self.guard.degrade
        )

    @classmethod
    def _from_config(cls, config: TransactiveCacheStoreConfig) -> Self:
        lease, agent = Lease.of(config)
        cache = cls(agent, namespace=config.namespace, ttl=config.ttl, degrade=config.degrade)
        cache._lease = lease
        return cache
