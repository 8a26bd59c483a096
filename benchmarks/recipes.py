"""Train every recipe for real and lay the published accuracies beside the measured ones.

    DIGITCORE_DATA=... python benchmarks/recipes.py [recipe ...]
    DIGITCORE_DATA=... python benchmarks/recipes.py --own 10 [--peers 3] [--threads 2] [recipe ...]

Prints a row per recipe and, for digits-mlp, a row per cell of its published tables, each over three seeds. With
``--own``, measures this project's own recipes over so many trainings, so many of them beside their peers.
"""

import argparse
from statistics import mean

from own_recipes import measure

from digitcore.runs import train_spec
from digitcore.specs.recipes import RECIPES, load_recipe

TABLE_SEEDS = (0, 1, 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="recipe")
    parser.add_argument("--own", type=int, metavar="N", help="trainings of each of this project's own recipes")
    parser.add_argument("--peers", type=int, default=3, metavar="N", help="so many of them beside their peers")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="seed of the first, to go on from before")
    parser.add_argument("--threads", type=int, default=2, help="at most so many threads")
    asked = parser.parse_args()
    own = [name for name, recipe in RECIPES.items() if recipe.measured is not None]
    if asked.own is None:
        compare_with_published(asked.names or [name for name in RECIPES if name not in own])
        return
    for name in asked.names or own:
        measure(name, range(asked.first, asked.first + asked.own), asked.peers, asked.threads)


def compare_with_published(names):
    for name in names:
        recipe = load_recipe(name)
        outcome = train_spec(recipe.spec)
        if outcome.state != "done":
            print(f"{name}: {outcome.reason}", flush=True)
            continue
        part = outcome.evaluation.parts[recipe.accuracy_part]
        print(
            f"{name}: published {100 * recipe.accuracy:.2f} %, here {100 * part['accuracy']:.2f} % "
            f"({recipe.accuracy_part}, loss {part['loss']:.4f}), "
            f"{len(outcome.epochs)} epochs in {outcome.seconds:.1f} s",
            flush=True,
        )
        for table in recipe.variations:
            print_table(recipe, table)


def print_table(recipe, table):
    for label, changes, published in zip(table.labels, table.changes, table.accuracies, strict=True):
        specs = [recipe.spec.with_changes(**changes, random_state=seed) for seed in TABLE_SEEDS]
        here = [train_spec(spec).evaluation.parts["test"].accuracy for spec in specs]
        each = ", ".join(f"{100 * accuracy:.1f}" for accuracy in here)
        gap = 100 * (mean(here) - published)
        print(f"  {table.title} {label}: published {100 * published:.1f}, here {each} (mean {gap:+.1f})", flush=True)


if __name__ == "__main__":
    main()
