// The page around lstm.js: what is typed is read, and what the network answers is shown.
"use strict";

(() => {
  const WRITES = 60; // characters, when asked to
  const PAUSE = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 50; // milliseconds between two of them
  const GREATEST = 30; // nats, the height of the strip of surprises
  const LIKELIEST = 8; // rows of the table
  const NAMES = {
    " ": "space", "!": "exclamation mark", "'": "apostrophe", "(": "opening bracket", ")": "closing bracket",
    ",": "comma", "-": "hyphen", ".": "full stop", ":": "colon", ";": "semicolon", "?": "question mark",
    "[": "opening square bracket", "]": "closing square bracket", _: "underscore",
  };
  const CIVIDIS = ["#00224e", "#1a386f", "#434e6c", "#61656f", "#7d7c78", "#9b9476", "#bcae6c", "#dec958", "#fee838"];
  // 256 colours between those, as the four bytes of a pixel
  const PALETTE = Uint32Array.from({ length: 256 }, (_, i) => {
    const place = (i / 255) * (CIVIDIS.length - 1), below = Math.min(CIVIDIS.length - 2, Math.floor(place));
    const parts = [1, 3, 5].map((at) => {
      const [one, next] = [below, below + 1].map((k) => parseInt(CIVIDIS[k].slice(at, at + 2), 16));
      return one + (place - below) * (next - one);
    });
    return new Uint32Array(Uint8Array.from([...parts, 255]).buffer)[0];
  });

  const $ = (id) => document.getElementById(`trained-${id}`);
  const visible = (char) => (char === " " ? "␣" : char);
  const percent = (share) => (share < 0.0005 ? "below 0.1 %" : `${(100 * share).toFixed(1)} %`);
  const surprise = (steps, t) => (t ? -Math.log(steps[t - 1].p[model.vocabulary.indexOf(steps[t].char)]) : 0); // nats

  let model, steps = [], writing, telling;

  function start() {
    if (typeof trainedWeights === "undefined") return ($("missing").hidden = false);
    model = network.unpack(trainedWeights);
    $("text").addEventListener("input", () => { stop(); show(); });
    $("write").addEventListener("click", () => (writing ? stop() : write(WRITES)));
    $("clear").addEventListener("click", () => { stop(); set(""); $("text").focus(); });
    $("temperature").addEventListener("input", () => ($("degrees").value = $("temperature").value));
    for (const id of ["layer", "unit"]) $(id).addEventListener("input", show);
    for (const button of document.querySelectorAll("[data-text]"))
      button.addEventListener("click", () => { stop(); set(button.dataset.text); });
    for (const layer of [1, 2]) $(`layer-${layer}`).addEventListener("click", (event) => choose(layer, event));
    $("table").addEventListener("toggle", show);
    $("page").hidden = false;
    show();
  }

  function set(text) {
    $("text").value = text;
    show();
  }

  function choose(layer, event) {
    $("layer").value = layer;
    $("unit").value = Math.floor((event.offsetY / event.target.clientHeight) * 256);
    show();
  }

  function write(left) {
    if (!left || !steps.length || $("text").value.length >= $("text").maxLength) return stop();
    $("write").textContent = "Stop";
    const char = model.vocabulary[network.choose(steps.at(-1).p, Number($("temperature").value))];
    $("text").value += char;
    steps = network.read(model, textRead() + char, steps);
    steps.at(-1).written = true;
    writing = setTimeout(() => write(left - 1), PAUSE);
    show();
  }

  function stop() {
    clearTimeout(writing);
    writing = undefined;
    $("write").textContent = "Write on";
    tell();
  }

  function show() {
    const { readable, unknown } = network.spell($("text").value, model.vocabulary);
    steps = network.read(model, readable, steps);
    const lacks = `its book lacks ${unknown.length > 1 ? "them" : "it"}`;
    const sentence = `The network has no input for ${unknown.join(" ")} and reads the text without: ${lacks}.`;
    $("unknown").textContent = unknown.length ? sentence : "";
    $("write").disabled = !steps.length;
    showNext();
    showStates();
    if ($("table").open) showTable();
    if (!writing) tell();
  }

  // For those who hear the page: one sentence, once nothing has changed for a while
  function tell() {
    clearTimeout(telling);
    telling = setTimeout(() => ($("told").textContent = told()), 700);
  }

  function told() {
    if (!steps.length) return "Type a character: the network answers when it has read one.";
    const { start, length } = network.inBook(textRead(), model.book);
    const [first, second] = likeliest(2).map(([char, share]) => `${named(char)}, ${percent(share)}`);
    const remembered = `Of the ${steps.length} characters here, ${length} in a row stand in the book.`;
    return `Most likely comes ${first}; then ${second}. ${remembered}`;
  }

  const textRead = () => steps.map(({ char }) => char).join("");
  const chosen = () => ({
    layer: $("layer").value - 1,
    unit: Math.min(255, Math.max(0, Math.floor($("unit").value))),
  });
  const named = (char) => NAMES[char] ?? char;
  const likeliest = (number, { p } = steps.at(-1)) =>
    model.vocabulary.map((char, index) => [char, p[index]]).sort((a, b) => b[1] - a[1]).slice(0, number);

  function element(name, content = [], attributes = {}) {
    const made = document.createElement(name);
    made.append(...[content].flat());
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  const row = (header, ...cells) =>
    element("tr", [element("th", header, { scope: "row" }), ...cells.map((cell) => element("td", cell))]);

  function showNext() {
    const rows = steps.length ? likeliest(LIKELIEST) : Array(LIKELIEST).fill(["", 0]);
    const others = 1 - rows.reduce((sum, [, share]) => sum + share, 0);
    const bar = (share) => element("span", [], { class: "bar", style: `width: ${100 * share}%` });
    const shown = rows.map(([char, share]) =>
      row([element("kbd", visible(char)), ` ${NAMES[char] ?? ""}`], steps.length ? percent(share) : "", bar(share)));
    const number = model.vocabulary.length - LIKELIEST;
    if (steps.length) shown.push(row(`the ${number} others`, percent(others), bar(others)));
    $("next").replaceChildren(...shown);
  }

  function showStates() {
    const surprises = steps.map((_, t) => surprise(steps, t));
    const { layer, unit } = chosen();
    const known = network.inBook(textRead(), model.book);
    const cells = steps.map(({ char, written }, t) => {
      const isKnown = known.length > 3 && t >= known.start && t < known.start + known.length;
      return element("span", visible(char), { class: `${isKnown ? "known" : ""} ${written ? "written" : ""}` });
    });
    $("chars").replaceChildren(...cells);
    bars("surprise", surprises.map((nats) => `height: ${Math.min(100, (100 * nats) / GREATEST)}%`));
    for (const l of [0, 1]) paint($(`layer-${l + 1}`), steps.map(({ states }) => states[l].H));
    const values = steps.map(({ states }) => states[layer].H[unit]);
    bars("course", values.map((value) => `height: ${50 * Math.abs(value)}%; bottom: ${50 + 50 * Math.min(0, value)}%`));
    $("course-name").textContent = `Unit ${unit} of layer ${layer + 1}, from −1 to 1`;
    $("figure").scrollLeft = $("figure").scrollWidth;
  }

  function bars(id, styles) {
    $(id).replaceChildren(...styles.map((style) => element("span", [], { style })));
  }

  // columns: an array of h values from -1 to 1 for each character
  function paint(canvas, columns) {
    canvas.width = Math.max(1, columns.length);
    canvas.height = 256;
    canvas.style.width = `${columns.length}em`;
    const context = canvas.getContext("2d");
    const image = context.createImageData(canvas.width, canvas.height);
    const pixels = new Uint32Array(image.data.buffer);
    columns.forEach((H, t) => {
      H.forEach((value, unit) => (pixels[unit * canvas.width + t] = PALETTE[Math.round(127.5 * (value + 1))]));
    });
    context.putImageData(image, 0, 0);
  }

  function showTable() {
    const { layer, unit } = chosen();
    $("rows").replaceChildren(...steps.map((step, t) => {
      const [[char, share]] = likeliest(1, step);
      const surprised = t ? surprise(steps, t).toFixed(2) : "";
      const value = step.states[layer].H[unit].toFixed(2);
      return row(`${t + 1}: ${named(step.char)}`, surprised, `${named(char)}, ${percent(share)}`, value);
    }));
  }

  start();
})();
