"""The commands: what `python -m training COMMAND` runs."""

from training.commands import exports
from training.commands import runs
from training.commands import studies

COMMANDS = {
    "list": runs.list_recipes,
    "train": runs.train,
    "launch": runs.launch,
    "evaluate": runs.evaluate,
    "sample": runs.sample,
    "forecast": runs.forecast,
    "export": exports.export,
    "query": exports.query,
    "serve": exports.serve,
    "check-export": exports.check_export,
    "tokenizer": studies.tokenizer,
    "benchmark": studies.benchmark,
    "study": studies.study,
    "demo": studies.demo,
}
