"""Draw the small pictures of "How to read this" anew, from real trainings on scikit-learn's digits.

make screenshots
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from digitcore.datasets import load_dataset  # noqa: E402
from digitcore.datasets.dataset import features  # noqa: E402
from digitcore.evaluation import confusion_counts, predictions  # noqa: E402
from digitcore.evaluation.calibration import confidence_table, coverage_table, reliability_table  # noqa: E402
from digitcore.evaluation.comparison import compare_predictions  # noqa: E402
from digitcore.evaluation.lr_range import suggested_learning_rate  # noqa: E402
from digitcore.evaluation.robustness import robustness_table  # noqa: E402
from digitcore.experiments.axes import Range  # noqa: E402
from digitcore.experiments.lr_range import lr_range_test  # noqa: E402
from digitcore.experiments.plans import RECIPE_ITSELF, CrossValidation, RecipeTables  # noqa: E402
from digitcore.experiments.run_plan import learning_curve, sweep  # noqa: E402
from digitcore.experiments.tables import learning_curve_table, spread  # noqa: E402
from digitcore.images import palette  # noqa: E402
from digitcore.insight.attribution import contributions  # noqa: E402
from digitcore.insight.layer_tables import quantiles_table  # noqa: E402
from digitcore.insight.projection import principal_components  # noqa: E402
from digitcore.insight.stepper import Stepper  # noqa: E402
from digitcore.insight.weight_images import first_layer_images  # noqa: E402
from digitcore.runs.training import images_and_labels, model_for, split_for, train_spec  # noqa: E402
from digitcore.specs.recipes import RECIPES  # noqa: E402
from digitcore.specs.run_spec import RunSpec  # noqa: E402

FOLDER = ROOT / "pages" / "parts" / "reading"
WIDTH, HEIGHT = 300, 170
LEFT, RIGHT, TOP, BOTTOM = 30, 292, 12, 146
# The page puts its own colour of text here.
INK = "currentColor"
TRAIN, TEST = palette.part_color("train"), palette.part_color("test")
WRONG, MUTED, ACCENT = palette.part_color("validation"), palette.MUTED, palette.ACCENT
CLASS_COLORS = (ACCENT, palette.part_color("validation"), palette.part_color("test"), MUTED)

MLP = RunSpec(
    dataset="digits",
    model="mlp",
    split={"max_train": 150, "validation": "test"},
    parameters={"hidden_units": (64,), "epochs": 60, "optimizer": "adam", "learning_rate": 0.003},
)
SOFTMAX = RunSpec(
    dataset="digits",
    model="softmax",
    split={"max_train": 150},
    parameters={"epochs": 40, "learning_rate": 0.3},
)


def main() -> None:
    for name, draw in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(draw(), encoding="utf-8")
        print(f"pages/parts/reading/{name}.svg")


# Marks.


def svg(marks: Iterable[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">'
    return f"{head}{''.join(marks)}</svg>\n"


def text(x: float, y: float, words: str, *, anchor: str = "start", color: str = INK, size: int = 11) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"'
    return f'<text {place} fill="{color}">{escape(words)}</text>'


def line(points: np.ndarray, color: str, *, width: float = 2, dash: str = "") -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="{width}"{dashed}/>'


def area(points: np.ndarray, color: str, opacity: float) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polygon points="{path}" fill="{color}" fill-opacity="{opacity}"/>'


def rect(x: float, y: float, width: float, height: float, color: str, extra: str = "") -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{color}"{extra}/>'


def frame(x: float, y: float, side: float) -> str:
    return rect(x, y, side, side, "none", f' stroke="{WRONG}" stroke-width="2.5"')


def dot(x: float, y: float, color: str, radius: float = 3) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{color}"/>'


def axes(x_title: str, y_title: str) -> list[str]:
    corner = np.array([[LEFT, TOP], [LEFT, BOTTOM], [RIGHT, BOTTOM]])
    middle = (TOP + BOTTOM) / 2
    upright = (
        f'<text x="18" y="{middle}" font-size="11" text-anchor="middle" fill="{INK}" '
        f'transform="rotate(-90 18 {middle})">{escape(y_title)}</text>'
    )
    return [
        line(corner, MUTED, width=1),
        text((LEFT + RIGHT) / 2, HEIGHT - 8, x_title, anchor="middle"),
        upright,
    ]


def placed(x: Sequence[float], y: Sequence[float], x_ends: tuple[float, float], y_ends: tuple[float, float]):
    """Return the points ``(n, 2)`` of values between the ends of two axes."""
    across = (np.asarray(x, float) - x_ends[0]) / (x_ends[1] - x_ends[0])
    up = (np.asarray(y, float) - y_ends[0]) / (y_ends[1] - y_ends[0])
    return np.stack([LEFT + across * (RIGHT - LEFT), BOTTOM - up * (BOTTOM - TOP)], axis=1)


def mixed(share: float, stops: Sequence[str]) -> str:
    """Return the colour at a share (0 to 1) of a scale."""
    channels = np.array([palette.rgb(stop) for stop in stops], dtype=float).T
    places = np.linspace(0, 1, len(stops))
    return "#{:02x}{:02x}{:02x}".format(*(round(np.interp(share, places, channel)) for channel in channels))


def pixels(values: np.ndarray, x: float, y: float, side: float, stops: Sequence[str], limits: tuple[float, float]):
    """Return the squares of an image ``(height, width)``."""
    for (row, column), value in np.ndenumerate(values):
        share = (value - limits[0]) / (limits[1] - limits[0])
        yield rect(x + column * side, y + row * side, side, side, mixed(float(share), stops))


# Pictures.


def curves() -> str:
    epochs = train_spec(MLP).epochs
    numbers = [epoch.number for epoch in epochs]
    train, held_out = [epoch.train_loss for epoch in epochs], [epoch.validation_loss for epoch in epochs]
    ends = (1, numbers[-1]), (0, max(train))
    train_points, test_points = placed(numbers, train, *ends), placed(numbers, held_out, *ends)
    gap = np.array([train_points[-4], test_points[-4]])
    return svg(
        [
            *axes("Epoch", "Loss"),
            line(train_points, TRAIN),
            line(test_points, TEST),
            line(gap, INK, width=1, dash="3 2"),
            text(gap[0][0] - 5, gap.mean(axis=0)[1] + 4, "gap", anchor="end"),
            text(train_points[12][0] - 4, train_points[12][1] + 4, "train", anchor="end", color=TRAIN),
            text(test_points[12][0] + 6, test_points[12][1] - 4, "test", color=TEST),
        ]
    )


def confusion() -> str:
    truth, probabilities, n_classes = softmax_on_test()
    counts = confusion_counts(truth, predictions(probabilities), n_classes)
    side, x0, y0 = 12.5, 92, 22
    marks = [text(x0 + 62, 14, "taken for", anchor="middle"), text(x0 - 8, y0 + 66, "true class", anchor="end")]
    for (row, column), count in np.ndenumerate(counts):
        share = np.log1p(count) / np.log1p(counts.max())
        place = (x0 + column * side, y0 + row * side, side - 1, side - 1)
        empty = f' stroke="{MUTED}" stroke-opacity="0.3"'
        color = mixed(share, palette.SEQUENTIAL_STOPS["light"]) if count else "none"
        marks.append(rect(*place, color, "" if count else empty))
    wrong = counts - np.diag(counts.diagonal())
    row, column = divmod(int(wrong.argmax()), n_classes)
    marks.append(frame(x0 + column * side - 1, y0 + row * side - 1, side + 1))
    words = f"{wrong.max()} × {row} as {column}"
    marks.append(text(x0 + 132, y0 + row * side + 10, words))
    return svg(marks)


def class_balance() -> str:
    split = split_for(MLP.with_changes(split={"max_train": None}))
    counts = [(np.bincount(part.labels), color) for part, color in ((split.train, TRAIN), (split.test, TEST))]
    marks = axes("Class", "Images")
    most = max(values.max() for values, _ in counts)
    for place, (values, color) in enumerate(counts):
        for number, value in enumerate(values.tolist()):
            (x, top), (right, _) = placed([number, number + 0.4], [value, 0], (-0.2, 10), (0, 1.15 * most))
            marks.append(rect(x + place * (right - x), top, right - x, BOTTOM - top, color))
    words = [text(LEFT + 8, TOP + 6, "train", color=TRAIN), text(LEFT + 48, TOP + 6, "test", color=TEST)]
    return svg([*marks, *words])


def batch_losses() -> str:
    spec = MLP.with_changes(
        split={"max_train": None}, parameters={"optimizer": "sgd", "learning_rate": 0.3, "epochs": 8}
    )
    split = split_for(spec)
    stepper = Stepper(model_for(spec, split.dataset), *images_and_labels(split.train, spec.scaling))
    stepper.step(150)
    losses = stepper.losses
    points = placed(range(len(losses)), losses, (0, len(losses)), (0, 1.05 * max(losses)))
    marks = [dot(x, y, TRAIN, 2) for x, y in points]
    return svg([*axes("Batch", "Loss"), line(points, TRAIN, width=1), *marks])


def robustness() -> str:
    spec = MLP.with_changes(split={"max_train": None})
    split = split_for(spec)
    model = model_for(spec, split.dataset).fit(*images_and_labels(split.train, spec.scaling))
    most = split.dataset.max_value

    def predict(images: np.ndarray) -> np.ndarray:
        return model.predict(features(images, max_value=most, scaling=spec.scaling))

    table = robustness_table(predict, split.test.images, split.test.labels, corruptions=["shift"], max_value=most)
    ends = (0, 5), (0, 1.02)
    upper, lower = (placed(table["severity"], table[f"accuracy_{end}"], *ends) for end in ("high", "low"))
    band = area(np.concatenate([upper, lower[::-1]]), TEST, 0.3)
    words = text(RIGHT, TOP + 14, "images shifted", anchor="end")
    return svg(
        [*axes("Severity", "Accuracy"), band, line(placed(table["severity"], table["accuracy"], *ends), TEST), words]
    )


def reliability() -> str:
    truth, probabilities, _ = softmax_on_test()
    table = reliability_table(truth, probabilities)
    marks = axes("Confidence", "Accuracy")
    for row in table[table["n_images"] > 0].itertuples():
        (left, top), (right, _) = placed([row.low, row.high], [row.accuracy, 0], (0, 1), (0, 1))
        marks.append(rect(left + 1, top, right - left - 2, BOTTOM - top, ACCENT, ' fill-opacity="0.7"'))
    marks.append(line(placed([0, 1], [0, 1], (0, 1), (0, 1)), INK, width=1.5, dash="4 3"))
    return svg(marks)


def confidence() -> str:
    truth, probabilities, _ = softmax_on_test()
    table = confidence_table(truth, probabilities)
    most = np.log1p(table["n_images"].max())
    marks = axes("Confidence", "Images")
    for row in table.itertuples():
        height = np.log1p(row.n_images) / most
        (left, top), (right, _) = placed([row.low, row.high], [height, 0], (0, 1), (0, 1))
        width, is_right = (right - left) / 2 - 1, row.outcome == "right"
        color = ACCENT if is_right else WRONG
        marks.append(rect(left + (0 if is_right else width), top, width, BOTTOM - top, color))
    words = [text(LEFT + 12, TOP + 12, "right", color=ACCENT), text(LEFT + 12, TOP + 26, "wrong", color=WRONG)]
    return svg([*marks, *words])


def coverage() -> str:
    truth, probabilities, _ = softmax_on_test()
    table = coverage_table(truth, probabilities)
    lowest = table["accuracy"].min() - 0.02
    return svg(
        [
            *axes("Share of images answered", "Accuracy"),
            line(placed(table["coverage"], table["accuracy"], (0, 1), (lowest, 1.01)), ACCENT),
        ]
    )


def weights() -> str:
    outcome = train_spec(SOFTMAX)
    images = first_layer_images("softmax", outcome.arrays.weights, (8, 8))
    limit = np.abs(images).max()
    marks = []
    for x, digit in ((30, 0), (165, 3)):
        marks += pixels(images[digit], x, 24, 14, palette.DIVERGING_STOPS["light"], (-limit, limit))
        marks.append(text(x + 56, 16, f"for a {digit}", anchor="middle"))
    return svg([*marks, text(LEFT, 160, "blue excites, orange inhibits")])


def distributions() -> str:
    table = quantiles_table(train_spec(MLP).arrays.snapshots, "weights", "dense_1")
    ends = (0, table["epoch"].max()), (table["q05"].min() * 1.1, table["q95"].max() * 1.1)
    marks = axes("Epoch", "Weights")
    for low, high, opacity in (("q05", "q95", 0.3), ("q25", "q75", 0.5)):
        upper, lower = placed(table["epoch"], table[high], *ends), placed(table["epoch"], table[low], *ends)
        marks.append(area(np.concatenate([upper, lower[::-1]]), ACCENT, opacity))
    return svg([*marks, line(placed(table["epoch"], table["q50"], *ends), ACCENT)])


def probability() -> str:
    truth, probabilities, n_classes = softmax_on_test()
    sure = probabilities.max(axis=1)
    image = int(np.abs(np.where(predictions(probabilities) == truth, sure, 0) - 0.7).argmin())
    marks = []
    for digit in range(n_classes):
        y, share = 12 + 15 * digit, float(probabilities[image, digit])
        color = ACCENT if digit == truth[image] else MUTED
        marks.append(text(LEFT - 6, y + 10, str(digit), anchor="end"))
        marks.append(rect(LEFT, y, max(200 * share, 0.5), 11, color))
        marks.append(text(LEFT + 200 * share + 5, y + 10, f"{100 * share:.0f} %"))
    return svg(marks)


def why() -> str:
    test = split_for(SOFTMAX).test
    outcome = train_spec(SOFTMAX)
    image = test.images[int(np.flatnonzero(test.labels == 3)[0])] / test.dataset.max_value
    weight = outcome.arrays.weights["output.weight"]
    shown = contributions(weight, image.ravel(), (8, 8))[3]
    limit = np.abs(shown).max()
    return svg(
        [
            *pixels(image, 30, 24, 14, (palette.TILE_DARK, palette.TILE_LIGHT), (0, 1)),
            *pixels(shown, 165, 24, 14, palette.DIVERGING_STOPS["light"], (-limit, limit)),
            text(86, 16, "the image", anchor="middle"),
            text(221, 16, "for and against 3", anchor="middle"),
        ]
    )


def map_of_images() -> str:
    digits = load_dataset("digits")
    model = train_spec(SOFTMAX)
    chosen = np.flatnonzero(np.isin(digits.labels, (0, 1, 4, 6)))[:160]
    images, labels = digits.images[chosen] / digits.max_value, digits.labels[chosen]
    flat = images.reshape(len(images), -1)
    scores = flat @ model.arrays.weights["output.weight"].T + model.arrays.weights["output.bias"]
    x, y = principal_components(flat, 2).T
    points = placed(x, y, (x.min(), x.max()), (y.min(), y.max()))
    marks = []
    for (left, top), label, score in zip(points, labels, scores, strict=True):
        color = CLASS_COLORS[(0, 1, 4, 6).index(int(label))]
        if score.argmax() == label:
            marks.append(dot(left, top, color))
        else:
            marks.append(text(left, top + 4, "×", anchor="middle", color=color, size=16))
    for digit in (0, 1, 4, 6):
        middle = np.median(points[labels == digit], axis=0)
        marks.append(text(middle[0], middle[1] + 6, str(digit), anchor="middle", size=18))
    return svg(marks)


def quiz() -> str:
    truth, probabilities, _ = softmax_on_test()
    wrong = int(np.flatnonzero(predictions(probabilities) != truth)[0])
    image = split_for(SOFTMAX).test.images[wrong]
    marks = [rect(20, 20, 130, 130, palette.TILE_DARK)]
    marks += pixels(image, 29, 29, 14, (palette.TILE_DARK, palette.TILE_LIGHT), (0, 16))
    for digit in range(10):
        x, y = 178 + 38 * (digit % 3), 24 + 32 * (digit // 3)
        marks.append(rect(x, y, 32, 26, "none", f' rx="4" stroke="{MUTED}"'))
        marks.append(text(x + 16, y + 17, str(digit), anchor="middle"))
    return svg(marks)


def folds() -> str:
    plan = CrossValidation(SOFTMAX.with_changes(split={"max_train": None}, parameters={"epochs": 20}), 5)
    accuracies = [[epoch.validation_accuracy for epoch in train_spec(member.spec).epochs] for member in plan.members]
    rows = [spread(epoch) for epoch in zip(*accuracies, strict=True)]
    numbers = range(1, len(rows) + 1)
    low, high, mean = ([row[name] for row in rows] for name in ("low", "high", "mean"))
    ends = (1, len(rows)), (min(low), max(high))
    band = np.concatenate([placed(numbers, high, *ends), placed(numbers, low, *ends)[::-1]])
    words = text(RIGHT, BOTTOM - 10, "mean and spread of 5 folds", anchor="end")
    return svg([*axes("Epoch", "Accuracy"), area(band, TEST, 0.3), line(placed(numbers, mean, *ends), TEST), words])


def fold_scores() -> str:
    plan = CrossValidation(SOFTMAX.with_changes(split={"max_train": None}, parameters={"epochs": 60}), 5)
    folds_parts = [train_spec(member.spec).evaluation.parts for member in plan.members]
    rows = {part: [parts[part].accuracy for parts in folds_parts] for part in ("train", "validation")}
    low, high = min(map(min, rows.values())), max(map(max, rows.values()))
    marks = axes("Fold", "Accuracy")
    for accuracies, color in zip(rows.values(), (TRAIN, WRONG), strict=True):
        points = placed(range(1, 6), accuracies, (0.5, 5.5), (low - 0.01, high + 0.02))
        marks += [dot(x, y, color, 4) for x, y in points]
    words = [text(LEFT + 8, TOP + 6, "train", color=TRAIN), text(LEFT + 48, TOP + 6, "held out", color=WRONG)]
    return svg([*marks, *words])


def sweep_of_rates() -> str:
    table = sweep(MLP, {"learning_rate": Range(0.0001, 1, n=9, scale="log")}, n_seeds=4)
    groups = table.groupby("learning_rate")["test_accuracy"]
    rows = [(rate, spread(values.dropna())) for rate, values in groups]
    rows = [(rate, row) for rate, row in rows if row["n"]]
    best = max(row["mean"] for _, row in rows)
    low, high = min(row["low"] for _, row in rows), max(row["high"] for _, row in rows)
    ends = (-4.2, 0.2), (low - 0.03, high + 0.03)
    middle = placed([np.log10(rate) for rate, _ in rows], [row["mean"] for _, row in rows], *ends)
    marks = [line(middle, MUTED, width=1)]
    for (rate, row), (x, y) in zip(rows, middle, strict=True):
        color = ACCENT if row["mean"] == best else MUTED
        marks.append(line(placed([np.log10(rate)] * 2, [row["low"], row["high"]], *ends), color))
        marks.append(dot(x, y, color, 5 if row["mean"] == best else 3.5))
    return svg([*axes("Learning rate", "Accuracy"), *marks])


def heat() -> str:
    table = sweep(SOFTMAX, {"learning_rate": [0.003, 0.01, 0.03, 0.1, 0.3], "batch_size": [8, 32, 128, None]})
    scores = table["test_accuracy"].to_numpy(dtype=float).reshape(5, 4)
    marks = [text(175, HEIGHT - 8, "Learning rate", anchor="middle"), text(80, 80, "Batch size", anchor="end")]
    low, high = np.nanmin(scores), np.nanmax(scores)
    for (column, row), score in np.ndenumerate(scores):
        share = (score - low) / (high - low)
        marks.append(rect(90 + 36 * column, 14 + 33 * row, 34, 31, mixed(share, palette.SEQUENTIAL_STOPS["light"])))
        ink = "#ffffff" if share > 0.5 else "#000000"
        marks.append(text(107 + 36 * column, 34 + 33 * row, f"{100 * score:.0f}", anchor="middle", color=ink))
    return svg(marks)


def parallel() -> str:
    values = {"learning_rate": Range(0.001, 1, n=5, scale="log"), "batch_size": [8, 32, 128], "seed": [0, 1, 2]}
    table = sweep(SOFTMAX, values, n_random=12)
    columns = [np.log(table["learning_rate"].to_numpy(dtype=float)), np.log(table["batch_size"].to_numpy(dtype=float))]
    columns += [table["seed"].to_numpy(dtype=float), table["test_accuracy"].to_numpy(dtype=float)]
    places = np.stack([(each - each.min()) / (np.ptp(each) or 1) for each in columns], axis=1)
    uprights = [(44 + 75 * number, title) for number, title in enumerate(("rate", "batch", "seed", "accuracy"))]
    marks = []
    for x, title in uprights:
        marks.append(line(np.array([[x, 22], [x, 140]]), MUTED, width=1))
        marks.append(text(x, 158, title, anchor="middle"))
    for row in places:
        points = np.array([[x, 140 - 118 * share] for (x, _), share in zip(uprights, row, strict=True)])
        marks.append(line(points, ACCENT if row[-1] == 1 else MUTED, width=3.5 if row[-1] == 1 else 1))
    return svg(marks)


def curve_of_sizes() -> str:
    sizes = [20, 50, 120, 300, 700, 1347]
    table = learning_curve_table(learning_curve(SOFTMAX.with_changes(split={"max_train": None}), sizes, n_repeats=3))
    ends = (np.log(sizes[0]), np.log(sizes[-1])), (table["low"].min(), 1.01)
    marks = axes("Training images", "Accuracy")
    for part, color in (("train", TRAIN), ("test", TEST)):
        own = table[table["part"] == part]
        across = np.log(own["n_train"])
        upper, lower = placed(across, own["high"], *ends), placed(across, own["low"], *ends)
        marks.append(area(np.concatenate([upper, lower[::-1]]), color, 0.25))
        points = placed(across, own["mean"], *ends)
        marks.append(line(points, color))
        shift = 14 if part == "train" else 30
        marks.append(text(RIGHT, (TOP + BOTTOM) / 2 + shift, part, anchor="end", color=color))
    return svg(marks)


def range_test() -> str:
    table = lr_range_test(MLP.with_changes(split={"max_train": None}))
    suggested = suggested_learning_rate(table)
    most = table["smoothed"].iloc[0] * 1.6
    shown = table[table["smoothed"] <= most]
    ends = (np.log10(table["learning_rate"].iloc[0]), np.log10(table["learning_rate"].iloc[-1])), (0, most)
    (point,) = placed([np.log10(suggested)], [np.interp(suggested, table["learning_rate"], table["smoothed"])], *ends)
    return svg(
        [
            *axes("Learning rate", "Loss"),
            line(placed(np.log10(shown["learning_rate"]), shown["smoothed"], *ends), ACCENT),
            dot(*point, WRONG, 5),
            text(point[0] - 8, point[1] + 14, "suggested", anchor="end"),
        ]
    )


def published() -> str:
    variation = RECIPES["digits-mlp"].variations[0]
    members = RecipeTables("digits-mlp", 3).members
    own = [member for member in members if member.values["table"] == variation.title != RECIPE_ITSELF]
    measured = {label: [] for label in variation.labels}
    for member in own:
        measured[member.values["column"]].append(train_spec(member.spec).evaluation.parts["test"].accuracy)
    rows = [spread(values) for values in measured.values()]
    low = min(*variation.accuracies, *(row["low"] for row in rows)) - 0.02
    high = max(*variation.accuracies, *(row["high"] for row in rows)) + 0.02
    ends = (-0.6, len(rows) - 0.4), (low, high)
    marks = axes(variation.title, "Accuracy")
    for place, (row, figure) in enumerate(zip(rows, variation.accuracies, strict=True)):
        ((x, y),) = placed([place - 0.15], [figure], *ends)
        marks.append(area(np.array([[x, y - 6], [x + 6, y], [x, y + 6], [x - 6, y]]), MUTED, 1))
        marks.append(line(placed([place + 0.15] * 2, [row["low"], row["high"]], *ends), ACCENT))
        marks.append(dot(*placed([place + 0.15], [row["mean"]], *ends)[0], ACCENT, 4))
    words = [text(LEFT + 8, TOP + 10, "◆ published", color=MUTED), text(LEFT + 90, TOP + 10, "● here", color=ACCENT)]
    return svg([*marks, *words])


def difference() -> str:
    truth, softmax = on_test(SOFTMAX)
    others = (
        ("rate 0.3 minus rate 0.03", SOFTMAX.with_changes(parameters={"learning_rate": 0.03})),
        ("softmax minus MLP", MLP),
    )
    found = [(words, compare_predictions(truth, softmax, on_test(spec)[1])) for words, spec in others]
    ends = (1.2 * min(each.low for _, each in found), 1.05 * max(each.high for _, each in found)), (0, 1)
    zero = placed([0, 0], [0, 1], *ends)
    marks = [line(zero, INK, width=1, dash="3 2"), text(zero[0][0], HEIGHT - 8, "no difference", anchor="middle")]
    for (words, each), height in zip(found, (0.75, 0.2), strict=True):
        is_real = each.low > 0 or each.high < 0
        color = ACCENT if is_real else MUTED
        (left, y), (right, _) = placed([each.low, each.high], [height, height], *ends)
        marks.append(line(np.array([[left, y], [right, y]]), color, width=4))
        marks.append(dot(*placed([each.difference], [height], *ends)[0], color, 5))
        said = "real" if is_real else "cannot be told apart"
        # Beside the dashed line.
        x, anchor = (right, "end") if is_real else (right + 8, "start")
        marks.append(text(x, y - (12 if is_real else 2), words, anchor=anchor))
        marks.append(text(x, y + (20 if is_real else 12), said, anchor=anchor, color=color))
    return svg(marks)


def compared_curves() -> str:
    marks, lines = axes("Epoch", "Test accuracy"), []
    for rate, color in ((0.3, ACCENT), (0.01, WRONG)):
        spec = SOFTMAX.with_changes(split={"validation": "test"}, parameters={"learning_rate": rate})
        runs = [train_spec(spec.with_changes(random_state=seed)).epochs for seed in range(4)]
        epochs = [
            spread(epoch) for epoch in zip(*([each.validation_accuracy for each in run] for run in runs), strict=True)
        ]
        lines.append((rate, color, *([row[name] for row in epochs] for name in ("low", "high", "mean"))))
    ends = (1, len(lines[0][2])), (min(min(low) for _, _, low, _, _ in lines), 1.0)
    for rate, color, low, high, mean in lines:
        numbers = range(1, len(mean) + 1)
        band = np.concatenate([placed(numbers, high, *ends), placed(numbers, low, *ends)[::-1]])
        middle = placed(numbers, mean, *ends)
        marks += [area(band, color, 0.3), line(middle, color)]
        marks.append(text(RIGHT, middle[-1][1] + 18, f"rate {rate}, 4 seeds", anchor="end", color=color))
    return svg(marks)


def confusion_change() -> str:
    (truth, mlp), (_, softmax) = on_test(MLP), on_test(SOFTMAX)
    change = confusion_counts(truth, mlp, 10) - confusion_counts(truth, softmax, 10)
    side, x0, y0, most = 12.5, 92, 22, np.abs(change).max()
    marks = [text(x0 + 62, 14, "taken for", anchor="middle"), text(x0 - 8, y0 + 66, "true class", anchor="end")]
    for (row, column), value in np.ndenumerate(change):
        # By the root, as rare mistakes are what is looked for.
        share = 0.5 + 0.5 * np.sign(value) * np.sqrt(abs(value) / most)
        place = (x0 + column * side, y0 + row * side, side - 1, side - 1)
        empty = f' stroke="{MUTED}" stroke-opacity="0.3"'
        color = mixed(float(share), palette.DIVERGING_STOPS["light"]) if value else "none"
        marks.append(rect(*place, color, "" if value else empty))
    words = ((56, "B has more", ACCENT), (76, "B has fewer", WRONG))
    return svg([*marks, *(text(x0 + 136, y, said, color=color) for y, said, color in words)])


def on_test(spec: RunSpec) -> tuple[np.ndarray, np.ndarray]:
    """Return classes and predictions ``(n,)`` of the test part."""
    return split_for(spec).test.labels, predictions(train_spec(spec).arrays.probabilities["test"])


def softmax_on_test() -> tuple[np.ndarray, np.ndarray, int]:
    """Return classes ``(n,)`` and probabilities ``(n, n_classes)`` of the test part, and the number of classes."""
    test = split_for(SOFTMAX).test
    return test.labels, train_spec(SOFTMAX).arrays.probabilities["test"], test.dataset.n_classes


PICTURES: dict[str, Callable[[], str]] = {
    "curves": curves,
    "confusion": confusion,
    "class_balance": class_balance,
    "batch_losses": batch_losses,
    "robustness": robustness,
    "reliability": reliability,
    "confidence": confidence,
    "coverage": coverage,
    "weights": weights,
    "distributions": distributions,
    "probability": probability,
    "why": why,
    "map": map_of_images,
    "quiz": quiz,
    "folds": folds,
    "fold_scores": fold_scores,
    "sweep": sweep_of_rates,
    "heat": heat,
    "parallel": parallel,
    "learning_curve": curve_of_sizes,
    "lr_range": range_test,
    "published": published,
    "difference": difference,
    "compared_curves": compared_curves,
    "confusion_change": confusion_change,
}

if __name__ == "__main__":
    main()
