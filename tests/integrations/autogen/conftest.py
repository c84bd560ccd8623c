"""AutoGen's own reports stay here."""

import os

os.environ.update(OTEL_SDK_DISABLED="true", AUTOGEN_DISABLE_RUNTIME_TRACING="true", DO_NOT_TRACK="1")
