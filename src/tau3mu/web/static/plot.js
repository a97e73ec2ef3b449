// Draws the chosen parts of a histogram from ROOT files, over each other, with JSROOT.

import "./jsroot.min.js";
import * as numbers from "./histograms.js";

const { JSROOT } = globalThis;
Object.assign(JSROOT.settings, {
  IgnoreUrlOptions: true,
  Latex: JSROOT.constants.Latex.Off, // names are texts, not formulas
  AutoStat: false,
  CanEnlarge: false, // which needs inline styles
  ContextMenu: false,
  DragAndDrop: false,
  HandleKeys: false,
  MoveResize: false,
  ProgressBox: false,
  ToolBar: false,
  TooltipAnimation: 0,
  ZoomWheel: false, // which is there to scroll the page
  MaxRanges: 1,
});
Object.assign(JSROOT.gStyle, {
  fOptTitle: 0,
  fPadLeftMargin: 0.09,
  fPadRightMargin: 0.03,
  fPadTopMargin: 0.04,
  fPadBottomMargin: 0.14,
});

// Of ROOT's palette for people who cannot tell all colors apart, by decreasing contrast.
const COLORS = [117, 119, 121, 123, 125, 122, 118, 120];
const DASHES = ["", "7 3", "2 3", "9 3 2 3"];
const STYLES = [1, 2, 3, 4];
const MOST_PLANES = 4;

const data = JSON.parse(document.getElementById("plot-data").textContent);
const form = document.getElementById("choice");
const plots = document.getElementById("plots");
const legend = document.getElementById("legend");
const status = document.getElementById("plot-status");
const picture = document.querySelector(".static-figure img");
const files = new Map();
const read = new Map();
let drawn = [];
let latest = 0;

function chosen() {
  const ids = new FormData(form).getAll("part");
  return data.parts.filter((part) => ids.includes(part.id) && part.path !== null);
}

function option(name) {
  return new FormData(form).get(name) ?? "";
}

async function histogram(part) {
  const { file } = data.sides[part.side];
  if (!files.has(file)) files.set(file, JSROOT.openFile(file));
  if (!read.has(part.id)) {
    const found = (await files.get(file)).readObject(numbers.encoded(part.path));
    read.set(part.id, found.then(labeled));
  }
  return read.get(part.id);
}

function labeled(histogram) {
  for (const axis of [histogram.fXaxis, histogram.fYaxis, histogram.fZaxis]) {
    axis.fTitle = numbers.decoded(axis.fTitle);
    for (const label of axis.fLabels?.arr ?? []) label.fString = numbers.decoded(label.fString);
  }
  return histogram;
}

async function parts() {
  const found = [];
  for (const [place, part] of chosen().entries()) {
    const stored = await histogram(part);
    const shown = option("unit") ? numbers.normalized(stored) : numbers.copied(stored);
    shown.fName = part.label;
    shown.fTitle = part.label;
    shown.fLineColor = COLORS[place % COLORS.length];
    shown.fLineStyle = STYLES[place % STYLES.length];
    shown.fLineWidth = 2;
    shown.fFillStyle = 0;
    shown.fBits |= JSROOT.kNoStats ?? 512;
    shown.fOption = "";
    found.push({ part, shown, entries: numbers.entries(stored), place });
  }
  return found;
}

/** Returns each part that is compared, with the part it is compared with. */
function pairs(found) {
  const sides = data.sides.length > 1;
  const first = sides ? found.filter(({ part }) => part.side === 0) : found.slice(0, 1);
  const others = sides ? found.filter(({ part }) => part.side === 1) : found.slice(1);
  const pairs = [];
  for (const other of others) {
    const equal = first.find(
      ({ part }) =>
        part.dataset === other.part.dataset && part.variation === other.part.variation,
    );
    const reference = equal ?? (first.length === 1 ? first[0] : undefined);
    if (reference && numbers.comparable(reference.shown, other.shown)) {
      pairs.push({ reference, other });
    }
  }
  return pairs;
}

function frame(label, small) {
  const figure = document.createElement("figure");
  const area = document.createElement("div");
  area.className = small ? "plot plot-lower" : "plot";
  area.setAttribute("role", "img");
  area.setAttribute("aria-label", label);
  figure.append(area);
  plots.append(figure);
  drawn.push({ area, painter: null });
  return figure;
}

async function draw(figure, histograms, how, { x = "", y = "", log = false } = {}) {
  const mine = drawn.find(({ area }) => area === figure.firstChild);
  const [first] = histograms;
  const sizes = { fLabelSize: 13, fTitleSize: 14 }; // pixels
  Object.assign(first.fXaxis, sizes, { fTitle: x, fTitleOffset: 1.2, fTickLength: 0.02 });
  Object.assign(first.fYaxis, sizes, { fTitle: y, fTitleOffset: 1.8, fTickLength: 0.01 });
  Object.assign(first.fZaxis, sizes);
  for (const [place, histogram] of histograms.entries()) {
    const same = place ? " same" : log ? " logy" : "";
    const painter = await JSROOT.draw(mine.area, histogram, `${how}${same}`);
    mine.painter ??= painter;
  }
}

async function curves(found) {
  const log = Boolean(option("log"));
  const shown = found.map((one) => one.shown);
  const [low, high] = numbers.extent(shown, log);
  shown[0].fMinimum = log ? low / 2 : Math.min(0, low * 1.1);
  shown[0].fMaximum = log ? high * 2 : high * 1.1;
  const y = option("unit") ? `${data.y} (unit area)` : data.y;
  await draw(frame(data.title), shown, "hist e", { x: data.x, y, log });
  const compared = pairs(found);
  const kind = option("lower") in data.lower ? option("lower") : "";
  if (!kind || !compared.length) return;
  const lower = compared.map(({ reference, other }) => {
    const made = numbers[kind](reference.shown, other.shown);
    made.fLineStyle = 1;
    made.fMarkerStyle = 20;
    made.fMarkerColor = made.fLineColor;
    made.fYaxis.fNdivisions = 505;
    return made;
  });
  const [least, most] = numbers.extent(lower, false);
  const center = kind === "ratio" ? 1 : 0;
  const reach = Math.max(most - center, center - least, kind === "ratio" ? 0.1 : 1) * 1.1;
  lower[0].fMinimum = Math.max(center - reach, kind === "ratio" ? 0 : -Infinity);
  lower[0].fMaximum = kind === "ratio" ? Math.min(center + reach, 5) : center + reach;
  const how = kind === "ratio" ? "e gridy" : "hist gridy";
  await draw(frame(`${data.lower[kind]}: ${data.title}`, true), lower, how, { y: data.lower[kind] });
}

async function planes(found) {
  JSROOT.gStyle.fPadRightMargin = 0.12; // of the scale of colors
  const log = option("log") ? " logz" : "";
  const plane = async (texts, shown, how) => {
    const figure = frame(texts.join(" "));
    figure.append(caption(texts));
    await draw(figure, [shown], how, { x: data.x, y: data.y });
  };
  for (const { part, shown, entries } of found.slice(0, MOST_PLANES)) {
    await plane([part.label, `N = ${readable(entries)}`], shown, `colz${log}`);
  }
  const kind = option("lower") in data.lower ? option("lower") : "";
  for (const { reference, other } of kind ? pairs(found).slice(0, MOST_PLANES) : []) {
    const texts = [data.lower[kind], "of", other.part.label, "to", reference.part.label];
    await plane(texts, numbers[kind](reference.shown, other.shown), "colz");
  }
  if (found.length > MOST_PLANES) say(`The first ${MOST_PLANES} of ${found.length} are drawn.`);
}

/** Returns a caption of texts, none of which changes the direction of the others. */
function caption(texts) {
  const element = document.createElement("figcaption");
  for (const text of texts) {
    const part = document.createElement("bdi");
    part.textContent = text;
    element.append(part, " ");
  }
  return element;
}

function say(text) {
  status.textContent = text;
}

function explain(found) {
  legend.replaceChildren();
  for (const { part, shown, entries, place } of found) {
    const item = document.createElement("li");
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
    const looks = { x1: 0, y1: 6, x2: 36, y2: 6, "stroke-width": 3 };
    looks.stroke = JSROOT.getColor(shown.fLineColor);
    looks["stroke-dasharray"] = DASHES[place % DASHES.length];
    for (const [name, value] of Object.entries(looks)) line.setAttribute(name, value);
    svg.setAttribute("viewBox", "0 0 36 12");
    svg.setAttribute("aria-hidden", "true");
    svg.append(line);
    const name = document.createElement("bdi");
    name.textContent = part.label;
    const number = document.createElement("span");
    number.className = "entries";
    number.dataset.entries = String(entries);
    number.textContent = ` N = ${readable(entries)}`;
    item.append(svg, " ", name, number);
    legend.append(item);
  }
}

function readable(number) {
  return number.toLocaleString("en-US", { maximumFractionDigits: 2 });
}

function clear() {
  for (const { area } of drawn) JSROOT.cleanup(area);
  drawn = [];
  plots.replaceChildren();
}

async function redraw() {
  latest += 1;
  const mine = latest;
  say("Reading the histograms …");
  try {
    const found = await parts();
    if (mine !== latest) return; // chosen again in the meantime
    clear();
    say(found.length ? "" : "Nothing is chosen: choose a dataset above.");
    explain(data.dimensions === 1 ? found : []);
    if (found.length) await (data.dimensions === 1 ? curves : planes)(found);
    plots.dataset.drawn = String(mine);
  } catch (error) {
    say(`The plot cannot be drawn here: ${error?.message ?? error}. The picture below shows it.`);
  }
}

/** Moves or scales what an axis shows; 0.5 is half of it. */
function zoom({ scale = 1, shift = 0, all = false }) {
  for (const { painter } of drawn) {
    const frame = painter?.getFramePainter();
    if (!frame) continue;
    if (all) {
      frame.unzoom();
      continue;
    }
    const { scale_xmin: low, scale_xmax: high } = frame;
    const center = (low + high) / 2 + shift * (high - low);
    const half = ((high - low) * scale) / 2;
    frame.zoomSingle("x", Math.max(frame.xmin, center - half), Math.min(frame.xmax, center + half));
  }
}

form.addEventListener("change", () => {
  const query = new URLSearchParams(new FormData(form));
  history.replaceState(null, "", `?${query}`);
  if (picture) {
    query.set("v", new URL(picture.src).searchParams.get("v"));
    picture.src = picture.src.replace(/\?.*/, `?${query}`);
  }
  redraw();
});
for (const button of document.querySelectorAll("[data-zoom]")) {
  button.addEventListener("click", () => zoom(JSON.parse(button.dataset.zoom)));
}
new ResizeObserver(() => {
  for (const { area, painter } of drawn) if (painter && area.clientWidth) JSROOT.resize(area);
}).observe(plots);
document.getElementById("plot").hidden = false;
redraw();
