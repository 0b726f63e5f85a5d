"""Every slide as a projector shows it (1280 by 720 pixels), and as it is printed."""

import re
import subprocess
import sys

import nbformat
import pytest

from .conftest import REPOSITORY, SCREENSHOTS, Complaints, violations

NAMES = sorted(path.stem for path in (REPOSITORY / "notebooks").glob("*.ipynb"))

# Goes to every slide and says what stands on it. A line is what shares a height; a row of a table or of a formula is one
# as well, or as many as its longest cell has.
LOOK = r"""() => {
  const rows = (element) => {
    const found = [];
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      const letter = node.parentElement, math = letter.closest('math');
      // Of a formula within a line its first letter is enough: indices stand higher and lower.
      if (!node.data.trim() || math && (math.matches('[display=block]') || letter !== math.querySelector('mi, mn'))) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      found.push(...range.getClientRects());
    }
    const lines = [];
    for (const {top, bottom, width} of found.sort((a, b) => a.top + a.bottom - b.top - b.bottom)) {
      const last = lines.at(-1), middle = (top + bottom) / 2;
      if (!width) continue;
      if (last && middle < last.bottom - 2) last.bottom = Math.max(last.bottom, Math.min(bottom, last.bottom + 4));
      else lines.push({bottom});
    }
    return lines.length;
  };
  const empty = (element) => [...element.querySelectorAll('pre')].map((pre) => pre.textContent.trimEnd().split('\n')
    .filter((line) => !line.trim()).length).reduce((a, b) => a + b, 0);
  const look = (page) => {
    const box = page.getBoundingClientRect();
    const tables = [...page.querySelectorAll('tr')];
    const inTables = tables.map((row) => Math.max(...[...row.cells].map(rows)));
    const tableLines = [...page.querySelectorAll('table')].map(rows).reduce((a, b) => a + b, 0);
    const formulas = [...page.querySelectorAll('math[display=block]')]
      .map((math) => Math.max(1, math.querySelectorAll('mtr').length));
    const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
    const last = page.lastElementChild.getBoundingClientRect();
    const outside = [...page.querySelectorAll('*')].filter((element) => {
      const own = element.getBoundingClientRect();
      return own.width && (own.left < box.left + 30 || own.right > box.right - 30
        || own.top < box.top || own.bottom > box.bottom - 30
        || element.scrollWidth > element.clientWidth + 1 && element.clientWidth && !element.closest('math'));
    });
    const sizes = [...page.querySelectorAll('p, li, pre, td, h1, h2, code')]
      .filter((element) => element.textContent.trim())
      .map((element) => parseFloat(getComputedStyle(element).fontSize));
    const predictions = [...page.querySelectorAll('.prediction')];
    return {
      title: page.firstElementChild.textContent,
      blocks: page.children.length - 1,
      lines: rows(page) + empty(page) + sum(inTables) - tableLines + sum(formulas),
      estimate: +page.dataset.lines,
      free: Math.round(box.bottom - last.bottom),
      outside: outside.map((element) => element.outerHTML.slice(0, 100)),
      figures: page.querySelectorAll('img').length,
      undescribed: [...page.querySelectorAll('img')].filter((image) => image.alt.length < 20).length,
      unloaded: [...page.querySelectorAll('img')].filter((image) => !image.naturalWidth).length,
      formulas: page.querySelectorAll('math').length,
      unset: /\$|\\begin|\\frac|\\math/.test([...page.children].filter((child) => !child.querySelector('pre, code'))
        .map((child) => child.textContent).join(' ')) || page.querySelectorAll('math merror, math[title]').length > 0,
      smallest: Math.min(...sizes),
      predictions: predictions.length,
      open: predictions.length > 0 && !page.lastElementChild.matches('.prediction'),
    };
  };
  return Reveal.getSlides().map((slide) => {
    const {h, v} = Reveal.getIndices(slide);
    Reveal.slide(h, v);
    return look(slide.querySelector('.page'));
  });
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slides")
    subprocess.run(
        [sys.executable, REPOSITORY / "book" / "slides.py", folder],
        check=True,
        env={"PYTHONPATH": str(REPOSITORY / "docs")},
    )
    return folder
