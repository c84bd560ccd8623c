"""Makes the bundled static model again from the original.

    pip install "model2vec[distill]==0.10.*"
    python benchmarks/make_static_model.py FOLDER

Downloads sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0) and needs a few minutes of CPU. The result stands in
`core/transactive/embedding/static_minilm`, with its NOTICE.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

ORIGINAL = "sentence-transformers/all-MiniLM-L6-v2"


def main(folder: Path) -> None:
    distill = importlib.import_module("model2vec.distill").distill  # not among the project's own dependencies
    model = distill(ORIGINAL, pca_dims=256, sif_coefficient=1e-4, quantize_to="int8")
    model.save_pretrained(str(folder))
    print(f"{folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(str(__doc__))
    main(Path(sys.argv[1]))
