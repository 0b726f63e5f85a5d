// The forward pass of the pretrained network for one sequence (n = 1): the equations of deep-rnn-scratch.
// Shapes: d = 43 characters in the vocabulary, h = 256 units in each layer. A matrix is one array in row-major order.
// Gluon stores weight matrices transposed and stacks those of the gates i, f, g, o, so that they have 4h rows.
"use strict";

const network = (() => {
  const sigmoid = (a) => 1 / (1 + Math.exp(-a));

  // W (rows, columns), v (columns), b (rows) -> W v + b (rows)
  function affine(W, v, b) {
    const sums = new Float64Array(b.length);
    for (let row = 0, at = 0; row < b.length; row++) {
      let sum = b[row];
      for (let k = 0; k < v.length; k++, at++) sum += W[at] * v[k];
      sums[row] = sum;
    }
    return sums;
  }

  // x (d in layer 1, h in layer 2), H and C (h) -> the layer's next H and C (h)
  function lstmStep(x, { H, C }, { i2h_weight, h2h_weight, i2h_bias, h2h_bias }) {
    const h = H.length;
    const sums = affine(h2h_weight, H, affine(i2h_weight, x, i2h_bias)).map((sum, row) => sum + h2h_bias[row]); // (4h)
    const gate = (number, f) => sums.slice(number * h, (number + 1) * h).map(f); // (h)
    const [i, f, g, o] = [gate(0, sigmoid), gate(1, sigmoid), gate(2, Math.tanh), gate(3, sigmoid)];
    const newC = C.map((c, unit) => f[unit] * c + i[unit] * g[unit]);
    return { H: newC.map((c, unit) => o[unit] * Math.tanh(c)), C: newC };
  }

  // logits (d) -> probabilities (d)
  function softmax(logits) {
    const greatest = Math.max(...logits);
    const powers = logits.map((logit) => Math.exp(logit - greatest));
    const sum = powers.reduce((a, b) => a + b);
    return powers.map((power) => power / sum);
  }

  // The initial states: H and C (h) of each layer
  const zeroStates = ({ layers }) => {
    const zeros = ({ h2h_bias }) => new Float64Array(h2h_bias.length / 4);
    return layers.map((weights) => ({ H: zeros(weights), C: zeros(weights) }));
  };

  // Reads one character; states: H and C of each layer -> the next states, and p (d), the next character's probabilities
  function step({ layers, dense, vocabulary }, char, states) {
    let x = Float64Array.from(vocabulary, (other) => Number(other === char)); // one-hot
    const next = layers.map((weights, l) => {
      const state = lstmStep(x, states[l], weights);
      x = state.H; // the input of the next layer
      return state;
    });
    return { char, states: next, p: softmax(affine(dense.weight, x, dense.bias)) };
  }

  // One step for each character of the text; previous: steps of another text, reused for the prefix that both share
  function read(model, text, previous = []) {
    let same = 0;
    while (same < text.length && previous[same]?.char === text[same]) same++;
    const steps = previous.slice(0, same);
    for (const char of text.slice(same)) steps.push(step(model, char, steps.at(-1)?.states ?? zeroStates(model)));
    return steps;
  }

  // p (d) -> the index of the next character: the most likely one at temperature 0, otherwise sampled from p^(1/T)
  function sample(p, temperature, random = Math.random) {
    const greatest = Math.max(...p);
    if (temperature === 0) return p.indexOf(greatest);
    const weights = p.map((probability) => (probability / greatest) ** (1 / temperature));
    let left = random() * weights.reduce((a, b) => a + b);
    const sampled = weights.findIndex((weight) => (left -= weight) < 0);
    return sampled < 0 ? p.indexOf(greatest) : sampled;
  }

  // Prepares a text like the training set (lower case, line breaks as spaces), and drops characters without an index
  function normalize(text, vocabulary) {
    const chars = [...text.toLowerCase().replace(/\s/g, " ").replace(/[‘’]/g, "'")];
    const known = (char) => vocabulary.includes(char);
    return { readable: chars.filter(known).join(""), unknown: [...new Set(chars.filter((char) => !known(char)))] };
  }

  // The start and the length of the longest substring of the text that occurs in the training set
  function longestMatch(text, trainingSet) {
    let longest = { start: 0, length: 0 };
    for (let start = 0; start + longest.length < text.length; start++) {
      let length = longest.length;
      while (start + length < text.length && trainingSet.includes(text.slice(start, start + length + 1))) length++;
      if (length > longest.length) longest = { start, length };
    }
    return longest;
  }

  // Decodes what export_weights.py has written
  function unpack({ vocabulary, trainingSet, shapes, base64 }) {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const arrays = {};
    let offset = 0;
    for (const [name, shape] of Object.entries(shapes)) {
      const size = shape.reduce((a, b) => a * b);
      arrays[name] = new Float32Array(bytes.buffer, 4 * offset, size);
      offset += size;
    }
    const block = (prefix) => {
      const entries = Object.entries(arrays).filter(([name]) => name.startsWith(prefix));
      return Object.fromEntries(entries.map(([name, array]) => [name.slice(prefix.length), array]));
    };
    const layers = [block("rnn.0."), block("rnn.1.")];
    return { vocabulary: [...vocabulary], trainingSet, layers, dense: block("dense.") };
  }

  return { read, sample, normalize, longestMatch, unpack };
})();
