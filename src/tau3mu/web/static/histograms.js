// The numbers of histograms as JSROOT reads them from a ROOT file; nothing here draws.

const FLOW = 2; // bins outside of the range of an axis

/** Returns a text that JSROOT read byte by byte; ROOT files hold UTF-8. */
export function decoded(text) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes(text));
  } catch {
    return text;
  }
}

function bytes(text) {
  return Uint8Array.from(text, (character) => {
    const code = character.codePointAt(0);
    if (code > 255) throw new RangeError("not a byte");
    return code;
  });
}

/** Returns the path of an object in a ROOT file as JSROOT compares it: a character per byte. */
export function encoded(path) {
  const found = Array.from(new TextEncoder().encode(path), (byte) => String.fromCharCode(byte));
  return `${found.join("")};1`;
}

/** Returns a histogram of which the arrays and the axes can be changed. */
export function copied(histogram) {
  const copy = Object.assign(Object.create(Object.getPrototypeOf(histogram)), histogram);
  copy.fArray = Float64Array.from(histogram.fArray);
  copy.fSumw2 = Float64Array.from(variances(histogram));
  for (const axis of ["fXaxis", "fYaxis", "fZaxis"]) copy[axis] = { ...histogram[axis] };
  return copy;
}

/** Returns the sum of all bins, with those outside of the axes. */
export function entries(histogram) {
  return histogram.fArray.reduce((sum, value) => sum + value, 0);
}

function variances(histogram) {
  return histogram.fSumw2?.length ? histogram.fSumw2 : histogram.fArray.map(Math.abs);
}

/** Yields the index and the size of each bin within the axes. */
export function* bins(histogram) {
  const nx = histogram.fXaxis.fNbins;
  const two = histogram._typename.startsWith("TH2");
  for (let y = 1; y <= (two ? histogram.fYaxis.fNbins : 1); y++) {
    for (let x = 1; x <= nx; x++) {
      const size = width(histogram.fXaxis, x) * (two ? width(histogram.fYaxis, y) : 1);
      yield { index: two ? x + (nx + FLOW) * y : x, size };
    }
  }
}

function width(axis, bin) {
  if (axis.fXbins?.length) return axis.fXbins[bin] - axis.fXbins[bin - 1];
  return (axis.fXmax - axis.fXmin) / axis.fNbins;
}

/** Returns a histogram with an area of one within its axes; as it is if it is empty. */
export function normalized(histogram) {
  const copy = copied(histogram);
  let sum = 0;
  for (const { index } of bins(copy)) sum += copy.fArray[index];
  if (!sum) return copy;
  for (const { index, size } of bins(copy)) {
    copy.fArray[index] /= sum * size;
    copy.fSumw2[index] /= (sum * size) ** 2;
  }
  return copy;
}

/** Returns whether two histograms divide their axes in the same way. */
export function comparable(a, b) {
  const edges = (axis) => [axis.fNbins, axis.fXmin, axis.fXmax, ...(axis.fXbins ?? [])];
  return (
    a.fArray.length === b.fArray.length &&
    ["fXaxis", "fYaxis"].every((axis) => `${edges(a[axis])}` === `${edges(b[axis])}`)
  );
}

/** Returns b / a with its uncertainty, empty where a is. */
export function ratio(a, b) {
  return combined(a, b, (one, other, varianceA, varianceB) => {
    if (!one) return [0, 0];
    const value = other / one;
    return [value, (varianceB + value ** 2 * varianceA) / one ** 2];
  });
}

/** Returns (b − a) / √(variance of a + variance of b), zero where there are none. */
export function pull(a, b) {
  return combined(a, b, (one, other, varianceA, varianceB) => {
    const variance = varianceA + varianceB;
    return [variance ? (other - one) / Math.sqrt(variance) : 0, 0];
  });
}

function combined(a, b, values) {
  const found = copied(b);
  const [left, right] = [variances(a), variances(b)];
  found.fArray.fill(0);
  found.fSumw2.fill(0);
  for (const { index } of bins(b)) {
    const [value, variance] = values(a.fArray[index], b.fArray[index], left[index], right[index]);
    found.fArray[index] = value;
    found.fSumw2[index] = variance;
  }
  return found;
}

/** Returns the smallest and largest of the contents; on a logarithmic scale of those above zero. */
export function extent(histograms, log) {
  let [low, high] = [Infinity, -Infinity];
  for (const histogram of histograms) {
    for (const { index } of bins(histogram)) {
      const value = histogram.fArray[index];
      if (log && value <= 0) continue;
      low = Math.min(low, value);
      high = Math.max(high, value + (log ? 0 : Math.sqrt(histogram.fSumw2[index] ?? 0)));
    }
  }
  return low > high ? [log ? 0.1 : 0, 1] : [low, high];
}
