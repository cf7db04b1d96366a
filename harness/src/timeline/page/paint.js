
// The stage: ruler, clients and lanes, and a list of what was put where.

const COLOURS = [
  "paper", "panel", "lane", "line", "faint", "ink", "soft", "accent", "alarm", "alarm-ink", "hit",
  "leader", "leader-ink", "follower", "follower-ink", "candidate", "candidate-ink",
  "pre-candidate", "pre-candidate-ink", "down", "cut", "fault", "commit", "applied", "append",
  "vote", "heartbeat", "snapshot", "read", "proposal", "transfer", "other", "client", "mono",
  "sans",
];

// The colours of the scheme that is on, by name; roles by the names that records give them.
function readColours() {
  const style = getComputedStyle(document.documentElement);
  const colours = {};
  for (const name of COLOURS) colours[name] = style.getPropertyValue(`--${name}`).trim();
  colours.pre_candidate = colours["pre-candidate"];
  colours["pre_candidate-ink"] = colours["pre-candidate-ink"];
  return colours;
}

// A pen for a canvas of this size in the page's pixels, whatever those of the screen are.
function penFor(canvas, width, height) {
  const scale = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}

// Draws the stage, and answers with what can be pointed at: marks and arrows.
function paintStage(pen, view, colours) {
  const { run } = view;
  const plot = { x: GUTTER, width: view.width - GUTTER };
  const marks = [];
  pen.fillStyle = colours.paper;
  pen.fillRect(0, 0, view.width, view.height);

  pen.save();
  clip(pen, plot.x, view.lanesTop, plot.width, view.height);
  run.lanes.forEach((lane) => paintLaneGround(pen, view, colours, lane));
  paintGrid(pen, view, colours);
  const scale = indexScale(view);
  for (const lane of run.lanes) paintIndexes(pen, view, colours, lane, scale);
  paintAsks(pen, view, colours);
  const classes = chooseArrows(view);
  const arrows = paintArrows(pen, view, colours, classes);
  for (const lane of run.lanes) {
    paintCuts(pen, view, colours, lane);
    paintStates(pen, view, colours, lane);
    const { marks: y } = view.parts(lane.index);
    paintMarks(pen, view, colours, lane.marks, y, marks);
  }
  pen.restore();

  pen.save();
  clip(pen, plot.x, 0, plot.width, view.lanesTop);
  pen.fillStyle = colours.paper;
  pen.fillRect(plot.x, 0, plot.width, view.lanesTop);
  paintGrid(pen, view, colours);
  paintRuler(pen, view, colours);
  if (run.clusterMarks.at.length) {
    paintMarks(pen, view, colours, run.clusterMarks, RULER + CLUSTER_ROW / 2, marks);
  }
  paintOperations(pen, view, colours);
  pen.restore();

  paintViolationLines(pen, view, colours);
  return { marks, arrows, classes };
}

function clip(pen, x, y, width, height) {
  pen.beginPath();
  pen.rect(x, y, width, height);
  pen.clip();
}

function paintLaneGround(pen, view, colours, lane) {
  const { top, bottom } = view.parts(lane.index);
  pen.fillStyle = colours.lane;
  pen.fillRect(GUTTER, top, view.width - GUTTER, bottom - top);
}

// ---- time ----

function rulerStep(view) {
  const rough = view.pixel * 110;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  return Math.max(1, step);
}

function ticks(view) {
  const step = rulerStep(view);
  const list = [];
  for (let at = Math.ceil(view.from / step) * step; at <= view.to; at += step) list.push(at);
  return { step, list };
}

function paintGrid(pen, view, colours) {
  pen.strokeStyle = colours.line;
  pen.lineWidth = 1;
  pen.beginPath();
  for (const at of ticks(view).list) {
    const x = Math.round(view.x(at)) + 0.5;
    pen.moveTo(x, RULER - 6);
    pen.lineTo(x, view.height);
  }
  pen.stroke();
}

function paintRuler(pen, view, colours) {
  const { step, list } = ticks(view);
  pen.font = `11px ${colours.sans}`;
  pen.textBaseline = "middle";
  pen.fillStyle = colours.soft;
  for (const at of list) pen.fillText(timeText(view.run, at, step), view.x(at) + 4, RULER / 2);
}

// ---- states ----

// When several states share a pixel, the one that matters more is seen.
const WEIGHT = { follower: 0, down: 1, pre_candidate: 2, candidate: 3, leader: 4 };

function paintStates(pen, view, colours, lane) {
  const { at, values } = lane.states;
  const { bar } = view.parts(lane.index);
  let drawn = -1;
  let weight = -1;
  for (let i = Math.max(0, lane.states.indexAt(view.from)); i < at.length; i++) {
    if (at[i] > view.to) break;
    const end = i + 1 < at.length ? at[i + 1] : view.run.last;
    const left = Math.max(view.x(at[i]), GUTTER - 20);
    const right = Math.min(view.x(end), view.width + 20);
    const value = values[i];
    if (right - left < 1 && Math.floor(left) === drawn && WEIGHT[value.state] <= weight) continue;
    drawn = Math.floor(left);
    weight = WEIGHT[value.state];
    paintState(pen, colours, value, left, bar, Math.max(1, right - left), BAR);
    // The end of the stretch before, in case that it looks the same.
    pen.fillStyle = colours.paper;
    if (right - left > 4) pen.fillRect(left, bar, 1, BAR);
    const begins = Math.max(left, GUTTER);
    paintStateText(pen, colours, value, begins, Math.min(right, view.width) - begins, bar);
  }
}

function paintState(pen, colours, { state, paused }, x, y, width, height) {
  if (state === "down") {
    pen.strokeStyle = colours.down;
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.setLineDash([3, 4]);
    pen.moveTo(x, y + height / 2);
    pen.lineTo(x + width, y + height / 2);
    pen.stroke();
    pen.setLineDash([]);
    return;
  }
  // A follower is low, a leader is thick: their shapes differ, too.
  const inset = state === "follower" ? 3 : state === "leader" ? 0 : 1;
  pen.fillStyle = colours[state];
  pen.fillRect(x, y + inset, width, height - 2 * inset);
  if (state.endsWith("candidate")) {
    hatch(pen, x, y + inset, width, height - 2 * inset, state === "candidate" ? 5 : 10, colours);
  }
  if (paused) paintPause(pen, colours, x, y, width, height);
}

function hatch(pen, x, y, width, height, step, colours) {
  pen.save();
  clip(pen, x, y, width, height);
  pen.globalAlpha = 0.35;
  pen.strokeStyle = colours.paper;
  pen.lineWidth = 2;
  pen.beginPath();
  // In step with the stage, not with the stretch, so that it stands still.
  for (let left = Math.floor((x - height) / step) * step; left < x + width; left += step) {
    pen.moveTo(left, y + height);
    pen.lineTo(left + height, y);
  }
  pen.stroke();
  pen.restore();
}

function paintPause(pen, colours, x, y, width, height) {
  pen.save();
  clip(pen, x, y, width, height);
  pen.globalAlpha = 0.72;
  pen.fillStyle = colours.paper;
  pen.fillRect(x, y, width, height);
  pen.globalAlpha = 1;
  pen.fillStyle = colours.soft;
  for (let left = Math.ceil(x / 14) * 14; left < x + width; left += 14) {
    pen.fillRect(left, y + 6, 2, height - 12);
    pen.fillRect(left + 4, y + 6, 2, height - 12);
  }
  pen.restore();
}

function paintStateText(pen, colours, value, x, width, bar) {
  if (width < 16) return;
  const { state, term, paused } = value;
  if (state === "down") return;
  const name = ROLES[state];
  const led = state === "follower" && Number(value.leader) ? ` · of ${value.leader}` : "";
  const still = paused ? "paused · " : "";
  pen.font = `${state === "leader" ? 650 : 500} 11.5px ${colours.sans}`;
  pen.textBaseline = "middle";
  const texts = [
    `${still}${name} · term ${term}${led}`,
    `${still}${name} · t${term}`,
    `${name[0]} t${term}`,
    `${term}`,
  ];
  const text = texts.find((text) => pen.measureText(text).width + 10 <= width);
  if (!text) return;
  if (paused) {
    pen.fillStyle = colours.paper;
    pen.fillRect(x + 3, bar + 3, pen.measureText(text).width + 6, BAR - 6);
  }
  pen.fillStyle = paused ? colours.ink : colours[`${state}-ink`];
  pen.fillText(text, x + 6, bar + BAR / 2 + 0.5);
}

// ---- links ----

function paintCuts(pen, view, colours, lane) {
  const { at, values } = lane.cuts;
  const { cut } = view.parts(lane.index);
  pen.font = `11px ${colours.sans}`;
  pen.textBaseline = "middle";
  for (let i = Math.max(0, lane.cuts.indexAt(view.from)); i < at.length; i++) {
    if (at[i] > view.to) break;
    const { to, from } = values[i];
    const end = i + 1 < at.length ? at[i + 1] : view.run.last;
    const left = Math.max(view.x(at[i]), GUTTER);
    const width = Math.max(1, Math.min(view.x(end), view.width) - left);
    if (!to.length && !from.length) continue;
    pen.fillStyle = colours.cut;
    pen.globalAlpha = 0.16;
    pen.fillRect(left, cut, width, 12);
    pen.globalAlpha = 1;
    // Above: it does not reach others. Below: others do not reach it.
    for (const [peers, y] of [[to, cut], [from, cut + 11]]) {
      if (peers.length) pen.fillRect(left, y, width, 1.5);
    }
    const text = peersText(values[i]);
    if (pen.measureText(text).width + 8 < width) {
      paintText(pen, text, left + 4, cut + 6.5, colours.cut, colours.lane);
    }
  }
}

// ---- commit and applied index ----

// What the charts of all lanes are drawn against: the indexes in view of nodes that are up.
function indexScale(view) {
  let low = Infinity;
  let high = -Infinity;
  for (const lane of view.run.lanes) {
    const values = lane.commits.values;
    const first = Math.max(0, lane.commits.indexAt(view.from));
    const last = lane.commits.indexAt(view.to);
    if (last < 0) continue;
    high = Math.max(high, values[last]);
    const { state } = lane.states.valueAt(view.from) ?? {};
    if (state !== "down") low = Math.min(low, values[first]);
  }
  if (low > high) low = high;
  return { low, high: Math.max(high, low + 1) };
}

function paintIndexes(pen, view, colours, lane, scale) {
  const { chart, bottom } = view.parts(lane.index);
  const height = bottom - chart - 8;
  if (height < 10 || !Number.isFinite(scale.low)) return;
  const y = (index) => {
    const part = (index - scale.low) / (scale.high - scale.low);
    return chart + 6 + (1 - Math.min(1, Math.max(0, part))) * height;
  };
  pen.lineWidth = 1.6;
  pen.strokeStyle = colours.applied;
  pen.setLineDash([2, 3]);
  paintSteps(pen, view, lane.applied, y);
  pen.setLineDash([]);
  pen.strokeStyle = colours.commit;
  paintSteps(pen, view, lane.commits, y);
  paintIndexLabels(pen, view, colours, lane.commits, y);
}

function paintSteps(pen, view, steps, y) {
  const { at, values } = steps;
  let up = false;
  let lastX = -Infinity;
  let lastY = 0;
  pen.beginPath();
  for (let i = Math.max(0, steps.indexAt(view.from)); i < at.length && at[i] <= view.to; i++) {
    const x = view.x(at[i]);
    if (values[i] === null) {
      if (up) pen.lineTo(x, lastY);
      up = false;
      continue;
    }
    // Several steps in a pixel are one; the last of them is what the next pixel sees.
    const next = i + 1 < at.length ? at[i + 1] : Infinity;
    if (up && x - lastX < 0.75 && view.x(next) - lastX < 0.75) continue;
    lastX = x;
    if (up) pen.lineTo(x, lastY);
    else pen.moveTo(x, y(values[i]));
    lastY = y(values[i]);
    pen.lineTo(x, lastY);
    up = true;
  }
  if (up) pen.lineTo(view.x(Math.min(view.to, view.run.last)), lastY);
  pen.stroke();
}

function paintIndexLabels(pen, view, colours, steps, y) {
  const { at, values } = steps;
  pen.font = `10.5px ${colours.sans}`;
  pen.textBaseline = "alphabetic";
  pen.fillStyle = colours.commit;
  let free = -Infinity;
  for (let i = Math.max(0, firstAfter(at, view.from)); i < at.length && at[i] <= view.to; i++) {
    const x = view.x(at[i]);
    const next = i + 1 < at.length ? view.x(at[i + 1]) : Infinity;
    if (x < free || Math.min(next, view.width) - x < 30) continue;
    pen.fillText(values[i], x + 3, y(values[i]) + (y(values[i]) < y(0) - 16 ? 11 : -3));
    free = x + 40;
  }
}

// ---- clients ----

function paintOperations(pen, view, colours) {
  const { run, clientRow: height } = view;
  pen.font = `11px ${colours.sans}`;
  pen.textBaseline = "middle";
  // At a distance, what lies in the same pixels of a row is drawn once.
  const painted = new Map();
  for (const operation of run.operations) {
    if (operation.start > view.to) break;
    if (operation.until < view.from) continue;
    const right = Math.min(view.x(operation.until), view.width + 10);
    if (right <= (painted.get(operation.row) ?? -Infinity)) continue;
    painted.set(operation.row, right);
    paintOperation(pen, view, colours, operation, right);
  }
}

function paintOperation(pen, view, colours, operation, right) {
  const height = view.clientRow;
  const left = Math.max(view.x(operation.start), GUTTER - 10);
  const width = Math.max(1, right - left - 1);
  const top = view.clientsTop + 4 + operation.row * height;
  pen.fillStyle = pen.strokeStyle = colours.client;
  pen.globalAlpha = operation.end === null ? 0.14 : 0.32;
  pen.fillRect(left, top, width, height - 2);
  pen.globalAlpha = 1;
  if (width > 6) pen.fillRect(left, top, 2, height - 2);
  // Never answered: open at its end.
  if (operation.end === null && width > 8) {
    pen.setLineDash([2, 3]);
    pen.strokeRect(left + 0.5, top + 0.5, width, height - 3);
    pen.setLineDash([]);
  }
  const begins = Math.max(left, GUTTER) + 5;
  if (height < 13 || right - begins < 30) return;
  const answer = operation.end === null ? "?" : view.run.records[operation.answered].text;
  const text = fitted(pen, `${operation.text} → ${answer}`, Math.min(right, view.width) - begins - 3);
  pen.fillStyle = colours.ink;
  pen.fillText(text, begins, top + height / 2 - 0.5);
}

// Dotted lines from a client to the node that it asked, when there are few.
function paintAsks(pen, view, colours) {
  const { run } = view;
  const asked = run.operations.filter(
    ({ start, node }) =>
      start >= view.from && start <= view.to && view.showsNode(run.laneIndex(node)),
  );
  if (asked.length > 150) return;
  pen.save();
  pen.strokeStyle = colours.client;
  pen.globalAlpha = 0.7;
  pen.setLineDash([1.5, 3]);
  pen.beginPath();
  for (const { start, node, row } of asked) {
    const index = run.laneIndex(node);
    if (index < 0) continue;
    const x = view.x(start);
    pen.moveTo(x, view.clientsTop + row * view.clientRow);
    pen.lineTo(x, view.parts(index).bar);
  }
  pen.stroke();
  pen.restore();
}

// ---- marks ----

// Draws marks along a line, with words where there is room, and notes them as targets.
function paintMarks(pen, view, colours, marks, y, targets) {
  const { records } = view.run;
  const { at, values } = marks;
  const seen = [];
  const painted = new Set();
  for (let i = firstAfter(at, view.from - 1); i < at.length && at[i] <= view.to; i++) {
    const { event } = records[values[i]];
    const x = view.x(at[i]);
    // One of an event in four pixels.
    const cell = `${event} ${Math.floor(x / 4)}`;
    targets.push({ x, y, record: values[i] });
    if (painted.has(cell)) continue;
    painted.add(cell);
    seen.push({ x, record: records[values[i]] });
  }
  pen.font = `11px ${colours.sans}`;
  pen.textBaseline = "middle";
  seen.forEach(({ x, record }, place) => {
    paintMark(pen, colours, record.event, x, y);
    const text = fitted(pen, markText(record), (seen[place + 1]?.x ?? view.width) - x - 18);
    paintText(pen, text, x + 9, y + 0.5, markColour(colours, record.event), colours.lane);
  });
}

// A text with a rim, so that it can be read across lines.
function paintText(pen, text, x, y, colour, rim) {
  pen.strokeStyle = rim;
  pen.lineWidth = 4;
  pen.lineJoin = "round";
  pen.strokeText(text, x, y);
  pen.fillStyle = colour;
  pen.fillText(text, x, y);
}

// A text, cut short to fit a width; nothing when too little would be left to read.
function fitted(pen, text, width) {
  const whole = pen.measureText(text).width;
  if (whole <= width) return text;
  const letters = Math.floor((text.length * width) / whole) - 1;
  return letters < 5 ? "" : `${text.slice(0, letters)}…`;
}

function markColour(colours, event) {
  switch (event) {
    case "violation":
      return colours.alarm;
    case "fault":
    case "crashed":
      return colours.fault;
    case "started":
      return colours.commit;
    default:
      return colours.soft;
  }
}

function paintMark(pen, colours, event, x, y) {
  pen.fillStyle = pen.strokeStyle = markColour(colours, event);
  pen.lineWidth = 2;
  pen.beginPath();
  switch (event) {
    case "violation":
      polygon(pen, x, y, [[0, -8], [8, 6], [-8, 6]]);
      pen.fill();
      pen.fillStyle = colours["alarm-ink"];
      pen.fillRect(x - 1, y - 3, 2, 5);
      pen.fillRect(x - 1, y + 3, 2, 2);
      break;
    case "crashed":
      polygon(pen, x, y, [[-5, -5], [5, 5]]);
      polygon(pen, x, y, [[5, -5], [-5, 5]]);
      pen.stroke();
      break;
    case "started":
      polygon(pen, x, y, [[-4, -5], [6, 0], [-4, 5]]);
      pen.fill();
      break;
    case "paused":
      pen.fillRect(x - 4, y - 5, 3, 10);
      pen.fillRect(x + 1, y - 5, 3, 10);
      break;
    case "resumed":
      polygon(pen, x, y, [[-4, -5], [5, 0], [-4, 5]]);
      pen.closePath();
      pen.lineWidth = 1.5;
      pen.stroke();
      break;
    case "configured":
      polygon(pen, x, y, [[0, -6], [6, 0], [0, 6], [-6, 0]]);
      pen.closePath();
      pen.lineWidth = 1.5;
      pen.stroke();
      break;
    case "fault":
      polygon(pen, x, y, [[2, -8], [-5, 2], [-1, 2], [-2, 8], [5, -2], [1, -2]]);
      pen.fill();
      break;
    default:
      pen.arc(x, y, 3, 0, 2 * Math.PI);
      pen.fill();
  }
}

function polygon(pen, x, y, points) {
  points.forEach(([dx, dy], place) => {
    if (place) pen.lineTo(x + dx, y + dy);
    else pen.moveTo(x + dx, y + dy);
  });
}

function paintViolationLines(pen, view, colours) {
  pen.save();
  clip(pen, GUTTER, 0, view.width, view.height);
  pen.strokeStyle = colours.alarm;
  pen.lineWidth = 1.5;
  pen.setLineDash([7, 3]);
  const xs = view.run.violations.map((n) => view.x(Number(view.run.records[n].at)));
  pen.beginPath();
  for (const x of new Set(xs.filter((x) => x >= GUTTER && x <= view.width).map(Math.round))) {
    pen.moveTo(x, RULER + CLUSTER_ROW);
    pen.lineTo(x, view.height);
  }
  pen.stroke();
  pen.restore();
}
