"""LangChain's own reports stay here."""

import os

os.environ.update(LANGSMITH_TRACING="false", LANGCHAIN_TRACING_V2="false", ANONYMIZED_TELEMETRY="false")
