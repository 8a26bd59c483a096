"""This project's own recipes over several seeds, each beside its peers in the same run; called by ``recipes.py``.

The peer of a CNN is its network and schedule in a plain PyTorch loop without a DataLoader; those of the 8x8 digits are
scikit-learn's, on the same splits. Contestants take turns. Seconds are those of a training alone, without loading and
evaluating. On a busy machine wall time says little; processor time says more, and most with one thread.
"""

import os
import time
from math import sqrt
from statistics import median

import torch
import torch.nn.functional as F
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC
from torch import nn

from digitcore.evaluation.comparison import summarise_seeds
from digitcore.models.ensemble import Ensemble, first_member
from digitcore.models.hard_examples import SHARE_OF_HARDEST, images_per_epoch
from digitcore.runs.training import images_and_labels, model_for, split_for, threads_for
from digitcore.specs.recipes import load_recipe


def measure(name, seeds, n_peers, n_threads):
    """Train a recipe with these seeds, its peers with the first ``n_peers``, and print a row for each contestant."""
    recipe = load_recipe(name)
    varied, figures = recipe.measured.varied, {}
    with threads_for(recipe.spec, n_threads):
        prepare(recipe.spec)
        for number in seeds:
            spec = varied_spec(recipe.spec, varied, number)
            data = split_for(spec)
            for contestant, train in contestants(spec).items():
                if train is not here and number >= seeds[0] + n_peers:
                    continue
                train_part, test_part = (rows_and_labels(part, spec.scaling) for part in (data.train, data.test))
                row, members = timed(lambda train=train, spec=spec, part=train_part: train(spec, part), test_part)
                figures.setdefault(contestant, []).append(row)
                if members:
                    figures.setdefault("one of the models that vote", []).extend(members)
                print(f"  {name}, {varied} {number}, {contestant}: {words(row)}", flush=True)
    print_rows(name, varied, figures)


def varied_spec(spec, varied, number):
    seed = {"random_state": spec.seed_of_repeat(number)}
    changes = {"split": {"random_state": number}} if varied == "split" else seed
    return spec.with_changes(**changes)


def prepare(spec):
    """Have everything compiled and imported before the first training is timed."""
    data = split_for(spec)
    X, y = rows_and_labels(data.train, spec.scaling)
    first_member(model_for(spec, data.dataset)).set_params(epochs=1).fit(X[:256], y[:256])


def rows_and_labels(part, scaling):
    """Return float32 ``(n_images, n_pixels)`` and labels."""
    images, labels = images_and_labels(part, scaling)
    return images.reshape(len(images), -1), labels


def contestants(spec):
    if spec.dataset == "digits":
        return {"here": here, "MLPClassifier": sklearn_mlp, "SVC(rbf)": sklearn_svc}
    return {"here": here, "plain PyTorch": plain_torch}


def timed(train, test_part):
    """Return test accuracy, wall seconds and processor seconds of a training, and of each model that votes."""
    wall, processor = time.perf_counter(), time.process_time()
    model = train()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    if not isinstance(model, Ensemble):
        return (model.score(*test_part), wall, processor), []
    X, y = test_part
    n = len(model.members)
    members = [(member.score(X, y), wall / n, processor / n) for member in model.members]
    return ((model.predict(X) == y).mean(), wall, processor), members


def here(spec, part):
    return model_for(spec, split_for(spec).dataset).fit(*part)


def sklearn_mlp(spec, part):
    return MLPClassifier((100,), max_iter=500, random_state=spec.random_state).fit(*part)


def sklearn_svc(spec, part):
    return SVC().fit(*part)


class Scored:
    """A torch module with the ``score`` of scikit-learn."""

    def __init__(self, module):
        self.module = module.eval()

    def score(self, X, y):
        with torch.no_grad():
            parts = [self.module(part).argmax(1) for part in torch.from_numpy(X).split(1000)]
        return (torch.cat(parts) == torch.from_numpy(y)).double().mean().item()


def plain_torch(spec, part):
    """Train the recipe's network as one writes it in PyTorch, with rows of a permutation for batches."""
    settings, (X, y) = spec.parameters, map(torch.from_numpy, part)
    torch.manual_seed(spec.random_state)
    module, n_batch = network(settings, X.shape[1]), settings["batch_size"]
    optimizer = torch.optim.SGD(
        module.parameters(),
        lr=settings["learning_rate"],
        momentum=settings["momentum"],
        nesterov=settings["momentum_kind"] == "nesterov",
        weight_decay=settings["weight_decay"],
    )
    n_per_epoch = images_per_epoch(settings, len(X))
    n_steps = settings["epochs"] * -(-n_per_epoch // n_batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings["learning_rate"], n_steps, pct_start=settings["warm_up"], cycle_momentum=False
    )
    loss_of = nn.CrossEntropyLoss(label_smoothing=settings["label_smoothing"])
    errors = torch.full((len(X),), torch.inf)
    for _ in range(settings["epochs"]):
        for rows in rows_of_epoch(errors, n_per_epoch).split(n_batch):
            optimizer.zero_grad()
            logits = module(changed(X[rows], settings))
            loss_of(logits, y[rows]).backward()
            if settings["max_norm"] is not None:
                nn.utils.clip_grad_norm_(module.parameters(), settings["max_norm"])
            optimizer.step()
            schedule.step()
            if n_per_epoch < len(X):
                errors[rows] = 1 - logits.detach().softmax(1).gather(1, y[rows, None])[:, 0]
    return Scored(module)


def rows_of_epoch(errors, n_per_epoch):
    """Return rows in random order: all, or the hardest and some others, as the recipe has it."""
    order = torch.randperm(len(errors))
    if n_per_epoch == len(errors):
        return order
    order = order[errors[order].argsort(descending=True, stable=True)]
    n_hardest = round(SHARE_OF_HARDEST * n_per_epoch)
    others = n_hardest + torch.randperm(len(errors) - n_hardest)[: n_per_epoch - n_hardest]
    return torch.cat([order[:n_hardest], order[others]])[torch.randperm(n_per_epoch)]


def network(settings, n_pixels):
    """Return the layers that ``settings`` describe."""
    layers, width = [], n_pixels
    if "channels" in settings:
        side = round(sqrt(n_pixels))
        layers.append(nn.Unflatten(1, (1, side, side)))
        normalised = settings["normalization"] == "batch"
        for before, channels in zip((1, *settings["channels"]), settings["channels"], strict=False):
            sides = {"kernel_size": settings["kernel_size"], "padding": settings["padding"]}
            layers.append(nn.Conv2d(before, channels, bias=not normalised, **sides))
            layers += [nn.BatchNorm2d(channels)] if normalised else []
            layers += [nn.ReLU(), nn.MaxPool2d(settings["pool_size"], settings["pool_stride"])]
        layers += [nn.Dropout(settings["dropout"]), nn.Flatten()]
        with torch.no_grad():
            width = nn.Sequential(*layers)(torch.zeros(1, n_pixels)).shape[1]
    for units in settings["hidden_units"]:
        layers += [nn.Linear(width, units), nn.ReLU()]
        width = units
    return nn.Sequential(*layers, nn.Linear(width, 10))


def changed(X, settings):
    """Return rows of pixels moved, turned and scaled at random, where the recipe does so."""
    shift, degrees, scale = (settings[f"augment_{name}"] for name in ("shift", "rotation", "scale"))
    if not (shift or degrees or scale):
        return X
    side = round(sqrt(X.shape[1]))
    angle, factor = torch.deg2rad(uniform(len(X)) * degrees), (1 + scale) ** uniform(len(X))
    cosine, sine, zero = angle.cos() * factor, angle.sin() * factor, 2 * shift / side
    rows = [cosine, -sine, zero * uniform(len(X)), sine, cosine, zero * uniform(len(X))]
    grid = F.affine_grid(torch.stack(rows, 1).view(-1, 2, 3), (len(X), 1, side, side), align_corners=False)
    return F.grid_sample(X.view(-1, 1, side, side), grid, align_corners=False).view(len(X), -1)


def uniform(n):
    return 2 * torch.rand(n) - 1


def words(row):
    accuracy, wall, processor = row
    return f"{100 * accuracy:.2f} %, {wall:.1f} s of wall time, {processor:.1f} s of processor time"


def print_rows(name, varied, figures):
    """Print one row of a Markdown table per contestant."""
    own_wall, own_processor = (median(column) for column in list(zip(*figures["here"], strict=True))[1:])
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")
    for contestant, rows in figures.items():
        accuracies, walls, processors = zip(*rows, strict=True)
        summary = summarise_seeds(accuracies)
        wall, processor = median(walls), median(processors)
        print(
            f"| {name} | {contestant} | {len(rows)} {varied}s | {100 * summary.mean:.2f} | "
            f"{100 * summary.low:.2f} to {100 * summary.high:.2f} | {wall:.1f} | {processor:.1f} | "
            f"{wall / own_wall:.2f} | {processor / own_processor:.2f} |",
            flush=True,
        )
