"""Systems timed beside what people would use instead."""

# Modules with a `TITLE` and `benchmark(repeats, threads) -> Markdown`.
BENCHMARKS = {
    "adversarial": "training.benchmarks.adversarial",
    "captions": "training.benchmarks.captions",
    "checkpoints": "training.benchmarks.checkpoints",
    "dalle": "training.benchmarks.dalle",
    "nade": "training.benchmarks.nade",
    "pixels": "training.benchmarks.pixels",
    "recurrent": "training.benchmarks.recurrent",
    "restarts": "training.benchmarks.restarts",
    "serving": "training.benchmarks.serving",
    "transformer": "training.benchmarks.transformer",
    "translation": "training.benchmarks.translation",
    "vae": "training.benchmarks.vae",
    "vit": "training.benchmarks.vit",
}
PAGE = "docs/benchmarks.md"
