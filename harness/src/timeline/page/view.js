
// Which part of the run is seen, and where things stand on the stage.

const GUTTER = 208;
const RULER = 26;
const CLUSTER_ROW = 22;
const LANE_LEAST = 92;
const LANE_MOST = 190;
const BAR = 22;

class View {
  constructor(run) {
    this.run = run;
    const length = Math.max(run.last - run.first, 10);
    this.least = run.countsSteps ? 4 : 40;
    this.whole = { from: run.first - length * 0.015, to: run.last + length * 0.015 };
    this.from = this.whole.from;
    this.to = this.whole.to;
    this.width = 1;
    this.height = 1;
    this.scroll = 0;
    this.cursor = run.last;
    // What is left out: kinds by their number; nodes, unless the set is empty, that are not in it.
    this.hiddenKinds = new Set();
    this.focus = new Set();
  }

  // ---- time ----

  get span() {
    return this.to - this.from;
  }

  x(at) {
    return GUTTER + ((at - this.from) / this.span) * (this.width - GUTTER);
  }

  at(x) {
    return this.from + ((x - GUTTER) / (this.width - GUTTER)) * this.span;
  }

  // The time that a pixel covers.
  get pixel() {
    return this.span / (this.width - GUTTER);
  }

  // Shows a stretch of time, kept within the run.
  show(from, to) {
    const most = this.whole.to - this.whole.from;
    const span = Math.min(Math.max(to - from, this.least), most);
    const middle = (from + to) / 2;
    this.from = Math.min(Math.max(middle - span / 2, this.whole.from), this.whole.to - span);
    this.to = this.from + span;
  }

  // Zooms by a factor and leaves a moment where it is.
  zoom(factor, around) {
    const span = Math.min(
      Math.max(this.span * factor, this.least),
      this.whole.to - this.whole.from,
    );
    const from = around - ((around - this.from) / this.span) * span;
    this.show(from, from + span);
  }

  pan(time) {
    this.show(this.from + time, this.to + time);
  }

  // Shows a moment from near enough to tell apart the records around it.
  near(at) {
    const { records } = this.run;
    const number = this.run.recordAt(at);
    const around = 40;
    const before = at - Number(records[Math.max(0, number - around)].at);
    const after = Number(records[Math.min(records.length - 1, number + around)].at) - at;
    const half = Math.max(before, after, this.least);
    this.show(at - half, at + half * 0.8);
  }

  // Moves only as far as it takes to see a moment well.
  reveal(at) {
    const margin = this.span * 0.08;
    if (at < this.from + margin || at > this.to - margin) {
      this.show(at - this.span / 2, at + this.span / 2);
    }
  }

  // ---- lanes ----

  get clientsTop() {
    const cluster = this.run.clusterMarks.at.length ? CLUSTER_ROW : 0;
    return RULER + cluster;
  }

  get clientRow() {
    const rows = this.run.clientRows;
    return rows ? Math.min(16, Math.max(4, 128 / rows)) : 0;
  }

  get lanesTop() {
    const rows = this.run.clientRows;
    return this.clientsTop + (rows ? rows * this.clientRow + 12 : 0);
  }

  get laneHeight() {
    const fit = (this.height - this.lanesTop) / Math.max(1, this.run.lanes.length);
    return Math.min(LANE_MOST, Math.max(LANE_LEAST, Math.floor(fit)));
  }

  get hiddenHeight() {
    return Math.max(0, this.lanesTop + this.laneHeight * this.run.lanes.length - this.height);
  }

  scrollBy(pixels) {
    this.scroll = Math.min(Math.max(this.scroll + pixels, 0), this.hiddenHeight);
  }

  laneTop(index) {
    return this.lanesTop + index * this.laneHeight - this.scroll;
  }

  // The places within a lane, from top to bottom.
  parts(index) {
    const top = this.laneTop(index);
    const bar = top + 22;
    const cut = bar + BAR + 2;
    return { top, marks: top + 12, bar, cut, chart: cut + 14, bottom: top + this.laneHeight - 6 };
  }

  // The lane at a height, or -1.
  laneAt(y) {
    if (y < this.lanesTop) return -1;
    const index = Math.floor((y + this.scroll - this.lanesTop) / this.laneHeight);
    return index < this.run.lanes.length ? index : -1;
  }

  // ---- what is left out ----

  showsNode(index) {
    return this.focus.size === 0 || this.focus.has(index);
  }

  // Whether a record is let through by the filters.
  showsRecord(record) {
    const { run } = this;
    const sent = record.event === "sent" ? record : run.sending(record);
    if (sent && this.hiddenKinds.has(run.kindByName.get(sent.kind).index)) return false;
    const { from, to } = sent ?? record;
    if (from !== undefined) {
      return this.showsNode(run.laneIndex(from)) || this.showsNode(run.laneIndex(to));
    }
    const node = nodeOf(run, record);
    return node === undefined || this.showsNode(run.laneIndex(node));
  }
}
