"""A class of a hundred: python -m tests.classroom.hundred FOLDER writes their notebooks into it."""

import itertools
import sys
from pathlib import Path

import nbformat

from tests.classroom.answers import NOTEBOOK, WRONG, reference_answers, submission, wrong_answer


def main(folder):
    """Every fifth is right in everything; each of the others has two of the typical mistakes."""
    folder = Path(folder)
    folder.mkdir(parents=True)
    mistakes = itertools.cycle(
        [(task, name) for names in zip(*WRONG.values(), strict=False) for task, name in zip(WRONG, names, strict=True)]
    )
    for number in range(1, 101):
        answers = reference_answers(NOTEBOOK)
        for task, name in itertools.islice(mistakes, 2 * (number % 5 > 0)):
            answers[task] = wrong_answer(NOTEBOOK, task, name)
        nbformat.write(submission(NOTEBOOK, answers), folder / f"student{number:03}.ipynb")


if __name__ == "__main__":
    main(*sys.argv[1:])
