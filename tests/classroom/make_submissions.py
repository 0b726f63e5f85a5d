"""Write the submissions of a class of 100 students: python -m tests.classroom.make_submissions DIRECTORY."""

import itertools
import sys
from pathlib import Path

import nbformat

from tests.classroom.answers import MISTAKES, NOTEBOOK, make_submission, reference_answers, wrong_answer


def main(directory):
    """Write the notebooks. Every fifth is correct; each of the others contains two typical mistakes."""
    directory = Path(directory)
    directory.mkdir(parents=True)
    rounds = zip(*MISTAKES.values(), strict=False)  # one mistake of each task per round
    mistakes = itertools.cycle([pair for names in rounds for pair in zip(MISTAKES, names, strict=True)])
    for number in range(1, 101):
        answers = reference_answers(NOTEBOOK)
        for task, mistake in itertools.islice(mistakes, 2 * (number % 5 > 0)):
            answers[task] = wrong_answer(NOTEBOOK, task, mistake)
        nbformat.write(make_submission(NOTEBOOK, answers), directory / f"student{number:03}.ipynb")


if __name__ == "__main__":
    main(*sys.argv[1:])
