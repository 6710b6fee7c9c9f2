import json

import numpy as np
from matplotlib import image

from training.report import Report
from training.run_folder import RunFolder


def make_run(path):
    run = RunFolder(path)
    run.write_config({"command": "train x", "recipe_values": {"a": "```"}})
    return run


def test_figures_are_written_where_the_report_names_them(tmp_path):
    run = make_run(tmp_path)
    report = Report("Title")
    picture = np.zeros((3, 4, 1), "float32")
    picture[1, 2] = 1.0
    report.add_figure("dot", "One dot", picture)
    report.write(run, ["progress"])
    text = run.report.read_text()
    assert "## One dot\n\n![One dot](figures/dot.png)" in text
    read = image.imread(run.figures / "dot.png")[..., :3]
    np.testing.assert_allclose(read, picture.repeat(3, -1), atol=1 / 255)


def test_curves_are_drawn_where_there_is_a_history(tmp_path):
    report = Report("Title")
    report.add_curves([], ["nll"], "nats")
    assert not report.figures
    history = [{"epoch": i, "nll": 9.0 - i} for i in range(4)]
    report.add_curves(history, ["nll"], "nats", {"goal": 5.0}, "Curves")
    ((name, caption, drawn),) = report.figures
    assert (name, caption) == ("curves", "Curves")
    flat = [{**h, "nll": 9.0} for h in history]
    other = Report("Title")
    other.add_curves(flat, ["nll"], "nats", {"goal": 5.0}, "Curves")
    assert (other.figures[0][2] != drawn).any()


def test_a_report_survives_bars_and_fences(tmp_path):
    run = make_run(tmp_path)
    report = Report("Title")
    report.add("p(x | y)", "1.0", "", "of a | b")
    report.metrics.update(p=1.0, interval=np.float64("nan"))
    report.write(run, [])
    text = run.report.read_text()
    assert r"| p(x \| y) | 1.0 |  | of a \| b |" in text
    assert "\n````json\n" in text and "the data changed" not in text
    config = run.read_config()
    own = report.markdown(config | {"overrides": ["data=npz:a.npz"]}, [])
    assert "As described; what the data changed is said above." in own
    assert json.loads(run.results.read_text()) == {
        "p": 1.0,
        "interval": None,
    }
