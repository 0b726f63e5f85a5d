// The trained network, one character after another: the equations of deep-rnn-scratch for one row of text (n = 1).
// Shapes: d = 43 different characters, h = 256 units in each layer. A matrix is one array, row after row.
// As Gluon keeps them, matrices lie on their side, and the gates i, f, g, o stand on top of each other: 4h rows.
"use strict";

const network = (() => {
  const sigmoid = (a) => 1 / (1 + Math.exp(-a));

  // W (rows, columns), v (columns), b (rows): W v + b (rows)
  function affine(W, v, b) {
    const sums = new Float64Array(b.length);
    for (let row = 0, at = 0; row < b.length; row++) {
      let sum = b[row];
      for (let k = 0; k < v.length; k++, at++) sum += W[at] * v[k];
      sums[row] = sum;
    }
    return sums;
  }

  // x (d in layer 1, h above it), H and C (h): the layer's next H and C (h)
  function lstmStep(x, { H, C }, { i2h_weight, h2h_weight, i2h_bias, h2h_bias }) {
    const h = H.length;
    const sums = affine(h2h_weight, H, affine(i2h_weight, x, i2h_bias)).map((sum, row) => sum + h2h_bias[row]); // (4h)
    const gate = (number, f) => sums.slice(number * h, (number + 1) * h).map(f); // (h)
    const [i, f, g, o] = [gate(0, sigmoid), gate(1, sigmoid), gate(2, Math.tanh), gate(3, sigmoid)];
    const newC = C.map((c, unit) => f[unit] * c + i[unit] * g[unit]);
    return { H: newC.map((c, unit) => o[unit] * Math.tanh(c)), C: newC };
  }

  // scores (d): probabilities (d), together 1
  function softmax(scores) {
    const greatest = Math.max(...scores);
    const powers = scores.map((score) => Math.exp(score - greatest));
    const sum = powers.reduce((a, b) => a + b);
    return powers.map((power) => power / sum);
  }

  // The states before the first character: H and C (h) of each layer
  const zeros = ({ layers }) => {
    const none = ({ h2h_bias }) => new Float64Array(h2h_bias.length / 4);
    return layers.map((weights) => ({ H: none(weights), C: none(weights) }));
  };

  // One character is read, states holds H and C of each layer: the next states, and p (d) for the character to come
  function step({ layers, dense, vocabulary }, char, states) {
    let x = Float64Array.from(vocabulary, (other) => Number(other === char)); // one-hot
    const next = layers.map((weights, l) => {
      const state = lstmStep(x, states[l], weights);
      x = state.H; // what the layer above reads
      return state;
    });
    return { char, states: next, p: softmax(affine(dense.weight, x, dense.bias)) };
  }

  // A step for each character of the text. Of the steps before, those that read the same beginning are kept.
  function read(model, text, before = []) {
    let same = 0;
    while (same < text.length && before[same]?.char === text[same]) same++;
    const steps = before.slice(0, same);
    for (const char of text.slice(same)) steps.push(step(model, char, steps.at(-1)?.states ?? zeros(model)));
    return steps;
  }

  // p (d): the index of the next character. At temperature 0 the likeliest; at 1 drawn as p says; above that, bolder.
  function choose(p, temperature, random = Math.random) {
    const greatest = Math.max(...p);
    if (temperature === 0) return p.indexOf(greatest);
    const weights = p.map((share) => (share / greatest) ** (1 / temperature));
    let left = random() * weights.reduce((a, b) => a + b);
    const drawn = weights.findIndex((weight) => (left -= weight) < 0);
    return drawn < 0 ? p.indexOf(greatest) : drawn;
  }

  // What of a text the network can read, as its book was prepared: lower case, line ends as spaces
  function spell(text, vocabulary) {
    const chars = [...text.toLowerCase().replace(/\s/g, " ").replace(/[‘’]/g, "'")];
    const known = (char) => vocabulary.includes(char);
    return { readable: chars.filter(known).join(""), unknown: [...new Set(chars.filter((char) => !known(char)))] };
  }

  // The longest piece of the text that stands in the book: where it begins, and its length
  function inBook(text, book) {
    let longest = { start: 0, length: 0 };
    for (let start = 0; start + longest.length < text.length; start++) {
      let length = longest.length;
      while (start + length < text.length && book.includes(text.slice(start, start + length + 1))) length++;
      if (length > longest.length) longest = { start, length };
    }
    return longest;
  }

  // What export_weights.py wrote: the same with its arrays as numbers
  function unpack({ vocabulary, book, shapes, base64 }) {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const arrays = {};
    let offset = 0;
    for (const [name, shape] of Object.entries(shapes)) {
      const size = shape.reduce((a, b) => a * b);
      arrays[name] = new Float32Array(bytes.buffer, 4 * offset, size);
      offset += size;
    }
    const block = (prefix) => {
      const own = Object.entries(arrays).filter(([name]) => name.startsWith(prefix));
      return Object.fromEntries(own.map(([name, array]) => [name.slice(prefix.length), array]));
    };
    return { vocabulary: [...vocabulary], book, layers: [block("rnn.0."), block("rnn.1.")], dense: block("dense.") };
  }

  return { read, choose, spell, inBook, unpack };
})();
