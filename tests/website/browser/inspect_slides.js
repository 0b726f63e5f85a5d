// Shows each slide of a deck and returns its rendered properties, at 1280 by 720 pixels.
() => {
  const all = (element, selector) => [...element.querySelectorAll(selector)];
  const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);

  // Counts lines of text: boxes at the same height are one line. Of an inline formula, only the first symbol counts,
  // because subscripts and superscripts have other heights.
  const lines = (element) => {
    const boxes = [];
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const parent = walker.currentNode.parentElement, math = parent.closest('math');
      if (!walker.currentNode.data.trim() || math && parent !== math.querySelector('mi, mn, mo')) continue;
      if (math?.matches('[display=block]')) continue;
      const range = document.createRange();
      range.selectNodeContents(walker.currentNode);
      boxes.push(...[...range.getClientRects()].filter((box) => box.width));
    }
    const ends = [];
    for (const {top, bottom} of boxes.sort((a, b) => a.top + a.bottom - b.top - b.bottom)) {
      if (ends.length && (top + bottom) / 2 < ends.at(-1) - 2) ends.push(Math.max(ends.pop(), bottom - 4));
      else ends.push(bottom);
    }
    return ends.length;
  };
  const emptyLines = (pre) => pre.textContent.trimEnd().split('\n').filter((line) => !line.trim()).length;

  // A table row has as many lines as its longest cell, and a formula as many as it has rows.
  const allLines = (page) => lines(page) + sum(all(page, 'pre').map(emptyLines))
    + sum(all(page, 'tr').map((row) => Math.max(...[...row.cells].map(lines)))) - sum(all(page, 'table').map(lines))
    + sum(all(page, 'math[display=block]').map((math) => Math.max(1, all(math, 'mtr').length)));

  const overflowing = (page) => {
    const {left, right, top, bottom} = page.getBoundingClientRect();
    return all(page, '*').filter((element) => {
      const box = element.getBoundingClientRect();
      const hidden = element.scrollWidth > element.clientWidth + 1 && element.clientWidth && !element.closest('math');
      return box.width && (box.left < left + 30 || box.right > right - 30 || box.top < top + 20
        || box.bottom > bottom - 30 || hidden);
    });
  };
  const kind = (block) => ['prediction', 'code', 'output'].find((name) => block.classList.contains(name))
    || (block.matches('figure') ? 'figure' : 'text');

  return Reveal.getSlides().map((slide) => {
    const {h, v} = Reveal.getIndices(slide);
    Reveal.slide(h, v);
    const page = slide.querySelector('.page');
    const texts = all(page, 'h1, h2, h3, p, li, td, th, pre, code, summary').filter((one) => one.textContent.trim());
    const prose = page.cloneNode(true);
    all(prose, 'pre, code, math').forEach((element) => element.remove());
    return {
      title: page.firstElementChild.textContent,
      width: page.getBoundingClientRect().width,
      blocks: [...page.children].slice(1).map(kind),
      lines: allLines(page),
      overflowing: overflowing(page).map((element) => element.outerHTML.slice(0, 100)),
      fontSize: Math.min(...texts.map((element) => parseFloat(getComputedStyle(element).fontSize))),
      figures: all(page, 'img').map((image) => ({
        alt: image.alt, loaded: image.naturalWidth > 0, height: image.getBoundingClientRect().height,
      })),
      untypeset: prose.textContent.match(/\$|\\[a-z]+\{/g) || all(page, 'math[title], merror').map((math) => math.title),
    };
  });
}
